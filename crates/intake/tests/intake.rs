//! The face on real sockets and files: leases that change under it, accounting, syslog over UDP and
//! TCP.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it is surprised"
)]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pharos_activity::{Event, Sink};
use pharos_directory::leases::LeaseFormat;
use pharos_directory::radius::{is_answer_to, request};
use pharos_intake::{Intake, IntakeConfig, LeaseSource, RadiusClient, start};
use pharos_school::IdentitySource;
use pharos_service::App;
use pharos_testkit::school::SampleSchool;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Bounds a failing test; conditions are waited for, not times.
const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &[u8] = b"between-us-only";

/// Hands events on to the test.
struct Heard(mpsc::UnboundedSender<Event>);

impl Sink for Heard {
    fn record(&self, event: Event) {
        drop(self.0.send(event));
    }
}

struct Net {
    school: SampleSchool,
    intake: Intake,
    events: mpsc::UnboundedReceiver<Event>,
    stop: CancellationToken,
}

impl Net {
    async fn with(school: SampleSchool, change: impl FnOnce(&mut IntakeConfig)) -> Self {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut config = IntakeConfig {
            look_every: Duration::from_millis(20),
            radius: Some(any),
            radius_clients: vec![RadiusClient {
                name: "wifi".to_owned(),
                range: "127.0.0.0/8".parse().unwrap(),
                secret: SECRET.to_vec().into(),
            }],
            syslog: Some(any),
            syslog_from: vec!["127.0.0.1/32".parse().unwrap()],
            ..IntakeConfig::default()
        };
        change(&mut config);
        let (sender, events) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let sink: Arc<dyn Sink> = Arc::new(Heard(sender));
        let intake = start(config, school.app.clone(), sink, stop.clone())
            .await
            .unwrap();
        Self {
            school,
            intake,
            events,
            stop,
        }
    }

    async fn open() -> Self {
        Self::with(SampleSchool::open().await, |_| {}).await
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.events.recv())
            .await
            .unwrap()
            .unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        self.intake.join().await;
    }
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn device(app: &App, address: &str) -> Option<String> {
    let address: IpAddr = address.parse().unwrap();
    let who = app.filter().identify(address, app.now());
    who.device().map(|device| device.to_string())
}

/// MON-02: a file of leases is read as it is appended to, written anew and put in another's place;
/// one that goes away is told, and what it held stays until it runs out.
#[tokio::test]
async fn mon_02_leases_are_followed_as_the_file_changes() {
    let school = SampleSchool::open().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dnsmasq.leases");
    let until_then = school.app.now().as_second() + 3_600;
    let line = |mac: &str, address: &str| format!("{until_then} {mac} {address} * *\n");
    std::fs::write(&path, line("00:53:00:aa:00:17", "10.20.2.40")).unwrap();
    let net = Net::with(school, |config| {
        config.leases = vec![LeaseSource {
            format: LeaseFormat::Dnsmasq,
            path: path.clone(),
        }];
    })
    .await;
    let app = net.school.app.clone();
    let tablet = |address| device(&app, address).as_deref() == Some("Library tablet 17");
    until("the first lease", || tablet("10.20.2.40")).await;
    let mut both = std::fs::read_to_string(&path).unwrap();
    both += &line("00:53:00:aa:00:18", "10.20.2.41");
    std::fs::write(&path, both).unwrap();
    until("the appended lease", || {
        device(&app, "10.20.2.41").is_some()
    })
    .await;
    let aside = folder.path().join("new");
    std::fs::write(&aside, line("00:53:00:aa:00:17", "10.20.2.99")).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    until("the file in its place", || tablet("10.20.2.99")).await;
    assert!(!tablet("10.20.2.40"), "the lease before is gone");
    std::fs::remove_file(&path).unwrap();
    let technician = net.school.at_work("kofi.adeyemi").await;
    let begun = Instant::now();
    loop {
        let view = app.network(&technician.actor).await.unwrap();
        if view.leases.iter().any(|source| source.fault.is_some()) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "the missing file is told");
    }
    assert!(tablet("10.20.2.99"), "what it held stays");
    net.end().await;
}

/// MON-02: an accounting start is acknowledged and names the pupil; sent again it is answered the
/// same and counts once; with a wrong secret it is neither answered nor counted.
#[tokio::test]
async fn mon_02_accounting_is_acknowledged_and_counts_once() {
    let net = Net::open().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(net.intake.radius.unwrap()).await.unwrap();
    let packet = |id, secret: &[u8]| {
        request(
            id,
            &[
                (1, b"ada.quill"),
                (8, &[10, 20, 2, 40]),
                (40, &[0, 0, 0, 1]),
                (44, b"1"),
            ],
            secret,
        )
    };
    socket.send(&packet(1, b"another-secret")).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let start = packet(2, SECRET);
        socket.send(&start).await.unwrap();
        let mut buffer = [0; 4_096];
        let length = tokio::time::timeout(PATIENCE, socket.recv(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(is_answer_to(&buffer[..length], &start, SECRET));
        answers.push(buffer[..length].to_vec());
    }
    assert_eq!(answers[0], answers[1]);
    let app = &net.school.app;
    let who = app
        .filter()
        .identify("10.20.2.40".parse().unwrap(), app.now());
    assert_eq!(who.person(), Some(net.school.person("ada.quill").await.id));
    let technician = net.school.at_work("kofi.adeyemi").await;
    let view = app.network(&technician.actor).await.unwrap();
    let evidence = &view.addresses[0].evidence;
    assert_eq!(evidence.source, IdentitySource::Radius);
    assert_eq!(
        (
            view.radius.taken,
            view.radius.again,
            view.radius.wrong_secret
        ),
        (1, 1, 1)
    );
    net.end().await;
}

const BLOCKED: &str =
    r#"<189>user="ada.quill" srcip=127.0.1.8 hostname="a.example" action=blocked"#;

/// MON-05: messages come in by UDP, by TCP with a length and by TCP with line ends; those of a
/// sender that the pack does not name are not taken.
#[tokio::test]
async fn mon_05_messages_come_in_over_udp_and_tcp() {
    let mut net = Net::open().await;
    let at = net.intake.syslog.unwrap();
    let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    stranger
        .send_to(b"<13>hostname=stranger.example action=blocked", at)
        .await
        .unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(BLOCKED.as_bytes(), at).await.unwrap();
    let mut stream = TcpStream::connect(at).await.unwrap();
    let counted = format!("{} {BLOCKED}", BLOCKED.len());
    stream.write_all(counted.as_bytes()).await.unwrap();
    stream
        .write_all(format!("{BLOCKED}\n").as_bytes())
        .await
        .unwrap();
    for _ in 0..3 {
        let event = net.event().await;
        assert_eq!(&*event.host, "a.example");
        assert_eq!(&*event.rule, "firewall-attempt");
        assert!(event.who.person().is_some());
    }
    net.end().await;
}

/// FIL-17: a connection that sends neither form is closed, and others go on.
#[tokio::test]
async fn fil_17_a_broken_stream_is_closed_alone() {
    use tokio::io::AsyncReadExt;
    let mut net = Net::open().await;
    let at = net.intake.syslog.unwrap();
    let mut good = TcpStream::connect(at).await.unwrap();
    let mut bad = TcpStream::connect(at).await.unwrap();
    bad.write_all(b"99999999999 nothing").await.unwrap();
    let closed = tokio::time::timeout(PATIENCE, bad.read(&mut [0; 1]))
        .await
        .unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    good.write_all(format!("{BLOCKED}\n").as_bytes())
        .await
        .unwrap();
    assert_eq!(&*net.event().await.host, "a.example");
    net.end().await;
}
