//! A school's changes to a shipped procedure: stricter, never looser.

use toml::de::DeTable;

use super::read;
use super::toml_walk::{Tab, Walk};
use super::{
    Closing, DoneBy, Escalation, Forbid, Force, Letter, Limit, Need, Party, Problem, Procedure,
    Step, StepClock, When,
};

/// A school's change to one procedure, as read from its pack.
///
/// ```toml
/// procedure = "filter-breach"
/// version = 2                       # the school's own number
/// closing = ["fix"]                 # more closing conditions
///
/// [[step]]                          # an existing step, made stricter
/// id = "fix"
/// clock = "2 hours"
/// need = "required"
/// note = "Ring the broadband help desk as well."
///
/// [[add]]                           # a new step, in full, after an existing one
/// after-step = "fix"
/// # id, text, who, … as in a procedure
///
/// [[forbid]]                        # one more prohibition
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The procedure changed.
    pub procedure: String,
    /// The school's own version number.
    pub version: u32,
    line: usize,
    steps: Vec<StepChange>,
    added: Vec<(usize, String, Step)>,
    forbids: Vec<Forbid>,
    closing: Vec<Closing>,
    letters: Vec<Letter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct StepChange {
    line: usize,
    id: String,
    clock: Option<StepClock>,
    need: Option<Need>,
    gate: Option<bool>,
    who: Option<Vec<Party>>,
    always: bool,
    note: Option<String>,
    reasons_against: Option<bool>,
}

impl Change {
    /// Reads a change, or says everything that is wrong with it.
    ///
    /// # Errors
    /// Every problem found, in the order of lines. An attempt to drop a step or to allow what is
    /// forbidden is one of them.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut walk = Walk::new(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            walk.syntax(error);
        }
        if !errors.is_empty() {
            return walk.finish(None);
        }
        let root = walk.root(table.get_ref());
        let change = change(&mut walk, &root);
        walk.finish(change)
    }
}

fn change(walk: &mut Walk, root: &Tab<'_, '_>) -> Option<Change> {
    for (key, why) in [
        (
            "drop",
            "a step cannot be dropped: a school may make a procedure stricter, never looser",
        ),
        (
            "allow",
            "a prohibition cannot be lifted: a school may make a procedure stricter, never looser",
        ),
    ] {
        if walk.has(root, key) {
            let line = walk.line_of(root, key);
            walk.say(line, why);
        }
    }
    walk.only(
        root,
        &[
            "procedure",
            "version",
            "closing",
            "step",
            "add",
            "forbid",
            "letter",
            "drop",
            "allow",
        ],
    );
    let version = walk.number(root, "version");
    let steps = walk.tables(root, "step");
    let steps = steps.iter().map(|tab| step_change(walk, tab)).collect();
    let mut added = Vec::new();
    for tab in walk.tables(root, "add") {
        let after = walk.text(&tab, "after-step");
        if let Some(step) = read::added_step(walk, &tab) {
            added.push((tab.line, after, step));
        }
    }
    Some(Change {
        procedure: walk.text(root, "procedure"),
        version: version?,
        line: walk.line_of(root, "procedure"),
        steps,
        added,
        forbids: read::forbids(walk, root),
        closing: read::closing(walk, root),
        letters: read::letters(walk, root),
    })
}

fn step_change(walk: &mut Walk, tab: &Tab<'_, '_>) -> StepChange {
    walk.only(
        tab,
        &[
            "id",
            "clock",
            "force",
            "after",
            "escalate",
            "need",
            "gate",
            "who",
            "when",
            "note",
            "reasons-against",
        ],
    );
    let always = match walk.maybe_text(tab, "when").as_deref() {
        None => false,
        Some("always") => true,
        Some(_) => {
            let line = walk.line_of(tab, "when");
            walk.say(
                line,
                "a school may only make a step apply always: when = \"always\"",
            );
            false
        }
    };
    let need = if walk.has(tab, "need") {
        read::need(walk, tab)
    } else {
        None
    };
    let who = if walk.has(tab, "who") {
        Some(read::parties(walk, tab))
    } else {
        None
    };
    StepChange {
        line: tab.line,
        id: walk.text(tab, "id"),
        clock: read::clock(walk, tab),
        need,
        gate: walk.flag(tab, "gate"),
        who,
        always,
        note: walk.maybe_text(tab, "note"),
        reasons_against: walk.flag(tab, "reasons-against"),
    }
}

/// The procedure with a school's change. Steps may be added, made required, made gates, given a
/// shorter clock, fewer hands or a note; prohibitions and closing conditions may be added.
///
/// # Errors
/// Every place where the change would loosen the procedure or does not fit it, with its line.
pub fn tighten(base: &Procedure, change: &Change) -> Result<Procedure, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut say = |line, message: String| problems.push(Problem { line, message });
    if change.procedure != base.reference.id {
        say(
            change.line,
            format!(
                "the change is for {:?}, this is {:?}",
                change.procedure, base.reference.id
            ),
        );
    }
    let mut tight = base.clone();
    tight.reference.version = format!("{}+{}", base.reference.version, change.version);
    for stricter in &change.steps {
        match tight.steps.iter_mut().find(|step| step.id == stricter.id) {
            Some(step) => apply(step, stricter, &mut say),
            None => {
                let known: Vec<&str> = base.steps.iter().map(|step| step.id.as_str()).collect();
                let start = format!("{} has no step {:?}", base.reference.id, stricter.id);
                say(
                    stricter.line,
                    super::toml_walk::unknown(&start, &stricter.id, &known),
                );
            }
        }
    }
    for (line, after, step) in &change.added {
        add(&mut tight, *line, after, step, &mut say);
    }
    tight.forbids.extend(change.forbids.iter().cloned());
    for condition in &change.closing {
        if !tight.closing.contains(condition) {
            tight.closing.push(*condition);
        }
    }
    for letter in &change.letters {
        if tight.letters.iter().any(|known| known.id == letter.id) {
            say(
                change.line,
                format!(
                    "the procedure has a letter {:?} already: give yours another id",
                    letter.id
                ),
            );
        } else {
            tight.letters.push(letter.clone());
        }
    }
    if problems.is_empty() {
        Ok(tight)
    } else {
        Err(problems)
    }
}

fn apply(step: &mut Step, stricter: &StepChange, say: &mut impl FnMut(usize, String)) {
    let line = stricter.line;
    let id = step.id.clone();
    if let Some(need) = stricter.need {
        if need < step.need {
            say(
                line,
                format!("step {id:?} is required: it cannot be made if-appropriate"),
            );
        } else {
            step.need = need;
        }
    }
    match stricter.gate {
        Some(false) if step.gate => say(
            line,
            format!("step {id:?} is a gate: it cannot be made an ordinary step"),
        ),
        // An urgent step held back would be a step not taken: a gate never does that.
        Some(gate) => step.gate = gate,
        None => {}
    }
    if let Some(who) = &stricter.who {
        if who.is_empty() || !who.iter().all(|party| step.who.contains(party)) {
            say(
                line,
                format!("step {id:?} may be left to fewer hands, not to others"),
            );
        } else {
            step.who = who.clone();
        }
    }
    if stricter.always {
        step.when = When::Always;
    }
    if let Some(clock) = &stricter.clock {
        tighten_clock(step, clock, line, say);
    }
    if let Some(note) = &stricter.note {
        step.school_note = Some(note.clone());
    }
    match (stricter.reasons_against, &mut step.done_by) {
        (Some(true), DoneBy::Decision(decision)) => decision.reasons_against = true,
        (Some(false), DoneBy::Decision(decision)) if decision.reasons_against => {
            say(
                line,
                format!("decision {id:?} asks why the other roads are not taken: this stays"),
            );
        }
        (Some(_), DoneBy::Decision(_)) | (None, _) => {}
        (Some(_), _) => say(line, format!("step {id:?} is not a decision")),
    }
}

/// A clock that guidance or law sets may be shortened, not lengthened, and keeps its force. A
/// default clock is the school's own affair. A ladder may gain rungs and be climbed sooner.
fn tighten_clock(
    step: &mut Step,
    clock: &StepClock,
    line: usize,
    say: &mut impl FnMut(usize, String),
) {
    let id = step.id.clone();
    let Some(base) = &step.clock else {
        step.clock = Some(clock.clone());
        return;
    };
    let bound = base.force != Force::Default;
    if bound && !is_shorter(clock.limit, base.limit) {
        say(
            line,
            format!(
                "the clock of step {id:?} is set by guidance or law: it can be shortened, not lengthened"
            ),
        );
        return;
    }
    if bound && clock.after != base.after && clock.after.is_some() {
        say(
            line,
            format!("the clock of step {id:?} is set by guidance or law: it cannot start later"),
        );
        return;
    }
    let escalate = if clock.escalate.is_empty() {
        base.escalate.clone()
    } else {
        clock.escalate.clone()
    };
    if bound && !climbs_as_soon(&base.escalate, &escalate) {
        say(
            line,
            format!("the ladder of step {id:?} may be climbed sooner, not later"),
        );
        return;
    }
    let after = clock.after.clone().or_else(|| base.after.clone());
    step.clock = Some(StepClock {
        limit: clock.limit,
        bound: bound.then_some(base.bound.unwrap_or(base.limit)),
        force: base.force.max(clock.force),
        after,
        escalate,
    });
}

fn climbs_as_soon(base: &[Escalation], new: &[Escalation]) -> bool {
    base.iter().all(|rung| {
        new.iter()
            .any(|n| n.to == rung.to && n.after_minutes <= rung.after_minutes)
    })
}

/// Whether a school's limit reads as shorter or the same. Where the kinds differ the order is
/// minutes, school day, working days; the shipped limit stays beside it as a bound.
fn is_shorter(new: Limit, base: Limit) -> bool {
    let rank = |limit| match limit {
        Limit::Now => (0, 0),
        Limit::Minutes(minutes) => (1, minutes),
        Limit::SchoolDay => (2, 0),
        Limit::WorkingDays(days) => (3, u32::from(days)),
    };
    rank(new) <= rank(base)
}

fn add(
    tight: &mut Procedure,
    line: usize,
    after: &str,
    step: &Step,
    say: &mut impl FnMut(usize, String),
) {
    if tight.step(&step.id).is_some() {
        say(
            line,
            format!(
                "the procedure has a step {:?} already: give yours another id",
                step.id
            ),
        );
        return;
    }
    if !matches!(step.done_by, DoneBy::Tick) {
        say(
            line,
            format!(
                "an added step is ticked off: set done-by = \"tick\" for {:?}",
                step.id
            ),
        );
        return;
    }
    match tight.steps.iter().position(|known| known.id == after) {
        Some(at) => tight.steps.insert(at + 1, step.clone()),
        None => say(
            line,
            format!("there is no step {after:?} to put {:?} after", step.id),
        ),
    }
}
