//! Reading a pack's files and putting the parts together.

use std::collections::BTreeMap;

use pharos_casework::ParentDuty;
use pharos_catalogue::Address;
use pharos_governance::{Clause, Control};
use pharos_policy::PolicySpec;
use pharos_policy::spec::DeviceClass;

use crate::agreement::read_agreement;
use crate::ai_tools::{is_adapter, read_ai_tools};
use crate::assessments::{check_tools, read_assessments};
use crate::campus::{read_campuses, warn_of_kept};
use crate::compile::check_compiles;
use crate::dictionaries::{OwnDictionaries, is_dictionary, read_dictionaries};
use crate::downloads::{add_downloads, check_extensions, check_permission};
use crate::filter;
use crate::filter::refuse_suffix;
use crate::floor::{FLOOR_FILE, Floor, read_floor, warn_under_floor};
use crate::lists::{read_lists, read_sealed};
use crate::names::Names;
use crate::network::{read_devices, read_mail, read_network};
use crate::pack::{Confirmation, Pack};
use crate::people::{named_roles, read_rights};
use crate::policy_text::{WrittenClause, read_clauses};
use crate::problem::{Place, Problem, Problems, Severity, nearest, quoted};
use crate::procedures::read_procedures;
use crate::read::{Cx, Fields};
use crate::school::{SchoolTable, read_front_page, read_school, read_timetable};
use crate::settings::{
    SetValue, SettingValue, Settings, families, read_settings, settings as all_settings, weaker,
};
use crate::tree;
use crate::trust::read_trust;

/// The most bytes of one file.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// The shortest time that the journal is kept, in days: a year and a month.
const JOURNAL_DAYS_MIN: i64 = 400;
/// The most files of one pack.
pub const FILES_MAX: usize = 500;

/// What the caller knows beyond this crate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Settings acted on although the table calls them declared: no note is given for these.
    pub live: &'a [&'a str],
    /// The day for which the pack is checked: what has run out by then is an error. `None`, as for a
    /// pack that is in force already: nothing runs out.
    pub today: Option<jiff::civil::Date>,
    /// The signed floor that the pack stands on, in place of one in its own folder.
    pub floor: Option<&'a Floor>,
    /// The pack is kept already, in force or of the past: a name of everybody's that no list may block
    /// (`co.uk`) is warned of and no error, for what is in force must open.
    pub held: bool,
}

/// A pack and everything noteworthy about it. There is no pack where there is an error.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The pack, if nothing is wrong with it.
    pub pack: Option<Pack>,
    /// Errors, warnings and notes by file and line.
    pub problems: Vec<Problem>,
    /// Of these, the lines that ask for less than the floor that the pack stands on.
    pub below_floor: Vec<Problem>,
}

impl Loaded {
    /// How many problems are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    }
}

/// Reads a pack from its files by path inside the folder, with forward slashes.
pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Loaded {
    load_with(files, &Options::default())
}

/// As [`load`], for a pack that is kept already ([`Options::held`]).
pub fn load_held(files: &BTreeMap<String, Vec<u8>>) -> Loaded {
    let options = Options {
        held: true,
        ..Options::default()
    };
    load_with(files, &options)
}

/// As [`load`], with what the caller knows beyond this crate.
pub fn load_with(files: &BTreeMap<String, Vec<u8>>, options: &Options<'_>) -> Loaded {
    let mut problems = Problems::of(options.held);
    let texts = texts(files, &mut problems);
    let own_floor = texts
        .get(FLOOR_FILE)
        .and_then(|text| read_floor(text, &mut problems));
    let (mut pack, names, below_floor) = read_school_toml(
        texts.get("school.toml").copied(),
        options,
        own_floor,
        &mut problems,
    );
    match texts.get("policy.md") {
        Some(text) => {
            pack.written = read_clauses("policy.md", text, &mut problems);
            pack.clauses = bind_controls("policy.md", &pack.written, &names, &mut problems);
            pack.policy_markdown = (*text).to_owned();
        }
        None => problems.error(
            "policy.md",
            Place::default(),
            "the file is missing",
            "write the policy with numbered headings",
        ),
    }
    let (mut changes, mut adapters) = (Vec::new(), Vec::new());
    let mut dictionaries = BTreeMap::new();
    for (path, text) in &texts {
        if let Some(name) = path
            .strip_prefix("aup/")
            .and_then(|name| name.strip_suffix(".md"))
        {
            pack.aups
                .extend(read_agreement(path, name, text, &names, &mut problems));
        } else if path.starts_with("procedures/") && path.ends_with(".toml") {
            changes.push((*path, *text));
        } else if is_adapter(path) {
            adapters.push((*path, *text));
        } else if is_dictionary(path) {
            dictionaries.insert((*path).to_owned(), (*text).to_owned());
        }
    }
    pack.ai_tools = read_ai_tools(&adapters, &mut problems);
    pack.dictionaries = read_dictionaries(dictionaries, &names, &mut problems);
    pack.procedures = read_procedures(&changes, &mut problems);
    set_school_rules(&mut pack);
    let problems = problems.into_sorted();
    let sound = problems
        .iter()
        .all(|problem| problem.severity != Severity::Error);
    Loaded {
        pack: sound.then_some(pack),
        problems,
        below_floor,
    }
}

/// Reads the controls of every clause, and holds what they name against what the pack knows.
fn bind_controls(
    file: &str,
    written: &[WrittenClause],
    names: &Names,
    problems: &mut Problems,
) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for clause in written {
        let mut controls = Vec::new();
        for control in &clause.controls {
            match Control::parse(&control.text) {
                Ok(parsed) => {
                    let mut cx = Cx { file, problems };
                    let path = format!("clause {}", clause.id);
                    parsed.categories().iter().for_each(|category| {
                        names.category(control.place, &path, category, &mut cx)
                    });
                    parsed
                        .groups()
                        .iter()
                        .for_each(|group| names.group(control.place, &path, group, &mut cx));
                    for class in parsed.classes() {
                        let known = DeviceClass::ALL.map(DeviceClass::name);
                        if !known.contains(&class.as_str()) {
                            let help = format!("the classes are: {}", known.join(", "));
                            let message = format!("{path}: {class:?} is no class of devices");
                            cx.error(control.place, message, help);
                        }
                    }
                    controls.push(parsed);
                }
                Err(error) => problems.error(
                    file,
                    control.place,
                    format!("clause {}: {error}", clause.id),
                    "",
                ),
            }
        }
        clauses.push(Clause {
            id: clause.id.clone(),
            title: clause.title.clone(),
            text: clause.markdown.clone(),
            controls,
        });
    }
    clauses
}

/// The files as text, within bounds; files that no pack has are noted.
fn texts<'f>(
    files: &'f BTreeMap<String, Vec<u8>>,
    problems: &mut Problems,
) -> BTreeMap<&'f str, &'f str> {
    let mut texts = BTreeMap::new();
    if files.len() > FILES_MAX {
        problems.error(
            "school.toml",
            Place::default(),
            format!("more than {FILES_MAX} files"),
            "keep other files out of the pack's folder",
        );
        return texts;
    }
    for (path, bytes) in files {
        let known = path == "school.toml"
            || path == "policy.md"
            || path == FLOOR_FILE
            || (path.starts_with("aup/") && path.ends_with(".md"))
            || (path.starts_with("procedures/") && path.ends_with(".toml"))
            || is_adapter(path)
            || is_dictionary(path);
        if !known {
            let quiet = path.starts_with("people/")
                || path.eq_ignore_ascii_case("readme.md")
                || path
                    .rsplit('/')
                    .next()
                    .is_some_and(|name| name.starts_with('.'));
            if !quiet {
                let help = Some(
                    "a pack holds school.toml, policy.md, floor.toml, aup/*.md, procedures/*.toml, ai-tools/*.txt and dictionaries/*.txt"
                        .to_owned(),
                );
                problems.add(
                    path,
                    Place::default(),
                    Severity::Note,
                    "this file is not part of a pack and is not read",
                    help,
                );
            }
            continue;
        }
        if bytes.len() > FILE_BYTES_MAX {
            problems.error(
                path,
                Place::default(),
                format!("the file is larger than {FILE_BYTES_MAX} bytes"),
                "",
            );
            continue;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                texts.insert(path.as_str(), text.strip_prefix('\u{feff}').unwrap_or(text));
            }
            Err(error) => {
                let line = 1 + bytes
                    .get(..error.valid_up_to())
                    .unwrap_or_default()
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count();
                let place = Place {
                    line: u32::try_from(line).unwrap_or(u32::MAX),
                    column: 1,
                };
                problems.error(
                    path,
                    place,
                    "a letter here is not UTF-8",
                    "save the file as UTF-8",
                );
            }
        }
    }
    texts
}

fn read_school_toml(
    text: Option<&str>,
    options: &Options<'_>,
    own_floor: Option<Floor>,
    problems: &mut Problems,
) -> (Pack, Names, Vec<Problem>) {
    const FILE: &str = "school.toml";
    if text.is_none() {
        problems.error(
            FILE,
            Place::default(),
            "the file is missing",
            "a pack begins with school.toml",
        );
    }
    let table = tree::parse(FILE, text.unwrap_or_default(), problems);
    let names = Names::collect(&table);
    let mut silent = Problems::default();
    // A missing file is one problem, not fifty.
    let problems = if text.is_some() {
        problems
    } else {
        &mut silent
    };
    let mut cx = Cx {
        file: FILE,
        problems,
    };
    let mut root = Fields::new(&table, "");
    check_format(&mut root, &mut cx);
    for family in families() {
        root.entry(family);
    }
    let SchoolTable {
        school,
        mut words,
        hours,
        calendar,
    } = read_school(&mut root, &mut cx);
    check_own_categories(&mut root, &mut cx);
    let settings = read_settings(&table, &names, options.live, &mut cx);
    if settings.is_set("people.head_title")
        && let Some(title) = settings.text("people.head_title")
    {
        words.call_head(&title);
    }
    let help = filter::read_help(&mut root, &mut cx);
    let curriculum = filter::read_curriculum(&mut root, &mut cx);
    let mut policy = filter::read_filter(&mut root, &names, &help, &mut cx);
    policy.zone.clone_from(&school.zone);
    policy.hours = hours;
    policy.calendar = calendar;
    filter::add_settings(&mut policy, &school.phases, &settings);
    let assessments = read_assessments(&mut root, &mut cx);
    let written = table
        .get("search")
        .map_or(Place::default(), |entry| entry.at);
    check_tools(
        (&policy, &settings),
        &assessments,
        written,
        options.today,
        &mut cx,
    );
    check_permission(&settings, &names, &mut cx);
    check_extensions(&settings, &mut cx);
    add_downloads(&mut policy, &settings);
    let timetable = read_timetable(&mut root, &mut cx);
    filter::add_staff_in_lesson(&mut policy, &settings, timetable);
    let mut fil = root.node("fil").and_then(|(node, path)| match &node.value {
        tree::Value::Table(table) => Some(Fields::new(table, path)),
        _ => None,
    });
    let lists = read_lists(fil.as_mut(), &names, &mut cx);
    let sealed = read_sealed(fil.as_mut(), &mut cx);
    let (addresses, devices) = read_devices(&mut root, &mut cx);
    check_notice_places(&settings, &policy, &mut cx);
    check_journal_days(&settings, &mut cx);
    check_mail_cap(&settings, &policy, &mut cx);
    policy.floor = own_floor.as_ref().map(|floor| floor.spec.clone());
    let named_roles = named_roles(&settings);
    let pack = Pack {
        words,
        front_page: read_front_page(&mut root, &mut cx),
        campuses: read_campuses(&mut root, &names, &named_roles, &mut cx),
        named_roles,
        rights: read_rights(&mut root, &mut cx),
        addresses,
        devices,
        network: read_network(&mut root, &mut cx),
        mail: read_mail(&mut root, &mut cx),
        confirmed: read_confirmed(&mut root, &mut cx),
        school,
        settings,
        filter: policy,
        help,
        curriculum,
        categories: names.categories.clone(),
        clauses: Vec::new(),
        written: Vec::new(),
        policy_markdown: String::new(),
        aups: Vec::new(),
        procedures: Vec::new(),
        assessments,
        dictionaries: OwnDictionaries::default(),
        lists,
        sealed,
        ai_tools: Vec::new(),
        trust: read_trust(&mut root, &mut cx),
        floor: own_floor,
    };
    root.finish(&mut cx);
    if cx.problems.is_sound() {
        check_compiles(&pack.filter, &names, &table, &pack.settings, &mut cx);
    }
    let floor = options.floor.or(pack.floor.as_ref());
    let below_floor = floor.map_or_else(Vec::new, |floor| {
        warn_under_floor(&pack.filter, &floor.spec, &table, &pack.settings, &mut cx)
    });
    warn_of_weak(&pack, &mut cx);
    warn_of_kept(&pack, &mut cx);
    check_do_not_block(&pack.settings, &mut cx);
    check_posts(&pack, &mut cx);
    check_phases(&pack, &mut cx);
    check_named_adult(&pack, &mut cx);
    (pack, names, below_floor)
}

/// What the journal holds of the last year is read by audits and clauses.
fn check_journal_days(settings: &Settings, cx: &mut Cx<'_>) {
    let Some(set) = settings.written("priv.retention") else {
        return;
    };
    if let SettingValue::Numbers(days) = &set.value
        && let Some(days) = days.get("journal_days")
        && *days < JOURNAL_DAYS_MIN
    {
        cx.error(
            set.place,
            format!(
                "priv.retention.journal_days = {days}: audits and clauses read the last year of it"
            ),
            format!("keep it for {JOURNAL_DAYS_MIN} days at least"),
        );
    }
}

/// No list may block what is named here: a name under which anybody can register would empty them.
fn check_do_not_block(settings: &Settings, cx: &mut Cx<'_>) {
    const NAME: &str = "fil.do_not_block";
    let Some(set) = settings.written(NAME) else {
        return;
    };
    if let SettingValue::List(names) = &set.value {
        for name in names {
            refuse_suffix(NAME, set.place, name, cx);
        }
    }
}

/// The places where the notice of monitoring comes first must be places of the pack (MON-09).
fn check_notice_places(settings: &Settings, policy: &PolicySpec, cx: &mut Cx<'_>) {
    let Some(set) = settings.written("mon.notice_places") else {
        return;
    };
    let SettingValue::List(places) = &set.value else {
        return;
    };
    for place in places {
        if !policy.places.contains_key(place) {
            cx.error(
                set.place,
                format!("mon.notice_places: {place:?} is no place of the pack"),
                nearest(place, policy.places.keys().map(String::as_str)),
            );
        }
    }
}

/// The phases whose lesson lists name an adult must be phases of the school (MON-07).
fn check_named_adult(pack: &Pack, cx: &mut Cx<'_>) {
    let Some(set) = pack.settings.written("vul.named_adult") else {
        return;
    };
    let SettingValue::List(phases) = &set.value else {
        return;
    };
    for phase in phases {
        let known = pack.school.phases.iter().map(|known| known.name.as_str());
        if !known.clone().any(|known| known == phase) {
            cx.error(
                set.place,
                format!("vul.named_adult: {phase:?} is no phase of the school"),
                nearest(phase, known),
            );
        }
    }
}

/// The cap on mail (FIL-10): hours that are there, sites that are sites, and something to count.
fn check_mail_cap(settings: &Settings, policy: &PolicySpec, cx: &mut Cx<'_>) {
    let set = |name: &'static str| Some((name, settings.written(name)?));
    if let Some((name, set)) = set("fil.mail_cap_not_in")
        && let SettingValue::Text(hours) = &set.value
        && !policy.hours.contains_key(hours)
    {
        cx.error(
            set.place,
            format!("{name}: {hours:?} names no hours of the pack"),
            nearest(hours, policy.hours.keys().map(String::as_str)),
        );
    }
    let mut sites = 0;
    if let Some((name, set)) = set("fil.mail_cap_sites")
        && let SettingValue::List(written) = &set.value
    {
        sites = written.len();
        for site in written {
            let host =
                Address::parse(site).is_ok_and(|site| site.path().is_none_or(|at| at == "/"));
            if !host || !site.contains('.') || site.contains("://") {
                cx.error(
                    set.place,
                    format!("{name}: {site:?} is no name of a site"),
                    "write \"mail.school.example\", without https:// and without a page",
                );
            }
        }
    }
    let webmail = settings.word_of("fil.personal_email", "pupils");
    if let Some((name, set)) = set("fil.mail_cap_minutes")
        && settings.number(name).is_some_and(|minutes| minutes > 0)
        && sites == 0
        && webmail.as_deref() != Some("allowed")
    {
        let file = cx.file.to_owned();
        cx.problems.add(
            &file,
            set.place,
            Severity::Warning,
            format!("{name}: nothing counts towards the cap"),
            Some(
                "name the school's mail in fil.mail_cap_sites; outside mail is blocked for pupils"
                    .to_owned(),
            ),
        );
    }
}

/// `pack = 1`: the version of the format, so that a later Pharos can read an older pack rightly.
fn check_format(root: &mut Fields<'_>, cx: &mut Cx<'_>) {
    let Some((node, _)) = root.node("pack") else {
        cx.error(
            root.at(),
            "the format version is missing",
            "begin the file with pack = 1",
        );
        return;
    };
    if !matches!(node.value, tree::Value::Number(1)) {
        cx.error(
            node.at,
            "this pack is written for another version of Pharos",
            "this version reads pack = 1",
        );
    }
}

fn check_own_categories(root: &mut Fields<'_>, cx: &mut Cx<'_>) {
    let Some((node, path)) = root.node("categories") else {
        return;
    };
    let Some(table) = cx.table(&path, node) else {
        return;
    };
    for entry in &table.entries {
        cx.text(&format!("categories.{}", entry.key), &entry.node);
    }
}

fn read_confirmed(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> BTreeMap<String, Confirmation> {
    let mut confirmed = BTreeMap::new();
    for (name, mut fields) in root.named_tables("confirmed", cx) {
        let at = fields.at();
        if crate::settings::setting(&name).is_none() {
            cx.unknown(
                at,
                "confirmed",
                &name,
                "setting",
                all_settings().map(|setting| setting.name),
            );
        }
        let (by, on, reason) = (
            fields.needed_text("by", cx),
            fields.day("on", cx),
            fields.needed_text("reason", cx),
        );
        fields.finish(cx);
        match (by, on, reason) {
            (Some(by), Some(on), Some(reason)) => {
                confirmed.insert(name, Confirmation { by, on, reason });
            }
            (_, None, _) => cx.error(
                at,
                format!("confirmed.{} has no day", quoted(&name)),
                "write on = 2026-09-01",
            ),
            _ => {}
        }
    }
    confirmed
}

/// Weak values are warnings until leadership confirms them; then they are notes, for the record.
fn warn_of_weak(pack: &Pack, cx: &mut Cx<'_>) {
    for weak in weaker(&pack.settings) {
        let place = pack.settings.place_of(weak.name);
        // A value that could not be read whole is an error already.
        if cx.problems.has_error_on(place.line) {
            continue;
        }
        let (severity, message, help) = match pack.confirmed.get(weak.name) {
            Some(confirmation) => (
                Severity::Note,
                format!("{}: {}", weak.name, weak.why),
                format!("confirmed by {} on {}", confirmation.by, confirmation.on),
            ),
            None => (
                Severity::Warning,
                format!("{} is weaker than usual: {}", weak.name, weak.why),
                format!(
                    "if leadership means it, add [confirmed.\"{}\"] with by, on and reason",
                    weak.name
                ),
            ),
        };
        let file = cx.file.to_owned();
        cx.problems.add(&file, place, severity, message, Some(help));
    }
}

/// A school without a named lead or head cannot handle a concern.
fn check_posts(pack: &Pack, cx: &mut Cx<'_>) {
    for (name, who) in [
        ("people.lead", "the designated safeguarding lead"),
        ("people.head", "the head"),
    ] {
        if !pack.settings.is_set(name) {
            cx.error(
                Place { line: 1, column: 1 },
                format!("{name} is missing: nobody is named as {who}"),
                format!(
                    "add it to [people], such as {} = {{ user = \"…\", since = 2026-09-01 }}",
                    name.trim_start_matches("people.")
                ),
            );
        }
    }
    for (name, set) in pack.settings.iter_set() {
        if let SetValue {
            value: SettingValue::Posts(posts),
            place,
        } = set
            && posts.len() > 50
        {
            cx.error(*place, format!("{name} names more than 50 people"), "");
        }
    }
}

/// A phase without a mode is general: said, because for the youngest that is rarely meant.
fn check_phases(pack: &Pack, cx: &mut Cx<'_>) {
    let modes = pack.settings.map("fil.phase_mode");
    let young = pharos_school::YearGroup::from_number(2);
    for phase in &pack.school.phases {
        let has_young = phase.years.iter().any(|band| Some(band.from) <= young);
        if has_young && !modes.contains_key(&phase.name) {
            let file = cx.file.to_owned();
            cx.problems.add(
                &file,
                Place::default(),
                Severity::Warning,
                format!("the phase {} has children of Year 2 or below and no mode: they would have the general category policy", phase.name),
                Some("set fil.phase_mode to adult-led or teacher-directed".to_owned()),
            );
        }
    }
}

/// When parents are told, from `bre.parents` for filtering breaches and `con.parent_duty` for all else;
/// and what deliberate access leads to, from `bre.deliberate`.
fn set_school_rules(pack: &mut Pack) {
    let duty = |setting: &str| match pack.settings.text(setting).as_deref() {
        Some("lead-decides" | "as-required") => ParentDuty::LeadWeighs,
        Some("always-if-behaviour") => ParentDuty::IfBehaviour,
        _ => ParentDuty::Always,
    };
    let (breach, concern) = (duty("bre.parents"), duty("con.parent_duty"));
    let deliberate = pack.settings.text("bre.deliberate");
    let on_file = deliberate.as_deref() == Some("pupil-file-and-behaviour-policy");
    for procedure in &mut pack.procedures {
        procedure.parent_duty = if procedure.reference.id == "filter-breach" {
            breach
        } else {
            concern
        };
        procedure.deliberate_on_file = on_file;
    }
}
