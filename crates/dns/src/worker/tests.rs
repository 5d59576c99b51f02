//! What a worker makes of an answer's age, with moments chosen by hand.

use jiff::Timestamp;
use pharos_activity::Event;
use pharos_filter::{
    FixedEntry, NoCategories, NoSealed, Owner, Parts, Roster, Snapshot, Versions, compile_policy,
};
use pharos_policy::{Member, PolicySpec};
use pharos_school::{PersonId, Role};

use super::*;
use crate::compose::settle;
use crate::wire::{Response, u32_at};

const DEVICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
/// `www.example.org` A without EDNS.
const QUESTION: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03org\0\0\x01\0\x01";
/// Where the time to live of the one record in an answer stands.
const TTL_AT: usize = QUESTION.len() + 6;

struct Nowhere;

impl Sink for Nowhere {
    fn record(&self, _: Event) {}
}

/// A school with one teacher at [`DEVICE`], and an upstream that is never asked.
fn shared() -> Arc<Shared> {
    let person = PersonId::from_uuid(uuid::Uuid::from_u128(7));
    let mut roster = Roster::default();
    roster.add(Member {
        person,
        username: "tess".into(),
        roles: [Role::Teacher].into(),
        year: None,
        house: None,
        classes: Default::default(),
        class_names: Default::default(),
    });
    let filter = Filter::new();
    filter.install(Snapshot::new(Parts {
        policy: Arc::new(compile_policy(&PolicySpec::default(), &[], &[]).unwrap()),
        categories: Arc::new(NoCategories),
        sealed: Arc::new(NoSealed),
        roster: Arc::new(roster),
        dictionaries: None,
        versions: Versions {
            policy: 1,
            catalogue: 1,
            lists: Arc::new([]),
        },
    }));
    filter.addresses().set_fixed([FixedEntry {
        range: DEVICE.into(),
        owner: Owner::Person(person),
        device: None,
    }]);
    let mut config = DnsConfig {
        upstreams: vec!["192.0.2.53".parse().unwrap()],
        ..DnsConfig::default()
    };
    config.limits.stale_max_s = 1_000;
    Arc::new(Shared {
        cache: Cache::new(&config.limits),
        upstreams: ArcSwap::from_pointee(Upstreams::new(&config.upstreams, None)),
        special: Special::new(&[], None),
        clock: Clock::start(),
        jar: Jar::new().unwrap(),
        config,
        filter: Arc::new(filter),
        sink: Arc::new(Nowhere),
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
