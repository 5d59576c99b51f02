//! How many answers one client may have over UDP, where the sender of a question is easily forged:
//! so that a flood is bounded, and this resolver is of no use against somebody else.
//!
//! Each address of the school's own networks, and each network outside them, has an allowance
//! that refills steadily. Beyond it most questions get no answer; every second one gets a short
//! one that sends a real client to TCP, or hands it a cookie to come back with.

use std::hash::BuildHasher;
use std::net::IpAddr;

use rapidhash::quality::RandomState;

use crate::config::Limits;

/// Allowances kept at once, per worker; a table of fixed size.
const PLACES: usize = 4_096;
/// A full allowance, in seconds of its rate.
const BURST_S: u64 = 2;
/// A client that proved its address may overdraw by this many full allowances.
const PROVEN: u64 = 4;

/// Whether a question may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// It may.
    Left,
    /// Used up: only for somebody who proved the address.
    Overdrawn,
    /// No answer for anybody.
    Spent,
}

/// One worker's allowances. Counted in thousandths of a question.
pub(crate) struct Rates {
    places: Box<[Place]>,
    random: RandomState,
    own_per_s: u64,
    outside_per_s: u64,
    loopback: bool,
    /// Counts the questions beyond an allowance: every second one is answered shortly.
    beyond: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    whose: u64,
    used: u64,
    at_ms: u64,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            places: vec![Place::default(); PLACES].into_boxed_slice(),
            random: RandomState::default(),
            own_per_s: u64::from(limits.client_per_s),
            outside_per_s: u64::from(limits.outsider_per_s),
            loopback: limits.limits_loopback,
            beyond: 0,
        }
    }

    /// Takes one question from the allowance of a client. `own`: of the school's networks.
    pub(crate) fn take(&mut self, ip: IpAddr, own: bool, now_ms: u64) -> Allowance {
        let rate = if own {
            self.own_per_s
        } else {
            self.outside_per_s
        };
        // Nobody outside can send from a loopback address.
        if rate == 0 || (ip.is_loopback() && !self.loopback) {
            return Allowance::Left;
        }
        let whose = self.random.hash_one(prefix(ip, own));
        let place = &mut self.places[whose as usize % PLACES];
        let full = rate * BURST_S * 1_000;
        if place.whose != whose {
            // A newcomer takes over what is left here: who changes addresses gains nothing.
            place.whose = whose;
            place.used = place.used.min(full);
        }
        let refilled = now_ms.saturating_sub(place.at_ms).saturating_mul(rate);
        place.at_ms = now_ms;
        place.used = place.used.saturating_sub(refilled);
        if place.used + 1_000 <= full {
            place.used += 1_000;
            return Allowance::Left;
        }
        if place.used + 1_000 <= full * (1 + PROVEN) {
            return Allowance::Overdrawn;
        }
        Allowance::Spent
    }

    /// Counts a question that was answered beyond the allowance, for somebody proven.
    pub(crate) fn overdraw(&mut self, ip: IpAddr, own: bool) {
        let whose = self.random.hash_one(prefix(ip, own));
        let place = &mut self.places[whose as usize % PLACES];
        place.used = place.used.saturating_add(1_000);
    }

    /// Whether this one of those beyond gets a short answer.
    pub(crate) fn slips(&mut self) -> bool {
        self.beyond = self.beyond.wrapping_add(1);
        self.beyond.is_multiple_of(2)
    }
}

/// One device of the school's, or one network outside: whoever holds an address there can send
/// from all of it. IPv6 hands whole networks to one device.
fn prefix(ip: IpAddr, own: bool) -> (bool, u128) {
    let (bits, width, kept) = match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), 32, if own { 32 } else { 24 }),
        IpAddr::V6(ip) => (u128::from(ip), 128, if own { 64 } else { 56 }),
    };
    (ip.is_ipv4(), bits >> (width - kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(own: u32, outside: u32) -> Rates {
        Rates::new(&Limits {
            client_per_s: own,
            outsider_per_s: outside,
            ..Limits::default()
        })
    }

    fn left(rates: &mut Rates, ip: &str, own: bool, now_ms: u64, asked: usize) -> usize {
        let ip = ip.parse().unwrap();
        let take = |_: &usize| rates.take(ip, own, now_ms) == Allowance::Left;
        (0..asked).filter(take).count()
    }

    #[test]
    fn an_allowance_is_bounded_and_refills() {
        let mut rates = rates(10, 10);
        assert_eq!(left(&mut rates, "10.1.1.1", true, 0, 100), 20);
        assert_eq!(left(&mut rates, "10.1.1.1", true, 500, 100), 5);
        assert_eq!(
            left(&mut rates, "10.1.1.1", true, 60_000, 100),
            20,
            "no more than full"
        );
        assert_eq!(
            left(&mut rates, "10.1.1.2", true, 60_000, 100),
            20,
            "a neighbour has its own"
        );
    }

    /// A network outside shares one allowance, however many of its addresses are forged.
    #[test]
    fn a_flood_from_a_whole_network_is_one() {
        let mut rates = rates(0, 10);
        let answered: usize = (0..=255)
            .map(|last| left(&mut rates, &format!("192.0.2.{last}"), false, 0, 4))
            .sum();
        assert_eq!(answered, 20);
        assert_eq!(left(&mut rates, "2001:db8::1", false, 0, 30), 20);
        assert_eq!(
            left(&mut rates, "2001:db8:0:ff::1", false, 0, 30),
            0,
            "the same /56"
        );
    }

    #[test]
    fn who_proved_the_address_may_overdraw_within_bounds() {
        let mut rates = rates(10, 10);
        let ip: IpAddr = "10.1.1.1".parse().unwrap();
        let mut proven = 0;
        for _ in 0..1_000 {
            match rates.take(ip, true, 0) {
                Allowance::Overdrawn => {
                    rates.overdraw(ip, true);
                    proven += 1;
                }
                Allowance::Left | Allowance::Spent => {}
            }
        }
        assert_eq!(proven, 80);
    }

    #[test]
    fn loopback_has_no_limit_unless_set() {
        let mut rates = rates(1, 1);
        assert_eq!(left(&mut rates, "127.0.0.1", true, 0, 100), 100);
    }
}
