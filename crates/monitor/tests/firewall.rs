//! MON-05: what firewalls write by syslog is read as they mean it.
#![allow(clippy::unwrap_used, reason = "a test stops where it is surprised")]

use pharos_monitor::Method;
use pharos_monitor::firewall::{FirewallEvent, Message, Shows, TEXT_MAX, read};
use proptest::prelude::*;

fn of(text: &str) -> FirewallEvent {
    read(text.as_bytes()).unwrap()
}

/// MON-05: a message of each of several makers that names a user and a blocked search or site is an
/// attempt, with user, device, site and words.
#[test]
fn mon_05_blocked_searches_and_sites_of_several_makers_are_attempts() {
    let messages = [
        // RFC 3164 without host, FortiGate's pairs
        r#"<189>date=2026-11-26 time=10:00:00 devname="FGT60" type="utm" subtype="webfilter" srcip=10.1.0.20 dstip=198.51.100.7 user="ada.quill" hostname="www.games.example" url="http://www.games.example/play?x=1" action="blocked" catdesc="Games" keyword="cheap games""#,
        // RFC 3164 with host, ArcSight's common format
        r"<14>Nov 26 10:00:00 fw-1 CEF:0|Maker|Wall|1|100|web filter|5|src=10.1.0.20 dst=198.51.100.7 suser=ada.quill request=http://www.games.example/play?x\=1 act=Blocked cat=Games search=cheap games dpt=80",
        // RFC 5424 with structured data
        r#"<134>1 2026-11-26T10:00:00.123Z fw-1 webfilter 99 BLOCK [web@32473 src="10.1.0.20" dst="198.51.100.7" user="ada.quill" url="https://www.games.example/play" action="denied" category="Games" search_query="cheap games"] stopped"#,
    ];
    for message in messages {
        let event = of(message);
        assert_eq!(event.user.as_deref(), Some("ada.quill"), "{event:?}");
        assert_eq!(event.source, "10.1.0.20".parse().ok(), "{event:?}");
        assert_eq!(event.target, "198.51.100.7".parse().ok(), "{event:?}");
        assert_eq!(
            event.host.as_deref(),
            Some("www.games.example"),
            "{event:?}"
        );
        assert_eq!(event.category.as_deref(), Some("games"), "{event:?}");
        assert_eq!(event.search.as_deref(), Some("cheap games"), "{event:?}");
        assert_eq!(event.shows(), Shows::Attempt, "{event:?}");
    }
}

/// MON-05: a port scan, an allowed page and a note of the machine itself are for the technical team
/// alone.
#[test]
fn mon_05_a_port_scan_is_for_the_technical_team_alone() {
    for message in [
        "<164>Nov 26 10:00:00 fw-1 id=firewall sn=0017 m=82 msg=\"Possible port scan detected\" src=203.0.113.9:4444 dst=10.0.0.1:22 action=drop",
        r#"<189>type="utm" user="ada.quill" hostname="www.school.example" action="passthrough""#,
        "<6>Nov 26 10:00:00 fw-1 kernel: link is up",
        "no head at all, and nothing in it",
    ] {
        assert_eq!(of(message).shows(), Shows::Technical, "{message}");
    }
    assert_eq!(read(b""), None);
    assert_eq!(read(b"<13>"), None);
}

/// FIL-16: a connection to the outside on a port of its own, or a site of such a category, is a way
/// round; the same port inside the school is not.
#[test]
fn fil_16_a_port_or_category_gives_a_way_round_away() {
    let packet = |dst: &str, protocol: &str, port: u16| {
        of(&format!(
            "<4>Nov 26 10:00:00 gw kernel: [12.3] DROP IN=lan OUT=wan MAC=aa:bb SRC=10.1.0.20 DST={dst} LEN=60 PROTO={protocol} SPT=40000 DPT={port} "
        ))
        .shows()
    };
    assert_eq!(
        packet("9.9.9.9", "TCP", 853),
        Shows::WayRound(Method::EncryptedDns)
    );
    assert_eq!(
        packet("203.0.113.9", "UDP", 51820),
        Shows::WayRound(Method::Vpn)
    );
    assert_eq!(packet("10.0.0.9", "TCP", 3389), Shows::Technical);
    assert_eq!(packet("203.0.113.9", "TCP", 443), Shows::Technical);
    let named =
        of(r#"<189>srcip=10.1.0.20 hostname="way.example" catdesc="Filter Bypass" action=blocked"#);
    assert_eq!(named.shows(), Shows::WayRound(Method::Other));
}

/// MON-05: both heads are read, with the liberties that senders take.
#[test]
fn mon_05_both_forms_of_the_head_are_read() {
    for (text, priority, host, rest) in [
        (
            "<34>1 2026-11-26T10:00:00Z fw-1 su - ID47 - a text",
            Some(34),
            Some("fw-1"),
            "a text",
        ),
        ("<34>1 - - - - - -", Some(34), None, ""),
        (
            "<34>Oct 11 22:14:15 fw-1 su: a text",
            Some(34),
            Some("fw-1"),
            "su: a text",
        ),
        (
            "<13>Nov  6 10:00:00 root: a text",
            Some(13),
            None,
            "root: a text",
        ),
        ("<189>a=b", Some(189), None, "a=b"),
        ("<999>a=b", None, None, "<999>a=b"),
        ("a=b", None, None, "a=b"),
    ] {
        let read = Message::read(text.as_bytes());
        assert_eq!(read.priority, priority, "{text}");
        assert_eq!(read.host.as_deref(), host, "{text}");
        assert_eq!(read.text, rest, "{text}");
    }
}

proptest! {
    /// FIL-17: any bytes are read, and what is kept is bounded and plain.
    #[test]
    fn fil_17_any_message_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        if let Some(event) = read(&bytes) {
            for text in [&event.user, &event.host, &event.url, &event.search, &event.category, &event.action] {
                let plain = text.as_ref().is_none_or(|text| text.chars().count() <= TEXT_MAX && !text.chars().any(char::is_control));
                prop_assert!(plain);
            }
            prop_assert!(event.summary.chars().count() <= TEXT_MAX);
            let _ = event.shows();
        }
    }

    /// FIL-17: pairs in any order, with any values, are read to their end.
    #[test]
    fn fil_17_any_pairs_are_read(text in r#"(<13>)?([a-z]{1,8}=("[^\n]{0,20}"|[^ \n]{0,20}) ?){0,30}"#) {
        let _ = read(text.as_bytes());
        let _ = read(format!("CEF:0|a|b|c|{text}").as_bytes());
    }
}
