//! What a self-check tries: every promise of the written policy, as every kind of user.

use std::collections::{BTreeMap, BTreeSet};

use pharos_catalogue::Host;
use pharos_filter::shield::{WayRound, way_round};
use pharos_filter::{Roster, engines};
use pharos_governance::Control;
use pharos_policy::{Member, Policy, PolicySpec};
use pharos_school::{PersonId, Role};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ProbeRow, Result_, Seen, Way};
use crate::{App, Error};

/// Test users' ids begin so; they are nobody on the roll, and no alert is raised about them.
const TEST_USER: u128 = 0x7e57_0000_0000_8000_8000_0000_0000_0000;

/// The most kinds of user in one run.
const USERS_MAX: usize = 60;

/// What one probe is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
pub enum Kind {
    /// A category is blocked.
    Category(String),
    /// A search engine is held to its strict filter.
    SafeSearch(String),
    /// A sealed list is live: its dated test entry is blocked.
    Sealed(String),
    /// A help site is reachable (FIL-13).
    Help(String),
    /// A way round the filter is shut (FIL-16).
    WayRound(String),
    /// An address that teaching needs is open (FIL-12).
    Curriculum(String),
}

impl Kind {
    /// In words.
    pub fn says(&self) -> String {
        match self {
            Self::Category(name) => format!("{name} is blocked"),
            Self::SafeSearch(engine) => format!("safe search on {engine}"),
            Self::Sealed(list) => format!("sealed list {list} is live"),
            Self::Help(name) => format!("help is reachable: {name}"),
            Self::WayRound(name) => format!("shut: {name}"),
            Self::Curriculum(subject) => format!("open for teaching: {subject}"),
        }
    }
}

/// A kind of user to try as.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) group: String,
    pub(super) person: Option<PersonId>,
    /// The number of the place where they are, from 1; `None` for the check's own desk.
    pub(super) place: Option<u8>,
}

/// One thing to try.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    /// Index into the users.
    pub(super) user: usize,
    pub(super) way: Way,
    pub(super) kind: Kind,
    pub(super) host: String,
}

/// Everything to try.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) users: Vec<User>,
    pub(super) probes: Vec<Probe>,
}

impl Probe {
    /// Whether the name is a signal to the whole network, which any address would switch on.
    fn is_signal(&self) -> bool {
        Host::parse(&self.host)
            .ok()
            .and_then(|host| way_round(&host))
            .is_some_and(|way| matches!(way, WayRound::Canary | WayRound::Relay))
    }

    /// Holds what was seen against what was promised.
    pub(super) fn judge(&self, group: &str, seen: &Seen) -> ProbeRow {
        let result = match (&self.kind, seen) {
            (_, Seen::NotTried(_)) => Result_::NotTried,
            (Kind::WayRound(_), Seen::Blocked) if self.is_signal() => Result_::Failed,
            (Kind::Category(_) | Kind::Sealed(_) | Kind::WayRound(_), Seen::Blocked | Seen::Nothing)
            | (Kind::Help(_) | Kind::Curriculum(_), Seen::Through | Seen::Narrowed(_))
            // An engine that cannot be reached at all is held as well.
            | (Kind::SafeSearch(_), Seen::Narrowed(_) | Seen::Blocked | Seen::Nothing) => Result_::Passed,
            _ => Result_::Failed,
        };
        let seen = match seen {
            Seen::Blocked => "blocked".to_owned(),
            Seen::Narrowed(name) => format!("answered with {name}"),
            Seen::Nothing => "blocked, without any address".to_owned(),
            Seen::Through => "let through".to_owned(),
            Seen::NotTried(why) => format!("not tried: {why}"),
        };
        let address = if matches!(self.kind, Kind::Sealed(_)) {
            "the list's test entry".to_owned()
        } else {
            self.host.clone()
        };
        ProbeRow {
            group: group.to_owned(),
            way: self.way,
            kind: self.kind.clone(),
            address,
            result,
            seen,
        }
    }
}

impl App {
    /// Which test user stands for which group, and which groups stand for several: made with the
    /// snapshot, so that both are of one version.
    pub(crate) fn check_groups(&self) -> BTreeMap<String, Vec<String>> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for user in self.kinds_of_user() {
            let whose = if user.is_pupil { "pupils" } else { "staff" };
            groups
                .entry(whose.to_owned())
                .or_default()
                .push(user.group.clone());
            groups
                .entry("everyone".to_owned())
                .or_default()
                .push(user.group.clone());
            groups
                .entry(user.group.clone())
                .or_default()
                .push(user.group);
        }
        groups
    }

    pub(super) fn plan_check(&self) -> Result<Plan, Error> {
        let snapshot = self
            .filter()
            .snapshot()
            .map_err(|_| Error::Refused("The filter has nothing in force yet; there is nothing to check. Look at the status page.".to_owned()))?;
        let kinds = self.kinds_of_user();
        let mut plan = Plan::default();
        for kind in kinds.iter().take(USERS_MAX) {
            plan.users.push(User {
                group: kind.group.clone(),
                person: Some(kind.test_user),
                place: None,
            });
        }
        plan.users.push(User {
            group: "unknown".to_owned(),
            person: None,
            place: None,
        });
        let unknown = plan.users.len() - 1;
        let places = self.add_places(&mut plan);
        let stands_for = self.check_groups();
        let user_of = |group: &str| plan_index(&kinds, group);
        let mut wanted: BTreeSet<(usize, Kind, String)> = BTreeSet::new();
        for control in self.controls() {
            match control {
                Control::FilterBlocks { category, groups } => {
                    for user in groups
                        .iter()
                        .flat_map(|group| stands_for.get(group).cloned().unwrap_or_default())
                        .filter_map(|group| user_of(&group))
                    {
                        wanted.insert((
                            user,
                            Kind::Category(category.clone()),
                            test_host(&category),
                        ));
                    }
                    let everywhere = places
                        .iter()
                        .filter(|place| place.is_held_to(&groups))
                        .map(|place| place.user);
                    for user in everywhere.chain([unknown]) {
                        wanted.insert((
                            user,
                            Kind::Category(category.clone()),
                            test_host(&category),
                        ));
                    }
                }
                Control::SafeSearchOn { engines, groups } => {
                    let groups = if groups.is_empty() {
                        vec!["pupils".to_owned()]
                    } else {
                        groups
                    };
                    for engine in &engines {
                        let Some(host) = engine_host(engine) else {
                            continue;
                        };
                        for user in groups
                            .iter()
                            .flat_map(|group| stands_for.get(group).cloned().unwrap_or_default())
                            .filter_map(|group| user_of(&group))
                        {
                            wanted.insert((
                                user,
                                Kind::SafeSearch(engine.clone()),
                                host.to_owned(),
                            ));
                        }
                    }
                }
                _ => {}
            }
        }
        // Those who are led page by page reach none of it by themselves.
        let general = |user: &User| {
            user.person.is_some_and(|person| {
                let who = crate::explain::stated(Some(person));
                snapshot.subject(&who, None).mode() == pharos_policy::PhaseMode::General
            })
        };
        for (user, _) in plan
            .users
            .iter()
            .enumerate()
            .filter(|(_, user)| general(user))
        {
            for subject in &self.school().pack.curriculum {
                for site in &subject.sites {
                    wanted.insert((user, Kind::Curriculum(subject.name.clone()), site.clone()));
                }
            }
        }
        let sealed = self.sealed_status()?;
        for user in 0..plan.users.len() {
            for list in &sealed {
                wanted.insert((
                    user,
                    Kind::Sealed(list.name.clone()),
                    list.test_entry.clone(),
                ));
            }
            for help in &self.school().pack.filter.help {
                if let Some(site) = help.sites.first() {
                    wanted.insert((user, Kind::Help(help.name.clone()), site.clone()));
                }
            }
        }
        self.add_ways_round(&mut plan);
        for (user, kind, host) in wanted {
            plan.probes.push(Probe {
                user,
                way: Way::Dns,
                kind: kind.clone(),
                host: host.clone(),
            });
            if matches!(kind, Kind::Category(_) | Kind::Sealed(_)) {
                plan.probes.push(Probe {
                    user,
                    way: Way::Proxy,
                    kind,
                    host,
                });
            }
        }
        drop(snapshot);
        Ok(plan)
    }

    /// Somebody unknown in every place of the pack.
    fn add_places(&self, plan: &mut Plan) -> Vec<PlaceTried> {
        let spec = &self.school().pack.filter;
        let mut places = Vec::new();
        for (name, number) in spec.places.keys().zip(1_u8..=super::PLACES_MAX) {
            let guests = spec
                .unknown
                .guests
                .iter()
                .filter(|guests| guests.places.contains(name))
                .flat_map(|guests| guests.groups.iter().cloned())
                .collect::<BTreeSet<String>>();
            places.push(PlaceTried {
                user: plan.users.len(),
                guests: (!guests.is_empty()).then_some(guests),
            });
            plan.users.push(User {
                group: format!("unknown in {name}"),
                person: None,
                place: Some(number),
            });
        }
        places
    }

    /// Every way round that must be shut for whoever it is not granted to (FIL-16).
    fn add_ways_round(&self, plan: &mut Plan) {
        let avoidance = &self.school().pack.filter.avoidance;
        if !avoidance.block {
            return;
        }
        for (user, whose) in plan.users.iter().enumerate() {
            if avoidance.granted.contains(&whose.group) {
                continue;
            }
            for (name, host, ways) in WAYS_ROUND {
                plan.probes.extend(ways.iter().map(|way| Probe {
                    user,
                    way: *way,
                    kind: Kind::WayRound((*name).to_owned()),
                    host: (*host).to_owned(),
                }));
            }
        }
    }

    /// Every group of the pack that somebody is in, with a test user who stands for it.
    pub(crate) fn kinds_of_user(&self) -> Vec<KindOfUser> {
        let Ok(snapshot) = self.filter().snapshot() else {
            return Vec::new();
        };
        kinds(
            snapshot.policy(),
            snapshot.roster(),
            &self.school().pack.filter,
        )
    }
}

/// A place with its test device.
struct PlaceTried {
    user: usize,
    /// The groups that guests there count as; `None` where the strictest rules hold.
    guests: Option<BTreeSet<String>>,
}

impl PlaceTried {
    /// Whether a promise to these groups holds for an unknown device here.
    fn is_held_to(&self, groups: &[String]) -> bool {
        match &self.guests {
            None => true,
            Some(guests) => {
                groups.iter().any(|group| group == "everyone")
                    || groups.iter().any(|group| guests.contains(group))
            }
        }
    }
}

/// The ways round that are tried: name, host, and through which faces. Nothing is sent to any of
/// them when the filter holds.
const WAYS_ROUND: &[(&str, &str, &[Way])] = &[
    (
        "a browser's own resolver (canary)",
        "use-application-dns.net",
        &[Way::Dns],
    ),
    ("private relay", "mask.icloud.com", &[Way::Dns]),
    (
        "an encrypted resolver by name",
        "dns.google",
        &[Way::Dns, Way::Proxy],
    ),
    ("an encrypted resolver by address", "1.1.1.1", &[Way::Proxy]),
];

fn kinds(policy: &Policy, roster: &Roster, spec: &PolicySpec) -> Vec<KindOfUser> {
    let mut members: Vec<_> = roster
        .iter()
        .filter(|member| !is_test_user(member.person))
        .collect();
    members.sort_by_key(|member| member.person);
    let mut kinds: BTreeMap<String, (bool, PersonId)> = BTreeMap::new();
    for member in members {
        for group in policy.groups_of(&policy.subject(member)) {
            if spec.groups.contains_key(&*group) {
                kinds
                    .entry(group.to_string())
                    .or_insert((member.is(Role::Pupil), member.person));
            }
        }
    }
    kinds
        .into_iter()
        .enumerate()
        .map(|(number, (group, (is_pupil, stands_for)))| KindOfUser {
            group,
            is_pupil,
            stands_for,
            test_user: test_user(number),
        })
        .collect()
}

/// Puts a test user for every kind into the roster: the facts of a member of that group, nobody's name.
pub(crate) fn add_test_users(policy: &Policy, roster: &mut Roster, spec: &PolicySpec) {
    for kind in kinds(policy, roster, spec) {
        let Some(member) = roster.get(kind.stands_for) else {
            continue;
        };
        let mut member = Member::clone(member);
        member.person = kind.test_user;
        member.username = format!("check:{}", kind.group).into();
        roster.add(member);
    }
}

/// A group with the member whose facts its test user borrows.
#[derive(Debug, Clone)]
pub(crate) struct KindOfUser {
    pub(crate) group: String,
    pub(crate) is_pupil: bool,
    pub(crate) stands_for: PersonId,
    pub(crate) test_user: PersonId,
}

/// The id of the n-th test user: always the same, on no roll.
pub(crate) fn test_user(number: usize) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(
        TEST_USER + u128::try_from(number).unwrap_or_default(),
    ))
}

/// Whether the id is a test user's.
pub(crate) fn is_test_user(person: PersonId) -> bool {
    person.as_uuid().as_u128() >> 64 == TEST_USER >> 64
}

fn plan_index(kinds: &[KindOfUser], group: &str) -> Option<usize> {
    kinds
        .iter()
        .take(USERS_MAX)
        .position(|kind| kind.group == group)
}

/// Every category has a name of ours that stands for it in the built-in test list.
fn test_host(category: &str) -> String {
    format!("{category}.pharos.test")
}

fn engine_host(engine: &str) -> Option<&'static str> {
    engines::engine_named(engine).and_then(|id| id.engine().probe_host())
}
