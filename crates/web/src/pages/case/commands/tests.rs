use super::*;

const PUPIL: &str = "0197a0a0-0000-7000-8000-000000000001";

fn read_form(doing: Doing, pairs: &[(&str, &str)]) -> Result<Ask, Wrong> {
    let given = Given::new(
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    );
    let procedure = pharos_casework::filter_breach().unwrap();
    let procedures = [pharos_casework::concern().unwrap(), procedure.clone()];
    let desk = Desk {
        procedure: &procedure,
        procedures: &procedures,
        zone: &TimeZone::UTC,
        now: "2026-11-23T10:00:00Z".parse().unwrap(),
        unmatched: &["Sam".to_owned()],
        addresses: &["bad.example/x".to_owned()],
        picked: None,
    };
    read(doing, &given, &desk)
}

/// Every form has its own place in the address, and an empty one is never taken for an act that
/// needs words.
#[test]
fn every_form_has_one_place_and_refuses_what_is_empty() {
    for doing in Doing::ALL {
        assert_eq!(Doing::from_slug(doing.slug()), Some(*doing));
        let answer = read_form(*doing, &[]);
        // A press, and a tick whose missing note the procedure itself asks for.
        let may_be_empty = matches!(doing, Doing::Acknowledge | Doing::Step);
        assert_eq!(answer.is_ok(), may_be_empty, "{doing:?}");
    }
    assert_eq!(Doing::from_slug("delete"), None);
}

/// PRO-12: the danger question has two answers, and no answer is not “no”.
#[test]
fn pro_12_no_answer_is_not_no() {
    assert_eq!(
        read_form(Doing::Danger, &[("danger", "yes")]),
        Ok(Ask::Do(Command::AnswerDanger { yes: true }))
    );
    assert_eq!(
        read_form(Doing::Danger, &[("danger", "no")]),
        Ok(Ask::Do(Command::AnswerDanger { yes: false }))
    );
    assert_eq!(
        read_form(Doing::Danger, &[("danger", "perhaps")]).unwrap_err()[0].0,
        "danger"
    );
}

/// BRE-06, CON-09: a contact with parents carries who, when, how and what was said.
#[test]
fn bre_06_a_contact_with_parents_needs_all_its_parts() {
    let wrong = read_form(Doing::TellParent, &[("contacted_at", "tomorrow-ish")]).unwrap_err();
    let fields: Vec<_> = wrong.iter().map(|(field, _)| *field).collect();
    assert_eq!(
        fields,
        ["about", "parent", "contacted_at", "method", "said"]
    );
    let given = [
        ("about", PUPIL),
        ("parent", "Mrs Reyes"),
        ("contacted_at", "2026-11-23T09:30"),
        ("method", "telephone"),
        ("said", "What happened."),
    ];
    let Ok(Ask::Do(Command::TellParent {
        contacted_at,
        method,
        letter,
        ..
    })) = read_form(Doing::TellParent, &given)
    else {
        panic!("not read")
    };
    assert_eq!(contacted_at.to_string(), "2026-11-23T09:30:00Z");
    assert_eq!((method, letter), (Method::Telephone, None));
}

/// CON-09: “not yet” is a date; without one it is “not at all”.
#[test]
fn con_09_not_yet_is_a_date() {
    let review = |text: &str| {
        let given = [
            ("about", PUPIL),
            ("why", "risk-to-child"),
            ("reason", "Asked social care."),
            ("review", text),
        ];
        match read_form(Doing::NotTold, &given) {
            Ok(Ask::Do(Command::DoNotTellParents { review, .. })) => {
                Ok(review.map(|day| day.to_string()))
            }
            other => Err(format!("{other:?}")),
        }
    };
    assert_eq!(review("2026-11-25"), Ok(Some("2026-11-25".to_owned())));
    assert_eq!(review(""), Ok(None));
    assert!(review("Wednesday").is_err());
}

/// BRE-08: the reasons against go with the options that were not taken, whatever was written
/// beside the one that was.
#[test]
fn bre_08_reasons_against_belong_to_the_roads_not_taken() {
    let mut given = vec![
        ("step", "nature"),
        ("option", "accidental"),
        ("reason", "A mistyped name."),
    ];
    given.extend(
        AGAINST
            .iter()
            .take(5)
            .map(|field| (*field, "The log shows no search.")),
    );
    let Ok(Ask::Do(Command::Decide {
        options,
        against,
        about,
        ..
    })) = read_form(Doing::Decide, &given)
    else {
        panic!("not read")
    };
    assert_eq!(options, ["accidental"]);
    assert_eq!(about, None);
    let against: Vec<_> = against
        .iter()
        .map(|against| against.option.as_str())
        .collect();
    assert_eq!(
        against,
        ["mislabelled", "deliberate", "bypass", "account-misuse"]
    );
}

/// CON-02: people without accounts are named in words; a name that fits nobody on the roll stays a
/// name, and for staff and parents it is asked again.
#[test]
fn con_02_people_are_named_without_accounts() {
    let whom = |kind: &str| match read_form(
        Doing::AddPerson,
        &[
            ("kind", kind),
            ("name", "Robin"),
            ("more", "Northcliff"),
            ("part", "witness"),
        ],
    ) {
        Ok(Ask::Do(Command::AddPerson { involved })) => Some(involved.whom),
        _ => None,
    };
    let (name, more) = ("Robin".to_owned(), "Northcliff".to_owned());
    assert_eq!(
        whom("pupil"),
        Some(Whom::PupilByName { name: name.clone() })
    );
    assert_eq!(
        whom("pupil-elsewhere"),
        Some(Whom::PupilElsewhere {
            name: name.clone(),
            school: more.clone()
        })
    );
    assert_eq!(
        whom("screen-name"),
        Some(Whom::ScreenName {
            name: name.clone(),
            service: more
        })
    );
    assert_eq!(whom("outsider"), Some(Whom::Outsider { description: name }));
    assert_eq!(whom("staff"), None);
    let is = read_form(
        Doing::Identify,
        &[("was", "0"), ("kind", "former-pupil"), ("name", "Sam Hale")],
    );
    assert!(matches!(
        is,
        Ok(Ask::Do(Command::IdentifyPerson {
            was: Whom::PupilByName { .. },
            is: Whom::FormerPupil { .. }
        }))
    ));
    assert!(
        read_form(
            Doing::Identify,
            &[("was", "7"), ("kind", "former-pupil"), ("name", "Sam Hale")]
        )
        .is_err()
    );
}

/// BRE-04, BRE-10: the form carries the place of an address in the concern, not the address.
#[test]
fn bre_10_an_address_is_chosen_by_its_place() {
    assert_eq!(
        read_form(Doing::Contain, &[("which", "0")]),
        Ok(Ask::Contain("bad.example/x".to_owned()))
    );
    assert_eq!(
        read_form(
            Doing::Contain,
            &[("which", ""), ("address", "worse.example")]
        ),
        Ok(Ask::Contain("worse.example".to_owned()))
    );
    assert!(read_form(Doing::Contain, &[("which", "3")]).is_err());
}

/// PRO-01: classifying names the procedure in the version the school has.
#[test]
fn pro_01_classifying_starts_the_schools_own_procedure() {
    let given = [
        ("procedure", "concern"),
        ("record", "safeguarding"),
        ("level", "high"),
        ("harm", "grooming"),
        ("harm", "no-such"),
        ("reason", "A threat."),
    ];
    let Ok(Ask::Do(Command::Classify {
        procedure,
        level,
        harm,
        ..
    })) = read_form(Doing::Classify, &given)
    else {
        panic!("not read")
    };
    assert_eq!(
        (procedure, level, harm),
        (
            pharos_casework::concern().unwrap().reference,
            Level::High,
            vec![Harm::Grooming]
        )
    );
}
