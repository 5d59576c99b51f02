//! A breach from report to closing (BRE-01 to BRE-09, CLK-02).

use super::desk::*;
use jiff::SignedDuration;
use pharos_casework::*;

/// BRE-01: a pupil reports with one press; the record says pupil-reported, and there is no
/// behaviour entry unless somebody decides otherwise.
#[test]
fn bre_01_a_pupils_report_is_honest_until_decided_otherwise() {
    let desk = Desk::breach_reported_by_pupil();
    assert!(desk.state().is_pupil_reported());
    assert!(desk.state().behaviour.is_empty());
    assert!(!desk.state().has(Flag::Deliberate));
    assert_eq!(tells(&desk.entries[0].body), [Party::Lead]);
}

/// BRE-02: a report with no address is accepted.
#[test]
fn bre_02_a_report_without_an_address_is_accepted() {
    let mut concern = Desk::concern();
    concern.addresses.clear();
    assert!(concern.problems(start()).is_empty());
    concern.what = "  ".into();
    assert_eq!(concern.problems(start())[0].field, "what");
}

/// BRE-03, CON-13: closing is refused while parents or fix are undecided or there was no
/// debrief; worked through, it closes, and the record holds every field and time.
#[test]
fn bre_03_a_breach_closes_only_when_everything_is_decided() {
    let mut desk = Desk::breach();
    let missing = |desk: &Desk| -> Vec<Closing> {
        missing_to_close(&desk.state(), &desk.procedure)
            .into_iter()
            .map(|m| m.condition)
            .collect()
    };
    assert!(desk.refused(LEAD, close()).why.contains("danger"));
    desk.work_to_the_end();
    assert_eq!(missing(&desk), []);

    for left_out in ["parents", "fix", "debrief", "lessons"] {
        let mut desk = Desk::breach();
        desk.work_without(left_out);
        let refusal = desk.refused(LEAD, close());
        assert!(!refusal.instead.is_empty(), "{left_out}");
        assert!(!missing(&desk).is_empty(), "{left_out}");
    }
    desk.does(LEAD, close());
    let state = desk.state();
    assert_eq!(
        state.closed.as_ref().map(|c| c.outcome),
        Some(Outcome::Education)
    );
    assert_eq!(state.contained.len(), 1);
    assert!(state.acknowledged.is_some() && state.fix.is_some() && state.debrief.is_some());
    assert_eq!(state.procedure.to_string(), "filter-breach version 1");
}

/// BRE-04: the technical team blocks an address before anything else was answered; no gate
/// holds it back.
#[test]
fn bre_04_containing_waits_for_nobody() {
    let mut desk = Desk::breach();
    desk.does(
        TECHNICIAN,
        Command::Contain {
            address: "https://bad.example/x".into(),
            change: "change 12".into(),
            campuses: vec![],
        },
    );
    assert_eq!(desk.state().contained.len(), 1);
    assert_eq!(
        gaps(&desk.state()).to_contained,
        Some(SignedDuration::from_mins(6))
    );
    desk.refused(
        TUTOR,
        Command::Contain {
            address: "https://bad.example/x".into(),
            change: "change 13".into(),
            campuses: vec![],
        },
    );
}

/// BRE-04: a block at one campus alone leaves the step open and the time to the block running, because
/// the others are still exposed; the block for everyone settles both.
#[test]
fn bre_04_a_block_at_one_campus_contains_nothing() {
    let mut desk = Desk::breach();
    let block = |campuses: &[&str]| Command::Contain {
        address: "https://bad.example/x".into(),
        change: "change 12".into(),
        campuses: campuses.iter().map(|one| (*one).to_owned()).collect(),
    };
    let is_done = |desk: &Desk| {
        steps(&desk.state(), &desk.procedure)
            .into_iter()
            .any(|now| now.step.id == "contain" && matches!(now.standing, Standing::Done(_)))
    };
    desk.does(TECHNICIAN, block(&["North site"]));
    assert_eq!(desk.state().contained[0].campuses, ["North site"]);
    assert_eq!(gaps(&desk.state()).to_contained, None);
    assert!(!is_done(&desk));
    desk.does(TECHNICIAN, block(&[]));
    assert!(gaps(&desk.state()).to_contained.is_some());
    assert!(is_done(&desk));
}

/// BRE-05: "supplier list at fault" opens the supplier's report and an answer step that stays
/// open; leadership is told.
#[test]
fn bre_05_the_supplier_is_told_and_answers() {
    let mut desk = Desk::breach();
    desk.triage();
    assert_eq!(desk.standing("supplier"), Standing::NotApplicable);
    desk.decide("nature", None, "mislabelled");
    assert_eq!(desk.standing("supplier"), Standing::Open);
    desk.refused(
        TECHNICIAN,
        Command::RecordSupplierAnswer {
            answer: "Corrected.".into(),
        },
    );
    let letter = desk.procedure.letter("supplier-report").unwrap().clone();
    let values: Vec<(String, String)> = blanks(&letter)
        .into_iter()
        .map(|b| (b.clone(), format!("<{b}>")))
        .collect();
    let values: Vec<(&str, &str)> = values
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let text = fill(&letter, &values).unwrap();
    desk.does(
        TECHNICIAN,
        Command::ReportToSupplier {
            supplier: "Example Lists Ltd".into(),
            text,
            reference: Some("T-7".into()),
        },
    );
    assert_eq!(tells(&desk.last().body), [Party::Leadership]);
    assert_eq!(desk.standing("supplier-answer"), Standing::Open);
    desk.does(
        TECHNICIAN,
        Command::RecordSupplierAnswer {
            answer: "Corrected in the next list.".into(),
        },
    );
    assert!(matches!(
        desk.standing("supplier-answer"),
        Standing::Done(_)
    ));
}

/// BRE-06, CON-09: where parents are always told, "not needed" is no reason; where the school tells
/// them about behaviour, it is none once the access was deliberate; where the lead weighs, it is one.
#[test]
fn bre_06_con_09_the_school_says_when_parents_must_be_told() {
    let not_needed = || Command::DoNotTellParents {
        pupil: PUPIL,
        why: WhyNotTold::NotNeeded,
        reason: "A picture for two seconds; the pupil told us at once.".into(),
        review: None,
    };
    let mut always = Desk::breach();
    always.triage();
    assert_eq!(
        always.refused(LEAD, not_needed()).why,
        "The school tells the parents here unless it would harm the child."
    );
    let mut weighs = Desk::breach();
    weighs.procedure.parent_duty = ParentDuty::LeadWeighs;
    weighs.triage();
    weighs.does(LEAD, not_needed());
    assert!(matches!(weighs.standing("parents"), Standing::Done(_)));

    let mut behaviour = Desk::breach();
    behaviour.procedure.parent_duty = ParentDuty::IfBehaviour;
    behaviour.triage();
    behaviour.decide("nature", Some(PUPIL), "deliberate");
    assert_eq!(
        behaviour.refused(LEAD, not_needed()).why,
        "The school tells the parents here unless it would harm the child."
    );
}

/// BRE-06: two pupils, two parent decisions; neither can be skipped except by the lead with a
/// written safety reason; "not yet" sets a review date and does not count as told.
#[test]
fn bre_06_the_parents_of_every_pupil_are_told() {
    let mut desk = Desk::breach();
    desk.triage();
    desk.does(
        LEAD,
        Command::AddPerson {
            involved: Involved {
                whom: Whom::Pupil {
                    person: OTHER_PUPIL,
                },
                part: Part::Harmed,
            },
        },
    );
    desk.does(LEAD, tell(PUPIL));
    assert_eq!(desk.standing("parents"), Standing::Open);
    let skip = |who, reason: &str, review| {
        (
            who,
            Command::DoNotTellParents {
                pupil: OTHER_PUPIL,
                why: WhyNotTold::RiskToChild,
                reason: reason.into(),
                review,
            },
        )
    };
    let (who, command) = skip(DEPUTY, "A safety reason.", None);
    assert_eq!(
        desk.refused(who, command).why,
        "This is not yours to do here."
    );
    let (who, command) = skip(LEAD, " ", None);
    assert_eq!(
        desk.refused(who, command).why,
        "The safety reason is missing."
    );
    desk.refused(
        LEAD,
        Command::DeclineStep {
            step: "parents".into(),
            reason: "Busy.".into(),
        },
    );

    let review = "2026-11-25".parse().ok();
    let (who, command) = skip(
        LEAD,
        "The child fears what happens at home; social care is asked.",
        review,
    );
    desk.does(who, command);
    assert_eq!(
        desk.state().parents_of(OTHER_PUPIL),
        ParentsStanding::NotYet("2026-11-25".parse().unwrap())
    );
    assert!(
        desk.due()
            .iter()
            .any(|clock| clock.what == Due::ParentsReview(OTHER_PUPIL))
    );
    assert!(
        missing_to_close(&desk.state(), &desk.procedure)
            .iter()
            .any(|m| m.condition == Closing::Parents)
    );

    let (who, command) = skip(LEAD, "Social care asked us not to.", None);
    desk.does(who, command);
    assert!(matches!(desk.standing("parents"), Standing::Done(_)));
}

/// BRE-07, PRO-12: "may be illegal" starts the outside reports with clocks running, ends
/// uploads and forbids looking, for good.
#[test]
fn bre_07_may_be_illegal_goes_out_and_nobody_looks() {
    let mut desk = Desk::breach();
    let text = Command::Attach {
        name: "statement.txt".into(),
        media: Media::Text,
        fingerprint: "ab12".into(),
        source: "teacher".into(),
        shows_child: None,
    };
    desk.does(TEACHER, text.clone());
    assert!(may_attach(&desk.state(), &desk.procedure));

    // Before any gate is passed, by the technician who saw it.
    desk.does(
        TECHNICIAN,
        Command::MarkMayBeIllegal {
            reason: "The category says so.".into(),
        },
    );
    assert!(!may_attach(&desk.state(), &desk.procedure));
    for step in ["report-iwf", "report-police", "secure-device"] {
        assert_eq!(desk.standing(step), Standing::Open, "{step}");
        assert!(
            desk.due()
                .iter()
                .any(|clock| clock.what == Due::Step(step.into())),
            "{step} has no clock"
        );
    }
    desk.later(61);
    let iwf = desk
        .due()
        .into_iter()
        .find(|clock| clock.what == Due::Step("report-iwf".into()))
        .unwrap();
    assert!(iwf.overdue);
    assert_eq!(iwf.escalate_to, [Party::Deputy, Party::Head]);

    for command in [
        text,
        Command::Try { act: Act::View },
        Command::Try { act: Act::OpenPage },
        Command::Try { act: Act::Copy },
    ] {
        let refusal = desk.refused(LEAD, command);
        assert!(refusal.entry.is_some(), "the attempt is kept");
        desk.store(refusal);
    }
    assert_eq!(desk.state().refused, 4);
    desk.does(LEAD, refer(Agency::Police, "101, log 442"));
    assert!(matches!(desk.standing("report-police"), Standing::Done(_)));
    // Deciding afterwards that it is not does not bring uploads back.
    desk.triage();
    desk.decide("legality", None, "not-illegal");
    assert!(!may_attach(&desk.state(), &desk.procedure));
}

/// BRE-08: "deliberate" adds a behaviour entry and a sanction step; "accidental" adds support
/// and no behaviour entry; changing one's mind withdraws the entry, and both stay on record.
#[test]
fn bre_08_accidental_and_deliberate_part_ways() {
    let mut desk = Desk::breach();
    desk.triage();
    desk.decide("nature", Some(PUPIL), "deliberate");
    assert!(desk.state().behaviour.contains_key(&PUPIL));
    assert_eq!(desk.standing("sanction"), Standing::Open);
    assert_eq!(desk.standing("support"), Standing::NotApplicable);

    desk.decide("nature", Some(PUPIL), "accidental");
    assert!(desk.state().behaviour.is_empty());
    assert_eq!(desk.standing("sanction"), Standing::NotApplicable);
    assert_eq!(desk.standing("support"), Standing::Open);
    desk.refused(
        LEAD,
        Command::GiveSanction {
            pupil: PUPIL,
            what: "Detention".into(),
            care: "None needed".into(),
        },
    );
    let kinds = desk.entries.iter().filter(|e| {
        matches!(
            e.body,
            EntryBody::BehaviourEntry { .. } | EntryBody::BehaviourWithdrawn { .. }
        )
    });
    assert_eq!(kinds.count(), 2);
}

/// BRE-08: whether deliberate access stands on the pupil's file as well is the school's setting at the
/// time; the sanction belongs to the behaviour policy either way.
#[test]
fn bre_08_the_school_says_whether_it_goes_on_the_file() {
    for wanted in [false, true] {
        let mut desk = Desk::breach();
        desk.procedure.deliberate_on_file = wanted;
        desk.triage();
        desk.decide("nature", Some(PUPIL), "deliberate");
        assert_eq!(desk.standing("sanction"), Standing::Open);
        let on_file = desk.entries.iter().find_map(|entry| match entry.body {
            EntryBody::BehaviourEntry { on_file, .. } => Some(on_file),
            _ => None,
        });
        assert_eq!(on_file, Some(wanted));
    }
}

/// BRE-08: a decision needs the reason for the road taken and for each road not taken.
#[test]
fn bre_08_every_road_has_its_reason() {
    let mut desk = Desk::breach();
    desk.triage();
    let mut command = desk.decision("nature", None, "deliberate");
    if let Command::Decide { against, .. } = &mut command {
        against.pop();
    }
    assert!(
        desk.refused(LEAD, command)
            .why
            .starts_with("The reason for not taking this road is missing")
    );
    let mut command = desk.decision("nature", None, "deliberate");
    if let Command::Decide { reason, .. } = &mut command {
        reason.clear();
    }
    assert_eq!(
        desk.refused(LEAD, command).why,
        "The reason for the road taken is missing."
    );
    desk.refused(TECHNICIAN, desk.decision("nature", None, "deliberate"));
}

/// BRE-09: a technician passes a worry on; it becomes a concern of its own, linked here.
#[test]
fn bre_09_a_worry_becomes_a_linked_concern() {
    let mut desk = Desk::breach();
    desk.does(TECHNICIAN, Command::LinkConcern { case: OTHER_CASE });
    assert_eq!(desk.state().linked, [OTHER_CASE]);
    assert!(matches!(desk.standing("worry"), Standing::Done(_)));
}

/// CLK-02: the gap from first knowledge to lead, police and parents is measured, and steps
/// that overran are listed.
#[test]
fn clk_02_gaps_and_overruns_are_measured() {
    let mut desk = Desk::breach();
    desk.later(44);
    desk.does(LEAD, Command::Acknowledge);
    let gaps = gaps(&desk.state());
    assert_eq!(gaps.to_lead, Some(SignedDuration::from_mins(50)));
    assert_eq!(gaps.to_parents, None);
    let late = overran(&desk.state(), &desk.procedure, &calendar(), desk.now);
    assert!(
        late.iter()
            .any(|(step, _, done)| step == "acknowledge" && done.is_some())
    );
}
