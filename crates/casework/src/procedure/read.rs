//! A procedure from its TOML text.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::toml_walk::{Tab, Walk};
use super::{
    Act, Choice, Closing, Decision, DoneBy, Escalation, Flag, Forbid, Force, Letter, Limit, Need,
    Party, Phase, Problem, Procedure, ProcedureRef, Source, Step, StepClock, When,
};
use crate::Agency;

/// The version of the file format.
const FORMAT: u32 = 1;
/// Most steps a procedure may have: a chart stays readable.
const STEPS_MAX: usize = 100;
/// Longest procedure file, in bytes.
const TEXT_BYTES_MAX: usize = 512 * 1024;

const STEP_KEYS: &[&str] = &[
    "id",
    "text",
    "who",
    "clock",
    "force",
    "after",
    "escalate",
    "gate",
    "urgent",
    "need",
    "when",
    "done-by",
    "records",
    "sources",
    "phase",
    "options",
    "many",
    "per-pupil",
    "reasons-against",
];

pub(super) fn procedure(text: &str) -> Result<Procedure, Vec<Problem>> {
    let mut walk = Walk::new(text);
    if text.len() > TEXT_BYTES_MAX {
        walk.say(
            1,
            format!("the file is longer than {TEXT_BYTES_MAX} bytes; a procedure is a page or two"),
        );
        return walk.finish(None);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        walk.syntax(error);
    }
    if !errors.is_empty() {
        return walk.finish(None);
    }
    let root = walk.root(table.get_ref());
    let procedure = procedure_of(&mut walk, &root);
    walk.finish(procedure)
}

fn procedure_of(walk: &mut Walk, root: &Tab<'_, '_>) -> Option<Procedure> {
    walk.only(
        root,
        &[
            "format",
            "id",
            "version",
            "title",
            "when-to-use",
            "edition",
            "checked",
            "closing",
            "source",
            "step",
            "forbid",
            "letter",
        ],
    );
    if walk
        .number(root, "format")
        .is_some_and(|format| format != FORMAT)
    {
        let line = walk.line_of(root, "format");
        walk.say(
            line,
            format!("this server reads format {FORMAT}; use a procedure written for it"),
        );
    }
    let sources = sources(walk, root);
    let steps = steps(walk, root, &sources);
    let version = walk.number(root, "version");
    let checked = walk.date(root, "checked");
    Some(Procedure {
        reference: ProcedureRef {
            id: id(walk, root),
            version: version.map(|v| v.to_string()).unwrap_or_default(),
        },
        title: walk.text(root, "title"),
        when_to_use: walk.text(root, "when-to-use"),
        edition: walk.text(root, "edition"),
        forbids: forbids(walk, root),
        closing: closing(walk, root),
        letters: letters(walk, root),
        parent_duty: super::ParentDuty::default(),
        deliberate_on_file: false,
        checked: checked?,
        sources,
        steps,
    })
}

fn id(walk: &mut Walk, tab: &Tab<'_, '_>) -> String {
    let id = walk.text(tab, "id");
    let fine = id.len() <= 60
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fine {
        let line = walk.line_of(tab, "id");
        walk.say(
            line,
            format!("{id:?} is not an id: use lower-case letters, digits and hyphens, at most 60"),
        );
    }
    id
}

fn sources(walk: &mut Walk, root: &Tab<'_, '_>) -> Vec<Source> {
    let mut sources = Vec::new();
    for tab in walk.tables(root, "source") {
        walk.only(&tab, &["id", "title", "edition", "checked"]);
        let id = id(walk, &tab);
        let (title, edition) = (walk.text(&tab, "title"), walk.text(&tab, "edition"));
        if let Some(checked) = walk.date(&tab, "checked") {
            sources.push(Source {
                id,
                title,
                edition,
                checked,
            });
        }
    }
    if sources.is_empty() {
        walk.say(
            root.line,
            "the procedure names no source: add a [[source]] with title, edition and checked",
        );
    }
    sources
}

fn steps(walk: &mut Walk, root: &Tab<'_, '_>, sources: &[Source]) -> Vec<Step> {
    let tabs = walk.tables(root, "step");
    if tabs.is_empty() || tabs.len() > STEPS_MAX {
        walk.say(
            root.line,
            format!(
                "a procedure has between 1 and {STEPS_MAX} steps; this one has {}",
                tabs.len()
            ),
        );
    }
    let mut steps: Vec<Step> = Vec::new();
    for tab in &tabs {
        let Some(step) = step(walk, tab) else {
            continue;
        };
        if steps.iter().any(|earlier| earlier.id == step.id) {
            walk.say(
                tab.line,
                format!("two steps have the id {:?}: rename one", step.id),
            );
        }
        for cited in &step.sources {
            if !sources.iter().any(|source| source.id == *cited) {
                walk.say(
                    tab.line,
                    format!(
                        "step {:?} cites the source {cited:?}, which is not listed",
                        step.id
                    ),
                );
            }
        }
        steps.push(step);
    }
    check_after(walk, &tabs, &steps);
    steps
}

fn check_after(walk: &mut Walk, tabs: &[Tab<'_, '_>], steps: &[Step]) {
    let mut before = BTreeSet::new();
    for (step, tab) in steps.iter().zip(tabs) {
        if let Some(after) = step.clock.as_ref().and_then(|clock| clock.after.as_deref())
            && !before.contains(after)
        {
            let line = walk.line_of(tab, "after");
            walk.say(
                line,
                format!(
                    "the clock of step {:?} starts after {after:?}, which is not an earlier step",
                    step.id
                ),
            );
        }
        before.insert(step.id.as_str());
    }
}

/// A step that a school adds: as in a procedure, with the step it stands after.
pub(super) fn added_step(walk: &mut Walk, tab: &Tab<'_, '_>) -> Option<Step> {
    let keys: Vec<&str> = STEP_KEYS.iter().copied().chain(["after-step"]).collect();
    walk.only(tab, &keys);
    step_of(walk, tab)
}

fn step(walk: &mut Walk, tab: &Tab<'_, '_>) -> Option<Step> {
    walk.only(tab, STEP_KEYS);
    step_of(walk, tab)
}

fn step_of(walk: &mut Walk, tab: &Tab<'_, '_>) -> Option<Step> {
    let who = parties(walk, tab);
    let need = need(walk, tab);
    let when = match walk.maybe_text(tab, "when") {
        None => Some(When::Always),
        Some(text) => {
            let line = walk.line_of(tab, "when");
            when(walk, line, &text)
        }
    };
    let done_by = done_by(walk, tab);
    let phase = walk.text(tab, "phase");
    let line = walk.line_of(tab, "phase");
    let phase = walk.one_of(line, &phase, Phase::ALL, Phase::name);
    Some(Step {
        id: id(walk, tab),
        text: walk.text(tab, "text"),
        school_note: None,
        clock: clock(walk, tab),
        gate: walk.flag(tab, "gate").unwrap_or(false),
        urgent: walk.flag(tab, "urgent").unwrap_or(false),
        records: walk
            .list(tab, "records")
            .into_iter()
            .map(|(_, text)| text)
            .collect(),
        sources: walk
            .list(tab, "sources")
            .into_iter()
            .map(|(_, text)| text)
            .collect(),
        who,
        need: need?,
        when: when?,
        done_by: done_by?,
        phase: phase?,
    })
}

pub(super) fn parties(walk: &mut Walk, tab: &Tab<'_, '_>) -> Vec<Party> {
    let list = walk.list(tab, "who");
    if list.is_empty() {
        walk.say(
            tab.line,
            format!("{} names nobody: add who = [\"lead\"]", tab.what()),
        );
    }
    list.into_iter()
        .filter_map(|(line, text)| walk.one_of(line, &text, Party::ALL, Party::name))
        .collect()
}

pub(super) fn need(walk: &mut Walk, tab: &Tab<'_, '_>) -> Option<Need> {
    let Some(text) = walk.maybe_text(tab, "need") else {
        return Some(Need::Required);
    };
    let line = walk.line_of(tab, "need");
    walk.one_of(
        line,
        &text,
        &[Need::Required, Need::IfAppropriate],
        |need| match need {
            Need::Required => "required",
            Need::IfAppropriate => "if-appropriate",
        },
    )
}

fn when(walk: &mut Walk, line: usize, text: &str) -> Option<When> {
    let mut all = vec![When::Always, When::Unclassified, When::Pupil];
    all.extend(Flag::ALL.iter().copied().map(When::If));
    walk.one_of(line, text, &all, |when| match when {
        When::Always => "always",
        When::Unclassified => "unclassified",
        When::Pupil => "pupil",
        When::If(flag) => flag.name(),
    })
}

pub(super) fn clock(walk: &mut Walk, tab: &Tab<'_, '_>) -> Option<StepClock> {
    let Some(text) = walk.maybe_text(tab, "clock") else {
        for key in ["force", "after", "escalate"] {
            if walk.has(tab, key) {
                let line = walk.line_of(tab, key);
                walk.say(line, format!("{key:?} of {} needs a clock", tab.what()));
            }
        }
        return None;
    };
    let line = walk.line_of(tab, "clock");
    let Some(limit) = limit(&text) else {
        walk.say(line, format!("{text:?} is not a clock: use \"now\", \"30 minutes\", \"2 hours\", \"school day\" or \"1 working day\""));
        return None;
    };
    let force = match walk.maybe_text(tab, "force") {
        None => Force::Default,
        Some(text) => {
            let line = walk.line_of(tab, "force");
            let all = [Force::Default, Force::Guidance, Force::Law];
            walk.one_of(line, &text, &all, |force| match force {
                Force::Default => "default",
                Force::Guidance => "guidance",
                Force::Law => "law",
            })?
        }
    };
    Some(StepClock {
        limit,
        bound: None,
        force,
        after: walk.maybe_text(tab, "after"),
        escalate: escalations(walk, tab),
    })
}

fn escalations(walk: &mut Walk, tab: &Tab<'_, '_>) -> Vec<Escalation> {
    let mut ladder = Vec::new();
    for (line, text) in walk.list(tab, "escalate") {
        let parts = text
            .split_once(':')
            .map(|(time, to)| (limit(time.trim()), to.trim()));
        let Some((Some(Limit::Minutes(after_minutes)), to)) = parts else {
            walk.say(
                line,
                format!("{text:?} is not a rung: write \"30 minutes: deputy\""),
            );
            continue;
        };
        if let Some(to) = walk.one_of(line, to, Party::ALL, Party::name) {
            ladder.push(Escalation { after_minutes, to });
        }
    }
    ladder.sort_by_key(|rung| rung.after_minutes);
    ladder
}

/// A clock's length from its words.
pub(super) fn limit(text: &str) -> Option<Limit> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["now"] => Some(Limit::Now),
        ["school", "day"] => Some(Limit::SchoolDay),
        [count, "minute" | "minutes"] => count
            .parse()
            .ok()
            .filter(|n| (1..=100_000).contains(n))
            .map(Limit::Minutes),
        [count, "hour" | "hours"] => {
            let hours: u32 = count.parse().ok().filter(|n| (1..=1_000).contains(n))?;
            Some(Limit::Minutes(hours * 60))
        }
        [count, "working" | "school", "day" | "days"] => count
            .parse()
            .ok()
            .filter(|n| (1..=250).contains(n))
            .map(Limit::WorkingDays),
        _ => None,
    }
}

fn done_by(walk: &mut Walk, tab: &Tab<'_, '_>) -> Option<DoneBy> {
    let text = walk.text(tab, "done-by");
    let line = walk.line_of(tab, "done-by");
    if text != "decision" {
        for key in ["options", "many", "per-pupil", "reasons-against"] {
            if walk.has(tab, key) {
                let line = walk.line_of(tab, key);
                walk.say(
                    line,
                    format!(
                        "{key:?} of {} belongs to a decision: set done-by = \"decision\"",
                        tab.what()
                    ),
                );
            }
        }
    }
    if let Some(agency) = text.strip_prefix("referral:") {
        return walk
            .one_of(line, agency.trim(), Agency::ALL, Agency::name)
            .map(DoneBy::Referral);
    }
    Some(match text.as_str() {
        "" => return None,
        "decision" => DoneBy::Decision(Box::new(decision(walk, tab))),
        "tick" => DoneBy::Tick,
        "acknowledge" => DoneBy::Acknowledge,
        "danger" => DoneBy::Danger,
        "classify" => DoneBy::Classify,
        "parents" => DoneBy::Parents,
        "contain" => DoneBy::Contain,
        "fix" => DoneBy::Fix,
        "retest" => DoneBy::Retest,
        "supplier-report" => DoneBy::SupplierReport,
        "supplier-answer" => DoneBy::SupplierAnswer,
        "support" => DoneBy::Support,
        "sanction" => DoneBy::Sanction,
        "outcomes" => DoneBy::Outcomes,
        "actions" => DoneBy::Actions,
        "debrief" => DoneBy::Debrief,
        "lessons" => DoneBy::Lessons,
        "child-view" => DoneBy::ChildView,
        "second-reading" => DoneBy::SecondReading,
        "linked-concern" => DoneBy::LinkedConcern,
        "prefilled" => DoneBy::Prefilled,
        other => {
            let known = [
                "tick",
                "decision",
                "acknowledge",
                "danger",
                "classify",
                "parents",
                "referral:police",
                "contain",
                "fix",
                "retest",
                "supplier-report",
                "supplier-answer",
                "support",
                "sanction",
                "outcomes",
                "actions",
                "debrief",
                "lessons",
                "child-view",
                "second-reading",
                "linked-concern",
                "prefilled",
            ];
            walk.say(
                line,
                super::toml_walk::unknown(&format!("nothing is done by {other:?}"), other, &known),
            );
            return None;
        }
    })
}

fn decision(walk: &mut Walk, tab: &Tab<'_, '_>) -> Decision {
    let mut options: Vec<Choice> = Vec::new();
    for option in walk.tables(tab, "options") {
        walk.only(&option, &["id", "text", "sets"]);
        let id = id(walk, &option);
        if options.iter().any(|earlier| earlier.id == id) {
            walk.say(
                option.line,
                format!("two options have the id {id:?}: rename one"),
            );
        }
        let sets = walk
            .list(&option, "sets")
            .into_iter()
            .filter_map(|(line, text)| walk.one_of(line, &text, Flag::ALL, Flag::name))
            .collect();
        options.push(Choice {
            id,
            text: walk.text(&option, "text"),
            sets,
        });
    }
    if options.len() < 2 {
        walk.say(
            tab.line,
            format!("{} is a decision with fewer than two options", tab.what()),
        );
    }
    Decision {
        options,
        many: walk.flag(tab, "many").unwrap_or(false),
        per_pupil: walk.flag(tab, "per-pupil").unwrap_or(false),
        reasons_against: walk.flag(tab, "reasons-against").unwrap_or(true),
    }
}

pub(super) fn forbids(walk: &mut Walk, root: &Tab<'_, '_>) -> Vec<Forbid> {
    let mut forbids = Vec::new();
    for tab in walk.tables(root, "forbid") {
        walk.only(&tab, &["act", "when", "why", "instead"]);
        let act = walk.text(&tab, "act");
        let line = walk.line_of(&tab, "act");
        let act = walk.one_of(line, &act, Act::ALL, Act::name);
        let when_text = walk
            .maybe_text(&tab, "when")
            .unwrap_or_else(|| "always".into());
        let line = walk.line_of(&tab, "when");
        let when = when(walk, line, &when_text);
        let (why, instead) = (walk.text(&tab, "why"), walk.text(&tab, "instead"));
        if let (Some(act), Some(when)) = (act, when) {
            forbids.push(Forbid {
                act,
                when,
                why,
                instead,
            });
        }
    }
    forbids
}

pub(super) fn closing(walk: &mut Walk, root: &Tab<'_, '_>) -> Vec<Closing> {
    let mut closing: Vec<Closing> = Vec::new();
    for (line, text) in walk.list(root, "closing") {
        if let Some(condition) = walk.one_of(line, &text, Closing::ALL, Closing::name)
            && !closing.contains(&condition)
        {
            closing.push(condition);
        }
    }
    closing
}

pub(super) fn letters(walk: &mut Walk, root: &Tab<'_, '_>) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::new();
    for tab in walk.tables(root, "letter") {
        walk.only(&tab, &["id", "title", "to", "text"]);
        let letter = Letter {
            id: id(walk, &tab),
            title: walk.text(&tab, "title"),
            to: walk.text(&tab, "to"),
            text: walk.text(&tab, "text"),
        };
        if letters.iter().any(|earlier| earlier.id == letter.id) {
            walk.say(
                tab.line,
                format!("two letters have the id {:?}: rename one", letter.id),
            );
        }
        letters.push(letter);
    }
    letters
}
