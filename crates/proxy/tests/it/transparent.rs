//! Transparent mode in network namespaces: a device, the school's router with the filter on it,
//! and the world outside, with the rules that Pharos prints.
//!
//! Each test runs this very test program again inside a network namespace of its own, which stands
//! for the router; the world runs a third time in another.

use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use pharos_activity::Event;
use pharos_proxy::{ClosedWay, NetworkRules, PUBLIC_RESOLVERS, Transparent};
use pharos_testkit::origin::{Origin, Reply, TestCa, Validity};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::support::School;

/// Set for the runs inside: the folder that they share.
const INSIDE: &str = "PHAROS_TEST_INSIDE_NAMESPACE";
const NAMES: [&str; 4] = ["harbour.test", "part.test", "bank.test", "blocked.test"];
/// Where the names lead.
const RIGHT: [&str; 2] = ["203.0.113.7", "2001:db8:99::7"];
/// The same server under addresses to which no name leads.
const WRONG: [&str; 2] = ["198.51.100.9", "2001:db8:66::9"];
const PORT: u16 = 3129;

/// Whether namespaces can be made here; says so, or fails where everything must be real.
fn can_run() -> bool {
    let real = std::env::var_os("PHAROS_TEST_REAL").is_some();
    let root = nix::unistd::geteuid().is_root();
    let made = root
        && ["nft --version", "ip -V", "unshare --net true"]
            .iter()
            .all(|line| run(line).is_ok_and(|output| output.status.success()));
    assert!(
        made || !(real && root),
        "network namespaces, nft and ip are needed here (Debian packages nftables, iproute2)"
    );
    if !made {
        eprintln!("left out: transparent mode needs root, nftables and iproute2");
    }
    made
}

fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null());
    command
}

fn run(line: &str) -> std::io::Result<Output> {
    command(line).output()
}

fn must(line: &str) {
    let output = run(line).unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {told}");
}

/// Runs one ignored test of this program as root of a network that is gone afterwards.
fn as_router(test: &str) {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--net", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--ignored"])
        .env(INSIDE, folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}\n{problems}"
    );
}

#[test]
fn fil_01_devices_that_know_nothing_of_a_proxy_are_filtered_by_redirect() {
    as_router("transparent::router_by_redirect");
}

#[test]
fn fil_01_devices_that_know_nothing_of_a_proxy_are_filtered_by_tproxy() {
    as_router("transparent::router_by_tproxy");
}

#[tokio::test]
#[ignore = "runs inside a namespace, started by its namesake"]
async fn router_by_redirect() {
    router(false).await;
}

#[tokio::test]
#[ignore = "runs inside a namespace, started by its namesake"]
async fn router_by_tproxy() {
    router(true).await;
}

/// The world outside: one server with all names, until its input ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "runs inside a namespace, started by the router"]
async fn world() {
    let Some(folder) = std::env::var_os(INSIDE) else {
        return;
    };
    let ca = TestCa::new();
    std::fs::write(Path::new(&folder).join("world.pem"), ca.pem()).unwrap();
    let tls = ca.server(&NAMES, Validity::Now);
    let page = |asked: &pharos_testkit::origin::Asked| {
        let host = asked.header("host").unwrap_or_default();
        Reply::page(format!("{host} {}", asked.target()))
    };
    let mut origins = Vec::new();
    for address in RIGHT.iter().chain(&WRONG) {
        let ip: IpAddr = address.parse().unwrap();
        origins.push(Origin::http_at((ip, 80).into(), page).await);
        origins.push(Origin::https_at((ip, 443).into(), tls.clone(), page).await);
    }
    println!("world is ready");
    let waiting = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    let _ = waiting.await;
}

/// Links: device 10.20.0.2 — 10.20.0.1 router 192.0.2.1 — 192.0.2.2 world.
fn connect() {
    must("mount --make-rprivate /");
    must("mount -t tmpfs none /run");
    must("ip link set lo up");
    for (name, near, far, near_six, far_six) in [
        (
            "device",
            "10.20.0.1",
            "10.20.0.2",
            "2001:db8:20::1",
            "2001:db8:20::2",
        ),
        (
            "world",
            "192.0.2.1",
            "192.0.2.2",
            "2001:db8:2::1",
            "2001:db8:2::2",
        ),
    ] {
        must(&format!("ip netns add {name}"));
        must(&format!(
            "ip link add to-{name} type veth peer name eth0 netns {name}"
        ));
        must(&format!("ip address add {near}/24 dev to-{name}"));
        must(&format!("ip address add {near_six}/64 dev to-{name} nodad"));
        must(&format!("ip link set to-{name} up"));
        for line in [
            "ip link set lo up".to_owned(),
            format!("ip address add {far}/24 dev eth0"),
            format!("ip address add {far_six}/64 dev eth0 nodad"),
            "ip link set eth0 up".to_owned(),
            format!("ip route add default via {near}"),
            format!("ip -6 route add default via {near_six}"),
        ] {
            must(&format!("ip netns exec {name} {line}"));
        }
    }
    for address in [RIGHT[0], WRONG[0]] {
        must(&format!(
            "ip netns exec world ip address add {address}/32 dev lo"
        ));
        must(&format!("ip route add {address}/32 via 192.0.2.2"));
    }
    for address in [RIGHT[1], WRONG[1]] {
        must(&format!(
            "ip netns exec world ip address add {address}/128 dev lo nodad"
        ));
        must(&format!("ip -6 route add {address}/128 via 2001:db8:2::2"));
    }
    for switch in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] {
        std::fs::write(Path::new("/proc/sys").join(switch), "1").unwrap();
    }
}

async fn start_world(folder: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    let line = format!(
        "ip netns exec world {} transparent::world --exact --nocapture --ignored",
        program.display()
    );
    let mut world = tokio::process::Command::from(command(&line))
        .env(INSIDE, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut told = BufReader::new(world.stdout.take().unwrap()).lines();
    while let Some(line) = told.next_line().await.unwrap() {
        if line.contains("world is ready") {
            return world;
        }
    }
    panic!("the world did not begin");
}

fn load(rules: &NetworkRules, folder: &Path) {
    let file = folder.join("pharos.nft");
    std::fs::write(&file, rules.text()).unwrap();
    // Twice: loading again replaces.
    must(&format!("nft -f {}", file.display()));
    must(&format!("nft -f {}", file.display()));
    for command in rules.commands() {
        must(&command);
    }
}

async fn on_device(line: &str) -> Output {
    let line = format!("ip netns exec device {line}");
    tokio::process::Command::from(command(&line))
        .output()
        .await
        .unwrap()
}

/// curl on the device, which resolves the name to this address by itself.
async fn curl(address: &str, url: &str, more: &str) -> Output {
    let (scheme, rest) = url.split_once("://").unwrap();
    let name = rest.split('/').next().unwrap();
    let port = if scheme == "https" { 443 } else { 80 };
    let address = if address.contains(':') {
        format!("[{address}]")
    } else {
        address.to_owned()
    };
    on_device(&format!(
        "curl --silent --show-error --max-time 20 --noproxy * --resolve {name}:{port}:{address} {more} {url}"
    ))
    .await
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn router(tproxy: bool) {
    let Some(folder) = std::env::var_os(INSIDE) else {
        return;
    };
    let folder = Path::new(&folder);
    connect();
    let _world = start_world(folder).await;
    let hosts: String = NAMES
        .iter()
        .flat_map(|name| RIGHT.map(|address| format!("{address} {name}\n")))
        .collect();
    std::fs::write(folder.join("hosts"), hosts).unwrap();
    must(&format!(
        "mount --bind {}/hosts /etc/hosts",
        folder.display()
    ));
    let school = School::with(&[], TestCa::new(), |config| {
        config.transparent = ["0.0.0.0", "::"]
            .map(|ip| Transparent {
                listen: (ip.parse::<IpAddr>().unwrap(), PORT).into(),
                tproxy,
            })
            .to_vec();
        config.extra_roots = vec![CertificateDer::from_pem_file(folder.join("world.pem")).unwrap()];
    });
    let rules = NetworkRules {
        school: vec![
            "10.20.0.0/16".parse().unwrap(),
            "2001:db8:20::/48".parse().unwrap(),
        ],
        proxy_port: PORT,
        tproxy,
        dns_port: None,
        resolvers: PUBLIC_RESOLVERS
            .iter()
            .map(|ip| ip.parse().unwrap())
            .collect(),
        closed: ClosedWay::ALL.to_vec(),
        log: true,
    };
    load(&rules, folder);
    for (right, wrong) in RIGHT.iter().zip(WRONG) {
        serves_names(&school, right).await;
        refuses_spoofing(&school, wrong).await;
    }
    closes_other_ways().await;
}

/// Web pages of either kind are decided, looked into or passed on as with a proxy that was asked.
async fn serves_names(school: &School, right: &str) {
    let trusting = format!("--cacert {}", school.ca_file.display());
    for (scheme, more) in [("http", ""), ("https", trusting.as_str())] {
        let answer = curl(right, &format!("{scheme}://harbour.test/tides"), more).await;
        assert_eq!(text(&answer), "harbour.test /tides", "{answer:?}");
        for closed in [
            "part.test/closed/x",
            "blocked.test/",
            "harbour.test/setup.exe",
        ] {
            let answer = curl(right, &format!("{scheme}://{closed}"), more).await;
            assert!(text(&answer).contains("This site is blocked"), "{answer:?}");
        }
    }
    // Never looked into: the origin's own certificate arrives, the school's does not.
    let answer = curl(right, "https://bank.test/", &trusting).await;
    assert_eq!(answer.status.code(), Some(60), "{answer:?}");
    let answer = curl(right, "https://bank.test/x", "--insecure").await;
    assert_eq!(text(&answer), "bank.test /x", "{answer:?}");
    // A client without a server name is decided by its address.
    let own = if right.contains(':') {
        format!("[{right}]")
    } else {
        right.to_owned()
    };
    let line =
        format!("curl --silent --show-error --max-time 20 --noproxy * -g http://{own}/plain");
    let answer = on_device(&line).await;
    assert_eq!(text(&answer), format!("{own} /plain"), "{answer:?}");
    let events = school.events(1).await;
    let device: IpAddr = if right.contains(':') {
        "2001:db8:20::2"
    } else {
        "10.20.0.2"
    }
    .parse()
    .unwrap();
    assert!(
        events.iter().any(|event: &Event| event.address == device),
        "the device's own address is in the record"
    );
}

/// FIL-16: a name that does not lead to the address is refused, looked into or not.
async fn refuses_spoofing(school: &School, wrong: &str) {
    let before = school.figures().misdirected;
    let trusting = format!("--cacert {}", school.ca_file.display());
    for (url, more) in [
        ("http://harbour.test/", ""),
        ("https://harbour.test/", trusting.as_str()),
    ] {
        let answer = curl(wrong, url, more).await;
        assert!(
            text(&answer).contains("The name and the address do not belong together"),
            "{answer:?}"
        );
    }
    let answer = curl(wrong, "https://bank.test/", "--insecure").await;
    assert!(
        !answer.status.success() && text(&answer).is_empty(),
        "{answer:?}"
    );
    assert_eq!(school.figures().misdirected, before + 3);
}

/// FIL-16: QUIC, DNS over TLS, known DNS over HTTPS, private networks, Tor, outside proxies and
/// remote control are refused at once, not left to time out; other ports stay as they are.
async fn closes_other_ways() {
    for url in [
        "https://1.1.1.1/dns-query",
        "https://[2606:4700:4700::1111]/dns-query",
        "http://203.0.113.7:853/",
        "http://203.0.113.7:1194/",
        "http://[2001:db8:99::7]:1723/",
        "http://203.0.113.7:9001/",
        "http://203.0.113.7:1080/",
        "http://[2001:db8:99::7]:3389/",
    ] {
        let closed = refused_here();
        let answer = on_device(&format!("curl --silent --max-time 20 --noproxy * -g {url}")).await;
        assert_eq!(answer.status.code(), Some(7), "{url}: {answer:?}");
        assert_eq!(refused_here(), closed + 1, "{url} is refused by the rules");
    }
    // An unreachable port is told to the sender of a datagram: the write after it fails.
    for port in [443, 51820, 500, 3389] {
        let closed = refused_here();
        let line = format!(
            "exec 3<>/dev/udp/203.0.113.7/{port}; echo x >&3; for n in 1 2 3 4 5 6 7 8 9; do read -t 0.2 -u 3 line; [ $? -le 128 ] && exit 9; done"
        );
        let answer = tokio::process::Command::new("ip")
            .args(["netns", "exec", "device", "bash", "-c", &line])
            .output()
            .await
            .unwrap();
        assert_eq!(answer.status.code(), Some(9), "{port}: {answer:?}");
        assert!(refused_here() > closed, "{port} is refused by the rules");
    }
}

/// How many packets the rules have refused so far: each refusing rule counts its own.
fn refused_here() -> u64 {
    let output = run("nft list chain inet pharos guard").unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter(|line| line.contains("reject"))
        .filter_map(|line| {
            line.split("packets ")
                .nth(1)?
                .split(' ')
                .next()?
                .parse::<u64>()
                .ok()
        })
        .sum()
}
