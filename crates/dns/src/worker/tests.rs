//! What a worker makes of an answer's age, with moments chosen by hand.

use jiff::Timestamp;
use pharos_activity::Event;
use pharos_filter::{
    FixedEntry, NoCategories, NoSealed, Owner, Parts, Roster, Snapshot, Versions, compile_policy,
};
use std::sync::Mutex;

use pharos_policy::spec::{ExceptionSpec, RuleSpec};
use pharos_policy::{Member, PolicySpec};
use pharos_school::{PersonId, Role};

use super::*;
use crate::compose::settle;
use crate::config::BlockAnswer;
use crate::wire::{Response, u32_at};

const DEVICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
/// `www.example.org` A without EDNS.
const QUESTION: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03org\0\0\x01\0\x01";
/// Where the time to live of the one record in an answer stands.
const TTL_AT: usize = QUESTION.len() + 6;

/// Keeps what was handed in.
#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl Sink for Kept {
    fn record(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// A school with one teacher at [`DEVICE`].
fn shared() -> Arc<Shared> {
    let shared = empty();
    shared.filter.install(snapshot(&PolicySpec::default(), 1));
    shared.filter.addresses().set_fixed([fixed(TEACHER)]);
    shared
}

const TEACHER: u128 = 7;
const PUPIL: u128 = 8;

fn person(number: u128) -> PersonId {
    PersonId::from_uuid(uuid::Uuid::from_u128(number))
}

fn fixed(number: u128) -> FixedEntry {
    FixedEntry {
        range: DEVICE.into(),
        owner: Owner::Person(person(number)),
        device: None,
    }
}

/// A policy with a teacher and a pupil on the roll.
fn snapshot(spec: &PolicySpec, version: u64) -> Snapshot {
    let mut roster = Roster::default();
    for (number, role) in [(TEACHER, Role::Teacher), (PUPIL, Role::Pupil)] {
        roster.add(Member {
            person: person(number),
            username: format!("user{number}").into(),
            roles: [role].into(),
            year: None,
            house: None,
            classes: Default::default(),
            class_names: Default::default(),
        });
    }
    Snapshot::new(Parts {
        policy: Arc::new(compile_policy(spec, &[], &[]).unwrap()),
        categories: Arc::new(NoCategories),
        sealed: Arc::new(NoSealed),
        roster: Arc::new(roster),
        dictionaries: None,
        versions: Versions {
            policy: version,
            catalogue: 1,
            lists: Arc::new([]),
        },
    })
}

/// A resolver whose filter has nothing in force, and an upstream that is never asked.
fn empty() -> Arc<Shared> {
    let mut config = DnsConfig {
        upstreams: vec!["192.0.2.53".parse().unwrap()],
        ..DnsConfig::default()
    };
    config.limits.stale_max_s = 1_000;
    Arc::new(Shared {
        cache: Cache::new(&config.limits),
        upstreams: ArcSwap::from_pointee(Upstreams::new(&config.upstreams, None)),
        special: Special::new(&[], None),
        refusals: Refusals::new(&config),
        own: Networks::new(&config.clients),
        clock: Clock::start(),
        jar: Jar::new().unwrap(),
        config,
        filter: Arc::new(Filter::new()),
        sink: Arc::<Kept>::default(),
        acts: Acts::default(),
    })
}

fn worker(shared: &Arc<Shared>) -> Worker {
    Worker::new(Arc::clone(shared), Arc::default())
}

fn at(ms: u64) -> Moment {
    let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
    Moment {
        wall: start + std::time::Duration::from_millis(ms),
        ms,
    }
}

/// Puts an answer with 100 seconds to live into the cache.
fn keep(shared: &Shared, now: Moment) {
    let mut body = vec![0xc0, 12, 0, 1, 0, 1];
    body.extend_from_slice(&100_u32.to_be_bytes());
    body.extend_from_slice(&[0, 4, 192, 0, 2, 1]);
    let response = Response {
        body,
        counts: (1, 0),
        ttl_at: [TTL_AT as u16].into_iter().collect(),
        ttl: Some(100),
        addresses: [IpAddr::from([192, 0, 2, 1])].into_iter().collect(),
        ..Response::default()
    };
    let entry = Arc::new(Entry::new(response, &shared.config.limits, now));
    shared.cache.keep(parse(QUESTION).unwrap().key, &entry);
}

/// Asks; the time to live in the answer, if there is one at once.
fn ask(worker: &mut Worker, now: Moment) -> Result<u32, Box<Pending>> {
    match answer(worker, QUESTION, Client::new(DEVICE, Over::Udp), now) {
        Verdict::Reply => Ok(u32_at(&worker.out, TTL_AT).unwrap()),
        Verdict::Forward(pending) => Err(pending),
        Verdict::Silent => panic!("no answer"),
    }
}

/// FIL-01: a popular name is put down to be fetched again when nine tenths of its time are over, once
/// however many workers give it; nobody ever waits for it, and what comes takes over.
#[test]
fn fil_01_a_popular_name_is_fetched_again_before_it_ends_and_once() {
    let shared = shared();
    let (mut one, mut other) = (worker(&shared), worker(&shared));
    keep(&shared, at(0));
    for worker in [&mut one, &mut other] {
        for _ in 0..5 {
            assert!(ask(worker, at(10_000)).is_ok());
        }
        assert!(ask(worker, at(89_999)).is_ok());
        assert!(worker.renewals.is_empty(), "much time is left");
    }
    for round in 0..3 {
        for worker in [&mut one, &mut other] {
            assert!(ask(worker, at(90_000 + round)).is_ok());
        }
    }
    let key = parse(QUESTION).unwrap().key;
    assert_eq!(std::mem::take(&mut one.renewals), [key]);
    assert!(other.renewals.is_empty(), "one fetch is enough");
    keep(&shared, at(91_000));
    for worker in [&mut one, &mut other] {
        assert_eq!(ask(worker, at(99_000)).ok(), Some(1), "the old one still");
        assert_eq!(ask(worker, at(100_000)).ok(), Some(91), "nobody waits");
    }
    for _ in 0..3 {
        assert!(ask(&mut other, at(181_000)).is_ok());
    }
    assert_eq!(other.renewals.len(), 1, "and so on");
}

/// FIL-01: a name that nearly nobody asks for is let go.
#[test]
fn fil_01_an_unpopular_name_is_not_fetched_again() {
    let shared = shared();
    let mut worker = worker(&shared);
    keep(&shared, at(0));
    for _ in 0..2 {
        assert!(ask(&mut worker, at(95_000)).is_ok());
    }
    assert!(worker.renewals.is_empty());
    assert!(ask(&mut worker, at(100_000)).is_err(), "asked anew");
}

/// FIL-17: past its end an answer is used only for want of a better one, for as long as the setting
/// says and no longer, and a client may keep it for half a minute (RFC 8767).
#[test]
fn fil_17_an_old_answer_is_served_for_its_time_and_no_longer() {
    let shared = shared();
    let mut worker = worker(&shared);
    keep(&shared, at(0));
    for ms in [100_000, 1_099_999] {
        let pending = ask(&mut worker, at(ms)).unwrap_err();
        assert!(pending.stale.is_some(), "an upstream is asked first");
        let outcome = without_upstream(pending.stale.as_ref(), STALE);
        settle(&mut worker, *pending, &outcome, at(ms));
        assert_eq!(u32_at(&worker.out, TTL_AT), Some(30));
        assert_eq!(worker.out[3] & 15, 0);
    }
    let pending = ask(&mut worker, at(1_100_000)).unwrap_err();
    let outcome = without_upstream(pending.stale.as_ref(), STALE);
    settle(&mut worker, *pending, &outcome, at(1_100_000));
    assert_eq!(worker.out[3] & 15, code::SERVFAIL);
    assert_eq!(worker.out.len(), QUESTION.len(), "nothing old is left");
}

/// What becomes of the question: the code of the answer, and whether it came from what is remembered.
fn code_of(worker: &mut Worker, now: Moment) -> u8 {
    assert!(ask(worker, now).is_ok());
    worker.out[3] & 15
}

/// Only teachers may open the site.
fn not_for_pupils() -> PolicySpec {
    PolicySpec {
        rules: vec![RuleSpec {
            groups: vec!["pupils".into()],
            sites: vec!["example.org".into()],
            ..rule(Action::Block)
        }],
        ..PolicySpec::default()
    }
}

fn rule(action: Action) -> RuleSpec {
    RuleSpec {
        name: "rule".into(),
        action,
        groups: vec![],
        except: vec![],
        categories: vec![],
        sites: vec![],
        everything: false,
        hours: vec![],
        except_hours: vec![],
        places: vec![],
    }
}

/// FIL-05: whoever is at an address is decided for; from the first question on after a change it is the
/// next one, however often it was asked before.
#[test]
fn fil_05_who_is_remembered_at_an_address_is_forgotten_when_another_comes() {
    let shared = shared();
    shared.filter.install(snapshot(&not_for_pupils(), 1));
    let mut worker = worker(&shared);
    keep(&shared, at(0));
    let addresses = shared.filter.addresses();
    for _ in 0..3 {
        addresses.set_fixed([fixed(TEACHER)]);
        for ms in 1..4 {
            assert_eq!(code_of(&mut worker, at(ms)), code::NOERROR, "the teacher");
        }
        addresses.set_fixed([fixed(PUPIL)]);
        for ms in 1..4 {
            assert_eq!(code_of(&mut worker, at(ms)), code::NXDOMAIN, "the pupil");
        }
        let until = at(1_000).wall;
        addresses.sign_in(DEVICE, person(TEACHER), None, until);
        for ms in [1, 2, 999] {
            assert_eq!(code_of(&mut worker, at(ms)), code::NOERROR, "signed in");
        }
        assert_eq!(code_of(&mut worker, at(1_000)), code::NXDOMAIN, "run out");
        assert_eq!(code_of(&mut worker, at(2)), code::NOERROR, "set back");
        addresses.sign_out(DEVICE);
        assert_eq!(code_of(&mut worker, at(3)), code::NXDOMAIN, "signed out");
    }
}

/// What a question came to: the answer, or what has to be asked for first; its events, and what was counted.
#[derive(Debug, PartialEq)]
struct Came {
    answer: Option<Vec<u8>>,
    fetch: Option<(Bytes, Option<Name>)>,
    events: Vec<Event>,
    counts: Vec<(&'static str, u64)>,
}

/// Asks a new worker: as whoever is at the device's address, or by a device that says who it is, whose
/// questions never go the short way.
fn came(shared: &mut Arc<Shared>, message: &[u8], long: bool) -> Came {
    let kept = Arc::<Kept>::default();
    let its = Arc::get_mut(shared).unwrap();
    its.sink = Arc::clone(&kept) as Arc<dyn Sink>;
    its.acts = Acts::default();
    let mut worker = worker(shared);
    let client = match long {
        false => Client::new(DEVICE, Over::Udp),
        true => {
            let who = shared.filter.identify(DEVICE, at(1).wall);
            Client::of_device(DEVICE, Over::Udp, who)
        }
    };
    let (answer, fetch) = match answer(&mut worker, message, client, at(1)) {
        Verdict::Silent => (None, None),
        Verdict::Reply => (Some(worker.out.clone()), None),
        Verdict::Forward(pending) => (None, Some((pending.fetch, pending.alias))),
    };
    let counts = crate::Counts::of(&[Arc::clone(&worker.tally)]);
    let events = std::mem::take(&mut *kept.0.lock().unwrap());
    Came {
        answer,
        fetch,
        events,
        counts: counts.each().collect(),
    }
}

/// The lists of a school: a category everybody is blocked from.
#[derive(Debug)]
struct Listed([Arc<str>; 1]);

impl pharos_filter::Categories for Listed {
    fn categories(&self, address: &pharos_catalogue::Address) -> pharos_catalogue::CategorySet {
        let listed = pharos_catalogue::Host::parse("listed.test").unwrap();
        let mut set = pharos_catalogue::CategorySet::EMPTY;
        if address.host().is_within(&listed) {
            set.insert(pharos_catalogue::CategoryId(0));
        }
        set
    }

    fn hits(&self, _: &pharos_catalogue::Address) -> Vec<pharos_filter::Hit> {
        Vec::new()
    }

    fn names(&self) -> &[Arc<str>] {
        &self.0
    }
}

/// A list that must not be opened holds one site.
#[derive(Debug)]
struct OneSealed(Arc<str>);

impl pharos_filter::Sealed for OneSealed {
    fn hit(&self, address: &pharos_catalogue::Address) -> Option<&Arc<str>> {
        (address.host().as_str() == "sealed.test").then_some(&self.0)
    }

    fn needs_path(&self, _: &pharos_catalogue::Host) -> bool {
        false
    }
}

/// FIL-01, FIL-07: a name that was never asked for before is answered the short way as the long way, to the
/// last byte, with the same event and the same counts, whatever it is and whatever is asked of it.
#[test]
fn fil_07_names_never_asked_for_are_answered_alike_the_short_way() {
    let page = BlockAnswer::Page {
        v4: Some([10, 0, 0, 5].into()),
        v6: None,
    };
    let category: Arc<str> = "gambling".into();
    let mut spec = not_for_pupils();
    spec.rules.push(RuleSpec {
        name: "listed".into(),
        categories: vec!["gambling".into()],
        ..rule(Action::Block)
    });
    let parts = snapshot(&PolicySpec::default(), 1).parts();
    let parts = Parts {
        policy: Arc::new(compile_policy(&spec, &[Arc::clone(&category)], &[]).unwrap()),
        categories: Arc::new(Listed([category])),
        sealed: Arc::new(OneSealed("sealed".into())),
        ..parts
    };
    let long_label = "a".repeat(63);
    let wires: Vec<Bytes> = [
        "listed.test",
        "www.a.b.listed.test",
        "WWW.Listed.Test",
        "_443._tcp.listed.test",
        "odd%20.listed.test",
        "example.org",
        "www.example.org",
        "sealed.test",
        "open.test",
        "use-application-dns.net",
        "mask.icloud.com",
        "dns.google",
        "resolver.arpa",
        "www.google.com",
        "www.youtube.com",
        "localhost",
        "x.local",
        "10.in-addr.arpa",
        "1.2.3.4",
        "xn--bcher-kva.test",
        "",
        &format!("{long_label}.listed.test"),
        &format!("{long_label}.{long_label}.{long_label}.listed.test"),
    ]
    .into_iter()
    .map(|text| {
        let mut wire = Bytes::new();
        for label in text.split('.').filter(|label| !label.is_empty()) {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label.as_bytes());
        }
        wire.push(0);
        wire
    })
    // A dot within a label is no border between two.
    .chain([
        Bytes::from_slice(b"\x0blisted.test\0"),
        Bytes::from_slice(b"\x08x.listed\x04test\0"),
    ])
    .collect();
    let mut short_ways = 0;
    for block in [BlockAnswer::NxDomain, page] {
        for who in [TEACHER, PUPIL, 99] {
            let mut shared = empty();
            let its = Arc::get_mut(&mut shared).unwrap();
            its.config.block = block;
            its.refusals = Refusals::new(&its.config);
            shared.filter.install(Snapshot::new(parts.clone()));
            shared.filter.addresses().set_fixed([fixed(who)]);
            for wire in &wires {
                for edns in [&[][..], &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]] {
                    for kind in [code::A, code::AAAA, code::HTTPS, code::ANY, 252] {
                        let mut message = b"\x12\x34\x01\0\0\x01\0\0\0\0\0".to_vec();
                        message.push(u8::from(!edns.is_empty()));
                        message.extend_from_slice(wire);
                        message.extend_from_slice(&kind.to_be_bytes());
                        message.extend_from_slice(&[0, 1]);
                        message.extend_from_slice(edns);
                        let short = came(&mut shared, &message, false);
                        let long = came(&mut shared, &message, true);
                        assert_eq!(short, long, "{wire:?} {kind} {who} {block:?}");
                        if (who, block) == (PUPIL, page) {
                            let mut worker = worker(&shared);
                            let led = again(&mut worker, &message, DEVICE, Fit::Datagram, at(1));
                            short_ways += usize::from(matches!(led, Led::ToAnswer));
                        }
                    }
                }
            }
        }
    }
    // For a pupil: five names on the list and two that a rule names, asked in three ways, with EDNS and without.
    assert_eq!(short_ways, 7 * 3 * 2);
}

/// FIL-07: a blocked name is answered the short way as the long way, whatever is asked of it.
#[test]
fn fil_07_blocked_names_are_answered_alike_the_short_way() {
    let page = BlockAnswer::Page {
        v4: Some([10, 0, 0, 5].into()),
        v6: None,
    };
    for block in [BlockAnswer::NxDomain, page] {
        let mut shared = shared();
        let its = Arc::get_mut(&mut shared).unwrap();
        its.config.block = block;
        its.refusals = Refusals::new(&its.config);
        shared.filter.install(snapshot(&not_for_pupils(), 1));
        shared.filter.addresses().set_fixed([fixed(PUPIL)]);
        let who = shared.filter.identify(DEVICE, at(1).wall);
        let mut worker = worker(&shared);
        for edns in [&[][..], &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]] {
            for kind in [code::A, code::AAAA, code::HTTPS, code::ANY, 252] {
                let mut message = [QUESTION, edns].concat();
                message[QUESTION.len() - 3] = kind as u8;
                message[11] = u8::from(!edns.is_empty());
                let asked = |worker: &mut Worker, client| {
                    let verdict = answer(worker, &message, client, at(1));
                    assert!(matches!(verdict, Verdict::Reply));
                    worker.out.clone()
                };
                let plain = || Client::new(DEVICE, Over::Udp);
                let short = (asked(&mut worker, plain()), asked(&mut worker, plain()));
                let client = Client::of_device(DEVICE, Over::Udp, who.clone());
                let long = asked(&mut worker, client);
                assert_eq!(short, (long.clone(), long), "{block:?} {kind}");
            }
        }
        assert_eq!(
            worker
                .tally
                .refused
                .load(std::sync::atomic::Ordering::Relaxed),
            12
        );
    }
}

/// FIL-17: a worker whose filter has nothing in force yet has nothing to begin anew, however long it waits; a
/// snapshot that is no longer in force is let go of, and with it all that was found out under it.
#[test]
fn fil_17_a_snapshot_that_is_no_longer_in_force_is_let_go_of() {
    let shared = empty();
    shared.filter.addresses().set_fixed([fixed(PUPIL)]);
    let mut worker = worker(&shared);
    for ms in 0..3 {
        assert!(worker.in_force(at(ms)).is_none());
    }
    let mut weak = Vec::new();
    for version in 1..4 {
        shared.filter.install(snapshot(&not_for_pupils(), version));
        weak.push(Arc::downgrade(&shared.filter.snapshot().unwrap()));
        for ms in 0..3 {
            let now = at(version * 10 + ms);
            assert_eq!(code_of(&mut worker, now), code::NXDOMAIN);
        }
    }
    // Freed by a thread of its own.
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while weak[..2].iter().any(|gone| gone.strong_count() > 0) {
        assert!(std::time::Instant::now() < patience, "still held");
        std::thread::yield_now();
    }
    assert!(weak[2].strong_count() > 0);
}

/// FIL-17: while a question is under way the worker goes on holding the lists that it was decided by, so that
/// its end never frees them where answers are given.
#[test]
fn fil_17_a_question_under_way_does_not_free_the_lists_it_was_decided_by() {
    let shared = empty();
    shared.filter.addresses().set_fixed([fixed(PUPIL)]);
    let mut worker = worker(&shared);
    shared.filter.install(snapshot(&PolicySpec::default(), 1));
    let before = Arc::downgrade(&shared.filter.snapshot().unwrap());
    let client = Client::new(DEVICE, Over::Udp);
    let under_way = answer(&mut worker, QUESTION, client, at(1));
    assert!(matches!(under_way, Verdict::Forward(_)));
    shared.filter.install(snapshot(&PolicySpec::default(), 2));
    assert!(worker.in_force(at(20)).is_some());
    drop(under_way);
    assert_eq!(before.strong_count(), 1, "freed with the question");
    assert!(worker.in_force(at(21)).is_some());
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while before.strong_count() > 0 {
        assert!(std::time::Instant::now() < patience, "still held");
        std::thread::yield_now();
    }
}

/// FIL-06: a policy in force is the one decided by from the next moment on.
#[test]
fn fil_06_what_was_decided_before_ends_with_the_policy() {
    let shared = shared();
    shared.filter.addresses().set_fixed([fixed(PUPIL)]);
    let mut worker = worker(&shared);
    keep(&shared, at(0));
    for (version, ms) in (2..8).zip((10..).step_by(10)) {
        let (spec, expected) = match version % 2 {
            0 => (not_for_pupils(), code::NXDOMAIN),
            _ => (PolicySpec::default(), code::NOERROR),
        };
        shared.filter.install(snapshot(&spec, version));
        for later in 0..3 {
            assert_eq!(code_of(&mut worker, at(ms + later)), expected, "{version}");
        }
    }
}

/// FIL-11: an exception that runs out ends to the moment also for a name that is asked all the time.
#[test]
fn fil_11_an_exception_ends_to_the_moment_for_a_popular_name() {
    let shared = shared();
    let mut spec = not_for_pupils();
    spec.overrides.exceptions = vec![ExceptionSpec {
        reference: "EX".into(),
        groups: vec!["pupils".into()],
        people: vec![],
        classes: vec![],
        sites: vec!["example.org".into()],
        categories: vec![],
        from: Some(at(500).wall),
        until: at(1_500).wall,
    }];
    shared.filter.install(snapshot(&spec, 1));
    shared.filter.addresses().set_fixed([fixed(PUPIL)]);
    let mut worker = worker(&shared);
    keep(&shared, at(0));
    for ms in 1..2_000 {
        let open = (500..1_500).contains(&ms);
        let expected = if open { code::NOERROR } else { code::NXDOMAIN };
        assert_eq!(code_of(&mut worker, at(ms)), expected, "{ms}");
    }
}

/// MON-01: an answer given the short way is an event like that of the long way, with the same length.
#[test]
fn mon_01_the_short_way_leaves_the_same_event() {
    let kept = Arc::<Kept>::default();
    let mut shared = shared();
    Arc::get_mut(&mut shared).unwrap().sink = Arc::clone(&kept) as Arc<dyn Sink>;
    let mut worker = worker(&shared);
    keep(&shared, at(0));
    for second in 1..=3 {
        for again in 0..3 {
            assert_eq!(
                ask(&mut worker, at(second * 1_000 + again)).ok(),
                Some(100 - second as u32)
            );
        }
    }
    let events = kept.0.lock().unwrap();
    let [long, short, last] = &events[..] else {
        panic!("one for each second, not {}", events.len());
    };
    assert_eq!(
        worker
            .tally
            .cache_hits
            .load(std::sync::atomic::Ordering::Relaxed),
        9
    );
    for (event, second) in [(short, 2), (last, 3)] {
        assert_eq!(event.at, at(second * 1_000).wall);
        assert_eq!(
            *event,
            Event {
                at: event.at,
                ..long.clone()
            }
        );
    }
    assert_eq!(long.who.person(), Some(person(TEACHER)));
    assert_eq!(
        (long.bytes_up, long.bytes_down),
        (QUESTION.len() as u64, QUESTION.len() as u64 + 16)
    );
}
