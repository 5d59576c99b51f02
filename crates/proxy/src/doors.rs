//! Open client connections: counted in all and by address, within bounds. Where there is no room,
//! connections on which nothing goes on make it, the one that has been idle longest first.
//!
//! A request costs no look at anything shared: each connection notes for itself since when it is
//! idle, and those notes are read only when room is needed.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::config::Limits;
use crate::counts::add;

/// Connections that were asked to leave and are still there; beyond it nobody more is asked, so
/// that there are never more open than the bound and these.
const LEAVING_MOST: usize = 64;
/// Of so many connections one is asked to leave at a search through all: what it costs is shared.
const ONE_OF: usize = 512;
/// How soon all are searched again after nothing was found.
const SEARCH_AGAIN: Duration = Duration::from_millis(20);

/// Everything that is open.
#[derive(Debug)]
pub(crate) struct Doors {
    state: Mutex<State>,
    started: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// Those who stay.
    open: usize,
    /// Those who were asked to leave and have not left yet.
    leaving: usize,
    by_address: HashMap<IpAddr, Vec<Arc<Seat>>>,
    /// Not searched before this moment.
    search_at: Option<Instant>,
}

/// One connection, as those see it who look for room.
#[derive(Debug)]
pub(crate) struct Seat {
    started: Instant,
    /// Since when nothing goes on, in nanoseconds since the start; 0 while something does.
    idle_since: AtomicU64,
    /// Set once, under the lock of all doors.
    leaves: std::sync::atomic::AtomicBool,
    leave: Notify,
}

impl Seat {
    /// From now on nothing goes on.
    pub(crate) fn rests(&self) {
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.idle_since.store(now.max(1), Ordering::Relaxed);
    }

    /// Something goes on.
    pub(crate) fn works(&self) {
        self.idle_since.store(0, Ordering::Relaxed);
    }

    fn idle_since(&self) -> Option<u64> {
        Some(self.idle_since.load(Ordering::Relaxed)).filter(|since| *since > 0)
    }
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            started: Instant::now(),
        }
    }
}

impl Doors {
    /// Opens one for a client, where there is room or some can be made; `made_room` counts the
    /// connections that were asked to leave for it.
    pub(crate) fn open(
        self: &Arc<Self>,
        from: IpAddr,
        limits: &Limits,
        made_room: &AtomicU64,
    ) -> Option<Door> {
        let mut state = self.state();
        let here = state.by_address.get(&from).map_or(0, Vec::len);
        if here >= limits.connections_per_address && !state.make_room_at(from, made_room) {
            return None;
        }
        if state.open >= limits.connections && !state.make_room(limits.connections, made_room) {
            return None;
        }
        let seat = Arc::new(Seat {
            started: self.started,
            idle_since: AtomicU64::new(0),
            leaves: false.into(),
            leave: Notify::new(),
        });
        state.open += 1;
        let here = state.by_address.entry(from).or_default();
        here.push(Arc::clone(&seat));
        Some(Door {
            doors: Arc::clone(self),
            from,
            seat,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Room for one more of an address, by another of its own.
    fn make_room_at(&mut self, from: IpAddr, made_room: &AtomicU64) -> bool {
        let seats = self.by_address.get(&from).into_iter().flatten();
        let oldest = seats
            .filter_map(|seat| Some((seat.idle_since()?, seat)))
            .min_by_key(|(since, _)| *since);
        let Some(seat) = oldest.map(|(_, seat)| Arc::clone(seat)) else {
            return false;
        };
        self.ask_to_leave(from, &seat, made_room)
    }

    /// Room for one more, and where there are many for some that come after.
    fn make_room(&mut self, most: usize, made_room: &AtomicU64) -> bool {
        let now = Instant::now();
        if self.leaving >= LEAVING_MOST || self.search_at.is_some_and(|at| at > now) {
            return false;
        }
        let wanted = (most / ONE_OF).max(1);
        let mut oldest = BTreeMap::new();
        let all = self.by_address.iter();
        for (number, (from, seat)) in all
            .flat_map(|(from, seats)| seats.iter().map(move |seat| (*from, seat)))
            .enumerate()
        {
            if let Some(since) = seat.idle_since() {
                // The number tells those apart that became idle at once.
                oldest.insert((since, number), (from, Arc::clone(seat)));
                if oldest.len() > wanted {
                    oldest.pop_last();
                }
            }
        }
        if oldest.is_empty() {
            self.search_at = Some(now + SEARCH_AGAIN);
            return false;
        }
        let asked = oldest
            .into_values()
            .filter(|(from, seat)| self.ask_to_leave(*from, seat, made_room));
        asked.count() > 0
    }

    /// Asks a connection to leave and counts it out. Whether it was asked.
    fn ask_to_leave(&mut self, from: IpAddr, seat: &Arc<Seat>, made_room: &AtomicU64) -> bool {
        if self.leaving >= LEAVING_MOST {
            return false;
        }
        self.count_out(from, seat);
        self.leaving += 1;
        seat.leaves.store(true, Ordering::Relaxed);
        seat.leave.notify_one();
        add(made_room);
        true
    }

    fn count_out(&mut self, from: IpAddr, seat: &Arc<Seat>) {
        self.open = self.open.saturating_sub(1);
        let Some(here) = self.by_address.get_mut(&from) else {
            return;
        };
        if let Some(at) = here.iter().position(|other| Arc::ptr_eq(other, seat)) {
            here.swap_remove(at);
        }
        if here.is_empty() {
            self.by_address.remove(&from);
        }
    }
}

/// One open client connection, counted until dropped.
#[derive(Debug)]
pub(crate) struct Door {
    doors: Arc<Doors>,
    from: IpAddr,
    seat: Arc<Seat>,
}

impl Door {
    /// Where the connection notes whether anything goes on.
    pub(crate) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }

    /// Waits until the connection is asked to make room; told once.
    pub(crate) async fn asked_to_leave(&self) {
        self.seat.leave.notified().await;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let mut state = self.doors.state();
        if self.seat.leaves.load(Ordering::Relaxed) {
            state.leaving = state.leaving.saturating_sub(1);
        } else {
            state.count_out(self.from, &self.seat);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(connections: usize, connections_per_address: usize) -> Limits {
        Limits {
            connections,
            connections_per_address,
            ..Limits::default()
        }
    }

    fn address(number: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, number])
    }

    fn leaves(door: &Door) -> bool {
        door.seat.leaves.load(Ordering::Relaxed)
    }

    /// FIL-17: at the bound the connection that has been idle longest makes room; one at work never
    /// does, and where all are at work the newcomer is turned away.
    #[test]
    fn fil_17_the_longest_idle_makes_room_and_none_at_work() {
        let doors = Arc::new(Doors::default());
        let (limits, made_room) = (limits(3, 3), AtomicU64::new(0));
        let open = |number| doors.open(address(number), &limits, &made_room);
        let old: Vec<Door> = (1..=3).map(|number| open(number).unwrap()).collect();
        assert!(open(4).is_none(), "all are at work");
        for place in [2, 0, 1] {
            old[place].seat.rests();
        }
        old[2].seat.works();
        doors.state().search_at = None;
        let fourth = open(4).unwrap();
        let who = |doors: &[Door]| doors.iter().map(leaves).collect::<Vec<_>>();
        assert_eq!(who(&old), [true, false, false]);
        let fifth = open(5).unwrap();
        assert_eq!(who(&old), [true, true, false]);
        assert!(open(6).is_none(), "the third works, and the others are new");
        assert_eq!(made_room.load(Ordering::Relaxed), 2);
        drop((old, fourth, fifth));
        let state = doors.state();
        assert_eq!((state.open, state.leaving), (0, 0));
        assert!(state.by_address.is_empty());
    }

    /// FIL-17: an address at its own bound makes room by a connection of its own, never by another's.
    #[test]
    fn fil_17_an_address_makes_room_for_itself() {
        let doors = Arc::new(Doors::default());
        let (limits, made_room) = (limits(10, 2), AtomicU64::new(0));
        let open = |number| doors.open(address(number), &limits, &made_room);
        let other = open(1).unwrap();
        other.seat.rests();
        let own = [open(2).unwrap(), open(2).unwrap()];
        assert!(open(2).is_none(), "both are at work");
        own[1].seat.rests();
        let third = open(2).unwrap();
        assert_eq!(own.each_ref().map(leaves), [false, true]);
        assert!(!leaves(&other) && !leaves(&third));
    }

    /// FIL-17: those who were asked and stay are bounded, and a search that found nobody is not made
    /// again for everyone who comes.
    #[test]
    fn fil_17_those_who_stay_though_asked_are_bounded() {
        let doors = Arc::new(Doors::default());
        let (limits, made_room) = (limits(100, 1_000), AtomicU64::new(0));
        let mut held = Vec::new();
        let mut taken = 0;
        for number in 0..400_u16 {
            let from = IpAddr::from([10, 1, 0, u8::try_from(number % 7).unwrap()]);
            if let Some(door) = doors.open(from, &limits, &made_room) {
                door.seat.rests();
                held.push(door);
                taken += 1;
            }
        }
        assert_eq!(taken, 100 + LEAVING_MOST);
        let state = doors.state();
        assert_eq!((state.open, state.leaving), (100, LEAVING_MOST));
        drop(state);
        held.iter().for_each(|door| door.seat.works());
        held.retain(|door| !leaves(door));
        assert!(doors.open(address(1), &limits, &made_room).is_none());
        assert!(doors.state().search_at.is_some());
    }
}
