//! One question to the one filter, and the event that comes of it.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_activity::{Blocked, Event, SEALED_HOST};
use pharos_catalogue::{Address, Host};
use pharos_filter::{Filter, Query, Snapshot};
use pharos_policy::{Action, Decision};
use pharos_scan::search_terms_in;
use pharos_school::{Face, Role, Who};

use crate::failure::Failure;
use crate::words::{AgeBand, Words};

/// A decision with what it was made from: one snapshot from start to end.
pub(crate) struct Verdict {
    pub(crate) decision: Decision,
    pub(crate) who: Who,
    pub(crate) from: IpAddr,
    pub(crate) face: Face,
    pub(crate) now: Timestamp,
    address: Address,
    search: Option<Box<str>>,
    snapshot: Arc<Snapshot>,
}

/// Asks the filter about a host and, where it is seen, the raw path and query; [`Failure::NotReady`] while nothing is in force (FIL-17).
pub(crate) fn judge(
    filter: &Filter,
    (host, path): (&Host, Option<&str>),
    who: &Who,
    from: IpAddr,
    face: Face,
    now: Timestamp,
) -> Result<Verdict, Failure> {
    let address = match path {
        Some(path) => Address::with_path(host.clone(), path),
        None => Address::of_host(host.clone()),
    };
    let snapshot = filter.snapshot().map_err(|_| Failure::NotReady)?;
    let who = snapshot.check_roll(who.clone());
    let decision = snapshot.decide(&Query {
        address: &address,
        who: &who,
        from: Some(from),
        face,
        now,
    });
    // SRCH-04: the words as the client sent them; a site that is never inspected is never read.
    let search = path
        .filter(|_| decision.inspect && decision.sealed.is_none())
        .and_then(|path| search_terms_in(host, path))
        .map(|found| found.terms.into());
    Ok(Verdict {
        decision,
        search,
        who,
        from,
        face,
        now,
        address,
        snapshot,
    })
}

impl Verdict {
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.decision.sealed.is_some()
    }

    /// The event of this decision, its bytes still to come. A sealed hit carries no address.
    pub(crate) fn event(&self) -> Event {
        let sealed = self.is_sealed();
        let versions = self.snapshot.versions();
        Event {
            at: self.now,
            who: self.who.clone(),
            group: self.snapshot.group_name(&self.who, Some(self.from)),
            address: self.from,
            face: self.face,
            host: if sealed {
                SEALED_HOST.into()
            } else {
                self.address.host().as_str().into()
            },
            path: self.address.path().filter(|_| !sealed).map(Into::into),
            action: self.decision.action.name(),
            rule: Arc::clone(&self.decision.rule),
            categories: self.snapshot.category_names(self.decision.categories),
            policy_version: versions.policy,
            catalogue_version: versions.catalogue,
            search: self.search.clone(),
            sealed: self.decision.sealed.clone(),
            bytes_up: 0,
            bytes_down: 0,
        }
    }

    /// What the block desk keeps for the page. `why` is the plain sentence on it.
    pub(crate) fn blocked(&self, why: &str) -> Blocked {
        let event = self.event();
        let sealed = self.is_sealed();
        Blocked {
            at: event.at,
            who: event.who,
            group: event.group,
            address: event.address,
            face: event.face,
            host: Some(event.host).filter(|_| !sealed),
            path: event.path,
            action: event.action,
            rule: event.rule,
            categories: if sealed {
                Arc::new([])
            } else {
                event.categories
            },
            why: why.into(),
            may_ask: !sealed,
            policy_version: event.policy_version,
            catalogue_version: event.catalogue_version,
        }
    }

    /// The categories that the deciding reasons name, for the page.
    pub(crate) fn reason_category(&self) -> Option<Arc<str>> {
        self.decision
            .reasons
            .iter()
            .find_map(|reason| reason.category.clone())
    }

    /// Whom a page about this decision speaks to.
    pub(crate) fn band(&self, words: &Words) -> AgeBand {
        let Some(member) = self.snapshot.member(&self.who) else {
            return AgeBand::Middle;
        };
        match member.year {
            Some(year) => words.band_of(year),
            None if member.is(Role::Pupil) => AgeBand::Middle,
            None => AgeBand::Staff,
        }
    }

    /// Whether this reader may go on after a warning.
    pub(crate) fn may_go_on(&self) -> bool {
        self.decision.action == Action::Warn && self.who.person().is_some()
    }
}
