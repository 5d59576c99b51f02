//! Taking an issue of the floor in: read against the school's own policy before it is taken, noted in the
//! change log, put in force; and what a stop between these leaves undone.

use std::sync::{Arc, PoisonError};

use jiff::SignedDuration;
use pharos_access::{Actor, Target, Warrant, act};
use pharos_ledger::Detail;
use pharos_lists::{FloorHead, LoadedCatalogue};
use pharos_pack::{Floor, load_floor, load_held_floor};
use pharos_policy::PolicySpec;
use pharos_policy::spec::FloorSpec;

use super::{AGAIN, add_held, of_issue};
use crate::lists::refused;
use crate::school::School;
use crate::{App, Error};

/// Reads issues against the policy that would stand on them.
pub(super) struct Reader {
    spec: PolicySpec,
    school: Arc<School>,
    catalogue: Arc<LoadedCatalogue>,
    /// The version that the school holds.
    held: Option<u64>,
}

impl Reader {
    /// What the list folder asks of a floor's text. One on which the school's policy cannot stand is
    /// none: taken, it would be held and not be in force.
    pub(super) fn head(&self, text: &str) -> Result<FloorHead, String> {
        // The issue in force comes back as it was; a new one is held to what floors are held to today.
        let back = load_held_floor(text);
        let holds = |floor: &Floor| Some(floor.version) == self.held;
        let loaded = if back.floor.as_ref().is_some_and(holds) {
            back
        } else {
            load_floor(text)
        };
        let Some(floor) = loaded.floor else {
            let wrong = loaded.problems.iter().find(|problem| problem.is_error());
            return Err(wrong.map_or_else(|| "it is no floor".to_owned(), ToString::to_string));
        };
        let (names, declared) = (self.catalogue.names(), &self.school.declared_categories);
        stands(&self.spec, floor.spec, names, declared)?;
        Ok(FloorHead {
            trust: floor.trust,
            version: floor.version,
        })
    }
}

/// Whether a policy can stand on a floor; why it cannot. What is wrong without any floor as well is not
/// the floor's doing.
fn stands(
    spec: &PolicySpec,
    floor: FloorSpec,
    names: &[Arc<str>],
    declared: &[Arc<str>],
) -> Result<(), String> {
    let on = |floor| {
        let spec = PolicySpec {
            floor,
            ..spec.clone()
        };
        pharos_filter::compile_policy(&spec, names, declared)
    };
    match on(Some(floor)) {
        Err(problems) if on(None).is_ok() => {
            let first = problems.first().map(ToString::to_string);
            let first = first.unwrap_or_default();
            Err(format!(
                "the policy of this school cannot stand on it: {first}"
            ))
        }
        _ => Ok(()),
    }
}

impl App {
    /// What reads an issue before it is taken.
    pub(super) async fn floor_reader(&self) -> Result<Reader, Error> {
        let school = self.school();
        Ok(Reader {
            spec: self.spec_without_floor(&school).await?,
            catalogue: self.inner().lists.catalogue(),
            school,
            held: self.inner().lists.floor_version(),
        })
    }

    /// Notes an issue that was taken in and puts it in force. Where noting fails it is put in force all
    /// the same, and noted later.
    pub(super) async fn put_issue_in_force(
        &self,
        warrant: &Warrant,
        trust: &str,
        result: &str,
        version: u64,
    ) -> Result<(), Error> {
        let noted = self.note_issue(warrant, trust, result, version).await;
        self.rebuild().await.map_err(|error| {
            Error::Refused(format!(
                "Issue {version} of the floor of {trust} is held and not in force yet, and is tried again by itself; what was before stays in force. {error}"
            ))
        })?;
        noted
    }

    /// Makes up for a stop between taking an issue in and the rest: issues that the change log does not
    /// know are noted (REQ-04), and one that is held and not in force is put in force.
    ///
    /// # Errors
    /// When the records cannot be written, or the policy cannot be built; what was before stays.
    pub async fn settle_floor(&self) -> Result<(), Error> {
        let untold = self.inner().lists.floor_untold();
        if !untold.is_empty() {
            let system = Actor::system("jobs");
            let permit = self
                .may::<act::ChangeSettings>(&system, Target::School)
                .await?;
            let trust = self.pinned_trust();
            for (version, _) in untold {
                self.note_issue(&permit, &trust, "taken in", version)
                    .await?;
            }
        }
        if self.floor_is_in_force() {
            return Ok(());
        }
        self.rebuild().await
    }

    /// Whether the floor that is held is the one under the policy in force. One that cannot be read is
    /// [`App::floor_trouble`]'s to tell.
    pub(super) fn floor_is_in_force(&self) -> bool {
        let mut wanted = PolicySpec {
            floor: self.school().pack.filter.floor.clone(),
            ..PolicySpec::default()
        };
        match self.inner().lists.floor() {
            Err(_) => true,
            Ok(held) => {
                let read = add_held(&mut wanted, held).is_ok();
                let standing_on = self.inner().standing_on.lock();
                read && *standing_on.unwrap_or_else(PoisonError::into_inner) == wanted.floor
            }
        }
    }

    /// Notes what the policy in force stands on.
    pub(crate) fn note_standing_on(&self, floor: Option<FloorSpec>) {
        let standing_on = self.inner().standing_on.lock();
        *standing_on.unwrap_or_else(PoisonError::into_inner) = floor;
    }

    async fn note_issue(
        &self,
        warrant: &Warrant,
        trust: &str,
        result: &str,
        version: u64,
    ) -> Result<(), Error> {
        let lists = &self.inner().lists;
        if result == AGAIN {
            // Each time is an event of its own.
            let detail = Detail::new().text("floor", trust).text("result", result);
            let detail = of_issue(detail, version);
            self.records()
                .note(warrant, None, &detail, self.now())
                .await?;
        }
        let mut untold = lists.floor_untold().into_iter();
        let Some((_, taken)) = untold.find(|(one, _)| *one == version) else {
            return Ok(());
        };
        let same = of_issue(Detail::new().text("floor", trust), version);
        let detail = same.clone().text("result", result);
        // A stop between the line and the mark, or another who notes at the same time, leaves one line.
        let since = taken - SignedDuration::from_secs(1);
        self.records()
            .note_once(warrant, &detail, (&same, since), self.now())
            .await?;
        lists.floor_told(version).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use pharos_policy::spec::{FloorBlockSpec, RuleSpec, WhomSpec};
    use pharos_policy::{Action, RULES_MAX};

    use super::*;

    fn rules(count: usize) -> PolicySpec {
        let rule = |n: usize| RuleSpec {
            name: format!("rule {n}"),
            action: Action::Block,
            groups: Vec::new(),
            except: Vec::new(),
            categories: Vec::new(),
            sites: vec![format!("site{n}.example")],
            everything: false,
            hours: Vec::new(),
            except_hours: Vec::new(),
            places: Vec::new(),
        };
        PolicySpec {
            rules: (0..count).map(rule).collect(),
            ..PolicySpec::default()
        }
    }

    /// FIL-04: a floor that a school's policy cannot stand on is refused before it is held; what is wrong
    /// with the policy alone is no reason to refuse a floor.
    #[test]
    fn fil_04_a_floor_is_tried_under_the_schools_own_policy() {
        let floor = FloorSpec {
            by: "Saltmarsh Learning Trust".to_owned(),
            version: 3,
            blocks: vec![FloorBlockSpec {
                name: "floor: pupils".to_owned(),
                whom: WhomSpec::default(),
                categories: Vec::new(),
                sites: vec!["low-tide.example".to_owned()],
            }],
            ..FloorSpec::default()
        };
        let tried = |count| stands(&rules(count), floor.clone(), &[], &[]);
        assert_eq!(tried(RULES_MAX - 2), Ok(()));
        let refused = tried(RULES_MAX - 1).unwrap_err();
        assert!(refused.contains("cannot stand on it"), "{refused}");
        assert_eq!(tried(RULES_MAX + 1), Ok(()));
    }
}
