//! Hosts that the proxy could not look into: shown to the technical team, who propose to leave one
//! alone for a time or put it aside. Nothing is opened by itself (FIL-01, REQ-03).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_catalogue::Host;
use pharos_policy::spec::UninspectedSpec;
use pharos_records::ChangeState;
use pharos_school::PersonId;
use serde::{Deserialize, Serialize};

use crate::{App, Error, SignedIn};

/// How long a host that was put aside is not shown again.
const ASIDE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The most hosts put aside at a time.
const ASIDE_MAX: usize = 2_000;
/// The most hosts on the page.
const SHOWN: usize = 100;
/// Drafts that are looked through for a host.
const DRAFTS_MAX: usize = 500;
/// What their names begin with in the stored settings.
const PREFIX: &str = "unopened.";

/// A host that could not be looked into, as the proxy noticed it since it was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    /// The host.
    pub host: String,
    /// How often clients refused the school's certificate by name.
    pub distrusted: u32,
    /// How often clients left right after they saw it.
    pub left: u32,
    /// How often the site asked for a certificate of the client.
    pub client_certificate: u32,
    /// On how many devices; 8 stands for 8 or more.
    pub devices: usize,
    /// When it happened last.
    pub last: Timestamp,
}

/// Asks the proxy for them, those seen most often first.
#[derive(Clone)]
pub struct AskUnopened(pub Arc<dyn Fn() -> Vec<Unopened> + Send + Sync>);

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnopenedLine {
    /// What was noticed.
    pub noticed: Unopened,
    /// The change that waits for assessment, where somebody has proposed to leave it alone.
    pub waits: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PutAside {
    v: u16,
    why: String,
    by: PersonId,
    at: Timestamp,
}

impl App {
    /// Tells how to ask the proxy what it could not look into; the first telling counts.
    pub fn tell_unopened(&self, ask: AskUnopened) {
        // A second start in one process keeps the first faces, as elsewhere.
        drop(self.inner().network.unopened.set(ask));
    }

    /// What could not be looked into and is neither left alone already nor put aside.
    pub(super) async fn unopened_lines(&self) -> Result<Vec<UnopenedLine>, Error> {
        let Some(ask) = self.inner().network.unopened.get() else {
            return Ok(Vec::new());
        };
        let all = (ask.0)();
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let aside = self.put_aside().await?;
        let alone = self.left_alone(now).await?;
        let drafts = self.drafts_to_leave_alone().await?;
        Ok(all
            .into_iter()
            .filter(|one| {
                let aside = aside.get(&one.host);
                let hidden = aside.is_some_and(|aside| now.duration_since(aside.at) < ASIDE);
                !hidden && !covers(&alone, &one.host)
            })
            .take(SHOWN)
            .map(|noticed| {
                let waits = drafts
                    .iter()
                    .find(|(_, hosts)| covers(hosts, &noticed.host))
                    .map(|(number, _)| *number);
                UnopenedLine { noticed, waits }
            })
            .collect())
    }

    /// Puts a host aside, with a reason: it is looked into as before, fails as before, and is not
    /// shown again for 90 days.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] without a reason; [`Error::NotFound`] where the host is
    /// not on the list.
    pub async fn dismiss_unopened(
        &self,
        me: &SignedIn,
        host: &str,
        why: &str,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::ChangeSettings>(&me.actor, Target::School)
            .await?;
        let why = crate::overrides::reason(why)?;
        let lines = self.unopened_lines().await?;
        if !lines.iter().any(|line| line.noticed.host == host) {
            return Err(Error::NotFound);
        }
        let now = self.now();
        let kept = self.put_aside().await?;
        let is_over = |aside: &PutAside| now.duration_since(aside.at) >= ASIDE;
        for (host, _) in kept.iter().filter(|(_, aside)| is_over(aside)) {
            self.records()
                .set_setting(&permit, &format!("{PREFIX}{host}"), None, now)
                .await?;
        }
        if kept.values().filter(|aside| !is_over(aside)).count() >= ASIDE_MAX {
            return Err(Error::Refused(
                "Too many hosts are put aside already. Leave some of them alone instead."
                    .to_owned(),
            ));
        }
        let aside = PutAside {
            v: super::VERSION,
            why,
            by: me.person.id,
            at: now,
        };
        let text = serde_json::to_string(&aside)
            .map_err(|error| Error::unavailable("writing why a host is put aside", &error))?;
        self.records()
            .set_setting(&permit, &format!("{PREFIX}{host}"), Some(&text), now)
            .await?;
        Ok(())
    }

    async fn put_aside(&self) -> Result<BTreeMap<String, PutAside>, Error> {
        let rows = self.records().settings().await?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                let host = row.name.strip_prefix(PREFIX)?;
                Some((host.to_owned(), serde_json::from_str(&row.value).ok()?))
            })
            .collect())
    }

    /// Hosts that are left alone now.
    async fn left_alone(&self, now: Timestamp) -> Result<Vec<String>, Error> {
        let stored = self.records().overrides_in_force(now).await?;
        Ok(stored
            .iter()
            .filter_map(|one| serde_json::from_slice::<UninspectedSpec>(&one.body).ok())
            .flat_map(|spec| spec.leave_alone)
            .collect())
    }

    /// Drafts of changes that would leave hosts alone.
    async fn drafts_to_leave_alone(&self) -> Result<Vec<(i64, Vec<String>)>, Error> {
        let permit = self
            .may::<act::ReadPolicy>(&Actor::system("network"), Target::School)
            .await?;
        let changes = self
            .records()
            .changes(&permit, Timestamp::MIN, DRAFTS_MAX)
            .await?;
        let mut drafts = Vec::new();
        for change in changes {
            if change.state == ChangeState::Draft {
                let open = self.opened(change).await?;
                drafts.push((open.change.number, open.body.leave_alone));
            }
        }
        Ok(drafts)
    }
}

/// Whether one of the hosts is this one or stands above it.
fn covers(hosts: &[String], host: &str) -> bool {
    Host::parse(host).is_ok_and(|host| {
        hosts
            .iter()
            .filter_map(|one| Host::parse(one).ok())
            .any(|one| host.is_within(&one))
    })
}
