//! Credentials, second factors, sessions, throttling (ACC-11).

use std::fmt;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Permit, act};
use pharos_school::PersonId;

use crate::Result;

/// The SHA-256 of a session token. The token itself is never stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// What a person signs in with. Hash and secret are sealed at rest.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Whose.
    pub person: PersonId,
    /// The Argon2id hash in PHC form.
    pub password_hash: String,
    /// When the password was set.
    pub password_at: Timestamp,
    /// Whether it must be changed at the next sign-in.
    pub must_change: bool,
    /// The TOTP secret, once confirmed.
    pub totp_secret: Option<Vec<u8>>,
    /// The last TOTP time step accepted; older or equal ones are refused as replays (RFC 6238 5.2).
    pub totp_step: i64,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("person", &self.person)
            .finish_non_exhaustive()
    }
}

/// A session in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of its token.
    pub token: TokenHash,
    /// Whose.
    pub person: PersonId,
    /// When it began.
    pub since: Timestamp,
    /// Last use, to the minute or so.
    pub last_used: Timestamp,
    /// When it ends whatever happens.
    pub until: Timestamp,
    /// Whether a second factor was given.
    pub second_factor: bool,
    /// What the person's device calls itself, for their list of sessions; at most 200 characters.
    pub device: String,
}

/// How fast tries may follow each other under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Wrong tries before each further one has to wait.
    pub free: i64,
    /// Wrong tries are forgotten this long after the last.
    pub window: SignedDuration,
    /// The longest wait between tries, in seconds.
    pub wait_max_s: i64,
}

impl Pace {
    /// Seconds that the next try has to wait at `now` after this many wrong ones, the last of them
    /// at `last`: nothing while they are few, then twice as long each time. A clock that was set
    /// back makes no wait longer.
    pub fn wait_s(&self, failures: i64, last: Timestamp, now: Timestamp) -> u64 {
        let over = failures.saturating_sub(self.free);
        if over < 0 {
            return 0;
        }
        let wait = (1_i64 << over.min(32)).min(self.wait_max_s);
        let waited = now.duration_since(last).as_secs().max(0);
        u64::try_from(wait.saturating_sub(waited)).unwrap_or(0)
    }
}

/// A try that was counted as wrong under one key before anybody knew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedTry {
    /// The key.
    pub key: String,
    /// When.
    pub at: Timestamp,
    /// The try before it that is still counted.
    pub before: Option<Timestamp>,
    /// How many are counted with this one.
    pub failures: i64,
}

/// Whether a try may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// It may, and is counted under every key.
    Counted(Vec<CountedTry>),
    /// It has to wait, and is counted under none.
    Wait {
        /// Seconds.
        wait_s: u64,
    },
}

/// What signing in needs.
#[async_trait]
pub trait SignIn: Send + Sync {
    /// What a person signs in with.
    async fn credential(&self, person: PersonId) -> Result<Option<Credential>>;

    /// Sets one's own password; `keep` is the session that stays, all others end.
    async fn set_own_password(
        &self,
        permit: &Permit<act::SetOwnPassword>,
        hash: &str,
        keep: Option<TokenHash>,
        at: Timestamp,
    ) -> Result<()>;

    /// Gives somebody a password that must be changed at the next sign-in. All their sessions end;
    /// their second factor is taken away when `forget_second_factor` says so.
    async fn reset_password(
        &self,
        permit: &Permit<act::ResetPassword>,
        person: PersonId,
        hash: &str,
        must_change: bool,
        forget_second_factor: bool,
        at: Timestamp,
    ) -> Result<()>;

    /// Sets passwords of many people in one transaction with one ledger line, for a sample school.
    async fn set_passwords(
        &self,
        permit: &Permit<act::ResetPassword>,
        hashes: &[(PersonId, String)],
        at: Timestamp,
    ) -> Result<()>;

    /// Stores one's own confirmed second factor. One that is there already is replaced only out of
    /// a session that passed it. `keep` is the session that stays, all others end.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where one is there and `keep` has not passed it.
    async fn set_second_factor(
        &self,
        permit: &Permit<act::SetOwnPassword>,
        secret: &[u8],
        keep: Option<TokenHash>,
        at: Timestamp,
    ) -> Result<()>;

    /// Uses up a TOTP step: true once for each step that is later than all used before.
    async fn use_totp_step(&self, person: PersonId, step: i64) -> Result<bool>;

    /// Begins a session. The permit's person must be the session's.
    async fn open_session(&self, permit: &Permit<act::SignIn>, session: &Session) -> Result<()>;

    /// The session with this token, unless its time is over or its person has left.
    async fn session(&self, token: TokenHash, now: Timestamp) -> Result<Option<Session>>;

    /// Notes use of a session.
    async fn touch_session(&self, token: TokenHash, at: Timestamp) -> Result<()>;

    /// Marks that the session now has a second factor.
    async fn raise_session(
        &self,
        permit: &Permit<act::SignIn>,
        token: TokenHash,
        at: Timestamp,
    ) -> Result<()>;

    /// Ends a session.
    async fn close_session(
        &self,
        permit: &Permit<act::SignIn>,
        token: TokenHash,
        at: Timestamp,
    ) -> Result<()>;

    /// Removes sessions that ended before `now`; says how many.
    async fn sweep_sessions(&self, now: Timestamp) -> Result<u64>;

    /// Counts a try under every key (addresses and names, hashed by the caller) before it is made;
    /// or under none, when one of them has to wait. Tries at once come one after the other. Callers
    /// name the kinds of keys in one order.
    async fn count_try(&self, keys: &[(String, Pace)], at: Timestamp) -> Result<Tried>;

    /// Takes counted tries back: they were right.
    async fn take_back_try(&self, counted: &[CountedTry]) -> Result<()>;

    /// Forgets what is counted under a key.
    async fn clear_failures(&self, key: &str) -> Result<()>;

    /// Removes what was last counted before `before`; says how many keys.
    async fn sweep_failures(&self, before: Timestamp) -> Result<u64>;
}
