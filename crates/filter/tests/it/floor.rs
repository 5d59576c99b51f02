//! A trust's floor under a school's policy: nothing of the school's own weakens it, adding one never
//! widens what anybody reaches, and reasons say whose it is.

use std::net::IpAddr;

use pharos_policy::spec::{
    AvoidanceSpec, EmergencySpec, ExceptionSpec, FloorBlockSpec, FloorSearchSpec, FloorSpec,
    GroupSpec, GuestSpec, HelpSpec, PlaceSpec, RuleSpec, SearchSpec, WhomSpec,
};
use pharos_policy::{Action, Decision, Layer, PolicySpec, Weight, YouTube};
use pharos_school::Who;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::kit::*;
use crate::properties::{ASKED, PEOPLE, TIMES, everybody, school, some, specs, strictness};

/// A way round the filter beside the sites of the other properties.
const ROUND: &str = "dns.google";
const GUESTS: &str = "10.9.0.7";

fn whom() -> impl Strategy<Value = WhomSpec> {
    const BUILT_IN: [&str; 4] = ["everyone", "pupils", "staff", "boarders"];
    let years = proptest::option::of(proptest::sample::select(vec!["N-2", "3-8", "12-13"]));
    (some(BUILT_IN, 2), years, some(BUILT_IN, 1), any::<bool>()).prop_map(
        |(groups, years, except, guests)| WhomSpec {
            groups,
            years: years.iter().map(|band| band.parse().unwrap()).collect(),
            except,
            guests,
        },
    )
}

fn floors() -> impl Strategy<Value = FloorSpec> {
    let block = (
        whom(),
        some(["gambling", "games"], 2),
        some(["a.test", "sub.b.test", "c.test"], 1),
    )
        .prop_map(|(whom, categories, mut sites)| {
            if sites.is_empty() && categories.is_empty() {
                sites = words(&["b.test"]);
            }
            FloorBlockSpec {
                name: "kept out".into(),
                whom,
                categories,
                sites,
            }
        });
    let level = proptest::sample::select(vec![YouTube::Off, YouTube::Moderate, YouTube::Strict]);
    let search =
        (whom(), any::<bool>(), level).prop_map(|(whom, safe_search, youtube)| FloorSearchSpec {
            whom,
            safe_search,
            youtube,
        });
    (
        vec(block, 0..4),
        vec(search, 0..3),
        vec(whom(), 0..2),
        some(["a.test", "www.bing.com"], 1),
    )
        .prop_map(|(blocks, search, avoidance, help)| FloorSpec {
            by: "Saltmarsh Learning Trust".into(),
            version: 7,
            help,
            blocks,
            search,
            avoidance,
        })
}

/// A school's policy with what could get round a floor: guests, help sites, ways round granted.
fn schools() -> impl Strategy<Value = PolicySpec> {
    let guests = some(["staff", "visitors", "named"], 1);
    let help = some(["c.test", "sub.b.test"], 1);
    (specs(), guests, help, any::<bool>()).prop_map(|(mut spec, groups, help, grants)| {
        let ranges = words(&["10.9.0.0/16"]);
        spec.places.insert("foyer".into(), PlaceSpec { ranges });
        if !groups.is_empty() {
            let places = words(&["foyer"]);
            spec.unknown.guests = vec![GuestSpec { places, groups }];
        }
        if !help.is_empty() {
            spec.rules
                .retain(|rule| rule.action != Action::Block || rule.sites.is_empty());
            let name = "own help".into();
            spec.help.push(HelpSpec { name, sites: help });
        }
        if grants {
            spec.avoidance.granted = words(&["everyone"]);
        }
        spec
    })
}

/// A school that asks for nothing at all: under a floor it has what the floor alone gives.
fn loosest() -> PolicySpec {
    let mut spec = PolicySpec {
        search: vec![SearchSpec {
            groups: vec![],
            except: vec![],
            safe_search: false,
            youtube: YouTube::Off,
            tools: None,
        }],
        avoidance: AvoidanceSpec {
            block: false,
            granted: vec![],
        },
        ..PolicySpec::default()
    };
    let ranges = words(&["10.9.0.0/16"]);
    spec.places.insert("foyer".into(), PlaceSpec { ranges });
    spec
}

fn standing_on(spec: &PolicySpec, floor: &FloorSpec) -> School {
    school(&PolicySpec {
        floor: Some(floor.clone()),
        ..spec.clone()
    })
}

fn ask(school: &School, who: &Who, from: Option<&str>, site: &str, now: &str) -> Decision {
    let from: Option<IpAddr> = from.map(|from| from.parse().unwrap());
    school
        .snapshot
        .decide(&query(who, &address(site), from, now))
}

/// Everything that is asked: who, from where, what, when.
fn questions() -> impl Iterator<Item = (Who, Option<&'static str>, &'static str, &'static str)> {
    everybody().into_iter().flat_map(|who| {
        [None, Some(GUESTS)].into_iter().flat_map(move |from| {
            let who = who.clone();
            ASKED.into_iter().chain([ROUND]).flat_map(move |site| {
                let who = who.clone();
                TIMES
                    .into_iter()
                    .map(move |now| (who.clone(), from, site, now))
            })
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// FIL-06: adding a floor never lets anybody reach more than before, and never loosens search or
    /// video.
    #[test]
    fn fil_06_adding_a_floor_never_widens(spec in schools(), floor in floors()) {
        let (before, after) = (school(&spec), standing_on(&spec, &floor));
        for (who, from, site, now) in questions() {
            let was = ask(&before, &who, from, site, now);
            let is = ask(&after, &who, from, site, now);
            prop_assert!(
                strictness(is.action) >= strictness(was.action),
                "{who:?} {from:?} {site} {now}: {:?} by {} became {:?} by {}",
                was.action, was.rule, is.action, is.rule
            );
            prop_assert!(is.narrowing.safe_search >= was.narrowing.safe_search);
            prop_assert!(is.narrowing.youtube >= was.narrowing.youtube);
        }
    }

    /// FIL-06: no policy of a school gives anybody more than the floor alone would: no rule, group,
    /// exception, lesson list, help site, guest network, mode or default.
    #[test]
    fn fil_06_no_layer_of_a_school_weakens_its_floor(spec in schools(), floor in floors()) {
        let (alone, under) = (standing_on(&loosest(), &floor), standing_on(&spec, &floor));
        for (who, from, site, now) in questions() {
            // A guest here is unknown to the loosest school; what holds for guests is told below.
            let not_on_roll = under.snapshot.member(&who).is_none();
            if from.is_some() && not_on_roll && !spec.unknown.guests.is_empty() {
                continue;
            }
            let floor_only = ask(&alone, &who, from, site, now);
            let is = ask(&under, &who, from, site, now);
            prop_assert!(
                strictness(is.action) >= strictness(floor_only.action),
                "{who:?} {from:?} {site} {now}: the floor alone {:?} by {}, the school {:?} by {}",
                floor_only.action, floor_only.rule, is.action, is.rule
            );
            prop_assert!(is.narrowing.safe_search >= floor_only.narrowing.safe_search);
            prop_assert!(is.narrowing.youtube >= floor_only.narrowing.youtube);
        }
    }

    /// FIL-17: where the floor does not say otherwise, whoever a school takes for a guest gets no more
    /// than the floor gives an unknown device.
    #[test]
    fn fil_17_no_guest_network_leads_out_of_a_floor(spec in schools(), floor in floors()) {
        let mut floor = floor;
        let parts = floor.blocks.iter_mut().map(|block| &mut block.whom);
        let parts = parts.chain(floor.search.iter_mut().map(|search| &mut search.whom));
        parts.chain(&mut floor.avoidance).for_each(|whom| whom.guests = true);
        let (alone, under) = (standing_on(&loosest(), &floor), standing_on(&spec, &floor));
        for site in ASKED.into_iter().chain([ROUND]) {
            let floor_only = ask(&alone, &nobody(), None, site, LESSON);
            let guest = ask(&under, &nobody(), Some(GUESTS), site, LESSON);
            if floor_only.layer == Layer::Floor {
                prop_assert_eq!(guest.layer, Layer::Floor, "{}", site);
            }
            prop_assert!(guest.narrowing.youtube >= floor.search.iter()
                .filter(|search| search.whom.groups.is_empty() && search.whom.years.is_empty())
                .map(|search| search.youtube).max().unwrap_or_default());
        }
    }

    /// FIL-06: explaining agrees with deciding under a floor too, and every reason of the floor says
    /// whose it is; no other does.
    #[test]
    fn fil_06_reasons_of_a_floor_say_whose_it_is(spec in schools(), floor in floors()) {
        let under = standing_on(&spec, &floor);
        for (who, from, site, now) in questions().filter(|(_, _, _, now)| *now == LESSON) {
            let from = from.map(|from| from.parse().unwrap());
            let place = address(site);
            let asked = query(&who, &place, from, now);
            let (decided, explained) = (under.snapshot.decide(&asked), under.snapshot.explain(&asked));
            prop_assert_eq!(decided.action, explained.action);
            prop_assert_eq!(&decided.rule, &explained.rule);
            for reason in decided.reasons.iter().chain(&explained.reasons) {
                let by = reason.by.as_deref();
                let expected = (reason.layer == Layer::Floor).then_some("Saltmarsh Learning Trust, floor 7");
                prop_assert_eq!(by, expected);
            }
        }
    }
}

fn floor() -> FloorSpec {
    let pupils = WhomSpec {
        groups: words(&["pupils"]),
        ..WhomSpec::default()
    };
    FloorSpec {
        by: "Saltmarsh Learning Trust".into(),
        version: 7,
        help: words(&["help.b.test"]),
        blocks: vec![FloorBlockSpec {
            name: "gambling".into(),
            whom: pupils.clone(),
            categories: words(&["gambling"]),
            sites: words(&["wagers.test"]),
        }],
        search: vec![FloorSearchSpec {
            whom: pupils.clone(),
            safe_search: true,
            youtube: YouTube::Moderate,
        }],
        avoidance: vec![pupils],
    }
}

/// FIL-06: an approved exception of a school, a rule of its own and its own help site stay without
/// effect where the floor blocks, and explaining shows them below the floor with what became of them.
#[test]
fn fil_06_an_exception_below_the_floor_opens_nothing() {
    let mut spec = PolicySpec {
        rules: vec![RuleSpec {
            categories: words(&["gambling"]),
            ..rule("maths week", Action::Allow)
        }],
        help: vec![HelpSpec {
            name: "no help at all".into(),
            sites: words(&["wagers.test"]),
        }],
        ..PolicySpec::default()
    };
    spec.overrides.exceptions.push(ExceptionSpec {
        reference: "CH-1".into(),
        groups: vec![],
        people: vec![person(YEAR_8)],
        classes: vec![],
        sites: words(&["b.test"]),
        categories: vec![],
        from: None,
        until: at("2026-12-31T00:00:00Z"),
    });
    let under = standing_on(&spec, &floor());
    for site in ["https://b.test/", "https://wagers.test/"] {
        let decision = under.explain(&known(YEAR_8), site, LESSON);
        assert_eq!(
            (decision.action, decision.layer),
            (Action::Block, Layer::Floor),
            "{site}"
        );
        assert_eq!(&*decision.rule, "gambling");
        let said = decision.reasons.iter().skip(1);
        assert!(
            said.clone()
                .any(|reason| reason.weight == Weight::Outranked)
        );
    }
    // Staff are not among whom it means; nor does it close what it calls help itself.
    assert_eq!(
        under.action(TEACHER, "https://b.test/", LESSON),
        Action::Allow
    );
    let help = under.ask(&known(YEAR_8), "https://help.b.test/", LESSON);
    assert_ne!(help.layer, Layer::Floor);
    assert_eq!(help.action, Action::Allow);
}

/// FIL-05: years of a floor are the roll's own; a pupil whose year nobody has written counts as in all
/// of them.
#[test]
fn fil_05_a_floor_goes_by_the_years_of_the_roll() {
    let mut young = floor();
    young.blocks[0].whom = WhomSpec {
        years: vec!["N-6".parse().unwrap()],
        ..WhomSpec::default()
    };
    let under = standing_on(&PolicySpec::default(), &young);
    assert_eq!(
        under.action(PREP_4, "https://b.test/", LESSON),
        Action::Block
    );
    assert_eq!(
        under.action(YEAR_8, "https://b.test/", LESSON),
        Action::Allow
    );
    let unknown = under.ask(&nobody(), "https://b.test/", LESSON);
    assert_eq!(
        (unknown.action, unknown.layer),
        (Action::Block, Layer::Floor)
    );
    assert!(PEOPLE.contains(&PREP_4));
}

/// SRCH-01, FIL-16: the floor's search and its ways round hold whatever the school writes of them.
#[test]
fn srch_01_search_and_ways_round_are_held_by_the_floor() {
    let mut spec = loosest();
    spec.avoidance.block = true;
    spec.avoidance.granted = words(&["everyone"]);
    let under = standing_on(&spec, &floor());
    let searched = under.ask(&known(YEAR_8), "https://www.google.com/search?q=x", LESSON);
    assert_eq!(searched.action, Action::Narrow);
    assert_eq!(searched.narrowing.youtube, YouTube::Moderate);
    let round = under.ask(&known(YEAR_8), ROUND, LESSON);
    assert_eq!((round.action, round.layer), (Action::Block, Layer::Floor));
    assert_eq!(&*round.rule, pharos_policy::FLOOR_AVOIDANCE_RULE);
    let teacher = under.ask(&known(TEACHER), ROUND, LESSON);
    assert_ne!(teacher.action, Action::Block);
}

/// CFG-01: every place where a policy asks for less than its floor is named; one that asks for as much
/// has none.
#[test]
fn cfg_01_every_place_below_the_floor_is_named() {
    let mut spec = PolicySpec {
        rules: vec![
            RuleSpec {
                categories: words(&["games", "gambling"]),
                ..rule("opens", Action::Allow)
            },
            RuleSpec {
                sites: words(&["odds.wagers.test/today"]),
                groups: words(&["pupils"]),
                ..rule("warns", Action::Warn)
            },
            RuleSpec {
                categories: words(&["gambling"]),
                groups: words(&["staff"]),
                ..rule("staff only", Action::Allow)
            },
            RuleSpec {
                categories: words(&["gambling"]),
                ..rule("blocks it too", Action::Block)
            },
        ],
        search: vec![SearchSpec {
            groups: words(&["pupils"]),
            except: vec![],
            safe_search: false,
            youtube: YouTube::Off,
            tools: None,
        }],
        help: vec![HelpSpec {
            name: "no help".into(),
            sites: words(&["wagers.test", "help.b.test"]),
        }],
        ..PolicySpec::default()
    };
    spec.avoidance.granted = words(&["staff", "boarders"]);
    let found = pharos_policy::under_floor(&spec, &floor());
    let places: Vec<&str> = found.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        places,
        [
            "rules[0].categories[1]",
            "rules[1].sites[0]",
            "help[0].sites[0]",
            "search[0].safe-search",
            "search[0].youtube",
            "avoidance.granted[1]",
        ]
    );
    assert!(found.iter().all(|problem| {
        problem
            .message
            .contains("Saltmarsh Learning Trust, floor 7")
    }));
    assert_eq!(
        pharos_policy::under_floor(&PolicySpec::default(), &floor()),
        []
    );
}

/// CFG-01: a floor that names what differs from school to school, or a path, is refused.
#[test]
fn cfg_01_a_floor_names_built_in_groups_and_whole_hosts() {
    let mut wrong = floor();
    wrong.blocks[0].whom.groups = words(&["seniors"]);
    wrong.blocks[0].sites = words(&["wagers.test/page"]);
    wrong.help = words(&["help.b.test/page"]);
    let spec = PolicySpec {
        floor: Some(wrong),
        ..PolicySpec::default()
    };
    let names = CATEGORIES.map(std::sync::Arc::from);
    let problems = pharos_filter::compile_policy(&spec, &names, &[]).unwrap_err();
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "floor.help[0]",
            "floor.blocks[0].sites[0]",
            "floor.blocks[0].groups[0]"
        ]
    );
}

/// BRE-04, REQ-05: a block made in a hurry for one campus holds for its people wherever they are and for
/// whoever asks in its places, and for nobody else; when the pack knows neither any more it holds for
/// everyone.
#[test]
fn bre_04_a_block_for_one_campus_holds_there() {
    let mut spec = PolicySpec::default();
    let ranges = words(&["10.1.0.0/16"]);
    spec.places.insert("north".into(), PlaceSpec { ranges });
    let years = vec!["N-6".parse().unwrap()];
    spec.groups.insert(
        "juniors".into(),
        GroupSpec {
            years,
            ..GroupSpec::default()
        },
    );
    spec.overrides.emergency.push(EmergencySpec {
        reference: "EM-2".into(),
        sites: words(&["rumour.test"]),
        groups: words(&["juniors"]),
        places: words(&["north"]),
        campuses: Vec::new(),
        until: None,
    });
    let place = address("rumour.test");
    let asked = |spec: &PolicySpec, who: &Who, from: Option<&str>| {
        let from = from.map(|from| from.parse().unwrap());
        let school = School::new(spec);
        school
            .snapshot
            .decide(&query(who, &place, from, LESSON))
            .action
    };
    assert_eq!(asked(&spec, &known(PREP_4), None), Action::Block);
    assert_eq!(asked(&spec, &known(YEAR_8), None), Action::Allow);
    assert_eq!(
        asked(&spec, &known(YEAR_8), Some("10.1.2.3")),
        Action::Block
    );
    assert_eq!(
        asked(&spec, &known(YEAR_8), Some("10.2.2.3")),
        Action::Allow
    );
    spec.places.clear();
    assert_eq!(
        asked(&spec, &known(YEAR_8), Some("10.1.2.3")),
        Action::Allow
    );
    spec.groups.clear();
    assert_eq!(asked(&spec, &known(YEAR_8), None), Action::Block);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// FIL-13: no floor, whatever it blocks and for whomever, closes a help service that every school
    /// knows; a sealed entry below it stays closed.
    #[test]
    fn fil_13_no_floor_closes_well_known_help(spec in schools(), floor in floors(), named in any::<bool>()) {
        let (mut spec, mut floor) = (spec, floor);
        let name = "Childline".into();
        spec.help.push(HelpSpec { name, sites: words(&["childline.org.uk"]) });
        if let Some(block) = floor.blocks.first_mut().filter(|_| named) {
            block.sites.push("www.childline.org.uk".into());
        }
        spec.floor = Some(floor);
        let lists = [("childline.org.uk", "gambling"), ("b.test", "gambling"), ("c.test", "games")];
        let school = School::with(&spec, &lists, &["sealed.test/bad", "www.childline.org.uk/bad"]);
        for (who, from, _, now) in questions().filter(|(_, _, site, _)| *site == ROUND) {
            let help = ask(&school, &who, from, "https://www.childline.org.uk/get-help", now);
            prop_assert!(help.action.passes(), "{who:?} {from:?} {now}: {:?} by {}", help.action, help.rule);
            let sealed = ask(&school, &who, from, "https://www.childline.org.uk/bad", now);
            prop_assert_eq!((sealed.action, sealed.layer), (Action::Block, Layer::Sealed));
        }
    }

    /// FIL-13, FIL-06: whatever else a school calls help, where the floor blocks it the floor goes on
    /// blocking it.
    #[test]
    fn fil_13_calling_a_site_help_opens_nothing_of_the_floor(
        spec in schools(),
        floor in floors(),
        called in some(["a.test", "b.test", "c.test", "www.bing.com", "dns.google"], 3),
    ) {
        let mut spec = spec;
        spec.rules.retain(|rule| rule.action != Action::Block || rule.sites.is_empty());
        let before = standing_on(&spec, &floor);
        spec.help.push(HelpSpec { name: "so called".into(), sites: called });
        let after = standing_on(&spec, &floor);
        for (who, from, site, now) in questions() {
            let was = ask(&before, &who, from, site, now);
            let is = ask(&after, &who, from, site, now);
            if was.layer == Layer::Floor {
                prop_assert_eq!((is.layer, is.action), (was.layer, was.action), "{} {}", site, now);
            }
        }
    }
}
