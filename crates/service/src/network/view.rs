//! The technical view of the network: who is where and how that is known, Wi-Fi sessions, leases,
//! gaps.

use std::net::IpAddr;

use jiff::Timestamp;
use pharos_access::{Actor, Target, act};
use pharos_directory::LineProblem;
use pharos_directory::presence::OpenSession;
use pharos_filter::Evidence;
use pharos_ledger::Detail;

use super::{GapLine, QuietPlace, RadiusCounts, ScopeLine, StrangeBrowser, UnopenedLine};
use crate::{App, Error};

/// The most addresses and sessions shown.
const SHOWN: usize = 500;

/// One piece of evidence at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressLine {
    /// The address.
    pub address: IpAddr,
    /// What is known there.
    pub evidence: Evidence,
    /// The person's name; `None` for a device alone.
    pub name: Option<String>,
    /// Whether this piece counts now, of several at one address.
    pub counts: bool,
}

/// One source of leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseLine {
    /// The file.
    pub source: String,
    /// How many leases it holds.
    pub leases: usize,
    /// When it was read last.
    pub read_at: Timestamp,
    /// Why it could not be read the last time.
    pub fault: Option<String>,
    /// The first lines that could not be read.
    pub problems: Vec<LineProblem>,
    /// How many there were.
    pub problems_count: u64,
}

/// What the page of the network shows.
#[derive(Debug, Clone)]
pub struct NetworkView {
    /// The classes of devices, and how each is covered.
    pub scope: Vec<ScopeLine>,
    /// The gap list.
    pub gaps: Vec<GapLine>,
    /// Networks that went quiet.
    pub quiet: Vec<QuietPlace>,
    /// Who is where, by address; at most [`SHOWN`].
    pub addresses: Vec<AddressLine>,
    /// How many there are in all.
    pub addresses_count: usize,
    /// Open Wi-Fi sessions; at most [`SHOWN`].
    pub sessions: Vec<OpenSession>,
    /// How many there are in all.
    pub sessions_count: usize,
    /// Sources of leases.
    pub leases: Vec<LeaseLine>,
    /// How many devices made their hardware address up.
    pub made_up: usize,
    /// Hosts that the proxy could not look into.
    pub unopened: Vec<UnopenedLine>,
    /// Browsers that are not permitted, the last seen first.
    pub browsers: Vec<StrangeBrowser>,
    /// How RADIUS accounting goes.
    pub radius: RadiusCounts,
}

impl App {
    /// The technical view. Opening it is in the ledger: it names people.
    ///
    /// # Errors
    /// [`Error::Denied`]; when the records cannot be read.
    pub async fn network(&self, actor: &Actor) -> Result<NetworkView, Error> {
        let permit = self.may::<act::ReadNetwork>(actor, Target::School).await?;
        let detail = Detail::new().text("shown", "who is at which device");
        self.records()
            .note(&permit, None, &detail, self.now())
            .await?;
        let now = self.now();
        let gaps = self.gap_lines().await?;
        let quiet = self.quiet_places();
        let scope = self.scope_with(&gaps, &quiet).await?;
        let unopened = self.unopened_lines().await?;
        let browsers = self.strange_browsers();
        let mut evidence = self.filter().addresses().evidence(now);
        evidence.retain(|(address, _)| !crate::checks::is_check_address(*address));
        let addresses_count = evidence.len();
        let mut addresses: Vec<AddressLine> = Vec::new();
        for (address, evidence) in evidence.into_iter().take(SHOWN) {
            let name = match evidence.person {
                Some(person) => self.name_of(person).await?,
                None => None,
            };
            let counts = addresses.last().is_none_or(|line| line.address != address);
            addresses.push(AddressLine {
                address,
                evidence,
                name,
                counts,
            });
        }
        let state = self.inner().network.state();
        let mut sessions = state.presence.sessions();
        let sessions_count = sessions.len();
        sessions.truncate(SHOWN);
        let leases = state.sources.iter().map(|(source, kept)| LeaseLine {
            source: source.clone(),
            leases: kept.leases.len(),
            read_at: kept.read_at,
            fault: kept.fault.clone(),
            problems: kept.problems.iter().take(10).cloned().collect(),
            problems_count: kept.problems_count,
        });
        Ok(NetworkView {
            scope,
            gaps,
            quiet,
            addresses,
            addresses_count,
            sessions,
            sessions_count,
            leases: leases.collect(),
            made_up: state.presence.lease_counts().1,
            unopened,
            browsers,
            radius: state.radius,
        })
    }
}
