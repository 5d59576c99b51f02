//! Hosts that cannot be looked into: applications that trust one certificate only, and servers
//! that ask for the client's own. Noticed, counted, and proposed to people; nothing is opened by
//! itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Hosts remembered; a new one takes the place of the one seen longest ago.
const HOSTS_MOST: usize = 512;
/// Devices told apart for one host.
const DEVICES_MOST: usize = 8;
/// So often it must have happened before it is proposed.
const PROPOSED_FROM: u32 = 3;

/// What was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// The client said that it does not trust our certificate.
    Distrust,
    /// The client left as soon as it had seen our certificate.
    Left,
    /// The origin asked for a certificate of the client.
    ClientCertificate,
}

/// A host that people may decide not to look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The host.
    pub host: Box<str>,
    /// How often clients refused our certificate for it by name.
    pub distrusted: u32,
    /// How often clients left right after they saw our certificate.
    pub left: u32,
    /// How often the origin asked for a certificate of the client.
    pub client_certificate: u32,
    /// How many devices it happened on; 8 stands for 8 or more.
    pub devices: usize,
    /// When it was first noticed since the start.
    pub first: Timestamp,
    /// When it was last noticed.
    pub last: Timestamp,
}

/// What was noticed since the start, bounded.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    hosts: Mutex<HashMap<Box<str>, Noticed>>,
}

#[derive(Debug)]
struct Noticed {
    counts: [u32; 3],
    devices: Vec<IpAddr>,
    first: Timestamp,
    last: Timestamp,
}

impl Pins {
    /// Notes a sign for a host.
    pub(crate) fn note(&self, host: &str, sign: Sign, from: IpAddr, now: Timestamp) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if !hosts.contains_key(host) {
            if hosts.len() >= HOSTS_MOST
                && let Some(oldest) = hosts
                    .iter()
                    .min_by_key(|(_, noticed)| noticed.last)
                    .map(|(host, _)| host.clone())
            {
                hosts.remove(&oldest);
            }
            let fresh = Noticed {
                counts: [0; 3],
                devices: Vec::new(),
                first: now,
                last: now,
            };
            hosts.insert(host.into(), fresh);
        }
        if let Some(noticed) = hosts.get_mut(host) {
            let count = &mut noticed.counts[sign as usize];
            *count = count.saturating_add(1);
            noticed.last = now;
            if noticed.devices.len() < DEVICES_MOST && !noticed.devices.contains(&from) {
                noticed.devices.push(from);
            }
        }
    }

    /// What happened often enough to be proposed, most often first.
    pub(crate) fn proposals(&self) -> Vec<Proposal> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Proposal> = hosts
            .iter()
            .filter(|(_, noticed)| noticed.counts.iter().sum::<u32>() >= PROPOSED_FROM)
            .map(|(host, noticed)| {
                let [distrusted, left, client_certificate] = noticed.counts;
                Proposal {
                    host: host.clone(),
                    distrusted,
                    left,
                    client_certificate,
                    devices: noticed.devices.len(),
                    first: noticed.first,
                    last: noticed.last,
                }
            })
            .collect();
        all.sort_by(|one, other| {
            let often = |p: &Proposal| p.distrusted + p.left + p.client_certificate;
            often(other)
                .cmp(&often(one))
                .then_with(|| one.host.cmp(&other.host))
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-01: a pinned application is proposed once it has failed several times, and a flood of
    /// invented hosts neither grows the list without end nor pushes out what is seen again.
    #[test]
    fn fil_01_repeated_refusals_are_proposed_within_bounds() {
        let pins = Pins::default();
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let device = |number: u8| IpAddr::from([10, 0, 0, number]);
        pins.note("app.test", Sign::Distrust, device(1), at(0));
        pins.note("app.test", Sign::Left, device(2), at(1));
        assert!(pins.proposals().is_empty());
        pins.note("app.test", Sign::Distrust, device(1), at(2));
        let proposal = pins.proposals().remove(0);
        assert_eq!((proposal.distrusted, proposal.left), (2, 1));
        assert_eq!(
            (proposal.devices, proposal.first, proposal.last),
            (2, at(0), at(2))
        );
        for number in 0..2_000 {
            let host = format!("{number}.invented.test");
            pins.note(&host, Sign::Left, device(3), at(3 + number));
            pins.note("app.test", Sign::Distrust, device(3), at(3 + number));
        }
        assert_eq!(pins.hosts.lock().unwrap().len(), HOSTS_MOST);
        assert_eq!(&*pins.proposals()[0].host, "app.test");
        for number in 0..20 {
            pins.note("app.test", Sign::Left, device(number), at(5_000));
        }
        assert_eq!(pins.proposals()[0].devices, DEVICES_MOST);
    }
}
