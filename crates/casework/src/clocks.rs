//! Which steps are due, which are late, and who is told next (CLK-02).

use jiff::{SignedDuration, Timestamp};

use crate::calendar::Calendar;
use crate::chase::add_minutes;
use crate::procedure::{Force, Limit, Party, Procedure, Step, StepClock};
use crate::state::{CaseState, ParentsStanding};
use crate::steps::{Standing, applies_since, done_at, steps};

/// A running clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// The step it belongs to; the id of an action, a referral or a pupil's parents otherwise.
    pub what: Due,
    /// In words.
    pub text: String,
    /// How strongly it binds.
    pub force: Force,
    /// When it began to run.
    pub started_at: Timestamp,
    /// When it is due.
    pub due_at: Timestamp,
    /// How long it has run.
    pub elapsed: SignedDuration,
    /// Whether the due time has passed.
    pub overdue: bool,
    /// Everyone to be told by now, in the order of the ladder.
    pub escalate_to: Vec<Party>,
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// A step.
    Step(String),
    /// An action, by its entry.
    Action(pharos_school::EntryId),
    /// An agency's answer, by the referral's entry.
    Answer(pharos_school::EntryId),
    /// A second look at whether to tell a pupil's parents.
    ParentsReview(pharos_school::PersonId),
    /// A second look at a child's support.
    SupportReview(pharos_school::PersonId),
}

/// Every clock that runs for an open case, the most pressing first. A closed case has none.
/// Locked steps run too: what holds them back is itself late then.
pub fn due(
    state: &CaseState,
    procedure: &Procedure,
    calendar: &dyn Calendar,
    now: Timestamp,
) -> Vec<Clock> {
    if state.closed.is_some() {
        return Vec::new();
    }
    let mut clocks: Vec<Clock> = steps(state, procedure)
        .into_iter()
        .filter(|step| matches!(step.standing, Standing::Open | Standing::Locked { .. }))
        .filter_map(|step| step_clock(state, procedure, step.step, calendar, now))
        .collect();
    clocks.extend(dated(state, calendar, now));
    clocks.sort_by_key(|clock| clock.due_at);
    clocks
}

/// The clock of one step, finished or not: when it started and was due, for figures.
pub fn step_due(
    state: &CaseState,
    procedure: &Procedure,
    step: &Step,
    calendar: &dyn Calendar,
) -> Option<(Timestamp, Timestamp)> {
    let clock = step.clock.as_ref()?;
    let started = started_at(state, procedure, step, clock)?;
    Some((started, clock_due(clock, started, calendar)))
}

/// The steps that were done late, or are late now: id, due, and done if it was (CLK-02's termly
/// list of steps that overran, without names).
pub fn overran(
    state: &CaseState,
    procedure: &Procedure,
    calendar: &dyn Calendar,
    now: Timestamp,
) -> Vec<(String, Timestamp, Option<Timestamp>)> {
    let mut late = Vec::new();
    for step in steps(state, procedure) {
        let end = match step.standing {
            Standing::NotApplicable | Standing::Declined(_) => continue,
            Standing::Done(at) => at,
            Standing::Open | Standing::Locked { .. } => {
                state.closed.as_ref().map_or(now, |c| c.mark.at)
            }
        };
        let done = matches!(step.standing, Standing::Done(_)).then_some(end);
        if let Some((_, due)) = step_due(state, procedure, step.step, calendar)
            && end > due
        {
            late.push((step.step.id.clone(), due, done));
        }
    }
    late
}

fn step_clock(
    state: &CaseState,
    procedure: &Procedure,
    step: &Step,
    calendar: &dyn Calendar,
    now: Timestamp,
) -> Option<Clock> {
    let clock = step.clock.as_ref()?;
    let started = started_at(state, procedure, step, clock)?;
    let due = clock_due(clock, started, calendar);
    let escalate_to = clock
        .escalate
        .iter()
        .filter(|e| add_minutes(started, e.after_minutes) <= now)
        .map(|e| e.to)
        .collect();
    Some(Clock {
        what: Due::Step(step.id.clone()),
        text: step.text.clone(),
        force: clock.force,
        started_at: started,
        due_at: due,
        elapsed: now.duration_since(started).max(SignedDuration::ZERO),
        overdue: now > due,
        escalate_to,
    })
}

fn started_at(
    state: &CaseState,
    procedure: &Procedure,
    step: &Step,
    clock: &StepClock,
) -> Option<Timestamp> {
    let applies = applies_since(state, step.when);
    match &clock.after {
        None => Some(applies),
        Some(before) => procedure
            .step(before)
            .and_then(|before| done_at(state, before))
            .map(|at| at.max(applies)),
    }
}

fn clock_due(clock: &StepClock, started: Timestamp, calendar: &dyn Calendar) -> Timestamp {
    let own = due_at(clock.limit, started, calendar);
    clock
        .bound
        .map_or(own, |bound| own.min(due_at(bound, started, calendar)))
}

fn due_at(limit: Limit, started: Timestamp, calendar: &dyn Calendar) -> Timestamp {
    match limit {
        Limit::Now => add_minutes(started, 1),
        Limit::Minutes(minutes) => add_minutes(started, minutes),
        Limit::SchoolDay => calendar.end_of_school_day(started),
        Limit::WorkingDays(days) => calendar.after_school_days(started, days),
    }
}

fn dated(state: &CaseState, calendar: &dyn Calendar, now: Timestamp) -> Vec<Clock> {
    let clock = |what, text: String, started_at: Timestamp, date, to: Party| {
        let due_at = calendar.end_of(date);
        Clock {
            what,
            text,
            force: Force::Default,
            started_at,
            due_at,
            elapsed: now.duration_since(started_at).max(SignedDuration::ZERO),
            overdue: now > due_at,
            escalate_to: if now > due_at { vec![to] } else { Vec::new() },
        }
    };
    let actions = state.open_actions().map(|a| {
        clock(
            Due::Action(a.id),
            a.what.clone(),
            a.mark.at,
            a.due,
            Party::Lead,
        )
    });
    let answers = state
        .referrals
        .iter()
        .filter(|r| r.answered_at.is_none())
        .filter_map(|r| {
            let text = format!("{} is to answer", r.agency.title());
            r.follow_up
                .map(|date| clock(Due::Answer(r.id), text, r.referred_at, date, Party::Lead))
        });
    let parents = state.pupils().into_iter().filter_map(|pupil| {
        let ParentsStanding::NotYet(date) = state.parents_of(pupil) else {
            return None;
        };
        let since = state.parents.get(&pupil)?.not_told.as_ref()?.mark.at;
        let text = "Look again at whether the parents can be told".to_owned();
        Some(clock(
            Due::ParentsReview(pupil),
            text,
            since,
            date,
            Party::Lead,
        ))
    });
    let support = state.support.iter().filter_map(|(pupil, support)| {
        let (date, since) = (support.review?, support.given_at?);
        let text = "Look again at the support given".to_owned();
        Some(clock(
            Due::SupportReview(*pupil),
            text,
            since,
            date,
            Party::Lead,
        ))
    });
    actions
        .chain(answers)
        .chain(parents)
        .chain(support)
        .collect()
}
