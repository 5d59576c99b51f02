//! The same through the tools that network managers use. Left out, and said so, where a tool is
//! not installed.

use std::process::Command;

use crate::encrypted::{NAME, encrypted, identity};
use crate::school::{PAGE_V4, PUPIL, School};

/// Runs a tool as the pupil's device; `None` where it is not installed.
#[expect(clippy::print_stdout, reason = "a tool left out is said")]
fn run(tool: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            println!("left out: {tool} is not installed (Debian: bind9-dnsutils, knot-dnsutils)");
            None
        }
    }
}

/// FIL-01, SRCH-01: `dig` understands every kind of answer.
#[test]
fn dig_reads_block_narrow_and_allow() {
    let school = School::start();
    let (port, device) = (school.dns().port().to_string(), PUPIL.to_string());
    let dig = |arguments: &[&str]| {
        run(
            "dig",
            &[&["@127.0.0.1", "-p", &port, "-b", &device], arguments].concat(),
        )
    };
    let Some(blocked) = dig(&["www.bets.test", "A"]) else {
        return;
    };
    assert!(blocked.contains("status: NOERROR") && blocked.contains(&PAGE_V4.to_string()));
    assert!(blocked.contains("EDE: 15 (Blocked)"), "{blocked}");
    let safe = dig(&["www.google.co.uk", "A"]).unwrap();
    assert!(
        safe.contains("CNAME\tforcesafesearch.google.com."),
        "{safe}"
    );
    assert!(
        safe.contains("216.239.38.120") && !safe.contains("WARNING"),
        "{safe}"
    );
    let tcp = dig(&["+tcp", "example.org", "A", "+short"]).unwrap();
    assert_eq!(tcp.trim(), "192.0.2.1");
    let big = dig(&["+noedns", "big.test", "A", "+short"]).unwrap();
    assert_eq!(big.lines().count(), 60, "dig comes back over TCP");
    let transfer = dig(&["example.org", "AXFR"]).unwrap();
    assert!(transfer.contains("Transfer failed"), "{transfer}");
    let canary = dig(&["use-application-dns.net", "A"]).unwrap();
    assert!(canary.contains("status: NXDOMAIN"), "{canary}");
}

/// The same with Knot's tool, which reads messages with other code.
#[test]
fn kdig_reads_block_narrow_and_allow() {
    let school = School::start();
    let (port, device) = (school.dns().port().to_string(), PUPIL.to_string());
    let kdig = |arguments: &[&str]| {
        run(
            "kdig",
            &[
                &["@127.0.0.1", "-p", &port, "-b", &device, "+edns"],
                arguments,
            ]
            .concat(),
        )
    };
    let Some(blocked) = kdig(&["www.bets.test", "A"]) else {
        return;
    };
    assert!(
        blocked.contains(&PAGE_V4.to_string()) && blocked.contains("EDE: 15"),
        "{blocked}"
    );
    let safe = kdig(&["www.youtube.com", "A"]).unwrap();
    assert!(safe.contains("restrict.youtube.com."), "{safe}");
    let service = kdig(&["service.test", "HTTPS"]).unwrap();
    assert!(
        service.contains("alpn=h2") && !service.contains("ech"),
        "{service}"
    );
    let many = kdig(&["+tcp", "example.org", "A", "www.bets.test", "A", "+short"]).unwrap();
    assert!(
        many.contains("192.0.2.1") && many.contains(&PAGE_V4.to_string()),
        "{many}"
    );
}

/// FIL-01: over TLS and HTTPS, with the certificate checked, GET and POST.
#[test]
fn kdig_reads_encrypted_answers() {
    let identity = identity(NAME);
    let school = School::start_with(encrypted(&identity));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &identity.pem).unwrap();
    let (device, ca) = (PUPIL.to_string(), format!("+tls-ca={}", file.display()));
    let host = format!("+tls-hostname={NAME}");
    let kdig = |port: u16, way: &[&str]| {
        let port = port.to_string();
        let start = ["@127.0.0.1", "-p", &port, "-b", &device, &ca, &host];
        let name = ["www.bets.test", "A", "+short"];
        run("kdig", &[&start, way, &name].concat())
    };
    let Some(over_tls) = kdig(school.tls().port(), &["+tls"]) else {
        return;
    };
    assert_eq!(over_tls.trim(), PAGE_V4.to_string());
    for way in [
        &["+https=/dns-query"][..],
        &["+https=/dns-query", "+https-get"],
    ] {
        let over_https = kdig(school.https().port(), way).unwrap();
        assert_eq!(over_https.trim(), PAGE_V4.to_string(), "{way:?}");
    }
}
