//! What other machines tell: Wi-Fi sign-ins with FreeRADIUS's own client, firewall events with
//! `logger`, and the notice of monitoring on the guest network.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::support::clients::{Session, curl, dig};
use crate::support::server::{ADA, Ran, Server, finish, folder, on, program};
use crate::support::{have, left_out, wait_for};

const SECRET: &str = "between-us-only";
/// A network address that no fixed entry of the sample pack holds.
const LAPTOP: &str = "127.0.7.7";
/// One on the guest network, where the notice comes first.
const GUEST: &str = "127.0.9.7";

/// The figure beside some words of the page on how Pharos is doing; nought where it is not there.
fn figure(page: &str, says: &str) -> u64 {
    let Some((_, rest)) = page.split_once(says) else {
        return 0;
    };
    let cell = rest.split("<td").nth(1).unwrap_or_default();
    let cell = cell.split_once('>').map_or("", |(_, text)| text);
    let text = cell.split('<').next().unwrap_or_default().trim();
    text.replace(',', "")
        .parse()
        .unwrap_or_else(|_| panic!("{text:?} beside {says:?}"))
}

/// FIL-17: the figures on the page How Pharos is doing are those of the faces that run: they grow with what
/// is asked of the resolver and the proxy between two looks at it.
#[test]
fn fil_17_the_status_page_counts_what_the_running_faces_do() {
    if !have(&["dig", "curl"]) {
        return;
    }
    // Without jobs, whose checks ask as well.
    let server = Server::sample_with(&["--off", "jobs"]);
    let kofi = Session::sign_in(server.web, "kofi.adeyemi");
    let look = || {
        let page = kofi.get("/network/status").unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        let figures = [
            "Names blocked",
            "Questions over TCP",
            "Blocks and warnings shown",
        ];
        assert!(page.body.contains(&server.dns.to_string()), "{}", page.body);
        figures.map(|says| figure(&page.body, says))
    };
    let before = look();
    for _ in 0..3 {
        dig(&server, ADA, &["+tcp", "gambling.pharos.test"]);
    }
    let proxy = format!("http://{}", server.proxy);
    for _ in 0..2 {
        let visit = [
            "--interface",
            ADA,
            "--proxy",
            &proxy,
            "http://gambling.pharos.test/",
        ];
        assert_eq!(curl(&visit).status, 403);
    }
    let after = look();
    let grown: Vec<u64> = after
        .iter()
        .zip(before)
        .map(|(now, then)| now - then)
        .collect();
    assert_eq!(grown, [3, 3, 2], "{before:?} to {after:?}");
}

/// The sample school with both ports open, and where they are.
struct Told {
    server: Server,
    radius: SocketAddr,
    syslog: SocketAddr,
    _scratch: tempfile::TempDir,
}

impl Told {
    fn start() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = folder(scratch.path());
        let secret = scratch.path().join("secret");
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        on(
            &data,
            &["radius", "wifi", "--secret-file", secret.to_str().unwrap()],
        )
        .ended(0);
        let sealed = std::fs::read(data.join("keys/radius")).unwrap();
        let is_plain = sealed
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes());
        assert!(!is_plain, "the secret is sealed");
        let any = "127.0.0.1:0";
        let server = Server::serve(&data, &["--radius", any, "--syslog", any]);
        let said = server.said();
        let port = |what: &str| {
            let line = said
                .lines()
                .find(|line| line.trim_start().starts_with(what));
            line.and_then(|line| line.split_whitespace().last()?.parse().ok())
                .unwrap_or_else(|| panic!("{what}: {said}"))
        };
        Self {
            radius: port("RADIUS"),
            syslog: port("syslog"),
            server,
            _scratch: scratch,
        }
    }

    fn blocked(&self, from: &str) -> bool {
        dig(&self.server, from, &["weapons.pharos.test"])
            .out
            .contains("EDE: 15")
    }
}

fn radclient(to: SocketAddr, secret: &str, attributes: &str) -> Ran {
    let mut command = Command::new("radclient");
    command.args(["-t", "2", "-r", "2", "-x", &to.to_string(), "acct", secret]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(attributes.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn session(kind: &str, user: &str) -> String {
    format!(
        "User-Name = \"{user}\"\nAcct-Status-Type = {kind}\nAcct-Session-Id = \"5F3C\"\n\
         NAS-Identifier = \"ap-library\"\nCalling-Station-Id = \"00-53-00-AA-00-17:School\"\n\
         Framed-IP-Address = {LAPTOP}\nFilter-Id = \"staff\"\n"
    )
}

/// MON-02, FIL-05: a teacher's Wi-Fi sign-in, told by FreeRADIUS's own client, gives the device the
/// teacher's rules until the session stops; a client that does not know the secret gets no answer and
/// changes nothing.
#[test]
fn mon_02_radclient_tells_who_joined_the_wifi() {
    if !have(&["radclient", "dig"]) {
        return;
    }
    let told = Told::start();
    assert!(told.blocked(LAPTOP), "nobody is known there");
    let wrong = radclient(
        told.radius,
        "another-secret",
        &session("Start", "ines.castellano"),
    );
    assert_ne!(wrong.code, 0, "{wrong:?}");
    assert!(told.blocked(LAPTOP), "a wrong secret changes nothing");

    let start = radclient(told.radius, SECRET, &session("Start", "ines.castellano"));
    assert_eq!(start.code, 0, "{start:?}");
    assert!(
        start.out.contains("Received Accounting-Response"),
        "{start:?}"
    );
    assert!(!told.blocked(LAPTOP), "the teacher's rules");
    let kofi = Session::sign_in(told.server.web, "kofi.adeyemi");
    let page = kofi.get("/network").unwrap();
    assert_eq!(page.status, 200, "{page:?}");
    for part in [
        "Ines Castellano",
        "signed in to the Wi-Fi: certain",
        "ap-library",
        "Library tablet 17",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let interim = radclient(
        told.radius,
        SECRET,
        &session("Interim-Update", "ines.castellano"),
    );
    assert_eq!(interim.code, 0, "{interim:?}");
    let stop = radclient(told.radius, SECRET, &session("Stop", "ines.castellano"));
    assert_eq!(stop.code, 0, "{stop:?}");
    assert!(told.blocked(LAPTOP), "the session is over");
}

/// MON-02: a FreeRADIUS server that relays what its controllers tell is understood, and hears that
/// it was.
#[test]
fn mon_02_a_freeradius_server_relays_accounting() {
    if !have(&["radclient", "freeradius", "dig"]) {
        return;
    }
    let told = Told::start();
    let Some(relay) = Relay::start(told.radius) else {
        return;
    };
    let start = radclient(relay.at, "testing123", &session("Start", "ines.castellano"));
    assert_eq!(start.code, 0, "{start:?}");
    wait_for("the relayed session", || {
        (!told.blocked(LAPTOP)).then_some(())
    });
}

/// A FreeRADIUS that hands every accounting request on; killed when dropped.
struct Relay {
    child: std::process::Child,
    at: SocketAddr,
    _scratch: tempfile::TempDir,
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Relay {
    fn start(to: SocketAddr) -> Option<Self> {
        let dictionaries = ["/usr/share/freeradius", "/usr/share/freeradius/freeradius"]
            .into_iter()
            .find(|folder| std::path::Path::new(folder).join("dictionary").is_file());
        let Some(dictionaries) = dictionaries else {
            left_out("FreeRADIUS's dictionaries are not installed");
            return None;
        };
        let scratch = tempfile::tempdir().unwrap();
        let port = {
            let probe = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            probe.local_addr().unwrap().port()
        };
        let folder = scratch.path().display().to_string();
        let config = format!(
            "prefix = /usr\nlogdir = {folder}\nraddbdir = {folder}\nrun_dir = {folder}\n\
             libdir = /usr/lib/freeradius\nmax_request_time = 10\ncleanup_delay = 2\nmax_requests = 1024\n\
             hostname_lookups = no\nproxy_requests = yes\n\
             log {{\n destination = stdout\n}}\n\
             security {{\n allow_core_dumps = no\n max_attributes = 200\n reject_delay = 0\n status_server = no\n}}\n\
             thread pool {{\n start_servers = 1\n max_servers = 2\n}}\n\
             client test {{\n ipaddr = 127.0.0.1\n secret = testing123\n}}\n\
             home_server pharos {{\n type = acct\n ipaddr = {}\n port = {}\n secret = {SECRET}\n}}\n\
             home_server_pool pharos {{\n home_server = pharos\n}}\n\
             realm pharos {{\n acct_pool = pharos\n nostrip\n}}\n\
             modules {{\n}}\n\
             server default {{\n listen {{\n type = acct\n ipaddr = 127.0.0.1\n port = {port}\n }}\n \
             preacct {{\n update control {{\n Proxy-To-Realm := pharos\n }}\n }}\n accounting {{\n }}\n}}\n",
            to.ip(),
            to.port()
        );
        std::fs::write(scratch.path().join("radiusd.conf"), config).unwrap();
        let log = std::fs::File::create(scratch.path().join("log")).unwrap();
        let child = Command::new("freeradius")
            .args(["-X", "-n", "radiusd", "-d", &folder, "-D", dictionaries])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut relay = Self {
            child,
            at: SocketAddr::from(([127, 0, 0, 1], port)),
            _scratch: scratch,
        };
        let log = std::path::Path::new(&folder).join("log");
        wait_for("FreeRADIUS to be ready", || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(
                relay.child.try_wait().unwrap().is_none(),
                "FreeRADIUS ended: {said}"
            );
            said.contains("Ready to process requests").then_some(())
        });
        Some(relay)
    }
}

/// MON-05: a firewall message that names a user and a blocked search, sent with `logger` over UDP and
/// TCP in both forms, is in the technical view and in the lead's queue within a minute; a port scan is
/// in the technical view alone.
#[test]
fn mon_05_logger_tells_of_a_blocked_search() {
    if !have(&["logger"]) {
        return;
    }
    let told = Told::start();
    let log = |more: &[&str], message: &str| {
        let mut command = Command::new("logger");
        command.args(["--server", &told.syslog.ip().to_string()]);
        command.args(["--port", &told.syslog.port().to_string(), "-t", "webfilter"]);
        command.args(more).arg("--").arg(message);
        finish(command).ended(0);
    };
    log(
        &["--udp", "--rfc3164"],
        "msg=\"Possible port scan detected\" src=203.0.113.9 dst=10.0.0.1 action=drop",
    );
    log(
        &["--tcp", "--octet-count", "--rfc5424"],
        "user=\"ada.quill\" srcip=127.0.1.8 hostname=\"www.search.example\" action=\"blocked\" category=\"Hacking\" keyword=\"how to break in\"",
    );
    log(
        &["--tcp", "--rfc3164"],
        "user=\"noor.rahimi\" srcip=127.0.1.9 url=\"http://www.way-round.example/\" action=\"blocked\" category=\"Filter Bypass\"",
    );
    let ruth = Session::sign_in(told.server.web, "ruth.okafor");
    let inbox = wait_for("both alerts", || {
        let inbox = ruth.get("/inbox").unwrap().body;
        (inbox.contains("how to break in") && inbox.contains("A way round the filter was tried"))
            .then_some(inbox)
    });
    assert!(
        inbox.contains("Ada Quill") && inbox.contains("Noor Rahimi"),
        "{inbox}"
    );
    assert!(!inbox.contains("port scan"), "{inbox}");
    let kofi = Session::sign_in(told.server.web, "kofi.adeyemi");
    let view = wait_for("the technical view", || {
        let view = kofi.get("/network/firewall").unwrap().body;
        (view.contains("how to break in") && view.contains("port scan")).then_some(view)
    });
    assert!(view.contains("For this view alone"), "{view}");
}

/// MON-09: a visitor's phone is led to the notice, whatever it opens and whatever name it looks up;
/// once the notice is accepted under a name, pages load, and what it does is logged under that name.
#[test]
fn mon_09_a_visitors_phone_is_led_to_the_notice() {
    if !have(&["curl", "dig"]) {
        return;
    }
    let server = Server::sample();
    let proxy = format!("http://{}", server.proxy);
    let through = |more: &[&str], url: &str| {
        let mut arguments = vec!["--interface", GUEST, "-x", &proxy];
        arguments.extend(more);
        arguments.push(url);
        curl(&arguments)
    };
    let led = through(&["-D", "-"], "http://encyclopaedia.example/");
    assert_eq!(led.status, 302, "{led:?}");
    let notice = server.page("/notice");
    assert!(led.body.contains(&notice), "{led:?}");
    let looked = dig(&server, GUEST, &["encyclopaedia.example"]);
    assert!(looked.out.contains("EDE: 15"), "{}", looked.out);

    let page = curl(&["--interface", GUEST, &notice]);
    assert!(
        page.status == 200 && page.body.contains("Accept and go on"),
        "{page:?}"
    );
    let origin = format!("Origin: http://{}", server.web);
    let post = |form: &str| {
        curl(&[
            "--interface",
            GUEST,
            "-H",
            &origin,
            "-H",
            "Sec-Fetch-Site: same-origin",
            "-d",
            form,
            &notice,
        ])
    };
    let blank = post("name=Jo+Marlow");
    assert_eq!(blank.status, 422, "{blank:?}");
    let accepted = post("name=Jo+Marlow&accept=yes");
    assert_eq!(accepted.status, 303, "{accepted:?}");

    let loads = through(&[], "http://encyclopaedia.example/");
    assert_ne!(loads.status, 302, "{loads:?}");
    assert_eq!(through(&[], "http://pornography.pharos.test/").status, 403);
    let kofi = Session::sign_in(server.web, "kofi.adeyemi");
    let network = kofi.get("/network").unwrap().body;
    assert!(network.contains("Jo Marlow"), "{network}");
    let logged = wait_for("the visitor's activity", || {
        let form = [
            ("address", GUEST),
            ("reason", "a test of the visitors' notice"),
        ];
        let found = kofi.post("/activity", &form).unwrap().body;
        found
            .contains("Jo Marlow (likely, not certain")
            .then_some(found)
    });
    assert!(logged.contains("pornography"), "{logged}");
}

/// FIL-20: `pharos limits` says what is not seen here; it follows from what is on.
#[test]
fn fil_20_limits_follow_from_what_is_on() {
    let server = Server::sample_with(&["--off", "jobs"]);
    let said = server.command(&["limits"]).ended(0).out;
    for part in [
        "No filter can promise complete safety.",
        "Scheduled work is off",
        "Neither DHCP leases nor Wi-Fi sign-ins",
        "Mobile data",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("The proxy is off"), "{said}");
    let json = server.command(&["limits", "--json"]).ended(0).json();
    assert!(
        json.as_array().is_some_and(|limits| limits.len() > 5),
        "{json}"
    );
}

/// A secret is read from a file or standard input, and one that is too short is refused.
#[test]
fn a_radius_secret_that_is_too_short_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let data = folder(scratch.path());
    let mut command = program();
    command.args(["radius", "wifi", "--data", data.to_str().unwrap()]);
    let empty = finish(command).ended(2);
    assert!(empty.err.contains("8 to 128"), "{empty:?}");
}
