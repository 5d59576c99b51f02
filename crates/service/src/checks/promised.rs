//! What the pack alone promises: its policy without anything that was added by hand, over lists that
//! hold the test names and nothing else. So a rule, an exception or a list that is in the way shows.

use std::sync::Arc;

use pharos_catalogue::{Address, CategoryId, CategorySet};
use pharos_filter::engines::{self, Rewrite};
use pharos_filter::{Categories, Hit, NoSealed, Parts, Query, Roster, Snapshot, compile_policy};
use pharos_policy::{Action, Decision, Narrowing};
use pharos_school::Face;

use super::judge::Wanted;
use super::users::{User, add_devices, is_test_user};
use crate::snapshot::wrong_policy;
use crate::{App, Error};

/// Where every category has a name of ours that stands for it in the built-in test list.
const TEST_ZONE: &str = ".pharos.test";
/// A name there that stands for nothing.
pub(super) const PLAIN: &str = "plain.pharos.test";

/// The pack's own word on everything.
pub(super) struct Promised {
    snapshot: Snapshot,
    now: jiff::Timestamp,
}

impl App {
    /// The promises of the pack in force, for the test users of the snapshot in force.
    pub(super) fn promised(&self, live: &Snapshot) -> Result<Promised, Error> {
        let school = self.school();
        let mut spec = school.pack.filter_on(self.today());
        add_devices(&mut spec);
        self.add_floor(&mut spec, None)?;
        let names: Vec<Arc<str>> = live.categories().names().to_vec();
        let policy =
            compile_policy(&spec, &names, &school.declared_categories).map_err(wrong_policy)?;
        let mut roster = Roster::default();
        for member in live
            .roster()
            .iter()
            .filter(|member| is_test_user(member.person))
        {
            roster.add(pharos_policy::Member::clone(member));
        }
        let parts = Parts {
            policy: Arc::new(policy),
            categories: Arc::new(TestNames(names)),
            sealed: Arc::new(NoSealed),
            roster: Arc::new(roster),
            dictionaries: None,
            versions: live.versions().clone(),
        };
        Ok(Promised {
            snapshot: Snapshot::new(parts),
            now: self.now(),
        })
    }
}

impl Promised {
    fn decide(&self, user: &User, host: &str) -> Option<Decision> {
        let address = Address::parse(host).ok()?;
        Some(self.snapshot.decide(&Query {
            address: &address,
            who: &user.who(),
            from: Some(user.address),
            face: Face::Dns,
            now: self.now,
        }))
    }

    /// Whether a name is blocked for somebody.
    pub(super) fn blocks(&self, user: &User, host: &str) -> bool {
        self.decide(user, host)
            .is_some_and(|decision| decision.action == Action::Block)
    }

    /// Whether nothing at all is open to somebody now.
    pub(super) fn is_shut(&self, user: &User) -> bool {
        self.blocks(user, PLAIN)
    }

    /// What a search engine's host is to be answered with; nothing where nothing is promised.
    /// `strictest` for whom the written policy says so, whatever the settings do.
    pub(super) fn engine(&self, user: &User, host: &str, strictest: bool) -> Option<Wanted> {
        let decision = self.decide(user, host)?;
        if decision.action == Action::Block {
            return Some(Wanted::Shut);
        }
        let parsed = pharos_catalogue::Host::parse(host).ok()?;
        let by = |narrowing: Narrowing| engines::rewrite(&parsed, narrowing);
        let rewrite =
            by(decision.narrowing).or_else(|| by(Narrowing::STRICTEST).filter(|_| strictest))?;
        Some(Wanted::Instead(match rewrite {
            Rewrite::Name(name) => name.to_owned(),
            Rewrite::Address(ip) => ip.to_string(),
        }))
    }

    /// Every category by name.
    pub(super) fn categories(&self) -> &[Arc<str>] {
        self.snapshot.categories().names()
    }
}

/// The name that stands for a category.
pub(super) fn test_host(category: &str) -> String {
    format!("{category}{TEST_ZONE}")
}

/// Lists that hold the test names and nothing else.
#[derive(Debug)]
struct TestNames(Vec<Arc<str>>);

impl Categories for TestNames {
    fn categories(&self, address: &Address) -> CategorySet {
        let mut set = CategorySet::EMPTY;
        let name = address.host().as_str().strip_suffix(TEST_ZONE);
        let number = name.and_then(|name| self.0.iter().position(|known| &**known == name));
        if let Some(number) = number.and_then(|number| u8::try_from(number).ok()) {
            set.insert(CategoryId(number));
        }
        set
    }

    fn hits(&self, _: &Address) -> Vec<Hit> {
        Vec::new()
    }

    fn names(&self) -> &[Arc<str>] {
        &self.0
    }
}
