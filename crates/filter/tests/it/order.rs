//! FIL-01, FIL-03, FIL-05, FIL-06, FIL-08, FIL-09, FIL-13, FIL-16: who gets which verdict, in the
//! published order, and why.

use pharos_policy::spec::{
    AiSpec, BlockSpec, BrowsersSpec, ClosedSpec, DefaultSpec, EmergencySpec, ExceptionSpec,
    FileBlockSpec, GroupSpec, HelpSpec, InspectionSpec, LessonKind, LessonSpec, PersonalSpec,
    RuleSpec, SearchSpec, TenantSpec, UninspectedSpec,
};
use pharos_policy::{Action, AiUse, Browser, FileKind, Layer, PolicySpec, Weight, YouTube};

use crate::kit::*;

fn no_porn_for_pupils() -> PolicySpec {
    PolicySpec {
        rules: vec![pharos_policy::spec::RuleSpec {
            groups: words(&["pupils"]),
            categories: words(&["pornography", "gambling"]),
            ..rule("harmful", Action::Block)
        }],
        ..PolicySpec::default()
    }
}

/// FIL-01: a Year 8 pupil, a teacher and an unknown device ask for one address; each gets the
/// verdict of their own policy, and the decision names the rule that produced it.
#[test]
fn fil_01_each_gets_the_verdict_of_their_own_policy() {
    let mut spec = no_porn_for_pupils();
    spec.rules.push(pharos_policy::spec::RuleSpec {
        groups: words(&["staff"]),
        categories: words(&["gambling"]),
        ..rule("discouraged", Action::Warn)
    });
    let school = School::new(&spec);
    for (who, action, rule) in [
        (known(YEAR_8), Action::Block, "harmful"),
        (known(TEACHER), Action::Warn, "discouraged"),
        (nobody(), Action::Block, "harmful"),
    ] {
        let decision = school.ask(&who, "https://www.bets.test/odds", LESSON);
        assert_eq!(
            (decision.action, decision.rule.as_ref()),
            (action, rule),
            "{who:?}"
        );
        let reason = &decision.reasons[0];
        assert_eq!(reason.rule.as_ref(), rule);
        assert_eq!(reason.category.as_deref(), Some("gambling"));
        assert_eq!(reason.list.as_deref(), Some("sample"));
        assert_eq!(reason.entry.as_deref(), Some("bets.test"));
    }
    let decision = school.ask(&known(YEAR_8), "https://example.org/", LESSON);
    assert_eq!(
        (decision.action, decision.rule.as_ref()),
        (Action::Allow, "default")
    );
    assert!(decision.reasons.is_empty());
}

/// FIL-03: a sealed entry is blocked for everyone; the decision carries the list's name and
/// neither entry nor categories, nor any other rule that speaks of the address.
#[test]
fn fil_03_sealed_entry_is_blocked_for_everyone() {
    let mut spec = no_porn_for_pupils();
    spec.help.push(HelpSpec {
        name: "help".into(),
        sites: words(&["sealed.test"]),
    });
    spec.inspection.never_sites = words(&["sealed.test"]);
    spec.overrides
        .exceptions
        .push(exception("EX-1", &["sealed.test"], "2026-03-05T00:00:00Z"));
    let school = School::with(&spec, &[("sealed.test", "bank")], &["sealed.test"]);
    for who in [known(YEAR_8), known(TEACHER), nobody()] {
        for decision in [
            school.ask(&who, "sealed.test", LESSON),
            school.explain(&who, "sealed.test", LESSON),
        ] {
            assert_eq!(decision.action, Action::Block);
            assert_eq!(decision.layer, Layer::Sealed);
            assert_eq!(decision.sealed.as_deref(), Some("test-sealed"));
            assert!(decision.categories.is_empty());
            assert_eq!(decision.reasons.len(), 1);
            assert_eq!(decision.reasons[0].list.as_deref(), Some("test-sealed"));
            assert_eq!(decision.reasons[0].entry, None);
        }
    }
}

fn exception(reference: &str, sites: &[&str], until: &str) -> ExceptionSpec {
    ExceptionSpec {
        reference: reference.into(),
        groups: Vec::new(),
        people: Vec::new(),
        classes: Vec::new(),
        sites: words(sites),
        categories: Vec::new(),
        from: None,
        until: at(until),
    }
}

/// FIL-06: one ladder. Every rung is added in turn from the lowest; the new one always decides.
#[test]
fn fil_06_the_first_layer_of_the_published_order_decides() {
    let site = || words(&["ladder.test"]);
    let mut spec = PolicySpec::default();
    let expect = |spec: &PolicySpec, layer, action, name: &str| {
        let school = School::new(spec);
        let decision = school.ask(&known(PREP_4), "https://ladder.test/", LESSON);
        assert_eq!((decision.layer, decision.action), (layer, action), "{name}");
        assert_eq!(decision.rule.as_ref(), name);
    };
    spec.defaults.push(DefaultSpec {
        groups: vec![],
        except: vec![],
        action: Action::Warn,
    });
    expect(&spec, Layer::Default, Action::Warn, "default");
    spec.rules.push(pharos_policy::spec::RuleSpec {
        sites: site(),
        ..rule("games", Action::Block)
    });
    expect(&spec, Layer::Group, Action::Block, "games");
    spec.overrides.lessons.push(LessonSpec {
        reference: "L-1".into(),
        kind: LessonKind::Links,
        classes: vec![class(4)],
        people: vec![],
        sites: site(),
        from: at("2026-03-04T09:00:00Z"),
        until: at("2026-03-04T11:00:00Z"),
    });
    expect(&spec, Layer::LessonList, Action::Allow, "lesson-list");
    spec.overrides
        .exceptions
        .push(exception("EX-1", &["ladder.test"], "2026-03-05T00:00:00Z"));
    expect(&spec, Layer::Exception, Action::Allow, "exception");
    spec.overrides.personal.push(PersonalSpec {
        reference: "PR-1".into(),
        people: vec![person(PREP_4)],
        sites: site(),
        categories: vec![],
        everything: false,
        hours: vec![],
        until: None,
    });
    expect(
        &spec,
        Layer::Personal,
        Action::Block,
        "personal-restriction",
    );
    spec.blocks.push(BlockSpec {
        name: "school".into(),
        sites: site(),
        categories: vec![],
    });
    expect(&spec, Layer::SchoolBlock, Action::Block, "school");
}

/// FIL-06: explaining gives every rule considered, the winning one first, and what became of each.
#[test]
fn fil_06_explaining_gives_every_rule_considered() {
    let mut spec = no_porn_for_pupils();
    spec.hours
        .insert("night".into(), hours(&[weekdays("21:00", "07:00")]));
    spec.rules.push(pharos_policy::spec::RuleSpec {
        everything: true,
        groups: words(&["pupils"]),
        hours: words(&["night"]),
        ..rule("night", Action::Block)
    });
    spec.rules.push(pharos_policy::spec::RuleSpec {
        groups: words(&["staff"]),
        categories: words(&["gambling"]),
        ..rule("staff-only", Action::Warn)
    });
    spec.overrides
        .exceptions
        .push(exception("EX-9", &["bets.test"], "2026-03-04T09:59:59Z"));
    let school = School::new(&spec);
    let decision = school.explain(&known(YEAR_8), "https://bets.test/", LESSON);
    let seen: Vec<_> = decision
        .reasons
        .iter()
        .map(|r| (r.rule.as_ref(), r.layer, r.weight))
        .collect();
    assert_eq!(
        seen,
        [
            ("harmful", Layer::Group, Weight::Decided),
            ("exception", Layer::Exception, Weight::Expired),
            ("night", Layer::Group, Weight::OtherHours),
            ("staff-only", Layer::Group, Weight::OtherPeople),
            ("default", Layer::Default, Weight::Outranked),
        ]
    );
    assert_eq!(decision.reasons[1].over.as_deref(), Some("EX-9"));
    assert_eq!(decision.reasons[2].hours.as_deref(), Some("night"));
}

/// FIL-06: the explanation that programs read has the fields that the design names.
#[test]
fn fil_06_the_explanation_is_one_object() {
    let school = School::new(&no_porn_for_pupils());
    let address = address("https://bets.test/");
    let who = known(YEAR_8);
    let json = serde_json::to_value(
        school
            .snapshot
            .explanation(&query(&who, &address, None, LESSON)),
    );
    let json = json.unwrap();
    assert_eq!(json["action"], "block");
    assert_eq!(json["rule"], "harmful");
    assert_eq!(json["categories"][0], "gambling");
    assert_eq!(json["reasons"][0]["list"], "sample");
    assert_eq!(json["reasons"][0]["entry"], "bets.test");
    assert_eq!(json["user"], "year8.pupil");
    assert_eq!(json["identity"]["source"], "proxy-sign-in");
    assert_eq!(json["identity"]["confidence"], "certain");
    assert_eq!(json["policy_version"], 7);
    assert_eq!(json["list_versions"][0]["list"], "sample");
    assert_eq!(json["list_versions"][0]["version"], 2);
}

/// FIL-05: an override ends by itself at its minute, without anybody rebuilding anything.
#[test]
fn fil_05_an_exception_ends_at_its_minute() {
    let mut spec = no_porn_for_pupils();
    spec.overrides.exceptions.push(ExceptionSpec {
        people: vec![person(YEAR_8)],
        ..exception("EX-2", &["bets.test/statistics"], "2026-03-04T11:00:00Z")
    });
    let school = School::new(&spec);
    let ask = |number, site, now| school.action(number, site, now);
    assert_eq!(
        ask(YEAR_8, "https://bets.test/statistics/1", LESSON),
        Action::Allow
    );
    assert_eq!(
        ask(
            YEAR_8,
            "https://bets.test/statistics",
            "2026-03-04T11:00:00Z"
        ),
        Action::Block
    );
    assert_eq!(ask(YEAR_8, "https://bets.test/odds", LESSON), Action::Block);
    assert_eq!(
        ask(BOARDER, "https://bets.test/statistics", LESSON),
        Action::Block
    );
    let name_only = school.ask(&known(YEAR_8), "bets.test", LESSON);
    assert_eq!(
        name_only.action,
        Action::Block,
        "a name alone opens no page"
    );
    assert!(name_only.by_path, "a face that sees paths is told to look");
}

/// FIL-05: a single-pupil restriction concerns that pupil only, and an emergency block everyone.
#[test]
fn fil_05_a_restriction_is_for_one_pupil_and_an_emergency_block_for_all() {
    let mut spec = PolicySpec::default();
    spec.overrides.personal.push(PersonalSpec {
        reference: "PR-3".into(),
        people: vec![person(YEAR_8)],
        sites: vec![],
        categories: words(&["gambling"]),
        everything: false,
        hours: vec![],
        until: None,
    });
    spec.overrides.emergency.push(EmergencySpec {
        reference: "EM-1".into(),
        groups: vec![],
        places: vec![],
        campuses: Vec::new(),
        sites: words(&["rumour.test"]),
        until: Some(at("2026-03-05T00:00:00Z")),
    });
    let school = School::new(&spec);
    assert_eq!(school.action(YEAR_8, "bets.test", LESSON), Action::Block);
    assert_eq!(school.action(BOARDER, "bets.test", LESSON), Action::Allow);
    for number in [YEAR_8, TEACHER] {
        assert_eq!(school.action(number, "rumour.test", LESSON), Action::Block);
        assert_eq!(
            school.action(number, "rumour.test", "2026-03-05T00:00:00Z"),
            Action::Allow
        );
    }
    let other = school.explain(&known(BOARDER), "bets.test", LESSON);
    assert!(
        other.reasons.iter().all(|r| r.layer != Layer::Personal),
        "another pupil's restriction"
    );
}

/// FIL-05: moving a pupil from Year 6 to Year 7 in the roll changes what they get.
#[test]
fn fil_05_moving_up_a_year_changes_the_verdict() {
    let mut spec = PolicySpec::default();
    let years = vec!["R-6".parse().unwrap()];
    spec.groups.insert(
        "juniors".into(),
        GroupSpec {
            years,
            ..GroupSpec::default()
        },
    );
    spec.rules.push(pharos_policy::spec::RuleSpec {
        groups: words(&["juniors"]),
        sites: words(&["chat.test"]),
        ..rule("no-chat", Action::Block)
    });
    let school = School::new(&spec);
    for (year, action) in [(6, Action::Block), (7, Action::Allow)] {
        let mut parts = school.snapshot.parts();
        let mut roster = pharos_filter::Roster::default();
        roster.add(pupil(50, "moving.up", year));
        parts.roster = std::sync::Arc::new(roster);
        let snapshot = pharos_filter::Snapshot::new(parts);
        let (who, address) = (known(50), address("chat.test"));
        assert_eq!(
            snapshot.decide(&query(&who, &address, None, LESSON)).action,
            action
        );
    }
}

/// FIL-08: a teacher's list opens for their class at its start, shuts at its end, and does nothing
/// for another class.
#[test]
fn fil_08_a_lesson_list_opens_and_shuts_for_its_class() {
    let mut spec = no_porn_for_pupils();
    spec.overrides.lessons.push(LessonSpec {
        reference: "L-2".into(),
        kind: LessonKind::Links,
        classes: vec![class(4)],
        people: vec![],
        sites: words(&["bets.test"]),
        from: at("2026-03-04T10:00:00Z"),
        until: at("2026-03-04T10:45:00Z"),
    });
    let school = School::new(&spec);
    for (number, now, action) in [
        (PREP_4, "2026-03-04T09:59:59Z", Action::Block),
        (PREP_4, "2026-03-04T10:00:00Z", Action::Allow),
        (PREP_4, "2026-03-04T10:45:00Z", Action::Block),
        (YEAR_8, "2026-03-04T10:10:00Z", Action::Block),
    ] {
        assert_eq!(
            school.action(number, "bets.test", now),
            action,
            "{number} at {now}"
        );
    }
}

/// FIL-09: blocked for all but a named exception group.
#[test]
fn fil_09_social_media_for_all_but_a_named_group() {
    let mut spec = PolicySpec::default();
    let usernames = words(&["key.teacher"]);
    spec.groups.insert(
        "social-staff".into(),
        GroupSpec {
            usernames,
            ..GroupSpec::default()
        },
    );
    spec.rules.push(pharos_policy::spec::RuleSpec {
        categories: words(&["social-media"]),
        except: words(&["social-staff"]),
        ..rule("social-media", Action::Block)
    });
    let school = School::with(&spec, &[("social.test", "social-media")], &[]);
    assert_eq!(school.action(TEACHER, "social.test", LESSON), Action::Block);
    assert_eq!(
        school.action(KEY_TEACHER, "social.test", LESSON),
        Action::Allow
    );
    assert_eq!(school.action(YEAR_8, "social.test", LESSON), Action::Block);
    assert_eq!(
        school.ask(&nobody(), "social.test", LESSON).action,
        Action::Block
    );
}

/// FIL-16: ways round are blocked for everyone not granted them.
#[test]
fn fil_16_ways_round_are_blocked_unless_granted() {
    let mut spec = PolicySpec::default();
    spec.avoidance.granted = words(&["staff"]);
    let school = School::new(&spec);
    let decision = school.ask(&known(YEAR_8), "mask.icloud.com", LESSON);
    assert_eq!(
        (decision.action, decision.rule.as_ref()),
        (Action::Block, "avoidance")
    );
    assert_eq!(school.action(TEACHER, "dns.google", LESSON), Action::Allow);
    assert_eq!(
        school.ask(&nobody(), "dns.google", LESSON).action,
        Action::Block
    );
}

/// SRCH-01, SRCH-02, SRCH-03: engines are narrowed, those that cannot be held are blocked, and a
/// group may use its own tools only.
#[test]
fn srch_03_search_is_narrowed_and_held_to_the_approved_tools() {
    let mut spec = PolicySpec::default();
    spec.search.push(SearchSpec {
        groups: words(&["pupils"]),
        except: vec![],
        safe_search: true,
        youtube: YouTube::Moderate,
        tools: Some(words(&["google", "kiddle", "aol"])),
    });
    spec.search.push(SearchSpec {
        groups: words(&["staff"]),
        except: vec![],
        safe_search: false,
        youtube: YouTube::Off,
        tools: None,
    });
    let school = School::new(&spec);
    for (number, site, action, rule) in [
        (YEAR_8, "www.google.co.uk", Action::Narrow, "default"),
        (YEAR_8, "www.bing.com", Action::Block, "search-tools"),
        (YEAR_8, "search.aol.com", Action::Block, "safe-search"),
        (YEAR_8, "www.youtube.com", Action::Narrow, "default"),
        (TEACHER, "www.bing.com", Action::Allow, "default"),
        (TEACHER, "www.youtube.com", Action::Allow, "default"),
        (TEACHER, "search.aol.com", Action::Allow, "default"),
    ] {
        let decision = school.ask(&known(number), site, LESSON);
        assert_eq!(
            (decision.action, decision.rule.as_ref()),
            (action, rule),
            "{number} {site}"
        );
    }
    let pupil = school.ask(&known(YEAR_8), "www.youtube.com", LESSON);
    assert_eq!(pupil.narrowing.youtube, YouTube::Moderate);
}

/// Do-not-inspect categories are tunnelled, and a block there stays a block.
#[test]
fn banks_are_never_looked_into() {
    let mut spec = PolicySpec {
        inspection: InspectionSpec {
            never_categories: words(&["bank"]),
            never_sites: words(&["counselling.test"]),
            ..InspectionSpec::default()
        },
        ..PolicySpec::default()
    };
    let lists = [("bank.test", "bank")];
    let school = School::with(&spec, &lists, &[]);
    for site in ["www.bank.test", "counselling.test"] {
        let decision = school.ask(&known(YEAR_8), site, LESSON);
        assert_eq!(
            (decision.action, decision.inspect),
            (Action::Tunnel, false),
            "{site}"
        );
    }
    let sites = words(&["bank.test"]);
    spec.blocks.push(BlockSpec {
        name: "no-bank".into(),
        sites,
        categories: vec![],
    });
    let school = School::with(&spec, &lists, &[]);
    let decision = school.ask(&known(YEAR_8), "bank.test", LESSON);
    assert_eq!((decision.action, decision.inspect), (Action::Block, false));
}

/// FIL-01: a host left alone for a time is not looked into until that time is over, with all hosts
/// below it; its name is decided as before.
#[test]
fn fil_01_a_host_left_alone_is_looked_into_again_when_its_time_is_over() {
    let mut spec = PolicySpec::default();
    spec.overrides.uninspected.push(UninspectedSpec {
        reference: "CH-1".into(),
        leave_alone: words(&["app.test", "blocked.test"]),
        until: "2026-03-04T12:00:00Z".parse().unwrap(),
    });
    spec.blocks.push(BlockSpec {
        name: "closed".into(),
        sites: words(&["blocked.test"]),
        categories: vec![],
    });
    let school = School::new(&spec);
    for (site, at, action, inspect) in [
        ("api.app.test", LESSON, Action::Tunnel, false),
        ("blocked.test", LESSON, Action::Block, false),
        ("other.test", LESSON, Action::Allow, true),
        ("app.test", "2026-03-04T12:00:00Z", Action::Allow, true),
        ("blocked.test", "2026-03-04T12:00:00Z", Action::Block, true),
    ] {
        let decision = school.ask(&known(YEAR_8), site, at);
        assert_eq!(
            (decision.action, decision.inspect),
            (action, inspect),
            "{site} at {at}"
        );
    }
}

/// FIL-05, SRCH-02: whether a tool of generative AI may be used without signing in is a matter of
/// the group, and no lesson list opens it; another workspace is the school's own block for everyone.
#[test]
fn fil_05_how_ai_tools_may_be_used_follows_the_group() {
    let mut spec = PolicySpec {
        ai: vec![AiSpec {
            groups: words(&["pupils"]),
            except: Vec::new(),
            block_signed_out: true,
            keep_prompts: true,
        }],
        tenants: vec![TenantSpec {
            hosts: words(&["talk.test"]),
            header: "X-Spaces".to_owned(),
            value: "sea, Shore".to_owned(),
        }],
        ..PolicySpec::default()
    };
    let exception = exception("EX-1", &["talk.test"], "2026-03-05T00:00:00Z");
    spec.overrides.exceptions.push(exception);
    let school = School::new(&spec);
    let site = address("https://www.talk.test/chat");
    for (who, signed_out, keeps) in [
        (known(YEAR_8), Action::Block, true),
        (known(TEACHER), Action::Allow, false),
        (nobody(), Action::Block, true),
    ] {
        let query = query(&who, &site, None, LESSON);
        let decision = school.snapshot.decide_ai(&query, AiUse::SignedOut);
        assert_eq!(decision.action, signed_out, "{who:?}");
        assert_eq!(school.snapshot.subject(&who, None).keeps_prompts(), keeps);
        let decision = school.snapshot.decide_ai(&query, AiUse::OtherWorkspace);
        assert_eq!(
            (decision.action, &*decision.rule),
            (Action::Block, "ai-workspace")
        );
    }
    let policy = school.snapshot.policy();
    for (host, header, workspace, is_other) in [
        ("www.talk.test", "x-spaces", "shore", false),
        ("www.talk.test", "x-spaces", "hill", true),
        ("www.talk.test", "x-other", "hill", false),
        ("other.test", "x-spaces", "hill", false),
    ] {
        let host = pharos_catalogue::Host::parse(host).unwrap();
        assert_eq!(
            policy.is_other_workspace(&host, header, workspace),
            is_other,
            "{host} {header} {workspace}"
        );
    }
}

/// FIL-19: the stores of extensions are closed by group, by their name alone, and a decision names
/// the setting; an exception opens one, and whoever has permission reaches them all.
#[test]
fn fil_19_stores_of_extensions_are_closed_by_group() {
    let mut spec = PolicySpec {
        browsers: BrowsersSpec {
            close_stores: vec![ClosedSpec {
                groups: words(&["pupils", "staff"]),
                except: words(&["keepers"]),
            }],
            ..BrowsersSpec::default()
        },
        ..PolicySpec::default()
    };
    spec.groups.insert(
        "keepers".into(),
        GroupSpec {
            usernames: words(&["key.teacher"]),
            ..GroupSpec::default()
        },
    );
    let exception = exception("EX-1", &["greasyfork.org"], "2026-03-05T00:00:00Z");
    spec.overrides.exceptions.push(exception);
    let school = School::new(&spec);
    let store = "chromewebstore.google.com";
    for who in [known(YEAR_8), known(TEACHER), nobody()] {
        let decision = school.ask(&who, store, LESSON);
        assert_eq!(
            (decision.action, &*decision.rule),
            (Action::Block, "fil.extension_stores"),
            "{who:?}"
        );
        let page = school.ask(&who, "https://addons.mozilla.org/en-GB/firefox/", LESSON);
        assert_eq!(page.action, Action::Block);
    }
    let explained = school.explain(&known(YEAR_8), store, LESSON);
    assert_eq!(&*explained.reasons[0].rule, "fil.extension_stores");
    for (who, site) in [
        (YEAR_8, "clients2.google.com"),
        (YEAR_8, "greasyfork.org"),
        (KEY_TEACHER, store),
    ] {
        assert_eq!(school.action(who, site, LESSON), Action::Allow, "{site}");
    }
}

/// FIL-19: the extensions that the school installs are open by the addresses that name them, in any
/// language of the store; where the path is not seen the host stays closed, and the proxy looks.
#[test]
fn fil_19_extensions_of_the_school_are_open_by_name() {
    let closed = ClosedSpec {
        groups: words(&["pupils"]),
        ..ClosedSpec::default()
    };
    let mut spec = PolicySpec::default();
    spec.browsers.close_stores = vec![closed];
    let none = School::new(&spec);
    spec.browsers.extensions = words(&[
        "ublock-origin",
        "uBlock0@raymondhill.net",
        "{446900e4-71c2-419f-a6a7-df9c091e268b}",
    ]);
    spec.rules.push(RuleSpec {
        sites: words(&["addons.mozilla.org/firefox/downloads/latest/uBlock0@raymondhill.net"]),
        ..rule("not this one", Action::Block)
    });
    let school = School::new(&spec);
    let at = |path: &str| format!("https://addons.mozilla.org{path}");
    let latest = "/firefox/downloads/latest";
    for (path, action) in [
        (format!("{latest}/ublock-origin/latest.xpi"), Action::Allow),
        (
            format!("/en-GB{latest}/ublock-origin/addon-1-latest.xpi?src=policy"),
            Action::Allow,
        ),
        (
            format!("{latest}/%7B446900e4-71c2-419f-a6a7-df9c091e268b%7D/latest.xpi"),
            Action::Allow,
        ),
        (format!("{latest}/ublock-origin"), Action::Allow),
        // Other rules hold for them as ever.
        (
            format!("{latest}/uBlock0@raymondhill.net/latest.xpi"),
            Action::Block,
        ),
        (format!("{latest}/ublock-origin2/latest.xpi"), Action::Block),
        (
            format!("{latest}/other/ublock-origin/latest.xpi"),
            Action::Block,
        ),
        (
            format!("{latest}/other/../other/latest.xpi?ublock-origin"),
            Action::Block,
        ),
        (
            format!("/x/y{latest}/ublock-origin/latest.xpi"),
            Action::Block,
        ),
        (
            "/firefox/downloads/file/12/ublock_origin.xpi".to_owned(),
            Action::Block,
        ),
        ("/firefox/addon/ublock-origin/".to_owned(), Action::Block),
    ] {
        assert_eq!(school.action(YEAR_8, &at(&path), LESSON), action, "{path}");
        assert_eq!(
            none.action(YEAR_8, &at(&path), LESSON),
            Action::Block,
            "{path}"
        );
    }
    let other = "https://www.addons.mozilla.org/firefox/downloads/latest/ublock-origin/";
    assert_eq!(school.action(YEAR_8, other, LESSON), Action::Block);
    let host = school.ask(&known(YEAR_8), "addons.mozilla.org", LESSON);
    assert_eq!((host.action, host.by_path), (Action::Block, true));
    let host = none.ask(&known(YEAR_8), "addons.mozilla.org", LESSON);
    assert!(!host.by_path);
    // The kind of file that it is does not close it again.
    let files = |path: &str| {
        let mut spec = spec.clone();
        spec.downloads.block = vec![FileBlockSpec {
            groups: words(&["pupils"]),
            except: vec![],
            kinds: vec![FileKind::Extensions],
        }];
        let (who, address) = (known(YEAR_8), address(&at(path)));
        let query = query(&who, &address, None, LESSON);
        let decision = School::new(&spec)
            .snapshot
            .decide_file(&query, FileKind::Extensions);
        decision.action
    };
    assert_eq!(
        files(&format!("{latest}/ublock-origin/latest.xpi")),
        Action::Allow
    );
    let wrong = PolicySpec {
        browsers: BrowsersSpec {
            extensions: words(&["a/b", ""]),
            ..BrowsersSpec::default()
        },
        ..PolicySpec::default()
    };
    let wrong = pharos_filter::compile_policy(&wrong, &[], &[]).unwrap_err();
    let paths: Vec<_> = wrong.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["browsers.extensions[0]", "browsers.extensions[1]"]);
}

/// FIL-16: a browser that is not permitted is blocked for whom the policy says so; no exception for a
/// site permits it, and help is reached with any.
#[test]
fn fil_16_other_browsers_are_blocked_for_whom_the_policy_says_so() {
    let mut spec = PolicySpec {
        browsers: BrowsersSpec {
            permitted: vec![Browser::Firefox, Browser::InApp],
            block_others: vec![ClosedSpec {
                groups: words(&["pupils"]),
                ..ClosedSpec::default()
            }],
            ..BrowsersSpec::default()
        },
        ..PolicySpec::default()
    };
    let exception = exception("EX-1", &["site.test"], "2026-03-05T00:00:00Z");
    spec.overrides.exceptions.push(exception);
    spec.help.push(HelpSpec {
        name: "A helpline".into(),
        sites: words(&["help.test"]),
    });
    let school = School::new(&spec);
    let policy = school.snapshot.policy();
    assert!(policy.judges_browsers() && policy.permits_browser(Browser::Firefox));
    assert!(!policy.permits_browser(Browser::Opera));
    for (who, site, action, rule) in [
        (known(YEAR_8), "site.test", Action::Block, "fil.browsers"),
        (nobody(), "site.test", Action::Block, "fil.browsers"),
        (known(TEACHER), "site.test", Action::Allow, "EX-1"),
        (known(YEAR_8), "help.test", Action::Allow, "A helpline"),
    ] {
        let address = address(site);
        let decision = school
            .snapshot
            .decide_other_browser(&query(&who, &address, None, LESSON));
        assert_eq!(decision.action, action, "{who:?} {site}");
        if action == Action::Block {
            assert_eq!(&*decision.rule, rule);
        }
        assert_eq!(school.ask(&who, site, LESSON).action, Action::Allow);
    }
    let any = School::new(&PolicySpec::default());
    assert!(!any.snapshot.policy().judges_browsers());
    assert!(any.snapshot.policy().permits_browser(Browser::Other));
}
