//! FIL-11: lesson, break, prep, evening and night, for boarders and day pupils, on the two nights
//! a year when the clocks change, and in the holidays.

use pharos_policy::spec::{Boarding, CalendarSpec, DatesSpec, Day, SchoolDays, SpanSpec};
use pharos_policy::{Action, PolicySpec};

use crate::kit::*;

fn timetable() -> PolicySpec {
    let mut spec = PolicySpec::default();
    let boarders = |span: SpanSpec| SpanSpec {
        who: Boarding::Boarders,
        ..span
    };
    let every_day = |span: SpanSpec| SpanSpec {
        days: Day::ALL.to_vec(),
        ..span
    };
    spec.calendar = CalendarSpec {
        terms: vec![DatesSpec {
            from: "2026-01-06".parse().unwrap(),
            to: "2026-03-29".parse().unwrap(),
        }],
        holidays: vec![DatesSpec {
            from: "2026-02-16".parse().unwrap(),
            to: "2026-02-20".parse().unwrap(),
        }],
    };
    spec.hours.insert(
        "lesson".into(),
        hours(&[weekdays("08:30", "11:00"), weekdays("11:20", "16:00")]),
    );
    spec.hours
        .insert("break".into(), hours(&[weekdays("11:00", "11:20")]));
    spec.hours.insert(
        "prep".into(),
        hours(&[boarders(weekdays("18:00", "19:30"))]),
    );
    spec.hours.insert(
        "evening".into(),
        hours(&[boarders(weekdays("19:30", "21:30"))]),
    );
    let night = boarders(every_day(weekdays("21:30", "07:00")));
    spec.hours.insert("night".into(), hours(&[night]));
    spec.rules = vec![
        pharos_policy::spec::RuleSpec {
            groups: words(&["pupils"]),
            categories: words(&["games"]),
            hours: words(&["lesson", "prep"]),
            ..rule("no-games-in-lessons", Action::Block)
        },
        pharos_policy::spec::RuleSpec {
            groups: words(&["pupils"]),
            everything: true,
            hours: words(&["night"]),
            ..rule("lights-out", Action::Block)
        },
        pharos_policy::spec::RuleSpec {
            groups: words(&["staff"]),
            categories: words(&["webmail"]),
            hours: words(&["lesson"]),
            ..rule("staff-in-lesson", Action::Warn)
        },
    ];
    spec
}

fn school() -> School {
    School::with(
        &timetable(),
        &[("games.test", "games"), ("mail.test", "webmail")],
        &[],
    )
}

/// FIL-11: with the clock at lesson, break, prep, evening and night a boarder and a day pupil each
/// get the verdict that their timetable gives.
#[test]
fn fil_11_each_gets_the_verdict_of_their_timetable() {
    let school = school();
    use Action::{Allow, Block};
    for (hour, now, boarder, day) in [
        ("lesson", "2026-03-04T10:59:59Z", Block, Block),
        ("break", "2026-03-04T11:00:00Z", Allow, Allow),
        ("lesson again", "2026-03-04T11:20:00Z", Block, Block),
        ("after school", "2026-03-04T16:00:00Z", Allow, Allow),
        ("prep", "2026-03-04T18:00:00Z", Block, Allow),
        ("evening", "2026-03-04T19:30:00Z", Allow, Allow),
        ("night", "2026-03-04T21:30:00Z", Block, Allow),
        ("past midnight", "2026-03-05T06:59:59Z", Block, Allow),
        ("morning", "2026-03-05T07:00:00Z", Allow, Allow),
        ("weekend", "2026-03-07T10:00:00Z", Allow, Allow),
        ("half term", "2026-02-18T10:00:00Z", Allow, Allow),
        ("holidays", "2026-04-08T10:00:00Z", Allow, Allow),
    ] {
        assert_eq!(
            school.action(BOARDER, "games.test", now),
            boarder,
            "boarder, {hour}"
        );
        assert_eq!(
            school.action(YEAR_8, "games.test", now),
            day,
            "day pupil, {hour}"
        );
    }
}

/// FIL-11: the reason names the hours; staff have hours of their own.
#[test]
fn fil_11_the_reason_names_the_hours() {
    let school = school();
    let decision = school.ask(&known(BOARDER), "games.test", "2026-03-04T18:30:00Z");
    assert_eq!(decision.reasons[0].hours.as_deref(), Some("prep"));
    assert_eq!(school.action(TEACHER, "mail.test", LESSON), Action::Warn);
    assert_eq!(
        school.action(TEACHER, "mail.test", "2026-03-04T11:10:00Z"),
        Action::Allow
    );
}

/// FIL-11: wall-clock time counts. In summer the lesson begins an hour earlier by the world's
/// clock, and the short and the long night end at seven on the wall.
#[test]
fn fil_11_clocks_that_change_do_not_move_the_timetable() {
    let mut spec = timetable();
    spec.calendar = CalendarSpec::default();
    let school = School::with(&spec, &[("games.test", "games")], &[]);
    for (why, now, action) in [
        (
            "winter, 08:29 on the wall",
            "2026-03-04T08:29:00Z",
            Action::Allow,
        ),
        (
            "winter, 08:30 on the wall",
            "2026-03-04T08:30:00Z",
            Action::Block,
        ),
        (
            "summer, 08:29 on the wall",
            "2026-06-03T07:29:00Z",
            Action::Allow,
        ),
        (
            "summer, 08:30 on the wall",
            "2026-06-03T07:30:00Z",
            Action::Block,
        ),
        (
            "short night, 06:59 on the wall",
            "2026-03-29T05:59:00Z",
            Action::Block,
        ),
        (
            "short night, 07:00 on the wall",
            "2026-03-29T06:00:00Z",
            Action::Allow,
        ),
        (
            "long night, 01:30 the first time",
            "2026-10-25T00:30:00Z",
            Action::Block,
        ),
        (
            "long night, 01:30 the second time",
            "2026-10-25T01:30:00Z",
            Action::Block,
        ),
        (
            "long night, 06:59 on the wall",
            "2026-10-25T06:59:00Z",
            Action::Block,
        ),
        (
            "long night, 07:00 on the wall",
            "2026-10-25T07:00:00Z",
            Action::Allow,
        ),
    ] {
        assert_eq!(school.action(BOARDER, "games.test", now), action, "{why}");
    }
}

/// FIL-11: a night that begins on the last day of term counts to its end; the next does not.
#[test]
fn fil_11_a_night_counts_by_the_day_it_began() {
    let mut spec = timetable();
    spec.calendar.terms[0].to = "2026-03-20".parse().unwrap();
    let school = School::with(&spec, &[("games.test", "games")], &[]);
    assert_eq!(
        school.action(BOARDER, "games.test", "2026-03-21T06:00:00Z"),
        Action::Block
    );
    assert_eq!(
        school.action(BOARDER, "games.test", "2026-03-22T06:00:00Z"),
        Action::Allow
    );
}

/// FIL-11: editing the timetable changes verdicts as soon as the new snapshot is in force.
#[test]
fn fil_11_an_edited_timetable_counts_at_the_next_request() {
    let filter = pharos_filter::Filter::new();
    let (who, address) = (known(YEAR_8), address("games.test"));
    let ask = |filter: &pharos_filter::Filter| {
        let snapshot = filter.snapshot().unwrap();
        snapshot
            .decide(&query(&who, &address, None, "2026-03-04T16:10:00Z"))
            .action
    };
    filter.install(school().snapshot);
    assert_eq!(ask(&filter), Action::Allow);
    let mut spec = timetable();
    spec.hours
        .insert("lesson".into(), hours(&[weekdays("08:30", "16:30")]));
    filter.install(School::with(&spec, &[("games.test", "games")], &[]).snapshot);
    assert_eq!(ask(&filter), Action::Block);
}

/// FIL-11, FIL-17: where nobody is known, hours of boarders and of day pupils both bind.
#[test]
fn fil_11_an_unknown_user_is_held_to_everybodys_hours() {
    let school = school();
    for now in [LESSON, "2026-03-04T18:30:00Z", "2026-03-04T23:00:00Z"] {
        assert_eq!(
            school.ask(&nobody(), "games.test", now).action,
            Action::Block,
            "{now}"
        );
    }
    let holidays = school.ask(&nobody(), "games.test", "2026-04-08T10:00:00Z");
    assert_eq!(holidays.action, Action::Allow);
}

/// FIL-11: hours that are for the holidays only.
#[test]
fn fil_11_holiday_hours() {
    let mut spec = timetable();
    let span = SpanSpec {
        on: SchoolDays::Holiday,
        ..weekdays("00:00", "00:00")
    };
    spec.hours.insert("holiday".into(), hours(&[span]));
    spec.rules.push(pharos_policy::spec::RuleSpec {
        everything: true,
        groups: words(&["pupils"]),
        hours: words(&["holiday"]),
        ..rule("holiday-shut", Action::Block)
    });
    let school = School::new(&spec);
    assert_eq!(
        school.action(YEAR_8, "other.test", "2026-04-08T23:59:59Z"),
        Action::Block
    );
    assert_eq!(school.action(YEAR_8, "other.test", LESSON), Action::Allow);
}
