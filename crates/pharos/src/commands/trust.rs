//! `pharos trust …`: the trust's own side, without a data folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use pharos_lists::{SigningKey, sign_text, signed_text};
use pharos_pack::{FLOOR_BYTES_MAX, Floor, load_floor};
use pharos_service::SchoolReport;
use serde::Serialize;

use crate::cli::TrustCommand;
use crate::folder::write_private;
use crate::output::Output;

/// The most schools of one overview.
const SCHOOLS_MAX: usize = 2_000;
/// The largest report that is read, in bytes.
const REPORT_BYTES_MAX: u64 = 1 << 20;

pub(crate) fn run(command: &TrustCommand, output: &mut Output) -> anyhow::Result<u8> {
    match command {
        TrustCommand::Key { file } => make_key(file, output),
        TrustCommand::Check { floor } => Ok(u8::from(floor_in(floor, output)?.is_none())),
        TrustCommand::Sign { key, floor, out } => sign(key, floor, out, output),
        TrustCommand::Overview {
            dir,
            schools,
            floor,
            days,
        } => {
            let floor = match floor {
                Some(file) => match floor_in(file, output)? {
                    Some(floor) => Some(floor),
                    None => return Ok(1),
                },
                None => None,
            };
            let wanted = Wanted {
                version: floor.map(|floor| floor.version),
                since: Timestamp::now() - SignedDuration::from_hours(24 * i64::from(*days)),
            };
            overview(dir, schools, &wanted, output)
        }
    }
}

/// A floor read from a file; `None` where something is wrong with it, which is then said.
pub(super) fn floor_in(file: &Path, output: &mut Output) -> anyhow::Result<Option<Floor>> {
    let size = fs::metadata(file)
        .with_context(|| format!("{} cannot be read", file.display()))?
        .len();
    if size > FLOOR_BYTES_MAX as u64 {
        bail!(
            "{} is larger than {FLOOR_BYTES_MAX} bytes: is it a floor?",
            file.display()
        );
    }
    let text = fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read as text", file.display()))?;
    let loaded = load_floor(&text);
    for problem in &loaded.problems {
        output.problem(&problem.to_string());
    }
    Ok(loaded.floor)
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
    let Some(read) = floor_in(floor, output)? else {
        return Ok(1);
    };
    let text =
        fs::read_to_string(key).with_context(|| format!("{} cannot be read", key.display()))?;
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed)
        .with_context(|| format!("{} is no key of `pharos trust key`", key.display()))?;
    let signed = sign_text(&fs::read_to_string(floor)?, &SigningKey::from_seed(&seed)?);
    fs::write(out, signed).with_context(|| format!("{} cannot be written", out.display()))?;
    output.say(format!(
        "{}: issue {} of the floor of {}, signed. Put it where the schools fetch it, or send it to them.",
        out.display(),
        read.version,
        read.trust
    ));
    Ok(0)
}

/// What a school should show.
struct Wanted {
    version: Option<u64>,
    since: Timestamp,
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
    let (newest, strangers) = reports(dir, &known)?;
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
        (Some(floor), Some(version)) if floor.version < version => {
            found.push(format!(
                "floor {} is in force, not {version}",
                floor.version
            ));
        }
        (Some(floor), _) if !floor.signed => {
            found.push("the floor stands in the school's own pack, unsigned".to_owned());
        }
        _ => {}
    }
    if report.floor_trouble {
        found.push("its floor is not fetched, or was changed on its machine".to_owned());
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
        known.insert(key, school.trim().to_owned());
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
        if newest.get(key).is_none_or(|held| held.at < report.at) {
            newest.insert(*key, report);
        }
    }
    strangers.sort();
    Ok((newest, strangers))
}
