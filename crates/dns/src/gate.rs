//! The one door to the filter: who asks, what is decided, what is recorded. No rule lives here.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_activity::{Event, SEALED_HOST};
use pharos_catalogue::{Address, Host};
use pharos_filter::engines::{self, Rewrite};
use pharos_filter::shield::WayRound;
use pharos_filter::{Aliases, Facts, Query, Snapshot, is_blocked_by};
use pharos_policy::{Action, Decision, Subject};
use pharos_school::{Face, Who};

use crate::acts::Act;
use crate::names::{InForce, Known, Target};
use crate::wire::name;
use crate::worker::Worker;

/// A question decided: everything its event needs. One snapshot from start to end.
pub(crate) struct Decided {
    pub(crate) snapshot: InForce,
    pub(crate) known: Rc<Known>,
    who: Who,
    group: Option<Arc<str>>,
    from: IpAddr,
    at: Timestamp,
    bytes_up: usize,
    pub(crate) decision: Decision,
    /// Decided for what the answer leads to, not for the name itself.
    cloaked: bool,
}

/// Who asks, and when.
pub(crate) struct Asker {
    pub(crate) who: Who,
    pub(crate) from: IpAddr,
    pub(crate) at: Timestamp,
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
    pub(crate) fn new(snapshot: InForce, known: Rc<Known>, asker: Asker, bytes_up: usize) -> Self {
        let Asker { who, from, at } = asker;
        let who = snapshot.check_roll(who);
        let subject = snapshot.subject(&who, Some(from));
        let decision = weigh(
            &snapshot,
            (&known.address, &known.facts),
            subject,
            (&who, from, at),
        );
        Self {
            group: subject.group().cloned(),
            snapshot,
            known,
            who,
            from,
            at,
            bytes_up,
            decision,
            cloaked: false,
        }
    }

    /// The client's address.
    pub(crate) fn from(&self) -> IpAddr {
        self.from
    }

    /// What to answer in place of the site's own records, where this person is held to safe search
    /// or restricted video (SRCH-01, SRCH-02).
    pub(crate) fn rewrite(&self) -> Option<Rewrite> {
        if !self.known.facts.is_search_site() {
            return None;
        }
        engines::rewrite(self.known.address.host(), self.decision.narrowing)
    }

    /// Which known way round the filter the name is, where it is answered otherwise than a blocked
    /// site (FIL-16).
    pub(crate) fn way_round(&self) -> Option<WayRound> {
        let way_round = self.known.facts.way_round();
        way_round.filter(|way_round| *way_round != WayRound::Site)
    }

    /// Turns into the decision on the first alias target that is blocked for this person though
    /// the name asked for is not ("CNAME cloaking"), and notes it for the block page; whether there
    /// is one.
    pub(crate) fn is_cloaked(&mut self, targets: &[Target], aliases: &Aliases) -> bool {
        for target in targets {
            let subject = self.snapshot.subject(&self.who, Some(self.from));
            let asker = (&self.who, self.from, self.at);
            let place = (&target.address, &target.facts);
            let decision = weigh(&self.snapshot, place, subject, asker);
            if is_blocked_by(&self.decision, &decision) {
                aliases.note(self.known.address.host(), &target.address);
                self.decision = decision;
                self.cloaked = true;
                return true;
            }
        }
        false
    }

    /// Hands the event in: what was done, with the answer that stands in the worker's buffer. The
    /// look-ups that a device makes for one visit are one event.
    pub(crate) fn record(self, worker: &Worker, done: Action) {
        let versions = self.snapshot.versions();
        let decision = self.decision;
        let sealed = decision.sealed.is_some();
        let act = Act {
            from: self.from,
            person: self.who.person(),
            host: self.known.address.host().as_str(),
            action: done.name(),
            rule: &decision.rule,
            versions: (versions.policy, versions.catalogue),
        };
        if !sealed && worker.shared.acts.is_repeated(&act, self.at) {
            return;
        }
        let host = if sealed {
            SEALED_HOST
        } else {
            self.known.address.host().as_str()
        };
        let categories = if sealed || self.cloaked {
            self.snapshot.category_names(decision.categories)
        } else {
            Arc::clone(&self.known.categories)
        };
        worker.shared.sink.record(Event {
            at: self.at,
            who: self.who,
            group: self.group,
            address: self.from,
            face: Face::Dns,
            host: host.into(),
            path: None,
            action: done.name(),
            rule: decision.rule,
            categories,
            policy_version: versions.policy,
            catalogue_version: versions.catalogue,
            search: None,
            sealed: decision.sealed,
            bytes_up: self.bytes_up as u64,
            bytes_down: worker.out.len() as u64,
        });
    }
}

fn weigh(
    snapshot: &Snapshot,
    (address, facts): (&Address, &Facts),
    subject: &Subject,
    (who, from, now): (&Who, IpAddr, Timestamp),
) -> Decision {
    let query = Query {
        address,
        who,
        from: Some(from),
        face: Face::Dns,
        now,
    };
    snapshot.weigh(facts, subject, &query)
}
