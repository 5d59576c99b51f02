//! What Pharos cannot see here, and why, in plain words: made from what is on, set and counted at
//! this moment, never from a brochure (FIL-20).

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use pharos_access::{Actor, Target, act};
use pharos_directory::presence::GapKind;

use crate::{App, Error};

/// Which faces are on, and how; told by whoever starts them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faces {
    /// The resolver.
    pub dns: bool,
    /// Whether the resolver has somewhere to ask.
    pub dns_has_upstream: bool,
    /// Whether the resolver answers over HTTPS as well.
    pub doh: bool,
    /// Whether blocked names lead to the block page.
    pub block_page: bool,
    /// The proxy.
    pub proxy: bool,
    /// Whether the proxy opens encrypted connections, with the school's certificate.
    pub inspects: bool,
    /// Whether traffic is caught that was not sent to the proxy.
    pub transparent: bool,
    /// Scheduled work.
    pub jobs: bool,
    /// RADIUS accounting is listened for.
    pub radius: bool,
    /// Syslog is listened for.
    pub syslog: bool,
    /// Files of leases that are read.
    pub lease_files: usize,
}

/// What the faces have noticed that they could not see into, since they were started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoticedCounts {
    /// Connections whose device did not trust the school's certificate.
    pub distrusted: u64,
    /// Connections that hid the server's name (Encrypted Client Hello) or gave none.
    pub hidden_names: u64,
    /// Downloads that should have been scanned for viruses and were not.
    pub unscanned: u64,
    /// The anti-virus engine did not answer when it was last asked.
    pub scanner_away: bool,
}

/// Asks the faces for their counts.
#[derive(Clone)]
pub struct Noticed(pub Arc<dyn Fn() -> NoticedCounts + Send + Sync>);

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Limit {
    /// What cannot be seen or done.
    pub what: String,
    /// Why.
    pub why: String,
    /// What helps.
    pub helps: String,
    /// Whether it is so here because of how Pharos is set up, and could be changed.
    pub can_be_mended: bool,
}

/// The sentence that stands above every list of limits (FIL-20).
pub const NO_FILTER_IS_COMPLETE: &str =
    "No filter can promise complete safety. Supervision and teaching remain necessary.";

impl App {
    /// Whether the anti-virus engine did not answer when a download was last to be scanned (FIL-19).
    pub fn scanner_is_away(&self) -> bool {
        let noticed = self.inner().network.noticed.get();
        noticed.is_some_and(|noticed| (noticed.0)().scanner_away)
    }
}

pub(super) fn fixed(what: &str, why: &str, helps: &str) -> Limit {
    Limit {
        what: what.to_owned(),
        why: why.to_owned(),
        helps: helps.to_owned(),
        can_be_mended: false,
    }
}

pub(super) fn here(
    what: impl Into<String>,
    why: impl Into<String>,
    helps: impl Into<String>,
) -> Limit {
    Limit {
        what: what.into(),
        why: why.into(),
        helps: helps.into(),
        can_be_mended: true,
    }
}

impl App {
    /// Tells which faces are on.
    pub fn tell_faces(&self, faces: Faces) {
        self.inner().network.faces.store(Some(Arc::new(faces)));
    }

    /// Tells how to ask the faces what they could not see into; the first telling counts.
    pub fn tell_noticed(&self, noticed: Noticed) {
        // A second start in one process keeps the first faces, as elsewhere.
        drop(self.inner().network.noticed.set(noticed));
    }

    /// What Pharos cannot see here, those first that can be mended; it names nobody.
    ///
    /// # Errors
    /// [`Error::Denied`]; when lists or records cannot be read.
    pub async fn limits(&self, actor: &Actor) -> Result<Vec<Limit>, Error> {
        self.may::<act::ReadChecks>(actor, Target::School).await?;
        let mut limits = Vec::new();
        self.face_limits(&mut limits);
        self.scope_limits(&mut limits).await?;
        self.list_limits(&mut limits)?;
        self.inspection_limits(&mut limits);
        self.ai_limits(&mut limits);
        self.identity_limits(&mut limits).await?;
        limits.extend(always());
        Ok(limits)
    }

    fn face_limits(&self, limits: &mut Vec<Limit>) {
        let Some(faces) = self.inner().network.faces.load_full() else {
            limits.push(here(
                "Anything at all",
                "No server is running on this data folder, so nothing is filtered.",
                "Start it: pharos serve.",
            ));
            return;
        };
        if !faces.dns {
            limits.push(here(
                "Devices and apps that do not use the proxy",
                "The filtering resolver is off, so they are not filtered even by name.",
                "Leave out --off dns, and let the network hand out this resolver.",
            ));
        } else if !faces.dns_has_upstream {
            limits.push(here(
                "Names outside",
                "The resolver has no upstream, so it answers blocked names and nothing else.",
                "Give it one: --dns-upstream ADDRESS.",
            ));
        }
        if faces.dns && !faces.block_page {
            limits.push(here(
                "A block page for names that only the resolver blocks",
                "Blocked names do not exist here: the browser says that the site cannot be found, and pupils do not learn why.",
                "Start with --block-page ADDRESS:80, and ADDRESS:443 where devices trust the school's certificate.",
            ));
        }
        if !faces.proxy {
            limits.push(here(
                "Whole addresses, searches and single pages",
                "The proxy is off; the resolver sees names alone. A whole site is blocked or none of it, and search words are not seen.",
                "Leave out --off proxy, and set devices up to use it.",
            ));
        } else if !faces.inspects {
            limits.push(here(
                "Inside encrypted connections",
                "The proxy has no certificate of the school, so it sees the server's name alone.",
                "Make the school's certificate and give it to the devices.",
            ));
        }
        if !faces.transparent {
            limits.push(here(
                "Devices that were not set up to use the proxy or the resolver",
                "Pharos does not catch traffic in passing here.",
                "Set devices up, and let the firewall allow web and name look-ups from Pharos alone.",
            ));
        }
        if faces.lease_files == 0 && !faces.radius {
            limits.push(here(
                "Devices that join the network and go round the filter",
                "Neither DHCP leases nor Wi-Fi sign-ins (RADIUS) are read, so nobody knows which devices are there.",
                "Name the lease files in [network] dhcp_leases, or start with --radius.",
            ));
        }
        if !faces.syslog {
            limits.push(here(
                "What the firewall stops or lets through by itself",
                "Its events are not taken in.",
                "Start with --syslog and let the firewall send its events here.",
            ));
        }
        if !faces.jobs {
            limits.push(here(
                "Alerts that nobody acknowledges, lists that grow old",
                "Scheduled work is off, so nothing is chased, checked or sent by itself.",
                "Leave out --off jobs.",
            ));
        }
    }

    fn list_limits(&self, limits: &mut Vec<Limit>) -> Result<(), Error> {
        let sealed = self.sealed_status()?;
        if sealed.is_empty() {
            limits.push(here(
                "Illegal material that only the sealed lists name",
                "No sealed list is here: the Internet Watch Foundation and the police unit give theirs to members alone.",
                "Become a member, or take a provider whose line has the lists.",
            ));
        }
        let stale = self.stale_lists()?;
        if !stale.is_empty() {
            limits.push(here(
                "Sites that became known lately",
                format!(
                    "These lists are empty, missing or too old: {}.",
                    stale.join(", ")
                ),
                "Bring the lists in again; see the page of lists.",
            ));
        }
        if let Ok(snapshot) = self.filter().snapshot() {
            let unlisted: Vec<&str> = snapshot
                .policy()
                .unlisted()
                .iter()
                .map(AsRef::as_ref)
                .collect();
            if !unlisted.is_empty() {
                limits.push(here(
                    format!("Sites of these categories: {}", unlisted.join(", ")),
                    "The policy blocks them, and no list in force carries them.",
                    "Bring in a list that does.",
                ));
            }
        }
        Ok(())
    }

    fn inspection_limits(&self, limits: &mut Vec<Limit>) {
        let inspection = &self.school().pack.filter.inspection;
        let never: BTreeSet<&str> = inspection
            .never_categories
            .iter()
            .map(String::as_str)
            .collect();
        if !never.is_empty() {
            let never: Vec<&str> = never.into_iter().collect();
            limits.push(Limit {
                can_be_mended: false,
                ..here(
                    format!("Inside connections to these categories: {}", never.join(", ")),
                    "The policy leaves them unopened, because opening them would be wrong or break them. The server's name alone decides.",
                    "Accept it, or block what must not be let through whole.",
                )
            });
        }
        let noticed = self
            .inner()
            .network
            .noticed
            .get()
            .map(|noticed| (noticed.0)());
        let Some(noticed) = noticed else { return };
        if noticed.unscanned > 0 {
            limits.push(here(
                "Viruses in some downloads",
                format!(
                    "{} downloads since the start could not be scanned: too large, in parts, or the engine did not answer.",
                    noticed.unscanned
                ),
                "Keep the anti-virus engine running; fil.antivirus_larger and fil.antivirus_away say what becomes of such files.",
            ));
        }
        if noticed.distrusted > 0 {
            limits.push(here(
                "Inside connections of devices without the school's certificate",
                format!(
                    "{} connections since the start were from such devices or apps.",
                    noticed.distrusted
                ),
                "Give the certificate to the devices: see the page How to connect.",
            ));
        }
        if noticed.hidden_names > 0 {
            limits.push(here(
                "Which server a connection was for",
                format!(
                    "{} connections since the start gave no server name, or hid it (ECH).",
                    noticed.hidden_names
                ),
                "Switch Encrypted Client Hello off by policy on the devices.",
            ));
        }
    }

    async fn identity_limits(&self, limits: &mut Vec<Limit>) -> Result<(), Error> {
        let now = self.now();
        let passed: Vec<_> = self
            .inner()
            .network
            .passing
            .all()
            .into_iter()
            .filter(|(address, at)| {
                now.duration_since(*at) < SignedDuration::from_hours(24)
                    && !crate::checks::is_check_address(*address)
            })
            .collect();
        let nobody = passed
            .iter()
            .filter(|(address, _)| self.filter().identify(*address, now).person().is_none())
            .count();
        if nobody > 0 {
            limits.push(here(
                "Who sits at some devices",
                format!(
                    "Of {} devices that passed the filter within a day, {nobody} can be tied to nobody now. They get the strictest rules.",
                    passed.len()
                ),
                "Let people sign in on shared devices, register devices, or read Wi-Fi sign-ins.",
            ));
        }
        let (leases, made_up) = self.inner().network.state().presence.lease_counts();
        if made_up > 0 {
            limits.push(here(
                "Some devices again, once they come back",
                format!("{made_up} of {leases} devices on the network made their hardware address up and change it now and then."),
                "Ask for the real address on the school's Wi-Fi, or use Wi-Fi sign-ins.",
            ));
        }
        let gaps = self.gap_lines().await?;
        let round = gaps
            .iter()
            .filter(|line| line.gap.kind == GapKind::GoesRound && line.explained.is_none())
            .count();
        if round > 0 {
            limits.push(here(
                format!("{round} devices that are on the network now"),
                "They joined and do not pass the filter.",
                "Look at the gap list on the page Network.",
            ));
        }
        let quiet = self.quiet_places();
        if !quiet.is_empty() {
            let names: BTreeSet<&str> = quiet.iter().map(|quiet| quiet.place.as_str()).collect();
            let names: Vec<&str> = names.into_iter().collect();
            limits.push(here(
                format!("These networks: {}", names.join(", ")),
                "Nothing of them has passed the filter since the last school day began.",
                "See whether another line, a changed route or a holiday is behind it.",
            ));
        }
        Ok(())
    }
}

/// What no setting changes.
fn always() -> Vec<Limit> {
    vec![
        fixed(
            "Mobile data, a neighbour's Wi-Fi, a line at home",
            "They never pass the school's network.",
            "Rules for own devices, parents, a filter on the device.",
        ),
        fixed(
            "Encrypted messages from end to end",
            "Nobody between the ends can read them.",
            "Teaching; rules about apps on devices.",
        ),
        fixed(
            "Pictures, video, sound, games and live calls, made by people or by AI tools",
            "Nothing here looks at them.",
            "Supervision.",
        ),
        super::ai_limits::always(),
        fixed(
            "A new site that is in no list yet",
            "A list knows what its publisher knew on the day it was made.",
            "Report it; one press blocks it for everyone.",
        ),
    ]
}
