//! The one door to the filter: who asks, what is decided, what is recorded. No rule lives here.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_activity::{Event, SEALED_HOST};
use pharos_catalogue::{Address, Host};
use pharos_filter::engines::{self, Rewrite};
use pharos_filter::shield::{self, WayRound};
use pharos_filter::{Query, Snapshot};
use pharos_policy::{Action, Decision, Layer};
use pharos_school::{Face, Who};

use crate::wire::name;
use crate::worker::Worker;

/// A question decided: everything its event needs. One snapshot from start to end.
pub(crate) struct Decided {
    snapshot: Arc<Snapshot>,
    address: Address,
    who: Who,
    from: IpAddr,
    at: Timestamp,
    bytes_up: usize,
    pub(crate) decision: Decision,
}

/// The address a wire name stands for, as lists know it: the longest run of labels at its end
/// that is a host. `None` for the root and for names no list can hold.
///
/// `_443._tcp.www.example.org` and names with odd bytes before a host are decided as that host,
/// so that a strange label in front never opens what is blocked.
pub(crate) fn address(wire: &[u8]) -> Option<Address> {
    [true, false].into_iter().find_map(|underscores| {
        let text = name::dotted(wire, underscores);
        let text = std::str::from_utf8(&text).ok()?;
        Host::parse(text).ok().map(Address::of_host)
    })
}

impl Decided {
    /// Asks the filter.
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        address: Address,
        who: Who,
        from: IpAddr,
        at: Timestamp,
        bytes_up: usize,
    ) -> Self {
        let decision = decide(&snapshot, &address, &who, from, at);
        Self {
            snapshot,
            address,
            who,
            from,
            at,
            bytes_up,
            decision,
        }
    }

    /// The client's address.
    pub(crate) fn from(&self) -> IpAddr {
        self.from
    }

    /// What to answer in place of the site's own records, where this person is held to safe search
    /// or restricted video (SRCH-01, SRCH-02).
    pub(crate) fn rewrite(&self) -> Option<Rewrite> {
        engines::rewrite(self.address.host(), self.decision.narrowing)
    }

    /// Which known way round the filter the name is (FIL-16).
    pub(crate) fn way_round(&self) -> Option<WayRound> {
        shield::way_round(self.address.host())
    }

    /// The decision on the first alias target that is blocked for this person though the name
    /// asked for is not ("CNAME cloaking").
    ///
    /// Content networks stand on no allow-list, so a target is blocked only by a rule that names
    /// it (a sealed list, a list entry, a category), not by a default; and what was let through
    /// by a layer that comes before the target's block stays open (FIL-06).
    pub(crate) fn cloaked(&self, leads_to: &[Address]) -> Option<Self> {
        leads_to.iter().find_map(|target| {
            let decision = decide(&self.snapshot, target, &self.who, self.from, self.at);
            let named = decision.sealed.is_some()
                || decision.reasons.first().is_some_and(|reason| {
                    reason.list.is_some() || reason.entry.is_some() || reason.category.is_some()
                });
            let counts = decision.action == Action::Block && named;
            let precedes = decision.layer == Layer::Sealed || decision.layer <= self.decision.layer;
            (counts && precedes).then(|| Self {
                snapshot: Arc::clone(&self.snapshot),
                address: self.address.clone(),
                who: self.who.clone(),
                decision,
                ..*self
            })
        })
    }

    /// Hands the event in: what was done, with the answer that stands in the worker's buffer.
    pub(crate) fn record(&self, worker: &Worker, done: Action) {
        let versions = self.snapshot.versions();
        let decision = &self.decision;
        let host = if decision.sealed.is_some() {
            SEALED_HOST
        } else {
            self.address.host().as_str()
        };
        worker.shared.sink.record(Event {
            at: self.at,
            who: self.who.clone(),
            group: self.snapshot.group_name(&self.who, Some(self.from)),
            address: self.from,
            face: Face::Dns,
            host: host.into(),
            path: None,
            action: done.name(),
            rule: Arc::clone(&decision.rule),
            categories: self.snapshot.category_names(decision.categories),
            policy_version: versions.policy,
            catalogue_version: versions.catalogue,
            search: None,
            sealed: decision.sealed.clone(),
            bytes_up: self.bytes_up as u64,
            bytes_down: worker.out.len() as u64,
        });
    }
}

fn decide(
    snapshot: &Snapshot,
    address: &Address,
    who: &Who,
    from: IpAddr,
    now: Timestamp,
) -> Decision {
    snapshot.decide(&Query {
        address,
        who,
        from: Some(from),
        face: Face::Dns,
        now,
    })
}
