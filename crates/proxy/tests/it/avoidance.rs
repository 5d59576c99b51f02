//! Ways round the filter that show in how a connection behaves: each is stopped, and each is an
//! event with its person and device (FIL-16).

use pharos_activity::Event;
use pharos_school::Face;
use pharos_testkit::origin::{Origin, Reply, TestCa};

use crate::support::{ADA, School, person};

fn connect(host: &str, port: u16, inside: &str) -> String {
    format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n{inside}")
}

/// It was stopped, is counted as avoidance, and says who and which device.
fn is_told(event: &Event, rule: &str) {
    assert_eq!((event.action, &*event.rule), ("block", rule), "{event:?}");
    assert!(
        event.categories.iter().any(|name| &**name == "avoidance"),
        "{event:?}"
    );
    assert_eq!(event.who.person(), Some(person(ADA)), "{event:?}");
    assert_eq!(
        event.who.device().map(AsRef::as_ref),
        Some("Library 4"),
        "{event:?}"
    );
    assert_eq!(event.face, Face::Tunnel, "{event:?}");
}

/// FIL-16: a tunnel to a port that is not for the web is refused with a page, and told with the
/// port; inside the school it is refused and no way round.
#[tokio::test]
async fn fil_16_a_tunnel_to_a_forbidden_port_is_told() {
    let school = School::with(&[], TestCa::new(), |config| {
        config.connect_ports = vec![443];
    });
    school.sign_in(ADA);
    for (host, port) in [("far.test", 22), ("far.test", 1194), ("10.1.2.3", 631)] {
        let answer = school.raw(connect(host, port, "")).await;
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("This port is not open"),
            "{answer}"
        );
    }
    let events = school.events(3).await;
    is_told(&events[0], "port-22");
    is_told(&events[1], "port-1194");
    assert_eq!(&*events[2].rule, "port");
    assert!(events[2].categories.is_empty(), "{:?}", events[2]);
}

/// FIL-16: what is no web traffic is refused and named where its first bytes tell what it is; a
/// tunnel in which nothing is said is no way round.
#[tokio::test]
async fn fil_16_what_is_spoken_in_a_tunnel_is_named() {
    let school = School::open(&[]);
    school.sign_in(ADA);
    let inside: [(&[u8], &str); 5] = [
        (b"SSH-2.0-OpenSSH_9.9\r\n", "no-web-traffic-ssh"),
        (b"\0\x2a\x3812345678\0\0\0\0\0", "no-web-traffic-openvpn"),
        (b"\x05\x02\0\x02", "no-web-traffic-socks"),
        (b"\x03\0\0\x13\x0e\xe0\0\0", "no-web-traffic-remote-desktop"),
        (b"\x01\x02binary", "no-web-traffic"),
    ];
    for (number, (bytes, rule)) in inside.into_iter().enumerate() {
        let mut said = connect("far.test", 443, "").into_bytes();
        said.extend_from_slice(bytes);
        let answer = school.raw(said).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
        is_told(&school.events(number + 1).await[number], rule);
    }
}

/// FIL-16: another site's name inside a connection is refused, and told as a way round.
#[tokio::test]
async fn fil_16_another_host_inside_a_tunnel_is_told() {
    let origin = Origin::http(|_| Reply::page("plain")).await;
    let school = School::open(&[("harbour.test", &origin), ("blocked.test", &origin)]);
    school.sign_in(ADA);
    let inside = "GET / HTTP/1.1\r\nHost: blocked.test\r\nConnection: close\r\n\r\n";
    let answer = school.raw(connect("harbour.test", 80, inside)).await;
    assert!(
        answer.contains("The request contradicts itself"),
        "{answer}"
    );
    let event = &school.events(1).await[0];
    assert_eq!((event.action, &*event.rule), ("block", "host-disagrees"));
    assert!(event.categories.iter().any(|name| &**name == "avoidance"));
    assert!(origin.asked().is_empty());
}
