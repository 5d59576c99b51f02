//! Signing in: password, second factor, throttling, sessions (ACC-11), and naming a device (MON-02).

mod half;
mod passwords;
mod second_factor;
mod tries;

use std::net::IpAddr;

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_ledger::Detail;
use pharos_records::{Session, TokenHash};
use pharos_school::{Person, PersonId, Role};

pub use half::HalfSession;
pub(crate) use half::Halves;
use second_factor::accepted_step;
pub use second_factor::{Enrolment, current_code};
pub(crate) use tries::Tries;

use crate::clock::random_bytes;
use crate::{App, Error};

/// A session ends after this whatever happens.
const SESSION_MAX: SignedDuration = SignedDuration::from_hours(12);
/// How long a device stays named after the sign-in page, by default.
const DEVICE_SIGN_IN: SignedDuration = SignedDuration::from_hours(4);

/// What a browser keeps: 256 random bits in hexadecimal. Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(String);

impl SessionToken {
    /// The text of the cookie.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whatever a browser sent.
    pub fn from_cookie(text: &str) -> Self {
        Self(text.chars().take(128).collect())
    }

    fn hash(&self) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref());
        TokenHash(hash)
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// Somebody signed in, as pages need them.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub person: Person,
    /// For authorisation. Until a needed second factor was given, it holds no role that needs one.
    pub actor: Actor,
    /// Whether a second factor was given in this session.
    pub second_factor: bool,
    /// Whether the person must still set one up (their roles need it, and they have none).
    pub must_enrol: bool,
    /// Whether the password must be changed first.
    pub must_change_password: bool,
    /// The session.
    pub token: SessionToken,
}

/// How a sign-in went.
#[derive(Debug)]
pub enum SignInOutcome {
    /// Signed in.
    In(SessionToken),
    /// The password was right; now the code of the second factor is needed.
    NeedsCode(HalfSession),
}

/// One wrong sentence for every wrong name and password, so that names cannot be tried out.
const WRONG: &str = "The name and password do not fit together. Check both and try again.";

impl App {
    /// Signs in. `code` is the second factor's, once it was asked for; `device` is what the browser
    /// calls itself.
    ///
    /// # Errors
    /// [`Error::Invalid`] with one sentence for every wrong combination, [`Error::Throttled`].
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        code: Option<&str>,
        from: IpAddr,
        device: &str,
    ) -> Result<SignInOutcome, Error> {
        let now = self.now();
        let Some((person, tried)) = self.try_password(name, password, from).await? else {
            return Err(Error::field("name", WRONG));
        };
        let credential = self.records().credential(person.id).await?;
        let second_factor = match credential.and_then(|credential| credential.totp_secret) {
            None => false,
            Some(_) if code.is_none_or(str::is_empty) => {
                self.take_back(tried).await?;
                let half = self.inner().halves.open(person.id, now)?;
                return Ok(SignInOutcome::NeedsCode(half));
            }
            Some(secret) => {
                self.use_code(person.id, &secret, code.unwrap_or(""))
                    .await?;
                true
            }
        };
        self.right_try(tried).await?;
        self.open_session(&person, second_factor, device, now)
            .await
            .map(SignInOutcome::In)
    }

    /// The second half of a sign-in: the code after the password.
    ///
    /// # Errors
    /// [`Error::NotFound`] once the half session is over: begin again; [`Error::Invalid`] for a
    /// wrong code, [`Error::Throttled`].
    pub async fn sign_in_code(
        &self,
        half: &HalfSession,
        code: &str,
        from: IpAddr,
        device: &str,
    ) -> Result<SessionToken, Error> {
        let now = self.now();
        let whose = self
            .inner()
            .halves
            .whose(half, now)
            .ok_or(Error::NotFound)?;
        let person = self
            .known_person(whose)
            .await?
            .filter(Person::is_active)
            .ok_or(Error::NotFound)?;
        let tried = self.begin_try(&person.username, from).await?;
        let secret = self
            .records()
            .credential(person.id)
            .await?
            .and_then(|credential| credential.totp_secret)
            .ok_or(Error::NotFound)?;
        self.use_code(person.id, &secret, code).await?;
        self.inner().halves.close(half);
        self.right_try(tried).await?;
        self.open_session(&person, true, device, now).await
    }

    /// Uses a code up, once.
    async fn use_code(&self, person: PersonId, secret: &[u8], code: &str) -> Result<(), Error> {
        let fresh = match accepted_step(secret, code, self.now()) {
            Some(step) => self.records().use_totp_step(person, step).await?,
            None => false,
        };
        if fresh {
            return Ok(());
        }
        self.note_wrong_try().await?;
        Err(Error::field(
            "code",
            "The code is not right, or was used already. Wait for the next one and type that.",
        ))
    }

    async fn open_session(
        &self,
        person: &Person,
        second_factor: bool,
        device: &str,
        now: Timestamp,
    ) -> Result<SessionToken, Error> {
        let actor = self.actor_of(person);
        let permit = self
            .may::<act::SignIn>(&actor, Target::Own(person.id))
            .await?;
        let token = SessionToken(hex::encode(random_bytes::<32>()?));
        let session = Session {
            token: token.hash(),
            person: person.id,
            since: now,
            last_used: now,
            until: now + SESSION_MAX,
            second_factor,
            device: device.chars().take(200).collect(),
        };
        self.records().open_session(&permit, &session).await?;
        Ok(token)
    }

    /// Who a browser's cookie stands for; `None` once idle for `acc.idle_minutes` or over.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn signed_in(&self, token: &SessionToken) -> Result<Option<SignedIn>, Error> {
        let now = self.now();
        let Some(session) = self.records().session(token.hash(), now).await? else {
            return Ok(None);
        };
        let idle = SignedDuration::from_mins(self.school().idle_minutes);
        if now.duration_since(session.last_used) > idle {
            return Ok(None);
        }
        if now.duration_since(session.last_used) > SignedDuration::from_secs(60) {
            self.records().touch_session(session.token, now).await?;
        }
        let Some(person) = self
            .known_person(session.person)
            .await?
            .filter(Person::is_active)
        else {
            return Ok(None);
        };
        let credential = self.records().credential(person.id).await?;
        let needs = person.roles.iter().any(|role| role.needs_second_factor());
        let has = credential
            .as_ref()
            .is_some_and(|credential| credential.totp_secret.is_some());
        let actor = if needs && !session.second_factor {
            self.actor_of(&without_strong_roles(&person))
        } else {
            self.actor_of(&person)
        };
        Ok(Some(SignedIn {
            actor,
            second_factor: session.second_factor,
            must_enrol: needs && !has,
            must_change_password: credential.is_some_and(|credential| credential.must_change),
            token: token.clone(),
            person,
        }))
    }

    /// Ends the session.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub async fn sign_out(&self, who: &SignedIn) -> Result<(), Error> {
        let permit = self
            .may::<act::SignIn>(&who.actor, Target::Own(who.person.id))
            .await?;
        Ok(self
            .records()
            .close_session(&permit, who.token.hash(), self.now())
            .await?)
    }

    /// Forgets sessions that are over, and wrong tries that count no more; says how many sessions.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub async fn sweep_sessions(&self) -> Result<u64, Error> {
        self.sweep_tries().await?;
        Ok(self.records().sweep_sessions(self.now()).await?)
    }

    /// For the proxy's own sign-in: who the name and password belong to. Throttled like the page.
    ///
    /// # Errors
    /// [`Error::Throttled`], or when the records cannot be read.
    pub async fn check_name_and_password(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<Option<PersonId>, Error> {
        let Some((person, tried)) = self.try_password(name, password, from).await? else {
            return Ok(None);
        };
        self.right_password(&person, tried).await?;
        Ok(Some(person.id))
    }

    /// Names the device at `from` for a limited time: the sign-in page for a browser whose user is
    /// not known (MON-02).
    ///
    /// # Errors
    /// As [`App::sign_in`].
    pub async fn sign_in_device(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<Person, Error> {
        let now = self.now();
        let Some((person, tried)) = self.try_password(name, password, from).await? else {
            return Err(Error::field("name", WRONG));
        };
        self.right_password(&person, tried).await?;
        let actor = self.actor_of(&person);
        let permit = self
            .may::<act::SignIn>(&actor, Target::Own(person.id))
            .await?;
        self.records()
            .note(
                &permit,
                None,
                &Detail::new().text("device", "named for a limited time"),
                now,
            )
            .await?;
        self.filter()
            .addresses()
            .sign_in(from, person.id, None, now + DEVICE_SIGN_IN);
        Ok(person)
    }

    /// Forgets who is at a device.
    pub fn sign_out_device(&self, from: IpAddr) {
        self.filter().addresses().sign_out(from);
    }
}

/// The person without the roles that need a second factor, while it was not given (ACC-11).
fn without_strong_roles(person: &Person) -> Person {
    let mut weaker = person.clone();
    weaker.roles.retain(|role| !role.needs_second_factor());
    if person.is_staff() {
        weaker.roles.insert(Role::Staff);
    }
    weaker
}
