//! Sending by SMTP.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use crate::{BaseUrl, Notice, Post, SendError, Sent};

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Begins in clear and must change to TLS before anything is said (usually port 587).
    StartTls,
    /// TLS from the first byte (usually port 465).
    Tls,
    /// In clear: only to this machine itself.
    None,
}

/// Name and password for the mail server.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

/// How to reach the school's mail server.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The account to use, where the server asks for one.
    pub credentials: Option<Credentials>,
    /// The sender's address, such as `pharos@harbourmouth.sch.example`.
    pub from: String,
    /// Where links lead.
    pub web: BaseUrl,
    /// A certificate authority to trust beside the system's, in PEM.
    pub trust: Option<Vec<u8>>,
    /// Longest time for one message, from connecting to the last reply.
    pub limit: Duration,
}

/// The settings cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The sender's address is not one.
    #[error("the sender {0:?} is not an e-mail address: expected name@host")]
    From(String),
    /// Clear text over a network.
    #[error(
        "mail to {0:?} would go over the network unprotected: use STARTTLS or TLS, or a mail server on this machine"
    )]
    Unprotected(String),
    /// The given certificate is not one.
    #[error(
        "the mail server's certificate authority cannot be read: expected PEM text with one certificate"
    )]
    Trust,
    /// TLS cannot be set up.
    #[error("TLS to the mail server cannot be set up: {0}")]
    Tls(String),
}

/// Sends notices by SMTP.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
    web: BaseUrl,
    limit: Duration,
}

impl Mailer {
    /// A mailer with these settings; connects only when sending.
    ///
    /// # Errors
    /// Where the settings cannot work.
    pub fn new(settings: MailSettings) -> Result<Self, SettingsError> {
        // With or without a display name: `Pharos at the school <pharos@school.example>`.
        let mut from: Mailbox = settings
            .from
            .parse()
            .map_err(|_| SettingsError::From(settings.from.clone()))?;
        from.name.get_or_insert_with(|| "Pharos".to_owned());
        let domain = from.email.domain().to_owned();
        let tls = tls(&settings)?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .hello_name(ClientId::Domain(domain.clone()))
            .timeout(Some(settings.limit))
            .pool_config(PoolConfig::new().max_size(2));
        if let Some(account) = &settings.credentials {
            builder = builder.credentials(authentication::Credentials::new(
                account.user.clone(),
                account.password.expose_secret().to_owned(),
            ));
        }
        Ok(Self {
            transport: builder.build(),
            from,
            domain,
            web: settings.web,
            limit: settings.limit,
        })
    }

    fn message(&self, notice: &Notice) -> Result<Message, SendError> {
        let stuck = |what: &str| SendError {
            retry: false,
            what: what.into(),
            code: None,
        };
        let to: Address = notice.to.parse().map_err(|_| {
            stuck("the reader's e-mail address is not valid; correct it under People")
        })?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .date(notice.at.into())
            .message_id(Some(format!("<{}@{}>", notice.id, self.domain)))
            .subject(notice.subject())
            .header(ContentType::TEXT_PLAIN)
            .body(notice.text(&self.web))
            .map_err(|_| stuck("the message could not be put together"))
    }
}

fn tls(settings: &MailSettings) -> Result<Tls, SettingsError> {
    if settings.security == Security::None {
        return if is_this_machine(&settings.host) {
            Ok(Tls::None)
        } else {
            Err(SettingsError::Unprotected(settings.host.clone()))
        };
    }
    let mut parameters = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = &settings.trust {
        let certificate = Certificate::from_pem(pem).map_err(|_| SettingsError::Trust)?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters
        .build()
        .map_err(|error| SettingsError::Tls(error.to_string()))?;
    Ok(match settings.security {
        Security::StartTls => Tls::Required(parameters),
        _ => Tls::Wrapper(parameters),
    })
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[async_trait]
impl Post for Mailer {
    async fn send(&self, notice: &Notice) -> Result<Sent, SendError> {
        let message = self.message(notice)?;
        match tokio::time::timeout(self.limit, self.transport.send(message)).await {
            Ok(Ok(reply)) => Ok(Sent {
                code: reply.code().into(),
            }),
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(SendError {
                retry: true,
                what: "the mail server took too long; it is tried again later".into(),
                code: None,
            }),
        }
    }
}

/// The error without the server's words, which often repeat the reader's address.
fn explain(error: &lettre::transport::smtp::Error) -> SendError {
    let code = error.status().map(u16::from);
    let (retry, what) = match code {
        Some(530 | 534 | 535 | 538) => {
            (false, "the mail server refused name or password; check them in the settings".into())
        }
        Some(code) if error.is_permanent() => {
            (false, format!("the mail server refused the message for good ({code}); check the sender and the reader's address"))
        }
        Some(code) => (true, format!("the mail server cannot take the message now ({code}); it is tried again later")),
        None if error.is_tls() => {
            (true, "the mail server's TLS failed; check its certificate and the setting for its certificate authority".into())
        }
        None if error.is_timeout() => (true, "the mail server took too long; it is tried again later".into()),
        None if error.is_client() => {
            (true, "the mail server does not offer what the settings ask for (TLS or sign-in); check them".into())
        }
        None => (true, "the mail server cannot be reached; check host and port, and that it runs".into()),
    };
    SendError { retry, what, code }
}
