//! MON-02: what DHCP servers write is read as they mean it, and nothing in it can do harm.
#![allow(clippy::unwrap_used, reason = "a test stops where it is surprised")]

use std::net::IpAddr;

use jiff::Timestamp;
use pharos_directory::leases::{LEASES_MAX, Lease, LeaseFormat, LeaseReader, Leases, read_leases};
use pharos_directory::{Mac, PROBLEMS_MAX};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn mac(text: &str) -> Option<Mac> {
    Some(text.parse().unwrap())
}

fn of<'a>(leases: &'a Leases, address: &str) -> &'a Lease {
    let address: IpAddr = address.parse().unwrap();
    leases
        .leases
        .iter()
        .find(|lease| lease.address == address)
        .unwrap()
}

const ISC: &str = r#"
# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
server-duid "\000\001\000\001\054\123\"x";
lease 10.1.0.20 {
  starts 4 2026/11/26 08:00:00;
  ends 4 2026/11/26 20:00:00;
  tstp 4 2026/11/26 20:00:00;
  cltt 4 2026/11/26 08:00:00;
  binding state active;
  next binding state free;
  hardware ethernet 00:11:22:33:44:55;
  uid "\001\000\021\"3DU";
  client-hostname "tablet-17";
}
lease 10.1.0.21 {
  starts epoch 1795680000; # Thu Nov 26 08:00:00 2026
  ends never;
  binding state active;
  hardware ethernet 02:11:22:33:44:56;
}
lease 10.1.0.20 {
  starts 4 2026/11/26 14:00:00;
  ends 5 2026/11/27 02:00:00;
  binding state active;
  hardware ethernet 00:11:22:33:44:55;
  client-hostname "tablet-17";
}
lease 10.1.0.22 {
  starts 4 2026/11/26 08:00:00;
  ends 4 2026/11/26 09:00:00;
  binding state free;
  hardware ethernet 00:11:22:33:44:57;
}
ia-na "\001\002\003\004\000\003\000\001\000\021\042\063\104\130" {
  cltt 4 2026/11/26 08:00:00;
  iaaddr 2001:db8::20 {
    binding state active;
    preferred-life 27000;
    max-life 43200;
    ends 4 2026/11/26 20:00:00;
  }
}
lease 10.1.0.23 {
  starts 4 2026/11/26 08:00:00;
  ends 4 2026/1"#;

/// MON-02: dhcpd's log is read to its last word on each address, texts and all; a block that is
/// being written waits.
#[test]
fn mon_02_isc_leases_are_read_to_the_last_word() {
    let found = read_leases(LeaseFormat::Isc, "dhcpd.leases", ISC.as_bytes());
    assert_eq!(found.problems, []);
    assert_eq!(found.leases.len(), 4);
    let tablet = of(&found, "10.1.0.20");
    assert_eq!(tablet.mac, mac("00:11:22:33:44:55"));
    assert_eq!(tablet.name.as_deref(), Some("tablet-17"));
    assert_eq!(tablet.since, Some(at("2026-11-26T14:00:00Z")));
    assert_eq!(tablet.until, at("2026-11-27T02:00:00Z"));
    assert!(tablet.is_active);
    assert_eq!(of(&found, "10.1.0.21").until, Timestamp::MAX);
    assert!(of(&found, "10.1.0.21").mac.unwrap().is_made_up());
    assert!(!of(&found, "10.1.0.22").is_active);
    assert_eq!(of(&found, "2001:db8::20").mac, mac("00:11:22:33:44:58"));
}

const KEA4: &str = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
10.1.0.20,00:11:22:33:44:55,01:00:11:22:33:44:55,43200,1795723200,1,0,0,tablet-17&#x2cfront,0,,0
10.1.0.21,02:11:22:33:44:56,,4294967295,4294967295,1,0,0,,0,,0
10.1.0.22,00:11:22:33:44:57,,3600,1795683600,1,0,0,gone,2,,0
10.1.0.20,00:11:22:33:44:55,,0,1795700000,1,0,0,,0,,0
not an address,00:11:22:33:44:55,,43200,1795723200,1,0,0,,0,,0
10.1.0.23,00:11:22:33:44:58,,many,1795723200,1,0,0,,0,,0
10.1.0.24,00:11:22:33:44:59,,432";

const KEA6: &str = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state
2001:db8::20,00:01:00:01:2c:53:11:22:00:11:22:33:44:58,43200,1795723200,1,27000,0,7,128,0,0,laptop-3,,0
";

/// MON-02: Kea's file is read by the names of its columns; a lease let go is over; each line that
/// cannot be read is told by its number.
#[test]
fn mon_02_kea_leases_are_read_by_the_names_of_their_columns() {
    let found = read_leases(LeaseFormat::Kea, "kea-leases4.csv", KEA4.as_bytes());
    assert!(!of(&found, "10.1.0.20").is_active, "released");
    assert_eq!(of(&found, "10.1.0.21").until, Timestamp::MAX);
    assert!(!of(&found, "10.1.0.22").is_active, "taken back");
    let lines: Vec<u64> = found.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [6, 7], "{:?}", found.problems);
    let six = read_leases(LeaseFormat::Kea, "kea-leases6.csv", KEA6.as_bytes());
    assert_eq!(six.problems, []);
    assert_eq!(of(&six, "2001:db8::20").mac, mac("00:11:22:33:44:58"));
    assert_eq!(
        of(&six, "2001:db8::20").since,
        Some(at("2026-11-26T08:00:00Z"))
    );
    let other = read_leases(LeaseFormat::Kea, "x", b"a,b,c\n1,2,3\n");
    assert_eq!(other.problems.len(), 1, "{:?}", other.problems);
}

/// MON-02: while Kea tidies its file up, the older part counts first and the newer last.
#[test]
fn mon_02_a_file_in_two_parts_is_one() {
    let header = KEA4.lines().next().unwrap();
    let old = format!(
        "{header}\n10.1.0.20,00:11:22:33:44:55,,43200,1795723200,1,0,0,old,0,,0\n10.1.0.21,00:11:22:33:44:56,,43200,1795723200,1,0,0,stays,0,,0\n"
    );
    let new = format!("{header}\n10.1.0.20,00:11:22:33:44:99,,43200,1795730000,1,0,0,new,0,,0\n");
    let mut reader = LeaseReader::new(LeaseFormat::Kea);
    reader.read("leases.2", old.as_bytes());
    reader.read("leases", new.as_bytes());
    let found = reader.finish();
    assert_eq!(of(&found, "10.1.0.20").name.as_deref(), Some("new"));
    assert_eq!(of(&found, "10.1.0.21").name.as_deref(), Some("stays"));
}

/// MON-02: dnsmasq's file, IPv4 and IPv6 in one.
#[test]
fn mon_02_dnsmasq_leases_are_read() {
    let text = "1795723200 00:11:22:33:44:55 10.1.0.20 tablet-17 01:00:11:22:33:44:55\n\
                0 02:11:22:33:44:56 10.1.0.21 * *\n\
                duid 00:01:00:01:2c:53:11:22:00:aa:bb:cc:dd:ee\n\
                1795723200 7 2001:db8::20 laptop-3 00:01:00:01:2c:53:11:22:00:11:22:33:44:58\n\
                soon 00:11:22:33:44:57 10.1.0.22 * *\n\
                17957232";
    let found = read_leases(LeaseFormat::Dnsmasq, "dnsmasq.leases", text.as_bytes());
    assert_eq!(of(&found, "10.1.0.20").name.as_deref(), Some("tablet-17"));
    assert_eq!(of(&found, "10.1.0.21").until, Timestamp::MAX);
    assert_eq!(of(&found, "10.1.0.21").name, None);
    assert_eq!(of(&found, "2001:db8::20").mac, mac("00:11:22:33:44:58"));
    let lines: Vec<u64> = found.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [5]);
}

/// FIL-17: more addresses than are kept are told once, and the file costs no more than that.
#[test]
fn fil_17_a_file_of_endless_leases_is_bounded() {
    let mut text = String::new();
    for n in 0..LEASES_MAX + 1_000 {
        let [_, b, c, d] = u32::try_from(n).unwrap().to_be_bytes();
        text += &format!("1795723200 00:11:22:{b:02x}:{c:02x}:{d:02x} 10.{b}.{c}.{d} * *\n");
    }
    let found = read_leases(LeaseFormat::Dnsmasq, "dnsmasq.leases", text.as_bytes());
    assert_eq!(found.leases.len(), LEASES_MAX);
    assert_eq!(found.problems.len(), 1);
}

proptest! {
    /// FIL-17: any bytes are read in every format, within the bounds; what a name may hold is plain.
    #[test]
    fn fil_17_any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
        for format in LeaseFormat::ALL {
            let found = read_leases(format, "file", &bytes);
            prop_assert!(found.problems.len() <= PROBLEMS_MAX);
            for lease in found.leases {
                let plain = lease.name.is_none_or(|name| {
                    name.chars().count() <= 63 && !name.chars().any(char::is_control)
                });
                prop_assert!(plain);
            }
        }
    }

    /// MON-02: a file cut anywhere holds leases of the whole file only, for files that are written
    /// anew as for those that are appended to.
    #[test]
    fn mon_02_a_file_that_is_being_written_invents_nothing(cut in 0usize..2_000) {
        for (format, whole) in [(LeaseFormat::Isc, ISC), (LeaseFormat::Kea, KEA6)] {
            let part = &whole.as_bytes()[..cut.min(whole.len())];
            let (part, all) = (read_leases(format, "f", part), read_leases(format, "f", whole.as_bytes()));
            for lease in part.leases {
                prop_assert!(all.leases.iter().any(|known| known.address == lease.address && known.mac == lease.mac));
            }
        }
    }
}
