//! One question to the policy.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_catalogue::{Address, CategorySet};

use crate::FileKind;

/// A search engine or video site, as the caller's table knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchSite {
    /// The engine's number: its place in [`Vocabulary::engines`]. At most 63.
    pub engine: u8,
    /// Whether its strict filter can be forced from outside.
    pub enforceable: bool,
    /// Whether it could be held if the path were seen, which it is not.
    pub by_path: bool,
    /// Whether it is the video site rather than a search engine.
    pub video: bool,
}

/// A use of a tool of generative AI that a policy may forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AiUse {
    /// Nobody has signed in to the tool.
    SignedOut,
    /// In a workspace that is not the school's.
    OtherWorkspace,
}

/// What is asked for, from where and when, with everything that the lists know about it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The address.
    pub address: &'a Address,
    /// Whether a rule of the policy may name its host: true, unless [`Policy::names_host`] has said
    /// no.
    ///
    /// [`Policy::names_host`]: crate::Policy::names_host
    pub named: bool,
    /// Its categories.
    pub categories: CategorySet,
    /// The sealed list that holds it.
    pub sealed: Option<&'a Arc<str>>,
    /// A sealed list names a page of this host, and no path is seen: the connection has to be looked
    /// into, whatever the rules say (FIL-03).
    pub sealed_below: bool,
    /// The search engine it belongs to.
    pub search: Option<SearchSite>,
    /// Whether it is a known way round the filter.
    pub avoidance: bool,
    /// The category whose threshold the text reaches, where text was read.
    pub text: Option<&'a Arc<str>>,
    /// How a tool of generative AI is used, where that could be forbidden.
    pub ai: Option<AiUse>,
    /// The kind of file that is downloaded, where that is known.
    pub file: Option<FileKind>,
    /// Whether it is a store of extensions or user scripts.
    pub extension_store: bool,
    /// Whether it comes from a browser that is not permitted, where that is known.
    pub other_browser: bool,
    /// Whether whoever asks must first accept the notice of monitoring (MON-09).
    pub notice_first: bool,
    /// The device's network address.
    pub from: Option<IpAddr>,
    /// When.
    pub now: Timestamp,
}

/// The words a policy may use beside its own: numbered as the catalogue and the table of search
/// engines number them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vocabulary<'a> {
    /// The catalogue's category names: `CategoryId(n)` is the n-th.
    pub categories: &'a [Arc<str>],
    /// Names that are right although no list in force carries them yet. A rule that uses one waits
    /// for the list; see [`crate::Policy::unlisted`].
    pub declared: &'a [Arc<str>],
    /// Search tools by name, in the order of [`SearchSite::engine`].
    pub engines: &'a [&'a str],
}
