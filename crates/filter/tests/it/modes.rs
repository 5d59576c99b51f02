//! FIL-07 and FIL-13: the youngest, and help for everybody.

use pharos_policy::spec::{
    DefaultSpec, HelpSpec, LessonKind, LessonSpec, ModeSpec, PersonalSpec, SearchSpec,
};
use pharos_policy::{Action, PhaseMode, PolicySpec, YouTube};

use crate::kit::*;

fn phases() -> PolicySpec {
    let mode = |mode, years: &str| ModeSpec {
        mode,
        years: vec![years.parse().unwrap()],
        groups: vec![],
        except: vec![],
    };
    PolicySpec {
        modes: vec![
            mode(PhaseMode::AdultLed, "N-2"),
            mode(PhaseMode::TeacherDirected, "3-6"),
            mode(PhaseMode::General, "7-13"),
        ],
        help: vec![HelpSpec {
            name: "helpline".into(),
            sites: words(&["helpline.test"]),
        }],
        search: vec![SearchSpec {
            groups: words(&["pupils"]),
            except: vec![],
            safe_search: true,
            youtube: YouTube::Strict,
            tools: Some(words(&["kiddle", "google"])),
        }],
        ..PolicySpec::default()
    }
}

fn lesson(kind: LessonKind, number: u128, sites: &[&str], until: &str) -> LessonSpec {
    LessonSpec {
        reference: "S-1".into(),
        kind,
        classes: vec![class(number)],
        people: vec![],
        sites: words(sites),
        from: at("2026-03-04T09:30:00Z"),
        until: at(until),
    }
}

/// FIL-07: a Prep 2 sign-in with no open adult session reaches nothing but help; in a session with
/// two approved links only those load; closing it stops access at once.
#[test]
fn fil_07_adult_led_opens_with_the_session_and_shuts_with_it() {
    let links = ["phonics.test/play", "counting.test"];
    let ask = |spec: &PolicySpec| {
        let school = School::new(spec);
        [
            "https://phonics.test/play/1",
            "https://counting.test/",
            "https://other.test/",
            "https://helpline.test/",
            "https://www.google.com/search?q=cats",
        ]
        .map(|site| school.action(PREP_2, site, LESSON).passes())
    };
    let mut spec = phases();
    assert_eq!(ask(&spec), [false, false, false, true, false], "no session");
    spec.overrides.lessons = vec![lesson(
        LessonKind::AdultSession,
        2,
        &links,
        "2026-03-04T10:30:00Z",
    )];
    assert_eq!(ask(&spec), [true, true, false, true, false], "session open");
    spec.overrides.lessons = vec![lesson(LessonKind::AdultSession, 2, &links, LESSON)];
    assert_eq!(
        ask(&spec),
        [false, false, false, true, false],
        "session closed"
    );
    spec.overrides.lessons = vec![lesson(LessonKind::Links, 2, &links, "2026-03-04T10:30:00Z")];
    assert_eq!(
        ask(&spec),
        [false, false, false, true, false],
        "links without an adult"
    );
}

/// FIL-07: in adult-led mode neither an exception nor an allowing rule opens anything.
#[test]
fn fil_07_adult_led_is_opened_by_nothing_but_a_session() {
    let mut spec = phases();
    spec.overrides
        .exceptions
        .push(pharos_policy::spec::ExceptionSpec {
            reference: "EX-1".into(),
            groups: vec![],
            people: vec![person(PREP_2)],
            classes: vec![],
            sites: words(&["stories.test"]),
            categories: vec![],
            from: None,
            until: at("2027-01-01T00:00:00Z"),
        });
    spec.rules.push(pharos_policy::spec::RuleSpec {
        sites: words(&["stories.test"]),
        ..rule("stories", Action::Allow)
    });
    let school = School::new(&spec);
    let decision = school.ask(&known(PREP_2), "stories.test", LESSON);
    assert_eq!(
        (decision.action, decision.rule.as_ref()),
        (Action::Block, "adult-led")
    );
    assert_eq!(school.action(YEAR_8, "stories.test", LESSON), Action::Allow);
}

/// FIL-07: a Prep 4 pupil reaches the set links and the approved search tools, and nothing else.
#[test]
fn fil_07_teacher_directed_reaches_the_set_links_and_the_approved_search() {
    let mut spec = phases();
    spec.overrides.lessons = vec![lesson(
        LessonKind::Links,
        4,
        &["rivers.test"],
        "2026-03-04T10:30:00Z",
    )];
    let school = School::new(&spec);
    for (site, action) in [
        ("https://rivers.test/delta", Action::Allow),
        ("https://www.kiddle.co/s.php?q=rivers", Action::Narrow),
        ("https://www.google.com/search?q=rivers", Action::Narrow),
        ("https://www.bing.com/search?q=rivers", Action::Block),
        ("https://www.youtube.com/", Action::Block),
        ("https://other.test/", Action::Block),
        ("https://helpline.test/", Action::Allow),
    ] {
        assert_eq!(school.action(PREP_4, site, LESSON), action, "{site}");
    }
}

/// FIL-07: general mode is category policy; a younger mode is not loosened by a second group.
#[test]
fn fil_07_general_mode_and_the_strictest_of_two() {
    let mut spec = phases();
    assert_eq!(
        School::new(&spec).action(YEAR_8, "other.test", LESSON),
        Action::Allow
    );
    spec.modes.push(ModeSpec {
        mode: PhaseMode::General,
        years: vec![],
        groups: words(&["pupils"]),
        except: vec![],
    });
    assert_eq!(
        School::new(&spec).action(PREP_2, "other.test", LESSON),
        Action::Block
    );
}

/// FIL-07: an allow-list only, by group default.
#[test]
fn fil_07_an_allow_list_opens_only_what_it_names() {
    let mut spec = PolicySpec::default();
    spec.defaults.push(DefaultSpec {
        groups: words(&["pupils"]),
        except: vec![],
        action: Action::Block,
    });
    spec.rules.push(pharos_policy::spec::RuleSpec {
        groups: words(&["pupils"]),
        sites: words(&["atlas.test"]),
        ..rule("allow-list", Action::Allow)
    });
    spec.rules.push(pharos_policy::spec::RuleSpec {
        categories: words(&["gambling"]),
        ..rule("careful", Action::Warn)
    });
    let school = School::new(&spec);
    assert_eq!(school.action(YEAR_8, "atlas.test", LESSON), Action::Allow);
    assert_eq!(school.action(YEAR_8, "other.test", LESSON), Action::Block);
    assert_eq!(
        school.action(YEAR_8, "bets.test", LESSON),
        Action::Block,
        "a warning opens nothing"
    );
    assert_eq!(school.action(TEACHER, "bets.test", LESSON), Action::Warn);
}

/// FIL-13: help is reachable in every mode, by everyone, known or not, at night, under a personal
/// restriction of everything, and by name alone.
#[test]
fn fil_13_help_is_reachable_in_every_mode() {
    let mut spec = phases();
    spec.help[0].sites = words(&["helpline.test/young-people"]);
    spec.rules.push(pharos_policy::spec::RuleSpec {
        everything: true,
        ..rule("shut", Action::Block)
    });
    spec.overrides.personal.push(PersonalSpec {
        reference: "PR-1".into(),
        people: vec![person(YEAR_8)],
        sites: vec![],
        categories: vec![],
        everything: true,
        hours: vec![],
        until: None,
    });
    let school = School::new(&spec);
    let everyone = [PREP_2, PREP_4, YEAR_8, BOARDER, SIXTH, TEACHER].map(known);
    for who in everyone.into_iter().chain([nobody()]) {
        for site in ["https://helpline.test/young-people/chat", "helpline.test"] {
            assert!(
                school.ask(&who, site, LESSON).action.passes(),
                "{who:?} {site}"
            );
            assert!(
                !school.ask(&who, "other.test", LESSON).action.passes(),
                "{who:?}"
            );
        }
    }
}

/// FIL-13: adding a help site to a block is refused, with the place.
#[test]
fn fil_13_a_help_site_cannot_be_put_on_a_block_list() {
    let mut spec = phases();
    spec.blocks.push(pharos_policy::spec::BlockSpec {
        name: "oops".into(),
        sites: words(&["example.org", "www.helpline.test"]),
        categories: vec![],
    });
    let problems = pharos_filter::compile_policy(&spec, &[], &[]).unwrap_err();
    let paths: Vec<_> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(paths, ["blocks[0].sites[1]"]);
    assert!(
        problems[0].message.contains("help is never blocked"),
        "{}",
        problems[0]
    );
}
