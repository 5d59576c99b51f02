//! `[campuses.NAME]`: parts of a school, or schools of a trust, that share one server, and the people who
//! act for one of them alone.

use pharos_school::Role;

use crate::names::Names;
use crate::people::NamedRole;
use crate::problem::quoted;
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
