use super::*;

/// PRO-01: the shipped procedures are complete and read without a problem.
#[test]
fn pro_01_every_shipped_procedure_reads() {
    for (id, text) in shipped() {
        let procedure =
            Procedure::parse(text).unwrap_or_else(|problems| panic!("{id}: {problems:#?}"));
        assert_eq!(procedure.reference.id, *id);
        assert!(!procedure.sources.is_empty() && !procedure.forbids.is_empty());
        assert!(
            procedure.steps.iter().all(|step| !step.sources.is_empty()),
            "{id}: a step without a source"
        );
    }
}

/// PRO-01: the breach procedure holds every step that BRE-01 to BRE-10 and the fragments ask for.
#[test]
fn pro_01_the_breach_procedure_is_complete() {
    let breach = filter_breach().unwrap();
    let ids: Vec<&str> = breach.steps.iter().map(|step| step.id.as_str()).collect();
    for wanted in [
        "danger",
        "screen-off",
        "tell-lead",
        "acknowledge",
        "contain",
        "write-down",
        "check-links",
        "classify",
        "nature",
        "legality",
        "report-iwf",
        "report-police",
        "report-ceop",
        "reach",
        "fix",
        "retest",
        "supplier",
        "supplier-answer",
        "talk",
        "support",
        "sanction",
        "worry",
        "recurrence",
        "parents",
        "outcome",
        "actions",
        "child-view",
        "debrief",
        "lessons",
        "second-reader",
    ] {
        assert!(ids.contains(&wanted), "no step {wanted}");
    }
    for act in [
        Act::View,
        Act::OpenPage,
        Act::Copy,
        Act::Forward,
        Act::Delete,
        Act::Edit,
        Act::CloseUndecided,
        Act::SendContent,
        Act::TechnicalReadsNotes,
        Act::Unblock,
        Act::ShowToSubject,
        Act::ApproveOwnAccess,
    ] {
        assert!(
            breach.forbids.iter().any(|forbid| forbid.act == act),
            "{act} is not forbidden"
        );
    }
    // A required step has no decline; parents never do (BRE-06).
    assert_eq!(
        breach.step("parents").map(|step| step.need),
        Some(Need::Required)
    );
}

/// Steps that two procedures share are the same act, so that what was done before the lead
/// classified still counts.
#[test]
fn shared_steps_are_done_in_the_same_way() {
    let (concern, breach) = (concern().unwrap(), filter_breach().unwrap());
    for step in &concern.steps {
        if let Some(other) = breach.step(&step.id)
            && !matches!(step.done_by, DoneBy::Decision(_))
        {
            assert_eq!(step.done_by, other.done_by, "{}", step.id);
        }
    }
}

fn problems(text: &str) -> Vec<String> {
    Procedure::parse(text)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// PRO-01: everything wrong in a procedure is told in one go, with line and nearest name.
#[test]
fn pro_01_problems_are_told_at_once_with_their_lines() {
    let text = r#"format = 1
id = "x"
version = 1
title = "X"
when-to-use = "When."
edition = "2026"
checked = 2026-11-20
closign = []

[[source]]
id = "s"
title = "S"
edition = "1"
checked = 2026-11-20

[[step]]
id = "one"
phase = "start"
text = "Do it."
who = ["leed"]
clock = "soon"
done-by = "tikc"
sources = ["t"]
"#;
    assert_eq!(
        problems(text),
        [
            "line 8: \"closign\" is not a key of the file; did you mean \"closing\"?",
            "line 20: \"leed\" is not known here; did you mean \"lead\"?",
            "line 21: \"soon\" is not a clock: use \"now\", \"30 minutes\", \"2 hours\", \"school day\" or \"1 working day\"",
            "line 22: nothing is done by \"tikc\"; did you mean \"tick\"?",
        ]
    );
    assert_eq!(problems("format = 1\nid = \n").len(), 1);
}

fn change(text: &str) -> Change {
    Change::parse(&format!(
        "procedure = \"filter-breach\"\nversion = 3\n{text}"
    ))
    .unwrap()
}

fn refused(text: &str) -> String {
    let base = filter_breach().unwrap();
    tighten(&base, &change(text)).unwrap_err().remove(0).message
}

/// PRO-01: a school may make a procedure stricter, and its version says so.
#[test]
fn pro_01_a_school_may_tighten() {
    let base = filter_breach().unwrap();
    let tight = tighten(
        &base,
        &change(
            r#"
[[step]]
id = "sanction"
need = "required"
note = "Ring the house first."

[[step]]
id = "fix"
clock = "2 hours"

[[add]]
after-step = "fix"
id = "ring-helpdesk"
phase = "work"
text = "Ring the broadband help desk."
who = ["technical"]
done-by = "tick"

[[forbid]]
act = "attach"
why = "This school takes no files in."
instead = "Describe it in words."
"#,
        ),
    )
    .unwrap();
    assert_eq!(tight.reference.to_string(), "filter-breach version 1+3");
    assert_eq!(
        tight.step("sanction").map(|step| step.need),
        Some(Need::Required)
    );
    let fix = tight
        .steps
        .iter()
        .position(|step| step.id == "fix")
        .unwrap();
    assert_eq!(tight.steps[fix + 1].id, "ring-helpdesk");
    assert_eq!(tight.forbids.len(), base.forbids.len() + 1);
}

/// PRO-01: a school never loosens: no dropped step, no lifted prohibition, no longer law clock.
#[test]
fn pro_01_a_school_never_loosens() {
    assert_eq!(
        refused("[[step]]\nid = \"parents\"\nneed = \"if-appropriate\""),
        "step \"parents\" is required: it cannot be made if-appropriate"
    );
    assert_eq!(
        refused("[[step]]\nid = \"report-iwf\"\nclock = \"2 hours\""),
        "the clock of step \"report-iwf\" is set by guidance or law: it can be shortened, not lengthened"
    );
    assert_eq!(
        refused("[[step]]\nid = \"classify\"\ngate = false"),
        "step \"classify\" is a gate: it cannot be made an ordinary step"
    );
    assert_eq!(
        refused("[[step]]\nid = \"fix\"\nwho = [\"office\"]"),
        "step \"fix\" may be left to fewer hands, not to others"
    );
    assert_eq!(
        refused("[[step]]\nid = \"fxi\""),
        "filter-breach has no step \"fxi\"; did you mean \"fix\"?"
    );
    let drop = Change::parse(
        "procedure = \"filter-breach\"\nversion = 1\ndrop = [\"parents\"]\nallow = [\"view\"]",
    )
    .unwrap_err();
    assert_eq!(drop.len(), 2);
    assert!(
        drop.iter()
            .all(|problem| problem.message.contains("never looser"))
    );
}
