//! Hosts that the proxy leaves alone for a time: proposed by what it noticed, decided by people.

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_catalogue::Address;
use pharos_pack::DiffLine;
use pharos_policy::spec::UninspectedSpec;
use pharos_records::{NewOverride, Origin, OverrideKind};

use crate::clock::new_uuid;
use crate::overrides::{json, reason, reference_of};
use crate::{App, Error, Proposal, Proposed};

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
        self.refuse_sealed_hosts(&permit, std::slice::from_ref(&host))
            .await?;
        let why = reason(why)?;
        if days == 0 || days > DAYS_MAX {
            return Err(Error::field(
                "days",
                format!("Say for how many days: at least 1, at most {DAYS_MAX}."),
            ));
        }
        let now = self.now();
        let until = now + SignedDuration::from_hours(24 * i64::from(days));
        let new = entry(vec![host], until, why, now)?;
        self.records().add_exception(&permit, &new, now).await?;
        self.rebuild().await?;
        Ok(reference_of(new.id))
    }

    /// Proposes to leave a host uninspected for some days: a change like any other, replayed,
    /// assessed by two people and put in force by those who may (REQ-03). Gives its number.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] for what is no whole host, no reason, too long a time.
    pub async fn propose_uninspected(
        &self,
        actor: &Actor,
        host: &str,
        days: Option<u32>,
        why: &str,
    ) -> Result<i64, Error> {
        let proposal = Proposal {
            what: Proposed::LeaveAlone(vec![host.to_owned()]),
            why: why.to_owned(),
            origin: Origin::Screen,
            days,
            review_days: None,
        };
        self.propose_change(actor, &proposal).await
    }
}

/// What is stored of hosts that are left alone until a time.
pub(crate) fn entry(
    hosts: Vec<String>,
    until: Timestamp,
    why: String,
    now: Timestamp,
) -> Result<NewOverride, Error> {
    let id = new_uuid();
    let body = UninspectedSpec {
        reference: reference_of(id),
        leave_alone: hosts,
        until,
    };
    Ok(NewOverride {
        id,
        kind: OverrideKind::Exception,
        body: json(&body)?,
        from: now,
        until: Some(until),
        review_at: Some(until),
        why,
        request: None,
    })
}

/// The proposal in the words that policies use.
pub(crate) fn canonical(hosts: &[String]) -> Result<Proposed, Error> {
    let hosts: Vec<String> = hosts
        .iter()
        .map(|host| whole_host(host))
        .collect::<Result<_, _>>()?;
    if hosts.is_empty() {
        return Err(Error::field("host", "Name the host."));
    }
    Ok(Proposed::LeaveAlone(hosts))
}

/// What a proposal changes, line by line.
pub(crate) fn lines(hosts: &[String]) -> Vec<DiffLine> {
    let line = |host: &String| DiffLine {
        file: "not looked into".to_owned(),
        sign: '+',
        text: format!("host {host}, and all below it"),
    };
    hosts.iter().map(line).collect()
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
