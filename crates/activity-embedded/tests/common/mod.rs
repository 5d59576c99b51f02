//! Events of a small school.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "shared by several tests"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use pharos_activity::{Event, Query, Store, Stored};
use pharos_activity_embedded::{Config, Embedded, Opened};
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Unknown, Who};
use uuid::Uuid;

pub const START: i64 = 1_790_000_000_000;

pub fn person(number: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(number))
}

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(START + ms).unwrap()
}

pub fn pupil(number: u128, device: &str) -> Who {
    Who::Known {
        person: person(number),
        source: IdentitySource::SignInPage,
        confidence: Confidence::Certain,
        device: Some(device.into()),
    }
}

pub fn nobody(device: Option<&str>) -> Who {
    Who::Unknown {
        why: Unknown::SharedDevice,
        device: device.map(Into::into),
    }
}

pub fn event(ms: i64, who: Who, host: &str) -> Event {
    Event {
        at: at(ms),
        who,
        group: Some("pupils".into()),
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)),
        face: Face::Https,
        host: host.into(),
        path: Some(format!("/page/{ms}").into()),
        action: "allow",
        rule: "default-allow".into(),
        categories: vec!["education".into()].into(),
        policy_version: 3,
        catalogue_version: 9,
        search: None,
        sealed: None,
        bytes_up: 120,
        bytes_down: 4096,
    }
}

/// Sealing only when asked.
pub fn calm() -> Config {
    Config {
        seal_events: 1_000_000,
        seal_span: Duration::from_secs(u64::from(u32::MAX)),
        row_group: 64,
        ..Config::default()
    }
}

pub fn open(folder: &Path, config: Config) -> Opened {
    Embedded::open(folder, config).unwrap()
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// Every event there is, newest first, page by page.
pub async fn all(store: &dyn Store, query: Query) -> Vec<Stored> {
    let mut query = query;
    let mut events = Vec::new();
    loop {
        let found = store.search(&query).await.unwrap();
        assert_eq!(found.missing, Vec::<String>::new());
        events.extend(found.events);
        match found.next {
            Some(next) => query.after = Some(next),
            None => return events,
        }
    }
}

pub fn every() -> Query {
    Query {
        limit: 1000,
        ..Query::default()
    }
}
