//! Facts about the school: name, words, phases, calendar, hours, and the policy's front page.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use pharos_policy::spec::{
    Boarding, CalendarSpec, DatesSpec, Day, HoursSpec, SchoolDays, SpanSpec,
};
use pharos_school::{Role, YearBand};

use crate::problem::Severity;
use crate::read::{Cx, Fields};
use crate::tree::{Node, Value};

/// What the school is called and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct School {
    /// Full name, shown on every page.
    pub name: String,
    /// Short name for small screens; the full name where none is written.
    pub short_name: String,
    /// Area whose directory of agencies applies.
    pub area: Option<String>,
    /// Time zone by its IANA name.
    pub zone: String,
    /// The school's own domains.
    pub domains: Vec<String>,
    /// Phases, youngest first.
    pub phases: Vec<Phase>,
}

/// A phase of the school (VUL-04). Its name is a group of its own in rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Name used in the pack, such as `early-years`.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Its year groups.
    pub years: Vec<YearBand>,
}

/// The school's own words (CFG-03). Every page, letter and report uses these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(BTreeMap<&'static str, String>);

/// Keys of `[school.words]` with the word used where the school writes none.
pub const WORDS: &[(&str, &str)] = &[
    ("pupil", "pupil"),
    ("pupils", "pupils"),
    ("parent", "parent"),
    ("parents", "parents"),
    ("staff", "staff"),
    ("teacher", "teacher"),
    ("tutor", "form tutor"),
    ("head", "Head"),
    ("lead", "Designated Safeguarding Lead"),
    ("deputy", "Deputy Safeguarding Lead"),
    ("online_lead", "Online Safety Lead"),
    ("house_staff", "house staff"),
    ("office", "school office"),
    ("leadership", "senior leadership team"),
    ("technical", "technical team"),
    ("governor", "governor"),
    ("governors", "governing body"),
    ("chair", "Chair of Governors"),
    ("visitor", "visitor"),
    ("school", "school"),
    ("form", "form"),
    ("platform", "learning platform"),
];

impl Default for Words {
    fn default() -> Self {
        Self(
            WORDS
                .iter()
                .map(|(key, word)| (*key, (*word).to_owned()))
                .collect(),
        )
    }
}

impl Words {
    /// The school's word for a key of [`WORDS`]; the key itself for any other.
    pub fn word<'a>(&'a self, key: &'a str) -> &'a str {
        self.0.get(key).map_or(key, String::as_str)
    }

    /// The head's title (`people.head_title`), unless `[school.words]` has a word of its own.
    pub(crate) fn call_head(&mut self, title: &str) {
        let built_in = WORDS
            .iter()
            .find(|(key, _)| *key == "head")
            .map(|(_, word)| *word);
        if self.0.get("head").map(String::as_str) == built_in {
            self.0.insert("head", title.to_owned());
        }
    }

    /// What the school calls somebody with this role.
    pub fn role(&self, role: Role) -> &str {
        let name = role.name();
        match role {
            Role::OnlineLead => self.word("online_lead"),
            Role::HouseStaff => self.word("house_staff"),
            _ => self.word(name),
        }
    }

    /// Replaces `{pupil}`, `{head}` and so on. A brace without a known key stays as it is.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            filled.push_str(before);
            let word = from
                .get(1..)
                .and_then(|inner| inner.split_once('}'))
                .and_then(|(key, after)| self.0.get(key).map(|word| (word, after)));
            if let Some((word, after)) = word {
                filled.push_str(word);
                rest = after;
            } else {
                filled.push('{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
        filled.push_str(rest);
        filled
    }
}

/// The facts on the policy's front page (REV-01).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrontPage {
    /// Title.
    pub title: String,
    /// Version, such as `2026.1`.
    pub version: String,
    /// Who answers for the policy.
    pub owner: String,
    /// Who wrote it.
    pub author: String,
    /// The template it came from.
    pub template: Option<String>,
    /// The approving body.
    pub approved_by: String,
    /// Day of approval; `None` for a draft.
    pub approved_on: Option<Date>,
    /// Day by which it is reviewed.
    pub review_on: Option<Date>,
    /// What and whom it covers.
    pub scope: String,
    /// For whom it is written.
    pub audience: Vec<String>,
}

/// Everything that stands in `[school]`.
pub(crate) struct SchoolTable {
    pub(crate) school: School,
    pub(crate) words: Words,
    pub(crate) hours: BTreeMap<String, HoursSpec>,
    pub(crate) calendar: CalendarSpec,
}

pub(crate) fn read_school(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> SchoolTable {
    let empty = || SchoolTable {
        school: School {
            zone: "Europe/London".to_owned(),
            ..School::default()
        },
        words: Words::default(),
        hours: BTreeMap::new(),
        calendar: CalendarSpec::default(),
    };
    let at = root.at();
    let Some(mut table) = root.table("school", cx) else {
        cx.error(
            at,
            "the table [school] is missing",
            "begin with [school] and name = \"…\"",
        );
        return empty();
    };
    let name = table.needed_text("name", cx).unwrap_or_default();
    let found = SchoolTable {
        school: School {
            short_name: table.text("short_name", cx).unwrap_or_else(|| name.clone()),
            name,
            area: read_area(&mut table, cx),
            zone: read_zone(&mut table, cx),
            domains: table
                .texts("domains", cx)
                .into_iter()
                .map(|(_, domain)| domain)
                .collect(),
            phases: read_phases(&mut table, cx),
        },
        words: read_words(&mut table, cx),
        hours: read_hours(&mut table, cx),
        calendar: read_calendar(&mut table, cx),
    };
    table.finish(cx);
    found
}

/// Kept and shown; the local directory of agencies comes later, and `pack check` says so.
fn read_area(table: &mut Fields<'_>, cx: &mut Cx<'_>) -> Option<String> {
    let (node, path) = table.node("area")?;
    let file = cx.file.to_owned();
    let message = format!("{path} is kept and shown, but nothing acts on it yet");
    cx.problems
        .add(&file, node.at, Severity::Note, message, None);
    cx.text(&path, node)
}

fn read_zone(table: &mut Fields<'_>, cx: &mut Cx<'_>) -> String {
    let Some((node, path)) = table.node("zone") else {
        return "Europe/London".to_owned();
    };
    let zone = cx
        .text(&path, node)
        .unwrap_or_else(|| "Europe/London".to_owned());
    if jiff::tz::TimeZone::get(&zone).is_err() {
        cx.error(
            node.at,
            format!("{path}: {zone:?} is not a time zone"),
            "use an IANA name such as \"Europe/London\"",
        );
    }
    zone
}

fn read_phases(table: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<Phase> {
    let mut phases = Vec::new();
    for (name, mut fields) in table.named_tables("phases", cx) {
        let at = fields.at();
        let title = fields.text("title", cx).unwrap_or_else(|| name.clone());
        let years: Vec<YearBand> = fields.all_parsed("years", cx);
        let written = fields.entry("years").is_some();
        fields.finish(cx);
        if years.is_empty() && !written {
            cx.error(
                at,
                format!("school.phases.{name} names no years"),
                "write years = [\"N-R\"] or [\"7-9\"]",
            );
        }
        phases.push(Phase { name, title, years });
    }
    for (index, phase) in phases.iter().enumerate() {
        let overlapping = phases
            .iter()
            .skip(index + 1)
            .find(|other| overlap(phase, other));
        if let Some(other) = overlapping {
            cx.error(
                table.at(),
                format!(
                    "the phases {} and {} share a year group",
                    phase.name, other.name
                ),
                "each year group belongs to one phase",
            );
        }
    }
    phases.sort_by_key(|phase| phase.years.iter().map(|band| band.from).min());
    phases
}

fn overlap(one: &Phase, other: &Phase) -> bool {
    one.years
        .iter()
        .any(|a| other.years.iter().any(|b| a.from <= b.to && b.from <= a.to))
}

fn read_words(table: &mut Fields<'_>, cx: &mut Cx<'_>) -> Words {
    let mut words = Words::default();
    let Some(mut fields) = table.table("words", cx) else {
        return words;
    };
    for (key, _) in WORDS {
        if let Some(word) = fields.text(key, cx) {
            words.0.insert(key, word);
        }
    }
    fields.finish(cx);
    words
}

/// `[timetable]`: when each member of staff teaches, by sign-in name (FIL-10).
pub(crate) fn read_timetable(
    root: &mut Fields<'_>,
    cx: &mut Cx<'_>,
) -> BTreeMap<String, Vec<SpanSpec>> {
    spans_by_name(root, "timetable", cx)
}

fn read_hours(table: &mut Fields<'_>, cx: &mut Cx<'_>) -> BTreeMap<String, HoursSpec> {
    let hours = spans_by_name(table, "hours", cx).into_iter();
    hours
        .map(|(name, spans)| (name, HoursSpec { spans }))
        .collect()
}

/// A table of names, each with one span or a list of them.
fn spans_by_name(
    table: &mut Fields<'_>,
    key: &'static str,
    cx: &mut Cx<'_>,
) -> BTreeMap<String, Vec<SpanSpec>> {
    let mut named = BTreeMap::new();
    let Some((node, path)) = table.node(key) else {
        return named;
    };
    let Some(inner) = cx.table(&path, node) else {
        return named;
    };
    for entry in &inner.entries {
        let path = format!("{path}.{}", entry.key);
        let spans = match &entry.node.value {
            Value::List(items) => items
                .iter()
                .filter_map(|item| read_span(&path, item, cx))
                .collect(),
            _ => read_span(&path, &entry.node, cx).into_iter().collect(),
        };
        named.insert(entry.key.clone(), spans);
    }
    named
}

fn read_span(path: &str, node: &Node, cx: &mut Cx<'_>) -> Option<SpanSpec> {
    let mut fields = Fields::new(cx.table(path, node)?, path);
    let days = read_days(&mut fields, cx);
    let from = read_time(&mut fields, "from", cx);
    let to = read_time(&mut fields, "to", cx);
    let who = fields
        .word("who", &["everyone", "boarders", "day"], cx)
        .map_or(Boarding::Everyone, |word| match word {
            "boarders" => Boarding::Boarders,
            "day" => Boarding::Day,
            _ => Boarding::Everyone,
        });
    let on = fields
        .word("on", &["term", "holiday", "always"], cx)
        .map_or(SchoolDays::Term, |word| match word {
            "holiday" => SchoolDays::Holiday,
            "always" => SchoolDays::Always,
            _ => SchoolDays::Term,
        });
    fields.finish(cx);
    Some(SpanSpec {
        days,
        from: from?,
        to: to?,
        who,
        on,
    })
}

fn read_time(fields: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Option<Time> {
    let text = fields.needed_text(key, cx)?;
    let time = (text.len() == 5)
        .then(|| format!("{text}:00").parse().ok())
        .flatten();
    if time.is_none() {
        cx.error(
            fields.at(),
            format!("{key}: {text:?} is not a time of day"),
            "write it as \"08:30\"",
        );
    }
    time
}

/// `"mon-fri"`, `"sat"`, or a list of these. Nothing written: every day.
fn read_days(fields: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<Day> {
    let Some((node, path)) = fields.node("days") else {
        return Day::ALL.to_vec();
    };
    let items = match &node.value {
        Value::List(_) => cx.texts(&path, node),
        _ => cx
            .text(&path, node)
            .map(|text| (node.at, text))
            .into_iter()
            .collect(),
    };
    let mut days = Vec::new();
    for (at, text) in items {
        match day_run(&text) {
            Some(run) => days.extend(run),
            None => cx.error(
                at,
                format!("{path}: {text:?} is not a run of days"),
                "write \"mon-fri\", \"sat\" or \"sun-thu\"",
            ),
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}

fn day_run(text: &str) -> Option<Vec<Day>> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let index = |name: &str| {
        NAMES
            .iter()
            .position(|known| *known == name.trim().to_ascii_lowercase())
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (index(from)?, index(to)?);
    let length = (to + 7 - from) % 7 + 1;
    Day::ALL
        .into_iter()
        .cycle()
        .skip(from)
        .take(length)
        .map(Some)
        .collect()
}

fn read_calendar(table: &mut Fields<'_>, cx: &mut Cx<'_>) -> CalendarSpec {
    let Some(mut fields) = table.table("calendar", cx) else {
        return CalendarSpec::default();
    };
    let calendar = CalendarSpec {
        terms: read_runs(&mut fields, "terms", cx),
        holidays: read_runs(&mut fields, "holidays", cx),
    };
    fields.finish(cx);
    calendar
}

fn read_runs(fields: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Vec<DatesSpec> {
    let mut runs = Vec::new();
    for mut run in fields.tables(key, cx) {
        let at = run.at();
        run.text("name", cx);
        let (from, to) = (run.day("from", cx), run.day("to", cx));
        run.finish(cx);
        match (from, to) {
            (Some(from), Some(to)) if from <= to => runs.push(DatesSpec { from, to }),
            (Some(from), Some(to)) => cx.error(
                at,
                format!("{key}: {to} is before {from}"),
                "swap the two days",
            ),
            _ => cx.error(
                at,
                format!("{key}: each run needs from and to"),
                "such as { from = 2026-09-03, to = 2026-12-11 }",
            ),
        }
    }
    runs
}

pub(crate) fn read_front_page(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> FrontPage {
    let at = root.at();
    let Some(mut fields) = root.table("policy", cx) else {
        cx.error(at, "the table [policy] is missing", "write the front page: title, version, owner, author, approved_by, approved_on, review_on, scope, audience");
        return FrontPage::default();
    };
    let at = fields.at();
    let page = FrontPage {
        title: fields.needed_text("title", cx).unwrap_or_default(),
        version: fields.needed_text("version", cx).unwrap_or_default(),
        owner: fields.needed_text("owner", cx).unwrap_or_default(),
        author: fields.needed_text("author", cx).unwrap_or_default(),
        template: fields.text("template", cx),
        approved_by: fields.needed_text("approved_by", cx).unwrap_or_default(),
        approved_on: fields.day("approved_on", cx),
        review_on: fields.day("review_on", cx),
        scope: fields.needed_text("scope", cx).unwrap_or_default(),
        audience: fields
            .texts("audience", cx)
            .into_iter()
            .map(|(_, audience)| audience)
            .collect(),
    };
    fields.finish(cx);
    if let (Some(approved), Some(review)) = (page.approved_on, page.review_on)
        && review <= approved
    {
        cx.error(
            at,
            format!("the review day {review} is not after the approval on {approved}"),
            "",
        );
    }
    page
}
