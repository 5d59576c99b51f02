//! A proposed change replayed over recorded activity: what newly opens and closes, and for whom.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use pharos_access::{Actor, Target, act};
use pharos_activity::{Span, Visit, Visitor, WORKERS_MAX};
use pharos_filter::Snapshot;
use pharos_filter::whatif::{Asked, Replay, WhatIf};
use pharos_ledger::Detail;
use pharos_pack::Pack;
use pharos_policy::PolicySpec;
use pharos_policy::spec::{ExceptionSpec, UninspectedSpec};
use pharos_records::Effect;

use crate::changes::Proposed;
use crate::{App, Error, School};

/// The most events of one replay.
pub(crate) const EVENTS_MAX: u64 = 1_000_000;
/// How many days back a replay goes where nothing else is said.
pub(crate) const DAYS: u32 = 30;
/// The farthest back that a replay may go, in days.
const DAYS_MAX: u32 = 366;

/// A proposed change, checked and compiled: the school as it would be, and the filter as it would
/// decide.
pub(crate) struct Candidate {
    pub(crate) before: Arc<Snapshot>,
    pub(crate) after: Arc<Snapshot>,
    /// The school with the new pack; `None` where the pack stays.
    pub(crate) school: Option<School>,
}

impl App {
    /// What a change would have done to what was asked for in the last days. Nothing is kept but
    /// that somebody asked.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] with everything wrong in the proposed change.
    pub async fn what_if(
        &self,
        actor: &Actor,
        proposed: &Proposed,
        days: u32,
    ) -> Result<WhatIf, Error> {
        let permit = self
            .may::<act::ProposePolicy>(actor, Target::School)
            .await?;
        let candidate = self.candidate(proposed).await?;
        let outcome = self.replay(&candidate, days).await?;
        let detail = Detail::new()
            .flag("what-if", true)
            .number("events", i64::try_from(outcome.events).unwrap_or(i64::MAX));
        self.records()
            .note(&permit, None, &detail, self.now())
            .await?;
        Ok(outcome)
    }

    /// Checks a proposed change and compiles the filter as it would decide.
    pub(crate) async fn candidate(&self, proposed: &Proposed) -> Result<Candidate, Error> {
        let before = self.filter().snapshot().map_err(|_| nothing_yet())?;
        let school = self.school();
        let (pack, declared, new_school) = match proposed {
            Proposed::Pack(files) => {
                let pack = crate::packs::usable(pharos_pack::load_held(files))?;
                let new = School::new(pack, school.version + 1)?;
                (
                    new.pack.filter_on(self.today()),
                    new.declared_categories.clone(),
                    Some(new),
                )
            }
            Proposed::Opening(_) | Proposed::LeaveAlone(_) => (
                school.pack.filter_on(self.today()),
                school.declared_categories.clone(),
                None,
            ),
        };
        let mut spec = pack;
        self.add_overrides(&mut spec, self.now()).await?;
        self.add_floor(&mut spec, None)?;
        if let Proposed::Opening(opening) = proposed {
            spec.overrides.exceptions.push(ExceptionSpec {
                reference: "proposed".to_owned(),
                groups: opening.groups.clone(),
                people: Vec::new(),
                classes: Vec::new(),
                sites: opening.sites.clone(),
                categories: opening.categories.clone(),
                from: None,
                until: jiff::Timestamp::MAX,
            });
        }
        if let Proposed::LeaveAlone(hosts) = proposed {
            spec.overrides.uninspected.push(UninspectedSpec {
                reference: "proposed".to_owned(),
                leave_alone: hosts.clone(),
                until: jiff::Timestamp::MAX,
            });
        }
        let after = self.with_policy(&before, &spec, &declared)?;
        Ok(Candidate {
            before,
            after,
            school: new_school,
        })
    }

    /// The snapshot in force with another policy: same lists, same roll.
    pub(crate) fn with_policy(
        &self,
        before: &Snapshot,
        spec: &PolicySpec,
        declared: &[Arc<str>],
    ) -> Result<Arc<Snapshot>, Error> {
        let mut parts = before.parts();
        let policy = pharos_filter::compile_policy(spec, parts.categories.names(), declared)
            .map_err(crate::snapshot::wrong_policy)?;
        parts.policy = Arc::new(policy);
        Ok(Arc::new(Snapshot::new(parts)))
    }

    pub(crate) async fn replay(&self, candidate: &Candidate, days: u32) -> Result<WhatIf, Error> {
        let now = self.now();
        let days = days.clamp(1, DAYS_MAX);
        let span = Span {
            from: now - SignedDuration::from_hours(24 * i64::from(days)),
            to: now + SignedDuration::from_secs(1),
            most: EVENTS_MAX,
        };
        let watchers = Arc::new(Watchers::new(candidate));
        self.inner().activity.flush().await?;
        self.inner()
            .activity
            .visit(&span, Arc::clone(&watchers) as Arc<dyn Visitor>)
            .await?;
        Ok(Replay::finish(watchers.take()))
    }
}

pub(crate) fn nothing_yet() -> Error {
    Error::Refused("The filter has no policy and lists in force yet. Wait until it has started, or look at the page How Pharos is doing, under Network.".to_owned())
}

/// What a replay says of a change as a whole.
pub(crate) fn effect_of(replay: &WhatIf) -> Effect {
    match (replay.opens.asked > 0, replay.closes.asked > 0) {
        (true, true) => Effect::Both,
        (true, false) => Effect::Opens,
        (false, true) => Effect::Closes,
        (false, false) => Effect::Neither,
    }
}

/// Whether two packs differ in what is assessed before it is in force: filtering or monitoring (REQ-03),
/// and in who acts beyond the campus that they were kept to (ROLE-02).
pub(crate) fn is_assessed(before: &Pack, after: &Pack) -> bool {
    let ours = ["fil.", "srch.", "mon.", "req."];
    !pharos_pack::freed_delegates(&before.campuses, &after.campuses).is_empty()
        || before.filter != after.filter
        || before.lists != after.lists
        || before.sealed != after.sealed
        || before.ai_tools != after.ai_tools
        || before.dictionaries != after.dictionaries
        || pharos_pack::settings()
            .filter(|setting| ours.iter().any(|start| setting.name.starts_with(start)))
            .any(|setting| {
                before.settings.value(setting.name) != after.settings.value(setting.name)
            })
}

/// One replay for each worker of the store.
struct Watchers {
    replays: Vec<Mutex<Option<Replay>>>,
}

impl Watchers {
    fn new(candidate: &Candidate) -> Self {
        let replay = || {
            let (before, after) = (Arc::clone(&candidate.before), Arc::clone(&candidate.after));
            Mutex::new(Some(Replay::new(before, after)))
        };
        Self {
            replays: (0..WORKERS_MAX).map(|_| replay()).collect(),
        }
    }

    fn take(&self) -> Vec<Replay> {
        self.replays
            .iter()
            .filter_map(|replay| replay.lock().unwrap_or_else(PoisonError::into_inner).take())
            .collect()
    }
}

impl Visitor for Watchers {
    fn see(&self, worker: usize, visits: &mut dyn Iterator<Item = Visit<'_>>) {
        let Some(replay) = self.replays.get(worker) else {
            return;
        };
        let mut replay = replay.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(replay) = replay.as_mut() else {
            return;
        };
        for visit in visits {
            replay.see(&Asked {
                at: visit.at,
                person: visit.person,
                from: visit.address,
                host: visit.host,
                path: visit.path,
            });
        }
    }
}
