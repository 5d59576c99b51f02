//! How the school stands on its trust's floor: which issue is in force, what is wrong with it, and what of
//! the school's own is below it.

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_catalogue::Address;
use pharos_filter::Query;
use pharos_pack::{Floor, Options, Problem as PackProblem, load_held_floor};
use pharos_policy::{Action, Layer};
use pharos_school::Face;

use crate::{App, Error};

/// How the school stands on its trust's floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorStanding {
    /// The trust's name.
    pub trust: String,
    /// Whether the trust's signature keeps it: no version of the pack can drop it then.
    pub signed: bool,
    /// The trust's pinned key, in hexadecimal; empty where none is pinned.
    pub key: String,
    /// The floor that is held; `None`: none yet.
    pub floor: Option<Floor>,
    /// Whether it is the one that the filter decides by.
    pub in_force: bool,
    /// SHA-256 of its signed file, in hexadecimal; empty where it came with the pack.
    pub sha256: String,
    /// When it was taken in; `None` where it came with the pack.
    pub taken: Option<Timestamp>,
    /// When the trust's source last answered with something usable.
    pub looked: Option<Timestamp>,
    /// What is wrong: fetching, a file that is gone, an issue that is held and not in force.
    pub trouble: Option<String>,
    /// Whether the source has not been seen for longer than the pack allows.
    pub stale: bool,
    /// Lines of the pack in force that ask for less; the floor holds all the same.
    pub below: Vec<PackProblem>,
    /// Categories of the floor for which no list in force has entries: nothing is blocked by them yet.
    pub waiting: Vec<String>,
    /// Help sites of the school's own, and the host of Pharos's own pages, that the floor closes to pupils:
    /// the trust alone can say that they are help (FIL-13).
    pub closed_help: Vec<String>,
}

impl App {
    /// How the school stands on its trust's floor; `None` where it has no trust and no floor.
    ///
    /// # Errors
    /// [`Error::Denied`]; when the pack in force cannot be read.
    pub async fn floor_standing(&self, actor: &Actor) -> Result<Option<FloorStanding>, Error> {
        self.may::<act::ReadPolicy>(actor, Target::School).await?;
        let school = self.school();
        let lists = &self.inner().lists;
        let (held, gone) = match lists.floor() {
            Ok(held) => (held, self.floor_trouble()),
            Err(error) => (None, Some(error.to_string())),
        };
        let signed = held.as_ref().and_then(|held| held.issue.as_ref());
        let floor = match signed {
            Some(issue) => load_held_floor(&issue.text).floor,
            None => school.pack.floor.clone(),
        };
        let wanted = school.pack.trust.as_ref();
        let trust = lists
            .floor_trust()
            .or_else(|| wanted.map(|wanted| wanted.name.clone()))
            .or_else(|| floor.as_ref().map(|floor| floor.trust.clone()));
        let Some(trust) = trust else {
            return Ok(None);
        };
        let fetch = lists.floor_fetch_status();
        let looked = fetch.as_ref().and_then(|fetch| fetch.last_good);
        let fetched = wanted.filter(|wanted| wanted.source.is_some());
        let stale = fetched.is_some_and(|wanted| {
            let allowed = SignedDuration::from_hours(24 * i64::from(wanted.alert_days));
            looked.is_none_or(|looked| self.now().duration_since(looked) > allowed)
        });
        let below = match &floor {
            Some(floor) => self.below(floor).await?,
            None => Vec::new(),
        };
        let in_force = gone.is_none() && self.floor_is_in_force();
        let waits = (gone.is_none() && !in_force).then(|| match &floor {
            Some(floor) => format!(
                "Issue {} is held and not in force: what was before stays in force, and it is tried again by itself",
                floor.version
            ),
            None => "A floor is still in force that the school has let go of".to_owned(),
        });
        Ok(Some(FloorStanding {
            trust,
            signed: signed.is_some(),
            key: held
                .as_ref()
                .map(|held| hex::encode(held.publisher))
                .unwrap_or_default(),
            in_force: in_force && floor.is_some(),
            sha256: signed.map(|issue| issue.sha256.clone()).unwrap_or_default(),
            taken: signed.map(|issue| issue.taken),
            looked,
            trouble: gone
                .or(waits)
                .or_else(|| fetch.and_then(|fetch| fetch.trouble)),
            stale,
            below,
            waiting: floor
                .as_ref()
                .map(|floor| self.without_list(floor))
                .unwrap_or_default(),
            closed_help: self.closed_help(),
            floor,
        }))
    }

    /// Lines of the pack in force that ask for less than a floor.
    async fn below(&self, floor: &Floor) -> Result<Vec<PackProblem>, Error> {
        let files = self.files_in_force().await?;
        let options = Options {
            floor: Some(floor),
            held: true,
            ..Options::default()
        };
        Ok(pharos_pack::load_with(&files, &options).below_floor)
    }

    /// Help sites of the pack that the floor in force closes to whoever is not known, as to pupils.
    fn closed_help(&self) -> Vec<String> {
        let Ok(snapshot) = self.filter().snapshot() else {
            return Vec::new();
        };
        let who = crate::explain::stated(None);
        let school = self.school();
        let help = school.pack.filter.help.iter();
        let sites = help.flat_map(|help| help.sites.clone());
        let is_closed = |site: &String| {
            let Ok(address) = Address::parse(site) else {
                return false;
            };
            let query = Query {
                address: &address,
                who: &who,
                from: None,
                face: Face::Explain,
                now: self.now(),
            };
            let decision = snapshot.decide(&query);
            decision.layer == Layer::Floor && decision.action == Action::Block
        };
        // The pages are how people sign in, accept the notice and ask.
        let sites = sites.chain(self.own_page_host());
        sites.filter(is_closed).collect()
    }

    /// Categories of a floor that no list in force carries.
    fn without_list(&self, floor: &Floor) -> Vec<String> {
        let catalogue = self.inner().lists.catalogue();
        let carried = catalogue.names();
        let mut waiting: Vec<String> = floor
            .spec
            .blocks
            .iter()
            .flat_map(|block| block.categories.iter())
            .filter(|category| !carried.iter().any(|name| **name == ***category))
            .cloned()
            .collect();
        waiting.sort();
        waiting.dedup();
        waiting
    }
}
