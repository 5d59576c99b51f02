//! Named roles with their duties and holders (ROLE-01), and the school's tightening of the rights
//! table (ROLE-02).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use pharos_access::Act;
use pharos_school::Role;

use crate::names::Names;
use crate::read::{Cx, Fields};
use crate::settings::Settings;
use crate::tree::{Node, Value};

/// A post: who holds it, since when, until when, with which duties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Username of the holder, lower case.
    pub user: String,
    /// First day; a change of holder takes effect on this day.
    pub since: Option<Date>,
    /// Last day, for a former holder kept for the history.
    pub until: Option<Date>,
    /// Duties in plain words beyond the usual ones of the post.
    pub duties: Vec<String>,
}

/// Which settings name posts, the roles that a post gives, and its usual duties.
const POSTS: &[(&str, &[Role], &[&str])] = &[
    (
        "people.lead",
        &[Role::Lead, Role::Staff],
        &[
            "Takes every concern about a child and decides what happens next.",
            "Hears alerts, keeps the safeguarding records and makes referrals.",
            "Tells parents, or writes down why not.",
            "Stays answerable for what deputies do in their name.",
        ],
    ),
    (
        "people.online_lead",
        &[Role::OnlineLead, Role::Staff],
        &["Keeps the online safety policy alive and hears what filter and monitoring show."],
    ),
    (
        "people.deputies",
        &[Role::Deputy, Role::Staff],
        &["Acts for the safeguarding lead when the lead is away or asks."],
    ),
    (
        "people.head",
        &[Role::Head, Role::Leadership, Role::Staff],
        &[
            "Approves changes and answers for the policy to governors.",
            "Takes matters about members of staff.",
        ],
    ),
    (
        "people.governor_link",
        &[Role::Governor],
        &["Meets the lead, questions the figures and reports to the governing body."],
    ),
    (
        "people.chair",
        &[Role::Chair, Role::Governor],
        &["Takes a matter about the head."],
    ),
    (
        "people.tech_team",
        &[Role::Technical, Role::Staff],
        &[
            "Keeps filter, network and devices running and safe.",
            "Supports the lead with filter records, without reading cases.",
        ],
    ),
];

/// A holder of a post with what it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRole {
    /// The setting that names it, such as `people.lead`.
    pub setting: &'static str,
    /// Roles that holding it gives.
    pub roles: &'static [Role],
    /// The holder.
    pub post: Post,
    /// The usual duties, then the school's own.
    pub duties: Vec<String>,
}

/// Every post with its holders. Without an online safety lead of its own, the lead is it.
pub(crate) fn named_roles(settings: &Settings) -> Vec<NamedRole> {
    let mut named = Vec::new();
    for (setting, roles, usual) in POSTS {
        let mut posts = settings.posts(setting);
        if *setting == "people.online_lead" && posts.is_empty() {
            posts = settings.posts("people.lead");
        }
        for post in posts {
            let duties = usual
                .iter()
                .map(|duty| (*duty).to_owned())
                .chain(post.duties.iter().cloned())
                .collect();
            named.push(NamedRole {
                setting,
                roles,
                post,
                duties,
            });
        }
    }
    named
}

/// Reads `"username"` or `{ user = "…", since = 2026-09-01, duties = ["…"] }`.
pub(crate) fn read_post(path: &str, node: &Node, cx: &mut Cx<'_>) -> Option<Post> {
    if let Value::Text(_) = node.value {
        let user = cx.text(path, node)?.to_lowercase();
        return Some(Post {
            user,
            since: None,
            until: None,
            duties: Vec::new(),
        });
    }
    let mut fields = Fields::new(cx.table(path, node)?, path);
    let user = fields.needed_text("user", cx);
    let post = Post {
        user: user.clone().unwrap_or_default().to_lowercase(),
        since: fields.day("since", cx),
        until: fields.day("until", cx),
        duties: fields
            .texts("duties", cx)
            .into_iter()
            .map(|(_, duty)| duty)
            .collect(),
    };
    if let (Some(since), Some(until)) = (post.since, post.until)
        && until < since
    {
        cx.error(
            node.at,
            format!("{path}: the last day {until} is before the first day {since}"),
            "",
        );
    }
    fields.finish(cx);
    user.map(|_| post)
}

/// `[rights]`: act to the roles that keep it. The table may be tightened, never loosened.
pub(crate) fn read_rights(root: &mut Fields<'_>, cx: &mut Cx<'_>) -> BTreeMap<Act, BTreeSet<Role>> {
    let mut rights = BTreeMap::new();
    let Some((node, path)) = root.node("rights") else {
        return rights;
    };
    let Some(table) = cx.table(&path, node) else {
        return rights;
    };
    for entry in &table.entries {
        let Ok(act) = entry.key.parse::<Act>() else {
            cx.unknown(
                entry.at,
                "rights",
                &entry.key,
                "act",
                Act::ALL.iter().map(|act| act.name()),
            );
            continue;
        };
        let mut roles = BTreeSet::new();
        for (at, text) in cx.texts(&format!("rights.{}", entry.key), &entry.node) {
            let Some(role) = Names::role(at, "rights", &text, cx) else {
                continue;
            };
            if act.roles().contains(&role) {
                roles.insert(role);
            } else {
                let granted: Vec<&str> = act.roles().iter().map(|role| role.name()).collect();
                cx.error(
                    at,
                    format!("rights: {role} may not {act} in the built-in table: a school may tighten it, never loosen it"),
                    format!("choose among {}", granted.join(", ")),
                );
            }
        }
        rights.insert(act, roles);
    }
    rights
}
