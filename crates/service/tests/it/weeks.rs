//! The week's report: made, told, read, reviewed, chased.

use jiff::SignedDuration;
use pharos_access::Actor;
use pharos_casework::Harm;
use pharos_notify::Place;
use pharos_service::{Error, NoticeBody, Week, WeekReport};
use pharos_testkit::school::SampleSchool;

use crate::{is_closed, said};

/// The week that the sample school opens in.
const WEEK: &str = "2026-11-09";

fn week() -> Week {
    WEEK.parse().unwrap()
}

/// What pupils and a member of staff did in the week: repeated attempts at one theme, one at a grave
/// one, a visit to a help site, games.
async fn lived() -> SampleSchool {
    let school = SampleSchool::open().await;
    for _ in 0..4 {
        school.visit("ada.quill", "pornography.pharos.test/").await;
        school.clock.forward(SignedDuration::from_mins(20));
    }
    school.visit("felix.arden", "self-harm.pharos.test/").await;
    school.visit("felix.arden", "childline.org.uk/").await;
    for _ in 0..2 {
        school.visit("ruth.okafor", "extremism.pharos.test/").await;
        school.clock.forward(SignedDuration::from_mins(20));
    }
    flushed(&school).await;
    school
}

async fn flushed(school: &SampleSchool) {
    pharos_activity::Store::flush(&*school.activity)
        .await
        .unwrap();
}

/// Goes on to a time after the school opened on Tuesday, 10 November at 10:00.
fn days_on(school: &SampleSchool, to: &str) {
    let to: jiff::Timestamp = to.parse().unwrap();
    school.clock.forward(to.duration_since(school.app.now()));
}

async fn report(school: &SampleSchool, reader: &str) -> WeekReport {
    let reader = school.at_work(reader).await;
    school.app.week_report(&reader.actor, week()).await.unwrap()
}

/// MON-10: on the first school day after it, in the morning, the week's report is made, once, and
/// whoever hears of alerts first is told with a link and nothing personal.
#[tokio::test]
async fn mon_10_the_weeks_report_is_made_on_the_first_school_day() {
    let school = lived().await;
    school.notices().await;
    for early in [
        "2026-11-13T10:00:00Z",
        "2026-11-15T10:00:00Z",
        "2026-11-16T05:30:00Z",
    ] {
        days_on(&school, early);
        assert_eq!(school.app.make_week_reports().await.unwrap(), []);
    }
    days_on(&school, "2026-11-16T06:30:00Z");
    assert_eq!(school.app.make_week_reports().await.unwrap(), [week()]);
    assert_eq!(school.app.make_week_reports().await.unwrap(), []);
    let jobs = pharos_records::Outbox::lease_jobs(
        &*school.records,
        school.app.now(),
        SignedDuration::from_secs(1),
        10,
    )
    .await
    .unwrap();
    let mut told = Vec::new();
    for job in &jobs {
        let body: NoticeBody = serde_json::from_slice(&job.body).unwrap();
        let notice = body.notice(job.id, job.queued_at).unwrap();
        assert_eq!(notice.place, Place::Week(week().monday()));
        let web = "https://pharos.example".parse().unwrap();
        let text = format!("{}\n{}", notice.subject(), notice.text(&web));
        assert!(text.contains(&format!("https://pharos.example/weeks/{WEEK}")));
        for personal in ["Quill", "Arden", "ada", "felix", "self-harm"] {
            assert!(!text.contains(personal), "{text}");
        }
        told.push(body.to.split('@').next().unwrap_or_default().to_owned());
    }
    told.sort();
    assert_eq!(told, ["ruth.okafor", "sunita.pillai", "tomas.brandt"]);
}

/// MON-10: after holidays the report of every week that passed is made.
#[tokio::test]
async fn mon_10_weeks_of_holidays_are_made_up_for() {
    let school = lived().await;
    days_on(&school, "2026-12-14T10:00:00Z");
    let none: [Week; 0] = [];
    assert_eq!(school.app.make_week_reports().await.unwrap(), none);
    days_on(&school, "2027-01-06T10:00:00Z");
    let made = school.app.make_week_reports().await.unwrap();
    assert_eq!(made.len(), 8, "{made:?}");
    assert_eq!(made.first(), Some(&week()));
    assert_eq!(made.last(), Some(&"2026-12-28".parse().unwrap()));
}

/// MON-10, MON-11, FIL-13: the report says what happened, by kind and seriousness, whose attempts
/// stand out, what they were kept from, against the week before; help sites are in no part of it.
#[tokio::test]
async fn mon_10_mon_11_a_week_says_what_happened_and_who_stands_out() {
    let school = lived().await;
    let (ada, felix) = (
        school.person("ada.quill").await.id,
        school.person("felix.arden").await.id,
    );
    let now = report(&school, "ruth.okafor").await;
    assert!(!now.over && now.made.is_none());
    let rows: Vec<_> = now
        .stand_out
        .iter()
        .map(|pupil| (pupil.person, pupil.theme, pupil.attempts))
        .collect();
    assert_eq!(
        rows,
        [
            (felix, Harm::SelfHarmMaterial, 1),
            (ada, Harm::SexualOrViolentMaterial, 4)
        ]
    );
    assert_eq!((now.blocked.attempts, now.blocked.pupils), (5, 2));
    let line = now.blocked.category("pornography").unwrap();
    assert!(line.worrying && line.attempts == 4 && line.pupils == 1);
    assert!(
        now.blocked.sites.iter().all(|site| !site.contains("child")),
        "{:?}",
        now.blocked.sites
    );
    let raised: u64 = now.alerts.iter().map(|line| line.raised).sum();
    let waiting: u64 = now.alerts.iter().map(|line| line.waiting).sum();
    assert!(raised >= 2 && waiting == raised, "{:?}", now.alerts);
    assert_eq!(now.open.len() as u64, raised);

    // When it is over the same figures are kept, and stand beside the next week's.
    days_on(&school, "2026-11-16T10:00:00Z");
    school.app.make_week_reports().await.unwrap();
    school.visit("ada.quill", "pornography.pharos.test/").await;
    flushed(&school).await;
    let kept = report(&school, "ruth.okafor").await;
    assert!(kept.over && kept.made.is_some());
    assert_eq!(kept.blocked.attempts, 5);
    assert_eq!(kept.blocked.new_sites, kept.blocked.sites);
    assert_eq!(kept.stand_out, now.stand_out);
    let lead = school.at_work("ruth.okafor").await;
    let next = school
        .app
        .week_report(&lead.actor, week().after())
        .await
        .unwrap();
    assert_eq!(
        (next.blocked.attempts, next.blocked_before.attempts),
        (1, 5)
    );
    assert!(next.stand_out.is_empty(), "one attempt of this kind is few");
    days_on(&school, "2026-11-23T10:00:00Z");
    school.app.make_week_reports().await.unwrap();
    let next = school
        .app
        .week_report(&lead.actor, week().after())
        .await
        .unwrap();
    assert!(
        next.blocked.new_sites.is_empty(),
        "known from the week before"
    );
}

/// AUD-05, MON-13: each pupil named on the page leaves a look-up; who may not read alerts reads no
/// week; what is about a member of staff is not in the lead's report of pupils.
#[tokio::test]
async fn mon_10_names_are_looked_up_and_kept_from_others() {
    let school = lived().await;
    let (lead, head) = (
        school.at_work("ruth.okafor").await,
        school.at_work("helen.lindqvist").await,
    );
    let before = school.app.now() - SignedDuration::from_mins(1);
    let of_lead = report(&school, "ruth.okafor").await;
    for name in ["ada.quill", "felix.arden"] {
        let pupil = school.person(name).await.id;
        let rows = school
            .app
            .lookups(&head.actor, Some(pupil), before)
            .await
            .unwrap();
        assert!(
            rows.iter()
                .any(|row| row.act == "week.read" && row.by == Some(lead.person.id)),
            "{name}: {rows:?}"
        );
    }
    let of_head = report(&school, "helen.lindqvist").await;
    let extremism = |report: &WeekReport| {
        report
            .alerts
            .iter()
            .any(|line| line.theme == Harm::ExtremistMaterial)
    };
    assert!(!extremism(&of_lead), "the alert about the lead");
    assert!(extremism(&of_head));
    assert!(
        of_head
            .stand_out
            .iter()
            .all(|pupil| pupil.person != lead.person.id)
    );
    assert!(of_head.blocked.category("extremism").is_none());
    for closed in [
        "ines.castellano",
        "kofi.adeyemi",
        "mirela.dobre",
        "ada.quill",
    ] {
        let reader = school.at_work(closed).await;
        let error = school
            .app
            .week_report(&reader.actor, week())
            .await
            .unwrap_err();
        assert!(is_closed(&error), "{closed}");
        assert!(is_closed(
            &school.app.weeks(&reader.actor).await.unwrap_err()
        ));
        assert!(
            school
                .app
                .weeks_to_review(&reader.actor)
                .await
                .unwrap()
                .is_empty()
        );
    }
    let ahead = school
        .app
        .week_report(&lead.actor, week().after())
        .await
        .unwrap_err();
    assert!(matches!(ahead, Error::NotFound));
}

/// MON-10: signing a week off needs a finding; who did, when, with what, is kept. A week that nobody
/// reviews is chased, and escalated to the head, until somebody does.
#[tokio::test]
async fn mon_10_a_review_needs_a_finding_and_a_missed_one_is_escalated() {
    let school = lived().await;
    let lead = school.at_work("ruth.okafor").await;
    let early = school
        .app
        .review_week(&lead, week(), "Nothing unusual", "Nothing needed")
        .await
        .unwrap_err();
    assert!(matches!(early, Error::Refused(_)), "{early}");
    days_on(&school, "2026-11-16T10:00:00Z");
    school.app.make_week_reports().await.unwrap();
    school.notices().await;
    assert_eq!(
        school.app.weeks_to_review(&lead.actor).await.unwrap(),
        [week()]
    );
    days_on(&school, "2026-11-18T10:00:00Z");
    assert_eq!(school.app.chase_week_reviews().await.unwrap(), []);
    days_on(&school, "2026-11-19T10:00:00Z");
    assert_eq!(school.app.chase_week_reviews().await.unwrap(), [week()]);
    school.app.chase_week_reviews().await.unwrap();
    let told = school.notices().await;
    assert_eq!(
        said(&told),
        [
            ("week-waiting", "ruth.okafor"),
            ("week-waiting", "sunita.pillai"),
            ("week-waiting", "tomas.brandt"),
        ]
    );
    // Saturday and Sunday are no school days: six have passed on Tuesday of the next week.
    days_on(&school, "2026-11-23T10:00:00Z");
    school.app.chase_week_reviews().await.unwrap();
    assert!(school.notices().await.is_empty());
    days_on(&school, "2026-11-24T10:00:00Z");
    school.app.chase_week_reviews().await.unwrap();
    assert_eq!(
        said(&school.notices().await),
        [("week-missed", "helen.lindqvist")]
    );

    let blank = school
        .app
        .review_week(&lead, week(), " ", "")
        .await
        .unwrap_err();
    let Error::Invalid(problems) = blank else {
        panic!("a review without words was taken");
    };
    let fields: Vec<_> = problems.iter().filter_map(|wrong| wrong.field).collect();
    assert_eq!(fields, ["found", "followed"]);
    school
        .app
        .review_week(
            &lead,
            week(),
            "Two pupils stand out.",
            "Both were spoken with.",
        )
        .await
        .unwrap();
    let read = report(&school, "ruth.okafor").await;
    assert_eq!(read.reviews.len(), 1);
    assert_eq!(
        (
            read.reviews[0].by,
            read.reviews[0].at,
            read.reviews[0].found.as_str(),
            read.reviews[0].followed.as_str()
        ),
        (
            Some(lead.person.id),
            school.app.now(),
            "Two pupils stand out.",
            "Both were spoken with."
        )
    );
    days_on(&school, "2026-12-08T10:00:00Z");
    assert_eq!(school.app.chase_week_reviews().await.unwrap(), []);
    let listed = school
        .app
        .weeks(&Actor::person(&lead.person))
        .await
        .unwrap();
    let line = listed.iter().find(|line| line.week == week()).unwrap();
    assert_eq!(line.reviews.len(), 1);
}
