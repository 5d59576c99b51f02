//! Proof: checks, clauses, reports, retention.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::SignedDuration;
use pharos_activity::{Query as Search, Store as _};
use pharos_casework::{Concern, Involved, Origin, Part, Reporter, Whom};
use pharos_catalogue::Address;
use pharos_filter::Query;
use pharos_filter::engines::{self, Rewrite};
use pharos_governance::{Count, Standing};
use pharos_policy::Action;
use pharos_school::Face;
use pharos_service::{
    App, Ask, Asking, CheckResult, CheckResults, Error, NewLesson, Prober, Proof, Reach, Seen,
    Vetting, Way,
};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::{is_closed, system};

/// Stands for the faces: asks the filter in force who is at the address and what they get.
pub(crate) struct ByTheFilter(pub(crate) App);

impl ByTheFilter {
    fn seen(&self, from: IpAddr, asking: &Asking) -> Seen {
        let now = self.0.now();
        let by_name = !matches!(asking.way, Way::Proxy | Way::Connect | Way::Transparent);
        let who = match &asking.device {
            Some(secret) => {
                let hash = digest(&SHA256, secret.as_bytes());
                let token = hash.as_ref().try_into().unwrap();
                let device = self.0.filter().devices().identify(&token, now);
                device.expect("the path of a test user is known while the check runs")
            }
            None => self.0.filter().identify(from, now),
        };
        let text = match by_name {
            true => asking.host.clone(),
            false => format!("https://{}/", asking.host),
        };
        let address = Address::parse(&text).unwrap();
        let snapshot = self.0.filter().snapshot().unwrap();
        let decision = snapshot.decide(&Query {
            address: &address,
            who: &who,
            from: Some(from),
            face: if by_name { Face::Dns } else { Face::Https },
            now,
        });
        let proof = Proof {
            rule: decision.rule.to_string(),
            sealed: decision.sealed.is_some(),
        };
        match decision.action {
            Action::Block if by_name && &*decision.rule == "avoidance" => Seen::Nothing,
            Action::Block => Seen::Blocked((!by_name).then_some(proof)),
            Action::Warn if by_name => Seen::Blocked(None),
            Action::Warn => Seen::Warned,
            _ if !by_name => Seen::Through("answered 200".to_owned()),
            _ => {
                let own: IpAddr = [192, 0, 2, 80].into();
                let rewrite = engines::rewrite(address.host(), decision.narrowing);
                // As large engines have it: an alias of their own where nothing is put in its place.
                let (alias, address) = match rewrite {
                    Some(Rewrite::Name(name)) => (Some(name.to_owned()), own),
                    Some(Rewrite::Address(ip)) => (None, ip.into()),
                    None => (Some("edge.content.example".to_owned()), own),
                };
                Seen::Answered {
                    alias,
                    addresses: vec![address],
                    leak: None,
                }
            }
        }
    }
}

#[async_trait]
impl Prober for ByTheFilter {
    fn reach(&self, way: Way) -> Reach {
        match way {
            Way::Transparent => Reach::Nobody("this face is off".to_owned()),
            Way::Dot => Reach::Unknown("IPv6 alone".to_owned()),
            _ => Reach::Everyone,
        }
    }

    async fn probe(&self, from: IpAddr, asking: &Asking) -> Seen {
        match asking.ask {
            Ask::Open | Ask::EveryRecord => self.seen(from, asking),
            Ask::Resolver | Ask::Hints => Seen::Nothing,
            Ask::Port(_) | Ask::Within(_) => Seen::Refused("port".to_owned()),
        }
    }
}

async fn standing(school: &SampleSchool, clause: &str) -> Option<Standing> {
    let governor = school.at_work("mirela.dobre").await;
    let clauses = school.app.clauses(&governor.actor).await.unwrap();
    clauses
        .into_iter()
        .find(|found| found.clause == clause)
        .unwrap()
        .standing
}

pub(crate) fn by_the_filter(app: &App) -> Arc<dyn Prober> {
    Arc::new(ByTheFilter(app.clone()))
}

pub(crate) async fn checked(school: &SampleSchool) -> CheckResults {
    let id = school
        .app
        .run_check(&system(), &by_the_filter(&school.app))
        .await
        .unwrap();
    CheckResults::read(&school.app.check(&system(), id).await.unwrap()).unwrap()
}

/// REV-09, AUD-02: a clause is met only once a check has shown it for every group, and not met as
/// soon as a check finds a hole; the history keeps both.
#[tokio::test]
async fn rev_09_aud_02_a_clause_stands_as_the_last_check_found_it() {
    let school = SampleSchool::open().await;
    assert_ne!(
        standing(&school, "4.3").await,
        Some(Standing::Met),
        "nobody has looked yet"
    );
    let results = checked(&school).await;
    assert!(results.count(CheckResult::Passed) > 1_000);
    let failed: Vec<_> = results
        .rows
        .iter()
        .filter(|row| row.result == CheckResult::Failed)
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(standing(&school, "4.3").await, Some(Standing::Met));

    // The fault: gambling opened for pupils, as nobody should.
    let pupil = school.at_work("ada.quill").await;
    let id = school
        .app
        .ask_for_site(
            &pupil.person,
            &pupil.actor,
            "gambling.pharos.test",
            "a planted fault",
            None,
        )
        .await
        .unwrap();
    let vetting = Vetting {
        approve: true,
        why: "a planted fault".to_owned(),
        groups: vec!["pupils".to_owned()],
        days: 2,
        relied_on: String::new(),
    };
    let lead = school.at_work("ruth.okafor").await.actor;
    let words = "It is for a check";
    school
        .app
        .endorse_request(&lead, id, true, words)
        .await
        .unwrap();
    school
        .app
        .decide_request(&lead, id, &vetting)
        .await
        .unwrap();
    school.clock.forward(SignedDuration::from_hours(1));
    let results = checked(&school).await;
    assert!(
        results
            .rows
            .iter()
            .any(|row| row.result == CheckResult::Failed && row.address == "gambling.pharos.test")
    );
    assert_eq!(standing(&school, "4.3").await, Some(Standing::NotMet));
    assert_eq!(
        standing(&school, "4.2").await,
        Some(Standing::Met),
        "what was not touched stands as before"
    );
    let history = school
        .app
        .clause_history(&school.at_work("mirela.dobre").await.actor, "4.3")
        .await
        .unwrap();
    assert_eq!(
        history.first().map(|row| row.standing.as_str()),
        Some("not-met")
    );
    assert!(history.iter().any(|row| row.standing == "met"));
}

/// SRCH-05: the daily check proves the forced strict search, and finds it switched off.
#[tokio::test]
async fn srch_05_the_check_proves_safe_search() {
    let school = SampleSchool::open().await;
    checked(&school).await;
    assert_eq!(standing(&school, "4.7").await, Some(Standing::Met));
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone())
        .unwrap()
        .replace("safe_dns = true", "safe_dns = false");
    files.insert("school.toml".to_owned(), text.into_bytes());
    school.change_pack(&files, "a planted fault").await;
    school.clock.forward(SignedDuration::from_hours(24));
    let results = checked(&school).await;
    let engines: BTreeSet<String> = results
        .outcomes()
        .filter(|one| one.result == CheckResult::Failed)
        .map(|one| one.kind.says())
        .collect();
    for engine in ["google", "bing", "duckduckgo"] {
        let what = format!("safe search on {engine}");
        assert!(engines.contains(&what), "{what}: {engines:?}");
    }
    assert_eq!(standing(&school, "4.7").await, Some(Standing::NotMet));
}

/// FIL-13: the check finds every help site reachable for every kind of user, the unknown one too.
#[tokio::test]
async fn fil_13_the_check_reaches_every_help_site() {
    let school = SampleSchool::open().await;
    let results = checked(&school).await;
    let help: Vec<_> = results
        .outcomes()
        .filter(|one| one.kind.says().starts_with("help is reachable"))
        .collect();
    assert!(help.iter().any(|row| row.group == "unknown"));
    assert!(
        help.len() > 20 && help.iter().all(|row| row.result == CheckResult::Passed),
        "{help:?}"
    );
}

async fn report_about(school: &SampleSchool, username: &str) {
    let teacher = school.at_work("owen.pryce").await;
    let pupil = school.person(username).await;
    let mut concern = Concern::new(
        Reporter::Staff {
            person: teacher.person.id,
        },
        Origin::Form,
        "Quill and others were called names.",
    );
    concern.involved = vec![Involved {
        whom: Whom::Pupil { person: pupil.id },
        part: Part::Harmed,
    }];
    school
        .app
        .raise_concern(Some(&teacher), concern)
        .await
        .unwrap();
}

/// REP-01, ROLE-07: governors read numbers without names, small ones hidden, and no case behind them.
#[tokio::test]
async fn rep_01_role_07_governors_see_patterns_not_pupils() {
    let school = SampleSchool::open().await;
    let governor = school.at_work("mirela.dobre").await;
    for name in ["ada.quill", "noor.rahimi", "felix.arden"] {
        report_about(&school, name).await;
    }
    let period = school.app.usual_period();
    let few = school
        .app
        .governors_report(&governor.actor, period)
        .await
        .unwrap();
    assert_eq!(
        few.cases[0].total,
        Some(Count::FewerThanFive),
        "{:?}",
        few.cases[0]
    );
    for name in ["ada.quill", "noor.rahimi", "felix.arden", "sade.bello"] {
        report_about(&school, name).await;
    }
    let many = school
        .app
        .governors_report(&governor.actor, period)
        .await
        .unwrap();
    assert_eq!(many.cases[0].total, Some(Count::Exact(7)));
    let csv = String::from_utf8(
        school
            .app
            .governors_csv(&governor.actor, period)
            .await
            .unwrap(),
    )
    .unwrap();
    for told in [format!("{many:?}"), csv] {
        for name in ["Quill", "Rahimi", "Arden", "ada.", "called names"] {
            assert!(!told.contains(name), "{name} in {told}");
        }
    }
    assert!(is_closed(
        &school.app.cases(&governor.actor, true).await.unwrap_err()
    ));
    assert!(is_closed(
        &school
            .app
            .ledger(&governor.actor, &Default::default(), 10)
            .await
            .unwrap_err()
    ));
    let teacher = school.at_work("owen.pryce").await;
    assert!(is_closed(
        &school
            .app
            .governors_report(&teacher.actor, period)
            .await
            .unwrap_err()
    ));
}

async fn hosts_of(school: &SampleSchool, username: &str) -> Vec<String> {
    let lead = school.at_work("ruth.okafor").await;
    let person = school.person(username).await.id;
    let found = school
        .app
        .activity_of(
            &lead.actor,
            person,
            Search {
                limit: 50,
                ..Search::default()
            },
            "a test looks",
        )
        .await
        .unwrap();
    found
        .events
        .iter()
        .map(|stored| stored.event.host.to_string())
        .collect()
}

/// PRIV-03: a machine whose clock leaps years ahead deletes nothing that should be kept, however
/// often it is started, and says so.
#[tokio::test]
async fn priv_03_a_clock_that_leaps_ahead_wipes_nothing() {
    let school = SampleSchool::open().await;
    school.app.retain_activity().await.unwrap();
    school.visit("noor.rahimi", "kept.example").await;
    school.activity.flush().await.unwrap();
    school.notices().await;
    school
        .clock
        .forward(SignedDuration::from_hours(24 * 365 * 2));
    for _restart in 0..100 {
        assert_eq!(school.app.retain_activity().await.unwrap().events, 0);
        school.clock.forward(SignedDuration::from_mins(5));
    }
    let told = school.notices().await;
    assert!(
        crate::said(&told).contains(&("trouble", "kofi.adeyemi")),
        "{told:?}"
    );
    school
        .clock
        .forward(SignedDuration::ZERO - SignedDuration::from_hours(24 * 365 * 2));
    assert_eq!(
        school.app.retain_activity().await.unwrap().events,
        0,
        "set right, it goes on as before"
    );
    assert_eq!(hosts_of(&school, "noor.rahimi").await, ["kept.example"]);
}

/// SRCH-05, AUD-02: a check that fails is told at once.
#[tokio::test]
async fn srch_05_a_failed_check_is_told() {
    let school = SampleSchool::open().await;
    checked(&school).await;
    let told = school.notices().await;
    assert!(
        !crate::said(&told)
            .iter()
            .any(|(kind, _)| *kind == "check-failed"),
        "{told:?}"
    );
    school
        .app
        .run_check(
            &system(),
            &(Arc::new(LetsEverythingThrough) as Arc<dyn Prober>),
        )
        .await
        .unwrap();
    let told = school.notices().await;
    for name in ["kofi.adeyemi", "ruth.okafor"] {
        assert!(
            crate::said(&told).contains(&("check-failed", name)),
            "{name}: {told:?}"
        );
    }
}

/// A filter with a hole as wide as it is high.
struct LetsEverythingThrough;

#[async_trait]
impl Prober for LetsEverythingThrough {
    fn reach(&self, _way: Way) -> Reach {
        Reach::Everyone
    }

    async fn probe(&self, _from: IpAddr, _asking: &Asking) -> Seen {
        Seen::Through("answered 403 by somebody else".to_owned())
    }
}

/// PRIV-03: activity older than the school keeps it is deleted with proof; what an open case needs
/// stays; the audit log stays whole.
#[tokio::test]
async fn priv_03_old_activity_goes_unless_it_is_held() {
    let school = SampleSchool::open().await;
    school.visit("ada.quill", "old.example").await;
    school.visit("noor.rahimi", "old.example").await;
    report_about(&school, "ada.quill").await;
    school.activity.flush().await.unwrap();
    assert_eq!(
        school.app.retain_activity().await.unwrap().events,
        0,
        "nothing is old yet"
    );

    let mut deleted = 0;
    for _week in 0..53 {
        school.clock.forward(SignedDuration::from_hours(24 * 7));
        deleted += school.app.retain_activity().await.unwrap().events;
    }
    school.visit("noor.rahimi", "new.example").await;
    school.activity.flush().await.unwrap();
    assert_eq!(deleted, 1);
    assert_eq!(hosts_of(&school, "noor.rahimi").await, ["new.example"]);
    assert_eq!(
        hosts_of(&school, "ada.quill").await,
        ["old.example"],
        "held by the open case"
    );
    let head = school.at_work("helen.lindqvist").await;
    let filter = pharos_records::LedgerFilter {
        act: Some("system.housekeep".to_owned()),
        ..Default::default()
    };
    let proof = school.app.ledger(&head.actor, &filter, 10).await.unwrap();
    assert!(
        proof
            .iter()
            .any(|entry| entry.line.detail.contains("\"events\":1")),
        "{proof:?}"
    );
    assert!(matches!(
        school.app.verify_ledger().await.unwrap(),
        pharos_records::Verdict::Whole(Some(_))
    ));
}

/// FIL-08: a teacher's list opens for their class at the start time and shuts at the end time;
/// another class is unaffected; a site that needs the lead's vetting turns into a request; what is
/// blocked for everyone is refused.
#[tokio::test]
async fn fil_08_a_lesson_list_begins_ends_and_stays_within_the_teachers_authority() {
    let school = SampleSchool::open().await;
    let teacher = school.at_work("ines.castellano").await;
    let pupil = school.person("ada.quill").await;
    let classes = school.app.classes(&teacher.actor).await.unwrap();
    let class = classes
        .iter()
        .find(|class| pupil.classes.contains(&class.id))
        .unwrap()
        .id;
    let lesson = |site: &str, minutes| NewLesson {
        adult: String::new(),
        class,
        sites: vec![site.to_owned()],
        from: Some(school.app.now() + SignedDuration::from_mins(5)),
        minutes,
        supervised: false,
    };
    let action = async |who: &str, address: &str| school.verdict(who, address).await.action;
    let open = async |lesson: NewLesson| school.app.open_lesson(&teacher.actor, &lesson).await;
    assert!(
        open(lesson("chat.pharos.test", 721)).await.is_err(),
        "too long"
    );
    // Chat is blocked below Year 9: a rule of age, which a teacher may lift for a lesson.
    let opened = open(lesson("chat.pharos.test", 40)).await.unwrap();
    assert!(
        opened.reference.is_some() && opened.asked.is_empty(),
        "{opened:?}"
    );
    assert_eq!(
        action("ada.quill", "chat.pharos.test").await,
        Action::Block,
        "not yet"
    );
    school.clock.forward(SignedDuration::from_mins(6));
    assert_eq!(action("ada.quill", "chat.pharos.test").await, Action::Allow);
    assert_eq!(
        action("bea.haddad", "chat.pharos.test").await,
        Action::Block,
        "another class"
    );
    school.clock.forward(SignedDuration::from_mins(41));
    assert_eq!(
        action("ada.quill", "chat.pharos.test").await,
        Action::Block,
        "it is over"
    );

    // Gaming is blocked for pupils at all times: the lead's to open.
    let opened = open(lesson("gaming.pharos.test", 40)).await.unwrap();
    assert_eq!((opened.reference, opened.asked.len()), (None, 1));
    let lead = school.at_work("ruth.okafor").await.actor;
    let waiting = school.app.requests(&lead, true).await.unwrap();
    assert!(
        waiting
            .iter()
            .any(|(request, _)| request.id == opened.asked[0].1)
    );
    assert!(crate::said(&school.notices().await).contains(&("request", "ruth.okafor")));
    school.clock.forward(SignedDuration::from_mins(10));
    assert_eq!(
        action("ada.quill", "gaming.pharos.test").await,
        Action::Block
    );

    let refused = open(lesson("wave-to-anyone.example", 40)).await;
    assert!(
        matches!(refused, Err(pharos_service::Error::Invalid(_))),
        "the school's own block"
    );

    // The teacher closes their own list at once; another teacher does not.
    let now = NewLesson {
        adult: String::new(),
        from: None,
        ..lesson("chat.pharos.test", 40)
    };
    open(now).await.unwrap();
    assert_eq!(action("ada.quill", "chat.pharos.test").await, Action::Allow);
    let stored = school.app.overrides(&lead).await.unwrap();
    let stored = stored
        .iter()
        .find(|one| one.until.is_some_and(|until| until > school.app.now()))
        .unwrap();
    school
        .app
        .end_override(&teacher.actor, stored.id)
        .await
        .unwrap();
    assert_eq!(action("ada.quill", "chat.pharos.test").await, Action::Block);
}

/// MON-07: opening links for a class of the youngest shows the supervision that the school expects
/// there and needs the adult's name; it is kept with the list. For older classes nobody need be named.
#[tokio::test]
async fn mon_07_a_lesson_for_the_youngest_names_the_adult() {
    let school = SampleSchool::open().await;
    let expected = school.app.supervision();
    let youngest = expected.first().unwrap();
    assert_eq!(youngest.phase, "Early Years");
    assert_eq!(
        youngest.expected,
        "An adult demonstrates and sits beside the child."
    );
    assert!(youngest.names_adult && !expected.last().unwrap().names_adult);
    let lead = school.at_work("ruth.okafor").await;
    let classes = school.app.classes(&lead.actor).await.unwrap();
    let class_of = |year: &str| {
        let year = Some(year.parse().unwrap());
        classes.iter().find(|class| class.year == year).unwrap().id
    };
    let lesson = |class, adult: &str, supervised| NewLesson {
        class,
        sites: vec!["encyclopaedia.example".to_owned()],
        from: None,
        minutes: 30,
        supervised,
        adult: adult.to_owned(),
    };
    let (infants, older) = (class_of("1"), class_of("8"));
    let refused = school
        .app
        .open_lesson(&lead.actor, &lesson(infants, "  ", false))
        .await
        .unwrap_err();
    let Error::Invalid(problems) = refused else {
        panic!("links for the youngest without an adult");
    };
    assert_eq!(problems[0].field, Some("adult"));
    assert!(
        problems[0]
            .text
            .contains("An adult sits with the group and opens each page."),
        "{}",
        problems[0].text
    );
    for (class, adult, supervised, kept) in [
        (infants, "Ines  Castellano", false, Some("Ines Castellano")),
        (infants, "", true, Some("Ruth Okafor")),
        (older, "", false, None),
    ] {
        school
            .app
            .open_lesson(&lead.actor, &lesson(class, adult, supervised))
            .await
            .unwrap();
        let lists = school.app.overrides(&lead.actor).await.unwrap();
        let why = &lists[0].why;
        match kept {
            Some(name) => assert!(
                why.contains(&format!("supervised by {name}. Expected in")),
                "{why}"
            ),
            None => assert!(!why.contains("supervised"), "{why}"),
        }
        school.clock.forward(jiff::SignedDuration::from_mins(1));
    }
}
