//! Opening a data folder: engines under ports, ports under use cases. The one place that names them.

use std::sync::{Arc, OnceLock};

use anyhow::Context;
use pharos_activity_embedded::Embedded;
use pharos_catalogue::SealedKey;
use pharos_filter::Filter;
use pharos_proxy::{AuthoritySpec, CertificateAuthority};
use pharos_records_sql::{DataLock, Store};
use pharos_service::standby::{Keep, Part, StoodBy, stand_by};
use pharos_service::{App, Clock, PackFiles, Ports, Prober, SystemClock};

use crate::folder::Folder;

/// A data folder in use.
pub(crate) struct Opened {
    pub(crate) folder: Folder,
    pub(crate) app: App,
    pub(crate) records: Arc<Store>,
    pub(crate) activity: Arc<Embedded>,
    pub(crate) sink: Arc<dyn pharos_activity::Sink>,
    /// What start-up found and put right, one sentence each.
    pub(crate) recovered: Vec<String>,
    /// Why everything is refused until somebody mends it, where that is so.
    pub(crate) refusing: Vec<String>,
    /// Reaches the faces for the self-check; there while they run.
    pub(crate) prober: OnceLock<Arc<dyn Prober>>,
    /// What the proxy tells of itself; there while it runs.
    pub(crate) proxy: OnceLock<pharos_proxy::View>,
    _lock: DataLock,
}

impl Opened {
    /// Reaches the faces, while they run.
    pub(crate) fn prober(&self) -> Option<&Arc<dyn Prober>> {
        self.prober.get()
    }

    /// Writes everything out.
    pub(crate) async fn close(&self) {
        self.activity.close();
        self.records.close().await;
        // Only tells the next start that this was an end like any other.
        drop(std::fs::remove_file(self.folder.path.join(IN_USE)));
    }
}

/// There while the folder is in use; still there at the next start when this one did not end by itself.
const IN_USE: &str = "in-use";

/// Notes that the folder is in use; gives whether the last use was cut off.
fn begin_use(folder: &Folder) -> bool {
    let path = folder.path.join(IN_USE);
    let cut_off = path.exists();
    // On a full disk the filter starts all the same; only this note is missing.
    if let Err(error) = std::fs::write(&path, b"") {
        tracing::warn!(%error, "{} cannot be written", path.display());
    }
    cut_off
}

/// What stands without records: folder, lock, activity store, filter. The records may come later.
pub(crate) struct Ground {
    folder: Folder,
    filter: Arc<Filter>,
    activity: Arc<Embedded>,
    pub(crate) sink: Arc<dyn pharos_activity::Sink>,
    sealed_key: [u8; 32],
    clock: Arc<dyn Clock>,
    recovered: Vec<String>,
    /// The list manifest was not as Pharos wrote it.
    lists_changed: bool,
    lock: DataLock,
}

/// Why there is no school on this ground yet.
pub(crate) enum Grounded {
    /// The records do not answer, or nothing in them can be put in force: it may pass.
    ForNow(anyhow::Error),
    /// A person must mend something first.
    ForGood(anyhow::Error),
}

/// Opens everything but the records. `what` stands in the lock for whoever comes second.
pub(crate) fn ground(
    folder: Folder,
    what: &'static str,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Ground> {
    let lock = DataLock::take(&folder.path, what)?;
    let cut_off = begin_use(&folder);
    let opened = Embedded::open(
        &folder.path.join("activity"),
        pharos_activity_embedded::Config::default(),
    )?;
    let key = folder.secret("sealed-lists", || {
        let mut key = vec![0; 32];
        getrandom::fill(&mut key).context("the system gives no random numbers")?;
        Ok(key)
    })?;
    let sealed_key: [u8; 32] = key
        .as_slice()
        .try_into()
        .context("keys/sealed-lists is damaged; restore it from a backup")?;
    let mut recovered = Vec::new();
    if cut_off {
        recovered.push(
            "the last run was cut off (crash, power or kill); what it had acknowledged is kept"
                .to_owned(),
        );
    }
    recovered.extend(activity_sentences(&opened.recovered, cut_off));
    Ok(Ground {
        folder,
        filter: Arc::new(Filter::new()),
        activity: opened.store,
        sink: opened.sink,
        sealed_key,
        clock,
        recovered,
        lists_changed: false,
        lock,
    })
}

impl Ground {
    /// The data folder.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The filter that the faces ask.
    pub(crate) fn filter(&self) -> &Arc<Filter> {
        &self.filter
    }

    /// The time now.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Puts in force the best that was kept of the last run (FIL-17).
    pub(crate) fn stand_by(&self) -> anyhow::Result<StoodBy> {
        let now = self.clock.now();
        let (lists, _) = open_lists(&self.folder, now)?;
        let keep = Kept::of(&self.folder);
        let key = SealedKey::new(self.sealed_key);
        stand_by(&keep, &lists, &key, &self.filter, now).map_err(|error| anyhow::anyhow!("{error}"))
    }

    async fn ports(&mut self) -> anyhow::Result<(Ports, Arc<Store>)> {
        let store = Store::open(&self.folder.database(), self.folder.vault.clone()).await?;
        let records = Arc::new(store);
        let now = self.clock.now();
        let (lists, recovery) = open_lists(&self.folder, now)?;
        self.lists_changed |= changed_by_another(&recovery);
        self.recovered.extend(list_sentences(&recovery));
        let ports = Ports {
            records: Arc::clone(&records) as Arc<dyn pharos_records::Records>,
            activity: Arc::clone(&self.activity) as Arc<dyn pharos_activity::Store>,
            filter: Arc::clone(&self.filter),
            lists,
            sealed_key: SealedKey::new(self.sealed_key),
            clock: Arc::clone(&self.clock),
            web_url: std::env::var("PHAROS_WEB_URL")
                .unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned()),
        };
        Ok((ports, records))
    }

    /// Opens the records and puts their policy in force.
    pub(crate) async fn rise(mut self) -> Result<Opened, Box<(Self, Grounded)>> {
        let (ports, records) = match self.ports().await {
            Ok(opened) => opened,
            Err(error) => return Err(self.stay(error)),
        };
        let app = match App::open(ports).await {
            Ok(app) => app,
            Err(error) => {
                records.close().await;
                return Err(Box::new((self, judged(error))));
            }
        };
        app.keep_standby(Arc::new(Kept::of(&self.folder)));
        if self.lists_changed
            && let Err(error) = app.tell_of_changed_lists().await
        {
            tracing::warn!(%error, "nobody could be told that the lists were changed");
        }
        let mut refusing = Vec::new();
        if let Err(error) = app.rebuild().await {
            // Without its sealed lists the filter has nothing in force and the faces refuse
            // everything; pages, alarms and the command that mends it work (FIL-03, FIL-17).
            let sealed = app.sealed_status().unwrap_or_default();
            refusing.extend(sealed.into_iter().filter_map(|list| list.trouble));
            refusing.extend(app.floor_trouble());
            if refusing.is_empty() {
                records.close().await;
                let error = anyhow::anyhow!("{error}");
                return Err(Box::new((self, Grounded::ForNow(error))));
            }
            tracing::error!(
                lists = refusing.len(),
                "everything is refused until the sealed lists and the trust's floor are back"
            );
        }
        if let Err(error) = app.settle_floor().await {
            // The jobs try again.
            tracing::warn!(%error, "an issue of the trust's floor is not noted or not in force yet");
        }
        Ok(self.opened(app, records, refusing))
    }

    fn opened(self, app: App, records: Arc<Store>, refusing: Vec<String>) -> Opened {
        Opened {
            folder: self.folder,
            app,
            records,
            activity: self.activity,
            sink: self.sink,
            recovered: self.recovered,
            refusing,
            prober: OnceLock::new(),
            proxy: OnceLock::new(),
            _lock: self.lock,
        }
    }

    fn stay(self, error: anyhow::Error) -> Box<(Self, Grounded)> {
        use pharos_records::Error as Stored;
        let passes = matches!(
            error.downcast_ref::<Stored>(),
            Some(Stored::Unreachable { .. } | Stored::Engine { .. } | Stored::Full { .. })
        );
        let grounded = if passes {
            Grounded::ForNow(error)
        } else {
            Grounded::ForGood(error)
        };
        Box::new((self, grounded))
    }

    /// Leaves the folder as after an end like any other.
    pub(crate) fn close(self) {
        self.activity.close();
        drop(std::fs::remove_file(self.folder.path.join(IN_USE)));
    }
}

/// What failed under a use case may pass; what it refused must be mended.
fn judged(error: pharos_service::Error) -> Grounded {
    let passes = matches!(error, pharos_service::Error::Unavailable { .. });
    let error = anyhow::anyhow!("{error}");
    if passes {
        Grounded::ForNow(error)
    } else {
        Grounded::ForGood(error)
    }
}

/// What was last known, as sealed files in the data folder's `standby`.
struct Kept {
    folder: std::path::PathBuf,
    master: pharos_vault::MasterKey,
}

impl Kept {
    fn of(folder: &Folder) -> Self {
        Self {
            folder: folder.path.join("standby"),
            master: folder.master.clone(),
        }
    }

    fn path(&self, part: Part) -> std::path::PathBuf {
        self.folder.join(match part {
            Part::People => "people",
            Part::Policy => "policy",
        })
    }
}

impl Keep for Kept {
    fn keep(&self, part: Part, bytes: &[u8]) -> Result<(), String> {
        let written = crate::folder::make_dir(&self.folder)
            .and_then(|()| crate::folder::write_sealed(&self.path(part), bytes, &self.master));
        written.map_err(|error| format!("{error:#}"))
    }

    fn kept(&self, part: Part) -> Result<Option<Vec<u8>>, String> {
        crate::folder::read_sealed(&self.path(part), &self.master)
            .map_err(|error| format!("{error:#}"))
    }
}

/// Opens a folder that has a pack in force. `what` stands in the lock for whoever comes second.
pub(crate) async fn open(folder: Folder, what: &'static str) -> anyhow::Result<Opened> {
    match ground(folder, what, Arc::new(SystemClock))?.rise().await {
        Ok(opened) => Ok(opened),
        Err(fallen) => {
            let (ground, Grounded::ForNow(error) | Grounded::ForGood(error)) = *fallen;
            ground.close();
            Err(error)
        }
    }
}

/// Opens a new folder with its first pack. `clock` lets a sample school live through a week that
/// is already over.
pub(crate) async fn first(
    folder: Folder,
    files: &PackFiles,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Opened> {
    let mut ground = ground(folder, "init", clock)?;
    let (ports, records) = ground.ports().await?;
    let app = App::first(ports, files, "First version").await?;
    app.keep_standby(Arc::new(Kept::of(&ground.folder)));
    Ok(ground.opened(app, records, Vec::new()))
}

/// The lists, their manifest marked with a key of the folder's own.
fn open_lists(
    folder: &Folder,
    now: jiff::Timestamp,
) -> anyhow::Result<(pharos_lists::Lists, pharos_lists::Recovery)> {
    use pharos_lists::{Lists, ManifestKey};
    const KEY: &str = "list-manifest";
    let at = folder.path.join("lists");
    if let Some(bytes) = folder.read_secret(KEY)? {
        let bytes: [u8; 32] = bytes
            .as_slice()
            .try_into()
            .context("keys/list-manifest is damaged; restore it from a backup")?;
        return Ok(Lists::open_marked(&at, ManifestKey::known(&bytes), now)?);
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
    let opened = Lists::open_marked(&at, ManifestKey::fresh(&bytes), now)?;
    // Only now: a start that is cut off in between begins with a fresh key again.
    folder.write_secret(KEY, &bytes)?;
    Ok(opened)
}

/// Whether somebody else than Pharos, or a fault of the disk, changed what must be in force.
fn changed_by_another(recovery: &pharos_lists::Recovery) -> bool {
    use pharos_lists::ManifestFound::{Changed, Missing};
    matches!(recovery.manifest, Some(Changed | Missing))
}

fn list_sentences(recovery: &pharos_lists::Recovery) -> Vec<String> {
    use pharos_lists::ManifestFound;
    let mut sentences = Vec::new();
    sentences.extend(recovery.manifest.map(|found| {
        match found {
            ManifestFound::CutOff => "lists: a change that was cut off is in force",
            ManifestFound::Missing => "lists: manifest.json was missing; the last good one is in force. Find out who had access to the folder",
            ManifestFound::Changed => "lists: manifest.json was changed by another hand than Pharos; the last good one is in force. Find out who had access to the folder",
            ManifestFound::CopyDamaged => "lists: the marked copy of the manifest was damaged and made anew; check the disk",
        }
        .to_owned()
    }));
    if !recovery.removed.is_empty() {
        sentences.push(format!(
            "lists: {} files of an interrupted change removed",
            recovery.removed.len()
        ));
    }
    if let Some(why) = &recovery.rebuilt {
        sentences.push(format!(
            "lists: the catalogue was compiled anew, because {why}"
        ));
    }
    sentences.extend(
        recovery
            .rolled_back
            .iter()
            .map(|list| format!("lists: {list} was damaged and went back to its earlier version")),
    );
    sentences
}

fn activity_sentences(
    recovered: &pharos_activity_embedded::Recovered,
    cut_off: bool,
) -> Vec<String> {
    let mut sentences = recovered.problems.clone();
    if cut_off && recovered.head_events + recovered.spool_events > 0 {
        sentences.push(format!(
            "activity: {} events found that were not yet sealed",
            recovered.head_events + recovered.spool_events
        ));
    }
    if recovered.torn_bytes > 0 {
        sentences.push(format!("activity: {} bytes of half-written events cut (at most the last second before the stop)", recovered.torn_bytes));
    }
    if recovered.leftovers_removed > 0 {
        sentences.push(format!(
            "activity: {} unfinished files removed",
            recovered.leftovers_removed
        ));
    }
    sentences
}

/// The school's certificate authority: made the first time, its key sealed.
pub(crate) fn authority(
    folder: &Folder,
    school: &str,
    never: Vec<String>,
) -> anyhow::Result<Arc<CertificateAuthority>> {
    let path = folder.path.join("keys/authority.pem");
    let fresh = || -> anyhow::Result<Vec<u8>> {
        let made = CertificateAuthority::create(&AuthoritySpec {
            school: school.to_owned(),
            never,
            now: jiff::Timestamp::now(),
        })?;
        crate::folder::write_private(&path, made.certificate_pem().as_bytes())?;
        Ok(made.private_key_pem().as_bytes().to_vec())
    };
    let key = folder.secret("authority.key", fresh)?;
    let certificate = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "{} cannot be read; restore it from a backup",
            path.display()
        )
    })?;
    let key = String::from_utf8(key)
        .context("keys/authority.key is damaged; restore it from a backup")?;
    Ok(Arc::new(CertificateAuthority::load(&certificate, &key)?))
}
