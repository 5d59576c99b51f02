//! A run as a sheet: groups by what was tried by result, failures first; the same by place and by face
//! (AUD-02).

use std::collections::{BTreeMap, BTreeSet};

use pharos_service::{CheckKind, CheckResult, CheckResults, Outcome, Way};

/// As many groups stand beside each other; more go into a table of their own, so that nothing scrolls
/// sideways.
const COLUMNS: usize = 18;

/// One part of the sheet.
pub(super) struct Part {
    pub(super) title: &'static str,
    /// How it went, in words.
    pub(super) sum: String,
    /// Whether something in it needs a reader.
    pub(super) open: bool,
    pub(super) tables: Vec<Grid>,
}

/// Rows by groups.
pub(super) struct Grid {
    pub(super) caption: String,
    pub(super) head: &'static str,
    pub(super) groups: Vec<String>,
    pub(super) rows: Vec<Line>,
}

pub(super) struct Line {
    pub(super) what: String,
    pub(super) cells: Vec<Mark>,
}

/// One cell: as good as the worst of its probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) group: String,
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
    pub(super) class: &'static str,
}

/// A face with what was tried there.
pub(super) struct FaceLine {
    pub(super) face: &'static str,
    pub(super) held: usize,
    pub(super) failed: usize,
    pub(super) not_tried: usize,
    pub(super) why: Option<String>,
}

/// How bad a cell is: held, held only because all is shut, not tried, failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Badness {
    Held,
    AllShut,
    NotTried,
    Failed,
}

impl Badness {
    fn of(outcome: &Outcome<'_>) -> Self {
        match outcome.result {
            CheckResult::Failed => Self::Failed,
            CheckResult::NotTried => Self::NotTried,
            CheckResult::Passed
                if outcome.shut && matches!(outcome.kind, CheckKind::Category(_)) =>
            {
                Self::AllShut
            }
            CheckResult::Passed => Self::Held,
        }
    }
}

type Cells<'a> = BTreeMap<String, BTreeMap<&'a str, Badness>>;

/// The parts of the sheet; those without anything tried are left out.
pub(super) fn parts(results: &CheckResults) -> Vec<Part> {
    let groups = groups(results);
    let titles = [
        "Sealed lists of illegal material",
        "Categories",
        "Search and video",
        "Ways round the filter",
        "Help and teaching",
        "Other things",
    ];
    let mut parts: Vec<Part> = titles
        .into_iter()
        .enumerate()
        .filter_map(|(number, title)| {
            let mine = results.outcomes().filter(|one| part_of(one.kind) == number);
            part(
                title,
                "Promise",
                &groups,
                mine.map(|one| (one.kind.says(), one)),
            )
        })
        .collect();
    let placed = results.outcomes().any(|one| one.place.is_some());
    let by_place = results.outcomes().filter(|_| placed).map(|one| {
        let place = one.place.unwrap_or("no named place").replace('-', " ");
        (place, one)
    });
    parts.extend(part("The same by place", "Place", &groups, by_place));
    parts
}

const fn part_of(kind: &CheckKind) -> usize {
    match kind {
        CheckKind::Sealed(_) => 0,
        CheckKind::Category(_) => 1,
        CheckKind::SafeSearch(_) => 2,
        CheckKind::WayRound(_) => 3,
        CheckKind::Help(_) | CheckKind::Curriculum(_) => 4,
        CheckKind::Other(_) => 5,
    }
}

/// Every group in the order of the run, somebody unknown last.
fn groups(results: &CheckResults) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let mut groups: Vec<&str> = Vec::new();
    for outcome in results.outcomes() {
        if seen.insert(outcome.group) {
            groups.push(outcome.group);
        }
    }
    groups.sort_by_key(|group| (*group == "unknown", *group));
    groups
}

fn part<'a>(
    title: &'static str,
    head: &'static str,
    groups: &[&'a str],
    outcomes: impl Iterator<Item = (String, Outcome<'a>)>,
) -> Option<Part> {
    let mut cells: Cells<'a> = BTreeMap::new();
    let mut counts: BTreeMap<Badness, usize> = BTreeMap::new();
    for (what, outcome) in outcomes {
        let badness = Badness::of(&outcome);
        *counts.entry(badness).or_default() += 1;
        let cell = cells
            .entry(what)
            .or_default()
            .entry(outcome.group)
            .or_insert(badness);
        *cell = (*cell).max(badness);
    }
    if cells.is_empty() {
        return None;
    }
    let mut rows: Vec<(String, BTreeMap<&str, Badness>)> = cells.into_iter().collect();
    let worst = |row: &BTreeMap<&str, Badness>| {
        row.values()
            .copied()
            .max()
            .filter(|worst| *worst > Badness::AllShut)
    };
    rows.sort_by(|(a, x), (b, y)| worst(y).cmp(&worst(x)).then_with(|| a.cmp(b)));
    let tried: Vec<&str> = groups
        .iter()
        .copied()
        .filter(|group| rows.iter().any(|(_, row)| row.contains_key(group)))
        .collect();
    let tables = tried.chunks(COLUMNS).map(|some| Grid {
        caption: format!("{title}, by kind of user; failures first"),
        head,
        groups: some.iter().map(|group| group.replace('-', " ")).collect(),
        rows: rows
            .iter()
            .map(|(what, row)| Line {
                what: what.replace('-', " "),
                cells: some
                    .iter()
                    .map(|group| mark(group, row.get(group).copied()))
                    .collect(),
            })
            .collect(),
    });
    let count = |badness| counts.get(&badness).copied().unwrap_or_default();
    Some(Part {
        title,
        sum: sum(
            count(Badness::Held) + count(Badness::AllShut),
            count(Badness::Failed),
            count(Badness::NotTried),
        ),
        open: count(Badness::Failed) > 0,
        tables: tables.collect(),
    })
}

fn sum(held: usize, failed: usize, not_tried: usize) -> String {
    match (failed, not_tried) {
        (0, 0) => format!("all {held} held"),
        (0, _) => format!("{held} held, {not_tried} not tried"),
        (_, 0) => format!("{failed} failed, {held} held"),
        _ => format!("{failed} failed, {held} held, {not_tried} not tried"),
    }
}

fn mark(group: &str, badness: Option<Badness>) -> Mark {
    let (sign, word, class) = match badness {
        Some(Badness::Held) => ("\u{2713}", "Held", "ph-mark--held"),
        Some(Badness::AllShut) => ("\u{25a0}", "Held: all is shut", "ph-mark--shut"),
        Some(Badness::NotTried) => ("?", "Not tried", "ph-mark--untried"),
        Some(Badness::Failed) => ("\u{2717}", "Failed", "ph-mark--failed"),
        None => ("\u{2013}", "Nothing promised", "ph-mark--none"),
    };
    Mark {
        group: group.replace('-', " "),
        sign,
        word,
        class,
    }
}

/// Every face with how it went there.
pub(super) fn faces(results: &CheckResults) -> Vec<FaceLine> {
    let mut counts: BTreeMap<Way, [usize; 3]> = BTreeMap::new();
    for outcome in results.outcomes() {
        let count = counts.entry(outcome.way).or_default();
        let place = match outcome.result {
            CheckResult::Passed => 0,
            CheckResult::Failed => 1,
            CheckResult::NotTried => 2,
        };
        count[place] += 1;
    }
    let lines = Way::ALL.into_iter().filter_map(|way| {
        let why = results.ways.iter().find(|tried| tried.way == way);
        let [held, failed, not_tried] = counts.get(&way).copied().unwrap_or_default();
        let told = why.is_some() || held + failed + not_tried > 0;
        told.then(|| FaceLine {
            face: way.says(),
            held,
            failed,
            not_tried,
            why: why.and_then(|tried| tried.why_not.clone()),
        })
    });
    lines.collect()
}

/// What the sheet covers: what its signature stands for, and what it does not.
pub(super) fn scope(results: &CheckResults) -> Vec<(&'static str, String)> {
    let list = |words: &[String], none: &str| match words.is_empty() {
        true => none.to_owned(),
        false => words.join(", "),
    };
    let plain = |names: Vec<&str>| -> Vec<String> {
        names.iter().map(|name| name.replace('-', " ")).collect()
    };
    let faces: Vec<String> = faces(results)
        .iter()
        .filter(|line| line.held + line.failed > 0)
        .map(|line| line.face.to_owned())
        .collect();
    let mut lines = vec![
        ("Faces tried", list(&faces, "none")),
        ("As whom", list(&plain(results.groups_tried()), "nobody")),
        (
            "In which places",
            list(&plain(results.places_tried()), "in no named place"),
        ),
    ];
    match &results.scope {
        Some(then) => {
            let untried: Vec<&str> = then.places_untried.iter().map(String::as_str).collect();
            lines.extend([
                ("Places not tried", list(&plain(untried), "none")),
                ("Devices that the filter is for", list(&then.covers, "none")),
                (
                    "Devices that the school leaves out (fil.scope)",
                    list(&then.left_out, "none"),
                ),
            ]);
        }
        None => lines.push((
            "Devices that the filter is for",
            "was not noted with this run".to_owned(),
        )),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use pharos_service::{CheckRow, UserTried};

    fn row(name: &str, result: CheckResult, users: &[u16]) -> CheckRow {
        CheckRow {
            kind: CheckKind::Category(name.to_owned()),
            way: Way::Dns,
            address: "bad.example".to_owned(),
            result,
            seen: String::new(),
            users: users.to_vec(),
        }
    }

    fn user(group: &str, place: Option<&str>, shut: bool) -> UserTried {
        UserTried {
            group: group.to_owned(),
            place: place.map(str::to_owned),
            shut,
        }
    }

    fn signs(part: &Part) -> Vec<(&str, Vec<&str>)> {
        let lines = part.tables.iter().flat_map(|table| &table.rows);
        lines
            .map(|line| {
                (
                    line.what.as_str(),
                    line.cells.iter().map(|cell| cell.word).collect(),
                )
            })
            .collect()
    }

    /// AUD-02: the sheet says which faces, groups and places it covers, and what it does not.
    #[test]
    fn aud_02_the_sheet_says_what_it_covers() {
        let results = CheckResults {
            users: vec![
                user("sixth-form", Some("senior-rooms"), false),
                user("unknown", None, false),
            ],
            rows: vec![row("gambling", CheckResult::Passed, &[0, 1])],
            scope: Some(pharos_service::ScopeThen {
                covers: vec!["School devices".to_owned()],
                left_out: vec!["Visitors' devices".to_owned()],
                places_untried: vec!["boarding-houses".to_owned()],
            }),
            ..CheckResults::default()
        };
        let said = scope(&results);
        let said: Vec<_> = said.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            said,
            [
                Way::Dns.says(),
                "sixth form, unknown",
                "senior rooms",
                "boarding houses",
                "School devices",
                "Visitors' devices"
            ]
        );
        let of_old = CheckResults {
            scope: None,
            ..results
        };
        assert!(scope(&of_old).last().unwrap().1.contains("was not noted"));
    }

    /// AUD-02: the sheet shows group by category by result, failures first; one failed probe in one
    /// place fails its cell, there and in the table of places.
    #[test]
    fn aud_02_failures_stand_first() {
        let results = CheckResults {
            v: 2,
            users: vec![
                user("pupils", None, false),
                user("staff", None, false),
                user("pupils", Some("prep-rooms"), false),
                user("early-years", None, true),
            ],
            rows: vec![
                row("gambling", CheckResult::Passed, &[0, 2, 3]),
                row("gambling", CheckResult::NotTried, &[1]),
                row("weapons", CheckResult::Passed, &[0]),
                row("weapons", CheckResult::Failed, &[2]),
            ],
            ..CheckResults::default()
        };
        let parts = parts(&results);
        let categories = &parts[0];
        assert_eq!((categories.title, categories.open), ("Categories", true));
        assert_eq!(categories.sum, "1 failed, 4 held, 1 not tried");
        assert_eq!(
            categories.tables[0].groups,
            ["early years", "pupils", "staff"]
        );
        assert_eq!(
            signs(categories),
            [
                (
                    "weapons is blocked",
                    vec!["Nothing promised", "Failed", "Nothing promised"]
                ),
                (
                    "gambling is blocked",
                    vec!["Held: all is shut", "Held", "Not tried"]
                ),
            ]
        );
        let places = parts.last().unwrap();
        assert_eq!(
            signs(places)[0],
            (
                "prep rooms",
                vec!["Nothing promised", "Failed", "Nothing promised"]
            )
        );
    }

    /// AUD-02: however many groups a school has, no table grows wider than a page.
    #[test]
    fn aud_02_many_groups_go_into_several_tables() {
        let users: Vec<_> = (0..40)
            .map(|n| user(&format!("group-{n:02}"), None, false))
            .collect();
        let everybody: Vec<u16> = (0..40).collect();
        let results = CheckResults {
            v: 2,
            users,
            rows: vec![row("gambling", CheckResult::Passed, &everybody)],
            ..CheckResults::default()
        };
        let parts = parts(&results);
        assert_eq!(parts.len(), 1, "no places, no table of them");
        let widths: Vec<usize> = parts[0]
            .tables
            .iter()
            .map(|table| table.groups.len())
            .collect();
        assert_eq!(widths, [18, 18, 4]);
    }
}
