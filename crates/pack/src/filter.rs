//! The filter part of `school.toml` as a [`PolicySpec`]: groups, places, rules, and the rules that
//! follow from settings (`fil.*`, `srch.*`). Unknown names are refused at their line.

use std::collections::BTreeMap;

use pharos_catalogue::{Address, Suffix};
use pharos_policy::spec::{
    AiSpec, AvoidanceSpec, BlockSpec, Boarding, DefaultSpec, DeviceClass, EncryptedHello,
    GroupSpec, GuestSpec, HelpSpec, InLessonSpec, InspectionSpec, ModeSpec, OtherTools,
    PageTextSpec, PlaceSpec, RuleSpec, ScopeSpec, SearchSpec, SpanSpec, TenantSpec, UnknownSpec,
};
use pharos_policy::{Action, PhaseMode, PolicySpec, YouTube};

use crate::names::Names;
use crate::problem::{Place, Severity};
use crate::read::{Cx, Fields};
use crate::school::Phase;
use crate::settings::Settings;

const ACTIONS: &[(&str, Action)] = &[
    ("allow", Action::Allow),
    ("narrow", Action::Narrow),
    ("warn", Action::Warn),
    ("block", Action::Block),
];
const MODES: &[(&str, PhaseMode)] = &[
    ("general", PhaseMode::General),
    ("teacher-directed", PhaseMode::TeacherDirected),
    ("adult-led", PhaseMode::AdultLed),
];
pub(crate) const LEVELS: &[(&str, YouTube)] = &[
    ("off", YouTube::Off),
    ("moderate", YouTube::Moderate),
    ("strict", YouTube::Strict),
];
const HELLOS: &[(&str, EncryptedHello)] = &[
    ("fall-back", EncryptedHello::FallBack),
    ("refuse", EncryptedHello::Refuse),
];

fn pick<T: Copy>(table: &[(&'static str, T)], word: &str) -> Option<T> {
    table
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value)
}

pub(crate) fn word_of<T: Copy>(
    fields: &mut Fields<'_>,
    key: &'static str,
    table: &[(&'static str, T)],
    cx: &mut Cx<'_>,
) -> Option<T> {
    let words: Vec<&'static str> = table.iter().map(|(name, _)| *name).collect();
    fields
        .word(key, &words, cx)
        .and_then(|word| pick(table, word))
}

/// Reads names from a list and checks each.
fn named(
    fields: &mut Fields<'_>,
    key: &'static str,
    cx: &mut Cx<'_>,
    check: impl Fn(Place, &str, &str, &mut Cx<'_>),
) -> Vec<String> {
    let items = fields.texts(key, cx);
    let path = fields.full(key);
    for (at, name) in &items {
        check(*at, &path, name, cx);
    }
    items.into_iter().map(|(_, name)| name).collect()
}

pub(crate) fn groups_of(
    fields: &mut Fields<'_>,
    key: &'static str,
    names: &Names,
    cx: &mut Cx<'_>,
) -> Vec<String> {
    named(fields, key, cx, |at, path, name, cx| {
        names.group(at, path, name, cx)
    })
}

fn hours_of(
    fields: &mut Fields<'_>,
    key: &'static str,
    names: &Names,
    cx: &mut Cx<'_>,
) -> Vec<String> {
    named(fields, key, cx, |at, path, name, cx| {
        names.hours(at, path, name, cx)
    })
}

pub(crate) fn places_of(
    fields: &mut Fields<'_>,
    key: &'static str,
    names: &Names,
    cx: &mut Cx<'_>,
) -> Vec<String> {
    named(fields, key, cx, |at, path, name, cx| {
        names.place(at, path, name, cx)
    })
}

pub(crate) fn categories_of(
    fields: &mut Fields<'_>,
    key: &'static str,
    names: &Names,
    cx: &mut Cx<'_>,
) -> Vec<String> {
    named(fields, key, cx, |at, path, name, cx| {
        names.category(at, path, name, cx)
    })
}

/// Sites as `example.org` or `example.org/path`, without `https://`.
pub(crate) fn sites_of(fields: &mut Fields<'_>, key: &'static str, cx: &mut Cx<'_>) -> Vec<String> {
    named(fields, key, cx, check_site)
}

/// The same for sites that no list may block.
pub(crate) fn protected_sites_of(
    fields: &mut Fields<'_>,
    key: &'static str,
    cx: &mut Cx<'_>,
) -> Vec<String> {
    named(fields, key, cx, |at, path, site, cx| {
        check_site(at, path, site, cx);
        refuse_suffix(path, at, site, cx);
    })
}

fn check_site(at: Place, path: &str, site: &str, cx: &mut Cx<'_>) {
    if site.contains("://") || site.chars().any(char::is_whitespace) || !site.contains('.') {
        cx.error(
            at,
            format!("{path}: {site:?} is not a site"),
            "write \"example.org\" or \"example.org/path\", without https://",
        );
    }
}

/// First words of suffixes that only public bodies have names below, such as `nhs.uk`: a school may mean all of
/// them. So it may with its own `NAME.sch.uk`, which counts as a suffix of its town's schools.
const PUBLIC_BODIES: [&str; 8] = ["ac", "edu", "gouv", "gov", "mil", "mod", "nhs", "police"];

/// Who has names below a registry's suffix.
enum Below {
    PublicBodies,
    Everybody,
}

fn registry(address: &str) -> Option<Below> {
    let host = Address::parse(address).ok()?.host().clone();
    if host.suffix() != Some(Suffix::Registry) {
        return None;
    }
    let first = host.as_str().split('.').next().unwrap_or_default();
    let of_public_bodies = PUBLIC_BODIES.contains(&first) || host.as_str().ends_with(".sch.uk");
    Some(if of_public_bodies {
        Below::PublicBodies
    } else {
        Below::Everybody
    })
}

/// Whether anybody can register a name below this one, such as `co.uk`. A pack that is brought in protects
/// none such from the lists; in one that is held already it has no effect on them.
pub fn is_everybodys(address: &str) -> bool {
    matches!(registry(address), Some(Below::Everybody))
}

/// Refuses a name under which anybody can register, such as `co.uk`, where naming it keeps every name below it
/// out of the lists. A hosting service's own name (`github.io`) may be meant, and is taken; what public bodies
/// alone have is taken with a warning.
pub(crate) fn refuse_suffix(path: &str, at: Place, address: &str, cx: &mut Cx<'_>) {
    let (severity, message) = match registry(address) {
        None => return,
        Some(Below::PublicBodies) => (
            Severity::Warning,
            "names all that public bodies have below it",
        ),
        Some(Below::Everybody) => (
            cx.problems.of_everybody(),
            "is a name under which anybody can register",
        ),
    };
    let file = cx.file.to_owned();
    cx.problems.add(
        &file,
        at,
        severity,
        format!("{path}: {address:?} {message}: no list would block anything below it"),
        Some("write the whole name that is meant, such as \"example.org\"".to_owned()),
    );
}

/// Reads every filter table of `school.toml` but hours and calendar.
pub(crate) fn read_filter(
    root: &mut Fields<'_>,
    names: &Names,
    help: &[HelpService],
    cx: &mut Cx<'_>,
) -> PolicySpec {
    PolicySpec {
        groups: read_groups(root, names, cx),
        places: read_places(root, cx),
        rules: root
            .tables("rules", cx)
            .into_iter()
            .filter_map(|fields| read_rule(fields, names, cx))
            .collect(),
        blocks: root
            .tables("blocks", cx)
            .into_iter()
            .filter_map(|fields| read_block(fields, names, cx))
            .collect(),
        help: help
            .iter()
            .map(|service| HelpSpec {
                name: service.name.clone(),
                sites: service.sites.clone(),
            })
            .collect(),
        search: root
            .tables("search", cx)
            .into_iter()
            .map(|fields| read_search(fields, names, cx))
            .collect(),
        inspection: read_inspection(root, names, cx),
        tenants: root
            .tables("tenants", cx)
            .into_iter()
            .filter_map(|fields| read_tenant(fields, cx))
            .collect(),
        defaults: root
            .tables("defaults", cx)
            .into_iter()
            .filter_map(|fields| read_default(fields, names, cx))
            .collect(),
        avoidance: read_avoidance(root, names, cx),
        unknown: read_unknown(root, names, cx),
        ..PolicySpec::default()
    }
}

fn read_groups(
    root: &mut Fields<'_>,
    names: &Names,
    cx: &mut Cx<'_>,
) -> BTreeMap<String, GroupSpec> {
    let mut groups = BTreeMap::new();
    for (name, mut fields) in root.named_tables("groups", cx) {
        if crate::names::BUILT_IN_GROUPS.contains(&name.as_str()) || names.phases.contains(&name) {
            cx.error(
                fields.at(),
                format!("the group {name:?} is there already"),
                "choose another name",
            );
        }
        fields.text("about", cx);
        let roles = fields
            .texts("roles", cx)
            .into_iter()
            .filter_map(|(at, role)| Names::role(at, "roles", &role, cx))
            .collect();
        let boarding = fields
            .word("boarding", &["everyone", "boarders", "day"], cx)
            .map_or(Boarding::Everyone, |word| match word {
                "boarders" => Boarding::Boarders,
                "day" => Boarding::Day,
                _ => Boarding::Everyone,
            });
        let group = GroupSpec {
            roles,
            years: fields.all_parsed("years", cx),
            houses: fields
                .texts("houses", cx)
                .into_iter()
                .map(|(_, house)| house)
                .collect(),
            boarding,
            classes: fields
                .texts("classes", cx)
                .into_iter()
                .map(|(_, class)| class)
                .collect(),
            usernames: fields
                .texts("usernames", cx)
                .into_iter()
                .map(|(_, user)| user.to_lowercase())
                .collect(),
            except: groups_of(&mut fields, "except", names, cx),
        };
        fields.finish(cx);
        groups.insert(name, group);
    }
    groups
}

fn read_places(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> BTreeMap<String, PlaceSpec> {
    let mut places = BTreeMap::new();
    for (name, mut fields) in root.named_tables("places", cx) {
        fields.text("about", cx);
        let ranges = named(&mut fields, "ranges", cx, |at, path, range, cx| {
            if range.parse::<ipnet::IpNet>().is_err() && range.parse::<std::net::IpAddr>().is_err()
            {
                cx.error(
                    at,
                    format!("{path}: {range:?} is not a network"),
                    "write \"10.1.0.0/16\", \"2001:db8::/48\" or one address",
                );
            }
        });
        fields.finish(cx);
        places.insert(name, PlaceSpec { ranges });
    }
    places
}

fn read_rule(mut fields: Fields<'_>, names: &Names, cx: &mut Cx<'_>) -> Option<RuleSpec> {
    let at = fields.at();
    let name = fields.needed_text("name", cx);
    fields.text("why", cx);
    let action = word_of(&mut fields, "action", ACTIONS, cx);
    let rule = RuleSpec {
        name: name.clone().unwrap_or_default(),
        action: action.unwrap_or(Action::Block),
        groups: groups_of(&mut fields, "groups", names, cx),
        except: groups_of(&mut fields, "except", names, cx),
        categories: categories_of(&mut fields, "categories", names, cx),
        sites: sites_of(&mut fields, "sites", cx),
        everything: fields.switch("everything", cx).unwrap_or(false),
        hours: hours_of(&mut fields, "hours", names, cx),
        except_hours: hours_of(&mut fields, "except_hours", names, cx),
        places: places_of(&mut fields, "places", names, cx),
    };
    if action.is_none() && fields.entry("action").is_none() {
        cx.error(
            at,
            "this rule has no action",
            "write action = \"block\", \"warn\", \"narrow\" or \"allow\"",
        );
    }
    if rule.categories.is_empty() && rule.sites.is_empty() && !rule.everything {
        cx.error(
            at,
            format!("the rule {:?} is about nothing", rule.name),
            "name categories, sites or everything = true",
        );
    }
    fields.finish(cx);
    name.map(|_| rule)
}

fn read_block(mut fields: Fields<'_>, names: &Names, cx: &mut Cx<'_>) -> Option<BlockSpec> {
    let name = fields.needed_text("name", cx);
    fields.text("why", cx);
    let block = BlockSpec {
        name: name.clone().unwrap_or_default(),
        sites: sites_of(&mut fields, "sites", cx),
        categories: categories_of(&mut fields, "categories", names, cx),
    };
    fields.finish(cx);
    name.map(|_| block)
}

/// A help or reporting service, as shown to pupils and never blocked (FIL-13, REF-01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpService {
    /// Name, such as `Childline`.
    pub name: String,
    /// What it is for, in words for a pupil.
    pub about: Option<String>,
    /// Telephone number.
    pub call: Option<String>,
    /// Its sites; the first is the one to show.
    pub sites: Vec<String>,
}

/// `[[help]]`.
pub(crate) fn read_help(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<HelpService> {
    let mut services = Vec::new();
    for mut fields in root.tables("help", cx) {
        let name = fields.needed_text("name", cx);
        let about = fields.text("about", cx);
        let call = fields.text("call", cx);
        let sites = protected_sites_of(&mut fields, "sites", cx);
        fields.finish(cx);
        services.extend(name.map(|name| HelpService {
            name,
            about,
            call,
            sites,
        }));
    }
    services
}

/// A subject of the curriculum with addresses that must stay open (FIL-12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurriculumSubject {
    /// What it is called, such as `Relationships and sex education`.
    pub name: String,
    /// Addresses that teaching needs: probed every day.
    pub sites: Vec<String>,
}

/// `[[curriculum]]`.
pub(crate) fn read_curriculum(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<CurriculumSubject> {
    let mut subjects = Vec::new();
    for mut fields in root.tables("curriculum", cx) {
        let name = fields.needed_text("name", cx);
        let sites = sites_of(&mut fields, "sites", cx);
        fields.finish(cx);
        subjects.extend(name.map(|name| CurriculumSubject { name, sites }));
    }
    subjects
}

fn read_search(mut fields: Fields<'_>, names: &Names, cx: &mut Cx<'_>) -> SearchSpec {
    let tools = fields.texts("tools", cx);
    let spec = SearchSpec {
        groups: groups_of(&mut fields, "groups", names, cx),
        except: groups_of(&mut fields, "except", names, cx),
        safe_search: fields.switch("safe_search", cx).unwrap_or(true),
        youtube: word_of(&mut fields, "youtube", LEVELS, cx).unwrap_or(YouTube::Strict),
        tools: (!tools.is_empty()).then(|| tools.into_iter().map(|(_, tool)| tool).collect()),
    };
    fields.finish(cx);
    spec
}

fn read_inspection(root: &mut Fields<'_>, names: &Names, cx: &mut Cx<'_>) -> InspectionSpec {
    let Some(mut fields) = root.table("inspection", cx) else {
        let never_categories = ["banking", "health", "help"].map(str::to_owned).to_vec();
        return InspectionSpec {
            never_categories,
            ..InspectionSpec::default()
        };
    };
    let spec = InspectionSpec {
        never_categories: categories_of(&mut fields, "never_categories", names, cx),
        never_sites: sites_of(&mut fields, "never_sites", cx),
        tunnel_unreachable: sites_of(&mut fields, "tunnel_unreachable", cx),
        encrypted_hello: word_of(&mut fields, "encrypted_hello", HELLOS, cx).unwrap_or_default(),
    };
    fields.finish(cx);
    spec
}

/// `[[tenants]]`: headers that keep people to the school's own accounts at a service.
fn read_tenant(mut fields: Fields<'_>, cx: &mut Cx<'_>) -> Option<TenantSpec> {
    fields.text("name", cx);
    fields.text("why", cx);
    let hosts = sites_of(&mut fields, "hosts", cx);
    let header = fields.needed_text("header", cx);
    let value = fields.needed_text("value", cx);
    fields.finish(cx);
    Some(TenantSpec {
        hosts,
        header: header?,
        value: value?,
    })
}

fn read_default(mut fields: Fields<'_>, names: &Names, cx: &mut Cx<'_>) -> Option<DefaultSpec> {
    let at = fields.at();
    let groups = groups_of(&mut fields, "groups", names, cx);
    let except = groups_of(&mut fields, "except", names, cx);
    let action = word_of(&mut fields, "action", ACTIONS, cx);
    if action.is_none() && fields.entry("action").is_none() {
        cx.error(
            at,
            "this default has no action",
            "write action = \"allow\", \"warn\" or \"block\"",
        );
    }
    fields.finish(cx);
    action.map(|action| DefaultSpec {
        groups,
        except,
        action,
    })
}

fn read_avoidance(root: &mut Fields<'_>, names: &Names, cx: &mut Cx<'_>) -> AvoidanceSpec {
    let Some(mut fields) = root.table("avoidance", cx) else {
        return AvoidanceSpec::default();
    };
    let spec = AvoidanceSpec {
        block: fields.switch("block", cx).unwrap_or(true),
        granted: groups_of(&mut fields, "granted", names, cx),
    };
    fields.finish(cx);
    spec
}

fn read_unknown(root: &mut Fields<'_>, names: &Names, cx: &mut Cx<'_>) -> UnknownSpec {
    let Some(mut fields) = root.table("unknown", cx) else {
        return UnknownSpec::default();
    };
    let mode = word_of(&mut fields, "mode", MODES, cx);
    let mut guests = Vec::new();
    for mut guest in fields.tables("guests", cx) {
        guests.push(GuestSpec {
            places: places_of(&mut guest, "places", names, cx),
            groups: groups_of(&mut guest, "groups", names, cx),
        });
        guest.finish(cx);
    }
    fields.finish(cx);
    UnknownSpec { mode, guests }
}

/// Adds what follows from phases and settings. These rules are called `fil.categories (pupils)`, so
/// that a decision leads straight to the setting that made it.
pub(crate) fn add_settings(spec: &mut PolicySpec, phases: &[Phase], settings: &Settings) {
    for phase in phases {
        let group = GroupSpec {
            roles: vec![pharos_school::Role::Pupil],
            years: phase.years.clone(),
            ..GroupSpec::default()
        };
        spec.groups.insert(phase.name.clone(), group);
    }
    for (phase, words) in settings.map("fil.phase_mode") {
        if let Some(mode) = words.first().and_then(|word| pick(MODES, word)) {
            spec.modes.push(ModeSpec {
                mode,
                years: Vec::new(),
                groups: vec![phase],
                except: Vec::new(),
            });
        }
    }
    for (group, categories) in settings.map("fil.categories") {
        if !categories.is_empty() {
            spec.rules.push(RuleSpec {
                categories,
                ..rule("fil.categories", Action::Block, &group)
            });
        }
    }
    add_social_media(spec, settings);
    add_scope(spec, settings);
    for (group, audience) in [("pupils", "pupils"), ("staff", "staff")] {
        let action = match settings.word_of("fil.personal_email", audience).as_deref() {
            Some("blocked") => Action::Block,
            Some("warned") => Action::Warn,
            _ => continue,
        };
        spec.rules.push(RuleSpec {
            categories: vec!["webmail".to_owned()],
            ..rule("fil.personal_email", action, group)
        });
    }
    add_search(spec, settings);
    for group in ["pupils", "staff"] {
        let word = |setting: &str| settings.word_of(setting, group);
        let action = match word("fil.page_text").as_deref() {
            Some("block") => Some(Action::Block),
            Some("warn") => Some(Action::Warn),
            _ => None,
        };
        spec.page_text.extend(action.map(|action| PageTextSpec {
            groups: vec![group.to_owned()],
            except: Vec::new(),
            action,
        }));
        spec.ai.push(AiSpec {
            groups: vec![group.to_owned()],
            except: Vec::new(),
            block_signed_out: word("fil.ai_signed_out").as_deref() == Some("blocked"),
            keep_prompts: word("fil.ai_prompts").as_deref() == Some("kept"),
        });
    }
}

/// `fil.scope`: what it does not name is left out. The networks where the notice of monitoring comes
/// first are those of people's own devices.
fn add_scope(spec: &mut PolicySpec, settings: &Settings) {
    let named = settings.list("fil.scope");
    let is_out = |class: &DeviceClass| !named.iter().any(|name| name == class.name());
    spec.scope = ScopeSpec {
        left_out: DeviceClass::ALL.into_iter().filter(is_out).collect(),
        own_places: settings.list("mon.notice_places"),
    };
}

/// What is not school work while somebody teaches (`fil.staff_in_lesson`).
const NOT_FOR_LESSONS: &[&str] = &[
    "webmail",
    "social-media",
    "chat",
    "shopping",
    "gaming",
    "gambling",
    "dating",
    "celebrity",
    "sports",
    "streaming",
    "job-search",
];

/// `fil.staff_in_lesson` with the timetable: nothing where it is off or nobody has one.
pub(crate) fn add_staff_in_lesson(
    spec: &mut PolicySpec,
    settings: &Settings,
    timetable: BTreeMap<String, Vec<SpanSpec>>,
) {
    let action = match settings.text("fil.staff_in_lesson").as_deref() {
        Some("warn") => Action::Warn,
        Some("block") => Action::Block,
        _ => return,
    };
    spec.in_lesson = Some(InLessonSpec {
        action,
        categories: NOT_FOR_LESSONS
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        timetable,
    });
}

fn rule(name: &str, action: Action, group: &str) -> RuleSpec {
    RuleSpec {
        name: format!("{name} ({group})"),
        action,
        groups: vec![group.to_owned()],
        except: Vec::new(),
        categories: Vec::new(),
        sites: Vec::new(),
        everything: false,
        hours: Vec::new(),
        except_hours: Vec::new(),
        places: Vec::new(),
    }
}

fn add_social_media(spec: &mut PolicySpec, settings: &Settings) {
    let word = |key: &str| settings.word_of("fil.social_media", key);
    let excepted: Vec<String> = word("exceptions").into_iter().collect();
    for group in ["pupils", "staff"] {
        let (action, hours) = match word(group).as_deref() {
            Some("blocked") => (Action::Block, Vec::new()),
            Some("blocked-in-hours") => (Action::Block, word("hours").into_iter().collect()),
            Some("warned") => (Action::Warn, Vec::new()),
            _ => continue,
        };
        let categories = vec!["social-media".to_owned()];
        spec.rules.push(RuleSpec {
            categories,
            hours,
            except: excepted.clone(),
            ..rule("fil.social_media", action, group)
        });
    }
}

fn add_search(spec: &mut PolicySpec, settings: &Settings) {
    let safe_search = settings.switch("srch.safe_dns");
    let youtube = settings
        .text("srch.video")
        .and_then(|word| pick(LEVELS, &word))
        .unwrap_or(YouTube::Strict);
    spec.search.push(SearchSpec {
        groups: vec!["pupils".to_owned()],
        except: Vec::new(),
        safe_search,
        youtube,
        tools: None,
    });
    let staff_video = YouTube::Off;
    spec.search.push(SearchSpec {
        groups: vec!["staff".to_owned()],
        except: Vec::new(),
        safe_search,
        youtube: staff_video,
        tools: None,
    });
    if settings.text("srch.other_tools").as_deref() == Some("block") {
        spec.other_tools = OtherTools::Block;
    }
    for (phase, tools) in settings.map("srch.tools") {
        let group = if phase.is_empty() {
            "pupils".to_owned()
        } else {
            phase
        };
        spec.search.push(SearchSpec {
            groups: vec![group],
            except: Vec::new(),
            safe_search,
            youtube,
            tools: Some(tools),
        });
    }
}
