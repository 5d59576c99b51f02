//! The floor of the trust that the school belongs to: pinned, taken in, put under every policy of the
//! school, and how the school stands on it.
//!
//! A floor only tightens, so that it is in force as it comes, without a draft (REQ-05); each issue
//! stands in the change log (REQ-04). Nobody of the school lets go of it: that is done at the machine.

mod report;
mod standing;
mod taking;

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, Warrant, act};
use pharos_catalogue::Address;
use pharos_filter::Query;
use pharos_ledger::Detail;
use pharos_lists::{FloorFetched, HeldFloor, ListUrl, SealedFrom};
use pharos_pack::{TrustSource, load_held_floor};
use pharos_policy::spec::RuleSpec;
use pharos_policy::{Action, Layer, PolicySpec, is_help_of, under_floor};
use pharos_school::{Face, PersonId};

pub use standing::FloorStanding;

pub use report::{CheckTold, ClauseTold, FloorTold, SchoolReport};

use crate::lists::{chance, fetching, in_background, refused};
use crate::overrides::reason;
use crate::{App, Error};

/// The largest floor that is fetched, in MiB.
const MB_MAX: u32 = 1;
/// What the change log says where the issue in force had been lost and came back.
const AGAIN: &str = "taken in again";

impl App {
    /// Pins the trust's name and public key. Gives whether that was new.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] when another trust or key is pinned.
    pub async fn join_trust(
        &self,
        actor: &Actor,
        trust: &str,
        key: [u8; 32],
    ) -> Result<bool, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let new = self.inner().lists.floor_pin(trust, key).map_err(refused)?;
        if new {
            self.note_floor(&permit, trust, "key pinned").await?;
        }
        Ok(new)
    }

    /// Takes in a signed issue of the floor and puts it in force. Gives its version.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] for one that the pinned key did not sign, an older one,
    /// one that does not read: the last good issue stays in force.
    pub async fn import_floor(&self, actor: &Actor, signed: &[u8]) -> Result<u64, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let reader = self.floor_reader().await?;
        let lists = &self.inner().lists;
        let taken = lists.floor_take(signed, &|text| reader.head(text), self.now());
        let trust = self.pinned_trust();
        match taken {
            Ok(taken) => {
                let version = taken.version;
                let result = if taken.again { AGAIN } else { "taken in" };
                self.put_issue_in_force(&permit, &trust, result, version)
                    .await?;
                Ok(version)
            }
            Err(error) => {
                self.note_floor(&permit, &trust, "refused").await?;
                Err(refused(error))
            }
        }
    }

    /// Fetches the newest issue from where the pack says and puts it in force, due or not. The key is
    /// pinned by the pack at the first fetch, or by hand before it.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] where the pack names no source; [`Error::Refused`] with
    /// what went wrong: the last good issue stays in force.
    pub async fn fetch_floor(&self, actor: &Actor) -> Result<FloorFetched, Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        let school = self.school();
        let trust = school.pack.trust.clone().ok_or(Error::NotFound)?;
        let from = source_of(&trust).ok_or(Error::NotFound)?.map_err(|error| {
            Error::Refused(format!("The trust's floor cannot be fetched: {error}."))
        })?;
        let every = SignedDuration::from_hours(i64::from(trust.refresh_hours));
        let (app, now) = (self.clone(), self.now());
        if let Some(key) = trust.publisher_key
            && let Err(error) = self.join_trust(actor, &trust.name, key).await
        {
            if let Error::Refused(why) = &error {
                // A fetch that failed as any other does: shown, and tried again after a wait.
                let lists = &self.inner().lists;
                lists
                    .floor_fetch_failed((&from, every), why.clone(), (now, chance()))
                    .map_err(refused)?;
                self.note_floor(&permit, &trust.name, "refused").await?;
            }
            return Err(error);
        }
        let reader = self.floor_reader().await?;
        let fetched = in_background("fetching a floor", move || {
            let fetching = fetching(MB_MAX).map_err(|error| error.to_string())?;
            let lists = &app.inner().lists;
            let when = (now, chance());
            lists
                .fetch_floor((&from, every), &fetching, &|text| reader.head(text), when)
                .map_err(|error| error.to_string())
        })
        .await?;
        match fetched {
            Ok(FloorFetched::AsItWas) => Ok(FloorFetched::AsItWas),
            Ok(FloorFetched::Taken(version)) => {
                self.put_issue_in_force(&permit, &trust.name, "fetched", version)
                    .await?;
                Ok(FloorFetched::Taken(version))
            }
            Ok(FloorFetched::TakenAgain(version)) => {
                self.put_issue_in_force(&permit, &trust.name, AGAIN, version)
                    .await?;
                Ok(FloorFetched::TakenAgain(version))
            }
            Err(why) => {
                self.note_floor(&permit, &trust.name, "refused").await?;
                Err(Error::Refused(format!(
                    "The floor of {} was not fetched; the last good issue stays in force: {why}.",
                    trust.name
                )))
            }
        }
    }

    /// Lets go of the trust and its floor, such as when the school leaves it. At the machine alone.
    ///
    /// # Errors
    /// [`Error::Refused`] for everybody but the operator; [`Error::Invalid`] without a reason;
    /// [`Error::NotFound`] where there is no trust.
    pub async fn leave_trust(&self, actor: &Actor, why: &str) -> Result<(), Error> {
        let permit = self
            .may::<act::ChangeSettings>(actor, Target::School)
            .await?;
        if actor.id().is_some() {
            return Err(Error::Refused("The trust's floor is let go of at the machine alone, with `pharos floor leave`. Ask the trust first.".to_owned()));
        }
        let why = reason(why)?;
        let trust = self.pinned_trust();
        if !self.inner().lists.floor_leave().map_err(refused)? {
            return Err(Error::NotFound);
        }
        let detail = Detail::new()
            .text("floor", &trust)
            .text("result", "let go of")
            .text("why", &why);
        self.records()
            .note(&permit, None, &detail, self.now())
            .await?;
        self.rebuild().await
    }

    /// Fetches the floor when it is due; a failure is logged, told to the technical team once a day
    /// and shows on the pages.
    pub(crate) async fn refresh_due_floor(&self) -> Result<bool, Error> {
        match self.settle_floor().await {
            Ok(()) => {}
            Err(denied @ Error::Denied(_)) => return Err(denied),
            Err(error) => {
                tracing::warn!(%error, "the trust's floor is held and not in force; what was before stays");
                self.tell_of_refusal("floor").await?;
            }
        }
        let school = self.school();
        let from = school.pack.trust.as_ref().and_then(source_of);
        let Some(Ok(from)) = from else {
            return Ok(false);
        };
        if !self.inner().lists.floor_fetch_due(&from, self.now()) {
            return Ok(false);
        }
        match self.fetch_floor(&Actor::system("jobs")).await {
            Ok(fetched) => Ok(fetched != FloorFetched::AsItWas),
            Err(denied @ Error::Denied(_)) => Err(denied),
            Err(error) => {
                tracing::warn!(%error, "the trust's floor was not fetched; the last good issue stays");
                self.tell_of_refusal("floor").await?;
                Ok(false)
            }
        }
    }

    /// Why the trust's floor cannot be put in force, where it cannot: gone, changed on the machine, or one
    /// that this version of Pharos does not read.
    pub fn floor_trouble(&self) -> Option<String> {
        let lists = &self.inner().lists;
        match lists.floor() {
            Ok(held) => add_held(&mut PolicySpec::default(), held)
                .err()
                .map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Puts the signed floor under a policy, in place of an unsigned one of its pack; `at`: the one of
    /// an earlier day.
    pub(crate) fn add_floor(
        &self,
        spec: &mut PolicySpec,
        at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let lists = &self.inner().lists;
        let held = match at {
            Some(at) => lists.floor_at(at),
            None => lists.floor(),
        };
        let held = held.map_err(|error| Error::unavailable("the trust's floor", &error))?;
        add_held(spec, held)
    }

    /// Nothing that a school approves opens what its trust's floor blocks: who tries is told so, with
    /// whose floor it is, instead of being given an opening without effect.
    pub(crate) fn refuse_below_floor(
        &self,
        field: &'static str,
        opens: &Opens<'_>,
    ) -> Result<(), Error> {
        let school = self.school();
        let mut spec = PolicySpec {
            groups: school.pack.filter.groups.clone(),
            floor: school.pack.filter.floor.clone(),
            ..PolicySpec::default()
        };
        self.add_floor(&mut spec, None)?;
        let Some(floor) = spec.floor.take() else {
            return Ok(());
        };
        let by = format!("{}, floor {}", floor.by, floor.version);
        let shut = if opens.people.is_empty() {
            let mut categories = opens.categories.to_vec();
            // Of what is help the floor says nothing, whatever the lists say of it.
            let sites = opens.sites.iter().filter(|site| !is_help_of(site, &floor));
            categories.extend(sites.flat_map(|site| self.categories_of(site)));
            spec.rules.push(RuleSpec {
                name: "opening".to_owned(),
                action: Action::Allow,
                groups: opens.groups.to_vec(),
                except: Vec::new(),
                categories,
                sites: opens.sites.to_vec(),
                everything: false,
                hours: Vec::new(),
                except_hours: Vec::new(),
                places: Vec::new(),
            });
            !under_floor(&spec, &floor).is_empty()
        } else {
            opens.people.iter().any(|person| {
                opens
                    .sites
                    .iter()
                    .any(|site| self.floor_blocks(*person, site))
            })
        };
        if shut {
            return Err(Error::field(
                field,
                format!(
                    "The floor of the trust blocks this ({by}): nothing that a school approves opens it. Ask the trust."
                ),
            ));
        }
        Ok(())
    }

    fn floor_blocks(&self, person: PersonId, site: &str) -> bool {
        let (Ok(address), Ok(snapshot)) = (Address::parse(site), self.filter().snapshot()) else {
            return false;
        };
        let who = crate::explain::stated(Some(person));
        let decision = snapshot.decide(&Query {
            address: &address,
            who: &who,
            from: None,
            face: Face::Explain,
            now: self.now(),
        });
        decision.layer == Layer::Floor
    }

    fn pinned_trust(&self) -> String {
        let lists = &self.inner().lists;
        lists
            .floor_trust()
            .or_else(|| Some(self.school().pack.trust.as_ref()?.name.clone()))
            .unwrap_or_default()
    }

    async fn note_floor(&self, warrant: &Warrant, trust: &str, result: &str) -> Result<(), Error> {
        let detail = Detail::new().text("floor", trust).text("result", result);
        Ok(self
            .records()
            .note(warrant, None, &detail, self.now())
            .await?)
    }
}

/// Puts a floor that is held under a policy, in place of an unsigned one of its pack.
fn add_held(spec: &mut PolicySpec, held: Option<HeldFloor>) -> Result<(), Error> {
    let Some(issue) = held.and_then(|held| held.issue) else {
        return Ok(());
    };
    let loaded = load_held_floor(&issue.text);
    let wrong = loaded.problems.iter().find(|problem| problem.is_error());
    let floor = loaded.floor.ok_or_else(|| {
        Error::invalid(format!(
            "The trust's floor cannot be read: {}. Update Pharos, or take in its newest issue.",
            wrong.map(ToString::to_string).unwrap_or_default()
        ))
    })?;
    spec.floor = Some(floor.spec);
    Ok(())
}

fn of_issue(detail: Detail, version: u64) -> Detail {
    detail.number("issue", i64::try_from(version).unwrap_or(i64::MAX))
}

/// What is about to be opened, and for whom: people by name, or else groups (none: everyone).
pub(crate) struct Opens<'o> {
    pub(crate) groups: &'o [String],
    pub(crate) people: &'o [PersonId],
    pub(crate) sites: &'o [String],
    pub(crate) categories: &'o [String],
}

/// Where issues come from; `None` where they are brought in by hand.
fn source_of(trust: &TrustSource) -> Option<Result<SealedFrom, pharos_lists::FetchError>> {
    let source = trust.source.as_ref()?;
    Some(if ListUrl::is_url(source) {
        ListUrl::parse(source, trust.allow_http).map(SealedFrom::Url)
    } else {
        Ok(SealedFrom::File(PathBuf::from(source)))
    })
}
