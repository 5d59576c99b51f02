//! What stands around every page: the school's name, who is signed in, where they may go.

use std::sync::LazyLock;

/// One entry of the main navigation.
#[derive(Debug, Clone)]
pub(crate) struct NavItem {
    pub(crate) href: &'static str,
    pub(crate) text: &'static str,
    /// Things waiting there for this person; shown as a badge when not zero.
    pub(crate) count: usize,
    pub(crate) current: bool,
}

/// The frame of one page.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) school: String,
    pub(crate) person: Option<String>,
    pub(crate) nav: Vec<NavItem>,
    /// What was just done, from a fixed table of codes (`?done=`).
    pub(crate) done: Option<&'static str>,
    pub(crate) assets: &'static str,
}

static ASSETS: LazyLock<String> = LazyLock::new(crate::assets::version);

impl Frame {
    /// The frame for somebody who is not signed in.
    pub(crate) fn public(school: impl Into<String>) -> Self {
        Self { school: school.into(), person: None, nav: Vec::new(), done: None, assets: &ASSETS }
    }
}
