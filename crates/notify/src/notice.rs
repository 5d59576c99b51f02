//! What a notice may say: a kind, a severity, a link. No free text (MON-04): mail is copied,
//! forwarded and shown on lock screens.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use pharos_school::{AlertId, CaseId, CheckId, NoticeId, RequestId};

/// What the notice is about, in fixed words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An alert waits to be acknowledged (MON-04).
    Alert,
    /// An alert has waited too long (CLK-02).
    AlertOverdue,
    /// A concern was reported.
    Concern,
    /// A step of a case is due.
    StepDue,
    /// A step of a case is late.
    StepOverdue,
    /// Somebody asks for a site to be opened (REQ-01).
    SiteRequest,
    /// A request of the reader's was answered.
    RequestAnswered,
    /// A change waits for approval.
    Approval,
    /// The filter's self-check failed (SRCH-05).
    CheckFailed,
    /// A filter list is stale.
    ListStale,
    /// Devices or a whole network do not pass the filter (FIL-16).
    NetworkGap,
    /// Viewing of records looks odd (AUD-05).
    OddViewing,
    /// A review is due.
    ReviewDue,
    /// A report is ready (REP-01).
    ReportReady,
    /// Something of Pharos itself is wrong (FIL-17).
    Trouble,
    /// The filter runs without its records (FIL-17).
    FilterStandby,
    /// The filter has its records again.
    FilterBack,
    /// A membership of an exception group began or is over (REQ-06).
    MembershipChanged,
    /// The test message from the settings page.
    Test,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 19] = [
        Kind::Alert,
        Kind::AlertOverdue,
        Kind::Concern,
        Kind::StepDue,
        Kind::StepOverdue,
        Kind::SiteRequest,
        Kind::RequestAnswered,
        Kind::Approval,
        Kind::CheckFailed,
        Kind::ListStale,
        Kind::NetworkGap,
        Kind::OddViewing,
        Kind::ReviewDue,
        Kind::ReportReady,
        Kind::Trouble,
        Kind::FilterStandby,
        Kind::FilterBack,
        Kind::MembershipChanged,
        Kind::Test,
    ];

    /// The name kept in the outbox.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Alert => "alert",
            Kind::AlertOverdue => "alert-overdue",
            Kind::Concern => "concern",
            Kind::StepDue => "step-due",
            Kind::StepOverdue => "step-overdue",
            Kind::SiteRequest => "site-request",
            Kind::RequestAnswered => "request-answered",
            Kind::Approval => "approval",
            Kind::CheckFailed => "check-failed",
            Kind::ListStale => "list-stale",
            Kind::NetworkGap => "network-gap",
            Kind::OddViewing => "odd-viewing",
            Kind::ReviewDue => "review-due",
            Kind::ReportReady => "report-ready",
            Kind::Trouble => "trouble",
            Kind::FilterStandby => "filter-standby",
            Kind::FilterBack => "filter-back",
            Kind::MembershipChanged => "membership-changed",
            Kind::Test => "test",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The words of the subject line.
    pub const fn words(self) -> &'static str {
        match self {
            Kind::Alert => "an alert is waiting for you",
            Kind::AlertOverdue => "an alert has waited too long",
            Kind::Concern => "a concern is waiting for you",
            Kind::StepDue => "a step is due",
            Kind::StepOverdue => "a step is late",
            Kind::SiteRequest => "a request is waiting for you",
            Kind::RequestAnswered => "your request was answered",
            Kind::Approval => "a change is waiting for your approval",
            Kind::CheckFailed => "the filter check failed",
            Kind::ListStale => "a filter list needs attention",
            Kind::NetworkGap => "something on the network goes round the filter",
            Kind::OddViewing => "something needs your attention",
            Kind::ReviewDue => "a review is due",
            Kind::ReportReady => "a report is ready",
            Kind::Trouble => "the server needs attention",
            Kind::FilterStandby => {
                "the filter cannot reach its records and runs on what it last knew"
            }
            Kind::FilterBack => "the filter has its records again",
            Kind::MembershipChanged => "what you may reach has changed",
            Kind::Test => "this is a test message",
        }
    }
}

/// How pressing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For information.
    Information,
    /// To be looked at today.
    Attention,
    /// To be looked at now.
    Urgent,
}

impl Severity {
    /// The word in the subject line.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Information => "For information",
            Severity::Attention => "Please look today",
            Severity::Urgent => "Urgent",
        }
    }
}

/// Where the link leads. Ids are random: they say nothing to somebody who cannot sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The reader's inbox.
    Inbox,
    /// One alert.
    Alert(AlertId),
    /// One case.
    Case(CaseId),
    /// One request to open a site.
    Request(RequestId),
    /// One run of the self-check.
    Check(CheckId),
    /// Every run of the self-check, and the tests by hand.
    Checks,
    /// The living policy.
    Policy,
    /// The filter lists.
    Lists,
    /// Devices, Wi-Fi sessions and gaps.
    Network,
    /// The page that says how Pharos itself is doing.
    Status,
    /// The reports.
    Reports,
    /// The settings.
    Settings,
    /// Changes to filtering.
    Changes,
    /// The report of one week, by its Monday.
    Week(Date),
    /// The audit of what pupils tried to reach, by its first day.
    Attempts(Date),
}

impl fmt::Display for Place {
    /// The path below the web address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Inbox => f.write_str("/inbox"),
            Place::Alert(id) => write!(f, "/alerts/{id}"),
            Place::Case(id) => write!(f, "/cases/{id}"),
            Place::Request(id) => write!(f, "/requests/{id}"),
            Place::Check(id) => write!(f, "/checks/{id}"),
            Place::Checks => f.write_str("/checks"),
            Place::Policy => f.write_str("/policy"),
            Place::Network => f.write_str("/network"),
            Place::Status => f.write_str("/network/status"),
            Place::Lists => f.write_str("/lists"),
            Place::Reports => f.write_str("/reports"),
            Place::Settings => f.write_str("/settings"),
            Place::Changes => f.write_str("/changes"),
            Place::Week(monday) => write!(f, "/weeks/{monday}"),
            Place::Attempts(from) => write!(f, "/attempts/{from}"),
        }
    }
}

/// The web address that links begin with: scheme and host, no path, no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// The text is not a web address to build links on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a web address to build links on: expected https://host or http://host:port, without path or account"
)]
pub struct BaseUrlError(String);

impl std::str::FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || BaseUrlError(text.chars().take(80).collect());
        let whole = text.strip_suffix('/').unwrap_or(text);
        let host = whole
            .strip_prefix("https://")
            .or_else(|| whole.strip_prefix("http://"))
            .ok_or_else(wrong)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong());
        }
        Ok(Self(whole.to_owned()))
    }
}

impl BaseUrl {
    /// The whole link to this place.
    pub fn link(&self, place: Place) -> String {
        format!("{}{place}", self.0)
    }
}

/// One notice to one reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id, which becomes the message id.
    pub id: NoticeId,
    /// When it was caused.
    pub at: Timestamp,
    /// The reader's e-mail address.
    pub to: String,
    /// What it is about.
    pub kind: Kind,
    /// How pressing it is.
    pub severity: Severity,
    /// Where to read on.
    pub place: Place,
}

impl Notice {
    /// The subject line.
    pub fn subject(&self) -> String {
        format!(
            "Pharos \u{2013} {}: {}",
            self.severity.word(),
            self.kind.words()
        )
    }

    /// The text.
    pub fn text(&self, web: &BaseUrl) -> String {
        format!(
            "{}: {}.\n\nSign in to read it:\n{}\n\n\
             This message names nobody on purpose. Please do not answer it with names or details.\n",
            self.severity.word(),
            self.kind.words(),
            web.link(self.place),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_by_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        assert_eq!(Kind::named("gossip"), None);
    }

    #[test]
    fn a_base_address_has_no_path_or_account() {
        assert!(
            "https://pharos.harbourmouth.sch.example/"
                .parse::<BaseUrl>()
                .is_ok()
        );
        assert!("http://127.0.0.1:8080".parse::<BaseUrl>().is_ok());
        for wrong in [
            "",
            "pharos",
            "ftp://x",
            "https://",
            "https://a/b",
            "https://me@host",
            "https://a b",
        ] {
            assert!(wrong.parse::<BaseUrl>().is_err(), "{wrong}");
        }
    }
}
