//! One run: seats the test users, tries everything within its time, keeps what was found.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pharos_access::{Actor, Target, act};
use pharos_filter::{OwnedDevice, Owner, TokenDigest};
use pharos_policy::spec::DeviceClass;
use pharos_records::NewCheckRun;
use pharos_school::{CheckId, PersonId};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::judge::Result_;
use super::plan::{Plan, Probe, is_nobody_in_particular};
use super::results::{CheckResults, Fold, ScopeThen, UserTried, VERSION, WayTried};
use super::users::User;
use super::ways::{Prober, Reach, Seen, Way};
use crate::clock::{new_uuid, random_bytes};
use crate::{App, Error};

/// The longest that one run may take; what is not tried by then is kept as not tried.
const RUN_MAX: Duration = Duration::from_secs(240);
/// How long test users stay seated at most, should a run be cut off.
const SEATED: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);
/// Probes under way at once.
const AT_ONCE: usize = 12;
/// So many probes in a row without an answer, and a face is left alone for the rest of the run.
const SILENT_MAX: u32 = 24;

/// The secrets of the test users' own paths, while a run lasts.
#[derive(Debug, Default)]
pub(crate) struct Devices(Mutex<Vec<(TokenDigest, PersonId)>>);

impl Devices {
    /// As the filter knows devices.
    pub(crate) fn owned(&self) -> Vec<(TokenDigest, OwnedDevice)> {
        let devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owned = devices.iter().map(|(digest, person)| {
            let owner = Owner::Person(*person);
            (
                *digest,
                OwnedDevice {
                    owner,
                    label: "self-check".into(),
                    // They are taken away when the run ends, also when it is cut off.
                    until: jiff::Timestamp::MAX,
                },
            )
        });
        owned.collect()
    }

    fn set(&self, devices: Vec<(TokenDigest, PersonId)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = devices;
    }
}

/// Test users at their devices; they leave when it is dropped, also when a run is cut off.
struct Seated {
    app: App,
    at: Vec<IpAddr>,
}

impl Seated {
    fn seat(app: &App, users: &[User]) -> Self {
        let until = app.now() + SEATED;
        let addresses = app.filter().addresses();
        for user in users {
            match user.person {
                Some(person) => {
                    addresses.sign_in(user.address, person, Some("self-check".into()), until)
                }
                None => drop(addresses.sign_out(user.address)),
            }
        }
        let known = users.iter().filter(|user| user.person.is_some());
        Self {
            app: app.clone(),
            at: known.map(|user| user.address).collect(),
        }
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        for address in &self.at {
            self.app.filter().addresses().sign_out(*address);
        }
        self.app.inner().check_devices.set(Vec::new());
    }
}

/// Ends the counting of the check's own events, also when a run is cut off.
struct Counting(App);

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.inner().check_tally.close(self.0.now());
    }
}

impl App {
    /// Runs the whole check and keeps it. `actor` is a person, or the schedule.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] when nothing is in force to be checked, or a run is under
    /// way and another waits for it.
    pub async fn run_check(
        &self,
        actor: &Actor,
        prober: &Arc<dyn Prober>,
    ) -> Result<CheckId, Error> {
        let permit = self.may::<act::RunCheck>(actor, Target::School).await?;
        let Ok(_place) = self.inner().check_queue.try_acquire() else {
            return Err(Error::Refused(
                "A check is running and another one waits for it. Their results stand on the page of checks in a minute.".to_owned(),
            ));
        };
        let _turn = self.inner().checking.lock().await;
        let from = self.now();
        let reaches: Vec<(Way, Reach)> = Way::faces().map(|way| (way, prober.reach(way))).collect();
        let open = |reach: &Reach| !matches!(reach, Reach::Nobody(_));
        let ways: Vec<Way> = reaches
            .iter()
            .filter(|(_, reach)| open(reach))
            .map(|(way, _)| *way)
            .collect();
        let mut plan = self.plan_check(&ways)?;
        leave_out_known_users(&mut plan, &reaches);
        self.inner().check_tally.open();
        let _counting = Counting(self.clone());
        let seated = Seated::seat(self, &plan.users);
        self.give_devices(&mut plan).await?;
        let found = try_all(prober, &plan).await;
        drop(seated);
        self.forget_devices().await?;
        let mut results = fold(plan, &reaches, found);
        results.events = self.inner().check_tally.close(self.now());
        results.scope = Some(self.scope_then(&results));
        let count = |wanted| i64::try_from(results.count(wanted)).unwrap_or(i64::MAX);
        let (passed, failed) = (count(Result_::Passed), count(Result_::Failed));
        let results = serde_json::to_string(&results)
            .map_err(|error| Error::unavailable("writing a self-check", &error))?;
        let id = CheckId::from_uuid(new_uuid());
        let run = NewCheckRun {
            id,
            from,
            to: self.now(),
            passed,
            failed,
            results,
        };
        self.records()
            .record_check(&permit, &run, self.now())
            .await?;
        if failed > 0 {
            self.tell_of_failed_check(id).await?;
        }
        self.assess_and_keep().await?;
        Ok(id)
    }

    /// What the filter is for now, and where this run did not look.
    fn scope_then(&self, results: &CheckResults) -> ScopeThen {
        let school = self.school();
        let filter = &school.pack.filter;
        let left_out = |class: &DeviceClass| filter.scope.left_out.contains(class);
        let titles = |wanted: bool| {
            let classes = DeviceClass::ALL.into_iter();
            let classes = classes.filter(|class| left_out(class) != wanted);
            classes.map(|class| class.title().to_owned()).collect()
        };
        let tried = results.places_tried();
        let places = filter.places.keys();
        let untried = places.filter(|place| !tried.contains(&place.as_str()));
        ScopeThen {
            covers: titles(true),
            left_out: titles(false),
            places_untried: untried.cloned().collect(),
        }
    }

    /// Gives each test user a path of their own, as a device has that asks from home.
    async fn give_devices(&self, plan: &mut Plan) -> Result<(), Error> {
        let mut secrets: BTreeMap<usize, String> = BTreeMap::new();
        let mut devices = Vec::new();
        for probe in plan
            .probes
            .iter_mut()
            .filter(|probe| probe.asking.way == Way::DohDevice)
        {
            let Some(person) = plan.users.get(probe.user).and_then(|user| user.person) else {
                continue;
            };
            let secret = match secrets.entry(probe.user) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let secret = URL_SAFE_NO_PAD.encode(random_bytes::<32>()?);
                    let hash = digest(&SHA256, secret.as_bytes());
                    if let Ok(hash) = TokenDigest::try_from(hash.as_ref()) {
                        devices.push((hash, person));
                    }
                    new.insert(secret)
                }
            };
            probe.asking.device = Some(secret.clone());
        }
        if devices.is_empty() {
            return Ok(());
        }
        self.inner().check_devices.set(devices);
        self.map_devices_now().await
    }

    async fn forget_devices(&self) -> Result<(), Error> {
        self.inner().check_devices.set(Vec::new());
        self.map_devices_now().await
    }

    async fn map_devices_now(&self) -> Result<(), Error> {
        match self.filter().snapshot() {
            Ok(snapshot) => self.map_devices(snapshot.roster()).await,
            Err(_) => Ok(()),
        }
    }
}

/// Where a face cannot tell devices of this machine apart, only somebody unknown is tried there.
fn leave_out_known_users(plan: &mut Plan, reaches: &[(Way, Reach)]) {
    let Plan { users, probes, .. } = plan;
    probes.retain(|probe| {
        let limited = reaches
            .iter()
            .any(|(way, reach)| *way == probe.asking.way && matches!(reach, Reach::Unknown(_)));
        !limited || users.get(probe.user).is_some_and(is_nobody_in_particular)
    });
}

/// What a run shares between those who probe.
struct Round {
    prober: Arc<dyn Prober>,
    users: Vec<IpAddr>,
    probes: Vec<Probe>,
    next: std::sync::atomic::AtomicUsize,
    silent: Mutex<BTreeMap<Way, u32>>,
    ends: Instant,
}

impl Round {
    async fn one(&self, probe: &Probe) -> Seen {
        let way = probe.asking.way;
        if Instant::now() >= self.ends {
            return Seen::NotTried("the time of this run was up".to_owned());
        }
        if self.silent_of(way) >= SILENT_MAX {
            return Seen::NotTried("this face does not answer".to_owned());
        }
        let Some(address) = self.users.get(probe.user) else {
            return Seen::NotTried("nobody sits there".to_owned());
        };
        let seen = self.prober.probe(*address, &probe.asking).await;
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let count = silent.entry(way).or_default();
        *count = if matches!(seen, Seen::NotTried(_)) {
            *count + 1
        } else {
            0
        };
        seen
    }

    fn silent_of(&self, way: Way) -> u32 {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.get(&way).copied().unwrap_or_default()
    }

    async fn work(&self) -> Vec<(usize, Seen)> {
        let mut found = Vec::new();
        loop {
            let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(probe) = self.probes.get(number) else {
                return found;
            };
            found.push((number, self.one(probe).await));
        }
    }
}

/// Tries everything, several at once, within [`RUN_MAX`] and the time of one last probe.
async fn try_all(prober: &Arc<dyn Prober>, plan: &Plan) -> Vec<(usize, Seen)> {
    let round = Arc::new(Round {
        prober: Arc::clone(prober),
        users: plan.users.iter().map(|user| user.address).collect(),
        probes: plan.probes.clone(),
        next: Default::default(),
        silent: Mutex::default(),
        ends: Instant::now() + RUN_MAX,
    });
    let mut working = JoinSet::new();
    for _ in 0..AT_ONCE {
        let round = Arc::clone(&round);
        working.spawn(async move { round.work().await });
    }
    let mut found = Vec::with_capacity(plan.probes.len());
    while let Some(some) = working.join_next().await {
        match some {
            Ok(some) => found.extend(some),
            Err(error) => tracing::error!(%error, "a part of the self-check ended with a fault"),
        }
    }
    found
}

fn fold(plan: Plan, reaches: &[(Way, Reach)], found: Vec<(usize, Seen)>) -> CheckResults {
    let mut seen: Vec<Option<Seen>> = vec![None; plan.probes.len()];
    for (number, what) in found {
        if let Some(place) = seen.get_mut(number) {
            *place = Some(what);
        }
    }
    let mut rows = Fold::default();
    for (probe, seen) in plan.probes.iter().zip(seen) {
        let seen =
            seen.unwrap_or_else(|| Seen::NotTried("the check itself met a fault".to_owned()));
        let about = (&probe.kind, probe.asking.way, &*probe.address());
        rows.add(probe.user, about, probe.wanted.judge(&seen));
    }
    for (kind, trouble) in &plan.broken {
        let nobody = plan
            .users
            .iter()
            .position(is_nobody_in_particular)
            .unwrap_or_default();
        let words = format!("the list cannot be used: {trouble}");
        rows.add(
            nobody,
            (kind, Way::Dns, "the list\u{2019}s test entry"),
            (Result_::Failed, words),
        );
    }
    let users = plan
        .users
        .iter()
        .zip(plan.shut)
        .map(|(user, shut)| UserTried {
            group: user.group.clone(),
            place: user.place.clone(),
            shut,
        });
    let ways = reaches.iter().map(|(way, reach)| WayTried {
        way: *way,
        why_not: match reach {
            Reach::Everyone => None,
            Reach::Unknown(why) | Reach::Nobody(why) => Some(why.clone()),
        },
    });
    CheckResults {
        v: VERSION,
        ways: ways.collect(),
        users: users.collect(),
        rows: rows.rows(),
        notes: plan.notes,
        ..CheckResults::default()
    }
}
