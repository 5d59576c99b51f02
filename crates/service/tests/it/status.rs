//! How Pharos itself is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use pharos_service::{
    AskRunning, Count, Disk, FaceStatus, Running, SelfWatch, Trouble, UpstreamStatus,
};
use pharos_testkit::school::SampleSchool;

use crate::is_closed;

fn running(down: [bool; 2], free: u64) -> Running {
    let upstream = |(name, is_down): (&str, bool)| UpstreamStatus {
        name: name.to_owned(),
        is_down,
        failures: if is_down { 7 } else { 0 },
    };
    Running {
        faces: vec![FaceStatus {
            name: "Resolver",
            at: vec!["10.0.0.2:53".to_owned()],
            counts: vec![Count {
                says: "Questions over UDP".to_owned(),
                value: 12,
                is_odd: false,
            }],
        }],
        upstreams: ["192.0.2.53:53", "192.0.2.54:53"]
            .into_iter()
            .zip(down)
            .map(upstream)
            .collect(),
        disk: Some(Disk {
            free,
            total: 1 << 40,
        }),
        ..Running::default()
    }
}

/// FIL-17: when no resolver outside answers, the technical team is told once that day, and the status
/// page says so first; with one that answers there is no alarm; it ends by itself.
#[tokio::test]
async fn fil_17_dead_upstreams_are_loud() {
    let school = SampleSchool::open().await;
    let (first, second) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(true)),
    );
    let (a, b) = (Arc::clone(&first), Arc::clone(&second));
    school.app.tell_running(AskRunning(Arc::new(move || {
        let down = [&a, &b].map(|one| one.load(Ordering::Relaxed));
        running(down, 1 << 39)
    })));
    let technician = school.at_work("kofi.adeyemi").await;
    let troubles = async || {
        let status = school.app.status(&technician.actor).await.unwrap();
        status.troubles
    };
    let mut watch = SelfWatch::default();
    assert_eq!(watch.look(&school.app, None).await, []);
    let told = troubles().await;
    assert!(
        told.iter().any(|text| text.contains("1 of 2 resolvers")),
        "{told:?}"
    );

    first.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(watch.look(&school.app, None).await, [Trouble::Upstreams]);
    }
    let sent = school.notices().await;
    let told: Vec<_> = sent
        .iter()
        .filter(|(kind, _)| kind == "trouble")
        .map(|(_, to)| to.as_str())
        .collect();
    assert_eq!(told, ["kofi.adeyemi", "petra.novak"], "once each");
    let told = troubles().await;
    assert!(told[0].contains("No resolver outside answers"), "{told:?}");

    second.store(false, Ordering::Relaxed);
    assert_eq!(watch.look(&school.app, None).await, []);
}

/// FIL-17: the status says what is wrong, each with what to do: no server, a full disk, a check that
/// was never made; it is for those who keep the network, and names nobody.
#[tokio::test]
async fn fil_17_the_status_says_what_is_wrong() {
    let school = SampleSchool::open().await;
    let technician = school.at_work("kofi.adeyemi").await;
    let status = school.app.status(&technician.actor).await.unwrap();
    let said = status.troubles.join("\n");
    assert!(said.contains("No server runs"), "{said}");
    assert!(said.contains("never checked"), "{said}");
    assert!(status.versions.is_some());
    school
        .app
        .tell_running(AskRunning(Arc::new(|| running([false; 2], 1 << 20))));
    let status = school.app.status(&technician.actor).await.unwrap();
    let said = status.troubles.join("\n");
    assert!(
        said.contains("nearly full") && !said.contains("No server"),
        "{said}"
    );
    let teacher = school.at_work("hana.yilmaz").await;
    assert!(is_closed(
        &school.app.status(&teacher.actor).await.unwrap_err()
    ));
}

/// FIL-03, FIL-04: that the manifest of the lists, sealed ones among them, was changed by another hand is
/// told to the technical team and nobody else, once a day, with a way to the page on how Pharos is doing.
#[tokio::test]
async fn fil_04_lists_changed_by_another_hand_are_told_to_the_technical_team() {
    let school = SampleSchool::open().await;
    school.notices().await;
    for _ in 0..2 {
        school.app.tell_of_changed_lists().await.unwrap();
    }
    let team = [("trouble", "kofi.adeyemi"), ("trouble", "petra.novak")];
    let told = school.notices().await;
    assert_eq!(crate::said(&told), team, "once each");
    school.clock.forward(SignedDuration::from_hours(24));
    school.app.tell_of_changed_lists().await.unwrap();
    let told = school.notices().await;
    let again: Vec<_> = crate::said(&told)
        .into_iter()
        .filter(|(kind, _)| *kind == "trouble")
        .collect();
    assert_eq!(again, team, "and the next day");
}
