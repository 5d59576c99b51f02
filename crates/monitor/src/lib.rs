//! Events to ranked alerts, by pure, versioned rules; and the life of an alert.
//!
//! [`Watch::see`] looks at one event and says which alerts it raises or adds to (MON-03). Each
//! alert says why it was raised, ranks itself, and knows whom it goes to: alerts about staff go
//! apart ([`route`]). An alert then lives as entries that only grow ([`AlertState`]): it is chased
//! until acknowledged and cannot close without explanation and outcome (MON-04, CLK-02).
//!
//! Nothing here does I/O, reads a clock or makes an id.

mod alert;
mod avoidance;
pub mod firewall;
mod life;
mod route;
mod rules;
mod seen;
mod watch;

pub use alert::{Alert, EvidenceRef, Severity, in_order};
pub use avoidance::Method;
pub use life::{
    ALERT_ENTRY_VERSION, AlertBody, AlertCommand, AlertEntry, AlertOutcome, AlertStage, AlertState,
    BrokenAlert, act, notices, raise,
};
pub use route::{Recipients, route};
pub use rules::{Rule, RuleKind, RuleSet, RuleSetProblem, Weights};
pub use seen::{NoWatchLists, Seen, SeenAction, Subject, WatchHit, WatchLists};
pub use watch::{Limits, Raised, Watch, WatchCounts};
