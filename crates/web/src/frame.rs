//! What stands around every page: the school's name, who is signed in, where they may go.

use std::convert::Infallible;
use std::sync::LazyLock;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

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
        Self {
            school: school.into(),
            person: None,
            nav: Vec::new(),
            done: None,
            assets: &ASSETS,
        }
    }

    /// Things waiting for this person behind all entries of the navigation.
    pub(crate) fn waiting(&self) -> usize {
        self.nav.iter().map(|item| item.count).sum()
    }

    /// With what was just done.
    pub(crate) fn with(mut self, done: Done) -> Self {
        self.done = done.0;
        self
    }
}

/// What was just done, from the query of the redirect that ended a form. An argument of handlers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done(pub(crate) Option<&'static str>);

/// Codes and what people read. Fixed texts: nothing from outside is shown.
const TEXTS: &[(&str, &str)] = &[
    (
        "acknowledged",
        "Acknowledged. Nobody else is chased for it.",
    ),
    (
        "alert-asked",
        "Your colleague is asked, and can see this alert.",
    ),
    (
        "alert-closed",
        "Closed, with the explanation and the outcome.",
    ),
    ("attested", "Attested today, in your name."),
    ("checked", "The check has run."),
    (
        "hand-tested",
        "Kept, with your name and the time. The leadership signs it like a run of the check.",
    ),
    ("signed-check", "Signed, with your name and the time."),
    ("closed", "The case is closed."),
    (
        "contained",
        "Blocked for everyone. Review it when there is time.",
    ),
    (
        "contained-here",
        "Blocked at your campus alone. Those who act for the whole school are asked to block it for everyone.",
    ),
    ("kept", "The report is made and kept."),
    ("linked", "Passed to the lead as a concern of its own."),
    ("noted", "Noted."),
    (
        "opened",
        "The concern is open. What the alert knew is filled in.",
    ),
    ("recorded", "Recorded."),
    ("reopened", "The case is open again."),
    (
        "asked",
        "Your request was sent. You will find the answer here.",
    ),
    (
        "blocked",
        "The address is blocked for everyone. It must be looked at by the end of the next school day.",
    ),
    (
        "blocked-here",
        "The address is blocked at your campus alone. It must be looked at by the end of the next school day.",
    ),
    ("assessed", "Your assessment is added."),
    ("consented", "Your consent is added."),
    ("decided", "Decided. The one who asked is told."),
    ("endorsed", "Said. It goes on from here."),
    (
        "in-force",
        "It is in force, and was tested on live traffic. See below.",
    ),
    ("looked", "Noted, with your name and the time."),
    ("member", "They are a member from now on, and are told."),
    (
        "proposed",
        "Proposed. Those who assess changes are told. Nothing is in force yet.",
    ),
    (
        "went-back",
        "The earlier version is in force again, as a new change. It is looked at by the end of the next school day.",
    ),
    (
        "responded",
        "Kept, with your name and the time. It stands in the pupil's chronology.",
    ),
    ("audit-signed", "Signed, with your name and the time."),
    ("supervised", "Noted, with your name and the time."),
    ("week-reviewed", "Kept, with your name and the time."),
    ("withdrawn", "Given up. Nothing of it is in force."),
    (
        "device",
        "This device is yours for four hours. Say when you are done.",
    ),
    ("device-out", "Nobody is named at this device any more."),
    ("ended", "Ended. The usual rules are in force again."),
    ("unopened", "Put aside. It is not shown again for 90 days."),
    (
        "gap",
        "Explained. It stays on the list until the device passes the filter again.",
    ),
    ("path-longer", "The path holds longer now."),
    (
        "path-back",
        "Taken back. The path opens nothing from now on.",
    ),
    ("imported", "The roll was brought in."),
    (
        "installed",
        "The new version of the policy pack is in force.",
    ),
    ("lesson", "The links are open for the class in that time."),
    (
        "lesson-some",
        "Some links are open for the class. What the school blocks at all times went to those who vet sites.",
    ),
    (
        "lesson-asked",
        "The school blocks these at all times: they went to those who vet sites as a request.",
    ),
    (
        "notice",
        "Thank you. Pages load now; what this device does is logged under your name.",
    ),
    ("password", "Your password is changed."),
    ("restricted", "The restriction is in force."),
    (
        "second-factor",
        "Your second factor is set up. At other devices you sign in again, with it.",
    ),
];

impl<S: Sync> FromRequestParts<S> for Done {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let code = parts
            .uri
            .query()
            .unwrap_or("")
            .split('&')
            .find_map(|pair| pair.strip_prefix("done="));
        Ok(Self(
            code.and_then(|code| TEXTS.iter().find(|(known, _)| *known == code))
                .map(|(_, text)| *text),
        ))
    }
}
