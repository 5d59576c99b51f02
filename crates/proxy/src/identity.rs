//! Who is behind a request (MON-02): a sign-in over the proxy, else the address map.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::PROXY_AUTHORIZATION;
use jiff::Timestamp;
use pharos_filter::Filter;
use pharos_school::{Confidence, IdentitySource, PersonId, Who};
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::config::{Limits, SignInMode};
use crate::counts::{Counts, add};

/// Longest name and password together, in bytes, before they are looked at.
const CREDENTIALS_MOST: usize = 1_024;
/// How long a wrong name and password is remembered as wrong: programs repeat them many times.
const WRONG_KEPT: Duration = Duration::from_secs(20);
/// Password checks at once: each may cost a tenth of a second of one core.
const CHECKS_AT_ONCE: usize = 4;
/// Checked credentials and counted addresses kept.
const KEPT_MOST: usize = 8_192;

/// Checks a name and password: the school's own accounts behind it.
#[async_trait]
pub trait SignIn: Send + Sync + 'static {
    /// Whose name and password these are. `from` is the client's address: guessing is slowed down
    /// by it, and by the name.
    async fn check(&self, user: &str, password: &str, from: IpAddr) -> SignInAnswer;
}

/// What the school's accounts say to a name and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInAnswer {
    /// Right, and the person may sign in.
    Right(PersonId),
    /// Wrong.
    Wrong,
    /// Not looked at: too many wrong ones before it, or the accounts are out of reach. It may be
    /// right, and is neither remembered nor counted as wrong.
    Later,
}

/// What is known after the headers are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identified {
    /// Somebody, or nobody with the reason.
    Who(Who),
    /// The client must say who it is (407).
    Ask,
    /// The client signs in in a way that the proxy does not know (407).
    Unknown,
    /// Too many wrong passwords: wait (429).
    Wait,
}

/// Checks, remembers and throttles sign-ins over the proxy.
pub(crate) struct Identity {
    mode: SignInMode,
    desk: Arc<dyn SignIn>,
    key: hmac::Key,
    checked: Cache<[u8; 32], Checked>,
    failures: Cache<IpAddr, Failures>,
    turns: Semaphore,
    kept: Duration,
    tries: u32,
    wait: Duration,
}

#[derive(Clone, Copy)]
struct Checked {
    person: Option<PersonId>,
    until: Instant,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    since: Instant,
}

impl Identity {
    pub(crate) fn new(
        mode: SignInMode,
        desk: Arc<dyn SignIn>,
        key: hmac::Key,
        limits: &Limits,
    ) -> Self {
        Self {
            mode,
            desk,
            key,
            checked: Cache::new(KEPT_MOST),
            failures: Cache::new(KEPT_MOST),
            turns: Semaphore::new(CHECKS_AT_ONCE),
            kept: limits.sign_in_kept,
            tries: limits.sign_in_tries,
            wait: limits.sign_in_wait,
        }
    }

    /// Who is behind a request with these headers from this address.
    pub(crate) async fn identify(
        &self,
        filter: &Filter,
        headers: &HeaderMap,
        from: IpAddr,
        now: Timestamp,
        counts: &Counts,
    ) -> Identified {
        let mapped = filter.identify(from, now);
        if self.mode == SignInMode::Off {
            return Identified::Who(mapped);
        }
        match basic(headers) {
            Credentials::Given(user, password) => {
                match self.check(&user, &password, from, counts).await {
                    Outcome::Right(person) => Identified::Who(Who::Known {
                        person,
                        source: IdentitySource::ProxySignIn,
                        confidence: Confidence::Certain,
                        device: mapped.device().cloned(),
                    }),
                    Outcome::Wrong => Identified::Ask,
                    Outcome::TooMany => Identified::Wait,
                }
            }
            Credentials::Unreadable => Identified::Ask,
            Credentials::Other => Identified::Unknown,
            Credentials::None if self.mode == SignInMode::Required && mapped.person().is_none() => {
                Identified::Ask
            }
            Credentials::None => Identified::Who(mapped),
        }
    }

    async fn check(&self, user: &str, password: &str, from: IpAddr, counts: &Counts) -> Outcome {
        let mark = self.mark(user, password);
        let now = Instant::now();
        if let Some(known) = self.checked.get(&mark) {
            if known.until > now {
                return known.person.map_or(Outcome::Wrong, Outcome::Right);
            }
            self.checked.remove(&mark);
        }
        if self.is_waiting(&from, now) {
            add(&counts.throttled_sign_ins);
            return Outcome::TooMany;
        }
        let found = self.checked.get_or_insert_async(&mark, async {
            let _turn = self.turns.acquire().await.map_err(drop)?;
            let (person, kept) = match self.desk.check(user, password, from).await {
                SignInAnswer::Right(person) => (Some(person), self.kept),
                SignInAnswer::Wrong => (None, WRONG_KEPT),
                SignInAnswer::Later => return Err(()),
            };
            if person.is_none() {
                add(&counts.bad_sign_ins);
                self.count_failure(from);
            }
            Ok::<_, ()>(Checked {
                person,
                until: Instant::now() + kept,
            })
        });
        match found.await {
            Ok(Checked {
                person: Some(person),
                ..
            }) => Outcome::Right(person),
            Ok(Checked { person: None, .. }) => Outcome::Wrong,
            Err(()) => {
                add(&counts.throttled_sign_ins);
                Outcome::TooMany
            }
        }
    }

    /// A keyed hash of name and password: the only form in which they are kept.
    fn mark(&self, user: &str, password: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(user.len() as u64).to_be_bytes());
        context.update(user.as_bytes());
        context.update(password.as_bytes());
        let mut mark = [0; 32];
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }

    fn is_waiting(&self, from: &IpAddr, now: Instant) -> bool {
        self.failures.get(from).is_some_and(|seen| {
            seen.count >= self.tries && now.duration_since(seen.since) < self.wait
        })
    }

    /// Counts by address alone: names are counted by the accounts, for all faces together.
    fn count_failure(&self, from: IpAddr) {
        let now = Instant::now();
        let count = match self.failures.get(&from) {
            Some(seen) if now.duration_since(seen.since) < self.wait => seen.count + 1,
            _ => 1,
        };
        self.failures.insert(from, Failures { count, since: now });
    }
}

enum Outcome {
    Right(PersonId),
    Wrong,
    TooMany,
}

enum Credentials {
    None,
    Unreadable,
    /// Another scheme than Basic: Negotiate, NTLM, Digest, Bearer.
    Other,
    Given(String, String),
}

fn basic(headers: &HeaderMap) -> Credentials {
    let Some(value) = headers.get(PROXY_AUTHORIZATION) else {
        return Credentials::None;
    };
    let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
    if !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic")) {
        return Credentials::Other;
    }
    let read = || {
        let text = value
            .to_str()
            .ok()
            .filter(|text| text.len() <= CREDENTIALS_MOST)?;
        let (_, token) = text.split_once(' ')?;
        let decoded = String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        (!user.is_empty()).then(|| (user.to_owned(), password.to_owned()))
    };
    match read() {
        Some((user, password)) => Credentials::Given(user, password),
        None => Credentials::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Desk(AtomicUsize);

    #[async_trait]
    impl SignIn for Desk {
        async fn check(&self, user: &str, password: &str, _: IpAddr) -> SignInAnswer {
            let before = self.0.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            match (user, password) {
                ("ada", "right") => SignInAnswer::Right(PersonId::from_uuid(uuid(7))),
                ("ben", "right") if before > 0 => SignInAnswer::Right(PersonId::from_uuid(uuid(8))),
                ("ben", "right") => SignInAnswer::Later,
                _ => SignInAnswer::Wrong,
            }
        }
    }

    fn uuid(n: u128) -> uuid::Uuid {
        uuid::Uuid::from_u128(n)
    }

    fn identity(mode: SignInMode) -> (Identity, Arc<Desk>) {
        let desk = Arc::new(Desk(AtomicUsize::new(0)));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let limits = Limits {
            sign_in_tries: 3,
            ..Limits::default()
        };
        (Identity::new(mode, desk.clone(), key, &limits), desk)
    }

    fn headers(user: &str, password: &str) -> HeaderMap {
        let token = STANDARD.encode(format!("{user}:{password}"));
        let mut map = HeaderMap::new();
        map.insert(
            PROXY_AUTHORIZATION,
            HeaderValue::from_str(&format!("Basic {token}")).unwrap(),
        );
        map
    }

    async fn ask(identity: &Identity, headers: &HeaderMap, counts: &Counts) -> Identified {
        let from = IpAddr::from([10, 0, 0, 9]);
        identity
            .identify(&Filter::new(), headers, from, Timestamp::UNIX_EPOCH, counts)
            .await
    }

    /// MON-02: a sign-in over the proxy names the person with certainty, and one check serves many
    /// requests.
    #[tokio::test]
    async fn mon_02_a_proxy_sign_in_is_certain_and_checked_once() {
        let (identity, desk) = identity(SignInMode::Required);
        let counts = Counts::default();
        let right = headers("ada", "right");
        let together =
            futures_util::future::join_all((0..8).map(|_| ask(&identity, &right, &counts))).await;
        for who in together {
            assert!(matches!(
                who,
                Identified::Who(Who::Known {
                    confidence: Confidence::Certain,
                    source: IdentitySource::ProxySignIn,
                    ..
                })
            ));
        }
        assert_eq!(desk.0.load(Ordering::SeqCst), 1);
        assert_eq!(
            ask(&identity, &HeaderMap::new(), &counts).await,
            Identified::Ask
        );
    }

    /// MON-02: guessing is slowed; what is guessed wrong is not asked of the desk again and again.
    #[tokio::test]
    async fn mon_02_guessing_is_throttled() {
        let (identity, desk) = identity(SignInMode::Offered);
        let counts = Counts::default();
        for n in 0..6 {
            let wrong = headers("ada", &format!("guess {n}"));
            let wanted = if n < 3 {
                Identified::Ask
            } else {
                Identified::Wait
            };
            assert_eq!(ask(&identity, &wrong, &counts).await, wanted, "guess {n}");
        }
        assert_eq!(desk.0.load(Ordering::SeqCst), 3);
        assert_eq!(counts.figures().throttled_sign_ins, 3);
        assert!(matches!(
            ask(&identity, &HeaderMap::new(), &counts).await,
            Identified::Who(Who::Unknown { .. })
        ));
    }

    /// MON-02: what the accounts have not looked at is not remembered as wrong.
    #[tokio::test]
    async fn mon_02_what_was_not_looked_at_is_not_wrong() {
        let (identity, _) = identity(SignInMode::Required);
        let counts = Counts::default();
        let right = headers("ben", "right");
        assert_eq!(ask(&identity, &right, &counts).await, Identified::Wait);
        assert_eq!(counts.figures().bad_sign_ins, 0);
        assert!(matches!(
            ask(&identity, &right, &counts).await,
            Identified::Who(Who::Known { .. })
        ));
    }

    #[tokio::test]
    async fn unreadable_credentials_are_asked_for_again() {
        let (identity, desk) = identity(SignInMode::Offered);
        for value in ["Basic", "Basic !!!", "Basic Zm9v", "Basic OnB3"] {
            let mut map = HeaderMap::new();
            map.insert(PROXY_AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            assert_eq!(
                ask(&identity, &map, &Counts::default()).await,
                Identified::Ask,
                "{value}"
            );
        }
        assert_eq!(desk.0.load(Ordering::SeqCst), 0);
    }
}
