//! A trust's floor: `floor.toml`, written once for all its schools and the same in each. It names
//! built-in groups, year bands, the standard categories and whole hosts alone, so that it means the
//! same wherever it is in force.

use std::sync::Arc;

use jiff::civil::Date;
use pharos_catalogue::Address;
use pharos_filter::compile_policy;
use pharos_policy::spec::{FloorBlockSpec, FloorSearchSpec, FloorSpec, WhomSpec};
use pharos_policy::{PolicySpec, is_well_known_help};

use crate::compile::{place_of, place_of_setting};
use crate::filter::{LEVELS, categories_of, groups_of, protected_sites_of, sites_of, word_of};
use crate::names::Names;
use crate::problem::{Place, Problem, Problems, Severity};
use crate::read::{Cx, Fields};
use crate::settings::Settings;
use crate::tree::{self, Table};

/// The file's name, in a pack and elsewhere.
pub const FLOOR_FILE: &str = "floor.toml";
/// The largest floor, in bytes.
pub const FLOOR_BYTES_MAX: usize = 1 << 18;

/// A floor and who answers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// The trust's name.
    pub trust: String,
    /// Goes up with each issue.
    pub version: u64,
    /// The day of its issue.
    pub issued: Date,
    /// Who approved it.
    pub approved_by: String,
    /// What it asks for.
    pub spec: FloorSpec,
}

/// A floor and everything noteworthy about it. There is none where there is an error.
#[derive(Debug, Clone)]
pub struct LoadedFloor {
    /// The floor, if nothing is wrong with it.
    pub floor: Option<Floor>,
    /// Errors and notes, by line.
    pub problems: Vec<Problem>,
}

/// Reads the text of a `floor.toml`, signed or not: a signature is a remark to it.
pub fn load_floor(text: &str) -> LoadedFloor {
    load_floor_into(text, Problems::default())
}

/// As [`load_floor`], for an issue that is held already: a name of everybody's among its help (`co.uk`) is
/// warned of and no error, for what is in force must be read.
pub fn load_held_floor(text: &str) -> LoadedFloor {
    load_floor_into(text, Problems::of(true))
}

fn load_floor_into(text: &str, mut problems: Problems) -> LoadedFloor {
    let floor = read_floor(text, &mut problems);
    let problems = problems.into_sorted();
    let sound = !problems.iter().any(Problem::is_error);
    LoadedFloor {
        floor: floor.filter(|_| sound),
        problems,
    }
}

/// Reads a floor; `None` where something is wrong with it.
pub(crate) fn read_floor(text: &str, problems: &mut Problems) -> Option<Floor> {
    if text.len() > FLOOR_BYTES_MAX {
        let message = format!("the file is larger than {FLOOR_BYTES_MAX} bytes");
        problems.error(FLOOR_FILE, Place::default(), message, "");
        return None;
    }
    let mut own = problems.fresh();
    let table = tree::parse(FLOOR_FILE, text, &mut own);
    let names = Names::collect(&Table::default());
    let mut cx = Cx {
        file: FLOOR_FILE,
        problems: &mut own,
    };
    let floor = read(&table, &names, &mut cx);
    if let Some(floor) = floor.as_ref().filter(|_| own.is_sound()) {
        check(floor, &names, &table, &mut own);
    }
    let sound = own.is_sound();
    problems.append(own);
    floor.filter(|_| sound)
}

fn read(table: &Table, names: &Names, cx: &mut Cx<'_>) -> Option<Floor> {
    let mut root = Fields::new(table, "");
    if root.number("floor", 1, 1, cx).is_none() && table.get("floor").is_none() {
        let place = Place { line: 1, column: 1 };
        cx.error(
            place,
            "the version of the format is missing",
            "begin with floor = 1",
        );
    }
    let trust = root.table("trust", cx);
    if trust.is_none() && table.get("trust").is_none() {
        let place = Place { line: 1, column: 1 };
        let help = "write [trust] with name, version, issued and approved_by";
        cx.error(place, "nobody answers for this floor", help);
    }
    let head = trust.and_then(|fields| read_head(fields, cx));
    let mut spec = FloorSpec::default();
    for mut fields in root.tables("blocks", cx) {
        let name = fields.needed_text("name", cx).unwrap_or_default();
        fields.text("why", cx);
        spec.blocks.push(FloorBlockSpec {
            name,
            whom: whom(&mut fields, names, cx),
            categories: categories_of(&mut fields, "categories", names, cx),
            sites: blocked_sites(&mut fields, cx),
        });
        fields.finish(cx);
    }
    for mut fields in root.tables("search", cx) {
        fields.text("why", cx);
        spec.search.push(FloorSearchSpec {
            whom: whom(&mut fields, names, cx),
            safe_search: fields.switch("safe_search", cx).unwrap_or(true),
            youtube: word_of(&mut fields, "youtube", LEVELS, cx).unwrap_or_default(),
        });
        fields.finish(cx);
    }
    for mut fields in root.tables("avoidance", cx) {
        fields.text("why", cx);
        spec.avoidance.push(whom(&mut fields, names, cx));
        fields.finish(cx);
    }
    for mut fields in root.tables("help", cx) {
        fields.needed_text("name", cx);
        let sites = protected_sites_of(&mut fields, "sites", cx);
        spec.help.extend(sites);
        fields.finish(cx);
    }
    root.finish(cx);
    let (trust, version, issued, approved_by) = head?;
    spec.by.clone_from(&trust);
    spec.version = version;
    Some(Floor {
        trust,
        version,
        issued,
        approved_by,
        spec,
    })
}

/// The sites of a block. A well-known help service among them is passed over when deciding (FIL-13).
fn blocked_sites(fields: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<String> {
    let place = fields
        .entry("sites")
        .map_or(fields.at(), |entry| entry.node.at);
    let sites = sites_of(fields, "sites", cx);
    for site in &sites {
        let known = Address::parse(site).is_ok_and(|site| is_well_known_help(site.host()));
        if known {
            let help = "take it out";
            let message = format!(
                "blocks.sites: {site:?} is a well-known help service, and help is never blocked"
            );
            cx.problems.add(
                FLOOR_FILE,
                place,
                Severity::Warning,
                message,
                Some(help.to_owned()),
            );
        }
    }
    sites
}

fn read_head(mut fields: Fields<'_>, cx: &mut Cx<'_>) -> Option<(String, u64, Date, String)> {
    let at = fields.at();
    let trust = fields.needed_text("name", cx);
    let approved_by = fields.needed_text("approved_by", cx);
    let version = fields.number("version", 1, i64::from(u32::MAX), cx);
    let issued = fields.day("issued", cx);
    if fields.entry("version").is_none() {
        cx.error(
            at,
            "trust.version is missing",
            "number the issues: version = 1",
        );
    }
    if fields.entry("issued").is_none() {
        cx.error(
            at,
            "trust.issued is missing",
            "write the day: issued = 2026-09-01",
        );
    }
    fields.finish(cx);
    let version = u64::try_from(version?).ok()?;
    Some((trust?, version, issued?, approved_by?))
}

fn whom(fields: &mut Fields<'_>, names: &Names, cx: &mut Cx<'_>) -> WhomSpec {
    WhomSpec {
        groups: groups_of(fields, "groups", names, cx),
        years: fields.all_parsed("years", cx),
        except: groups_of(fields, "except", names, cx),
        guests: fields.switch("guests", cx).unwrap_or(true),
    }
}

/// Compiles it as the filter would.
fn check(floor: &Floor, names: &Names, root: &Table, problems: &mut Problems) {
    let declared: Vec<Arc<str>> = names
        .categories
        .keys()
        .map(|name| Arc::from(name.as_str()))
        .collect();
    let spec = PolicySpec {
        floor: Some(floor.spec.clone()),
        ..PolicySpec::default()
    };
    for problem in compile_policy(&spec, &[], &declared)
        .err()
        .unwrap_or_default()
    {
        let path = problem.path.trim_start_matches("floor.");
        let place = place_of(path, root).unwrap_or_default();
        problems.error(
            FLOOR_FILE,
            place,
            format!("{path}: {}", problem.message),
            "",
        );
    }
}

/// Warns of every line of a pack that asks for less than the floor it stands on, and gives them. What
/// nobody wrote down, a default of Pharos, is no line.
pub(crate) fn warn_under_floor(
    spec: &PolicySpec,
    floor: &FloorSpec,
    root: &Table,
    settings: &Settings,
    cx: &mut Cx<'_>,
) -> Vec<Problem> {
    let mut below = Vec::new();
    for problem in pharos_policy::under_floor(spec, floor) {
        let place = place_of(&problem.path, root)
            .or_else(|| place_of_setting(&problem.path, spec, settings));
        let Some(place) = place else { continue };
        below.push(Problem {
            file: cx.file.to_owned(),
            place,
            severity: Severity::Warning,
            message: format!("{}: {}", problem.path.replace('-', "_"), problem.message),
            help: Some("take it out, or ask the trust to lower its floor".to_owned()),
        });
    }
    for problem in below.iter().cloned() {
        cx.problems.take(problem);
    }
    below
}
