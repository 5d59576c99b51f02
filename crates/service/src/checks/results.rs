//! What a run found, folded: one row for all whom the same became of.

use std::collections::{BTreeMap, BTreeSet};

use pharos_records::CheckRun;
use serde::{Deserialize, Serialize};

use super::judge::{Kind, Result_};
use super::ways::Way;
use crate::Error;

/// The stored form's version.
pub(super) const VERSION: u16 = 2;

/// All probes of one run, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CheckResults {
    /// The stored form's version. The first had `probes` alone.
    pub v: u16,
    /// The faces, those that could not be tried with the reason.
    #[serde(default)]
    pub ways: Vec<WayTried>,
    /// Everybody that was tried as.
    #[serde(default)]
    pub users: Vec<UserTried>,
    /// What became of what, for whom.
    #[serde(default)]
    pub rows: Vec<Row>,
    /// What was left out of this run, in sentences.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What the school's filter was for then; runs of before did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeThen>,
    /// How many decisions about the check's own users the faces told of while the run lasted, by face:
    /// that the real way was tried. They are in no activity. Runs of before kept them there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, u64>,
    /// Probes one by one, as runs of the first version have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeRow>,
}

/// What the school said that its filter is for (`fil.scope`) when a run was made, and what of its network the
/// run did not reach.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScopeThen {
    /// Classes of devices in scope, as people call them.
    pub covers: Vec<String>,
    /// Classes that are left out.
    pub left_out: Vec<String>,
    /// Places of the pack in which nothing was tried.
    pub places_untried: Vec<String>,
}

/// A face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayTried {
    /// Which.
    pub way: Way,
    /// Why it could not be tried, or not as everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// A kind of user in a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserTried {
    /// The group, or `unknown`.
    pub group: String,
    /// The place; none for a device that stands in no named place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Nothing at all is open to them at this time, so that a blocked category proves little.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shut: bool,
}

/// The same outcome for some users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What was tried.
    #[serde(flatten)]
    pub kind: Kind,
    /// The face.
    pub way: Way,
    /// The test address; for sealed lists only the list's name.
    pub address: String,
    /// How it went.
    pub result: Result_,
    /// What was seen, in words.
    pub seen: String,
    /// Places in [`CheckResults::users`].
    pub users: Vec<u16>,
}

/// One probe with its result, as the first version kept it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRow {
    /// The kind of user.
    pub group: String,
    /// The face.
    pub way: Way,
    /// What was tried.
    pub kind: Kind,
    /// The test address; for sealed lists only the list's name.
    pub address: String,
    /// How it went.
    pub result: Result_,
    /// What was seen, in words.
    pub seen: String,
}

/// One probe, read out of either version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The group, or `unknown`.
    pub group: &'a str,
    /// The place.
    pub place: Option<&'a str>,
    /// Whether everything was shut for them.
    pub shut: bool,
    /// The face.
    pub way: Way,
    /// What was tried.
    pub kind: &'a Kind,
    /// The test address; for sealed lists only the list's name.
    pub address: &'a str,
    /// How it went.
    pub result: Result_,
    /// What was seen, in words.
    pub seen: &'a str,
}

impl CheckResults {
    /// Reads a stored run.
    ///
    /// # Errors
    /// When it is damaged or of a newer version.
    pub fn read(run: &CheckRun) -> Result<Self, Error> {
        serde_json::from_str(&run.run.results)
            .map_err(|error| Error::unavailable("a stored self-check", &error))
    }

    /// The kinds of user that something was tried as, each once, in their order.
    pub fn groups_tried(&self) -> Vec<&str> {
        let groups: BTreeSet<&str> = self.tried().map(|one| one.group).collect();
        groups.into_iter().collect()
    }

    /// The places that something was tried in, each once.
    pub fn places_tried(&self) -> Vec<&str> {
        let places: BTreeSet<&str> = self.tried().filter_map(|one| one.place).collect();
        places.into_iter().collect()
    }

    /// Every probe that was made.
    fn tried(&self) -> impl Iterator<Item = Outcome<'_>> {
        self.outcomes()
            .filter(|one| one.result != Result_::NotTried)
    }

    /// Every probe, made or not.
    pub fn outcomes(&self) -> impl Iterator<Item = Outcome<'_>> {
        let folded = self.rows.iter().flat_map(|row| {
            let users = row.users.iter();
            users.filter_map(|user| {
                let user = self.users.get(usize::from(*user))?;
                Some(Outcome {
                    group: &user.group,
                    place: user.place.as_deref(),
                    shut: user.shut,
                    way: row.way,
                    kind: &row.kind,
                    address: &row.address,
                    result: row.result,
                    seen: &row.seen,
                })
            })
        });
        folded.chain(self.probes.iter().map(|row| {
            let place = row.group.strip_prefix("unknown in ");
            Outcome {
                group: if place.is_some() {
                    "unknown"
                } else {
                    &row.group
                },
                place,
                shut: false,
                way: row.way,
                kind: &row.kind,
                address: &row.address,
                result: row.result,
                seen: &row.seen,
            }
        }))
    }

    /// Whom a row is about, in words: each group once, with its places where it is not everywhere.
    pub fn whom(&self, row: &Row) -> String {
        let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for user in &row.users {
            if let Some(user) = self.users.get(usize::from(*user)) {
                let here = user.place.as_deref().unwrap_or("no named place");
                places.entry(&user.group).or_default().push(here);
            }
        }
        let whole = |group: &str| self.users.iter().filter(|user| user.group == group).count();
        let words = places.iter().map(|(group, places)| {
            if places.len() == whole(group) || *places == ["no named place"] {
                (*group).to_owned()
            } else {
                format!("{group} in {}", places.join(", "))
            }
        });
        words.collect::<Vec<_>>().join("; ")
    }

    /// How many probes ended so.
    pub fn count(&self, result: Result_) -> usize {
        self.outcomes()
            .filter(|outcome| outcome.result == result)
            .count()
    }
}

/// Folds outcomes into rows as they come in.
#[derive(Debug, Default)]
pub(super) struct Fold(BTreeMap<Key, Vec<u16>>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: Kind,
    way: Way,
    address: String,
    result: Result_,
    seen: String,
}

impl Fold {
    pub(super) fn add(
        &mut self,
        user: usize,
        (kind, way, address): (&Kind, Way, &str),
        (result, seen): (Result_, String),
    ) {
        let Ok(user) = u16::try_from(user) else {
            return;
        };
        let key = Key {
            kind: kind.clone(),
            way,
            address: address.to_owned(),
            result,
            seen,
        };
        self.0.entry(key).or_default().push(user);
    }

    pub(super) fn rows(self) -> Vec<Row> {
        self.0
            .into_iter()
            .map(|(key, mut users)| {
                users.sort_unstable();
                Row {
                    kind: key.kind,
                    way: key.way,
                    address: key.address,
                    result: key.result,
                    seen: key.seen,
                    users,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUD-02: evidence of the first version is read for ever, and what is folded comes out whole.
    #[test]
    fn aud_02_both_stored_forms_are_read() {
        let first = r#"{"v":1,"probes":[{"group":"unknown in prep-rooms","way":"proxy","kind":{"kind":"category","name":"gambling"},"address":"gambling.pharos.test","result":"failed","seen":"let through"},{"group":"staff","way":"dns","kind":{"kind":"sealed","name":"sample"},"address":"the list's test entry","result":"not-tried","seen":"off"}]}"#;
        let first: CheckResults = serde_json::from_str(first).unwrap();
        let told: Vec<_> = first
            .outcomes()
            .map(|one| (one.group, one.place, one.result))
            .collect();
        assert_eq!(
            told,
            [
                ("unknown", Some("prep-rooms"), Result_::Failed),
                ("staff", None, Result_::NotTried)
            ]
        );

        let mut fold = Fold::default();
        let kind = Kind::Category("gambling".to_owned());
        for (user, seen) in [(1, "blocked"), (0, "blocked"), (0, "let through")] {
            let result = if seen == "blocked" {
                Result_::Passed
            } else {
                Result_::Failed
            };
            fold.add(
                user,
                (&kind, Way::Dns, "gambling.pharos.test"),
                (result, seen.to_owned()),
            );
        }
        let user = |group: &str| UserTried {
            group: group.to_owned(),
            place: None,
            shut: false,
        };
        let second = CheckResults {
            v: VERSION,
            users: vec![user("pupils"), user("staff")],
            rows: fold.rows(),
            ..CheckResults::default()
        };
        let second: CheckResults =
            serde_json::from_str(&serde_json::to_string(&second).unwrap()).unwrap();
        assert_eq!(second.rows.len(), 2);
        assert_eq!(
            (second.count(Result_::Passed), second.count(Result_::Failed)),
            (2, 1)
        );
        let failed = second
            .outcomes()
            .find(|one| one.result == Result_::Failed)
            .unwrap();
        assert_eq!((failed.group, failed.seen), ("pupils", "let through"));
    }
}
