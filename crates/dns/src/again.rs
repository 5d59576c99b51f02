//! The short way: a plain question whose answer is ready (a name decided before for somebody decided
//! alike, under the same snapshot and in the same stretch of time), or the same for all (a blocked name,
//! asked for before or never). Everything else goes the long way.

use std::net::IpAddr;
use std::rc::Rc;

use crate::cache::Moment;
use crate::counts::add;
use crate::gate::{record_again, ruled};
use crate::names::{InForce, Known, Ready};
use crate::says::BLOCKED;
use crate::wire::{Fit, PLAIN_NAME_MAX, Plain};
use crate::worker::{Worker, learn};

/// Where the short way led.
pub(crate) enum Led {
    /// To the answer, which stands in [`Worker::out`]; its event is handed in.
    ToAnswer,
    /// Nowhere: the question has to go the long way, with what was found out about its name, if that is
    /// remembered or was looked up.
    Nowhere(Option<(InForce, Rc<Known>)>),
}

/// Answers a plain question where its answer is ready. Otherwise nothing was done that counts.
pub(crate) fn again(
    worker: &mut Worker,
    packet: &[u8],
    from: IpAddr,
    fit: Fit,
    now: Moment,
) -> Led {
    let mut room = [0; PLAIN_NAME_MAX];
    let Some(plain) = Plain::read(packet, &mut room) else {
        return Led::Nowhere(None);
    };
    let Some(snapshot) = worker.in_force(now) else {
        return Led::Nowhere(None);
    };
    let known = match worker.names.find(plain.name) {
        Some(known) => Rc::clone(known),
        None => match met(worker, &plain, &snapshot) {
            Some(known) => known,
            None => return Led::Nowhere(None),
        },
    };
    let asker = worker.asker(from, &snapshot, now.wall);
    let asking = worker.asking(&snapshot, packet, now);
    let ruled = ruled(worker, &snapshot, &known, &asker, asking);
    let decided_alike = (asker.likeness, asking.stretch);
    let Some(ready) = known.ready(&ruled, plain.sort, decided_alike, now) else {
        return Led::Nowhere(Some((snapshot, known)));
    };
    let Worker {
        shared, out, tally, ..
    } = worker;
    match ready {
        Ready::Answer(answer) => {
            let entry = &answer.entry;
            let made = (&entry.response, entry.age_s(now));
            // It may have to be fetched again: that is seen to on the long way.
            if entry.nears_its_end(now) || !plain.write(out, made, None, fit) {
                return Led::Nowhere(Some((snapshot, known)));
            }
            answer.given.set(answer.given.get().saturating_add(1));
            add(&tally.cache_hits);
        }
        Ready::Blocked => {
            let made = (shared.refusals.to(plain.kind()), 0);
            if !plain.write(out, made, Some(BLOCKED), fit) {
                return Led::Nowhere(Some((snapshot, known)));
            }
            add(&tally.blocked);
        }
    }
    record_again(worker, (&snapshot, &known, &asker), &ruled.ruling, asking);
    Led::ToAnswer
}

/// A name that is not remembered, looked up; `None` where it is not for the filter to decide.
fn met(worker: &mut Worker, plain: &Plain<'_>, snapshot: &InForce) -> Option<Rc<Known>> {
    let special = &worker.shared.special;
    if special.answer(plain.name, plain.kind()).is_some() {
        return None;
    }
    learn(worker, plain.name, snapshot)
}
