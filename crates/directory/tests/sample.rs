//! The sample school's roll: fictional people that the sample pack's rules and posts name.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::civil::date;
use pharos_directory::{Limits, Roll, preview, read_path};
use pharos_pack::{Pack, load};
use pharos_school::{Person, Role, YearGroup};
use uuid::Uuid;

fn sample() -> PathBuf {
    PathBuf::from("../../packs/harbourmouth")
}

fn roll() -> Roll {
    let files = read_path(&sample().join("people"), &Limits::default()).unwrap();
    let mut next = 0_u128;
    let mut new_id = || {
        next += 1;
        Uuid::from_u128(next)
    };
    let change = preview(
        &Roll::default(),
        &files,
        &Limits::default(),
        date(2026, 11, 20),
        &mut new_id,
        &mut |_| {},
    );
    change
        .map_err(|problems| problems.to_string())
        .unwrap()
        .applied_to(&Roll::default())
}

fn pack() -> Pack {
    let mut files = BTreeMap::new();
    for name in ["school.toml", "policy.md"] {
        files.insert(name.to_owned(), std::fs::read(sample().join(name)).unwrap());
    }
    load(&files).pack.unwrap()
}

/// ACC-10, VUL-04: the sample roll has pupils of every year, boarders, linked guardians and tutors.
#[test]
fn acc_10_vul_04_the_sample_roll_holds_a_whole_school() {
    let roll = roll();
    assert!(roll.people.len() > 120, "{}", roll.people.len());
    let pupils: Vec<&Person> = roll
        .people
        .iter()
        .filter(|person| person.is(Role::Pupil))
        .collect();
    let years: BTreeSet<YearGroup> = pupils.iter().filter_map(|pupil| pupil.year).collect();
    assert_eq!(years.len(), 15, "nursery, reception and Years 1 to 13");
    assert!(
        pupils
            .iter()
            .all(|pupil| !pupil.guardians.is_empty() && !pupil.classes.is_empty())
    );
    assert!(pupils.iter().filter(|pupil| pupil.house.is_some()).count() >= 10);
    for role in [
        Role::Head,
        Role::Technical,
        Role::Tutor,
        Role::HouseStaff,
        Role::Parent,
        Role::Governor,
        Role::Chair,
        Role::Visitor,
        Role::Office,
    ] {
        assert!(
            roll.people.iter().any(|person| person.is(role)),
            "nobody is {role}"
        );
    }
    assert!(
        pack()
            .school
            .phases
            .iter()
            .all(|phase| pupils.iter().any(|pupil| phase
                .years
                .iter()
                .any(|band| pupil.year.is_some_and(|year| band.contains(year)))))
    );
}

/// ROLE-01: everyone whom the sample pack names is on the sample roll.
#[test]
fn role_01_everyone_the_sample_pack_names_is_on_the_roll() {
    let (roll, pack) = (roll(), pack());
    let known: BTreeSet<&str> = roll
        .people
        .iter()
        .map(|person| person.username.as_str())
        .collect();
    let posts = pack
        .named_roles
        .iter()
        .map(|named| named.post.user.as_str());
    let devices = pack
        .addresses
        .iter()
        .filter_map(|entry| entry.user.as_deref());
    let groups = pack
        .filter
        .groups
        .values()
        .flat_map(|group| group.usernames.iter().map(String::as_str));
    let missing: Vec<&str> = posts
        .chain(devices)
        .chain(groups)
        .filter(|user| !known.contains(user))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
