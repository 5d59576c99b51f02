//! Working a case: steps, gates, entries, need to know (PRO, CON, REF).

use super::desk::*;
use pharos_casework::*;
use pharos_school::Role;

/// PRO-01: a required step has no decline; an "if appropriate" one needs a reason and the
/// right role; no step is passed over silently.
#[test]
fn pro_01_no_step_is_passed_over_silently() {
    let mut desk = Desk::breach();
    desk.triage();
    let talk = Command::DeclineStep {
        step: "talk".into(),
        reason: "No time.".into(),
    };
    assert_eq!(desk.refused(LEAD, talk).why, "This step is required.");
    let worry = |reason: &str| Command::DeclineStep {
        step: "worry".into(),
        reason: reason.into(),
    };
    desk.refused(LEAD, worry(""));
    desk.refused(TUTOR, worry("Nothing found."));
    desk.does(LEAD, worry("Nothing points to one."));
    assert!(matches!(desk.standing("worry"), Standing::Declined(_)));
    let list = steps(&desk.state(), &desk.procedure)
        .into_iter()
        .filter(|now| now.may_decline);
    assert!(
        list.into_iter()
            .all(|now| now.step.need == Need::IfAppropriate)
    );
}

/// PRO-01: a gate holds back what comes after it, until it is done.
#[test]
fn pro_01_a_gate_holds_later_steps_back() {
    let mut desk = Desk::breach();
    let fix = Command::RecordFix {
        what: "Blocked the category.".into(),
        change: "change 14".into(),
    };
    let refusal = desk.refused(TECHNICIAN, fix.clone());
    assert!(refusal.why.contains("immediate danger"), "{refusal}");
    desk.triage();
    desk.does(TECHNICIAN, fix);
}

/// PRO-12: the danger question stands first; a yes is only half an answer, the call with its
/// time is the other half.
#[test]
fn pro_12_yes_needs_the_call() {
    assert!(danger_instruction(Some(true)).starts_with("Call 999 now."));
    assert!(danger_instruction(Some(false)).contains("101"));
    let mut desk = Desk::breach();
    desk.does(TEACHER, Command::AnswerDanger { yes: true });
    assert_eq!(tells(&desk.last().body), [Party::Lead, Party::Head]);
    assert_eq!(desk.standing("danger"), Standing::Open);
    desk.does(
        TEACHER,
        Command::RecordCall {
            number: "999".into(),
            called_at: desk.now,
            reference: Some("CAD 12".into()),
        },
    );
    assert!(matches!(desk.standing("danger"), Standing::Done(_)));
}

/// PRO-02: the chart shows every step of the version, with who, when and the branches.
#[test]
fn pro_02_the_chart_shows_the_whole_procedure() {
    let procedure = filter_breach().unwrap();
    let chart = chart(&procedure);
    assert_eq!(chart.rows.len(), procedure.steps.len());
    assert_eq!(chart.rows[0].clock.as_deref(), Some("at once (guidance)"));
    let iwf = chart
        .rows
        .iter()
        .find(|row| row.step == "report-iwf")
        .unwrap();
    assert_eq!(iwf.only_if, Some("if it may be illegal"));
    assert_eq!(iwf.clock.as_deref(), Some("within an hour (guidance)"));
    assert_eq!(chart.never.len(), procedure.forbids.len());
}

/// CON-06: a correction stands beside the entry it corrects; an overdue action shows.
#[test]
fn con_06_corrections_stand_beside_and_actions_are_chased() {
    let mut desk = Desk::breach();
    desk.triage();
    desk.does(
        TEACHER,
        Command::AddNote {
            text: "It was in the library.".into(),
        },
    );
    let note = desk.last().clone();
    desk.does(
        TEACHER,
        Command::Correct {
            of: note.id,
            text: "It was in the computer room.".into(),
        },
    );
    assert!(
        desk.entries.contains(&note),
        "the original stands as it was"
    );
    desk.refused(
        TUTOR,
        Command::Correct {
            of: note.id,
            text: "No.".into(),
        },
    );
    desk.does(
        LEAD,
        Command::SetAction {
            what: "Ring the library.".into(),
            owner: TUTOR_ID,
            due: "2026-11-23".parse().unwrap(),
        },
    );
    desk.later(4 * 24 * 60);
    let overdue = desk
        .due()
        .into_iter()
        .find(|clock| matches!(clock.what, Due::Action(_)))
        .unwrap();
    assert!(overdue.overdue);
    assert_eq!(overdue.escalate_to, [Party::Lead]);
}

/// CON-13: a lesson that changes something has an owner and a date.
#[test]
fn con_13_a_lesson_has_an_owner_and_a_date() {
    let mut desk = Desk::breach();
    desk.triage();
    let lesson = |owner, due| Command::AddLesson {
        kind: LessonKind::Curriculum,
        text: "Teach searching safely.".into(),
        owner,
        due,
    };
    assert!(
        desk.refused(LEAD, lesson(None, None))
            .why
            .contains("owner and a date")
    );
    desk.does(LEAD, lesson(Some(TUTOR_ID), "2026-12-18".parse().ok()));
    assert_eq!(desk.state().lessons[0].kind, LessonKind::Curriculum);
    assert_eq!(
        desk.refused(
            DEPUTY,
            Command::HoldDebrief {
                held_on: None,
                text: "Not needed.".into()
            }
        )
        .why,
        "This is not yours to do here."
    );
}

/// CON-14: nobody the case is about takes part in it, whatever their role.
#[test]
fn con_14_nobody_acts_on_a_case_about_them() {
    let mut desk = Desk::breach();
    desk.does(
        LEAD,
        Command::AddPerson {
            involved: Involved {
                whom: Whom::Staff { person: HEAD_ID },
                part: Part::AllegedToHaveHarmed,
            },
        },
    );
    assert!(desk.state().subjects().contains(&HEAD_ID));
    assert!(
        desk.refused(HEAD, Command::Acknowledge)
            .why
            .contains("named in this case")
    );
}

/// CON-02: a child elsewhere and an unknown screen name are accepted; PRO-11: others outside
/// wait until the police or the adviser were spoken to.
#[test]
fn con_02_outsiders_are_named_and_the_first_call_comes_first() {
    let mut concern = Desk::concern();
    concern.site = Site::OffSite;
    concern.equipment = Equipment::Own;
    concern.involved.push(Involved {
        whom: Whom::PupilElsewhere {
            name: "A child".into(),
            school: "Elm Grove".into(),
        },
        part: Part::Harmed,
    });
    concern.involved.push(Involved {
        whom: Whom::ScreenName {
            name: "nightowl".into(),
            service: "a game".into(),
        },
        part: Part::AllegedToHaveHarmed,
    });
    let mut desk = Desk::open(concern, TEACHER);
    desk.triage();
    assert!(desk.state().has(Flag::BeyondSchool));
    let refusal = desk.refused(LEAD, refer(Agency::OtherSchool, "Their lead"));
    assert!(
        refusal
            .why
            .contains("the police or the adviser are spoken to")
    );
    desk.refused(LEAD, tell(PUPIL));
    desk.does(LEAD, refer(Agency::Police, "101"));
    desk.does(LEAD, refer(Agency::OtherSchool, "Their lead"));
    desk.does(LEAD, tell(PUPIL));
}

/// CON-15: no picture on a concern whose type is not set, and none that may show a child.
#[test]
fn con_15_pictures_are_refused_before_any_byte() {
    let mut desk = Desk::breach();
    let picture = |shows_child| Command::Attach {
        name: "p.png".into(),
        media: Media::from_mime("image/png"),
        fingerprint: "cd".into(),
        source: "teacher".into(),
        shows_child,
    };
    assert!(
        desk.refused(LEAD, picture(Some(false)))
            .why
            .contains("until the lead has said")
    );
    desk.triage();
    desk.refused(LEAD, picture(Some(true)));
    desk.refused(LEAD, picture(None));
    desk.does(LEAD, picture(Some(false)));
    assert_eq!(Media::from_mime("image/svg+xml"), Media::Picture);
    assert_eq!(Media::from_mime("text/html"), Media::Other);
}

/// REF-06: a letter is named in the contact, and the parent's answer joins it.
#[test]
fn ref_06_a_parents_answer_joins_the_letter() {
    let mut desk = Desk::breach();
    desk.triage();
    let mut command = tell(PUPIL);
    if let Command::TellParent { letter, .. } = &mut command {
        *letter = Some("parent-accident".into());
    }
    desk.does(LEAD, command);
    let parent = Hand::person(PARENT_ID, &[Role::Parent]);
    desk.does_as(
        &parent,
        Command::ParentReplies {
            pupil: PUPIL,
            text: "Thank you for telling us.".into(),
        },
    );
    // The answer on the telephone and the one in writing.
    assert_eq!(desk.state().parents[&PUPIL].replies, 2);
}

/// CON-01: a person without an account can report; a concern runs its own procedure and closes
/// by the same rules.
#[test]
fn con_01_a_person_without_an_account_can_report() {
    let concern = Concern::new(
        Reporter::Outside {
            name: None,
            contact: None,
        },
        Origin::Form,
        "A child in uniform was crying over a phone.",
    );
    let procedure = pharos_casework::concern().unwrap();
    let entries = open(
        CASE,
        &procedure,
        concern,
        &Hand::outside(),
        start(),
        &mut ids(1),
    )
    .unwrap();
    let state = CaseState::replay(&entries).unwrap();
    assert_eq!(state.procedure.id, "concern");
    assert!(missing_to_close(&state, &procedure).len() > 5);
}

/// A closed case stays closed until somebody opens it with a reason; a linked concern brings it
/// back to triage by itself.
#[test]
fn a_linked_concern_brings_a_closed_case_back() {
    let mut desk = Desk::breach();
    desk.work_to_the_end();
    desk.does(LEAD, close());
    assert_eq!(
        desk.refused(
            LEAD,
            Command::AddNote {
                text: "More.".into()
            }
        )
        .why,
        "The case is closed."
    );
    assert!(desk.due().is_empty());
    desk.does(LEAD, Command::LinkConcern { case: OTHER_CASE });
    let state = desk.state();
    assert!(state.closed.is_none() && state.classified.is_none());
}

/// At level high a second reader, somebody else, agrees before it closes.
#[test]
fn level_high_needs_a_second_reader() {
    let mut desk = Desk::breach();
    desk.work_to_the_end();
    desk.classify(Level::High);
    assert!(
        desk.refused(LEAD, close())
            .why
            .contains("A deputy or the head reads the case")
    );
    desk.refused(
        LEAD,
        Command::SecondRead {
            note: "Fine.".into(),
        },
    );
    desk.does(
        DEPUTY,
        Command::SecondRead {
            note: "Read in full; nothing missing.".into(),
        },
    );
    desk.does(LEAD, close());
}
