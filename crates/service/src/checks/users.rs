//! As whom the check tries: a test user for every group, who is on no roll, at devices of the check's
//! own in every place.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_catalogue::{Address, CategorySet};
use pharos_filter::Roster;
use pharos_policy::{Action, Member, Policy, PolicySpec, Request};
use pharos_school::{PersonId, Role, Who, YearGroup};
use uuid::Uuid;

use super::promised::PLAIN;
use crate::App;
use crate::explain::stated;

/// Test users' ids begin so; they are nobody on the roll, and no alert is raised about them.
const TEST_USER: u128 = 0x7e57_0000_0000_8000_8000_0000_0000_0000;
/// The most kinds of user in one run.
pub(super) const USERS_MAX: usize = 60;
/// The most places that are tried.
pub(super) const PLACES_MAX: u8 = 100;

/// The check's own devices, of a loopback range that no school device has: one for each kind of
/// user in no named place …
const DEVICES: [u8; 3] = [127, 83, 0];
/// … one for somebody unknown in each place …
const IN_PLACES: [u8; 3] = [127, 83, 1];
/// … and one for each kind of user in each place: the third number is the place.
const USERS_IN_PLACES: [u8; 2] = [127, 84];

/// So far ahead it is asked when something is open to a member …
const WEEK_HOURS: i64 = 7 * 24;
/// … and so far apart: an odd number, so that other hours are met each day.
const EVERY_HOURS: i64 = 5;

/// Groups that every policy has and that may have rules of their own.
const BUILT_IN: [&str; 7] = [
    "pupils",
    "staff",
    "boarders",
    "day-pupils",
    "visitors",
    "governors",
    "parents",
];

/// Whether a request came from the check's own devices: nothing to be alerted of.
pub(crate) fn is_check_address(address: IpAddr) -> bool {
    let IpAddr::V4(v4) = address.to_canonical() else {
        return false;
    };
    let octets = v4.octets();
    octets[..3] == DEVICES || octets[..3] == IN_PLACES || octets[..2] == USERS_IN_PLACES
}

/// Puts devices of the check's own into every place, and the test users into the groups that go by
/// sign-in name, so that each is tried as it is (AUD-02).
pub(crate) fn add_devices(spec: &mut PolicySpec) {
    let [a, b] = USERS_IN_PLACES;
    for (place, number) in spec.places.values_mut().zip(1_u8..=PLACES_MAX) {
        place.ranges.push(stranger_in(number).to_string());
        place.ranges.push(format!("{a}.{b}.{number}.0/24"));
    }
    // A group without names is left as it is: one with names counts as one that pupils can be in.
    let by_name = spec
        .groups
        .iter_mut()
        .filter(|(_, group)| !group.usernames.is_empty());
    for (name, group) in by_name {
        group.usernames.push(test_name(name));
    }
}

fn stranger_in(place: u8) -> IpAddr {
    let [a, b, c] = IN_PLACES;
    IpAddr::V4(Ipv4Addr::new(a, b, c, place))
}

/// The sign-in name of a group's test user, which nobody can have.
fn test_name(group: &str) -> String {
    format!("check:{}", group.to_lowercase())
}

/// A kind of user to try as.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) group: String,
    pub(super) person: Option<PersonId>,
    pub(super) place: Option<String>,
    /// The device.
    pub(super) address: IpAddr,
}

impl User {
    /// As the filter knows them.
    pub(super) fn who(&self) -> Who {
        stated(self.person)
    }
}

/// Everybody to try as: each kind and somebody unknown, in no named place and in each.
pub(super) fn users(kinds: &[KindOfUser], spec: &PolicySpec) -> Vec<User> {
    let [a, b, c] = DEVICES;
    let kinds = || kinds.iter().take(USERS_MAX).zip(1_u8..);
    let mut users: Vec<User> = kinds()
        .map(|(kind, number)| User {
            group: kind.group.clone(),
            person: Some(kind.test_user),
            place: None,
            address: IpAddr::V4(Ipv4Addr::new(a, b, c, number)),
        })
        .collect();
    users.push(User {
        group: UNKNOWN.to_owned(),
        person: None,
        place: None,
        address: IpAddr::V4(Ipv4Addr::new(a, b, c, 254)),
    });
    let [a, b] = USERS_IN_PLACES;
    for (place, number) in spec.places.keys().zip(1_u8..=PLACES_MAX) {
        users.push(User {
            group: UNKNOWN.to_owned(),
            person: None,
            place: Some(place.clone()),
            address: stranger_in(number),
        });
        users.extend(kinds().map(|(kind, user)| User {
            group: kind.group.clone(),
            person: Some(kind.test_user),
            place: Some(place.clone()),
            address: IpAddr::V4(Ipv4Addr::new(a, b, number, user)),
        }));
    }
    users
}

/// How somebody is called whom nobody knows.
pub(super) const UNKNOWN: &str = "unknown";

/// A group with the member whose facts its test user borrows.
#[derive(Debug, Clone)]
pub(crate) struct KindOfUser {
    pub(crate) group: String,
    /// `pupils` or `staff`; none for those who are neither.
    pub(crate) whose: Option<&'static str>,
    pub(crate) stands_for: PersonId,
    pub(crate) test_user: PersonId,
}

/// Every group with the member who stands for it: of those who are under no rule of their own, whoever
/// has something open most often in the week from `now` on. What is kept from them is kept from all;
/// somebody who is led page by page or shut out for the night would pass whatever the lists say.
fn kinds(policy: &Policy, roster: &Roster, spec: &PolicySpec, now: Timestamp) -> Vec<KindOfUser> {
    let mut freedom = Freedom::new(policy, spec, now);
    let mut members: Vec<(Rank, _)> = roster
        .iter()
        .filter(|member| !is_test_user(member.person))
        .map(|member| (freedom.rank(member), member))
        .collect();
    members.sort_by_key(|(a, _)| *a);
    let mut kinds: BTreeMap<String, (Option<&'static str>, PersonId)> = BTreeMap::new();
    let mut pupils_stood_for = true;
    for (_, member) in members {
        let whose = if member.is(Role::Pupil) {
            Some("pupils")
        } else if member.is(Role::Staff) {
            Some("staff")
        } else {
            None
        };
        let groups = policy.groups_of(&policy.subject(member));
        pupils_stood_for &= whose != Some("pupils")
            || groups
                .iter()
                .any(|group| spec.groups.contains_key(&**group));
        for group in groups {
            if spec.groups.contains_key(&*group) || BUILT_IN.contains(&&*group) {
                kinds
                    .entry(group.to_string())
                    .or_insert((whose, member.person));
            }
        }
    }
    // Where every pupil is in a group of the pack's own, those stand for pupils.
    if pupils_stood_for {
        kinds.remove("pupils");
    }
    kinds
        .into_iter()
        .enumerate()
        .map(|(number, (group, (whose, stands_for)))| KindOfUser {
            group,
            whose,
            stands_for,
            test_user: test_user(number),
        })
        .collect()
}

/// How well a member stands for a group, the best first: under no rule of their own, most often
/// something open, in fewest groups; then by id, so that it is always the same.
type Rank = (bool, Reverse<usize>, usize, PersonId);

/// How often members have anything open at all. Those in the same groups and of the same year are
/// asked for once.
struct Freedom<'a> {
    policy: &'a Policy,
    restricted: BTreeSet<PersonId>,
    plain: Option<Address>,
    times: Vec<Timestamp>,
    known: HashMap<(Vec<Arc<str>>, Option<YearGroup>), usize>,
}

impl<'a> Freedom<'a> {
    fn new(policy: &'a Policy, spec: &PolicySpec, now: Timestamp) -> Self {
        let personal = spec.overrides.personal.iter();
        let times = (0..WEEK_HOURS / EVERY_HOURS)
            .map(|turn| SignedDuration::from_hours(turn * EVERY_HOURS))
            .filter_map(|later| now.checked_add(later).ok());
        Self {
            policy,
            restricted: personal.flat_map(|rule| rule.people.clone()).collect(),
            plain: Address::parse(PLAIN).ok(),
            times: times.collect(),
            known: HashMap::new(),
        }
    }

    fn rank(&mut self, member: &Member) -> Rank {
        let groups = self.policy.groups_of(&self.policy.subject(member));
        let count = groups.len();
        let key = (groups, member.year);
        let open = match self.known.get(&key) {
            Some(open) => *open,
            None => {
                let open = self.open(member);
                self.known.insert(key, open);
                open
            }
        };
        let restricted = self.restricted.contains(&member.person);
        (restricted, Reverse(open), count, member.person)
    }

    /// At how many of the times a plain address is open to somebody like this member.
    fn open(&self, member: &Member) -> usize {
        let Some(plain) = &self.plain else { return 0 };
        let mut like = Member::clone(member);
        like.person = test_user(0);
        let subject = self.policy.subject(&like);
        let is_open = |now: &Timestamp| {
            let asked = Request {
                address: plain,
                named: true,
                categories: CategorySet::EMPTY,
                sealed: None,
                sealed_below: false,
                search: None,
                avoidance: false,
                text: None,
                ai: None,
                file: None,
                extension_store: false,
                other_browser: false,
                notice_first: false,
                from: None,
                now: *now,
            };
            self.policy.action(&subject, &asked) != Action::Block
        };
        self.times.iter().filter(|now| is_open(now)).count()
    }
}

/// Puts a test user for every kind into the roster: the facts of a member of that group, nobody's name.
pub(crate) fn add_test_users(
    policy: &Policy,
    roster: &mut Roster,
    spec: &PolicySpec,
    now: Timestamp,
) {
    for kind in kinds(policy, roster, spec, now) {
        let Some(member) = roster.get(kind.stands_for) else {
            continue;
        };
        let mut member = Member::clone(member);
        member.person = kind.test_user;
        member.username = test_name(&kind.group).into();
        roster.add(member);
    }
}

/// The id of the n-th test user: always the same, on no roll.
fn test_user(number: usize) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(
        TEST_USER + u128::try_from(number).unwrap_or_default(),
    ))
}

/// Whether the id is a test user's.
pub(crate) fn is_test_user(person: PersonId) -> bool {
    person.as_uuid().as_u128() >> 64 == TEST_USER >> 64
}

impl App {
    /// Which test user stands for which group, and which groups stand for several: made with the
    /// snapshot, so that both are of one version.
    pub(crate) fn check_groups(&self) -> BTreeMap<String, Vec<String>> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for user in self.kinds_of_user() {
            let mut stands = vec!["everyone", &user.group];
            stands.extend(user.whose.filter(|whose| *whose != user.group));
            for group in stands {
                groups
                    .entry(group.to_owned())
                    .or_default()
                    .push(user.group.clone());
            }
        }
        groups
    }

    /// Every group that somebody is in, with a test user who stands for it.
    pub(crate) fn kinds_of_user(&self) -> Vec<KindOfUser> {
        let Ok(snapshot) = self.filter().snapshot() else {
            return Vec::new();
        };
        kinds(
            snapshot.policy(),
            snapshot.roster(),
            &self.school().pack.filter,
            self.now(),
        )
    }
}

#[cfg(test)]
mod tests {
    use pharos_policy::spec::PersonalSpec;
    use pharos_school::{Person, Standing};

    use super::*;

    fn pupil(number: u128, year: &str, house: Option<&str>) -> Person {
        Person {
            id: PersonId::from_uuid(Uuid::from_u128(number)),
            source_id: String::new(),
            username: format!("pupil.{number}"),
            given_name: "Some".to_owned(),
            family_name: "Body".to_owned(),
            email: None,
            roles: BTreeSet::from([Role::Pupil]),
            year: Some(year.parse().unwrap()),
            house: house.map(str::to_owned),
            classes: BTreeSet::new(),
            guardians: BTreeSet::new(),
            standing: Standing::Active,
        }
    }

    /// Who stands for which group: pupils of the youngest first by number, day pupils shut out by
    /// night.
    fn stand_for(people: &[Person], restricted: &[u128]) -> BTreeMap<String, u128> {
        let mut spec: PolicySpec = serde_json::from_value(serde_json::json!({
            "hours": { "night": { "spans": [{ "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "17:00", "to": "08:00" }] } },
            "groups": { "club": { "roles": ["pupil"] } },
            "modes": [{ "years": ["R-3"], "mode": "adult-led" }],
            "rules": [{ "name": "out-of-hours", "action": "block", "groups": ["day-pupils"], "everything": true, "hours": ["night"] }],
        }))
        .unwrap();
        spec.overrides.personal = restricted
            .iter()
            .map(|number| PersonalSpec {
                reference: "r".to_owned(),
                people: vec![PersonId::from_uuid(Uuid::from_u128(*number))],
                sites: Vec::new(),
                categories: Vec::new(),
                everything: true,
                hours: Vec::new(),
                until: None,
            })
            .collect();
        let policy = pharos_filter::compile_policy(&spec, &[], &[]).unwrap();
        let mut roster = Roster::default();
        for person in people {
            roster.add(Member::of(person, std::iter::empty()));
        }
        let now = "2026-11-10T10:00:00Z".parse().unwrap();
        let kinds = kinds(&policy, &roster, &spec, now).into_iter();
        kinds
            .map(|kind| (kind.group, kind.stands_for.as_uuid().as_u128()))
            .collect()
    }

    /// AUD-02: a group is stood for by a member under no rule of their own who has something open, not
    /// by one of the youngest, or one who is shut out by night, where there is another; where there is
    /// none, by whoever there is.
    #[test]
    fn aud_02_whoever_represents_a_group_best_stands_for_it() {
        let people = [
            pupil(1, "1", Some("house")),
            pupil(2, "8", None),
            pupil(3, "9", Some("house")),
            pupil(4, "10", Some("house")),
            pupil(5, "2", None),
        ];
        let free = stand_for(&people, &[]);
        assert_eq!(free["club"], 3, "{free:?}");
        assert_eq!((free["boarders"], free["day-pupils"]), (3, 2));
        let restricted = stand_for(&people, &[3]);
        assert_eq!((restricted["club"], restricted["boarders"]), (4, 4));
        let all = stand_for(&people[..1], &[1]);
        assert_eq!((all["club"], all["boarders"]), (1, 1));
    }

    /// AUD-02: every kind of user and somebody unknown is tried in every place, each at a device of
    /// its own that raises no alert.
    #[test]
    fn aud_02_every_group_stands_in_every_place_at_a_device_of_its_own() {
        let kind = |n: usize| KindOfUser {
            group: format!("group-{n}"),
            whose: None,
            stands_for: test_user(n),
            test_user: test_user(n),
        };
        let kinds: Vec<_> = (0..90).map(kind).collect();
        let mut spec = PolicySpec::default();
        for n in 0..130 {
            spec.places.insert(
                format!("place-{n:03}"),
                pharos_policy::spec::PlaceSpec::default(),
            );
        }
        let users = users(&kinds, &spec);
        assert_eq!(users.len(), (USERS_MAX + 1) * (usize::from(PLACES_MAX) + 1));
        let addresses: std::collections::BTreeSet<_> =
            users.iter().map(|user| user.address).collect();
        assert_eq!(addresses.len(), users.len());
        assert!(addresses.iter().all(|address| is_check_address(*address)));
        assert!(!is_check_address(IpAddr::V4(Ipv4Addr::new(127, 0, 1, 8))));
        add_devices(&mut spec);
        assert_eq!(
            spec.places["place-000"].ranges,
            ["127.83.1.1", "127.84.1.0/24"]
        );
        assert!(spec.places["place-120"].ranges.is_empty());
    }
}
