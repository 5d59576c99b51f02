//! The test of a change on the live filter, right after it was put in force.

use std::collections::BTreeSet;

use pharos_catalogue::Address;
use pharos_filter::{Query, Snapshot};
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Unknown, Who};

use super::body::{ChangeBody, FORM, Verification};
use crate::App;

/// The most addresses tried.
const ADDRESSES_MAX: usize = 120;
/// The most wrong verdicts named.
const WRONG_MAX: usize = 20;

impl App {
    /// Asks the live filter, as every kind of user, for a test address of every category, for what
    /// the change names, and for what its replay showed; and holds the answers against the approved
    /// change.
    pub(crate) fn verify_change(
        &self,
        before: &Snapshot,
        approved: &Snapshot,
        body: &ChangeBody,
    ) -> Verification {
        let mut found = Verification {
            v: FORM,
            asked: 0,
            as_approved: 0,
            changed: 0,
            wrong: Vec::new(),
            took_ms: 0,
        };
        let Ok(live) = self.filter().snapshot() else {
            return found;
        };
        let mut users: Vec<(String, Option<PersonId>)> = self
            .kinds_of_user()
            .into_iter()
            .map(|kind| (kind.group, Some(kind.stands_for)))
            .collect();
        users.push(("unknown".to_owned(), None));
        let now = self.now();
        for address in addresses(approved, body) {
            for (group, person) in &users {
                let who = who(*person);
                let query = Query {
                    address: &address,
                    who: &who,
                    from: None,
                    face: Face::Check,
                    now,
                };
                let (seen, wanted) = (live.action(&query), approved.action(&query));
                found.asked += 1;
                found.as_approved += usize::from(seen == wanted);
                found.changed += usize::from(seen != before.action(&query));
                if seen != wanted && found.wrong.len() < WRONG_MAX {
                    found.wrong.push(format!(
                        "{group}: {} is {seen}, approved was {wanted}",
                        address.host()
                    ));
                }
            }
        }
        found
    }
}

fn addresses(approved: &Snapshot, body: &ChangeBody) -> Vec<Address> {
    let names = approved.categories().names();
    let mut texts: BTreeSet<String> = names
        .iter()
        .map(|name| format!("{name}.pharos.test"))
        .collect();
    if let Some(opening) = &body.opening {
        texts.extend(opening.sites.iter().cloned());
    }
    let replay = body.replay.iter();
    let sites = replay.flat_map(|replay| {
        replay
            .opens
            .sites
            .iter()
            .take(20)
            .chain(replay.closes.sites.iter().take(20))
    });
    let mut all: Vec<String> = sites.map(|site| site.site.clone()).collect();
    all.extend(texts);
    all.iter()
        .take(ADDRESSES_MAX)
        .filter_map(|text| Address::parse(text).ok())
        .collect()
}

fn who(person: Option<PersonId>) -> Who {
    match person {
        Some(person) => Who::Known {
            person,
            source: IdentitySource::Stated,
            confidence: Confidence::Certain,
            device: None,
        },
        None => Who::Unknown {
            why: Unknown::NoSignIn,
            device: None,
        },
    }
}
