//! Signing in: password, second factor, throttling, sessions (ACC-11), and naming a device (MON-02).

use std::net::IpAddr;
use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_ledger::Detail;
use pharos_records::{Session, TokenHash};
use pharos_school::{Person, PersonId, Role};
use totp_rs::{Builder, Secret, Totp};

use crate::clock::random_bytes;
use crate::{App, Error, Problem};

/// Failures of one name or one address before each further try has to wait.
const FAILURES_FREE: i64 = 5;
/// Failures are forgotten after this.
const FAILURE_WINDOW: SignedDuration = SignedDuration::from_mins(30);
/// The longest wait between tries, in seconds.
const WAIT_MAX_S: i64 = 600;
/// A session ends after this whatever happens.
const SESSION_MAX: SignedDuration = SignedDuration::from_hours(12);
/// The shortest password taken (NCSC: length over complexity).
const PASSWORD_CHARS_MIN: usize = 12;
/// The longest password hashed, in bytes: hashing is not a way to burn our processor.
const PASSWORD_BYTES_MAX: usize = 512;
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
    NeedsCode,
}

/// A second factor being set up.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The secret in base 32, for typing in.
    pub secret: String,
    /// The `otpauth` address, for the QR code.
    pub url: String,
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
        let keys = throttle_keys(name, from);
        self.check_throttle(&keys, now).await?;
        let Some(person) = self.check_password(name, password).await? else {
            return Err(self.failed(&keys, now).await?);
        };
        let credential = self.records().credential(person.id).await?;
        let second_factor = match credential
            .as_ref()
            .and_then(|credential| credential.totp_secret.as_deref())
        {
            None => false,
            Some(_) if code.is_none_or(str::is_empty) => return Ok(SignInOutcome::NeedsCode),
            Some(secret) => {
                let step = code.and_then(|code| accepted_step(secret, code, now));
                let fresh = match step {
                    Some(step) => self.records().use_totp_step(person.id, step).await?,
                    None => false,
                };
                if !fresh {
                    self.failed(&keys, now).await?;
                    return Err(Error::field(
                        "code",
                        "The code is not right, or was used already. Wait for the next one and type that.",
                    ));
                }
                true
            }
        };
        for key in &keys {
            self.records().clear_failures(key).await?;
        }
        self.open_session(&person, second_factor, device, now)
            .await
            .map(SignInOutcome::In)
    }

    async fn open_session(
        &self,
        person: &Person,
        second_factor: bool,
        device: &str,
        now: Timestamp,
    ) -> Result<SessionToken, Error> {
        let actor = Actor::person(person);
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
            csrf: random_bytes::<32>()?.to_vec(),
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
            Actor::person(&without_strong_roles(&person))
        } else {
            Actor::person(&person)
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

    /// Forgets sessions that are over; says how many.
    ///
    /// # Errors
    /// When the records cannot be written.
    pub async fn sweep_sessions(&self) -> Result<u64, Error> {
        Ok(self.records().sweep_sessions(self.now()).await?)
    }

    /// A fresh second factor to be shown and then confirmed.
    ///
    /// # Errors
    /// When no random numbers are to be had.
    pub fn begin_enrolment(&self, who: &SignedIn) -> Result<Enrolment, Error> {
        let secret = Secret::from(random_bytes::<20>()?);
        let text = secret.to_base32();
        let totp = totp(secret.as_ref(), Some((&self.school().name, &who.person.username)))
            .ok_or_else(|| Error::invalid("The second factor could not be set up: the school's name or the sign-in name holds a colon."))?;
        let url = totp
            .to_url()
            .map_err(|error| Error::unavailable("the second factor's address", &error))?;
        Ok(Enrolment { secret: text, url })
    }

    /// The `otpauth` address of a secret that is being set up, for showing its QR code again.
    pub fn enrolment_url(&self, who: &SignedIn, secret: &str) -> Option<String> {
        let secret = Secret::try_from_base32(secret).ok()?;
        totp(
            secret.as_ref(),
            Some((&self.school().name, &who.person.username)),
        )?
        .to_url()
        .ok()
    }

    /// Confirms a second factor with a code that the person's device shows.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the code does not fit.
    pub async fn confirm_enrolment(
        &self,
        who: &SignedIn,
        secret: &str,
        code: &str,
    ) -> Result<(), Error> {
        let now = self.now();
        let secret = Secret::try_from_base32(secret).map_err(|_| {
            Error::field("code", "Start again: the secret on the page was changed.")
        })?;
        let Some(step) = accepted_step(secret.as_ref(), code, now) else {
            return Err(Error::field(
                "code",
                "That code does not fit. Check that the time on your phone is right, then type the code it shows now.",
            ));
        };
        let permit = self
            .may::<act::SetOwnPassword>(&who.actor, Target::Own(who.person.id))
            .await?;
        self.records()
            .set_second_factor(&permit, Some(secret.as_ref()), now)
            .await?;
        self.records().use_totp_step(who.person.id, step).await?;
        let permit = self
            .may::<act::SignIn>(&who.actor, Target::Own(who.person.id))
            .await?;
        Ok(self
            .records()
            .raise_session(&permit, who.token.hash(), now)
            .await?)
    }

    /// Changes one's own password; other sessions end.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong.
    pub async fn change_password(&self, who: &SignedIn, old: &str, new: &str) -> Result<(), Error> {
        if self
            .check_password(&who.person.username, old)
            .await?
            .is_none()
        {
            return Err(Error::field("old", "That is not your password now."));
        }
        check_new_password(new, &who.person)?;
        let hash = self.hash_password(new).await?;
        let permit = self
            .may::<act::SetOwnPassword>(&who.actor, Target::Own(who.person.id))
            .await?;
        Ok(self
            .records()
            .set_own_password(&permit, &hash, Some(who.token.hash()), self.now())
            .await?)
    }

    /// Gives somebody a first or new password, which they must change.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Invalid`].
    pub async fn reset_password(
        &self,
        actor: &Actor,
        person: PersonId,
        new: &str,
        must_change: bool,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::ResetPassword>(actor, Target::School)
            .await?;
        let whose = self.known_person(person).await?.ok_or(Error::NotFound)?;
        // Otherwise whoever keeps the accounts could take over the lead's, and read the cases.
        let strong = whose.roles.iter().any(|role| role.needs_second_factor());
        if strong && actor.id().is_some() && !actor.holds(Role::Head) {
            return Err(Error::Refused("Only the head resets the password of somebody whose role opens cases or the system. Ask them, or use the command on the server.".to_owned()));
        }
        check_new_password(new, &whose)?;
        let hash = self.hash_password(new).await?;
        Ok(self
            .records()
            .reset_password(&permit, person, &hash, must_change, true, self.now())
            .await?)
    }

    /// Gives many people one password, for a sample school.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn set_sample_passwords(
        &self,
        actor: &Actor,
        people: &[PersonId],
        password: &str,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::ResetPassword>(actor, Target::School)
            .await?;
        let hash = self.hash_password(password).await?;
        let hashes: Vec<_> = people
            .iter()
            .map(|person| (*person, hash.clone()))
            .collect();
        Ok(self
            .records()
            .set_passwords(&permit, &hashes, self.now())
            .await?)
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
        let now = self.now();
        let keys = throttle_keys(name, from);
        self.check_throttle(&keys, now).await?;
        let found = self.check_password(name, password).await?;
        if found.is_none() {
            self.failed(&keys, now).await?;
        }
        Ok(found.map(|person| person.id))
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
        let keys = throttle_keys(name, from);
        self.check_throttle(&keys, now).await?;
        let Some(person) = self.check_password(name, password).await? else {
            return Err(self.failed(&keys, now).await?);
        };
        let actor = Actor::person(&person);
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

    async fn check_password(&self, name: &str, password: &str) -> Result<Option<Person>, Error> {
        let person = match name.len() <= 200 {
            true => self.known_by_username(&name.trim().to_lowercase()).await?,
            false => None,
        };
        let credential = match &person {
            Some(person) => self.records().credential(person.id).await?,
            None => None,
        };
        // A name that is not there costs as much time as one that is.
        let hash = credential.map_or_else(
            || NOBODYS_HASH.clone(),
            |credential| credential.password_hash,
        );
        let right = self.verify_password(password, hash).await?;
        Ok(person.filter(|_| right))
    }

    async fn verify_password(&self, password: &str, hash: String) -> Result<bool, Error> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let password = password.to_owned();
        self.hashing(move || {
            PasswordHash::new(&hash).is_ok_and(|parsed| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &parsed)
                    .is_ok()
            })
        })
        .await
    }

    async fn hash_password(&self, password: &str) -> Result<String, Error> {
        let password = password.to_owned();
        self.hashing(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
        })
        .await?
        .map_err(|error| Error::unavailable("hashing a password", &error))
    }

    /// Runs one hashing on a thread of its own, two at a time.
    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _turn = self
            .inner()
            .hashing
            .acquire()
            .await
            .map_err(|error| Error::unavailable("hashing", &error))?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::unavailable("hashing", &error))
    }

    async fn check_throttle(&self, keys: &[String], now: Timestamp) -> Result<(), Error> {
        for key in keys {
            let failures = self.records().failures(key, now, FAILURE_WINDOW).await?;
            let over = failures.failures - FAILURES_FREE;
            let Some(last) = failures.last.filter(|_| over >= 0) else {
                continue;
            };
            let wait = (1_i64 << over.min(10)).min(WAIT_MAX_S) - now.duration_since(last).as_secs();
            if wait > 0 {
                return Err(Error::Throttled {
                    wait_s: wait.unsigned_abs(),
                });
            }
        }
        Ok(())
    }

    /// Counts a failure under every key and notes it; the answer tells nothing apart.
    async fn failed(&self, keys: &[String], now: Timestamp) -> Result<Error, Error> {
        for key in keys {
            self.records()
                .count_failure(key, now, FAILURE_WINDOW)
                .await?;
        }
        self.records()
            .note_stranger(
                "session.open",
                &Detail::new().text("result", "refused"),
                now,
            )
            .await?;
        Ok(Error::Invalid(vec![Problem::field("name", WRONG)]))
    }
}

/// A hash that no password fits, made once, to spend the same time on unknown names.
static NOBODYS_HASH: LazyLock<String> = LazyLock::new(|| {
    Argon2::default()
        .hash_password(b"nobody at all")
        .map(|hash| hash.to_string())
        .unwrap_or_default()
});

/// Throttling counts the name and the address apart, both hashed: the table names nobody.
fn throttle_keys(name: &str, from: IpAddr) -> [String; 2] {
    let hash = |text: String| {
        hex::encode(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..16])
    };
    [
        hash(format!("name:{}", name.trim().to_lowercase())),
        hash(format!("address:{from}")),
    ]
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

fn totp(secret: &[u8], label: Option<(&str, &str)>) -> Option<Totp> {
    let builder = Builder::new().with_secret(secret.to_vec());
    match label {
        Some((issuer, account)) => builder
            .with_issuer(Some(issuer))
            .with_account_name(account)
            .build()
            .ok(),
        None => builder.with_account_name("-").build().ok(),
    }
}

/// The time step whose code this is, one step of grace either way (RFC 6238 5.2).
fn accepted_step(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let digits: String = code.chars().filter(char::is_ascii_digit).take(7).collect();
    let seconds = u64::try_from(now.as_second()).ok()?;
    totp(secret, None)?
        .check(&digits, seconds)
        .and_then(|step| i64::try_from(step).ok())
}

/// The code that an authenticator shows now: for `pharos try`, which prints it, and for tests.
pub fn current_code(secret: &[u8], now: Timestamp) -> Option<String> {
    let seconds = u64::try_from(now.as_second()).ok()?;
    totp(secret, None).map(|totp| totp.generate(seconds).to_string())
}

fn check_new_password(new: &str, person: &Person) -> Result<(), Error> {
    if new.chars().count() < PASSWORD_CHARS_MIN {
        return Err(Error::field(
            "new",
            format!(
                "Use at least {PASSWORD_CHARS_MIN} characters. Three words that do not belong together are easy to remember."
            ),
        ));
    }
    if new.len() > PASSWORD_BYTES_MAX {
        return Err(Error::field(
            "new",
            "That is too long. Use at most 500 characters.",
        ));
    }
    let lower = new.to_lowercase();
    let own = [&person.username, &person.given_name, &person.family_name];
    if own
        .iter()
        .any(|part| part.chars().count() > 3 && lower.contains(&part.to_lowercase()))
    {
        return Err(Error::field(
            "new",
            "Leave your own name out of your password.",
        ));
    }
    Ok(())
}
