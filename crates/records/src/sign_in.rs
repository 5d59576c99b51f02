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
    /// The CSRF secret of this session. Sealed at rest.
    pub csrf: Vec<u8>,
    /// What the person's device calls itself, for their list of sessions; at most 200 characters.
    pub device: String,
}

/// Failed attempts counted under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throttle {
    /// Failures since `since`.
    pub failures: i64,
    /// The first of them.
    pub since: Option<Timestamp>,
    /// The last of them.
    pub last: Option<Timestamp>,
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

    /// Stores one's own confirmed second factor, or removes it.
    async fn set_second_factor(
        &self,
        permit: &Permit<act::SetOwnPassword>,
        secret: Option<&[u8]>,
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

    /// Counts a failed attempt under a key (an address or a name, hashed by the caller). Failures
    /// older than `window` are forgotten first.
    async fn count_failure(
        &self,
        key: &str,
        at: Timestamp,
        window: SignedDuration,
    ) -> Result<Throttle>;

    /// The failures under a key within `window` before `now`.
    async fn failures(&self, key: &str, now: Timestamp, window: SignedDuration)
    -> Result<Throttle>;

    /// Forgets the failures under a key.
    async fn clear_failures(&self, key: &str) -> Result<()>;
}
