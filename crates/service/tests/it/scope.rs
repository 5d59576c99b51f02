//! What the filter is for, class by class, and what is missing (`fil.scope`).

use pharos_governance::Standing;
use pharos_policy::Action;
use pharos_policy::spec::DeviceClass;
use pharos_school::Role;
use pharos_service::{
    CheckKind, CheckResult, CheckResults, CheckRow, Error, ExplainQuestion, Faces, PackFiles,
    ScopeLine, UserTried, Way,
};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::evidence::checked;
use crate::system;

/// The sample's pack with another scope.
fn with_scope(scope: &str) -> PackFiles {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let before = text
        .lines()
        .find(|line| line.starts_with("scope = ["))
        .unwrap();
    let text = text.replace(before, &format!("scope = [{scope}]"));
    files.insert("school.toml".to_owned(), text.into_bytes());
    files
}

async fn line_of(school: &SampleSchool, class: DeviceClass) -> ScopeLine {
    let technician = school.at_work("kofi.adeyemi").await;
    let view = school.app.network(&technician.actor).await.unwrap();
    let mut lines = view.scope.into_iter();
    lines.find(|line| line.class == class).unwrap()
}

/// The clause that promises the scope: how it stands, and why.
async fn clause(school: &SampleSchool) -> (Standing, String) {
    let clauses = school.app.clauses(&system()).await.unwrap();
    let clause = clauses
        .iter()
        .find(|clause| clause.clause == "4.11")
        .unwrap();
    let sentence = clause.deciding().unwrap().sentence.clone();
    (clause.standing.unwrap(), sentence)
}

fn resolver() -> Faces {
    Faces {
        dns: true,
        dns_has_upstream: true,
        ..Faces::default()
    }
}

/// FIL-15, FIL-20, AUD-02: a class in scope that no face meets stands on the page of limits with what
/// helps, and puts the clause that promises it at risk, until it is covered.
#[tokio::test]
async fn fil_15_what_is_in_scope_and_not_covered_puts_its_clause_at_risk() {
    let school = SampleSchool::with(&with_scope("\"visitors\"")).await;
    let limits = async || {
        let governor = school.at_work("mirela.dobre").await;
        let limits = school.app.limits(&governor.actor).await.unwrap();
        let of_class = limits
            .into_iter()
            .filter(|limit| limit.what == "Visitors' devices");
        of_class.map(|limit| limit.why).collect::<Vec<_>>()
    };
    assert_eq!(clause(&school).await.0, Standing::AtRisk, "no server runs");
    // The proxy alone does not meet a device that nobody set up.
    school.app.tell_faces(Faces {
        proxy: true,
        inspects: true,
        ..Faces::default()
    });
    let (standing, why) = clause(&school).await;
    assert_eq!(standing, Standing::AtRisk);
    assert!(why.contains("Nobody sets such devices up"), "{why}");
    assert_eq!(limits().await.len(), 1);
    let line = line_of(&school, DeviceClass::Visitors).await;
    assert_eq!((line.stands(), line.by.len()), ("not covered", 0));

    school.app.tell_faces(resolver());
    let (standing, why) = clause(&school).await;
    assert_eq!(standing, Standing::Met, "{why}");
    assert_eq!(limits().await, Vec::<String>::new());
    let line = line_of(&school, DeviceClass::Visitors).await;
    assert_eq!(line.stands(), "covered");
    assert!(line.by[0].contains("the resolver"), "{:?}", line.by);
    // What the school leaves out is said as plainly.
    let out = line_of(&school, DeviceClass::PersonalDevices).await;
    assert_eq!((out.in_scope, out.stands()), (false, "left out"));
    let governor = school.at_work("mirela.dobre").await;
    let limits = school.app.limits(&governor.actor).await.unwrap();
    let said = limits
        .iter()
        .find(|limit| limit.what == DeviceClass::PersonalDevices.title());
    assert!(said.unwrap().why.contains("leaves them out"));
}

/// FIL-15: devices away from school are covered once the resolver answers over HTTPS and every device of
/// a person has a path of its own.
#[tokio::test]
async fn fil_15_devices_away_from_school_are_counted_one_by_one() {
    let school = SampleSchool::with(&with_scope("\"off-site\"")).await;
    let why = async || {
        let line = line_of(&school, DeviceClass::OffSite).await;
        let missing: Vec<_> = line.missing.iter().map(|one| one.why.clone()).collect();
        missing.join(" ")
    };
    school.app.tell_faces(resolver());
    assert!(why().await.contains("does not answer over HTTPS"));
    school.app.tell_faces(Faces {
        doh: true,
        ..resolver()
    });
    assert!(why().await.contains("No device has a path of its own"));
    let people = school.app.everybody(&system()).await.unwrap();
    let head = school.at_work("helen.lindqvist").await;
    let owners = school.app.school().pack.addresses.clone();
    let owners: Vec<_> = owners
        .iter()
        .filter_map(|entry| entry.user.clone())
        .collect();
    let owners: Vec<_> = people
        .iter()
        .filter(|person| owners.contains(&person.username.to_lowercase()))
        .collect();
    assert!(owners.len() > 1);
    for (number, person) in owners.iter().enumerate() {
        let app = &school.app;
        let label = format!("Laptop {number}");
        let added = app.add_roaming_device(&head.actor, &label, Some(person.id), 365);
        added.await.unwrap();
        let left = owners.len() - number - 1;
        let said = why().await;
        assert_eq!(said.contains("none with a path"), left > 0, "{said}");
        assert!(left == 0 || said.starts_with(&left.to_string()), "{said}");
    }
    assert_eq!(clause(&school).await.0, Standing::Met);
}

/// FIL-15: where the school leaves devices away from school out, none is given a path, and a visitor
/// where visitors are left out gets what an unknown device gets; the page Why says so.
#[tokio::test]
async fn fil_15_what_is_left_out_is_not_let_through() {
    let scope = "\"school-devices\", \"provided-devices\"";
    let (inside, outside) = (
        SampleSchool::open().await,
        SampleSchool::with(&with_scope(scope)).await,
    );
    let head = outside.at_work("helen.lindqvist").await;
    let people = outside.app.everybody(&system()).await.unwrap();
    let pupil = people.iter().find(|person| person.is(Role::Pupil)).unwrap();
    let added = outside
        .app
        .add_roaming_device(&head.actor, "Laptop 11", Some(pupil.id), 365)
        .await;
    assert!(matches!(added, Err(Error::Invalid(_))), "{added:?}");
    let question = ExplainQuestion {
        address: "https://example.org/".to_owned(),
        person: None,
        from: Some("10.20.99.7".parse().unwrap()),
        at: None,
    };
    let ask = async |school: &SampleSchool| {
        let head = school.at_work("helen.lindqvist").await;
        school.app.explain(&head.actor, &question).await.unwrap()
    };
    let (was, is) = (ask(&inside).await, ask(&outside).await);
    assert_eq!((was.action, was.left_out), (Action::Allow, None));
    assert_eq!(is.action, Action::Block);
    assert_eq!(is.left_out, Some(DeviceClass::Visitors));
}

/// FIL-15, FIL-20: a loopback address is this machine, and no device of the school's that would be missed:
/// where the pack knows no others, the page says that none is registered.
#[tokio::test]
async fn fil_15_a_loopback_address_is_no_registered_device() {
    for (more, registered) in [
        ("", false),
        (
            "\n[[devices]]\naddress = \"10.20.1.7\"\nlabel = \"Library 7\"\n",
            true,
        ),
    ] {
        let mut files = with_scope("\"school-devices\"");
        let mut text = String::from_utf8(files["school.toml"].clone()).unwrap();
        for number in ["17", "18"] {
            let tablet = format!(
                "[[devices]]\nmac = \"00:53:00:aa:00:{number}\"\nlabel = \"Library tablet {number}\"\n"
            );
            assert!(text.contains(&tablet), "{number}");
            text = text.replace(&tablet, "");
        }
        files.insert("school.toml".to_owned(), (text + more).into_bytes());
        let school = SampleSchool::with(&files).await;
        school.app.tell_faces(resolver());
        let line = line_of(&school, DeviceClass::SchoolDevices).await;
        let none = line
            .missing
            .iter()
            .any(|one| one.why.starts_with("No device is registered"));
        assert_eq!(none, !registered, "{:?}", line.missing);
    }
}

/// AUD-02, FIL-15: a run keeps what the filter was for when it was made, what was left out, and the places that
/// it did not look at, so that its sheet says what a signature under it stands for.
#[tokio::test]
async fn aud_02_a_run_keeps_what_the_filter_was_for() {
    let school = SampleSchool::with(&with_scope("\"visitors\"")).await;
    let results = checked(&school).await;
    let then = results.scope.clone().unwrap();
    assert_eq!(then.covers, ["Visitors' devices"]);
    assert_eq!(then.left_out.len(), DeviceClass::ALL.len() - 1);
    let pack = &school.app.school().pack;
    let mut places: Vec<&str> = results.places_tried();
    places.extend(then.places_untried.iter().map(String::as_str));
    places.sort_unstable();
    let all: Vec<&str> = pack.filter.places.keys().map(String::as_str).collect();
    assert_eq!(places, all);
    assert!(results.groups_tried().contains(&"sixth-form"));
}

/// AUD-02: a place and a kind of user whose probes were all left undone are not said to have been tried: a
/// signature would stand under it.
#[test]
fn aud_02_what_was_not_tried_is_not_said_to_be() {
    let user = |group: &str, place: &str| UserTried {
        group: group.to_owned(),
        place: Some(place.to_owned()),
        shut: false,
    };
    let row = |result, users| CheckRow {
        kind: CheckKind::Other("A page".to_owned()),
        way: Way::Dns,
        address: "news.pharos.test".to_owned(),
        result,
        seen: String::new(),
        users,
    };
    let results = CheckResults {
        users: vec![
            user("sixth-form", "library"),
            user("sixth-form", "boarding-houses"),
            user("lower-prep", "boarding-houses"),
        ],
        rows: vec![
            row(CheckResult::Passed, vec![0]),
            row(CheckResult::NotTried, vec![0, 1, 2]),
        ],
        ..CheckResults::default()
    };
    assert_eq!(results.places_tried(), ["library"]);
    assert_eq!(results.groups_tried(), ["sixth-form"]);
}
