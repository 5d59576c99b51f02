//! Questions under way, each asked once however many wait for it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use rapidhash::quality::RandomState;
use tokio::sync::{mpsc, oneshot};

use super::exchange::{keep, resolve};
use crate::cache::Moment;
use crate::compose::settle;
use crate::counts::add;
use crate::says::{OVERLOADED, STALE};
use crate::udp::{Door, Via};
use crate::wire::{Bytes, name};
use crate::worker::{Outcome, Pending, Worker, without_upstream};

/// The questions under way from one worker. Asking each only once also denies a forger the many
/// open questions that a birthday attack needs (RFC 5452 section 5).
#[derive(Default)]
pub(crate) struct Flights {
    under_way: HashMap<Bytes, Vec<Waiter>, RandomState>,
    per_client: HashMap<IpAddr, usize, RandomState>,
}

struct Waiter {
    pending: Box<Pending>,
    to: ReplyTo,
}

/// Where an answer goes.
pub(crate) enum ReplyTo {
    /// A datagram to this client, from the address that it asked.
    Udp(Rc<Door>, SocketAddr, Via),
    /// A place in the queue of a TCP connection's writer.
    Tcp(mpsc::OwnedPermit<Vec<u8>>),
    /// A request over HTTPS that waits for it.
    Https(oneshot::Sender<Vec<u8>>),
}

/// Sends a question on its way, or lets it wait for the same one already under way.
pub(crate) fn depart(
    rc: &Rc<RefCell<Worker>>,
    worker: &mut Worker,
    mut pending: Box<Pending>,
    to: ReplyTo,
    now: Moment,
) {
    add(&worker.tally.forwarded);
    let limits = worker.shared.config.limits;
    let client = pending.decided.from();
    let open = worker.flights.per_client.get(&client).copied().unwrap_or(0);
    let flights = worker.flights.under_way.len();
    let waiting = worker.flights.under_way.get(&pending.fetch).map(Vec::len);
    let room = open < limits.per_client_max
        && waiting.map_or(flights < limits.flights_max, |waiting| {
            waiting < limits.waiters_max
        });
    if !room {
        add(&worker.tally.overloaded);
        let outcome = without_upstream(pending.stale.as_ref(), OVERLOADED);
        return deliver(worker, Waiter { pending, to }, &outcome, now);
    }
    worker.flights.per_client.insert(client, open + 1);
    let key = std::mem::take(&mut pending.fetch);
    let stale = pending.stale.is_some();
    let waiter = Waiter { pending, to };
    match worker.flights.under_way.get_mut(&key) {
        Some(waiting) => {
            add(&worker.tally.joined);
            waiting.push(waiter);
        }
        None => {
            let under_way = &mut worker.flights.under_way;
            under_way.insert(name::copied(&key), vec![waiter]);
            send(rc, key, stale);
        }
    }
}

/// Sends a question on its way. Boxed: the runtime would move all that the way needs from place to place.
fn send(rc: &Rc<RefCell<Worker>>, key: Bytes, stale: bool) {
    tokio::task::spawn_local(Box::pin(fly(Rc::clone(rc), key, stale)));
}

/// Asks, keeps and delivers. With an old answer at hand nobody waits longer than the client
/// response timer of RFC 8767; the question goes on for the next asker.
async fn fly(rc: Rc<RefCell<Worker>>, key: Bytes, stale: bool) {
    let (shared, tally, lines) = {
        let mut worker = rc.borrow_mut();
        let lines = worker.lines();
        let shared = Arc::clone(&worker.shared);
        (shared, Arc::clone(&worker.tally), lines)
    };
    let _abandon = Abandon {
        rc: Rc::clone(&rc),
        key: name::copied(&key),
    };
    let patience = shared.config.limits.upstream_timeout;
    let mut asking = pin!(resolve(&shared.clock, patience, &tally, &lines, &key));
    let mut answer = None;
    if stale {
        tokio::select! {
            early = &mut asking => answer = Some(early),
            () = tokio::time::sleep(shared.config.limits.stale_after) => land_stale(&rc, &key),
        }
    }
    let answer = match answer {
        Some(answer) => answer,
        None => asking.await,
    };
    let outcome = match answer {
        Ok(response) => Ok(keep(&shared, &tally, &key, response)),
        Err(why) => {
            shared.cache.failed(name::copied(&key), shared.clock.now());
            Err(why)
        }
    };
    let mut worker = rc.borrow_mut();
    let now = shared.clock.now();
    for waiter in worker.flights.land(&key) {
        let outcome = match &outcome {
            Ok(entry) => Outcome::Answer(Arc::clone(entry)),
            Err(why) => without_upstream(waiter.pending.stale.as_ref(), *why),
        };
        deliver(&mut worker, waiter, &outcome, now);
    }
}

/// Gives those with an old answer at hand that one; the others wait on.
fn land_stale(rc: &Rc<RefCell<Worker>>, key: &Bytes) {
    let mut worker = rc.borrow_mut();
    let now = worker.shared.clock.now();
    let Some(waiting) = worker.flights.under_way.get_mut(key) else {
        return;
    };
    let (with, without) = std::mem::take(waiting)
        .into_iter()
        .partition(|waiter| waiter.pending.stale.is_some());
    *waiting = without;
    let with: Vec<Waiter> = with;
    for waiter in with {
        worker.flights.leave(&waiter);
        let outcome = without_upstream(waiter.pending.stale.as_ref(), STALE);
        deliver(&mut worker, waiter, &outcome, now);
    }
}

fn deliver(worker: &mut Worker, waiter: Waiter, outcome: &Outcome, now: Moment) {
    settle(worker, *waiter.pending, outcome, now);
    match waiter.to {
        ReplyTo::Udp(door, to, via) => {
            if door.send(&worker.out, to, via).is_err() {
                add(&worker.tally.send_errors);
            }
        }
        ReplyTo::Tcp(place) => {
            place.send(worker.out.clone());
        }
        // Nobody is there any more where the request was given up.
        ReplyTo::Https(request) => drop(request.send(worker.out.clone())),
    }
}

/// Fetches popular answers again that are near their end. Nobody waits for it.
pub(crate) fn renew(rc: &Rc<RefCell<Worker>>, worker: &mut Worker) {
    let limits = worker.shared.config.limits;
    for key in std::mem::take(&mut worker.renewals) {
        let under_way = &mut worker.flights.under_way;
        if under_way.len() >= limits.flights_max || under_way.contains_key(&key) {
            continue;
        }
        add(&worker.tally.renewed);
        under_way.insert(name::copied(&key), Vec::new());
        send(rc, key, false);
    }
}

/// Forgets a question whose task ended before its time, so that the next asker asks anew.
struct Abandon {
    rc: Rc<RefCell<Worker>>,
    key: Bytes,
}

impl Drop for Abandon {
    fn drop(&mut self) {
        if let Ok(mut worker) = self.rc.try_borrow_mut() {
            worker.flights.land(&self.key);
        }
    }
}

impl Flights {
    /// Takes out everybody who waits for this question.
    fn land(&mut self, key: &Bytes) -> Vec<Waiter> {
        let waiters = self.under_way.remove(key).unwrap_or_default();
        waiters.iter().for_each(|waiter| self.leave(waiter));
        waiters
    }

    /// Gives back one client's place.
    fn leave(&mut self, waiter: &Waiter) {
        let client = waiter.pending.decided.from();
        if let Some(open) = self.per_client.get_mut(&client) {
            *open -= 1;
            if *open == 0 {
                self.per_client.remove(&client);
            }
        }
    }

    /// Whether nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }
}
