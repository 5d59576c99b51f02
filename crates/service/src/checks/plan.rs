//! What a self-check tries: every promise of the written policy and of the settings, as every kind of
//! user, through every face, in every place.

use std::collections::{BTreeMap, BTreeSet};

use pharos_filter::engines::ENGINES;
use pharos_governance::Control;
use pharos_policy::PhaseMode;

use super::judge::{Kind, Wanted};
use super::promised::{Promised, test_host};
use super::routes::{For, ROUTES, Route};
use super::users::{KindOfUser, UNKNOWN, USERS_MAX, User, users};
use super::ways::{Ask, Asking, Way};
use crate::{App, Error};

/// The most combinations of user, place and category that one run tries; beyond it places are
/// sampled, and the run says so.
const CELLS_MAX: usize = 12_000;
/// Categories tried in a place where they are sampled.
const SAMPLE: usize = 3;

/// One thing to try.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    /// Place in the users.
    pub(super) user: usize,
    pub(super) kind: Kind,
    pub(super) asking: Asking,
    pub(super) wanted: Wanted,
}

impl Probe {
    /// The address for the sheet. What a sealed list holds is not told, its test entry neither.
    pub(super) fn address(&self) -> String {
        let host = &self.asking.host;
        match (&self.kind, &self.asking.ask) {
            (Kind::Sealed(_), _) => "the list\u{2019}s test entry".to_owned(),
            (_, Ask::Port(port)) => format!("{host}:{port}"),
            (_, Ask::Within(name)) => format!("{name} inside a tunnel to {host}"),
            _ => host.clone(),
        }
    }
}

/// Everything to try.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) users: Vec<User>,
    /// For each user whether nothing at all is open to them now.
    pub(super) shut: Vec<bool>,
    pub(super) probes: Vec<Probe>,
    /// Sealed lists that cannot be read, with what is wrong.
    pub(super) broken: Vec<(Kind, String)>,
    pub(super) notes: Vec<String>,
}

impl Plan {
    fn add(
        &mut self,
        user: usize,
        way: Way,
        kind: &Kind,
        host: &str,
        (ask, wanted): (Ask, Wanted),
    ) {
        // A device's own path is somebody's, wherever they are.
        let fits = self.users.get(user).is_some_and(|one| {
            way != Way::DohDevice || (one.person.is_some() && one.place.is_none())
        });
        if fits {
            let asking = Asking {
                way,
                host: host.to_owned(),
                ask,
                device: None,
            };
            self.probes.push(Probe {
                user,
                kind: kind.clone(),
                asking,
                wanted,
            });
        }
    }
}

/// What the written policy promises to whom.
#[derive(Debug, Default)]
struct Written {
    categories: BTreeSet<(String, String)>,
    engines: BTreeSet<(String, String)>,
    /// Categories with the groups that they were promised for, for those whom nobody knows.
    unknown: Vec<(String, Vec<String>)>,
}

impl Written {
    fn of(controls: Vec<Control>, stands_for: &BTreeMap<String, Vec<String>>) -> Self {
        let mut written = Self::default();
        let expand = |groups: &[String]| -> Vec<String> {
            groups
                .iter()
                .flat_map(|group| stands_for.get(group).cloned().unwrap_or_default())
                .collect()
        };
        for control in controls {
            match control {
                Control::FilterBlocks { category, groups } => {
                    written.categories.extend(
                        expand(&groups)
                            .into_iter()
                            .map(|group| (group, category.clone())),
                    );
                    written.unknown.push((category, groups));
                }
                Control::SafeSearchOn { engines, groups } => {
                    let groups = if groups.is_empty() {
                        vec!["pupils".to_owned()]
                    } else {
                        groups
                    };
                    for group in expand(&groups) {
                        written
                            .engines
                            .extend(engines.iter().map(|engine| (group.clone(), engine.clone())));
                    }
                }
                _ => {}
            }
        }
        written
    }

    /// Whether a category is promised to somebody. `guests`: the groups that unknown devices count
    /// as in their place.
    fn blocks(&self, user: &User, category: &str, guests: Option<&BTreeSet<String>>) -> bool {
        if user.person.is_some() {
            return self
                .categories
                .contains(&(user.group.clone(), category.to_owned()));
        }
        self.unknown
            .iter()
            .filter(|(promised, _)| promised == category)
            .any(|(_, groups)| match guests {
                None => true,
                Some(guests) => groups
                    .iter()
                    .any(|group| group == "everyone" || guests.contains(group)),
            })
    }
}

impl App {
    pub(super) fn plan_check(&self, ways: &[Way]) -> Result<Plan, Error> {
        let snapshot = self
            .filter()
            .snapshot()
            .map_err(|_| Error::Refused("The filter has nothing in force yet; there is nothing to check. Look at the page How Pharos is doing, under Network.".to_owned()))?;
        let school = self.school();
        let spec = &school.pack.filter;
        let kinds = self.kinds_of_user();
        let promised = self.promised(&snapshot)?;
        let mut plan = Plan {
            users: users(&kinds, spec),
            ..Plan::default()
        };
        plan.shut = plan
            .users
            .iter()
            .map(|user| promised.is_shut(user))
            .collect();
        plan.notes.extend(left_out(&kinds, spec.places.len()));
        let written = Written::of(self.controls(), &self.check_groups());
        self.plan_categories(&mut plan, &promised, &written, ways);
        add_engines(&mut plan, &promised, &written, ways);
        self.plan_sealed(&mut plan, ways)?;
        self.plan_open(&mut plan, |user| {
            user.person.is_some()
                && snapshot.subject(&user.who(), Some(user.address)).mode() == PhaseMode::General
        });
        self.plan_routes(&mut plan, &promised, ways);
        Ok(plan)
    }

    /// Every category that the settings or the written policy block for somebody: by name everywhere,
    /// through the proxy, and one of them through every other face.
    fn plan_categories(
        &self,
        plan: &mut Plan,
        promised: &Promised,
        written: &Written,
        ways: &[Way],
    ) {
        let spec = &self.school().pack.filter;
        let categories = promised.categories().to_vec();
        let sampled = plan.users.len() * categories.len() > CELLS_MAX;
        if sampled {
            plan.notes.push(format!("There are more groups and places than one run tries in full: in each place {SAMPLE} categories were tried as each group, others than in the place before."));
        }
        for number in 0..plan.users.len() {
            let user = plan.users[number].clone();
            let guests: BTreeSet<String> = user
                .place
                .iter()
                .flat_map(|place| {
                    let here = spec
                        .unknown
                        .guests
                        .iter()
                        .filter(move |guests| guests.places.contains(place));
                    here.flat_map(|guests| guests.groups.iter().cloned())
                })
                .collect();
            let guests = (!guests.is_empty()).then_some(&guests);
            let mut blocked: Vec<&str> = categories
                .iter()
                .map(|category| &**category)
                .filter(|category| {
                    written.blocks(&user, category, guests)
                        || promised.blocks(&user, &test_host(category))
                })
                .collect();
            let elsewhere = user.place.is_some();
            if sampled && elsewhere && blocked.len() > SAMPLE {
                let turn = number % blocked.len();
                blocked.rotate_left(turn);
                blocked.truncate(SAMPLE);
            }
            for (turn, category) in blocked.iter().enumerate() {
                let kind = Kind::Category((*category).to_owned());
                let host = test_host(category);
                for (place, way) in ways.iter().enumerate() {
                    let whole = *way == Way::Dns
                        || (*way == Way::Proxy && (!elsewhere || user.person.is_none()));
                    // Another category through each of the others, so that all are met in time.
                    let one = (number + place) % blocked.len() == turn;
                    let tried = whole || (one && (!elsewhere || *way == Way::Proxy));
                    if tried {
                        plan.add(number, *way, &kind, &host, (Ask::Open, Wanted::Shut));
                    }
                }
            }
        }
    }

    /// Every sealed list, as everybody, in every place, through every face (FIL-03).
    fn plan_sealed(&self, plan: &mut Plan, ways: &[Way]) -> Result<(), Error> {
        let (broken, sealed): (Vec<_>, Vec<_>) = self
            .sealed_status()?
            .into_iter()
            .partition(|list| list.test_entry.is_empty());
        plan.broken.extend(broken.into_iter().map(|list| {
            let trouble = list
                .trouble
                .unwrap_or_else(|| "it has no test entry".to_owned());
            (Kind::Sealed(list.name), trouble)
        }));
        for user in 0..plan.users.len() {
            for list in &sealed {
                let kind = Kind::Sealed(list.name.clone());
                for way in ways {
                    plan.add(
                        user,
                        *way,
                        &kind,
                        &list.test_entry,
                        (Ask::Open, Wanted::Sealed),
                    );
                }
            }
        }
        Ok(())
    }

    /// What must be open: help for everybody, and what teaching needs for whoever is not led page by
    /// page and has anything open now.
    fn plan_open(&self, plan: &mut Plan, is_general: impl Fn(&User) -> bool) {
        let school = self.school();
        for number in 0..plan.users.len() {
            for help in &school.pack.filter.help {
                if let Some(site) = help.sites.first() {
                    plan.add(
                        number,
                        Way::Dns,
                        &Kind::Help(help.name.clone()),
                        site,
                        (Ask::Open, Wanted::Open),
                    );
                }
            }
            let user = &plan.users[number];
            if user.place.is_some() || plan.shut[number] || !is_general(user) {
                continue;
            }
            for subject in &school.pack.curriculum {
                for site in &subject.sites {
                    plan.add(
                        number,
                        Way::Dns,
                        &Kind::Curriculum(subject.name.clone()),
                        site,
                        (Ask::Open, Wanted::Open),
                    );
                }
            }
        }
    }

    /// Every way round that must be shut for whoever it is not granted to (FIL-16).
    fn plan_routes(&self, plan: &mut Plan, promised: &Promised, ways: &[Way]) {
        let school = self.school();
        let avoidance = &school.pack.filter.avoidance;
        let applies = |route: &Route, user: &User| match route.whom {
            For::NotGranted => avoidance.block && !avoidance.granted.contains(&user.group),
            For::Category(category) => promised.blocks(user, &test_host(category)),
            For::Once => false,
        };
        let open = plan.shut.iter().position(|shut| !shut);
        for route in ROUTES {
            let kind = Kind::WayRound(route.name.to_owned());
            let once = open.filter(|_| route.whom == For::Once && avoidance.block);
            let whom: Vec<usize> = match once {
                Some(user) => vec![user],
                None => (0..plan.users.len())
                    .filter(|user| {
                        let user = &plan.users[*user];
                        user.place.is_none() && applies(route, user)
                    })
                    .collect(),
            };
            for user in whom {
                for way in route.ways.iter().filter(|way| ways.contains(way)) {
                    plan.add(
                        user,
                        *way,
                        &kind,
                        route.host,
                        ((route.ask)(), (route.wanted)()),
                    );
                }
            }
        }
    }
}

/// Every engine and the video site, where they are held or blocked for somebody: by name everywhere,
/// and one of them through each other way that sees names (SRCH-05).
fn add_engines(plan: &mut Plan, promised: &Promised, written: &Written, ways: &[Way]) {
    for number in 0..plan.users.len() {
        let user = plan.users[number].clone();
        for (turn, engine) in ENGINES.iter().enumerate() {
            let kind = Kind::SafeSearch(engine.name.to_owned());
            let strictest = written
                .engines
                .contains(&(user.group.clone(), engine.name.to_owned()));
            for host in engine.probe_hosts() {
                let Some(wanted) = promised.engine(&user, host, strictest) else {
                    continue;
                };
                let ask = match wanted {
                    Wanted::Instead(_) => Ask::EveryRecord,
                    _ => Ask::Open,
                };
                for (place, way) in ways.iter().enumerate().filter(|(_, way)| way.is_dns()) {
                    let one = user.place.is_none() && (number + place) % ENGINES.len() == turn;
                    if *way == Way::Dns || one {
                        plan.add(number, *way, &kind, host, (ask.clone(), wanted.clone()));
                    }
                }
            }
        }
    }
}

/// What is beyond the bounds of one run.
fn left_out(kinds: &[KindOfUser], places: usize) -> Vec<String> {
    let mut notes = Vec::new();
    let places_max = usize::from(super::users::PLACES_MAX);
    if kinds.len() > USERS_MAX {
        let named: Vec<&str> = kinds
            .iter()
            .skip(USERS_MAX)
            .map(|kind| kind.group.as_str())
            .collect();
        notes.push(format!(
            "Groups beyond the {USERS_MAX} that one run tries were left out: {}.",
            named.join(", ")
        ));
    }
    if places > places_max {
        notes.push(format!(
            "Places beyond the {places_max} that one run tries were left out: {} of them.",
            places - places_max
        ));
    }
    notes
}

/// The device of somebody unknown in no named place: what a face sees that cannot tell devices of this
/// machine apart.
pub(super) fn is_nobody_in_particular(user: &User) -> bool {
    user.group == UNKNOWN && user.place.is_none()
}
