//! A real browser that knows nothing of a proxy, on a network whose router sends its traffic through
//! Pharos with the rules that Pharos prints.
//!
//! Each test runs this very test program again inside a network namespace of its own, which stands for
//! the router with the filter on it; the device with the browser and the world outside run in two
//! more.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pharos_testkit::origin::{Asked, Origin, Reply, TestCa, Validity};

use crate::support::browser::{Driver, TOOLS as BROWSER};
use crate::support::server::{Server, finish, on, pharos};
use crate::support::upstream::{ADDRESS, Upstream};
use crate::support::{copy_folder, have, left_out, pack, wait_for};

/// Set for the runs inside: the folder that they share.
const INSIDE: &str = "PHAROS_TEST_INSIDE_NAMESPACE";
const DEVICE: &str = "10.20.2.9";
const ROUTER: &str = "10.20.2.1";
/// A resolver of the device's own choice, which does not exist: its questions never get there.
const ELSEWHERE: &str = "198.51.100.53";
const OPEN: &str = "tides.example";
const BLOCKED: &str = "weapons.pharos.test";
const DNS_PORT: u16 = 5300;
const PROXY_PORT: u16 = 3129;

/// Whether namespaces can be made here; says so, or fails where everything must be real.
fn can_run() -> bool {
    if !nix::unistd::geteuid().is_root() {
        println!("left out: a network of its own needs root");
        return false;
    }
    if !have(BROWSER) || !have(&["certutil", "nft", "ip", "unshare", "mount"]) {
        return false;
    }
    let made = Command::new("unshare")
        .args(["--net", "--mount", "true"])
        .status();
    let made = made.is_ok_and(|made| made.success());
    if !made {
        left_out("network namespaces cannot be made here");
    }
    made
}

fn inside(role: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            &format!("transparent::{role}"),
            "--exact",
            "--nocapture",
            "--ignored",
        ])
        .env(INSIDE, folder);
    command
}

/// The same command by another one that prepares its surroundings.
fn through(before: &[&str], command: &Command) -> Command {
    let mut outer = Command::new(before[0]);
    outer
        .args(&before[1..])
        .arg(command.get_program())
        .args(command.get_args());
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            outer.env(key, value);
        }
    }
    // A browser takes a proxy from its surroundings too.
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        outer.env_remove(name).env_remove(name.to_uppercase());
    }
    outer.stdin(Stdio::null());
    outer
}

fn must(line: &str) {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    finish(command).ended(0);
}

/// Runs one ignored test of this program as root of a network that is gone afterwards.
fn as_router(role: &str) {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let before = ["unshare", "--net", "--mount", "--propagation", "private"];
    let ran = finish(through(&before, &inside(role, folder.path())));
    assert!(ran.code == 0 && ran.out.contains("1 passed"), "{ran:#?}");
}

fn folder() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(PathBuf::from)
}

/// FIL-01, FIL-14, FIL-16: Chromium without any proxy setting, on a network that is sent through the
/// filter by TPROXY, loads an open page that was looked into, meets the block page on an HTTPS site
/// whether it asks the school's resolver or thinks to know the address, and gets nowhere over QUIC.
#[test]
fn fil_01_a_browser_that_knows_of_no_proxy_is_filtered_by_tproxy() {
    as_router("router_by_tproxy");
}

/// The same where connections are rewritten by REDIRECT.
#[test]
fn fil_01_a_browser_that_knows_of_no_proxy_is_filtered_by_redirect() {
    as_router("router_by_redirect");
}

#[test]
#[ignore = "runs inside a namespace, started by its namesake"]
fn router_by_tproxy() {
    router(true);
}

#[test]
#[ignore = "runs inside a namespace, started by its namesake"]
fn router_by_redirect() {
    router(false);
}

/// AUD-02, FIL-01: where connections come by TPROXY, `pharos check` tries them as every kind of user, and
/// what must be blocked for each is blocked.
#[test]
fn aud_02_the_check_tries_what_comes_by_tproxy() {
    as_router("checked_by_tproxy");
}

#[test]
#[ignore = "runs inside a namespace, started by its namesake"]
fn checked_by_tproxy() {
    let Some(folder) = folder() else {
        return;
    };
    must("ip link set lo up");
    let data = data(&folder);
    let at = format!("127.0.0.1:{PROXY_PORT}");
    let serve = ["--off", "jobs", "--transparent", &at, "--tproxy"];
    let server = Server::serve(&data, &serve);
    let result = server.command(&["check", "--json"]).json();
    let all = result["results"]["rows"].as_array().unwrap();
    let here: Vec<_> = all
        .iter()
        .filter(|row| row["way"] == "transparent")
        .collect();
    let mut users: Vec<u64> = here
        .iter()
        .flat_map(|row| row["users"].as_array().unwrap())
        .filter_map(serde_json::Value::as_u64)
        .collect();
    users.sort_unstable();
    users.dedup();
    assert!(users.len() > 10, "each as one of theirs: {here:#?}");
    for row in here {
        let seen = row["seen"].as_str().unwrap();
        let blocked = row["result"] == "passed" && seen.starts_with("blocked by");
        assert!(blocked, "{row:#}");
    }
}

/// Links: device — router — world, where the world has the address of every name.
fn connect(folder: &Path) {
    must("mount -t tmpfs none /run");
    must("ip link set lo up");
    for (name, near, far) in [
        ("device", ROUTER, DEVICE),
        ("world", "198.51.100.1", "198.51.100.2"),
    ] {
        must(&format!("ip netns add {name}"));
        must(&format!(
            "ip link add to-{name} type veth peer name eth0 netns {name}"
        ));
        must(&format!("ip address add {near}/24 dev to-{name}"));
        must(&format!("ip link set to-{name} up"));
        for line in [
            "ip link set lo up".to_owned(),
            format!("ip address add {far}/24 dev eth0"),
            "ip link set eth0 up".to_owned(),
            format!("ip route add default via {near}"),
        ] {
            must(&format!("ip netns exec {name} {line}"));
        }
    }
    must(&format!(
        "ip netns exec world ip address add {ADDRESS}/32 dev lo"
    ));
    must(&format!("ip route add {ADDRESS}/32 via 198.51.100.2"));
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    let resolvers = folder.join("resolv.conf");
    std::fs::write(&resolvers, format!("nameserver {ELSEWHERE}\n")).unwrap();
    must(&format!(
        "mount --bind {} /etc/resolv.conf",
        resolvers.display()
    ));
}

/// A run in another namespace; killed when dropped.
struct Elsewhere(Child);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The sample school, with the device as one of its pupils'.
fn data(folder: &Path) -> PathBuf {
    let own = folder.join("pack");
    copy_folder(&pack(), &own);
    let school = own.join("school.toml");
    let mut text = std::fs::read_to_string(&school).unwrap();
    text.push_str(&format!(
        "\n[[devices]]\naddress = \"{DEVICE}\"\nlabel = \"Corridor 9\"\nuser = \"ada.quill\"\n"
    ));
    std::fs::write(&school, text).unwrap();
    let data = folder.join("data");
    let words = ["init", "--sample", "--pack"];
    let paths = [own.to_str().unwrap(), "--data", data.to_str().unwrap()];
    pharos(&[&words[..], &paths[..]].concat()).ended(0);
    data
}

fn router(tproxy: bool) {
    let Some(folder) = folder() else {
        return;
    };
    connect(&folder);
    let world = through(&["ip", "netns", "exec", "world"], &inside("world", &folder))
        .spawn()
        .unwrap();
    let _world = Elsewhere(world);
    let root = folder.join("world.pem");
    wait_for("the world", || root.is_file().then_some(()));

    let upstream = Upstream::start(300);
    let data = data(&folder);
    let all = format!("0.0.0.0:{PROXY_PORT}");
    let (upstream_at, root) = (upstream.address.to_string(), root.display().to_string());
    let pages = [80, 443].map(|port| format!("{ROUTER}:{port}"));
    let mut arguments = vec!["serve", "--data", data.to_str().unwrap(), "--off", "jobs"];
    arguments.extend(["--transparent", &all, "--allow-private-origins"]);
    arguments.extend(["--dns-upstream", &upstream_at, "--trust", &root]);
    arguments.extend(["--block-page", &pages[0], "--block-page", &pages[1]]);
    arguments.extend(tproxy.then_some("--tproxy"));
    let at = |text: &str| text.parse().unwrap();
    let faces = (
        at("127.0.0.1:8080"),
        at("127.0.0.1:3128"),
        ([0, 0, 0, 0], DNS_PORT).into(),
    );
    let server = Server::try_start_at(&data, &arguments, &|_| {}, faces)
        .unwrap_or_else(|said| panic!("the server did not start: {said}"));

    let (proxy_port, dns_port) = (PROXY_PORT.to_string(), DNS_PORT.to_string());
    let mut wanted = vec!["network", "rules", "--subnet", "10.20.0.0/16"];
    wanted.extend(["--port", &proxy_port, "--dns-port", &dns_port]);
    wanted.extend(tproxy.then_some("--tproxy"));
    let rules = on(&data, &wanted).ended(0).out;
    let file = folder.join("pharos.nft");
    std::fs::write(&file, &rules).unwrap();
    must(&format!("nft -f {}", file.display()));
    let beside = rules
        .lines()
        .filter_map(|line| line.strip_prefix("# Once, beside it: "));
    beside.for_each(must);

    std::fs::copy(
        server.data.join("keys/authority.pem"),
        folder.join("authority.pem"),
    )
    .unwrap();
    let device = through(
        &["ip", "netns", "exec", "device"],
        &inside("device", &folder),
    );
    let ran = finish(device);
    assert!(ran.code == 0 && ran.out.contains("1 passed"), "{ran:#?}");
    assert!(
        !folder.join("quic").exists(),
        "a datagram of QUIC came through"
    );
    assert!(
        upstream.asked() > 0,
        "names were looked up by the school's resolver"
    );
}

/// The world outside: every site, over HTTP, HTTPS and (if anything came) QUIC.
#[test]
#[ignore = "runs inside a namespace, started by the router"]
fn world() {
    let Some(folder) = folder() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let ca = TestCa::new();
    let tls = ca.server(&[OPEN, BLOCKED], Validity::Now);
    let page = |asked: &Asked| {
        let header = |name| asked.header(name).unwrap_or_default();
        let body = format!(
            "{} {} via {}",
            header("host"),
            asked.target(),
            header("via")
        );
        Reply::Page {
            status: "200 OK",
            headers: vec![
                ("Content-Type".into(), "text/html".into()),
                ("Alt-Svc".into(), "h3=\":443\"".into()),
            ],
            body: body.into_bytes(),
        }
    };
    let datagrams = UdpSocket::bind((ADDRESS, 443)).unwrap();
    let _origins = runtime.block_on(async {
        let http = Origin::http_at((ADDRESS, 80).into(), page).await;
        (
            http,
            Origin::https_at((ADDRESS, 443).into(), tls, page).await,
        )
    });
    std::fs::write(folder.join("new.pem"), ca.pem()).unwrap();
    std::fs::rename(folder.join("new.pem"), folder.join("world.pem")).unwrap();
    // Until it is killed.
    while datagrams.recv(&mut [0; 1_500]).is_ok() {
        std::fs::write(folder.join("quic"), "").unwrap();
    }
}

/// A pupil's device.
#[test]
#[ignore = "runs inside a namespace, started by the router"]
fn device() {
    let Some(folder) = folder() else {
        return;
    };
    let driver = Driver::start();
    driver.trust(&folder.join("authority.pem"));
    let browser = driver.browser_as_it_comes(None);
    for _ in 0..2 {
        browser.go(&format!("https://{OPEN}/today"));
        browser.says(&format!("{OPEN} /today via 1.1 pharos-"));
    }
    browser.go(&format!("http://{OPEN}/plain"));
    browser.says(&format!("{OPEN} /plain via 1.1 pharos-"));
    let meets_block_page = |browser: &crate::support::browser::Browser| {
        browser.go(&format!("https://{BLOCKED}/x"));
        browser.says(BLOCKED);
        browser.says("Ask for this");
    };
    meets_block_page(&browser);
    // As with a line in its own hosts file: the resolver is not asked, the connection says it all.
    let knows = format!("--host-resolver-rules=MAP {BLOCKED} {ADDRESS}");
    meets_block_page(&driver.browser_as_it_comes(Some(knows)));
    let insists = format!("--origin-to-force-quic-on={OPEN}:443");
    let insists = driver.browser_as_it_comes(Some(insists));
    insists.go(&format!("https://{OPEN}/quic"));
    insists.says("ERR_QUIC");
}
