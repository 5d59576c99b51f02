//! How long a proposed change takes to be replayed over recorded activity (REQ-03, REQ-04).
//!
//! `cargo run --release -p pharos-service --example what_if -- 1000000`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement stops where it is surprised, and prints"
)]

use std::net::IpAddr;
use std::time::Instant;

use jiff::SignedDuration;
use pharos_activity::{Event, Store};
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Who};
use pharos_service::Proposed;
use pharos_testkit::school::{SampleSchool, pack_files};

/// Different sites asked for.
const SITES: u64 = 20_000;
/// Days that the events are spread over.
const DAYS: i64 = 28;

#[tokio::main]
async fn main() {
    let count: u64 = std::env::args()
        .nth(1)
        .map_or(1_000_000, |text| text.parse().unwrap());
    let school = SampleSchool::open().await;
    let snapshot = school.app.filter().snapshot().unwrap();
    let mut people: Vec<PersonId> = snapshot
        .roster()
        .iter()
        .map(|member| member.person)
        .collect();
    people.sort();
    let begun = Instant::now();
    let step = SignedDuration::from_hours(24 * DAYS).as_millis() / i128::from(count.max(1));
    for number in 0..count {
        // A fixed walk over people and sites, so that every run replays the same.
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let person = people[usize::try_from(mixed).unwrap_or(0) % people.len()];
        let site = (mixed / 7) % SITES;
        let host = match site {
            0..40 => "gaming.pharos.test".to_owned(),
            40..60 => "social-media.pharos.test".to_owned(),
            site => format!("www.site-{site}.example"),
        };
        let back = i64::try_from(step * i128::from(number)).unwrap_or_default();
        school.sink.record(Event {
            at: school.app.now() - SignedDuration::from_millis(back),
            who: Who::Known {
                person,
                source: IdentitySource::AddressMap,
                confidence: Confidence::Likely,
                device: None,
            },
            group: Some("pupils".into()),
            address: IpAddr::from([10, 20, 2, u8::try_from(mixed % 250).unwrap_or(0)]),
            face: if number % 3 == 0 {
                Face::Https
            } else {
                Face::Dns
            },
            host: host.into(),
            path: (number % 3 == 0).then(|| format!("/page/{}", number % 97).into()),
            action: "allow",
            rule: "default".into(),
            categories: [].into(),
            policy_version: 1,
            catalogue_version: 1,
            search: None,
            sealed: None,
            bytes_up: 0,
            bytes_down: 0,
        });
        if number % 20_000 == 0 {
            school.activity.flush().await.unwrap();
        }
    }
    school.activity.flush().await.unwrap();
    school.activity.seal().await.unwrap();
    println!(
        "{count} events recorded and sealed in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let text = text.replacen("\"gambling\", \"gaming\",", "\"gambling\",", 1);
    files.insert("school.toml".to_owned(), text.into_bytes());
    let kofi = school.at_work("kofi.adeyemi").await.actor;
    let proposed = Proposed::Pack(files);
    for round in 1..=3 {
        let begun = Instant::now();
        let found = school.app.what_if(&kofi, &proposed, 30).await.unwrap();
        println!(
            "round {round}: {} events replayed in {:.2} s on {} threads; opens {} at {} sites, closes {}",
            found.events,
            begun.elapsed().as_secs_f64(),
            std::thread::available_parallelism().map_or(1, usize::from),
            found.opens.asked,
            found.opens.site_count,
            found.closes.asked
        );
    }
}
