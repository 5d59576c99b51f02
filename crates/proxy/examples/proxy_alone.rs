//! The proxy alone, for its instructions to be counted: a policy, a pupil, an event sink that counts.
//!
//! `proxy_alone origin AT` serves `/KBk.KIND`; `proxy_alone proxy AT ORIGIN` passes on to it whatever is asked
//! of `site.test`, until its standard input ends; `proxy_alone ask PROXY COUNT PATH` asks so often on one
//! connection. A path that is a whole address is asked for as it is: `http://blocked.test/` is blocked. With
//! valgrind:
//!
//! ```text
//! valgrind --tool=callgrind --instr-atstart=no proxy_alone proxy 127.0.0.1:3900 127.0.0.1:3901
//! proxy_alone ask 127.0.0.1:3900 200 /1k.webp      # warms up
//! callgrind_control -i on; proxy_alone ask 127.0.0.1:3900 2000 /1k.webp; callgrind_control -d; callgrind_control -i off
//! ```

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pharos_activity::{BlockDesk, Blocked, Event, Reference, Sink};
use pharos_filter::{
    Filter, NoCategories, NoSealed, Parts, Roster, Snapshot, Versions, compile_policy,
};
use pharos_policy::spec::{BlockSpec, DefaultSpec, PageTextSpec, RuleSpec};
use pharos_policy::{Action, Member, PolicySpec};
use pharos_proxy::{AuthoritySpec, CertificateAuthority, Fixed, ProxyConfig, SignIn, SignInAnswer};
use pharos_scan::Dictionaries;
use pharos_school::{PersonId, Role, YearGroup};
use tokio_util::sync::CancellationToken;

const SITE: &str = "site.test";

/// Stands in for the activity store: takes the event and lets it go.
#[derive(Default)]
struct Counted(AtomicU64);

impl Sink for Counted {
    fn record(&self, _: Event) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl BlockDesk for Counted {
    fn open(&self, _: Blocked) -> Reference {
        Reference::from_random(self.0.load(Ordering::Relaxed))
    }
}

struct Nobody;

#[async_trait]
impl SignIn for Nobody {
    async fn check(&self, _: &str, _: &str, _: IpAddr) -> SignInAnswer {
        SignInAnswer::Wrong
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["origin", at] => origin(at.parse()?),
        ["proxy", at, origin] => proxy(at.parse()?, origin.parse()?),
        ["ask", at, count, path] => ask(at.parse()?, count.parse()?, path),
        _ => Err("usage: proxy_alone origin AT | proxy AT ORIGIN | ask PROXY COUNT PATH".into()),
    }
}

fn proxy(at: SocketAddr, origin: SocketAddr) -> Result<(), Box<dyn Error>> {
    let pupil = PersonId::from_uuid(uuid::Uuid::from_u128(10));
    let fixed = Fixed {
        ip: origin.ip(),
        port: Some(origin.port()),
    };
    let authority = CertificateAuthority::create(&AuthoritySpec {
        school: "Harbourmouth School".to_owned(),
        never: Vec::new(),
        now: Timestamp::now(),
    })?;
    let config = ProxyConfig {
        listen: vec![at],
        workers: 1,
        allow_private_origins: true,
        fixed: [(SITE.to_owned(), fixed)].into(),
        authority: Some(Arc::new(authority)),
        dictionaries: Some(Arc::new(Dictionaries::built_in()?)),
        ..ProxyConfig::default()
    };
    let filter = Arc::new(Filter::new());
    filter.install(snapshot(pupil)?);
    let until = Timestamp::now() + SignedDuration::from_hours(1);
    let device = Some("Library 4".into());
    filter.addresses().sign_in(at.ip(), pupil, device, until);
    let sink = Arc::<Counted>::default();
    let running = pharos_proxy::start(
        config,
        filter,
        sink.clone(),
        sink.clone(),
        Arc::new(Nobody),
        CancellationToken::new(),
    )?;
    io::stdin().read_to_end(&mut Vec::new())?;
    running.stop();
    #[expect(clippy::print_stderr, reason = "this is a tool for people")]
    {
        eprintln!("{} events", sink.0.load(Ordering::Relaxed));
    }
    Ok(())
}

fn snapshot(pupil: PersonId) -> Result<Snapshot, Box<dyn Error>> {
    let pupils = || vec!["pupils".to_owned()];
    let spec = PolicySpec {
        rules: vec![RuleSpec {
            name: "no-games".to_owned(),
            action: Action::Block,
            groups: pupils(),
            except: Vec::new(),
            categories: Vec::new(),
            sites: vec!["games.test".to_owned()],
            everything: false,
            hours: Vec::new(),
            except_hours: Vec::new(),
            places: Vec::new(),
        }],
        blocks: vec![BlockSpec {
            name: "closed".to_owned(),
            sites: vec!["blocked.test".to_owned(), "part.test/closed".to_owned()],
            categories: Vec::new(),
        }],
        page_text: vec![PageTextSpec {
            groups: pupils(),
            except: Vec::new(),
            action: Action::Block,
        }],
        defaults: vec![DefaultSpec {
            groups: Vec::new(),
            except: Vec::new(),
            action: Action::Allow,
        }],
        ..PolicySpec::default()
    };
    let policy = compile_policy(&spec, &[], &[]).map_err(|problems| format!("{problems:?}"))?;
    let mut roster = Roster::default();
    roster.add(Member {
        person: pupil,
        username: "ada".into(),
        roles: [Role::Pupil].into(),
        year: YearGroup::from_number(10),
        house: None,
        classes: Default::default(),
        class_names: Default::default(),
    });
    Ok(Snapshot::new(Parts {
        policy: Arc::new(policy),
        categories: Arc::new(NoCategories),
        sealed: Arc::new(NoSealed),
        roster: Arc::new(roster),
        dictionaries: None,
        versions: Versions {
            policy: 1,
            catalogue: 1,
            lists: Arc::new([]),
        },
    }))
}

/// Answers every request on every connection: as many KB as its path says.
fn origin(at: SocketAddr) -> Result<(), Box<dyn Error>> {
    for stream in TcpListener::bind(at)?.incoming() {
        let stream = stream?;
        std::thread::spawn(move || drop(answer_all(stream)));
    }
    Ok(())
}

fn answer_all(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(path) = head(&mut reader)? {
        let name = path.split(' ').nth(1).unwrap_or_default();
        let (size, kind) = name
            .trim_start_matches('/')
            .split_once("k.")
            .unwrap_or(("1", "html"));
        let kind = match kind {
            "html" => "text/html; charset=utf-8",
            _ => "image/webp",
        };
        let body = "A tide. ".repeat(128 * size.parse().unwrap_or(1));
        let answer = format!(
            "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Thu, 26 Nov 2026 12:00:00 GMT\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nLast-Modified: Thu, 26 Nov 2026 11:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"6563-400\"\r\nAccept-Ranges: bytes\r\n\r\n{body}",
            body.len()
        );
        reader.get_mut().write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// The first line of a head, read to its end; nothing where the connection has ended.
fn head(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(first))
}

fn ask(at: SocketAddr, count: usize, path: &str) -> Result<(), Box<dyn Error>> {
    let stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let (host, path) = match path.strip_prefix("http://") {
        Some(address) => address.split_at(address.find('/').unwrap_or(address.len())),
        None => (SITE, path),
    };
    let request = format!("GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for _ in 0..count {
        reader.get_mut().write_all(request.as_bytes())?;
        let mut length = 0;
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Err("the proxy has closed the connection".into());
            }
            let small = line.to_ascii_lowercase();
            if let Some(number) = small.strip_prefix("content-length:") {
                length = number.trim().parse()?;
            }
        }
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
    }
    Ok(())
}
