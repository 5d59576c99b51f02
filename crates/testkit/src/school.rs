//! The sample school on real engines in a temporary folder: SQLite, the embedded activity store,
//! real lists, the use cases over them, and a clock that tests set.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper: what fails here fails the test"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use pharos_access::Actor;
use pharos_activity::{Event, Sink};
use pharos_activity_embedded::{Config, Embedded};
use pharos_catalogue::{Address, SealedKey};
use pharos_directory::{Limits, read_path};
use pharos_filter::{Explanation, Filter, Query};
use pharos_lists::Lists;
use pharos_records::{Outbox, Records};
use pharos_records_sql::{Database, Store};
use pharos_school::{Confidence, Face, IdentitySource, Person, Who};
use pharos_service::{
    App, Clock, ImportError, NoticeBody, PackFiles, Ports, Proposal, Proposed, SessionToken, Side,
    SignedIn,
};
use pharos_vault::Vault;
use tempfile::TempDir;

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct SetClock(AtomicI64);

impl SetClock {
    /// Stands at this time.
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.as_second()))
    }

    /// Goes on by this much.
    pub fn forward(&self, by: SignedDuration) {
        self.0.fetch_add(by.as_secs(), Ordering::Relaxed);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// Harbourmouth School, open for a test.
pub struct SampleSchool {
    /// The use cases.
    pub app: App,
    /// The time.
    pub clock: Arc<SetClock>,
    /// The records beneath.
    pub records: Arc<dyn Records>,
    /// The same, to be stopped.
    pub store: Arc<Store>,
    /// The activity store beneath.
    pub activity: Arc<Embedded>,
    /// Where the faces would put events.
    pub sink: Arc<dyn Sink>,
    /// The list folder's and everything else's place; removed with the school.
    pub folder: TempDir,
}

/// Where the sample pack lies in this tree.
pub fn pack_folder() -> PathBuf {
    pack_folder_of("harbourmouth")
}

/// Where a shipped pack lies in this tree: beside the folder of the crates, in one of which cargo runs
/// the test.
pub fn pack_folder_of(pack: &str) -> PathBuf {
    let relative = Path::new("../../packs").join(pack);
    std::path::absolute(&relative).unwrap_or(relative)
}

/// The packs that are shipped: a day and boarding school, an academy, a preparatory school.
pub const PACKS: [&str; 3] = ["harbourmouth", "ashdale-academy", "larkfield-house"];

/// The files of the sample pack.
pub fn pack_files() -> PackFiles {
    pack_files_of("harbourmouth")
}

/// The files of a shipped pack.
pub fn pack_files_of(pack: &str) -> PackFiles {
    let root = pack_folder_of(pack);
    let mut files = BTreeMap::new();
    for folder in ["", "aup", "procedures"] {
        if !root.join(folder).is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let is_text = path
                .extension()
                .is_some_and(|end| end == "md" || end == "toml");
            if path.is_file() && is_text && name != "README.md" {
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

impl SampleSchool {
    /// The sample school on a Tuesday in term at 10:00: its pack, its roll, the small list that
    /// comes with Pharos.
    pub async fn open() -> Self {
        Self::with(&pack_files()).await
    }

    /// The same with other files for the pack.
    pub async fn with(files: &PackFiles) -> Self {
        Self::with_roll(files, "harbourmouth").await
    }

    /// A shipped school with its own pack and roll.
    pub async fn of(pack: &str) -> Self {
        Self::with_roll(&pack_files_of(pack), pack).await
    }

    async fn with_roll(files: &PackFiles, pack: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SetClock::at("2026-11-10T10:00:00Z".parse().unwrap()));
        let database = Database::Sqlite(folder.path().join("records.sqlite"));
        let store = Store::open(&database, Vault::fresh().unwrap())
            .await
            .unwrap();
        let store = Arc::new(store);
        let records = Arc::clone(&store) as Arc<dyn Records>;
        let activity = Embedded::open(&folder.path().join("activity"), Config::default()).unwrap();
        let (lists, _) = Lists::open(&folder.path().join("lists"), clock.now()).unwrap();
        let ports = Ports {
            records: Arc::clone(&records),
            activity: Arc::clone(&activity.store) as Arc<dyn pharos_activity::Store>,
            filter: Arc::new(Filter::new()),
            lists,
            sealed_key: SealedKey::new([7; 32]),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            web_url: "https://pharos.harbourmouth.sch.example".to_owned(),
        };
        let app = App::first(ports, files, "The first version").await.unwrap();
        let operator = Actor::system("operator");
        app.import_sample_list(&operator).await.unwrap();
        let roll = read_path(&pack_folder_of(pack).join("people"), &Limits::default()).unwrap();
        match app.import_roll(&operator, roll, true, &mut |_| {}).await {
            Ok(_) => {}
            Err(ImportError::Problems(problems)) => {
                panic!("the sample roll is wrong: {:?}", problems.iter().next())
            }
            Err(ImportError::Held(_)) => panic!("the sample roll is held back"),
            Err(ImportError::Other(error)) => {
                panic!("the sample roll cannot be brought in: {error}")
            }
        }
        Self {
            app,
            clock,
            records,
            store,
            activity: activity.store,
            sink: activity.sink,
            folder,
        }
    }

    /// Brings a pack in that changes filtering, by the whole way of change control: the network
    /// manager proposes and assesses it, the lead assesses it for teaching, the head consents, and
    /// the lead puts it in force.
    pub async fn change_pack(&self, files: &PackFiles, why: &str) -> i64 {
        let proposal = Proposal {
            what: Proposed::Pack(files.clone()),
            why: why.to_owned(),
            origin: pharos_records::Origin::File,
            days: None,
            review_days: None,
        };
        let technician = self.at_work("kofi.adeyemi").await.actor;
        let number = self
            .app
            .propose_change(&technician, &proposal)
            .await
            .unwrap();
        self.approve_change(number).await;
        let lead = self.at_work("ruth.okafor").await.actor;
        let found = self.app.put_in_force(&lead, number).await.unwrap();
        assert!(found.holds(), "{found:?}");
        number
    }

    /// Both assessments and consent for a draft.
    pub async fn approve_change(&self, number: i64) {
        let technician = self.at_work("kofi.adeyemi").await.actor;
        let lead = self.at_work("ruth.okafor").await.actor;
        let head = self.at_work("helen.lindqvist").await.actor;
        let words = "Looked at it from my side; the risk is small.";
        self.app
            .assess_change(&technician, number, Side::Technical, words)
            .await
            .unwrap();
        self.app
            .assess_change(&lead, number, Side::Educational, words)
            .await
            .unwrap();
        self.app
            .consent_to_change(&head, number, words)
            .await
            .unwrap();
    }

    /// Somebody of the roll, by sign-in name.
    pub async fn person(&self, username: &str) -> Person {
        let found = self.app.person_named(username).await.unwrap();
        found.unwrap_or_else(|| panic!("nobody is called {username}"))
    }

    /// Somebody at work with all their roles, as after signing in with every factor.
    pub async fn at_work(&self, username: &str) -> SignedIn {
        let person = self.person(username).await;
        SignedIn {
            actor: self.app.actor_of(&person),
            person,
            second_factor: true,
            must_enrol: false,
            must_change_password: false,
            token: SessionToken::from_cookie("a test"),
        }
    }

    /// What the filter in force says now about an address for somebody who is certainly at the device.
    pub async fn verdict(&self, username: &str, address: &str) -> Explanation {
        let who = self.certainly(username).await;
        let address = Address::parse(address).unwrap();
        let query = Query {
            address: &address,
            who: &who,
            from: None,
            face: Face::Explain,
            now: self.app.now(),
        };
        self.app.filter().snapshot().unwrap().explanation(&query)
    }

    /// What a face would record, and show to the watch rules, when somebody asks for an address now.
    pub async fn visit(&self, username: &str, address: &str) -> Event {
        let event = self.event(username, address).await;
        self.sink.record(event.clone());
        self.app.notice(&event).await.unwrap();
        event
    }

    /// What a face would record when somebody asks for an address now; nobody is shown it.
    pub async fn event(&self, username: &str, address: &str) -> Event {
        let who = self.certainly(username).await;
        let address = Address::parse(address).unwrap();
        let snapshot = self.app.filter().snapshot().unwrap();
        let from = IpAddr::from([127, 0, 1, 8]);
        let decision = snapshot.decide(&Query {
            address: &address,
            who: &who,
            from: Some(from),
            face: Face::Https,
            now: self.app.now(),
        });
        Event {
            at: self.app.now(),
            group: snapshot.group_name(&who, Some(from)),
            who,
            address: from,
            face: Face::Https,
            host: Box::from(address.host().as_str()),
            path: address.path().map(Box::from),
            action: decision.action.name(),
            rule: decision.rule,
            categories: snapshot.category_names(decision.categories),
            policy_version: snapshot.versions().policy,
            catalogue_version: snapshot.versions().catalogue,
            search: None,
            sealed: decision.sealed,
            bytes_up: 0,
            bytes_down: 0,
        }
    }

    /// The same for something asked of a tool of generative AI there, as the proxy records it.
    pub async fn asks(&self, username: &str, address: &str, prompt: &str) -> Event {
        let event = Event {
            search: Some(prompt.into()),
            ..self.visit(username, address).await
        };
        self.sink.record(event.clone());
        self.app.notice(&event).await.unwrap();
        event
    }

    async fn certainly(&self, username: &str) -> Who {
        let person = self.person(username).await.id;
        Who::Known {
            person,
            source: IdentitySource::Stated,
            confidence: Confidence::Certain,
            device: Some("a desk".into()),
        }
    }

    /// The notices that are due now, as kind and recipient's sign-in name; taking them sends them.
    pub async fn notices(&self) -> Vec<(String, String)> {
        let records: &dyn Outbox = &*self.records;
        let mut sent = Vec::new();
        loop {
            let jobs = records
                .lease_jobs(self.app.now(), SignedDuration::from_mins(2), 100)
                .await
                .unwrap();
            if jobs.is_empty() {
                break;
            }
            for job in jobs {
                let body: NoticeBody = serde_json::from_slice(&job.body).unwrap();
                let to = body.to.split('@').next().unwrap_or_default().to_owned();
                sent.push((body.kind, to));
                records.finish_job(&job, self.app.now()).await.unwrap();
            }
        }
        sent.sort();
        sent
    }
}
