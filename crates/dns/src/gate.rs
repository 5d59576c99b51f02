//! The one door to the filter: who asks, what is decided, what is recorded. No rule lives here.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_activity::{Event, SEALED_HOST};
use pharos_catalogue::{Address, Host};
use pharos_filter::engines::{self, Rewrite};
use pharos_filter::shield::WayRound;
use pharos_filter::{Aliases, Query, Snapshot, is_blocked_by};
use pharos_policy::{Action, Decision};
use pharos_school::Face;

use crate::acts::Act;
use crate::askers::Asker;
use crate::names::{Answer, InForce, Known, Ruled, Ruling};
use crate::wire::name;
use crate::worker::Worker;

/// A question decided: everything its event needs. One snapshot from start to end.
pub(crate) struct Decided {
    pub(crate) snapshot: InForce,
    pub(crate) known: Rc<Known>,
    asker: Rc<Asker>,
    asking: Asking,
    ruling: Rc<Ruling>,
    /// Decided for what the answer leads to, not for the name itself.
    cloaked: bool,
}

/// When a question came, and how long it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking {
    pub(crate) at: Timestamp,
    /// The stretch of time in which alike are decided alike.
    pub(crate) stretch: u64,
    pub(crate) bytes: usize,
}

/// The address a wire name stands for, as lists know it: the longest run of labels at its end
/// that is a host. `None` for the root and for names no list can hold.
///
/// `_443._tcp.www.example.org` and names with odd bytes before a host are decided as that host,
/// so that a strange label in front never opens what is blocked.
pub(crate) fn address(wire: &[u8]) -> Option<Address> {
    let host = canonical(wire).or_else(|| by_labels(wire));
    host.map(Address::of_host)
}

fn by_labels(wire: &[u8]) -> Option<Host> {
    [true, false].into_iter().find_map(|underscores| {
        let text = name::dotted(wire, underscores);
        Host::parse(std::str::from_utf8(&text).ok()?).ok()
    })
}

/// The host of a wire name that is one as it stands, as nearly all are.
fn canonical(wire: &[u8]) -> Option<Host> {
    let text = name::text(wire)?;
    Host::canonical(std::str::from_utf8(&text).ok()?)
}

/// Asks the filter what to do for whoever asks, unless it was asked the same before.
pub(crate) fn ruled(
    worker: &mut Worker,
    snapshot: &Snapshot,
    known: &Known,
    asker: &Asker,
    asking: Asking,
) -> Ruled {
    let before = known.ruled(asker.likeness, asking.stretch);
    before.unwrap_or_else(|| {
        let subject = snapshot.subject(&asker.who, Some(asker.from));
        let query = query(&known.address, asker, asking.at);
        let decision = snapshot.judge(&known.facts, subject, &query);
        let ruling = worker.ruling(decision, snapshot);
        known.keep(asker.likeness, asking.stretch, ruling)
    })
}

impl Decided {
    /// Asks the filter, unless it was asked the same before.
    pub(crate) fn new(
        worker: &mut Worker,
        snapshot: InForce,
        known: Rc<Known>,
        asker: Rc<Asker>,
        asking: Asking,
    ) -> Self {
        let ruling = ruled(worker, &snapshot, &known, &asker, asking).ruling;
        Self {
            snapshot,
            known,
            asker,
            asking,
            ruling,
            cloaked: false,
        }
    }

    /// What was decided.
    pub(crate) fn decision(&self) -> &Decision {
        &self.ruling.decision
    }

    /// The client's address.
    pub(crate) fn from(&self) -> IpAddr {
        self.asker.from
    }

    /// What to answer in place of the site's own records, where this person is held to safe search
    /// or restricted video (SRCH-01, SRCH-02).
    pub(crate) fn rewrite(&self) -> Option<Rewrite> {
        if !self.known.facts.is_search_site() {
            return None;
        }
        engines::rewrite(self.known.address.host(), self.decision().narrowing)
    }

    /// Which known way round the filter the name is, where it is answered otherwise than a blocked
    /// site (FIL-16).
    pub(crate) fn way_round(&self) -> Option<WayRound> {
        let way_round = self.known.facts.way_round();
        way_round.filter(|way_round| *way_round != WayRound::Site)
    }

    /// Turns into the decision on the first place that the answer leads to ("CNAME cloaking") which is
    /// blocked for this person though the name asked for is not, and notes it for the block page;
    /// whether there is one.
    pub(crate) fn is_cloaked(&mut self, answer: &Answer, aliases: &Aliases) -> bool {
        let asker = &self.asker;
        if answer.leads_nowhere_blocked(asker.likeness, self.asking.stretch) {
            return false;
        }
        let subject = self.snapshot.subject(&asker.who, Some(asker.from));
        for target in &answer.targets {
            let query = query(&target.address, asker, self.asking.at);
            let decision = self.snapshot.weigh(&target.facts, subject, &query);
            if is_blocked_by(self.decision(), &decision) {
                aliases.note(self.known.address.host(), &target.address);
                self.ruling = Rc::new(Ruling { decision, mark: 0 });
                self.cloaked = true;
                return true;
            }
        }
        answer.found_clear(asker.likeness, self.asking.stretch);
        false
    }

    /// Hands the event in: what was done, with the answer that stands in the worker's buffer.
    pub(crate) fn record(&self, worker: &Worker, done: Action) {
        let Ruling { decision, mark } = &*self.ruling;
        let mark = match done == decision.action && !self.cloaked {
            true => *mark,
            false => worker.ruling_mark(done, &decision.rule, &self.snapshot),
        };
        let (known, asker) = (&self.known, &self.asker);
        if decision.sealed.is_some() || is_new(worker, known, asker, mark, self.asking.at) {
            let event = Event {
                action: done.name(),
                ..event(
                    worker,
                    (&self.snapshot, known, asker),
                    decision,
                    self.asking,
                )
            };
            worker.shared.sink.record(match self.cloaked {
                true => Event {
                    categories: self.snapshot.category_names(decision.categories),
                    ..event
                },
                false => event,
            });
        }
    }
}

/// Hands in the event of an answer that was given as one before: what was decided is what was done.
pub(crate) fn record_again(
    worker: &Worker,
    of: (&Snapshot, &Known, &Asker),
    ruling: &Ruling,
    asking: Asking,
) {
    let (_, known, asker) = of;
    if is_new(worker, known, asker, ruling.mark, asking.at) {
        let event = event(worker, of, &ruling.decision, asking);
        worker.shared.sink.record(event);
    }
}

/// Whether this is not one of the look-ups that a device makes for one visit: those are one event.
fn is_new(worker: &Worker, known: &Known, asker: &Asker, ruling: u64, at: Timestamp) -> bool {
    let act = Act {
        asker: asker.mark,
        host: known.mark,
        ruling,
    };
    !worker.shared.acts.is_repeated(act, at)
}

fn event(
    worker: &Worker,
    (snapshot, known, asker): (&Snapshot, &Known, &Asker),
    decision: &Decision,
    asking: Asking,
) -> Event {
    let versions = snapshot.versions();
    let sealed = decision.sealed.is_some();
    Event {
        at: asking.at,
        who: asker.who.clone(),
        group: asker.group.clone(),
        address: asker.from,
        face: Face::Dns,
        host: match sealed {
            true => SEALED_HOST.into(),
            false => known.address.host().as_str().into(),
        },
        path: None,
        action: decision.action.name(),
        rule: Arc::clone(&decision.rule),
        categories: match sealed {
            true => snapshot.category_names(decision.categories),
            false => Arc::clone(&known.categories),
        },
        policy_version: versions.policy,
        catalogue_version: versions.catalogue,
        search: None,
        sealed: decision.sealed.clone(),
        bytes_up: asking.bytes as u64,
        bytes_down: worker.out.len() as u64,
    }
}

fn query<'a>(address: &'a Address, asker: &'a Asker, now: Timestamp) -> Query<'a> {
    Query {
        address,
        who: &asker.who,
        from: Some(asker.from),
        face: Face::Dns,
        now,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// FIL-04: the quick way from a name on the wire to a host comes to the same as the one by labels,
        /// whatever bytes stand in the labels.
        #[test]
        fn fil_04_a_name_is_the_same_host_by_either_way(
            labels in vec(
                prop_oneof![
                    "[a-z0-9_-]{1,12}".prop_map(String::into_bytes),
                    "(xn--|0x)?[a-z0-9.%:@A-Z-]{1,8}".prop_map(String::into_bytes),
                    vec(any::<u8>(), 1..64),
                ],
                0..6,
            ),
        ) {
            let mut wire: Vec<u8> = Vec::new();
            for label in &labels {
                wire.push(label.len() as u8);
                wire.extend_from_slice(label);
            }
            wire.push(0);
            let slow = by_labels(&wire);
            prop_assert_eq!(address(&wire), slow.clone().map(Address::of_host));
            if let Some(quick) = canonical(&wire) {
                prop_assert_eq!(Some(quick), slow);
            }
        }
    }

    /// FIL-04: a dot within a label does not part it, so that `a.b` as one label is not the site `b`.
    #[test]
    fn fil_04_a_dot_within_a_label_parts_nothing() {
        assert!(canonical(b"\x03www\x04test\0").is_some());
        for wire in [&b"\x08www.test\0"[..], b"\x03a.b\x04test\0", b"\0"] {
            assert_eq!(canonical(wire), None);
        }
    }
}
