//! Opening a data folder: engines under ports, ports under use cases. The one place that names them.

use std::sync::{Arc, OnceLock};

use anyhow::Context;
use pharos_activity_embedded::Embedded;
use pharos_catalogue::SealedKey;
use pharos_filter::Filter;
use pharos_proxy::{AuthoritySpec, CertificateAuthority};
use pharos_records_sql::{DataLock, Store};
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

/// Opens a folder that has a pack in force. `what` stands in the lock for whoever comes second.
pub(crate) async fn open(folder: Folder, what: &str) -> anyhow::Result<Opened> {
    let lock = DataLock::take(&folder.path, what)?;
    let engines = engines(&folder, Arc::new(SystemClock)).await?;
    let app = App::open(engines.ports).await?;
    let mut refusing = Vec::new();
    if let Err(error) = app.rebuild().await {
        // Without its sealed lists the filter has nothing in force and the faces refuse everything;
        // pages, alarms and the command that mends it work (FIL-03, FIL-17).
        let sealed = app.sealed_status()?.into_iter();
        refusing.extend(sealed.filter_map(|list| list.trouble));
        if refusing.is_empty() {
            return Err(error.into());
        }
        tracing::error!(
            lists = refusing.len(),
            "everything is refused until the sealed lists are back"
        );
    }
    Ok(Opened {
        folder,
        app,
        records: engines.records,
        activity: engines.activity,
        sink: engines.sink,
        recovered: engines.recovered,
        refusing,
        prober: OnceLock::new(),
        _lock: lock,
    })
}

/// Opens a new folder with its first pack. `clock` lets a sample school live through a week that
/// is already over.
pub(crate) async fn first(
    folder: Folder,
    files: &PackFiles,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Opened> {
    let lock = DataLock::take(&folder.path, "init")?;
    let engines = engines(&folder, clock).await?;
    let app = App::first(engines.ports, files, "First version").await?;
    Ok(Opened {
        folder,
        app,
        records: engines.records,
        activity: engines.activity,
        sink: engines.sink,
        recovered: engines.recovered,
        refusing: Vec::new(),
        prober: OnceLock::new(),
        _lock: lock,
    })
}

struct Engines {
    ports: Ports,
    records: Arc<Store>,
    activity: Arc<Embedded>,
    sink: Arc<dyn pharos_activity::Sink>,
    recovered: Vec<String>,
}

async fn engines(folder: &Folder, clock: Arc<dyn Clock>) -> anyhow::Result<Engines> {
    let now = clock.now();
    let cut_off = begin_use(folder);
    let records = Arc::new(Store::open(&folder.database(), folder.vault.clone()).await?);
    let opened = Embedded::open(
        &folder.path.join("activity"),
        pharos_activity_embedded::Config::default(),
    )?;
    let (lists, recovery) = pharos_lists::Lists::open(&folder.path.join("lists"), now)?;
    let key = folder.secret("sealed-lists", || {
        let mut key = vec![0; 32];
        getrandom::fill(&mut key).context("the system gives no random numbers")?;
        Ok(key)
    })?;
    let key: [u8; 32] = key
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
    recovered.extend(list_sentences(&recovery));
    recovered.extend(activity_sentences(&opened.recovered, cut_off));
    let ports = Ports {
        records: Arc::clone(&records) as Arc<dyn pharos_records::Records>,
        activity: Arc::clone(&opened.store) as Arc<dyn pharos_activity::Store>,
        filter: Arc::new(Filter::new()),
        lists,
        sealed_key: SealedKey::new(key),
        clock,
        web_url: std::env::var("PHAROS_WEB_URL")
            .unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned()),
    };
    Ok(Engines {
        ports,
        records,
        activity: opened.store,
        sink: opened.sink,
        recovered,
    })
}

fn list_sentences(recovery: &pharos_lists::Recovery) -> Vec<String> {
    let mut sentences = Vec::new();
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
