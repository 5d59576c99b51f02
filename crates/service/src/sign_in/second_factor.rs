//! The second factor: setting one up, and its codes (ACC-11, RFC 6238).

use std::net::IpAddr;

use jiff::Timestamp;
use pharos_access::{Target, act};
use totp_rs::{Builder, Secret, Totp};

use crate::clock::random_bytes;
use crate::{App, Error, SignedIn};

/// A second factor being set up.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The secret in base 32, for typing in.
    pub secret: String,
    /// The `otpauth` address, for the QR code.
    pub url: String,
}

impl App {
    /// A fresh second factor to be shown and then confirmed.
    ///
    /// # Errors
    /// [`Error::Refused`] where there is one that this session has not passed; when no random
    /// numbers are to be had.
    pub async fn begin_enrolment(&self, who: &SignedIn) -> Result<Enrolment, Error> {
        self.may_enrol(who).await?;
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

    /// Confirms a second factor with the password and a code that the person's device shows. All
    /// other sessions of the person end.
    ///
    /// # Errors
    /// [`Error::Refused`] where there is one that this session has not passed; [`Error::Invalid`]
    /// when the password or the code does not fit; [`Error::Throttled`].
    pub async fn confirm_enrolment(
        &self,
        who: &SignedIn,
        password: &str,
        secret: &str,
        code: &str,
        from: IpAddr,
    ) -> Result<(), Error> {
        self.may_enrol(who).await?;
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
        self.own_password(who, "password", password, from).await?;
        let permit = self
            .may::<act::SetOwnPassword>(&who.actor, Target::Own(who.person.id))
            .await?;
        // The store asks once more: somebody may have set one up meanwhile.
        self.records()
            .set_second_factor(&permit, secret.as_ref(), Some(who.token.hash()), now)
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

    /// Whoever has a second factor replaces it only after giving it: an older session, or somebody
    /// with the password alone, does not get round it.
    async fn may_enrol(&self, who: &SignedIn) -> Result<(), Error> {
        let credential = self.records().credential(who.person.id).await?;
        let has = credential.is_some_and(|credential| credential.totp_secret.is_some());
        if has && !who.second_factor {
            return Err(Error::Refused("You have a second factor already. Sign out, sign in with its code, then set up the new one. If you have lost it, ask the head for a new password.".to_owned()));
        }
        Ok(())
    }
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
pub(super) fn accepted_step(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
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
