//! From the policy as written to the compiled one, with everything that is wrong reported at once.

mod browsers;
mod downloads;
mod floor;
mod inspection;
mod rules;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use pharos_catalogue::CategorySet;

use self::words::Words;
use crate::groups::{BUILT_IN, Groups};
use crate::hours::{Hours, Span, by_weekday};
use crate::policy::{Ai, Mode, Names, Search, SingledOut, blank_subject};
use crate::rule::Audience;
use crate::scope::Scope;
use crate::sets::{GroupSet, HoursSet, PlaceSet, ToolSet};
use crate::spec::{DatesSpec, SpanSpec};
use crate::steady::Steady;
use crate::{Action, Narrowing, Policy, PolicySpec, SpecProblem, Vocabulary};

/// The most rules of all layers together, overrides included.
pub const RULES_MAX: usize = 20_000;

impl Policy {
    /// Compiles a policy.
    ///
    /// # Errors
    /// Everything that is wrong, each with the path to its field, in the order of the fields.
    pub fn compile(
        spec: &PolicySpec,
        vocabulary: &Vocabulary<'_>,
    ) -> Result<Policy, Vec<SpecProblem>> {
        let mut words = Words::new(spec, vocabulary);
        let zone = zone(spec, &mut words);
        let spans = spans(spec, &mut words);
        check_calendar(spec, &mut words);
        let places = places(spec, &mut words);
        let groups = groups(spec, &mut words);
        words.groups = groups;
        let modes = modes(spec, &mut words);
        let mut rules = rules::Rules::default();
        rules.of(spec, &mut words);
        let floor = floor::compile(spec.floor.as_ref(), &mut rules, &mut words);
        let search = search(spec, &mut words);
        let page_text = page_text(spec, &mut words);
        let ai = ai(spec, &mut words);
        let (downloads, blocked_files) = downloads::compile(spec, &mut words);
        let (other_browsers, closed_stores, extensions) = browsers::compile(spec, &mut words);
        let defaults = defaults(spec, &mut words);
        let inspection = &spec.inspection;
        let never_inspect =
            words.categories(&inspection.never_categories, "inspection.never-categories");
        let inspected = inspection::compile(spec, &mut words);
        let avoidance_granted = words.groups(&spec.avoidance.granted, "avoidance.granted");
        let guests = guests(spec, &mut words);
        let scope = scope(spec, &guests, &mut words);
        let timetable = timetable(spec, &mut words);
        let rules::Rules {
            rules,
            broad,
            sites,
            ..
        } = rules;
        if rules.len() > RULES_MAX {
            let count = rules.len();
            words.problem(
                "rules",
                format!("{count} rules and overrides; the most is {RULES_MAX}"),
            );
        }
        let Words {
            problems,
            unlisted,
            groups,
            ..
        } = words;
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut policy = Policy {
            names: Names::default(),
            hours: Hours::new(zone, &spec.calendar, spans),
            hours_names: spec
                .hours
                .keys()
                .map(|name| Arc::from(name.as_str()))
                .collect(),
            places,
            groups,
            modes,
            search,
            other_tools: spec.other_tools,
            page_text,
            ai,
            downloads,
            blocked_files,
            permitted_browsers: spec.browsers.permitted.iter().copied().collect(),
            other_browsers,
            closed_stores,
            extensions,
            defaults,
            rules,
            broad_rules: broad,
            sites,
            never_inspect,
            inspection: inspected,
            blocks_avoidance: spec.avoidance.block,
            avoidance_granted,
            unknown_mode: spec.unknown.mode,
            unknown: blank_subject(),
            scope,
            floor,
            guests: Vec::new(),
            categories: vocabulary.categories.to_vec(),
            unlisted: unlisted
                .into_iter()
                .map(|name| name.as_str().into())
                .collect(),
            timetable,
            singled_out: SingledOut::default(),
            steady: Steady::default(),
        };
        policy.singled_out = SingledOut::by(&policy.rules);
        policy.steady = Steady::of(&policy);
        policy.make_unknown(guests);
        Ok(policy)
    }
}

fn zone(spec: &PolicySpec, words: &mut Words<'_>) -> TimeZone {
    // The bundled rules, so that every node of a school decides alike.
    TimeZoneDatabase::bundled()
        .get(&spec.zone)
        .unwrap_or_else(|_| {
            let zone = &spec.zone;
            words.problem(
                "zone",
                format!("{zone:?} is not a time zone; write one like \"Europe/London\""),
            );
            TimeZone::UTC
        })
}

fn spans(spec: &PolicySpec, words: &mut Words<'_>) -> Vec<Span> {
    if spec.hours.len() > HoursSet::MAX {
        let (count, most) = (spec.hours.len(), HoursSet::MAX);
        words.problem("hours", format!("{count} named hours; the most is {most}"));
    }
    let mut spans = Vec::new();
    for (hours, (name, written)) in spec.hours.iter().take(HoursSet::MAX).enumerate() {
        if written.spans.is_empty() {
            words.problem(
                &format!("hours.{name}"),
                "has no spans; write at least one".to_owned(),
            );
        }
        for (place, span) in written.spans.iter().enumerate() {
            let path = format!("hours.{name}.spans[{place}].days");
            spans.push(one_span(hours, span, &path, words));
        }
    }
    spans
}

fn one_span(hours: usize, span: &SpanSpec, path: &str, words: &mut Words<'_>) -> Span {
    if span.days.is_empty() {
        words.problem(
            path,
            "names no day; write at least one of mon to sun".to_owned(),
        );
    }
    Span {
        hours,
        days: by_weekday(&span.days),
        from: span.from,
        to: span.to,
        who: span.who,
        on: span.on,
    }
}

/// When each member of staff teaches.
fn timetable(spec: &PolicySpec, words: &mut Words<'_>) -> HashMap<Box<str>, Arc<[Span]>> {
    let written = spec
        .in_lesson
        .iter()
        .flat_map(|in_lesson| &in_lesson.timetable);
    let mut timetable = HashMap::new();
    for (username, spans) in written {
        let spans = spans.iter().enumerate().map(|(place, span)| {
            let path = format!("in-lesson.timetable.{username}[{place}].days");
            one_span(0, span, &path, words)
        });
        timetable.insert(username.to_lowercase().into(), spans.collect());
    }
    timetable
}

fn check_calendar(spec: &PolicySpec, words: &mut Words<'_>) {
    let mut check = |name: &str, dates: &[DatesSpec]| {
        for (place, DatesSpec { from, to }) in dates.iter().enumerate() {
            if to < from {
                let path = format!("calendar.{name}[{place}]");
                words.problem(&path, format!("ends on {to}, before it begins on {from}"));
            }
        }
    };
    check("terms", &spec.calendar.terms);
    check("holidays", &spec.calendar.holidays);
}

fn places(spec: &PolicySpec, words: &mut Words<'_>) -> Vec<(Arc<str>, Vec<ipnet::IpNet>)> {
    if spec.places.len() > PlaceSet::MAX {
        let (count, most) = (spec.places.len(), PlaceSet::MAX);
        words.problem(
            "places",
            format!("{count} named places; the most is {most}"),
        );
    }
    let mut places = Vec::new();
    for (name, written) in spec.places.iter().take(PlaceSet::MAX) {
        let path = format!("places.{name}.ranges");
        if written.ranges.is_empty() {
            words.problem(&path, "names no address range".to_owned());
        }
        places.push((
            Arc::from(name.as_str()),
            words.ranges(&written.ranges, &path),
        ));
    }
    places
}

fn groups(spec: &PolicySpec, words: &mut Words<'_>) -> Groups {
    let most = GroupSet::MAX - BUILT_IN.len();
    if spec.groups.len() > most {
        let count = spec.groups.len();
        words.problem("groups", format!("{count} groups; the most is {most}"));
    }
    for (name, group) in &spec.groups {
        if BUILT_IN.contains(&name.as_str()) {
            let message = "is built in; choose another name".to_owned();
            words.problem(&format!("groups.{name}"), message);
        } else if *group
            == (crate::spec::GroupSpec {
                except: group.except.clone(),
                ..Default::default()
            })
        {
            let message =
                "nobody can be in it; write roles, years, houses, boarding, classes or usernames";
            words.problem(&format!("groups.{name}"), message.to_owned());
        }
    }
    let (groups, wrong) = Groups::new(&spec.groups);
    for (group, place) in wrong {
        let message = "is no other group, or the groups except each other in a circle";
        words.problem(
            &format!("groups.{group}.except[{place}]"),
            message.to_owned(),
        );
    }
    groups
}

fn modes(spec: &PolicySpec, words: &mut Words<'_>) -> Vec<Mode> {
    let mut modes = Vec::new();
    for (place, mode) in spec.modes.iter().enumerate() {
        let path = format!("modes[{place}]");
        if mode.years.is_empty() && mode.groups.is_empty() {
            words.problem(&path, "is for nobody; write years or groups".to_owned());
        }
        modes.push(Mode {
            mode: mode.mode,
            years: mode.years.clone(),
            groups: words.groups(&mode.groups, &format!("{path}.groups")),
            except: words.groups(&mode.except, &format!("{path}.except")),
        });
    }
    modes
}

fn page_text(spec: &PolicySpec, words: &mut Words<'_>) -> Vec<(Audience, Action)> {
    let all = spec.page_text.iter().enumerate();
    all.map(|(place, text)| {
        let path = format!("page-text[{place}]");
        if !matches!(text.action, Action::Block | Action::Warn) {
            let message = "a page that is over is blocked or warned about";
            words.problem(&format!("{path}.action"), message.to_owned());
        }
        let audience = words.audience(&text.groups, &text.except, &path);
        (audience, text.action)
    })
    .collect()
}

fn ai(spec: &PolicySpec, words: &mut Words<'_>) -> Vec<Ai> {
    let all = spec.ai.iter().enumerate();
    all.map(|(place, ai)| Ai {
        audience: words.audience(&ai.groups, &ai.except, &format!("ai[{place}]")),
        blocks_signed_out: ai.block_signed_out,
        keeps_prompts: ai.keep_prompts,
    })
    .collect()
}

fn search(spec: &PolicySpec, words: &mut Words<'_>) -> Vec<Search> {
    let mut all = Vec::new();
    for (place, search) in spec.search.iter().enumerate() {
        let path = format!("search[{place}]");
        let mut tools = search.tools.as_ref().map(|_| ToolSet::default());
        let mut order = Vec::new();
        for (n, name) in search.tools.iter().flatten().enumerate() {
            if let Some(tool) = words.tool(name, &format!("{path}.tools[{n}]"))
                && let Some(tools) = &mut tools
            {
                tools.insert(tool);
                order.extend(u8::try_from(tool));
            }
        }
        let audience = words.audience(&search.groups, &search.except, &path);
        let narrowing = Narrowing {
            safe_search: search.safe_search,
            youtube: search.youtube,
        };
        all.push(Search {
            audience,
            narrowing,
            tools,
            order,
        });
    }
    all
}

fn defaults(spec: &PolicySpec, words: &mut Words<'_>) -> Vec<(Audience, Action)> {
    let mut all = Vec::new();
    for (place, default) in spec.defaults.iter().enumerate() {
        let path = format!("defaults[{place}]");
        if matches!(default.action, Action::Narrow | Action::Tunnel) {
            let message = "a default is allow, warn or block".to_owned();
            words.problem(&format!("{path}.action"), message);
        }
        all.push((
            words.audience(&default.groups, &default.except, &path),
            default.action,
        ));
    }
    all
}

fn guests(spec: &PolicySpec, words: &mut Words<'_>) -> Vec<(PlaceSet, GroupSet)> {
    let mut all = Vec::new();
    for (place, guest) in spec.unknown.guests.iter().enumerate() {
        let path = format!("unknown.guests[{place}]");
        let places = words.places(&guest.places, &format!("{path}.places"));
        let mut groups = words.groups(&guest.groups, &format!("{path}.groups"));
        if guest.places.is_empty() || guest.groups.is_empty() {
            words.problem(&path, "needs both places and groups".to_owned());
        }
        if let Some(everyone) = words.groups.number("everyone") {
            groups.insert(everyone);
        }
        all.push((places, groups));
    }
    all
}

fn scope(spec: &PolicySpec, guests: &[(PlaceSet, GroupSet)], words: &mut Words<'_>) -> Scope {
    let mut own = words.places(&spec.scope.own_places, "scope.own-places");
    for (places, _) in guests {
        own = own.or(*places);
    }
    let built_in = |name: &str| {
        let mut set = GroupSet::default();
        if let Some(number) = words.groups.number(name) {
            set.insert(number);
        }
        set
    };
    Scope {
        left_out: spec.scope.left_out.clone(),
        own,
        staff: built_in("staff"),
        visitors: built_in("visitors"),
    }
}

/// Nothing by category.
pub(crate) const NO_CATEGORIES: CategorySet = CategorySet::EMPTY;
