//! The short way: a plain question for a name that was decided before for somebody decided alike, under
//! the same snapshot and in the same stretch of time. Everything else goes the long way.

use std::net::IpAddr;
use std::rc::Rc;

use crate::cache::Moment;
use crate::counts::add;
use crate::gate::record_again;
use crate::names::Ready;
use crate::says::BLOCKED;
use crate::wire::{Fit, PLAIN_NAME_MAX, Plain};
use crate::worker::Worker;

/// Leaves the answer in [`Worker::out`] and hands its event in; `None` where the question has to go the
/// long way, and nothing was done.
pub(crate) fn again(
    worker: &mut Worker,
    packet: &[u8],
    from: IpAddr,
    fit: Fit,
    now: Moment,
) -> Option<()> {
    let mut room = [0; PLAIN_NAME_MAX];
    let plain = Plain::read(packet, &mut room)?;
    let snapshot = worker.in_force(now)?;
    let known = Rc::clone(worker.names.find(plain.name)?);
    let asker = worker.asker(from, &snapshot, now.wall);
    let asking = worker.asking(&snapshot, packet, now);
    let decided_alike = (asker.likeness, asking.stretch);
    let (ready, ruling) = known.ready(plain.sort, decided_alike, now)?;
    let Worker {
        shared, out, tally, ..
    } = worker;
    match ready {
        Ready::Answer(answer) => {
            let entry = &answer.entry;
            let made = (&entry.response, entry.age_s(now));
            // It may have to be fetched again: that is seen to on the long way.
            if entry.nears_its_end(now) || !plain.write(out, made, None, fit) {
                return None;
            }
            answer.given.set(answer.given.get().saturating_add(1));
            add(&tally.cache_hits);
        }
        Ready::Blocked => {
            let made = (shared.refusals.to(plain.kind()), 0);
            if !plain.write(out, made, Some(BLOCKED), fit) {
                return None;
            }
            add(&tally.blocked);
        }
    }
    record_again(worker, (&snapshot, &known, &asker), &ruling, asking);
    Some(())
}
