//! Notices by SMTP against a real, small and sometimes ill-mannered server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test"
)]

mod sink;

use std::time::Duration;

use jiff::Timestamp;
use pharos_notify::{
    Kind, MailSettings, Mailer, Notice, Place, Post, Security, SettingsError, Severity,
};
use pharos_school::{AlertId, NoticeId};
use sink::{Manner, Sink, start};
use uuid::Uuid;

fn settings(sink: &Sink) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".into(),
        port: sink.address.port(),
        security: Security::None,
        credentials: None,
        from: "pharos@harbourmouth.sch.example".into(),
        web: "https://pharos.harbourmouth.sch.example".parse().unwrap(),
        trust: None,
        limit: Duration::from_secs(20),
    }
}

fn notice(kind: Kind) -> Notice {
    Notice {
        id: NoticeId::from_uuid(Uuid::from_u128(5)),
        at: Timestamp::constant(1_790_000_000, 0),
        to: "lead@harbourmouth.sch.example".into(),
        kind,
        severity: Severity::Urgent,
        place: Place::Alert(AlertId::from_uuid(Uuid::from_u128(0xA1))),
    }
}

/// The mail as the reader sees it: soft line ends of quoted-printable taken out.
fn unfolded(mail: &str) -> String {
    mail.replace("=\r\n", "")
}

/// MON-04: the mail carries a kind, a severity and a link. It holds nothing personal by
/// construction: `Notice` has no field for free text, and every byte of the body is accounted for.
#[tokio::test]
async fn mon_04_mail_carries_a_link_and_nothing_personal() {
    let sink = start(Manner::Takes).await;
    let mailer = Mailer::new(settings(&sink)).unwrap();
    for kind in Kind::ALL {
        assert_eq!(mailer.send(&notice(kind)).await.unwrap().code, 250);
    }
    let mails = sink.mails.lock().unwrap().clone();
    assert_eq!(mails.len(), Kind::ALL.len());
    for (mail, kind) in mails.iter().zip(Kind::ALL) {
        let (headers, body) = mail.split_once("\r\n\r\n").unwrap();
        let expected = format!(
            "Urgent: {}.\r\n\r\nSign in to read it:\r\nhttps://pharos.harbourmouth.sch.example/alerts/00000000-0000-0000-0000-0000000000a1\r\n\r\nThis message names nobody on purpose. Please do not answer it with names or details.\r\n",
            kind.words()
        );
        assert_eq!(unfolded(body).trim_end(), expected.trim_end());
        assert!(
            headers.contains(
                "Message-ID: <00000000-0000-0000-0000-000000000005@harbourmouth.sch.example>"
            ),
            "{headers}"
        );
        assert!(
            headers.contains("To: lead@harbourmouth.sch.example"),
            "{headers}"
        );
    }
}

#[tokio::test]
async fn a_busy_server_means_try_again_and_a_refusal_does_not() {
    for (answer, retry, code) in [
        ("450 4.2.1 lead@harbourmouth.sch.example is busy", true, 450),
        ("451 greylisted", true, 451),
        (
            "550 5.1.1 no such user lead@harbourmouth.sch.example",
            false,
            550,
        ),
        ("535 5.7.8 bad password", false, 535),
    ] {
        let sink = start(Manner::Refuses(answer)).await;
        let error = Mailer::new(settings(&sink))
            .unwrap()
            .send(&notice(Kind::Alert))
            .await
            .unwrap_err();
        assert_eq!((error.retry, error.code), (retry, Some(code)), "{answer}");
        assert!(
            !error.to_string().contains('@'),
            "the server's words stay out of logs: {error}"
        );
        assert!(sink.mails.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_drops_the_line_or_is_gone_means_try_again() {
    let sink = start(Manner::Drops).await;
    let mailer = Mailer::new(settings(&sink)).unwrap();
    assert!(mailer.send(&notice(Kind::Alert)).await.unwrap_err().retry);

    let gone = settings(&sink);
    drop(sink);
    let error = Mailer::new(gone)
        .unwrap()
        .send(&notice(Kind::Alert))
        .await
        .unwrap_err();
    assert!(error.retry, "{error}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_tried_again_later() {
    let sink = start(Manner::Silent).await;
    let short = MailSettings {
        limit: Duration::from_millis(100),
        ..settings(&sink)
    };
    let error = Mailer::new(short)
        .unwrap()
        .send(&notice(Kind::Alert))
        .await
        .unwrap_err();
    assert!(error.retry && error.code.is_none(), "{error}");
}

#[tokio::test]
async fn nothing_is_sent_in_clear_when_starttls_is_asked_for_and_not_offered() {
    let sink = start(Manner::Takes).await;
    let strict = MailSettings {
        security: Security::StartTls,
        ..settings(&sink)
    };
    let error = Mailer::new(strict)
        .unwrap()
        .send(&notice(Kind::Alert))
        .await
        .unwrap_err();
    assert!(error.retry, "{error}");
    assert!(sink.mails.lock().unwrap().is_empty());
}

#[tokio::test]
async fn starttls_works_with_a_trusted_certificate_and_fails_with_another() {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let chain = vec![key.cert.der().clone()];
    let secret =
        tokio_rustls::rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der())
            .unwrap();
    let provider = std::sync::Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .unwrap();
    let sink = start(Manner::StartTls(std::sync::Arc::new(config).into())).await;
    let trusting = MailSettings {
        host: "localhost".into(),
        security: Security::StartTls,
        trust: Some(key.cert.pem().into_bytes()),
        ..settings(&sink)
    };
    let wary = MailSettings {
        trust: None,
        ..trusting.clone()
    };
    assert_eq!(
        Mailer::new(trusting)
            .unwrap()
            .send(&notice(Kind::Alert))
            .await
            .unwrap()
            .code,
        250
    );
    assert_eq!(sink.mails.lock().unwrap().len(), 1);
    assert!(
        Mailer::new(wary)
            .unwrap()
            .send(&notice(Kind::Alert))
            .await
            .is_err()
    );
    assert_eq!(sink.mails.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_in_words() {
    let sink = start(Manner::Takes).await;
    let open = MailSettings {
        host: "mail.harbourmouth.sch.example".into(),
        ..settings(&sink)
    };
    assert!(matches!(
        Mailer::new(open),
        Err(SettingsError::Unprotected(_))
    ));
    let nobody = MailSettings {
        from: "nobody".into(),
        ..settings(&sink)
    };
    assert!(matches!(Mailer::new(nobody), Err(SettingsError::From(_))));
    let mailer = Mailer::new(settings(&sink)).unwrap();
    let error = mailer
        .send(&Notice {
            to: "not an address".into(),
            ..notice(Kind::Alert)
        })
        .await
        .unwrap_err();
    assert!(!error.retry);
}
