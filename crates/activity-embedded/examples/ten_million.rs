//! Stores ten million realistic events of a school of 1,500 people and measures: bytes an event,
//! one pupil's month, a search over everything, and the cost of `record()`.
//!
//! `cargo run --release -p pharos-activity-embedded --example ten_million [EVENTS] [FOLDER]`
//!
//! What "realistic" means here: 45 in 100 events come from DNS (no path), 25 are tunnels (no path,
//! bytes), 30 are whole addresses with a path, two thirds of those with an id that never comes
//! again. Page loads come in bursts. 20,000 hosts, few of them very popular.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pharos_activity::{Event, Query, Retention, Sink, Store};
use pharos_activity_embedded::{Config, Embedded};
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Unknown, Who};
use uuid::Uuid;

struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: u64) -> u64 {
        (self.roll() >> 11) % most
    }
}

const PEOPLE: u64 = 1500;
const HOSTS: u64 = 20_000;

struct School {
    dice: Dice,
    rules: Vec<Arc<str>>,
    groups: Vec<Arc<str>>,
    devices: Vec<Arc<str>>,
    categories: Vec<Arc<[Arc<str>]>>,
}

fn person(number: u64) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(
        0x0199_0000_0000_7000_8000_0000_0000_0000 + u128::from(number) * 0x0100_0000_0007,
    ))
}

impl School {
    fn new() -> Self {
        let names = [
            "education",
            "search",
            "news",
            "games",
            "video",
            "social",
            "shopping",
            "sport",
            "advertising",
            "technology",
            "music",
            "reference",
        ];
        let mut categories: Vec<Arc<[Arc<str>]>> = names
            .iter()
            .map(|name| vec![Arc::from(*name)].into())
            .collect();
        categories.push(Vec::new().into());
        categories.push(vec![Arc::from("video"), Arc::from("education")].into());
        let words = |list: &[&str]| list.iter().map(|word| Arc::from(*word)).collect();
        Self {
            dice: Dice(0x9E37_79B9_7F4A_7C15),
            rules: words(&[
                "default-allow",
                "learning-sites",
                "games-in-lessons",
                "social-under-13",
                "safe-search",
                "bank-tunnel",
            ]),
            groups: words(&[
                "pupils-7-9",
                "pupils-10-11",
                "sixth-form",
                "staff",
                "boarders",
            ]),
            devices: (0..1600)
                .map(|n| Arc::from(format!("laptop-{n:04}")))
                .collect(),
            categories,
        }
    }

    fn host(&mut self) -> u64 {
        // Popular hosts are far more popular: a product of three uniform numbers.
        let x = |d: &mut Dice| d.below(1 << 20) as f64 / f64::from(1 << 20);
        let share = x(&mut self.dice) * x(&mut self.dice) * x(&mut self.dice);
        ((share * share) * HOSTS as f64) as u64
    }

    fn path(&mut self, host: u64) -> Box<str> {
        if self.dice.below(3) == 0 {
            return format!(
                "/{}/page-{}",
                ["lessons", "topic", "video", "static"][(host % 4) as usize],
                self.dice.below(50)
            )
            .into();
        }
        let id = self.dice.roll();
        match self.dice.below(3) {
            0 => format!("/assets/{:x}.js", id & 0xffff_ffff).into(),
            1 => format!("/api/v2/items?id={}&lang=en", id & 0xff_ffff).into(),
            _ => format!("/img/{}/{:x}_w640.webp", id % 97, id & 0xff_ffff_ffff).into(),
        }
    }

    /// One page load: a burst of events of one person.
    fn burst(&mut self, start_ms: i64, out: &mut Vec<Event>) {
        let who = self.dice.below(PEOPLE);
        let named = self.dice.below(20) != 0;
        let device = Arc::clone(&self.devices[who as usize]);
        let mut at = start_ms;
        for _ in 0..5 + self.dice.below(30) {
            at += self.dice.below(180) as i64;
            let host = self.host();
            let kind = self.dice.below(100);
            let face = if kind < 45 {
                Face::Dns
            } else if kind < 70 {
                Face::Tunnel
            } else {
                Face::Https
            };
            let refused = self.dice.below(100) < 4;
            let path = (face == Face::Https).then(|| self.path(host));
            let search = (face == Face::Https && self.dice.below(60) == 0)
                .then(|| format!("how to factorise quadratics {}", self.dice.below(5000)).into());
            let moved = !refused && face != Face::Dns;
            out.push(Event {
                at: Timestamp::from_millisecond(at).unwrap(),
                who: if named {
                    Who::Known {
                        person: person(who),
                        source: IdentitySource::SignInPage,
                        confidence: Confidence::Certain,
                        device: Some(Arc::clone(&device)),
                    }
                } else {
                    Who::Unknown {
                        why: Unknown::NoSignIn,
                        device: Some(Arc::clone(&device)),
                    }
                },
                group: Some(Arc::clone(&self.groups[(who % 5) as usize])),
                address: IpAddr::V4(Ipv4Addr::new(10, 20, (who / 250) as u8, (who % 250) as u8)),
                face,
                host: format!(
                    "{}.site-{host}.example",
                    ["www", "cdn", "api"][(host % 3) as usize]
                )
                .into(),
                path,
                action: if refused {
                    "block"
                } else if face == Face::Tunnel {
                    "tunnel"
                } else {
                    "allow"
                },
                rule: Arc::clone(
                    &self.rules[(if refused { 2 + host % 2 } else { host % 2 }) as usize],
                ),
                categories: Arc::clone(&self.categories[(host % 14) as usize]),
                policy_version: 42,
                catalogue_version: 1000 + (at / 86_400_000) as u64 % 30,
                search,
                sealed: None,
                bytes_up: if moved { 300 + self.dice.below(900) } else { 0 },
                bytes_down: if moved { 1 << self.dice.below(19) } else { 0 }
                    + if moved { self.dice.below(4096) } else { 0 },
            });
        }
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let wanted: u64 = args.next().map_or(10_000_000, |text| text.parse().unwrap());
    let folder = args.next().map_or_else(
        || std::path::PathBuf::from("target/ten-million"),
        Into::into,
    );
    let opened = Embedded::open(&folder, Config::default()).unwrap();
    let (store, sink) = (opened.store, opened.sink);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (made, took) = fill(&mut School::new(), wanted, &*sink, &*store);
    runtime.block_on(store.seal()).unwrap();
    let status = store.status();
    println!(
        "{made} events in {took:.1?} ({:.0}/s), spooled {}, dropped {}",
        made as f64 / took.as_secs_f64(),
        status.spooled,
        status.dropped
    );
    println!(
        "on disk: {} bytes in {} segments, {:.2} bytes an event",
        status.bytes,
        status.segments,
        status.bytes as f64 / status.events as f64
    );
    runtime.block_on(ask(&*store));
    drop(store);
    let opening = Instant::now();
    let opened = Embedded::open(&folder, Config::default()).unwrap();
    println!("opened again in {:.1?}", opening.elapsed());
    hot(&*opened.sink, &*opened.store);
    let deleted = runtime.block_on(async {
        let before = Timestamp::from_millisecond(START + 15 * DAY).unwrap();
        let begin = Instant::now();
        let deleted = opened
            .store
            .retain(&Retention {
                before,
                hold: vec![person(7)],
            })
            .await
            .unwrap();
        (deleted, begin.elapsed())
    });
    println!(
        "retention of half, one person held: {:?} in {:.1?}",
        deleted.0, deleted.1
    );
}

const START: i64 = 1_790_000_000_000;
const DAY: i64 = 86_400_000;

/// A month of 30 days, bursts spread over six hours a day.
fn fill(school: &mut School, wanted: u64, sink: &dyn Sink, store: &dyn Store) -> (u64, Duration) {
    let begin = Instant::now();
    let (mut made, mut burst) = (0, Vec::new());
    while made < wanted {
        let spread = (made as f64 / wanted as f64 * 30.0 * 6.0 * 3_600_000.0) as i64;
        let at = START + spread / (6 * 3_600_000) * DAY + spread % (6 * 3_600_000);
        school.burst(at, &mut burst);
        made += burst.len() as u64;
        burst.drain(..).for_each(|event| sink.record(event));
        while {
            let s = store.status();
            s.recorded - s.written > 8000
        } {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    (made, begin.elapsed())
}

async fn ask(store: &dyn Store) {
    let month = Query {
        person: Some(person(7)),
        limit: 10_000,
        ..Query::default()
    };
    for round in ["cold", "warm"] {
        let begin = Instant::now();
        let found = store.search(&month).await.unwrap();
        println!(
            "one pupil's month ({round}): {} events in {:.1?}",
            found.events.len(),
            begin.elapsed()
        );
    }
    let blocked = Query {
        person: Some(person(7)),
        actions: vec!["block".into()],
        ..Query::default()
    };
    timed(store, "one pupil's blocks, newest 100", &blocked).await;
    timed(store, "newest 100 of all", &Query::default()).await;
    let words = Query {
        search: Some("quadratics 77".into()),
        ..Query::default()
    };
    timed(store, "search words in everything, newest 100", &words).await;
    let device = Query {
        device: Some("laptop-0123".into()),
        ..Query::default()
    };
    timed(store, "one device, newest 100", &device).await;
    let begin = Instant::now();
    let counted = store
        .count(&Query {
            host: Some("site-777.".into()),
            ..Query::default()
        })
        .await
        .unwrap();
    println!(
        "count by part of host over everything: {} in {:.1?}",
        counted.events,
        begin.elapsed()
    );
    let begin = Instant::now();
    let summary = store.summary(Timestamp::MIN, Timestamp::MAX).await.unwrap();
    println!(
        "summary of everything: {} tallies, {} events in {:.1?}",
        summary.tallies.len(),
        summary.events(None),
        begin.elapsed()
    );
}

async fn timed(store: &dyn Store, what: &str, query: &Query) {
    let begin = Instant::now();
    let found = store.search(query).await.unwrap();
    println!(
        "{what}: {} events in {:.1?}",
        found.events.len(),
        begin.elapsed()
    );
}

/// The cost of one `record()`, the event being made beforehand.
fn hot(sink: &dyn Sink, store: &dyn Store) {
    let mut school = School::new();
    let mut costs = Vec::new();
    for _ in 0..50 {
        let mut events = Vec::new();
        while events.len() < 4000 {
            school.burst(START + 30 * DAY, &mut events);
        }
        let count = events.len() as u32;
        let begin = Instant::now();
        events.into_iter().for_each(|event| sink.record(event));
        costs.push(begin.elapsed() / count);
        while {
            let s = store.status();
            s.recorded - s.written > 0
        } {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    costs.sort();
    println!(
        "record(): median {:?}, worst of {} rounds {:?}, dropped {}",
        costs[costs.len() / 2],
        costs.len(),
        costs[costs.len() - 1],
        store.status().dropped
    );
}
