//! The way back to an earlier version of the pack (REQ-03, REQ-04, REQ-05).

use jiff::SignedDuration;
use pharos_policy::Action;
use pharos_records::{ChangeState, ChangeStep, Effect, LedgerFilter};
use pharos_service::{Error, WentBack};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::changes::{changed, gaming_open};
use crate::said;

async fn gaming(school: &SampleSchool) -> Action {
    let verdict = school.verdict("ada.quill", "gaming.pharos.test").await;
    verdict.action
}

/// REQ-03, REQ-04: going back to a version that opens something is a change like others: with who and
/// why, assessed by two people and consented to before it is in force; the log says what it went back
/// to.
#[tokio::test]
async fn req_04_going_back_is_assessed_like_every_other_change() {
    let school = SampleSchool::open().await;
    school
        .change_pack(&gaming_open(), "For the games club")
        .await;
    school.change_pack(&pack_files(), "The club is over").await;
    let ruth = school.at_work("ruth.okafor").await.actor;
    let no_reason = school.app.go_back_to(&ruth, 2, " ").await;
    assert!(matches!(no_reason, Err(Error::Invalid(_))), "{no_reason:?}");
    let number = match school.app.go_back_to(&ruth, 2, "The club is back").await {
        Ok(WentBack::Waits(number)) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        gaming(&school).await,
        Action::Block,
        "nothing is in force yet"
    );
    let early = school.app.put_in_force(&ruth, number).await;
    assert!(matches!(early, Err(Error::Refused(_))), "{early:?}");
    school.approve_change(number).await;
    school.app.put_in_force(&ruth, number).await.unwrap();
    assert_eq!(gaming(&school).await, Action::Allow);
    let open = school.app.change(&ruth, number).await.unwrap();
    assert_eq!(open.change.by, Some(school.person("ruth.okafor").await.id));
    assert_eq!(open.body.why, "Back to version 2: The club is back");
    assert_eq!(open.body.back_to, Some(2));
    for step in [
        ChangeStep::Educational,
        ChangeStep::Technical,
        ChangeStep::Consent,
        ChangeStep::PutInForce,
        ChangeStep::Verified,
    ] {
        assert!(open.has(step), "{step:?}");
    }
    let never = school.app.go_back_to(&ruth, 4, "No such").await;
    assert!(
        matches!(&never, Err(Error::Refused(text)) if text.contains("not in force before")),
        "the version in force is no way back: {never:?}"
    );
    assert_eq!(school.app.verify_changes().await.unwrap(), None);
}

/// REQ-05: the technical team goes back at once where that only tightens; it opens a review within a
/// school day, and the lead is told.
#[tokio::test]
async fn req_05_going_back_at_once_tightens_and_is_looked_at_within_a_school_day() {
    let school = SampleSchool::open().await;
    school
        .change_pack(&gaming_open(), "For the games club")
        .await;
    let kofi = school.at_work("kofi.adeyemi").await.actor;
    let ruth = school.at_work("ruth.okafor").await.actor;
    let teacher = school.at_work("ines.castellano").await.actor;
    let why = "Pupils found casinos in it";
    assert!(matches!(
        school.app.tighten_back_to(&teacher, 1, why).await,
        Err(Error::Denied(_))
    ));
    assert_eq!(
        school.app.beyond_tightening(&kofi, 1).await.unwrap(),
        Vec::<String>::new()
    );
    let number = school.app.tighten_back_to(&kofi, 1, why).await.unwrap();
    assert_eq!(gaming(&school).await, Action::Block);
    let open = school.app.change(&ruth, number).await.unwrap();
    assert_eq!(open.change.state, ChangeState::InForce);
    assert_ne!(open.change.effect, Effect::Opens);
    assert!(open.has(ChangeStep::Verified) && !open.has(ChangeStep::Technical));
    let review = open.change.review_at.unwrap();
    assert!(
        review.duration_since(school.app.now()) < SignedDuration::from_hours(48),
        "by the end of Wednesday: {review}"
    );
    assert!(said(&school.notices().await).contains(&("change-review", "ruth.okafor")));
    assert_eq!(school.app.chase_reviews().await.unwrap(), 0);
    school.clock.forward(SignedDuration::from_hours(48));
    assert_eq!(school.app.chase_reviews().await.unwrap(), 1, "overdue");
    school
        .app
        .review_change(&ruth, number, "Right to shut it; the club is told.", None)
        .await
        .unwrap();
    assert_eq!(school.app.chase_reviews().await.unwrap(), 0);
    assert_eq!(school.app.verify_changes().await.unwrap(), None);
}

/// REQ-05: going back at once is refused, and the refusal kept, where it may open something or changes
/// anything beside the filter's rules.
#[tokio::test]
async fn req_05_going_back_at_once_is_refused_where_it_does_more_than_tighten() {
    let school = SampleSchool::open().await;
    school
        .change_pack(&gaming_open(), "For the games club")
        .await;
    school.change_pack(&pack_files(), "The club is over").await;
    let helen = school.at_work("helen.lindqvist").await.actor;
    let renamed = changed(
        "short_name = \"Harbourmouth\"",
        "short_name = \"The Mouth\"",
    );
    let version = school
        .app
        .install_pack(&helen, &renamed, "What pupils call it")
        .await
        .unwrap();
    let ruth = school.at_work("ruth.okafor").await.actor;
    for (to, about) in [(2, "fil.categories (pupils)"), (1, "[school]")] {
        let refused = school.app.tighten_back_to(&ruth, to, "In a hurry").await;
        assert!(
            matches!(&refused, Err(Error::Refused(text)) if text.contains(about)),
            "{refused:?}"
        );
    }
    assert_eq!(gaming(&school).await, Action::Block);
    assert_eq!(school.app.school().version, u64::try_from(version).unwrap());
    let filter = LedgerFilter {
        act: Some("override.block".to_owned()),
        ..LedgerFilter::default()
    };
    let lines = school.app.ledger(&ruth, &filter, 10).await.unwrap();
    let refused = |text: &str| text.contains("refused") && text.contains("back-to");
    assert_eq!(
        lines
            .iter()
            .filter(|line| refused(&line.line.detail))
            .count(),
        2
    );
    // What changes nothing of filtering needs no assessment on its way back either.
    let back = school
        .app
        .go_back_to(&ruth, 3, "The old name")
        .await
        .unwrap();
    assert!(matches!(back, WentBack::InForce(_)), "{back:?}");
}
