//! Alerts told as the requirements tell them: what raises one, how it ranks, where it goes, and
//! how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_casework::{Hand, Harm};
use pharos_monitor::*;
use pharos_school::{
    AlertId, CaseId, Confidence, EntryId, IdentitySource, PersonId, Role, Unknown, Who, YearGroup,
};
use proptest::prelude::*;
use uuid::Uuid;

const fn person(n: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(n))
}

const PUPIL: PersonId = person(1);
const TUTOR: PersonId = person(2);
const LEAD: PersonId = person(3);

fn at(minutes: i64) -> Timestamp {
    "2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn known(person: PersonId, confidence: Confidence) -> Who {
    Who::Known {
        person,
        source: IdentitySource::SignInPage,
        confidence,
        device: None,
    }
}

fn seen(minutes: i64) -> Seen {
    Seen {
        at: at(minutes),
        who: known(PUPIL, Confidence::Certain),
        subject: Subject {
            roles: vec![Role::Pupil],
            year: YearGroup::from_number(9),
            vulnerable: false,
        },
        device_address: "10.1.2.3".into(),
        host: "bad.example".into(),
        categories: Vec::new(),
        action: SeenAction::Blocked,
        sealed: None,
        search: None,
        asked_of: None,
        method: None,
        is_outside_attempt: false,
    }
}

fn blocked(minutes: i64, category: &str) -> Seen {
    Seen {
        categories: vec![Arc::from(category)],
        ..seen(minutes)
    }
}

fn searched(words: &str) -> Seen {
    Seen {
        search: Some(words.into()),
        action: SeenAction::LetThrough,
        host: "search.example".into(),
        ..seen(0)
    }
}

fn watch() -> Watch {
    Watch::new(RuleSet::shipped(), Limits::default()).unwrap()
}

/// A watch list with one phrase, as the scanner would report it.
struct Phrase;

impl WatchLists for Phrase {
    fn find(&self, text: &str) -> Vec<WatchHit> {
        if !text.contains("test phrase") {
            return Vec::new();
        }
        vec![WatchHit {
            list: "self-harm".into(),
            list_version: 4,
            theme: Harm::SelfHarmMaterial,
            severity: Severity::High,
            words: "test phrase".into(),
        }]
    }
}

fn one(watch: &mut Watch, seen: &Seen) -> Alert {
    let raised = watch.see(seen, &Phrase);
    assert_eq!(raised.len(), 1, "{raised:?}");
    raised[0].alert().clone()
}

/// MON-03: words in what is asked of a tool of generative AI are noticed like those of a search, and
/// the alert says where they were written.
#[test]
fn mon_03_a_phrase_in_a_prompt_raises_an_alert_that_names_the_tool() {
    let asked = Seen {
        asked_of: Some("Harbour Talk".into()),
        ..searched("tell me of the test phrase")
    };
    let alert = one(&mut watch(), &asked);
    assert_eq!(alert.severity, Severity::High);
    assert_eq!(
        alert.why[0],
        "What was asked of Harbour Talk held words from the watch list self-harm (version 4): “test phrase”."
    );
}

/// MON-03: a test phrase triggers one alert with theme and severity.
#[test]
fn mon_03_a_phrase_raises_one_alert_with_theme_and_severity() {
    let alert = one(&mut watch(), &searched("where is the test phrase"));
    assert_eq!(
        (alert.theme, alert.severity),
        (Harm::SelfHarmMaterial, Severity::High)
    );
    assert_eq!(
        alert.why[0],
        "A search held words from the watch list self-harm (version 4): “test phrase”."
    );
    assert_eq!(watch().see(&searched("maths homework"), &Phrase), []);
}

/// MON-03: the same phrase from a pupil with a vulnerability flag, or from a young one, ranks
/// higher, and says so; weights never lift it over a more serious alert.
#[test]
fn mon_03_vulnerability_and_age_rank_higher() {
    let plain = one(&mut watch(), &searched("test phrase"));
    let mut seen = searched("test phrase");
    seen.subject.vulnerable = true;
    let vulnerable = one(&mut watch(), &seen);
    seen.subject.year = YearGroup::from_number(4);
    let both = one(&mut watch(), &seen);
    assert!(plain.rank < vulnerable.rank && vulnerable.rank < both.rank);
    assert!(
        both.why
            .iter()
            .any(|line| line.contains("a vulnerability is noted"))
    );
    let sealed = one(
        &mut watch(),
        &Seen {
            sealed: Some(Arc::from("iwf")),
            ..self::seen(0)
        },
    );
    assert!(both.rank < sealed.rank);
    let mut inbox = vec![
        plain.clone(),
        both.clone(),
        vulnerable.clone(),
        sealed.clone(),
    ];
    in_order(&mut inbox);
    assert_eq!(inbox, [sealed, both, vulnerable, plain]);
}

/// MON-03: editing a rule makes a new version; older alerts still show the version that raised
/// them.
#[test]
fn mon_03_an_alert_keeps_the_version_that_raised_it() {
    let mut watch = watch();
    let old = one(&mut watch, &blocked(0, "suicide"));
    let mut rules = RuleSet::shipped();
    rules.version = 2;
    for rule in rules.rules.iter_mut().filter(|rule| rule.id == "self-harm") {
        rule.version = 2;
    }
    watch.change_rules(rules).unwrap();
    let mut other = blocked(5, "suicide");
    other.who = known(TUTOR, Confidence::Certain);
    assert_eq!(
        (old.rule_version, one(&mut watch, &other).rule_version),
        (1, 2)
    );
}

/// MON-03: repeated blocked attempts within the window; spread out they raise nothing, and what
/// was let through does not count.
#[test]
fn mon_03_repeated_blocked_attempts_raise_an_alert() {
    let mut watch = watch();
    assert_eq!(watch.see(&blocked(0, "pornography"), &NoWatchLists), []);
    assert_eq!(watch.see(&blocked(70, "pornography"), &NoWatchLists), []);
    assert_eq!(
        watch.see(
            &Seen {
                action: SeenAction::LetThrough,
                ..blocked(71, "pornography")
            },
            &NoWatchLists
        ),
        []
    );
    assert_eq!(watch.see(&blocked(80, "pornography"), &NoWatchLists), []);
    let alert = one(&mut watch, &blocked(90, "pornography"));
    assert_eq!(alert.count, 3);
    assert_eq!(
        alert.why[0],
        "Blocked as pornography: 3 attempts within 60 minutes."
    );
    assert_eq!(watch.see(&blocked(91, "news"), &NoWatchLists), []);
}

/// MON-03, FIL-03: a sealed hit is critical, and no address, host or search word of it is kept.
#[test]
fn mon_03_a_sealed_hit_is_critical_and_keeps_no_address() {
    let hit = Seen {
        sealed: Some(Arc::from("iwf")),
        host: "secret.example".into(),
        search: Some("test phrase".into()),
        ..blocked(0, "suicide")
    };
    let alert = one(&mut watch(), &hit);
    assert_eq!(
        (alert.severity, alert.theme),
        (Severity::Critical, Harm::IllegalMaterial)
    );
    let json = serde_json::to_string(&alert).unwrap();
    assert!(!json.contains("secret.example") && !json.contains("test phrase"));
}

/// MON-04: the same thing again is one alert with a count; after it was closed it is a new one.
#[test]
fn mon_04_repetition_folds_into_one_alert() {
    let mut watch = watch();
    let mut first = one(&mut watch, &blocked(0, "suicide"));
    let again = watch.see(&blocked(30, "suicide"), &NoWatchLists);
    let [Raised::Again(more)] = again.as_slice() else {
        panic!("{again:?}")
    };
    assert_eq!(more.key, first.key);
    first.fold(more);
    assert_eq!((first.count, first.last_at), (2, at(30)));
    watch.settled(&first.key);
    assert!(matches!(
        watch.see(&blocked(60, "suicide"), &NoWatchLists).as_slice(),
        [Raised::New(_)]
    ));
}

/// MON-02: an alert about a device with no sign-in says "person not known"; a likely name is not
/// presented as certain.
#[test]
fn mon_02_a_guess_is_not_presented_as_certain() {
    let mut seen = blocked(0, "suicide");
    seen.who = known(PUPIL, Confidence::Likely);
    assert!(
        one(&mut watch(), &seen)
            .why
            .iter()
            .any(|line| line.contains("likely, not certain"))
    );
    seen.who = Who::Unknown {
        why: Unknown::NoSignIn,
        device: None,
    };
    let alert = one(&mut watch(), &seen);
    assert!(
        alert
            .why
            .iter()
            .any(|line| line.starts_with("Person not known"))
    );
    assert_eq!(alert.person(), None);
}

/// MON-03: the sealed rule cannot be left out, and rules say what is wrong with them.
#[test]
fn mon_03_wrong_rules_are_refused() {
    let mut rules = RuleSet::shipped();
    rules.rules.retain(|rule| rule.kind != RuleKind::SealedHit);
    rules.weights.vulnerable = 500;
    let problems = Watch::new(rules, Limits::default()).unwrap_err();
    assert_eq!(
        problems,
        [RuleSetProblem::NoSealed, RuleSetProblem::Weights]
    );
    assert_eq!(RuleSet::shipped().problems(), []);
}

fn hand(person: PersonId, roles: &[Role]) -> Hand {
    Hand::person(person, roles)
}

fn entry_id(n: u128) -> EntryId {
    EntryId::from_uuid(Uuid::from_u128(n))
}

struct Life {
    entries: Vec<AlertEntry>,
    settings: Recipients,
}

impl Life {
    fn new(alert: Alert) -> Self {
        let id = AlertId::from_uuid(Uuid::from_u128(50));
        Self {
            entries: vec![raise(id, entry_id(1), alert, at(0))],
            settings: Recipients::default(),
        }
    }

    fn state(&self) -> AlertState {
        AlertState::replay(&self.entries).unwrap()
    }

    fn tries(&mut self, hand: &Hand, command: AlertCommand, minutes: i64) -> Result<(), String> {
        let id = entry_id(1 + self.entries.len() as u128);
        match act(
            &self.state(),
            command,
            hand,
            &self.settings,
            at(minutes),
            id,
        ) {
            Ok(entry) => {
                self.entries.push(entry);
                Ok(())
            }
            Err(refusal) => Err(refusal.why),
        }
    }

    /// Sends what is due, as the job would; whom it told.
    fn run_notices(&mut self, minutes: i64) -> Vec<Role> {
        let due = notices(&self.state(), &self.settings, at(minutes));
        for notice in &due {
            self.tries(
                &Hand::pharos(),
                AlertCommand::Notify {
                    to: notice.to,
                    rung: notice.rung,
                },
                minutes,
            )
            .unwrap();
        }
        due.into_iter().map(|notice| notice.to).collect()
    }
}

fn close(explanation: &str, outcome: AlertOutcome) -> AlertCommand {
    AlertCommand::Close {
        explanation: explanation.into(),
        outcome,
    }
}

/// MON-04: the alert reaches the lead; the lead asks a tutor, who sees only that alert; closing it
/// blank is refused; closing it with reason and outcome ends it.
#[test]
fn mon_04_an_alert_is_followed_up_to_an_outcome() {
    let mut life = Life::new(one(&mut watch(), &blocked(0, "suicide")));
    let (lead, tutor) = (
        hand(LEAD, &[Role::Staff, Role::Lead]),
        hand(TUTOR, &[Role::Staff, Role::Tutor]),
    );
    assert_eq!(life.state().stage(), AlertStage::Raised);
    assert_eq!(life.run_notices(0), [Role::Lead]);
    assert_eq!(life.state().stage(), AlertStage::Notified);
    assert!(!life.state().is_for(&tutor, &life.settings));
    assert_eq!(
        life.tries(&tutor, AlertCommand::Acknowledge, 1),
        Err("This alert is not yours.".into())
    );

    life.tries(&lead, AlertCommand::Acknowledge, 2).unwrap();
    let ask = AlertCommand::Assign {
        to: TUTOR,
        ask: "Talk with them about why.".into(),
    };
    life.tries(&lead, ask, 3).unwrap();
    assert!(life.state().is_for(&tutor, &life.settings));
    assert_eq!(
        life.tries(&tutor, close(" ", AlertOutcome::TalkedThrough), 20),
        Err("The explanation is missing.".into())
    );
    assert_eq!(
        life.tries(&tutor, close("So.", AlertOutcome::BecameConcern), 20),
        Err("No concern was opened from it.".into())
    );
    life.tries(
        &tutor,
        close(
            "For a history essay; the teacher confirms.",
            AlertOutcome::InOrder,
        ),
        21,
    )
    .unwrap();
    assert_eq!(life.state().stage(), AlertStage::Closed);
    assert_eq!(
        life.tries(&lead, AlertCommand::Acknowledge, 22),
        Err("The alert is closed.".into())
    );
}

/// MON-04, CON-01: a concern is opened from an alert.
#[test]
fn mon_04_an_alert_becomes_a_concern() {
    let mut life = Life::new(one(&mut watch(), &blocked(0, "suicide")));
    let lead = hand(LEAD, &[Role::Staff, Role::Lead]);
    let case = CaseId::from_uuid(Uuid::from_u128(60));
    life.tries(&lead, AlertCommand::Open { case }, 4).unwrap();
    assert_eq!(
        life.state().acknowledged.map(|(_, at)| at),
        Some(at(4)),
        "opening it acknowledges it"
    );
    life.tries(
        &lead,
        close("See the concern.", AlertOutcome::BecameConcern),
        5,
    )
    .unwrap();
    assert_eq!(life.state().case, Some(case));
}

/// CLK-02: with a test clock the chain of notices runs as set, each is sent once, and it stops on
/// acknowledgement.
#[test]
fn clk_02_an_alert_is_chased_until_acknowledged() {
    let mut life = Life::new(one(&mut watch(), &blocked(0, "suicide")));
    assert_eq!(life.run_notices(0), [Role::Lead]);
    assert_eq!(life.run_notices(29), []);
    assert_eq!(life.run_notices(30), [Role::Deputy]);
    assert_eq!(life.run_notices(31), []);
    life.tries(&hand(LEAD, &[Role::Lead]), AlertCommand::Acknowledge, 45)
        .unwrap();
    assert_eq!(life.run_notices(600), []);
}

/// MON-13: an alert about a member of staff goes to the head alone; about the lead it never reaches
/// the lead, not even as an actor.
#[test]
fn mon_13_an_alert_about_the_lead_goes_round_the_lead() {
    let mut about_lead = blocked(0, "suicide");
    about_lead.who = known(LEAD, Confidence::Certain);
    about_lead.subject.roles = vec![Role::Staff, Role::Lead];
    let mut life = Life::new(one(&mut watch(), &about_lead));
    assert_eq!(life.run_notices(600), [Role::Head]);
    let lead = hand(LEAD, &[Role::Staff, Role::Lead]);
    assert!(!life.state().is_for(&lead, &life.settings));
    assert_eq!(
        life.tries(&lead, close("Nothing.", AlertOutcome::InOrder), 5),
        Err("This alert is not yours.".into())
    );
    // A deputy has no part in it either.
    assert!(!life.state().is_for(
        &hand(person(9), &[Role::Staff, Role::Deputy]),
        &life.settings
    ));
    // Nor may the head hand it to the person it is about.
    let head = hand(person(8), &[Role::Staff, Role::Head]);
    assert_eq!(
        life.tries(
            &head,
            AlertCommand::Assign {
                to: LEAD,
                ask: "Look.".into()
            },
            6
        ),
        Err("The alert is about that person.".into())
    );
}

/// Entries are kept as JSON, read back as they were, and a missing one is named.
#[test]
fn alert_entries_read_back() {
    let mut life = Life::new(one(&mut watch(), &blocked(0, "suicide")));
    life.run_notices(0);
    let json = serde_json::to_string(&life.entries).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<AlertEntry>>(&json).unwrap(),
        life.entries
    );
    assert_eq!(
        AlertState::replay(&life.entries[1..]),
        Err(BrokenAlert::NotRaised)
    );
    life.entries[1].seq = 3;
    assert_eq!(AlertState::replay(&life.entries), Err(BrokenAlert::Gap(2)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Memory is bounded whatever comes; what is forgotten is counted, and the newest is kept.
    #[test]
    fn memory_is_bounded(people in prop::collection::vec(0_u128..60, 1..300)) {
        let limits = Limits { counters: 10, open: 10 };
        let mut watch = Watch::new(RuleSet::shipped(), limits).unwrap();
        for (minute, who) in people.iter().enumerate() {
            let mut seen = blocked(minute as i64, if minute % 2 == 0 { "suicide" } else { "pornography" });
            seen.who = known(person(100 + who), Confidence::Certain);
            watch.see(&seen, &NoWatchLists);
            let (counters, open) = watch.held();
            prop_assert!(counters <= limits.counters && open <= limits.open);
        }
        prop_assert_eq!(watch.counts().seen, people.len() as u64);
    }
}

/// FIL-16: one alert for each person, method and day names the person's device and the method;
/// another method is another alert, and the next day is a new one.
#[test]
fn fil_16_one_alert_names_device_and_method() {
    let mut watch = watch();
    let way = |minutes, method| Seen {
        method: Some(method),
        ..seen(minutes)
    };
    let first = watch.see(&way(0, Method::EncryptedDns), &NoWatchLists);
    let [Raised::New(alert)] = first.as_slice() else {
        panic!("{first:?}");
    };
    assert!(
        alert.why[0].contains("encrypted name look-ups") && alert.why[0].contains("10.1.2.3"),
        "{:?}",
        alert.why
    );
    assert_eq!(
        (alert.person(), alert.theme),
        (Some(PUPIL), Harm::MisuseOfSystems)
    );
    let again = watch.see(&way(5, Method::EncryptedDns), &NoWatchLists);
    assert!(matches!(again.as_slice(), [Raised::Again(_)]), "{again:?}");
    let other = watch.see(&way(6, Method::Proxy), &NoWatchLists);
    assert!(matches!(other.as_slice(), [Raised::New(_)]), "{other:?}");
    let later = watch.see(&way(25 * 60, Method::Proxy), &NoWatchLists);
    assert!(matches!(later.as_slice(), [Raised::New(_)]), "{later:?}");
}

/// FIL-16: one address typed as numbers is nothing; many different ones within minutes are a way
/// round, and the same one again and again is not.
#[test]
fn fil_16_many_addresses_typed_as_numbers_are_a_way_round() {
    let mut watch = watch();
    let typed = |second: i64, host: String| Seen {
        at: at(0) + SignedDuration::from_secs(second),
        host,
        action: SeenAction::LetThrough,
        method: Some(Method::DirectAddresses),
        ..seen(0)
    };
    for second in 0..100 {
        let raised = watch.see(&typed(second, "192.0.2.1".into()), &NoWatchLists);
        assert_eq!(raised, [], "the same one");
    }
    let raised: Vec<_> = (0..20)
        .flat_map(|n| watch.see(&typed(100 + n, format!("198.51.100.{n}")), &NoWatchLists))
        .collect();
    assert_eq!(raised.len(), 1, "{raised:?}");
}

/// FIL-16: a tunnel or a different site inside a connection is told at once; what a program does now
/// and then by itself, such as a port that is not for the web, is told when it is done again and
/// again, each method counted for itself.
#[test]
fn fil_16_behaviour_that_alone_says_little_is_told_when_it_repeats() {
    let mut watch = watch();
    let tried = |second: i64, method| Seen {
        at: at(0) + SignedDuration::from_secs(second),
        method: Some(method),
        ..seen(0)
    };
    for (second, method) in [(0, Method::Tunnel), (1, Method::Fronting)] {
        let raised = watch.see(&tried(second, method), &NoWatchLists);
        let [Raised::New(alert)] = raised.as_slice() else {
            panic!("{method}: {raised:?}");
        };
        assert!(alert.why[0].contains(method.says()), "{:?}", alert.why);
    }
    let raised: Vec<_> = (2..20)
        .map(|second| {
            watch
                .see(
                    &tried(
                        second,
                        if second % 2 == 0 {
                            Method::Ports
                        } else {
                            Method::HiddenNames
                        },
                    ),
                    &NoWatchLists,
                )
                .len()
        })
        .collect();
    assert_eq!(raised.iter().sum::<usize>(), 0, "nine of each");
    let told = watch.see(&tried(20, Method::Ports), &NoWatchLists);
    assert!(matches!(told.as_slice(), [Raised::New(_)]), "{told:?}");
    let late = watch.see(&tried(3_600, Method::HiddenNames), &NoWatchLists);
    assert_eq!(late, [], "the others are long past");
}

/// MON-05: what a firewall stopped is one alert for each category, with the words searched for; a
/// way round is told by its own rule alone.
#[test]
fn mon_05_what_a_firewall_stopped_is_an_alert() {
    let mut watch = watch();
    let stopped = |words: Option<&str>| Seen {
        categories: vec!["hacking".into()],
        search: words.map(str::to_owned),
        is_outside_attempt: true,
        ..seen(0)
    };
    let first = watch.see(&stopped(Some("how to break in")), &NoWatchLists);
    let [Raised::New(alert)] = first.as_slice() else {
        panic!("{first:?}");
    };
    assert_eq!(alert.rule, "firewall");
    assert!(alert.why[0].contains("how to break in"), "{:?}", alert.why);
    let again = watch.see(&stopped(None), &NoWatchLists);
    assert!(matches!(again.as_slice(), [Raised::Again(_)]), "{again:?}");
    let round = watch.see(
        &Seen {
            method: Some(Method::Vpn),
            ..stopped(None)
        },
        &NoWatchLists,
    );
    assert_eq!(round.len(), 1);
    assert_eq!(round[0].alert().rule, "bypass");
}
