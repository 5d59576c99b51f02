//! Passwords: checked, hashed, changed (ACC-11).

use std::net::IpAddr;
use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use pharos_access::{Actor, Target, act};
use pharos_school::{Person, PersonId, Role};

use crate::{App, Error, SignedIn};

/// The shortest password taken (NCSC: length over complexity).
const PASSWORD_CHARS_MIN: usize = 12;
/// The longest password hashed, in bytes: hashing is not a way to burn our processor.
const PASSWORD_BYTES_MAX: usize = 512;

impl App {
    /// Changes one's own password; other sessions end.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is wrong; [`Error::Throttled`] after wrong old ones.
    pub async fn change_password(
        &self,
        who: &SignedIn,
        old: &str,
        new: &str,
        from: IpAddr,
    ) -> Result<(), Error> {
        self.own_password(who, "old", old, from).await?;
        check_new_password(new, &who.person)?;
        let hash = self.hash_password(new).await?;
        let permit = self
            .may::<act::SetOwnPassword>(&who.actor, Target::Own(who.person.id))
            .await?;
        self.records()
            .set_own_password(&permit, &hash, Some(who.token.hash()), self.now())
            .await?;
        self.inner().halves.close_all_of(who.person.id);
        Ok(())
    }

    /// Whether this is the password of whoever is signed in, counted like every try.
    ///
    /// # Errors
    /// [`Error::Invalid`] at this field when it is not; [`Error::Throttled`].
    pub(super) async fn own_password(
        &self,
        who: &SignedIn,
        field: &'static str,
        password: &str,
        from: IpAddr,
    ) -> Result<(), Error> {
        let right = self
            .try_password(&who.person.username, password, from)
            .await?
            .filter(|(person, _)| person.id == who.person.id);
        match right {
            Some((person, tried)) => self.right_password(&person, tried).await,
            None => Err(Error::field(field, "That is not your password now.")),
        }
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
        self.records()
            .reset_password(&permit, person, &hash, must_change, true, self.now())
            .await?;
        self.inner().halves.close_all_of(person);
        Ok(())
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

    pub(super) async fn check_password(
        &self,
        name: &str,
        password: &str,
    ) -> Result<Option<Person>, Error> {
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
}

/// A hash that no password fits, made once, to spend the same time on unknown names.
static NOBODYS_HASH: LazyLock<String> = LazyLock::new(|| {
    Argon2::default()
        .hash_password(b"nobody at all")
        .map(|hash| hash.to_string())
        .unwrap_or_default()
});

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
