//! A small school behind a running proxy.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper: what fails here fails the test"
)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_activity::{BlockDesk, Blocked, Event, Reference, Sink};
use pharos_catalogue::{Address, CategoryId, CategorySet};
use pharos_filter::{
    Categories, Filter, Hit, Parts, Roster, Sealed, Snapshot, Versions, compile_policy,
};
use pharos_policy::spec::{
    AiSpec, BlockSpec, DefaultSpec, DownloadsSpec, FileBlockSpec, GroupSpec, HeldSpec,
    InspectionSpec, Overrides, PageTextSpec, RuleSpec, TenantSpec,
};
use pharos_policy::{Action, FileKind, Member, PolicySpec};
use pharos_proxy::{
    AuthoritySpec, CertificateAuthority, Fixed, ProxyConfig, Running, SignIn, SignInAnswer,
    SignInMode, Words,
};
use pharos_school::{PersonId, Role, YearGroup};
use pharos_testkit::origin::{Origin, TestCa};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

pub(crate) const ADA: u128 = 10;
pub(crate) const BEN: u128 = 3;
pub(crate) const TESS: u128 = 99;
pub(crate) const GUS: u128 = 77;
pub(crate) const TIM: u128 = 55;

/// What the proxy handed in.
#[derive(Default)]
pub(crate) struct Seen {
    events: Mutex<Vec<Event>>,
    blocked: Mutex<Vec<Blocked>>,
}

impl Sink for Seen {
    fn record(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

impl BlockDesk for Seen {
    fn open(&self, blocked: Blocked) -> Reference {
        let mut all = self.blocked.lock().unwrap();
        all.push(blocked);
        Reference::from_random(0xABCDE + all.len() as u64)
    }
}

struct Accounts;

#[async_trait]
impl SignIn for Accounts {
    async fn check(&self, user: &str, password: &str, _: IpAddr) -> SignInAnswer {
        let number = match user {
            "ada" => ADA,
            "ben" => BEN,
            "tess" => TESS,
            _ => return SignInAnswer::Wrong,
        };
        match password {
            "harbour light" => SignInAnswer::Right(person(number)),
            _ => SignInAnswer::Wrong,
        }
    }
}

#[derive(Debug)]
struct Lists(Vec<Arc<str>>);

impl Categories for Lists {
    fn categories(&self, address: &Address) -> CategorySet {
        if address.host().as_str() == "games.test" {
            CategorySet::from_iter([CategoryId(0)])
        } else {
            CategorySet::EMPTY
        }
    }

    fn hits(&self, _: &Address) -> Vec<Hit> {
        Vec::new()
    }

    fn names(&self) -> &[Arc<str>] {
        &self.0
    }
}

#[derive(Debug)]
struct SealedTest(Arc<str>);

impl Sealed for SealedTest {
    fn hit(&self, address: &Address) -> Option<&Arc<str>> {
        let page = address.host().as_str() == "vault.test" && address.path() == Some("/cellar");
        (page || address.host().as_str() == "sealed.test").then_some(&self.0)
    }

    fn needs_path(&self, host: &pharos_catalogue::Host) -> bool {
        host.as_str() == "vault.test"
    }
}

pub(crate) fn person(number: u128) -> PersonId {
    PersonId::from_uuid(uuid::Uuid::from_u128(number))
}

fn member(number: u128, username: &str, role: Role, year: Option<i8>) -> Member {
    Member {
        person: person(number),
        username: username.into(),
        roles: [role].into(),
        year: year.and_then(YearGroup::from_number),
        house: None,
        classes: Default::default(),
        class_names: Default::default(),
    }
}

fn rule(
    name: &str,
    action: Action,
    groups: &[&str],
    sites: &[&str],
    categories: &[&str],
) -> RuleSpec {
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    RuleSpec {
        name: name.to_owned(),
        action,
        groups: list(groups),
        except: Vec::new(),
        categories: list(categories),
        sites: list(sites),
        everything: false,
        hours: Vec::new(),
        except_hours: Vec::new(),
        places: Vec::new(),
    }
}

pub(crate) fn snapshot() -> Snapshot {
    snapshot_with(|_| {})
}

/// The school's policy and lists, with something of the policy changed.
pub(crate) fn snapshot_with(change: impl FnOnce(&mut PolicySpec)) -> Snapshot {
    let mut spec = PolicySpec {
        groups: [(
            "technicians".to_owned(),
            GroupSpec {
                roles: vec![Role::Technical],
                ..GroupSpec::default()
            },
        )]
        .into(),
        downloads: DownloadsSpec {
            block: vec![FileBlockSpec {
                groups: vec!["pupils".to_owned(), "staff".to_owned()],
                except: vec!["technicians".to_owned()],
                kinds: vec![
                    FileKind::Programs,
                    FileKind::Installers,
                    FileKind::MobileApps,
                ],
            }],
            sites: vec!["updates.test".to_owned()],
            ..DownloadsSpec::default()
        },
        rules: vec![
            rule("no-games", Action::Block, &["pupils"], &[], &["gaming"]),
            rule(
                "think-twice",
                Action::Warn,
                &["staff"],
                &["warned.test"],
                &[],
            ),
        ],
        blocks: vec![BlockSpec {
            name: "closed".to_owned(),
            sites: vec!["blocked.test".to_owned(), "part.test/closed".to_owned()],
            categories: Vec::new(),
        }],
        inspection: InspectionSpec {
            never_categories: Vec::new(),
            never_sites: ["bank.test", "vault.test", "tumblr.com"]
                .map(str::to_owned)
                .into(),
            tunnel_unreachable: vec!["old.test".to_owned(), "vault.test".to_owned()],
            ..InspectionSpec::default()
        },
        page_text: [("pupils", Action::Block), ("governors", Action::Warn)]
            .map(|(group, action)| PageTextSpec {
                groups: vec![group.to_owned()],
                except: Vec::new(),
                action,
            })
            .into(),
        ai: vec![AiSpec {
            groups: vec!["pupils".to_owned()],
            except: Vec::new(),
            block_signed_out: true,
            keep_prompts: true,
        }],
        tenants: [
            (
                "accounts.test",
                "X-GoogApps-Allowed-Domains",
                "harbourmouth.sch.example",
            ),
            (
                "chatgpt.com",
                "ChatGPT-Allowed-Workspace-Id",
                "sea-1, sea-2",
            ),
        ]
        .map(|(host, header, value)| TenantSpec {
            hosts: vec![host.to_owned()],
            header: header.to_owned(),
            value: value.to_owned(),
        })
        .into(),
        defaults: vec![DefaultSpec {
            groups: Vec::new(),
            except: Vec::new(),
            action: Action::Allow,
        }],
        overrides: Overrides {
            held: vec![HeldSpec {
                people: vec![person(ADA), person(BEN)],
                sites: vec!["mail.test".to_owned()],
                categories: Vec::new(),
                except_hours: Vec::new(),
                until: jiff::Timestamp::MAX,
            }],
            ..Overrides::default()
        },
        ..PolicySpec::default()
    };
    change(&mut spec);
    let names: Vec<Arc<str>> = vec!["gaming".into()];
    let policy = compile_policy(&spec, &names, &[]).unwrap();
    let mut roster = Roster::default();
    roster.add(member(ADA, "ada", Role::Pupil, Some(10)));
    roster.add(member(BEN, "ben", Role::Pupil, Some(2)));
    roster.add(member(TESS, "tess", Role::Teacher, None));
    roster.add(member(GUS, "gus", Role::Governor, None));
    roster.add(member(TIM, "tim", Role::Technical, None));
    Snapshot::new(Parts {
        policy: Arc::new(policy),
        categories: Arc::new(Lists(names)),
        sealed: Arc::new(SealedTest("test-list".into())),
        roster: Arc::new(roster),
        dictionaries: None,
        versions: Versions {
            policy: 7,
            catalogue: 3,
            lists: Arc::new([]),
        },
    })
}

/// The school: filter, proxy, and what they handed in.
pub(crate) struct School {
    pub(crate) filter: Arc<Filter>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) proxy: SocketAddr,
    pub(crate) authority: Arc<CertificateAuthority>,
    pub(crate) running: Option<Running>,
    _folder: tempfile::TempDir,
    pub(crate) ca_file: std::path::PathBuf,
}

impl Drop for School {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

impl School {
    /// Names that lead to origins on loopback.
    pub(crate) fn open(sites: &[(&str, &Origin)]) -> Self {
        Self::with(sites, TestCa::new(), |_| {})
    }

    pub(crate) fn with(
        sites: &[(&str, &Origin)],
        origins_ca: TestCa,
        change: impl FnOnce(&mut ProxyConfig),
    ) -> Self {
        Self::start(sites, origins_ca, true, change)
    }

    pub(crate) fn start(
        sites: &[(&str, &Origin)],
        origins_ca: TestCa,
        ready: bool,
        change: impl FnOnce(&mut ProxyConfig),
    ) -> Self {
        let authority = CertificateAuthority::create(&AuthoritySpec {
            school: "Harbourmouth School".to_owned(),
            never: Vec::new(),
            now: Timestamp::now(),
        });
        let authority = Arc::new(authority.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, authority.certificate_pem()).unwrap();
        let fixed: BTreeMap<_, _> = sites
            .iter()
            .map(|(name, origin)| {
                (
                    (*name).to_owned(),
                    Fixed {
                        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                        port: Some(origin.port()),
                    },
                )
            })
            .collect();
        let mut config = ProxyConfig {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            workers: 1,
            web: "http://pharos.harbourmouth.test".to_owned(),
            words: Words {
                school: "Harbourmouth School".to_owned(),
                ..Words::default()
            },
            authority: Some(Arc::clone(&authority)),
            sign_in: SignInMode::Offered,
            allow_private_origins: true,
            extra_roots: vec![origins_ca.certificate()],
            fixed,
            ..ProxyConfig::default()
        };
        change(&mut config);
        let filter = Arc::new(Filter::new());
        if ready {
            filter.install(snapshot());
        }
        let seen = Arc::new(Seen::default());
        let running = pharos_proxy::start(
            config,
            Arc::clone(&filter),
            seen.clone(),
            seen.clone(),
            Arc::new(Accounts),
            CancellationToken::new(),
        );
        let running = running.unwrap();
        let proxy = running.addresses()[0];
        Self {
            filter,
            seen,
            proxy,
            authority,
            running: Some(running),
            _folder: folder,
            ca_file,
        }
    }

    pub(crate) fn figures(&self) -> pharos_proxy::Figures {
        self.running.as_ref().unwrap().figures()
    }

    /// Whether the anti-virus engine did not answer.
    pub(crate) fn scanner_is_away(&self) -> bool {
        self.running.as_ref().unwrap().view().scanner_is_away()
    }

    pub(crate) fn proposals(&self) -> Vec<pharos_proxy::Proposal> {
        self.running.as_ref().unwrap().view().proposals()
    }

    pub(crate) fn strangers(&self) -> Vec<pharos_proxy::Stranger> {
        self.running.as_ref().unwrap().view().strangers()
    }

    /// The device at 127.0.0.1 is signed in as this person.
    pub(crate) fn sign_in(&self, number: u128) {
        let until = Timestamp::now() + jiff::SignedDuration::from_hours(1);
        self.filter.addresses().sign_in(
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            person(number),
            Some("Library 4".into()),
            until,
        );
    }

    /// The first so many events, waited for.
    pub(crate) async fn events(&self, count: usize) -> Vec<Event> {
        let found = || {
            Some(self.seen.events.lock().unwrap().clone()).filter(|events| events.len() >= count)
        };
        wait_for(found).await
    }

    pub(crate) fn blocked(&self) -> Vec<Blocked> {
        self.seen.blocked.lock().unwrap().clone()
    }

    /// Sends bytes and reads until the proxy closes the connection.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        raw_to(self.proxy, bytes).await
    }

    /// One plain request on a connection of its own.
    pub(crate) async fn get(&self, url: &str, headers: &str) -> String {
        let host = url
            .strip_prefix("http://")
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        self.raw(format!(
            "GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
        ))
        .await
    }

    /// Real curl through the proxy, trusting the school's certificate.
    pub(crate) async fn curl(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new("curl");
        command
            .args(["--silent", "--show-error", "--max-time", "20", "--proxy"])
            .arg(format!("http://{}", self.proxy))
            .arg("--cacert")
            .arg(&self.ca_file)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        match command.output().await {
            Ok(output) => output,
            Err(error) => panic!("curl is needed for this test (Debian package curl): {error}"),
        }
    }
}

/// Sends bytes and reads until the other side closes the connection.
pub(crate) async fn raw_to(at: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    assert!(
        read.is_ok(),
        "the proxy did not close; so far: {}",
        String::from_utf8_lossy(&answer)
    );
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until the condition gives a value.
pub(crate) async fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..2_000 {
        if let Some(value) = found() {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("what was waited for did not happen within ten seconds");
}
