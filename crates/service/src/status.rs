//! How Pharos itself is doing, for whoever keeps the network: faces, counters, upstreams, lists,
//! store, disk and the last check on one page, and what is wrong first. It names nobody (FIL-17).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_catalogue::SealedStatus;
use pharos_lists::ListStatus;

use crate::{App, Error, RadiusCounts};

/// The day's check is missed when the last one is older than this.
const CHECK_AGE: SignedDuration = SignedDuration::from_hours(30);
/// So much of the disk is to be free, as a part of a hundred …
const FREE_PERCENT: u64 = 5;
/// … or at least so many bytes.
const FREE_BYTES: u64 = 2 << 30;

/// One figure of a face since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// What was counted, in words.
    pub says: String,
    /// How often.
    pub value: u64,
    /// Whether it counts what was turned away, failed or was lost.
    pub is_odd: bool,
}

/// One face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaceStatus {
    /// What it is called.
    pub name: &'static str,
    /// Where it listens; empty where it is off.
    pub at: Vec<String>,
    /// What it counted.
    pub counts: Vec<Count>,
}

/// One resolver outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamStatus {
    /// How it is written.
    pub name: String,
    /// Whether it failed several times in a row and has not answered since.
    pub is_down: bool,
    /// Tries in a row that it did not answer.
    pub failures: u32,
}

/// Room on the disk of the data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes free for Pharos.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

impl Disk {
    /// Whether it is nearly full.
    pub fn is_low(self) -> bool {
        self.free < FREE_BYTES || self.free < self.total / 100 * FREE_PERCENT
    }
}

/// What the running server tells of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// The faces, those that are off as well.
    pub faces: Vec<FaceStatus>,
    /// The resolvers outside, in order of preference.
    pub upstreams: Vec<UpstreamStatus>,
    /// Room on the disk; `None` where the system does not tell.
    pub disk: Option<Disk>,
    /// When the faces were started.
    pub since: Option<Timestamp>,
    /// Where DNS over HTTPS is reached, such as `https://dns.school.example`; `None` where it is off.
    pub doh: Option<String>,
}

/// Asks the running server about itself.
#[derive(Clone)]
pub struct AskRunning(pub Arc<dyn Fn() -> Running + Send + Sync>);

/// The last self-check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastCheck {
    /// When it ended.
    pub at: Timestamp,
    /// Probes that came out as promised.
    pub passed: i64,
    /// Probes that did not.
    pub failed: i64,
}

/// How Pharos is doing.
#[derive(Debug, Clone)]
pub struct Status {
    /// What is wrong now, each in a sentence that says what to do.
    pub troubles: Vec<String>,
    /// What the server tells; `None` where none runs.
    pub running: Option<Running>,
    /// The policy's version and the catalogue's; `None` while nothing is in force.
    pub versions: Option<(u64, u64)>,
    /// The lists.
    pub lists: Vec<ListStatus>,
    /// The sealed lists.
    pub sealed: Vec<SealedStatus>,
    /// The store of activity.
    pub activity: pharos_activity::Status,
    /// The last self-check.
    pub last_check: Option<LastCheck>,
    /// RADIUS accounting.
    pub radius: RadiusCounts,
    /// Firewall events taken in, and passed over because too many came at once.
    pub firewall: (u64, u64),
}

impl App {
    /// Tells how to ask the running server about itself; the first telling counts.
    pub fn tell_running(&self, ask: AskRunning) {
        // A second start in one process keeps the first faces, as elsewhere.
        drop(self.inner().network.running.set(ask));
    }

    /// What the server tells of itself; `None` where none runs.
    pub fn running(&self) -> Option<Running> {
        let ask = self.inner().network.running.get()?;
        Some((ask.0)())
    }

    /// Whether there are resolvers outside, and each failed several times in a row.
    pub(crate) fn all_upstreams_are_down(&self) -> bool {
        self.running().is_some_and(|running| {
            !running.upstreams.is_empty() && running.upstreams.iter().all(|one| one.is_down)
        })
    }

    /// How Pharos is doing. It names nobody, so that opening it leaves no line in the ledger.
    ///
    /// # Errors
    /// [`Error::Denied`]; when records or lists cannot be read.
    pub async fn status(&self, actor: &Actor) -> Result<Status, Error> {
        self.may::<act::ReadNetwork>(actor, Target::School).await?;
        let last = self.checks(actor).await?.into_iter().next();
        let snapshot = self.filter().snapshot().ok();
        let (radius, firewall, faults) = {
            let state = self.inner().network.state();
            let faults: Vec<String> = state
                .sources
                .iter()
                .filter_map(|(source, kept)| Some(format!("{source}: {}", kept.fault.as_ref()?)))
                .collect();
            let counted = (state.firewall.taken, state.firewall.passed_over);
            (state.radius, counted, faults)
        };
        let mut status = Status {
            troubles: Vec::new(),
            running: self.running(),
            versions: snapshot.map(|snapshot| {
                let versions = snapshot.versions();
                (versions.policy, versions.catalogue)
            }),
            lists: self.list_status(),
            sealed: self.sealed_status()?,
            activity: self.inner().activity.status(),
            last_check: last.map(|run| LastCheck {
                at: run.run.to,
                passed: run.run.passed,
                failed: run.run.failed,
            }),
            radius,
            firewall,
        };
        let stale = self.stale_lists()?;
        status.troubles = troubles(&status, &stale, &faults, self.now());
        if let Some(floor) = self.floor_standing(actor).await? {
            status.troubles.extend(of_floor(&floor));
        }
        Ok(status)
    }
}

/// What is wrong, worst first.
fn troubles(status: &Status, stale: &[String], faults: &[String], now: Timestamp) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |text: String| told.push(text);
    if status.versions.is_none() {
        tell("No policy and lists are in force: everything is refused. See what the server said when it was started.".to_owned());
    }
    match &status.running {
        None => tell(
            "No server runs on this data folder, so nothing is filtered. Start it: pharos serve."
                .to_owned(),
        ),
        Some(running) => of_running(running, &mut tell),
    }
    if let Some(problem) = &status.activity.problem {
        tell(format!("Activity is not kept as it should be: {problem}."));
    }
    if status.activity.dropped > 0 {
        tell(format!(
            "{} events were lost since the start: neither queue nor disk took them. Look at the disk, and restart when it has room.",
            status.activity.dropped
        ));
    }
    if !stale.is_empty() {
        tell(format!(
            "These lists are empty, missing or too old: {}. See the page of lists.",
            stale.join(", ")
        ));
    }
    for sealed in &status.sealed {
        if let Some(trouble) = &sealed.trouble {
            tell(format!(
                "The sealed list {} cannot be used: {trouble}.",
                sealed.name
            ));
        }
    }
    match status.last_check {
        None => {
            tell("The filter was never checked. Start a check on the page of checks.".to_owned())
        }
        Some(last) if last.failed > 0 => tell(format!(
            "The last check failed in {} places. See the page of checks.",
            last.failed
        )),
        Some(last) if now.duration_since(last.at) > CHECK_AGE => {
            tell(
                "The last check is more than a day old. Is scheduled work switched off?".to_owned(),
            );
        }
        Some(_) => {}
    }
    for fault in faults {
        tell(format!("A file of leases cannot be read: {fault}."));
    }
    told
}

/// What is wrong with the trust's floor.
fn of_floor(floor: &crate::FloorStanding) -> Option<String> {
    let trust = &floor.trust;
    if let Some(trouble) = &floor.trouble {
        return Some(format!("The floor of {trust}: {trouble}."));
    }
    if floor.floor.is_none() {
        return Some(format!(
            "The school belongs to {trust}, and no issue of its floor was taken in yet: pharos floor import."
        ));
    }
    floor.stale.then(|| {
        format!("The floor of {trust} was not looked at where it comes from for too long. See the page of the trust's floor.")
    })
}

fn of_running(running: &Running, tell: &mut impl FnMut(String)) {
    let (down, all) = (
        running.upstreams.iter().filter(|one| one.is_down).count(),
        running.upstreams.len(),
    );
    if all > 0 && down == all {
        tell("No resolver outside answers: names outside are found no more. Look at the line, and at what --dns-upstream names.".to_owned());
    } else if down > 0 {
        tell(format!(
            "{down} of {all} resolvers outside do not answer; the others do."
        ));
    }
    if running.disk.is_some_and(Disk::is_low) {
        tell("The disk of the data folder is nearly full. When it is full, activity is no longer kept. Make room.".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk is low when little is left of it, be it small or large.
    #[test]
    fn a_disk_is_low_by_part_and_by_bytes() {
        let gib = 1_u64 << 30;
        for (free, total, low) in [
            (1, 20, true),
            (3, 20, false),
            (10, 20, false),
            (40, 1_000, true),
            (100, 1_000, false),
        ] {
            let disk = Disk {
                free: free * gib,
                total: total * gib,
            };
            assert_eq!(disk.is_low(), low, "{free} of {total}");
        }
    }
}
