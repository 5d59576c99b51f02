//! As whom the check tries: a test user for every group, who is on no roll, at devices of the check's
//! own in every place.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use pharos_filter::Roster;
use pharos_policy::{Member, Policy, PolicySpec};
use pharos_school::{PersonId, Role, Who};
use uuid::Uuid;

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

fn kinds(policy: &Policy, roster: &Roster, spec: &PolicySpec) -> Vec<KindOfUser> {
    let mut members: Vec<_> = roster
        .iter()
        .filter(|member| !is_test_user(member.person))
        .collect();
    members.sort_by_key(|member| member.person);
    let mut kinds: BTreeMap<String, (Option<&'static str>, PersonId)> = BTreeMap::new();
    let mut pupils_stood_for = true;
    for member in members {
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

/// Puts a test user for every kind into the roster: the facts of a member of that group, nobody's name.
pub(crate) fn add_test_users(policy: &Policy, roster: &mut Roster, spec: &PolicySpec) {
    for kind in kinds(policy, roster, spec) {
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
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
