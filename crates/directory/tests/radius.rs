//! MON-02: RADIUS accounting counts only with the right secret, and tells who joined.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it is surprised"
)]

use pharos_directory::Mac;
use pharos_directory::radius::{Accounting, Packet, Refused, Status, is_answer_to, read, request};
use proptest::prelude::*;

const SECRET: &[u8] = b"between-us-only";

fn start() -> Vec<u8> {
    request(
        7,
        &[
            (1, b"ada.quill"),
            (8, &[10, 1, 0, 20]),
            (31, b"00-11-22-33-44-55:School"),
            (32, b"ap-library"),
            (40, &[0, 0, 0, 1]),
            (44, b"5F3C"),
            (11, b"pupils"),
            (33, b"first"),
            (33, b"second"),
            (
                168,
                &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20],
            ),
        ],
        SECRET,
    )
}

fn told(packet: &[u8]) -> Accounting {
    match read(packet, SECRET).unwrap().0 {
        Packet::Accounting(Some(told)) => told,
        other => panic!("{other:?}"),
    }
}

/// MON-02: a start tells name, addresses, device, group and access point; the answer proves the
/// secret and gives every Proxy-State back in order.
#[test]
fn mon_02_a_start_tells_who_is_where() {
    let packet = start();
    let told = told(&packet);
    assert_eq!(told.status, Status::Start);
    assert_eq!(told.user.as_deref(), Some("ada.quill"));
    assert_eq!(
        told.addresses,
        ["10.1.0.20", "2001:db8::20"].map(|ip| ip.parse::<std::net::IpAddr>().unwrap())
    );
    assert_eq!(told.mac, "00:11:22:33:44:55".parse::<Mac>().ok());
    assert_eq!(told.group.as_deref(), Some("pupils"));
    assert_eq!(
        (told.access_point.as_str(), told.session.as_str()),
        ("ap-library", "5F3C")
    );
    let (_, answer) = read(&packet, SECRET).unwrap();
    assert!(is_answer_to(&answer, &packet, SECRET));
    assert!(!is_answer_to(&answer, &packet, b"another"));
    let states = [&[33, 7][..], b"first", &[33, 8], b"second"].concat();
    assert!(answer.ends_with(&states), "{answer:?}");
}

/// MON-02: with another secret, or one byte changed anywhere, a packet counts for nothing.
#[test]
fn mon_02_a_packet_that_was_changed_counts_for_nothing() {
    let packet = start();
    assert_eq!(read(&packet, b"another").unwrap_err(), Refused::WrongSecret);
    for at in 0..packet.len() {
        let mut changed = packet.clone();
        changed[at] ^= 1;
        assert!(read(&changed, SECRET).is_err(), "byte {at}");
    }
    let mut access = packet.clone();
    access[0] = 1;
    assert_eq!(read(&access, SECRET).unwrap_err(), Refused::OtherKind);
    assert_eq!(read(&packet[..19], SECRET).unwrap_err(), Refused::Malformed);
    let padded = [packet.as_slice(), b"padding"].concat();
    assert_eq!(
        told(&padded),
        told(&packet),
        "what stands behind the packet is not read"
    );
}

/// MON-02: the all-zero and all-one addresses of controllers that do not know are none.
#[test]
fn mon_02_an_address_that_is_not_known_is_none() {
    for nothing in [[0, 0, 0, 0], [255, 255, 255, 255]] {
        let packet = request(1, &[(40, &[0, 0, 0, 3]), (8, &nothing)], SECRET);
        assert!(told(&packet).addresses.is_empty());
    }
}

proptest! {
    /// FIL-17: any bytes are refused or read, never more, and nobody guesses the secret.
    #[test]
    fn fil_17_any_datagram_is_refused_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..5_000)) {
        prop_assert!(read(&bytes, SECRET).is_err());
    }

    /// FIL-17: whatever attributes a client with the secret sends, the answer fits and is well formed.
    #[test]
    fn fil_17_any_attributes_are_answered(
        attributes in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..253)), 0..15)
    ) {
        let borrowed: Vec<(u8, &[u8])> = attributes
            .iter()
            .filter(|(kind, _)| *kind != 80)
            .map(|(kind, value)| (*kind, value.as_slice()))
            .collect();
        let packet = request(9, &borrowed, SECRET);
        let (_, answer) = read(&packet, SECRET).unwrap();
        prop_assert!(is_answer_to(&answer, &packet, SECRET));
    }
}
