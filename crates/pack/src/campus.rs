//! `[campuses.NAME]`: parts of a school, or schools of a trust, that share one server, and the people who
//! act for one of them alone.

use std::collections::BTreeSet;

use pharos_school::Role;

use crate::names::Names;
use crate::pack::Pack;
use crate::people::NamedRole;
use crate::problem::{Severity, quoted};
use crate::read::{Cx, Fields};

/// The most campuses.
const CAMPUSES_MAX: usize = 64;

/// One campus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campus {
    /// Its name in the pack.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its places on the network.
    pub places: Vec<String>,
    /// Groups whose people are of it.
    pub groups: Vec<String>,
    /// Sign-in names of those who act for it and, unless they are named at another as well, for nothing
    /// beyond. Their roles say what they may do there.
    pub delegates: Vec<String>,
}

/// Sign-in names of people whom `before` keeps to a part of the school and `after` keeps to less of a
/// part, or to none: they get back what was closed to them. In order of their names.
pub fn freed_delegates(before: &[Campus], after: &[Campus]) -> Vec<String> {
    let users: BTreeSet<&String> = before.iter().flat_map(|campus| &campus.delegates).collect();
    let freed = |user: &&&String| {
        let (was, is) = (reach(before, user), reach(after, user));
        is.is_none_or(|(groups, places)| {
            let (own_groups, own_places) = was.unwrap_or_default();
            !groups.is_subset(&own_groups) || !places.is_subset(&own_places)
        })
    };
    users
        .iter()
        .filter(freed)
        .map(ToString::to_string)
        .collect()
}

/// Groups and places.
type Reach<'c> = (BTreeSet<&'c String>, BTreeSet<&'c String>);

/// What somebody is kept to; `None`: nobody keeps them.
fn reach<'c>(campuses: &'c [Campus], user: &String) -> Option<Reach<'c>> {
    let theirs = campuses
        .iter()
        .filter(|campus| campus.delegates.contains(user));
    let (mut found, mut reach) = (false, Reach::default());
    for campus in theirs {
        found = true;
        reach.0.extend(&campus.groups);
        reach.1.extend(&campus.places);
    }
    found.then_some(reach)
}

/// `[campuses]`.
pub(crate) fn read_campuses(
    root: &mut Fields<'_>,
    names: &Names,
    named_roles: &[NamedRole],
    cx: &mut Cx<'_>,
) -> Vec<Campus> {
    let mut campuses = Vec::new();
    for (name, mut fields) in root.named_tables("campuses", cx) {
        let at = fields.at();
        let title = fields.text("title", cx).unwrap_or_else(|| name.clone());
        let places = crate::filter::places_of(&mut fields, "places", names, cx);
        let groups = crate::filter::groups_of(&mut fields, "groups", names, cx);
        let mut delegates = Vec::new();
        for (at, user) in fields.texts("delegates", cx) {
            let user = user.to_lowercase();
            let whole = named_roles.iter().find(|named| {
                named.post.user == user
                    && named
                        .roles
                        .iter()
                        .any(|role| matches!(role, Role::Lead | Role::Head | Role::Chair))
            });
            if whole.is_some() {
                let message = format!(
                    "campuses.{name}.delegates: {} answers for the whole school and cannot be kept to a part of it",
                    quoted(&user)
                );
                cx.error(
                    at,
                    message,
                    "name a deputy, or give the post to somebody else",
                );
            }
            delegates.push(user);
        }
        fields.finish(cx);
        if groups.is_empty() {
            cx.error(
                at,
                format!("campuses.{name}: nobody is of it"),
                "name groups whose people are of this campus",
            );
        }
        campuses.push(Campus {
            name,
            title,
            places,
            groups,
            delegates,
        });
        if campuses.len() > CAMPUSES_MAX {
            cx.error(at, format!("more than {CAMPUSES_MAX} campuses"), "");
            break;
        }
    }
    campuses
}

/// Settings whose roles are told first, with who is where the school says nothing.
const TOLD_FIRST: [(&str, Role); 4] = [
    ("mon.first_recipient", Role::Lead),
    ("mon.staff_recipient", Role::Head),
    ("con.notify", Role::Lead),
    ("req.vetted_by", Role::Lead),
];

/// Says where all whom the pack names for those who are told first are kept to a campus: what is of no
/// campus of theirs goes to the lead instead, and to the head where it is about staff (MON-03).
pub(crate) fn warn_of_kept(pack: &Pack, cx: &mut Cx<'_>) {
    let kept = |user: &String| {
        let delegates = pack.campuses.iter().flat_map(|campus| &campus.delegates);
        delegates.into_iter().any(|delegate| delegate == user)
    };
    for (setting, usual) in TOLD_FIRST {
        let roles = pack.roles_of(setting, &[usual]);
        let mut holders = pack
            .named_roles
            .iter()
            .filter(|named| named.roles.iter().any(|role| roles.contains(role)))
            .peekable();
        if holders.peek().is_none() || !holders.all(|named| kept(&named.post.user)) {
            continue;
        }
        let place = pack.settings.place_of(setting);
        let file = cx.file.to_owned();
        cx.problems.add(
            &file,
            place,
            Severity::Warning,
            format!("{setting}: everybody named for it is kept to a campus; what is of none of theirs goes to those who answer for the whole school"),
            Some("name somebody who acts for the whole school, such as the lead".to_owned()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campus(name: &str, groups: &[&str], delegates: &[&str]) -> Campus {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Campus {
            name: name.to_owned(),
            title: name.to_owned(),
            places: vec![format!("{name}-rooms")],
            groups: words(groups),
            delegates: words(delegates),
        }
    }

    /// ROLE-02, REQ-03: whoever is kept to less than before, or to nothing, is freed; whoever is kept to as
    /// much, to more, or for the first time, is not.
    #[test]
    fn role_02_a_delegate_who_is_kept_to_less_is_freed() {
        let before = [
            campus("prep", &["lower", "upper"], &["a", "b"]),
            campus("senior", &["seniors"], &["b"]),
        ];
        let freed = |after: &[Campus]| freed_delegates(&before, after).join(" ");
        assert_eq!(freed(&before), "");
        assert_eq!(freed(&[]), "a b");
        let (prep, senior) = (&before[0], &before[1]);
        let less = campus("prep", &["lower"], &["a", "b", "c"]);
        assert_eq!(
            freed(&[less, senior.clone()]),
            "",
            "kept to fewer people, and one more is kept"
        );
        let more = campus("prep", &["lower", "upper", "seniors"], &["a", "b"]);
        assert_eq!(
            freed(&[more, senior.clone()]),
            "a",
            "more people are theirs"
        );
        let moved = campus("senior", &["seniors"], &["a", "b"]);
        assert_eq!(
            freed(&[prep.clone(), moved.clone()]),
            "a",
            "the other campus is theirs too"
        );
        assert_eq!(freed(&[moved]), "a", "the other campus is theirs instead");
        let gone = campus("prep", &["lower", "upper"], &["b"]);
        assert_eq!(freed(&[gone, senior.clone()]), "a");
    }
}
