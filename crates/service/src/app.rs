//! The application: every use case is a method on [`App`], in the file of its subject.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use pharos_access::{Actor, Kind, Permit, Rules, Target};
use pharos_filter::Filter;
use pharos_records::Records;
use tokio::sync::{Mutex, Semaphore};

use crate::{Clock, Desk, Error, School};

/// What stands under the use cases. The binary wires real engines; tests wire the same ones on
/// temporary folders.
pub struct Ports {
    /// Records: people, cases, ledger.
    pub records: Arc<dyn Records>,
    /// Activity events.
    pub activity: Arc<dyn pharos_activity::Store>,
    /// The live filter that the faces ask.
    pub filter: Arc<Filter>,
    /// The list folder.
    pub lists: pharos_lists::Lists,
    /// The key under which sealed-list entries are hashed.
    pub sealed_key: pharos_catalogue::SealedKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where people reach the pages, for links in notices: `https://pharos.school.internal`.
    pub web_url: String,
}

/// Told of the school each time another version of its pack comes into force: for what runs already
/// and was set up by the version before. It must cost little.
#[derive(Clone)]
pub struct WhenInForce(pub Arc<Told>);

/// What is told.
type Told = dyn Fn(&App, &School) + Send + Sync;

/// All use cases. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) records: Arc<dyn Records>,
    pub(crate) activity: Arc<dyn pharos_activity::Store>,
    pub(crate) filter: Arc<Filter>,
    pub(crate) lists: pharos_lists::Lists,
    pub(crate) sealed_key: pharos_catalogue::SealedKey,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) web_url: String,
    pub(crate) told_url: std::sync::OnceLock<String>,
    pub(crate) school: ArcSwap<School>,
    /// Who is told of the school that comes into force.
    pub(crate) when_in_force: std::sync::OnceLock<WhenInForce>,
    /// What people are kept to who act for one campus.
    pub(crate) kept: ArcSwap<crate::campus::Kept>,
    pub(crate) desk: Arc<Desk>,
    /// The floor under the policy in force.
    pub(crate) standing_on: std::sync::Mutex<Option<pharos_policy::spec::FloorSpec>>,
    /// Held while a snapshot is built, so that the last change is the one in force.
    pub(crate) building: Mutex<()>,
    /// Password hashing takes memory and a core: two at a time.
    pub(crate) hashing: Semaphore,
    pub(crate) tries: crate::sign_in::Tries,
    pub(crate) halves: crate::sign_in::Halves,
    pub(crate) report_pace: crate::cases::pace::ReportPace,
    pub(crate) watch: crate::alerts::Watch,
    pub(crate) network: crate::network::Network,
    /// The tools of generative AI that are known.
    pub(crate) tools: Arc<pharos_scan::tools::LiveTools>,
    /// Those told at the start.
    pub(crate) told_tools: std::sync::OnceLock<Vec<pharos_scan::tools::Tool>>,
    /// How long pupils were at mail today (FIL-10).
    pub(crate) mail_cap: crate::mail_cap::MailCap,
    /// Paths of the self-check's test users while it runs.
    pub(crate) check_devices: crate::checks::Devices,
    /// Their events, counted.
    pub(crate) check_tally: crate::checks::Tally,
    /// Held while the self-check runs.
    pub(crate) checking: Mutex<()>,
    /// One run, and one that waits for it.
    pub(crate) check_queue: Semaphore,
    /// When the next membership of an exception group lapses, in seconds since 1970.
    pub(crate) next_lapse: std::sync::atomic::AtomicI64,
    /// Where what was last known is kept (FIL-17).
    pub(crate) standby: std::sync::OnceLock<Arc<dyn crate::standby::Keep>>,
    /// Marks of what was kept last, so that nothing is written twice.
    pub(crate) kept_marks: std::sync::Mutex<[Vec<u8>; 2]>,
}

impl App {
    /// Wires the ports. Nothing is in force until [`App::rebuild`] has run.
    ///
    /// # Errors
    /// When the shipped watch rules do not read.
    pub fn new(ports: Ports, school: School) -> Result<Self, Error> {
        let watch = crate::alerts::Watch::new()?;
        let app = Self {
            inner: Arc::new(Inner {
                records: ports.records,
                activity: ports.activity,
                filter: ports.filter,
                lists: ports.lists,
                sealed_key: ports.sealed_key,
                clock: ports.clock,
                web_url: ports.web_url,
                told_url: std::sync::OnceLock::new(),
                school: ArcSwap::from_pointee(school),
                when_in_force: std::sync::OnceLock::new(),
                kept: ArcSwap::default(),
                desk: Arc::new(Desk::default()),
                standing_on: std::sync::Mutex::new(None),
                building: Mutex::new(()),
                hashing: Semaphore::new(2),
                tries: Default::default(),
                halves: Default::default(),
                report_pace: Default::default(),
                watch,
                network: crate::network::Network::default(),
                tools: Arc::default(),
                told_tools: std::sync::OnceLock::new(),
                mail_cap: Default::default(),
                check_devices: Default::default(),
                check_tally: Default::default(),
                checking: Mutex::new(()),
                check_queue: Semaphore::new(2),
                next_lapse: std::sync::atomic::AtomicI64::new(i64::MAX),
                standby: std::sync::OnceLock::new(),
                kept_marks: std::sync::Mutex::default(),
            }),
        };
        app.take_tools_up()
            .map_err(|_| Error::invalid("The adapters of AI tools are not usable."))?;
        Ok(app)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The school's facts, settings, words and rules in force.
    pub fn school(&self) -> Arc<School> {
        self.inner.school.load_full()
    }

    /// Tells who is to know of a school that comes into force; the first telling counts.
    pub fn tell_when_in_force(&self, told: WhenInForce) {
        // A second start in one process keeps the first, as the faces do.
        drop(self.inner.when_in_force.set(told));
    }

    /// Takes a school up. What the filter decides by follows with [`App::rebuild`].
    pub(crate) fn take_school_up(&self, school: School) {
        let school = Arc::new(school);
        self.inner.school.store(Arc::clone(&school));
        self.take_tools_up_or_say();
        if let Some(told) = self.inner.when_in_force.get() {
            (told.0)(self, &school);
        }
    }

    /// The live filter.
    pub fn filter(&self) -> &Arc<Filter> {
        &self.inner.filter
    }

    /// The block desk, for the proxy.
    pub fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.inner.desk)
    }

    /// Where people reach the pages.
    pub fn web_url(&self) -> &str {
        self.inner.told_url.get().unwrap_or(&self.inner.web_url)
    }

    /// Tells where people reach the pages, once the faces know; the first telling counts.
    pub fn tell_web_url(&self, url: String) {
        // A second start in one process keeps the first address, as the faces do.
        drop(self.inner.told_url.set(url));
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn records(&self) -> &dyn Records {
        self.inner.records.as_ref()
    }

    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.school().rules)
    }

    /// Asks for the permit; a refusal is noted in the ledger before it is returned (AUD-01).
    pub(crate) async fn may<A: Kind>(
        &self,
        actor: &Actor,
        target: Target<'_>,
    ) -> Result<Permit<A>, Error> {
        match self.rules().may::<A>(actor, target) {
            Ok(permit) => Ok(permit),
            Err(denied) => {
                self.records().note_refusal(&denied, self.now()).await?;
                Err(Error::Denied(denied))
            }
        }
    }

    /// Whether a page should show the way to an act at all. The act itself asks again.
    pub fn could(&self, actor: &Actor, act: pharos_access::Act) -> bool {
        match actor {
            Actor::System(_) => act.by_system(),
            Actor::Person { .. } => self.rules().could(act, actor),
        }
    }
}

impl From<pharos_records::Error> for Error {
    fn from(error: pharos_records::Error) -> Self {
        use pharos_records::Error as Stored;
        match error {
            Stored::Conflict { .. } => Self::Changed,
            Stored::Absent { .. } => Self::NotFound,
            Stored::OwnMatter | Stored::NoReason { .. } | Stored::Refused { .. } => {
                Self::Refused(error.to_string())
            }
            other => Self::unavailable("the records", &other),
        }
    }
}

impl From<pharos_activity::StoreError> for Error {
    fn from(error: pharos_activity::StoreError) -> Self {
        match error {
            pharos_activity::StoreError::BadQuery(text) => Self::invalid(text),
            other => Self::unavailable("the activity store", &other),
        }
    }
}
