//! "Go on" after a warning: a short-lived signed token for one reader and one host. The token
//! proves that the warning was seen; the filter is asked afresh for every request all the same.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use pharos_school::Who;

/// The path, on the host itself, that the warning page's button posts to.
pub(crate) const PATH: &str = "/.well-known/pharos/go-on";
/// The cookie on the host itself.
pub(crate) const COOKIE: &str = "pharos_go_on";
/// How long one "go on" lasts.
pub(crate) const LASTS: SignedDuration = SignedDuration::from_mins(15);

/// Signs and checks tokens with a key that lives as long as the process.
pub(crate) struct GoOn {
    key: hmac::Key,
}

impl GoOn {
    pub(crate) fn new(key: hmac::Key) -> Self {
        Self { key }
    }

    /// A token for this reader and host: until when, and the signature over all three.
    pub(crate) fn token(&self, who: &Who, from: IpAddr, host: &str, now: Timestamp) -> String {
        let until = (now + LASTS).as_second();
        let signed = hmac::sign(&self.key, &message(who, from, host, until));
        format!("{until}.{}", URL_SAFE_NO_PAD.encode(signed))
    }

    /// Whether the token was made for this reader and host and has not run out.
    pub(crate) fn holds(
        &self,
        token: &str,
        who: &Who,
        from: IpAddr,
        host: &str,
        now: Timestamp,
    ) -> bool {
        let read = || {
            let (until, signature) = token.split_once('.')?;
            Some((
                until.parse::<i64>().ok()?,
                URL_SAFE_NO_PAD.decode(signature).ok()?,
            ))
        };
        read().is_some_and(|(until, signature)| {
            until > now.as_second()
                && until <= (now + LASTS).as_second()
                && hmac::verify(&self.key, &message(who, from, host, until), &signature).is_ok()
        })
    }
}

fn message(who: &Who, from: IpAddr, host: &str, until: i64) -> Vec<u8> {
    let reader = who
        .person()
        .map_or_else(|| from.to_string(), |person| person.to_string());
    format!("go-on\n{reader}\n{host}\n{until}").into_bytes()
}

/// Where the reader is sent after going on: a path of the same host, nothing else.
pub(crate) fn safe_return(path: &str) -> &str {
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/\\")
        && path.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    if plain { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pharos_school::{Confidence, IdentitySource, PersonId};

    fn known(n: u128) -> Who {
        Who::Known {
            person: PersonId::from_uuid(uuid::Uuid::from_u128(n)),
            source: IdentitySource::ProxySignIn,
            confidence: Confidence::Certain,
            device: None,
        }
    }

    #[test]
    fn a_token_holds_for_one_reader_one_host_and_a_short_time() {
        let desk = GoOn::new(hmac::Key::new(hmac::HMAC_SHA256, &[3; 32]));
        let from = IpAddr::from([10, 0, 0, 1]);
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let token = desk.token(&known(1), from, "games.test", now);
        let holds = |who: &Who, host: &str, minutes: i64| {
            desk.holds(
                &token,
                who,
                from,
                host,
                now + SignedDuration::from_mins(minutes),
            )
        };
        assert!(holds(&known(1), "games.test", 14));
        assert!(!holds(&known(1), "games.test", 15));
        assert!(!holds(&known(2), "games.test", 1));
        assert!(!holds(&known(1), "other.test", 1));
        assert!(!desk.holds("9999999999.AAAA", &known(1), from, "games.test", now));
        assert!(!desk.holds("", &known(1), from, "games.test", now));
    }

    #[test]
    fn going_on_stays_on_the_host() {
        assert_eq!(safe_return("/a?b=c"), "/a?b=c");
        for outside in [
            "//evil.test/",
            "https://evil.test/",
            "",
            "/\\evil.test",
            "/a\r\nX: y",
        ] {
            assert_eq!(safe_return(outside), "/", "{outside:?}");
        }
    }
}
