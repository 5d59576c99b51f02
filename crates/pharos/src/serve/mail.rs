//! The way of notices: the pack's mail server.

use std::sync::Arc;

use anyhow::Context;
use pharos_notify::{BaseUrl, Credentials, MailSettings, Mailer, Post, Security};
use pharos_pack::MailTls;
use pharos_service::School;

/// The mail server, by its parts; its password comes from the environment, never from a file.
pub(super) fn post(school: &School, web_url: &str) -> anyhow::Result<Option<Arc<dyn Post>>> {
    let Some(mail) = &school.pack.mail else {
        return Ok(None);
    };
    let security = match mail.tls {
        MailTls::None => Security::None,
        MailTls::StartTls => Security::StartTls,
        MailTls::Tls => Security::Tls,
    };
    mailer(
        &mail.smtp,
        security,
        &mail.from,
        mail.user.as_deref(),
        web_url,
    )
    .map(Some)
}

pub(crate) fn mailer(
    smtp: &str,
    security: Security,
    from: &str,
    user: Option<&str>,
    web_url: &str,
) -> anyhow::Result<Arc<dyn Post>> {
    let wrong = || format!("[mail] smtp = {smtp:?} is not host:port");
    let (host, port) = smtp.rsplit_once(':').with_context(wrong)?;
    let web: BaseUrl = web_url.parse()?;
    let credentials = user.map(|user| Credentials {
        user: user.to_owned(),
        password: std::env::var("PHAROS_SMTP_PASSWORD")
            .unwrap_or_default()
            .into(),
    });
    let settings = MailSettings {
        host: host.to_owned(),
        port: port.parse().with_context(wrong)?,
        security,
        credentials,
        from: from.to_owned(),
        web,
        trust: None,
        limit: std::time::Duration::from_secs(30),
    };
    Ok(Arc::new(Mailer::new(settings)?))
}
