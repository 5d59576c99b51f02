//! What a school tells its trust: the floor in force, the last check, the clauses that are not kept.
//! Figures, and names of things; of nobody.

use jiff::Timestamp;
use jiff::civil::Date;
use pharos_access::{Actor, Target, act};
use pharos_governance::Standing;
use pharos_ledger::Detail;
use serde::{Deserialize, Serialize};

use crate::{App, Error};

/// The version of the form.
const FORM: u16 = 1;
/// The most clauses, lists and categories that are named; beyond it the numbers alone tell.
const NAMED_MAX: usize = 200;

/// How a school stands, for its trust. Older forms are read for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchoolReport {
    /// The version of the form.
    pub v: u16,
    /// The school's name.
    pub school: String,
    /// When it was made.
    pub at: Timestamp,
    /// The version of Pharos.
    pub program: String,
    /// The policy's version.
    pub policy: u64,
    /// The trust that it is meant for; empty where the school has none.
    pub trust: String,
    /// The floor that is held.
    pub floor: Option<FloorTold>,
    /// When the trust's source last answered with something usable.
    pub looked: Option<Timestamp>,
    /// Whether something is wrong with the floor: not fetched for too long, gone from the folder, held and
    /// not in force.
    pub floor_trouble: bool,
    /// Lines of the school's pack that ask for less than the floor.
    pub below: usize,
    /// Categories of the floor that no list of the school carries.
    pub waiting: Vec<String>,
    /// Help sites of the school's own that the floor closes: each may belong among the floor's `[[help]]`.
    #[serde(default)]
    pub closed_help: Vec<String>,
    /// The last self-check of the filter.
    pub check: Option<CheckTold>,
    /// Clauses of the school's policy that controls keep.
    pub clauses: usize,
    /// Of these, those that are not kept or at risk.
    pub not_kept: Vec<ClauseTold>,
    /// Lists that are empty, missing or too old.
    pub stale_lists: Vec<String>,
}

/// The floor that a school holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloorTold {
    /// Its version.
    pub version: u64,
    /// The day of its issue.
    pub issued: Date,
    /// When the school took it in; `None` where it came with the pack.
    pub taken: Option<Timestamp>,
    /// Whether the trust's signature keeps it.
    pub signed: bool,
    /// Whether it is the one that the filter decides by; `false`: held, and not in force.
    #[serde(default = "yes")]
    pub in_force: bool,
    /// The public key that the school pinned for its trust, in hexadecimal; empty where none is.
    #[serde(default)]
    pub key: String,
    /// SHA-256 of the signed issue's file, in hexadecimal; empty for one that came with the pack.
    #[serde(default)]
    pub sha256: String,
}

/// A self-check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckTold {
    /// When it ended.
    pub at: Timestamp,
    /// Probes that came out as promised.
    pub passed: i64,
    /// Probes that did not.
    pub failed: i64,
}

/// A clause that is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseTold {
    /// Its number.
    pub clause: String,
    /// Its heading.
    pub title: String,
    /// Whether it is only at risk.
    pub at_risk: bool,
}

impl App {
    /// What the school tells its trust. That it was made is noted.
    ///
    /// # Errors
    /// [`Error::Denied`]; when records or lists cannot be read.
    pub async fn school_report(&self, actor: &Actor) -> Result<SchoolReport, Error> {
        let permit = self.may::<act::MakeReport>(actor, Target::School).await?;
        let school = self.school();
        let standing = self.floor_standing(actor).await?;
        let bound: Vec<_> = self
            .clauses(actor)
            .await?
            .into_iter()
            .filter_map(|clause| Some((clause.standing?, clause.clause, clause.title)))
            .collect();
        let not_kept = bound
            .iter()
            .filter(|(standing, ..)| matches!(standing, Standing::NotMet | Standing::AtRisk));
        let not_kept = not_kept.map(|(standing, clause, title)| ClauseTold {
            clause: clause.clone(),
            title: title.clone(),
            at_risk: *standing == Standing::AtRisk,
        });
        let check = self.checks(actor).await?.into_iter().next();
        let report = SchoolReport {
            v: FORM,
            school: school.name.clone(),
            at: self.now(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            policy: school.version,
            trust: standing
                .as_ref()
                .map(|floor| floor.trust.clone())
                .unwrap_or_default(),
            floor: standing.as_ref().and_then(|standing| {
                let floor = standing.floor.as_ref()?;
                Some(FloorTold {
                    version: floor.version,
                    issued: floor.issued,
                    taken: standing.taken,
                    signed: standing.signed,
                    in_force: standing.in_force,
                    key: standing.key.clone(),
                    sha256: standing.sha256.clone(),
                })
            }),
            looked: standing.as_ref().and_then(|standing| standing.looked),
            floor_trouble: standing
                .as_ref()
                .is_some_and(|standing| standing.stale || standing.trouble.is_some()),
            below: standing.as_ref().map_or(0, |standing| standing.below.len()),
            closed_help: named(
                standing
                    .iter()
                    .flat_map(|standing| standing.closed_help.clone()),
            ),
            waiting: named(standing.into_iter().flat_map(|standing| standing.waiting)),
            check: check.map(|run| CheckTold {
                at: run.run.to,
                passed: run.run.passed,
                failed: run.run.failed,
            }),
            clauses: bound.len(),
            not_kept: named(not_kept),
            stale_lists: named(self.stale_lists()?),
        };
        let detail = Detail::new().text("report", "for the trust");
        self.records()
            .note(&permit, None, &detail, self.now())
            .await?;
        Ok(report)
    }
}

/// Forms without the word are of programs that took what is held for what is in force.
fn yes() -> bool {
    true
}

fn named<T>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    all.into_iter().take(NAMED_MAX).collect()
}
