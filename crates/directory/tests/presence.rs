//! MON-02, FIL-15, FIL-16: leases and Wi-Fi sessions joined to who is where, and who goes round.
#![allow(clippy::unwrap_used, reason = "a test stops where it is surprised")]

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use pharos_directory::Mac;
use pharos_directory::leases::Lease;
use pharos_directory::presence::{
    Change, GapDevice, GapKind, GapTimes, Presence, Registered, SESSION_HOLDS,
};
use pharos_directory::radius::{Accounting, Status};
use pharos_filter::AddressMap;
use pharos_school::{Confidence, IdentitySource, PersonId, Who};

const TABLET: &str = "00:11:22:33:44:55";
const LAPTOP: &str = "00:11:22:33:44:66";
const PHONE: &str = "02:11:22:33:44:77";

fn at(text: &str) -> Timestamp {
    format!("2026-11-26T{text}:00Z").parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn mac(text: &str) -> Mac {
    text.parse().unwrap()
}

fn person(number: u128) -> PersonId {
    PersonId::from_uuid(uuid::Uuid::from_u128(number))
}

fn lease(address: &str, device: &str, since: &str, until: &str) -> Lease {
    Lease {
        address: ip(address),
        mac: Some(mac(device)),
        name: Some("a-name".to_owned()),
        since: Some(at(since)),
        until: at(until),
        is_active: true,
    }
}

fn told(status: Status, user: &str, device: &str, addresses: &[&str]) -> Accounting {
    Accounting {
        status,
        session: format!("session of {device}"),
        user: Some(user.to_owned()),
        addresses: addresses.iter().map(|address| ip(address)).collect(),
        mac: Some(mac(device)),
        group: None,
        access_point: "ap-1".to_owned(),
    }
}

fn registered(device: &str, label: &str, owner: Option<u128>) -> Registered {
    Registered {
        mac: mac(device),
        label: label.into(),
        owner: owner.map(person),
        address: None,
    }
}

/// A presence with the map that its changes go to.
#[derive(Default)]
struct Net {
    presence: Presence,
    map: AddressMap,
}

impl Net {
    fn carry(&self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Bind(address, device) => self.map.bind(address, &device),
                Change::Learn(address, evidence) => self.map.learn(address, evidence),
                Change::End(address, source) => drop(self.map.end_source(address, source)),
            }
        }
    }

    fn leases(&mut self, leases: &[Lease], now: &str) {
        let changes = self.presence.take_leases(leases.to_vec(), at(now));
        self.carry(changes);
    }

    fn accounting(&mut self, told: &Accounting, person: Option<PersonId>, now: &str) {
        let changes = self.presence.take_accounting(told, person, at(now));
        self.carry(changes);
    }

    fn who(&self, address: &str, now: &str) -> Who {
        self.map.identify(ip(address), at(now))
    }
}

/// MON-02: a lease leads to the registered device and, likely, to its owner; a shared device is a
/// device and nobody; a stranger is told by its own name.
#[test]
fn mon_02_a_lease_leads_to_the_device_and_likely_to_its_owner() {
    let mut net = Net::default();
    net.presence.set_register([
        registered(LAPTOP, "Ines Castellano's laptop", Some(1)),
        registered(TABLET, "Tablet 17", None),
    ]);
    net.leases(
        &[
            lease("10.1.0.1", LAPTOP, "08:00", "20:00"),
            lease("10.1.0.2", TABLET, "08:00", "20:00"),
            lease("10.1.0.3", PHONE, "08:00", "20:00"),
        ],
        "09:00",
    );
    assert_eq!(
        net.who("10.1.0.1", "09:00"),
        Who::Known {
            person: person(1),
            source: IdentitySource::DhcpLease,
            confidence: Confidence::Likely,
            device: Some("Ines Castellano's laptop".into()),
        }
    );
    let tablet = net.who("10.1.0.2", "09:00");
    assert_eq!(
        (tablet.person(), tablet.device().map(AsRef::as_ref)),
        (None, Some("Tablet 17"))
    );
    let phone = net.who("10.1.0.3", "09:00");
    assert_eq!(
        phone.device().map(AsRef::as_ref),
        Some("a-name (02:11:22:33:44:77)")
    );
    assert_eq!(
        net.presence.lease_counts(),
        (3, 1),
        "one made its address up"
    );
    assert_eq!(
        net.who("10.1.0.1", "20:00").person(),
        None,
        "the lease is over"
    );
    net.leases(&[], "10:00");
    assert_eq!(
        net.who("10.1.0.1", "10:00").person(),
        None,
        "the lease was let go"
    );
}

/// MON-02: a Wi-Fi session without an address is joined with the lease of its device, whichever
/// comes first; a stop, or the access point's end, ends it.
#[test]
fn mon_02_a_session_without_an_address_is_joined_with_the_lease() {
    for lease_first in [true, false] {
        let mut net = Net::default();
        let held = [lease("10.1.0.3", PHONE, "08:00", "20:00")];
        let start = told(Status::Start, "ada.quill", PHONE, &[]);
        if lease_first {
            net.leases(&held, "09:00");
            net.accounting(&start, Some(person(2)), "09:00");
        } else {
            net.accounting(&start, Some(person(2)), "09:00");
            net.leases(&held, "09:00");
        }
        let Who::Known {
            person: who,
            source,
            confidence,
            ..
        } = net.who("10.1.0.3", "09:01")
        else {
            unreachable!("joined: {lease_first}");
        };
        assert_eq!((who, source), (person(2), IdentitySource::Radius));
        assert_eq!(confidence, Confidence::Certain);
        let end = match lease_first {
            true => told(Status::Stop, "ada.quill", PHONE, &[]),
            false => told(Status::Off, "", PHONE, &[]),
        };
        net.accounting(&end, None, "09:30");
        assert_eq!(net.who("10.1.0.3", "09:31").person(), None);
    }
}

/// MON-02: a session nothing is heard of any more runs out; an interim word keeps it.
#[test]
fn mon_02_a_session_whose_stop_was_lost_runs_out() {
    let mut net = Net::default();
    net.accounting(
        &told(Status::Start, "ada.quill", PHONE, &["10.1.0.3"]),
        Some(person(2)),
        "00:00",
    );
    net.accounting(
        &told(Status::Interim, "ada.quill", PHONE, &["10.1.0.3"]),
        Some(person(2)),
        "10:00",
    );
    assert_eq!(net.who("10.1.0.3", "21:59").person(), Some(person(2)));
    assert_eq!(net.who("10.1.0.3", "22:00").person(), None);
    let changes = net.presence.sweep(at("10:00") + SESSION_HOLDS);
    assert_eq!(
        changes,
        [Change::End(ip("10.1.0.3"), IdentitySource::Radius)]
    );
    assert!(net.presence.sessions().is_empty());
}

/// MON-02: admission by hardware address alone says which device it is, not who.
#[test]
fn mon_02_admission_by_hardware_address_names_nobody() {
    let mut net = Net::default();
    net.presence
        .set_register([registered(TABLET, "Tablet 17", None)]);
    net.accounting(
        &told(Status::Start, TABLET, TABLET, &["10.1.0.2"]),
        Some(person(3)),
        "09:00",
    );
    let who = net.who("10.1.0.2", "09:01");
    assert_eq!(
        (who.person(), who.device().map(AsRef::as_ref)),
        (None, Some("Tablet 17"))
    );
}

/// MON-02: two pupils use one tablet in turn: each session ends the one before.
#[test]
fn mon_02_the_next_user_of_a_device_ends_the_one_before() {
    let mut net = Net::default();
    let mut first = told(Status::Start, "ada.quill", TABLET, &["10.1.0.2"]);
    first.session = "one".to_owned();
    let mut second = told(Status::Start, "wren.osei", TABLET, &["10.1.0.2"]);
    second.session = "two".to_owned();
    net.accounting(&first, Some(person(1)), "09:00");
    net.accounting(&second, Some(person(2)), "10:00");
    assert_eq!(net.who("10.1.0.2", "10:01").person(), Some(person(2)));
    // The stop of the first comes late: it is not the second's.
    first.status = Status::Stop;
    net.accounting(&first, Some(person(1)), "10:02");
    assert_eq!(net.who("10.1.0.2", "10:03").person(), Some(person(2)));
}

/// MON-02: the late stop of a device that had the address before does not end the session of the one
/// that has it now; moving on to the next access point is no news of who is at a device.
#[test]
fn mon_02_a_late_stop_ends_only_its_own_session() {
    let mut net = Net::default();
    let before = told(Status::Start, "ada.quill", TABLET, &["10.1.0.2"]);
    net.accounting(&before, Some(person(1)), "09:00");
    net.accounting(
        &told(Status::Start, "wren.osei", LAPTOP, &["10.1.0.2"]),
        Some(person(2)),
        "10:00",
    );
    net.accounting(
        &Accounting {
            status: Status::Stop,
            ..before
        },
        Some(person(1)),
        "10:01",
    );
    assert_eq!(net.who("10.1.0.2", "10:02").person(), Some(person(2)));

    net.map.learn(
        ip("10.1.0.2"),
        pharos_filter::Evidence {
            person: Some(person(3)),
            device: None,
            source: IdentitySource::SignInPage,
            confidence: Confidence::Certain,
            since: at("10:30"),
            until: at("23:00"),
        },
    );
    let mut moved_on = told(Status::Start, "wren.osei", LAPTOP, &["10.1.0.2"]);
    moved_on.access_point = "ap-2".to_owned();
    net.accounting(&moved_on, Some(person(2)), "11:00");
    assert_eq!(net.who("10.1.0.2", "11:01").person(), Some(person(3)));
}

fn times(now: &str) -> GapTimes {
    GapTimes {
        grace: SignedDuration::from_mins(60),
        seen_since: at(now) - SignedDuration::from_hours(24),
        there_since: at(now) - SignedDuration::from_hours(24),
    }
}

/// FIL-16, FIL-15: a device that renews its lease and does not pass the filter goes round it; one
/// that passes does not; a registered one that nobody saw is on the list as not seen.
#[test]
fn fil_16_a_device_that_stopped_passing_is_in_the_gap_list() {
    let mut net = Net::default();
    net.presence.set_register([
        registered(TABLET, "Tablet 17", None),
        registered("00:11:22:33:44:88", "Tablet 18", None),
    ]);
    let both = |since| {
        [
            lease("10.1.0.2", TABLET, since, "23:00"),
            lease("10.1.0.3", PHONE, since, "23:00"),
        ]
    };
    net.leases(&both("08:00"), "08:00");
    let mut passed: BTreeMap<IpAddr, Timestamp> = BTreeMap::new();
    passed.insert(ip("10.1.0.2"), at("08:05"));
    passed.insert(ip("10.1.0.3"), at("08:05"));
    net.presence
        .note_passings(|address| passed.get(&address).copied());
    let labels = |net: &Net, now: &str| -> Vec<(GapKind, String)> {
        let gaps = net.presence.gaps(times(now));
        gaps.iter()
            .map(|gap| (gap.kind, gap.label.to_string()))
            .collect()
    };
    let unseen = (GapKind::NotSeen, "Tablet 18".to_owned());
    assert_eq!(labels(&net, "08:10"), std::slice::from_ref(&unseen));
    // The tablet's agent is removed: it renews its lease, and nothing of it passes any more.
    net.leases(&both("14:00"), "14:00");
    passed.insert(ip("10.1.0.3"), at("13:50"));
    net.presence
        .note_passings(|address| passed.get(&address).copied());
    let gone = (GapKind::GoesRound, "Tablet 17".to_owned());
    assert_eq!(labels(&net, "14:10"), [gone.clone(), unseen.clone()]);
    // What is remembered over a restart says the same.
    let kept = net.presence.to_keep();
    let mut after = Presence::default();
    after.set_register([registered(TABLET, "Tablet 17", None)]);
    after.remember(kept);
    assert_eq!(after.gaps(times("14:10"))[0].passed, Some(at("08:05")));
    // It passes again: no gap.
    passed.insert(ip("10.1.0.2"), at("14:20"));
    net.presence
        .note_passings(|address| passed.get(&address).copied());
    assert_eq!(labels(&net, "14:30"), [unseen]);
}

/// FIL-15: a device of the register that has only a fixed network address is on the gap list while
/// nothing passes from there, and one with both addresses is seen when it passes at its fixed one.
#[test]
fn fil_15_a_device_with_a_fixed_address_is_missed_too() {
    let mut net = Net::default();
    let desk = Registered {
        address: Some(ip("10.1.0.77")),
        ..registered(TABLET, "Office desk", None)
    };
    net.presence.set_register([desk]);
    let board = (ip("10.1.0.70"), "Board of room 4".into());
    net.presence.set_fixed([board.clone()]);
    let missed = |net: &Net, now: &str| -> Vec<String> {
        let gaps = net.presence.gaps(times(now));
        assert!(gaps.iter().all(|gap| gap.kind == GapKind::NotSeen));
        gaps.iter().map(|gap| gap.label.to_string()).collect()
    };
    assert_eq!(missed(&net, "08:00"), ["Office desk", "Board of room 4"]);
    net.presence.note_passings(|_| Some(at("08:05")));
    assert_eq!(missed(&net, "08:10"), [""; 0]);
    // A new pack changes nothing of that; two days later both are missed.
    net.presence.set_fixed([board]);
    assert_eq!(missed(&net, "08:10"), [""; 0]);
    let later = GapTimes {
        seen_since: at("08:06"),
        ..times("08:10")
    };
    let gaps = net.presence.gaps(later);
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert_eq!(gaps[0].passed, Some(at("08:05")));
}

/// The names of devices on the gap list are read as they are written.
#[test]
fn devices_of_the_gap_list_are_read_and_written_back() {
    for (text, device) in [
        (TABLET, GapDevice::Mac(TABLET.parse().unwrap())),
        ("10.1.0.70", GapDevice::Address(ip("10.1.0.70"))),
        ("2001:db8::7", GapDevice::Address(ip("2001:db8::7"))),
        ("roaming:0193-af", GapDevice::Roaming("0193-af".into())),
    ] {
        let read: GapDevice = text.parse().unwrap();
        assert_eq!((&read, read.to_string().as_str()), (&device, text));
    }
    for text in ["", "roaming:", "roaming:a/b", "10.1.0", "tablet"] {
        assert!(text.parse::<GapDevice>().is_err(), "{text}");
    }
}
