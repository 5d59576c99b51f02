//! A small fictional school behind the resolver.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pharos_activity::{Event, Sink};
use pharos_catalogue::{Address, CategoryId, CategorySet, Host};
use pharos_dns::{BlockAnswer, Counts, DnsConfig, LocalName, Running};
use pharos_filter::{
    Categories, Filter, FixedEntry, Hit, Owner, Parts, Roster, Sealed, Snapshot, Versions,
    compile_policy,
};
use pharos_policy::spec::{DefaultSpec, ExceptionSpec, GroupSpec, Overrides, RuleSpec, SearchSpec};
use pharos_policy::{Action, Member, PolicySpec, YouTube};
use pharos_school::{PersonId, Role};
use tokio_util::sync::CancellationToken;

use crate::upstream::Upstream;

/// Ada, a pupil: pupils get YouTube strict and no gambling.
pub const PUPIL: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
/// Grace, in the sixth form: YouTube moderate.
pub const SIXTH: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 12);
/// Mr Hopper, staff: not narrowed; may visit gambling sites for a lesson on it.
pub const STAFF: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 13);
/// Tim, among the youngest: an allow-list only.
pub const YOUNGEST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 14);
/// The tablet pool's group is not allowed the video site.
pub const NO_VIDEO: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 15);

pub const PAGE_V4: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 1);
pub const PAGE_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);

const DEVICES: [(Ipv4Addr, &str, Role, u128); 5] = [
    (PUPIL, "ada", Role::Pupil, 11),
    (SIXTH, "grace", Role::Pupil, 12),
    (STAFF, "hopper", Role::Staff, 13),
    (YOUNGEST, "tim", Role::Pupil, 14),
    (NO_VIDEO, "novideo", Role::Pupil, 15),
];

/// Keeps every event.
#[derive(Default)]
pub struct Kept {
    events: Mutex<Vec<Event>>,
    trips_over: Mutex<Option<String>>,
}

impl Sink for Kept {
    fn record(&self, event: Event) {
        let trips_over = self.trips_over.lock().unwrap().clone();
        if trips_over.as_deref() == Some(&event.host) {
            panic!("as asked for by the test");
        }
        self.events.lock().unwrap().push(event);
    }
}

impl Kept {
    /// From now on recording an event about this host fails as no sink ever should.
    pub fn trips_over(&self, host: &str) {
        *self.trips_over.lock().unwrap() = Some(host.to_owned());
    }

    pub fn all(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub fn last(&self) -> Event {
        self.all().pop().expect("no event")
    }
}

#[derive(Debug)]
struct Listed(Vec<Arc<str>>);

const GAMBLING: CategoryId = CategoryId(0);

impl Categories for Listed {
    fn categories(&self, address: &Address) -> CategorySet {
        let bets = Host::parse("bets.test").unwrap();
        let on_list = address.host().is_within(&bets);
        on_list.then_some(GAMBLING).into_iter().collect()
    }

    fn hits(&self, address: &Address) -> Vec<Hit> {
        let hit = Hit {
            category: GAMBLING,
            list: "sample".into(),
            entry: "bets.test".into(),
        };
        if self.categories(address).is_empty() {
            Vec::new()
        } else {
            vec![hit]
        }
    }

    fn names(&self) -> &[Arc<str>] {
        &self.0
    }
}

#[derive(Debug)]
struct SealedNames(Arc<str>);

impl Sealed for SealedNames {
    fn hit(&self, address: &Address) -> Option<&Arc<str>> {
        let dated = Host::parse("list-2026-11-22.pharos.test").unwrap();
        address.host().is_within(&dated).then_some(&self.0)
    }

    fn needs_path(&self, _: &Host) -> bool {
        false
    }
}

fn policy() -> PolicySpec {
    let group = |usernames: &[&str]| GroupSpec {
        usernames: usernames.iter().map(|name| (*name).to_owned()).collect(),
        ..GroupSpec::default()
    };
    let rule = |name: &str, groups: &[&str]| RuleSpec {
        name: name.to_owned(),
        action: Action::Block,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        except: Vec::new(),
        categories: Vec::new(),
        sites: Vec::new(),
        everything: false,
        hours: Vec::new(),
        except_hours: Vec::new(),
        places: Vec::new(),
    };
    let search = |groups: &str, except: &[&str], safe_search, youtube| SearchSpec {
        groups: vec![groups.to_owned()],
        except: except.iter().map(|group| (*group).to_owned()).collect(),
        safe_search,
        youtube,
        tools: None,
    };
    let categories = vec!["gambling".to_owned()];
    PolicySpec {
        groups: [
            ("sixth".to_owned(), group(&["grace"])),
            ("youngest".to_owned(), group(&["tim"])),
            ("no-video".to_owned(), group(&["novideo"])),
        ]
        .into(),
        rules: vec![
            RuleSpec {
                categories,
                ..rule("no-gambling", &["pupils"])
            },
            RuleSpec {
                sites: vec!["youtube.com".to_owned()],
                ..rule("no-video", &["no-video"])
            },
            RuleSpec {
                sites: vec!["library.example".to_owned()],
                action: Action::Allow,
                ..rule("library", &["youngest"])
            },
        ],
        search: vec![
            search("pupils", &["sixth"], true, YouTube::Strict),
            search("sixth", &[], true, YouTube::Moderate),
            search("staff", &[], false, YouTube::Off),
        ],
        defaults: vec![DefaultSpec {
            groups: vec!["youngest".to_owned()],
            except: Vec::new(),
            action: Action::Block,
        }],
        overrides: Overrides {
            exceptions: vec![ExceptionSpec {
                reference: "EX-1".to_owned(),
                groups: vec!["staff".to_owned()],
                people: Vec::new(),
                classes: Vec::new(),
                sites: vec!["bets.test".to_owned(), "innocent.example".to_owned()],
                categories: Vec::new(),
                from: None,
                until: jiff::Timestamp::MAX,
            }],
            ..Overrides::default()
        },
        ..PolicySpec::default()
    }
}

pub fn person(number: u128) -> PersonId {
    format!("00000000-0000-7000-8000-{number:012}")
        .parse()
        .unwrap()
}

/// The policy and lists of the school, under this policy version.
pub fn snapshot(version: u64) -> Snapshot {
    let names: Vec<Arc<str>> = vec!["gambling".into()];
    let mut roster = Roster::default();
    for (_, username, role, number) in DEVICES {
        roster.add(Member {
            person: person(number),
            username: username.into(),
            roles: [role].into(),
            year: None,
            house: None,
            classes: BTreeSet::new(),
            class_names: BTreeSet::new(),
        });
    }
    Snapshot::new(Parts {
        policy: Arc::new(compile_policy(&policy(), &names, &[]).unwrap()),
        categories: Arc::new(Listed(names)),
        sealed: Arc::new(SealedNames("test-list".into())),
        roster: Arc::new(roster),
        dictionaries: None,
        versions: Versions {
            policy: version,
            catalogue: 7,
            lists: Arc::new([]),
        },
    })
}

/// A resolver in front of a stand-in upstream.
pub struct School {
    pub upstream: Upstream,
    pub filter: Arc<Filter>,
    pub events: Arc<Kept>,
    running: Option<Running>,
    stop: CancellationToken,
}

impl School {
    /// Everything as a school would have it, block page by address.
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut DnsConfig)) -> Self {
        let school = Self::start_not_ready(change);
        school.filter.install(snapshot(1));
        school
    }

    /// Before any policy is in force.
    pub fn start_not_ready(change: impl FnOnce(&mut DnsConfig)) -> Self {
        let upstream = Upstream::start();
        let mut config = DnsConfig {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            upstreams: vec![upstream.address.into()],
            block: BlockAnswer::Page {
                v4: Some(PAGE_V4),
                v6: Some(PAGE_V6),
            },
            local_names: vec![LocalName {
                name: Host::parse("pharos.harbourmouth.internal").unwrap(),
                v4: Some(PAGE_V4),
                v6: None,
            }],
            ..DnsConfig::default()
        };
        config.limits.workers = 2;
        config.limits.upstream_timeout = Duration::from_millis(250);
        config.limits.stale_after = Duration::from_millis(100);
        change(&mut config);
        let filter = Arc::new(Filter::new());
        filter
            .addresses()
            .set_fixed(DEVICES.map(|(ip, name, _, number)| FixedEntry {
                range: std::net::IpAddr::V4(ip).into(),
                owner: Owner::Person(person(number)),
                device: Some(name.into()),
            }));
        let events = Arc::new(Kept::default());
        let sink: Arc<dyn Sink> = Arc::<Kept>::clone(&events);
        let stop = CancellationToken::new();
        let running = pharos_dns::start(config, Arc::clone(&filter), sink, stop.clone()).unwrap();
        Self {
            upstream,
            filter,
            events,
            running: Some(running),
            stop,
        }
    }

    pub fn dns(&self) -> SocketAddr {
        self.running.as_ref().unwrap().addresses()[0]
    }

    /// Where DNS over TLS is answered.
    pub fn tls(&self) -> SocketAddr {
        self.running.as_ref().unwrap().tls()[0]
    }

    /// Where DNS over HTTPS is answered.
    pub fn https(&self) -> SocketAddr {
        self.running.as_ref().unwrap().https()[0]
    }

    pub fn counts(&self) -> Counts {
        self.running.as_ref().unwrap().counts()
    }

    /// A way to have others asked.
    pub fn changer(
        &self,
    ) -> impl Fn(&[pharos_dns::Upstream], Option<Arc<rustls::ClientConfig>>) + use<> {
        self.running.as_ref().unwrap().changer()
    }

    /// A reader of the counts for after the end.
    pub fn counter(&self) -> impl Fn() -> Counts + use<> {
        self.running.as_ref().unwrap().counter()
    }

    /// Ends it and waits.
    pub fn end(&mut self) {
        self.stop.cancel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(self.running.take().unwrap().join());
    }
}

impl Drop for School {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Waits for a condition, however busy the machine is.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < patience, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
