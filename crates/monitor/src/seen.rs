//! What the rules look at: one decision, as far as they need it.

use std::sync::Arc;

use jiff::Timestamp;
use pharos_casework::Harm;
use pharos_school::{Role, Who, YearGroup};

use crate::{Method, Severity};

/// What was done with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenAction {
    /// It was blocked.
    Blocked,
    /// It was warned about.
    Warned,
    /// It was let through, narrowed or tunnelled.
    LetThrough,
}

/// Who the person is to the school today, as far as weighting and routing need it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// Their roles. Empty for a person or device that is not known.
    pub roles: Vec<Role>,
    /// Year group, for pupils.
    pub year: Option<YearGroup>,
    /// Whether any vulnerability flag stands. Which one is not told.
    pub vulnerable: bool,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// Who was behind it, and how sure that is.
    pub who: Who,
    /// Who that is to the school.
    pub subject: Subject,
    /// The network address of the device, to tell unknown devices apart.
    pub device_address: String,
    /// The host asked for. Ignored for a sealed hit.
    pub host: String,
    /// The names of the categories found.
    pub categories: Vec<Arc<str>>,
    /// What was done.
    pub action: SeenAction,
    /// The sealed list that was hit, by name.
    pub sealed: Option<Arc<str>>,
    /// The search words, where it was a search, or what was asked of a tool of generative AI.
    pub search: Option<String>,
    /// The tool that was asked, where it was one.
    pub asked_of: Option<String>,
    /// The way round the filter that it stands for.
    pub method: Option<Method>,
    /// Whether an outside firewall or filter tells of it as an attempt that it stopped (MON-05).
    pub is_outside_attempt: bool,
}

/// Words on a watch list that were found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchHit {
    /// The list's name.
    pub list: String,
    /// The list's version.
    pub list_version: u32,
    /// Its theme.
    pub theme: Harm,
    /// How serious a hit is before weighting.
    pub severity: Severity,
    /// The words found.
    pub words: String,
}

/// The watch lists, kept and matched elsewhere.
pub trait WatchLists {
    /// Every list that the text hits; of one list the most serious hit is enough.
    fn find(&self, text: &str) -> Vec<WatchHit>;
}

/// No watch lists at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWatchLists;

impl WatchLists for NoWatchLists {
    fn find(&self, _: &str) -> Vec<WatchHit> {
        Vec::new()
    }
}
