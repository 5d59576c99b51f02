//! Hosts that the proxy leaves alone for a time: proposed by what it noticed, decided by people.

use jiff::SignedDuration;
use pharos_access::{Actor, Target, act};
use pharos_catalogue::Address;
use pharos_policy::spec::UninspectedSpec;
use pharos_records::{NewOverride, OverrideKind};

use crate::clock::new_uuid;
use crate::overrides::{json, reason, reference_of};
use crate::{App, Error};

/// The longest time that a host is left alone before somebody looks at it again.
const DAYS_MAX: u32 = 366;

impl App {
    /// Leaves a host, with all hosts below it, uninspected for some days: an application that
    /// trusts one certificate only, or a site that asks for the client's own. The name is decided
    /// as before; what is inside is no longer seen. Gives the change's reference.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] for what is no whole host, no reason, too long a time.
    pub async fn leave_uninspected(
        &self,
        actor: &Actor,
        host: &str,
        days: u32,
        why: &str,
    ) -> Result<String, Error> {
        let permit = self.may::<act::AddException>(actor, Target::School).await?;
        let host = whole_host(host)?;
        let why = reason(why)?;
        if days == 0 || days > DAYS_MAX {
            return Err(Error::field(
                "days",
                format!("Say for how many days: at least 1, at most {DAYS_MAX}."),
            ));
        }
        let (now, id) = (self.now(), new_uuid());
        let until = now + SignedDuration::from_hours(24 * i64::from(days));
        let body = UninspectedSpec {
            reference: reference_of(id),
            leave_alone: vec![host],
            until,
        };
        let new = NewOverride {
            id,
            kind: OverrideKind::Exception,
            body: json(&body)?,
            from: now,
            until: Some(until),
            review_at: Some(until),
            why,
            request: None,
        };
        self.records().add_exception(&permit, &new, now).await?;
        self.rebuild().await?;
        Ok(reference_of(id))
    }
}

fn whole_host(text: &str) -> Result<String, Error> {
    let wrong = |why: String| Error::field("host", why);
    let address = Address::parse(text.trim())
        .map_err(|error| wrong(format!("{error}. Type a host, such as app.example.org.")))?;
    if address.path().is_some_and(|path| path != "/") {
        return Err(wrong(
            "Only whole hosts can be left uninspected: inside a connection no path is seen."
                .to_owned(),
        ));
    }
    let host = address.host().as_str();
    if !host.contains(['.', ':']) {
        return Err(wrong("This is a whole top-level domain.".to_owned()));
    }
    Ok(host.to_owned())
}
