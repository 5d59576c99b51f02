//! An event to start from.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Who};

use crate::Event;

pub(crate) fn event(second: i64) -> Event {
    Event {
        at: Timestamp::constant(1_790_000_000 + second, 0),
        who: Who::Known {
            person: PersonId::from_uuid(uuid::Uuid::from_u128(7)),
            source: IdentitySource::ProxySignIn,
            confidence: Confidence::Certain,
            device: Some("library-3".into()),
        },
        group: Some("pupils".into()),
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)),
        face: Face::Https,
        host: "maths.example".into(),
        path: Some("/".into()),
        action: "allow",
        rule: "default".into(),
        categories: vec!["education".into()].into(),
        policy_version: 1,
        catalogue_version: 1,
        search: None,
        sealed: None,
        bytes_up: 10,
        bytes_down: 1000,
    }
}
