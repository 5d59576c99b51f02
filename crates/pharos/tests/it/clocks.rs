//! The clock jumps: forward after a sleep, backward when somebody sets it right.

use std::net::IpAddr;

use jiff::SignedDuration;
use pharos_casework::{Concern, Origin, Reporter};
use pharos_records::Verdict;
use pharos_school::Who;
use pharos_service::{App, SignInOutcome, current_code};
use pharos_testkit::school::SampleSchool;

use crate::support::server::{PASSWORD, SECOND_FACTOR};

const DEVICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 7, 40));
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A school in which Ada has a password.
async fn school() -> SampleSchool {
    let school = SampleSchool::open().await;
    let ada = school.person("ada.quill").await;
    let operator = pharos_access::Actor::system("operator");
    school
        .app
        .set_sample_passwords(&operator, &[ada.id], PASSWORD)
        .await
        .unwrap();
    school
}

async fn whole(app: &App) {
    assert!(matches!(
        app.verify_ledger().await.unwrap(),
        Verdict::Whole(_)
    ));
}

fn known(school: &SampleSchool) -> bool {
    let now = pharos_service::Clock::now(school.clock.as_ref());
    matches!(school.app.filter().identify(DEVICE, now), Who::Known { .. })
}

/// FIL-05, MON-02, CLK-02: after a leap forward nobody stays signed in beyond their time, the
/// filter decides as before, and what waited is chased.
#[tokio::test]
async fn fault_a_clock_that_leaps_forward() {
    let school = school().await;
    school
        .app
        .sign_in_device("ada.quill", PASSWORD, DEVICE)
        .await
        .unwrap();
    assert!(known(&school));
    let before = school.verdict("ada.quill", "gambling.pharos.test").await;
    let concern = Concern::new(
        Reporter::Outside {
            name: None,
            contact: None,
        },
        Origin::Form,
        "Something is not right on the bus.",
    );
    school.app.raise_concern(None, concern).await.unwrap();
    school.clock.forward(DAY * 2);
    assert!(
        !known(&school),
        "the device is nobody's: the strictest rules"
    );
    assert_eq!(
        school
            .verdict("ada.quill", "gambling.pharos.test")
            .await
            .action,
        before.action
    );
    assert!(
        school.app.chase_cases().await.unwrap() > 0,
        "nobody answered: the next in line is told"
    );
    whole(&school.app).await;
}

/// AUD-01, ACC-11: after the clock was set back the filter decides, entries are still taken in
/// their order, the audit log is whole, and a code of the second factor counts no second time.
#[tokio::test]
async fn fault_a_clock_that_is_set_back() {
    let school = school().await;
    let ruth = school.person("ruth.okafor").await;
    let operator = pharos_access::Actor::system("operator");
    school
        .app
        .set_sample_passwords(&operator, &[ruth.id], PASSWORD)
        .await
        .unwrap();
    let actor = pharos_access::Actor::person(&ruth);
    let own = school
        .app
        .school()
        .rules
        .may::<pharos_access::act::SetOwnPassword>(&actor, pharos_access::Target::Own(ruth.id))
        .unwrap();
    let start = pharos_service::Clock::now(school.clock.as_ref());
    school
        .records
        .set_second_factor(&own, SECOND_FACTOR, None, start)
        .await
        .unwrap();

    let code = current_code(SECOND_FACTOR, start).unwrap();
    let first = school
        .app
        .sign_in("ruth.okafor", PASSWORD, Some(&code), DEVICE, "a browser")
        .await
        .unwrap();
    assert!(matches!(first, SignInOutcome::In(_)));
    let before = school.verdict("ada.quill", "gambling.pharos.test").await;

    school.clock.forward(SignedDuration::ZERO - DAY);
    let old = pharos_service::Clock::now(school.clock.as_ref());
    assert!(
        school
            .app
            .sign_in("ruth.okafor", PASSWORD, Some(&code), DEVICE, "a browser")
            .await
            .is_err(),
        "used already"
    );
    let earlier = current_code(SECOND_FACTOR, old).unwrap();
    assert!(
        school
            .app
            .sign_in("ruth.okafor", PASSWORD, Some(&earlier), DEVICE, "a browser")
            .await
            .is_err(),
        "of a time before one that was used"
    );
    assert_eq!(
        school
            .verdict("ada.quill", "gambling.pharos.test")
            .await
            .action,
        before.action
    );
    for number in 0..3 {
        let concern = Concern::new(
            Reporter::Outside {
                name: None,
                contact: None,
            },
            Origin::Form,
            format!("Worry {number}."),
        );
        school.app.raise_concern(None, concern).await.unwrap();
    }
    whole(&school.app).await;
    school.clock.forward(DAY);
    whole(&school.app).await;
}
