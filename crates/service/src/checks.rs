//! The self-check: tries the real faces as each kind of user and keeps the result as evidence
//! (AUD-02, SRCH-05, FIL-12).
//!
//! What is tried comes from the promises, not from the filter: the controls bound in the written
//! policy, the sealed lists' dated test entries, the help sites. So a rule or list that went missing
//! shows up.

mod plan;

use std::net::{IpAddr, Ipv4Addr};

use async_trait::async_trait;
use pharos_access::{Actor, Target, act};
use pharos_policy::PolicySpec;
use pharos_records::{CheckRun, NewCheckRun};
use pharos_school::{CheckId, Role};
use serde::{Deserialize, Serialize};

pub use plan::Kind;
pub(crate) use plan::{add_test_users, is_test_user};

use crate::clock::new_uuid;
use crate::{App, Error};

/// The check's own devices: a loopback range that no school device has. One for each kind of user …
const DEVICES: [u8; 3] = [127, 83, 0];
/// … and one in each place of the pack.
const IN_PLACES: [u8; 3] = [127, 83, 1];

/// Whether a request came from the check's own devices: nothing to be alerted of.
pub(crate) fn is_check_address(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[..3] == DEVICES || v4.octets()[..3] == IN_PLACES)
}

/// The check's own device in the n-th place.
fn device_in_place(number: u8) -> IpAddr {
    let [a, b, c] = IN_PLACES;
    IpAddr::V4(Ipv4Addr::new(a, b, c, number))
}

/// Puts a device of the check's own into every place, so that each is tried as it is (AUD-02).
pub(crate) fn add_devices(spec: &mut PolicySpec) {
    for (place, number) in spec.places.values_mut().zip(1_u8..=PLACES_MAX) {
        place.ranges.push(device_in_place(number).to_string());
    }
}

/// The stored form's version.
const VERSION: u16 = 1;
/// The most places that are tried.
const PLACES_MAX: u8 = 100;
/// How many runs a page lists.
const RUNS_SHOWN: usize = 50;

/// Reaches the real faces from a given loopback address, as a device would.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Asks the resolver for a name's addresses.
    async fn look_up(&self, from: IpAddr, host: &str) -> Seen;
    /// Fetches a page through the proxy.
    async fn fetch(&self, from: IpAddr, url: &str) -> Seen;
}

/// What a device would have seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Blocked by the filter.
    Blocked,
    /// Sent to this name instead (safe search).
    Narrowed(String),
    /// Blocked by the filter without any address: what canaries and private relay must be told, for
    /// which the address of a block page would be an invitation.
    Nothing,
    /// Let through, whether or not anything answered behind it.
    Through,
    /// It could not be tried, and why.
    NotTried(String),
}

/// Through which face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The resolver.
    Dns,
    /// The proxy.
    Proxy,
}

/// How one probe went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Result_ {
    /// As promised.
    Passed,
    /// Not as promised.
    Failed,
    /// It could not be tried.
    NotTried,
}

/// One probe with its result, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRow {
    /// The kind of user.
    pub group: String,
    /// The face.
    pub way: Way,
    /// What was tried.
    pub kind: Kind,
    /// The test address; for sealed lists only the list's name.
    pub address: String,
    /// How it went.
    pub result: Result_,
    /// What was seen, in words.
    pub seen: String,
}

/// All probes of one run, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResults {
    /// The stored form's version.
    pub v: u16,
    /// Every probe.
    pub probes: Vec<ProbeRow>,
}

impl CheckResults {
    /// Reads a stored run.
    ///
    /// # Errors
    /// When it is damaged or of a newer version.
    pub fn read(run: &CheckRun) -> Result<Self, Error> {
        serde_json::from_str(&run.run.results)
            .map_err(|error| Error::unavailable("a stored self-check", &error))
    }
}

impl App {
    /// Runs the whole check and keeps it. `actor` is a person, or the schedule.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] when nothing is in force to be checked.
    pub async fn run_check(&self, actor: &Actor, prober: &dyn Prober) -> Result<CheckId, Error> {
        let permit = self.may::<act::RunCheck>(actor, Target::School).await?;
        let from = self.now();
        let plan = self.plan_check()?;
        let users = self.seat_users(&plan.users);
        let mut probes = Vec::with_capacity(plan.probes.len());
        for probe in &plan.probes {
            let Some(address) = users.get(probe.user).copied() else {
                continue;
            };
            let seen = match probe.way {
                Way::Dns => prober.look_up(address, &probe.host).await,
                Way::Proxy => {
                    prober
                        .fetch(address, &format!("http://{}/", probe.host))
                        .await
                }
            };
            probes.push(probe.judge(&plan.users[probe.user].group, &seen));
        }
        for (_, address) in plan
            .users
            .iter()
            .zip(users)
            .filter(|(user, _)| user.person.is_some())
        {
            self.filter().addresses().sign_out(address);
        }
        let count = |wanted| {
            i64::try_from(probes.iter().filter(|probe| probe.result == wanted).count())
                .unwrap_or(i64::MAX)
        };
        let (passed, failed) = (count(Result_::Passed), count(Result_::Failed));
        let results = CheckResults { v: VERSION, probes };
        let results = serde_json::to_string(&results)
            .map_err(|error| Error::unavailable("writing a self-check", &error))?;
        let id = CheckId::from_uuid(new_uuid());
        let run = NewCheckRun {
            id,
            from,
            to: self.now(),
            passed,
            failed,
            results,
        };
        self.records()
            .record_check(&permit, &run, self.now())
            .await?;
        if failed > 0 {
            self.tell_of_failed_check(id).await?;
        }
        self.assess_and_keep().await?;
        Ok(id)
    }

    /// A promise that does not hold is told at once, to those who can mend it and those who answer
    /// for it (SRCH-05).
    async fn tell_of_failed_check(&self, id: CheckId) -> Result<(), Error> {
        let to = self
            .holders(&[Role::Technical, Role::Lead, Role::OnlineLead])
            .await?;
        let notices = self.notices_to(&to, "check-failed", &format!("/checks/{id}"), self.now())?;
        self.queue_notices(&notices).await
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn checks(&self, actor: &Actor) -> Result<Vec<CheckRun>, Error> {
        let permit = self.may::<act::ReadChecks>(actor, Target::School).await?;
        Ok(self.records().checks(&permit, RUNS_SHOWN).await?)
    }

    /// One run.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn check(&self, actor: &Actor, id: CheckId) -> Result<CheckRun, Error> {
        let permit = self.may::<act::ReadChecks>(actor, Target::School).await?;
        self.records()
            .check(&permit, id)
            .await?
            .ok_or(Error::NotFound)
    }

    /// Gives each test user an address of the check's own for the time of the run.
    fn seat_users(&self, users: &[plan::User]) -> Vec<IpAddr> {
        let until = self.now() + jiff::SignedDuration::from_mins(15);
        users
            .iter()
            .zip(1_u8..)
            .map(|(user, number)| {
                if let Some(place) = user.place {
                    return device_in_place(place);
                }
                let address = IpAddr::V4(Ipv4Addr::new(DEVICES[0], DEVICES[1], DEVICES[2], number));
                match user.person {
                    Some(person) => self.filter().addresses().sign_in(
                        address,
                        person,
                        Some("self-check".into()),
                        until,
                    ),
                    None => {
                        self.filter().addresses().sign_out(address);
                    }
                }
                address
            })
            .collect()
    }
}
