//! An alert: what was noticed, about whom, how pressing, and why.

use std::fmt;

use jiff::Timestamp;
use pharos_casework::Harm;
use pharos_school::{PersonId, Role, Who};
use serde::{Deserialize, Serialize};

/// How serious, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth a talk.
    Medium,
    /// Needs somebody today.
    High,
    /// Needs somebody now.
    Critical,
}

impl Severity {
    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// One step more serious.
    pub const fn raised(self) -> Self {
        match self {
            Severity::Low => Severity::Medium,
            Severity::Medium => Severity::High,
            Severity::High | Severity::Critical => Severity::Critical,
        }
    }

    /// Where ranks of this severity begin; the next one begins a hundred further on.
    pub const fn base_rank(self) -> u32 {
        match self {
            Severity::Low => 100,
            Severity::Medium => 200,
            Severity::High => 300,
            Severity::Critical => 400,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the event behind an alert is found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRef {
    /// When it happened.
    pub at: Timestamp,
    /// The host; `None` for a sealed hit, whose address is never kept.
    pub host: Option<String>,
}

/// What was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The rule that raised it.
    pub rule: String,
    /// The rule's version at that moment; it stays when the rule changes.
    pub rule_version: u32,
    /// The theme (L-1).
    pub theme: Harm,
    /// How serious, after weighting.
    pub severity: Severity,
    /// Orders alerts: higher first. Severity counts hundreds, weights tens, repetition ones.
    pub rank: u32,
    /// About whom, and how sure that is.
    pub who: Who,
    /// Their roles at that moment; settles whom the alert goes to.
    pub roles: Vec<Role>,
    /// Why am I seeing this: plain sentences.
    pub why: Vec<String>,
    /// Alerts with the same key are one alert while it is open.
    pub key: String,
    /// The events behind it, the first ones; `count` counts all.
    pub evidence: Vec<EvidenceRef>,
    /// When it was first noticed.
    pub first_at: Timestamp,
    /// When it was last noticed.
    pub last_at: Timestamp,
    /// How often.
    pub count: u32,
}

impl Alert {
    /// Most events listed as evidence.
    pub const EVIDENCE_MAX: usize = 20;

    /// The person it is about, if one is named.
    pub fn person(&self) -> Option<PersonId> {
        self.who.person()
    }

    /// Whether it is about a member of staff.
    pub fn is_about_staff(&self) -> bool {
        self.roles
            .iter()
            .any(|role| role.is_staff() || matches!(role, Role::Governor | Role::Chair))
    }

    /// Takes a later sighting in: the count and the last time grow, the higher severity stays.
    pub fn fold(&mut self, again: &Alert) {
        self.count = self.count.saturating_add(again.count);
        self.last_at = self.last_at.max(again.last_at);
        self.first_at = self.first_at.min(again.first_at);
        self.severity = self.severity.max(again.severity);
        // Repetition lifts an alert among its equals, never over a more serious one.
        let base = self.rank.max(again.rank);
        self.rank = if base % 10 < 9 { base + 1 } else { base };
        let room = Self::EVIDENCE_MAX.saturating_sub(self.evidence.len());
        self.evidence
            .extend(again.evidence.iter().take(room).cloned());
    }
}

/// Alerts in the order of the inbox: the highest rank first, and among equals the newest.
pub fn in_order(alerts: &mut [Alert]) {
    alerts.sort_by(|a, b| b.rank.cmp(&a.rank).then(b.last_at.cmp(&a.last_at)));
}
