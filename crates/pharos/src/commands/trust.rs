//! `pharos trust …`: the trust's own side, without a data folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use pharos_lists::{SigningKey, floor_sha256, sign_text, signed_text};
use pharos_pack::{FLOOR_BYTES_MAX, Floor, load_floor};
use pharos_service::{FloorTold, SchoolReport};
use serde::Serialize;

use crate::cli::TrustCommand;
use crate::folder::write_private;
use crate::output::Output;

/// The most schools of one overview.
const SCHOOLS_MAX: usize = 2_000;
/// The largest report that is read, in bytes.
const REPORT_BYTES_MAX: u64 = 1 << 20;

/// How far the clock of a school may run ahead.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24);

pub(crate) fn run(command: &TrustCommand, output: &mut Output) -> anyhow::Result<u8> {
    match command {
        TrustCommand::Key { file } => make_key(file, output),
        TrustCommand::Check { floor } => Ok(u8::from(floor_in(floor, output)?.is_none())),
        TrustCommand::Sign { key, floor, out } => sign(key, floor, out, output),
        TrustCommand::Overview {
            dir,
            schools,
            floor,
            key,
            days,
        } => {
            let read = match floor {
                Some(file) => match read_floor(file, output)? {
                    Some(read) => Some(read),
                    None => return Ok(1),
                },
                None => None,
            };
            let now = Timestamp::now();
            let wanted = Wanted {
                version: read.as_ref().map(|read| read.floor.version),
                published: match (&read, key) {
                    (Some(read), Some(key)) => Some(published(read, key)?),
                    _ => None,
                },
                now,
                since: now - SignedDuration::from_hours(24 * i64::from(*days)),
            };
            overview(dir, schools, &wanted, output)
        }
    }
}

/// A floor in a file, read once.
struct ReadFloor<'f> {
    file: &'f Path,
    text: String,
    floor: Floor,
}

/// A floor read from a file; `None` where something is wrong with it, which is then said.
pub(super) fn floor_in(file: &Path, output: &mut Output) -> anyhow::Result<Option<Floor>> {
    Ok(read_floor(file, output)?.map(|read| read.floor))
}

fn read_floor<'f>(file: &'f Path, output: &mut Output) -> anyhow::Result<Option<ReadFloor<'f>>> {
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut bytes = Vec::new();
    opened
        .take(FLOOR_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    if bytes.len() > FLOOR_BYTES_MAX {
        bail!(
            "{} is larger than {FLOOR_BYTES_MAX} bytes: is it a floor?",
            file.display()
        );
    }
    let text = String::from_utf8(bytes)
        .with_context(|| format!("{} cannot be read as text", file.display()))?;
    let loaded = load_floor(&text);
    for problem in &loaded.problems {
        output.problem(&problem.to_string());
    }
    Ok(loaded.floor.map(|floor| ReadFloor { file, text, floor }))
}

fn make_key(file: &Path, output: &mut Output) -> anyhow::Result<u8> {
    if file.exists() {
        bail!("{} is there already; a trust keeps its key", file.display());
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system gives no random numbers")?;
    let key = SigningKey::from_seed(&seed)?;
    write_private(file, format!("{}\n", hex::encode(seed)).as_bytes())?;
    output.say(format!(
        "{} signs for the trust: keep it safe, with a copy elsewhere. Schools pin this public key:\n{}",
        file.display(),
        hex::encode(key.public())
    ));
    Ok(0)
}

fn sign(key: &Path, floor: &Path, out: &Path, output: &mut Output) -> anyhow::Result<u8> {
    let Some(read) = read_floor(floor, output)? else {
        return Ok(1);
    };
    let text =
        fs::read_to_string(key).with_context(|| format!("{} cannot be read", key.display()))?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed)
        .with_context(|| format!("{} is no key of `pharos trust key`", key.display()))?;
    let signed = sign_text(&read.text, &SigningKey::from_seed(&seed)?);
    fs::write(out, signed).with_context(|| format!("{} cannot be written", out.display()))?;
    output.say(format!(
        "{}: issue {} of the floor of {}, signed. Put it where the schools fetch it, or send it to them.",
        out.display(),
        read.floor.version,
        read.floor.trust
    ));
    Ok(0)
}

/// What a school should show.
struct Wanted {
    version: Option<u64>,
    published: Option<Published>,
    now: Timestamp,
    since: Timestamp,
}

/// The issue as the trust published it, both in hexadecimal.
struct Published {
    /// The trust's public key.
    key: String,
    /// SHA-256 of the file.
    sha256: String,
}

fn published(read: &ReadFloor<'_>, digits: &str) -> anyhow::Result<Published> {
    let mut key = [0; 32];
    hex::decode_to_slice(digits.trim(), &mut key)
        .context("--key is no public key: 64 hexadecimal digits are expected")?;
    let signed = read.text.as_bytes();
    signed_text(signed, &key).with_context(|| {
        format!(
            "{} is not signed by this key; with --key the file is the one that `pharos trust sign` wrote",
            read.file.display()
        )
    })?;
    Ok(Published {
        key: hex::encode(key),
        sha256: floor_sha256(signed),
    })
}

/// One school of the overview.
#[derive(Debug, Serialize)]
struct Line {
    school: String,
    /// What is wrong, the worst first; empty where all is well.
    wrong: Vec<String>,
    report: Option<SchoolReport>,
}

fn overview(
    dir: &Path,
    schools: &Path,
    wanted: &Wanted,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let known = known_schools(schools)?;
    let (newest, strangers) = reports(dir, &known, wanted.now)?;
    let mut lines: Vec<Line> = Vec::new();
    for (key, school) in &known {
        let report = newest.get(key).cloned();
        lines.push(Line {
            school: school.clone(),
            wrong: wrong(report.as_ref(), wanted),
            report,
        });
    }
    lines.sort_by(|a, b| (a.wrong.is_empty(), &a.school).cmp(&(b.wrong.is_empty(), &b.school)));
    let all_well = strangers.is_empty() && lines.iter().all(|line| line.wrong.is_empty());
    if output.json {
        output.json(&serde_json::json!({ "schools": lines, "not_taken": strangers }));
        return Ok(u8::from(!all_well));
    }
    for line in &lines {
        let floor = line
            .report
            .as_ref()
            .and_then(|report| report.floor.as_ref());
        let floor = floor.map_or_else(
            || "no floor".to_owned(),
            |floor| format!("floor {}", floor.version),
        );
        let checked = line.report.as_ref().and_then(|report| report.check);
        let checked = checked.map_or_else(
            || "never checked".to_owned(),
            |check| {
                format!(
                    "checked {}, {} of {} failed",
                    check.at,
                    check.failed,
                    check.passed + check.failed
                )
            },
        );
        output.say(format!("{}  {floor}  {checked}", line.school));
        for wrong in &line.wrong {
            output.say(format!("  ! {wrong}"));
        }
    }
    for file in &strangers {
        output.problem(&format!("not taken: {file}"));
    }
    let well = lines.iter().filter(|line| line.wrong.is_empty()).count();
    output.say(format!("{well} of {} schools: nothing wrong", lines.len()));
    Ok(u8::from(!all_well))
}

/// What is wrong at a school, the worst first.
fn wrong(report: Option<&SchoolReport>, wanted: &Wanted) -> Vec<String> {
    let Some(report) = report else {
        return vec!["no report that its key signed".to_owned()];
    };
    let mut found = Vec::new();
    if report.at < wanted.since {
        found.push(format!("the newest report is of {}", report.at));
    }
    match (&report.floor, wanted.version) {
        (None, _) => found.push("no floor is in force".to_owned()),
        (Some(floor), version) => found.extend(wrong_with(floor, version, wanted)),
    }
    if report.floor_trouble {
        found.push(
            "its floor is not fetched or not in force, or was changed on its machine".to_owned(),
        );
    }
    match report.check {
        None => found.push("its filter was never checked".to_owned()),
        Some(check) if check.failed > 0 => {
            found.push(format!("{} probes of the last check failed", check.failed));
        }
        Some(check) if check.at < wanted.since => {
            found.push(format!("the last check is of {}", check.at));
        }
        Some(_) => {}
    }
    if !report.waiting.is_empty() {
        found.push(format!("no list carries: {}", report.waiting.join(", ")));
    }
    if !report.closed_help.is_empty() {
        found.push(format!(
            "the floor closes help sites of the school (put what is help among [[help]]): {}",
            report.closed_help.join(", ")
        ));
    }
    if !report.stale_lists.is_empty() {
        found.push(format!("lists too old: {}", report.stale_lists.join(", ")));
    }
    if report.below > 0 {
        found.push(format!(
            "{} lines of its pack ask for less than the floor",
            report.below
        ));
    }
    for clause in &report.not_kept {
        let how = if clause.at_risk {
            "at risk"
        } else {
            "not kept"
        };
        found.push(format!("clause {} {how}: {}", clause.clause, clause.title));
    }
    found
}

/// What is wrong with the floor that a school holds.
fn wrong_with(floor: &FloorTold, version: Option<u64>, wanted: &Wanted) -> Option<String> {
    if !floor.signed {
        return Some("the floor stands in the school's own pack, unsigned".to_owned());
    }
    let by_whom = wanted.published.as_ref();
    if by_whom.is_some() && floor.key.is_empty() {
        return Some("its report does not say whose key it pinned: update Pharos there".to_owned());
    }
    if by_whom.is_some_and(|published| floor.key != published.key) {
        return Some(format!(
            "it pinned another key than the trust's, {}: its floor is not the trust's",
            floor.key
        ));
    }
    let held = floor.version;
    if !floor.in_force {
        return Some(format!("floor {held} is held there and not in force"));
    }
    let version = version?;
    if held < version {
        return Some(format!("floor {held} is in force, not {version}"));
    }
    let published = by_whom?;
    if held > version {
        return Some(format!(
            "it holds floor {held}, newer than the published {version}"
        ));
    }
    (floor.sha256 != published.sha256).then(|| {
        format!(
            "its floor {held} says something else than the published one: raise the version with each issue"
        )
    })
}

/// Keys with the schools that they are of.
fn known_schools(file: &Path) -> anyhow::Result<BTreeMap<[u8; 32], String>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mut known = BTreeMap::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (digits, school) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let mut key = [0; 32];
        let read = hex::decode_to_slice(digits, &mut key);
        if read.is_err() || school.trim().is_empty() {
            bail!(
                "{}:{}: write the 64 digits of a school's key (`pharos floor status`), then its name",
                file.display(),
                n + 1
            );
        }
        if let Some(other) = known.insert(key, school.trim().to_owned()) {
            bail!(
                "{}:{}: this key stands with {other} already; each school has its own (`pharos floor status`)",
                file.display(),
                n + 1
            );
        }
        if known.len() > SCHOOLS_MAX {
            bail!("{} names more than {SCHOOLS_MAX} schools", file.display());
        }
    }
    Ok(known)
}

/// The newest report by each known key, and files that no known key signed.
#[expect(
    clippy::type_complexity,
    reason = "reports by key, and the rest by name"
)]
fn reports(
    dir: &Path,
    known: &BTreeMap<[u8; 32], String>,
    now: Timestamp,
) -> anyhow::Result<(BTreeMap<[u8; 32], SchoolReport>, Vec<String>)> {
    let (mut newest, mut strangers) = (BTreeMap::<[u8; 32], SchoolReport>::new(), Vec::new());
    let entries = fs::read_dir(dir)
        .with_context(|| format!("the folder {} cannot be read", dir.display()))?;
    for entry in entries.take(10 * SCHOOLS_MAX) {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type()?.is_file() || !name.ends_with(".report") {
            continue;
        }
        if entry.metadata()?.len() > REPORT_BYTES_MAX {
            strangers.push(format!("{name} is too large"));
            continue;
        }
        let bytes = fs::read(entry.path())?;
        let signer = known
            .keys()
            .find_map(|key| Some((key, signed_text(&bytes, key).ok()?)));
        let Some((key, text)) = signer else {
            strangers.push(format!("{name} is signed by no known school"));
            continue;
        };
        let Ok(report) = serde_json::from_str::<SchoolReport>(text) else {
            strangers.push(format!("{name} is of another version of Pharos"));
            continue;
        };
        // Of a clock that ran ahead: it would stand before all later ones, and never be old.
        if report.at > now + AHEAD_MAX {
            strangers.push(format!(
                "{name} is dated {}, which is yet to come: set the school's clock",
                report.at
            ));
            continue;
        }
        if newest.get(key).is_none_or(|held| held.at < report.at) {
            newest.insert(*key, report);
        }
    }
    strangers.sort();
    Ok((newest, strangers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn report(at: Timestamp) -> SchoolReport {
        let text = serde_json::json!({
            "v": 1, "school": "Harbourmouth School", "at": at, "program": "1", "policy": 1,
            "trust": "Saltmarsh Learning Trust", "floor": null, "looked": null,
            "floor_trouble": false, "below": 0, "waiting": [], "check": null, "clauses": 0,
            "not_kept": [], "stale_lists": [],
        });
        serde_json::from_value(text).unwrap()
    }

    /// REP-01: two lines with one key are told by line, for one school would hide the other.
    #[test]
    fn rep_01_a_key_stands_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("schools.txt");
        let (one, two) = ("ab".repeat(32), "cd".repeat(32));
        let text = format!("{one} Harbourmouth\n# and\n{two} Larkfield\n{one} Ashdale\n");
        fs::write(&file, text).unwrap();
        let error = known_schools(&file).unwrap_err().to_string();
        assert!(
            error.contains("schools.txt:4: this key stands with Harbourmouth"),
            "{error}"
        );
        fs::write(&file, format!("{one} Harbourmouth\n{two} Larkfield\n")).unwrap();
        assert_eq!(known_schools(&file).unwrap().len(), 2);
    }

    /// REP-01: a report of a clock that ran ahead neither stands before later ones nor counts as new.
    #[test]
    fn rep_01_a_report_that_is_dated_ahead_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed(&[5; 32]).unwrap();
        let now = at("2026-11-10T10:00:00Z");
        let write = |name: &str, report: &SchoolReport| {
            let text = serde_json::to_string(report).unwrap();
            fs::write(folder.path().join(name), sign_text(&text, &key)).unwrap();
        };
        write("ahead.report", &report(at("2029-01-01T00:00:00Z")));
        write("older.report", &report(at("2026-11-01T00:00:00Z")));
        write("newer.report", &report(at("2026-11-10T12:00:00Z")));
        let known = BTreeMap::from([(key.public(), "Harbourmouth".to_owned())]);
        let (newest, strangers) = reports(folder.path(), &known, now).unwrap();
        assert_eq!(newest[&key.public()].at, at("2026-11-10T12:00:00Z"));
        assert_eq!(strangers.len(), 1);
        assert!(
            strangers[0].starts_with("ahead.report is dated 2029"),
            "{strangers:?}"
        );
    }

    /// REP-01, FIL-06: a floor under another key, one of the same version with another content, an older
    /// one and one that stands in the pack are told apart from the one that the trust published.
    #[test]
    fn rep_01_a_floor_of_a_schools_own_making_is_told() {
        let wanted = Wanted {
            version: Some(7),
            published: Some(Published {
                key: "aa".repeat(32),
                sha256: "11".repeat(32),
            }),
            now: at("2026-11-10T10:00:00Z"),
            since: at("2026-11-02T10:00:00Z"),
        };
        let held = FloorTold {
            version: 7,
            issued: "2026-09-01".parse().unwrap(),
            taken: None,
            signed: true,
            in_force: true,
            key: "aa".repeat(32),
            sha256: "11".repeat(32),
        };
        let wrong = |change: &dyn Fn(&mut FloorTold)| {
            let mut floor = held.clone();
            change(&mut floor);
            wrong_with(&floor, wanted.version, &wanted).unwrap_or_default()
        };
        assert_eq!(wrong(&|_| {}), "");
        for (change, says) in [
            (
                &(|floor: &mut FloorTold| floor.key = "bb".repeat(32)) as &dyn Fn(&mut FloorTold),
                "pinned another key",
            ),
            (&|floor| floor.key.clear(), "does not say whose key"),
            (
                &|floor| floor.sha256 = "22".repeat(32),
                "says something else",
            ),
            (&|floor| floor.version = 6, "floor 6 is in force, not 7"),
            (&|floor| floor.version = 8, "newer than the published 7"),
            (&|floor| floor.signed = false, "unsigned"),
            (&|floor| floor.in_force = false, "not in force"),
        ] {
            assert!(wrong(change).contains(says), "{says}: {}", wrong(change));
        }
    }
}
