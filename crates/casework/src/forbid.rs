//! Prohibitions: what the code refuses, and what it says (PRO-01, BRE-07, CON-15).

use crate::entry::Media;
use crate::procedure::{Act, Flag, Forbid, Procedure};
use crate::state::CaseState;
use crate::steps::applies;

/// Why something is refused and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ban {
    pub(crate) why: String,
    pub(crate) instead: String,
}

impl Ban {
    fn new(why: &str, instead: &str) -> Self {
        Self {
            why: why.to_owned(),
            instead: instead.to_owned(),
        }
    }

    fn of(forbid: &Forbid) -> Self {
        Self {
            why: forbid.why.clone(),
            instead: forbid.instead.clone(),
        }
    }
}

/// The prohibitions that hold for the case now, for the page that shows them.
pub fn prohibitions<'p>(state: &CaseState, procedure: &'p Procedure) -> Vec<&'p Forbid> {
    procedure
        .forbids
        .iter()
        .filter(|forbid| applies(state, forbid.when))
        .collect()
}

/// Whether an upload control is shown at all: not while any file would be refused.
pub fn may_attach(state: &CaseState, procedure: &Procedure) -> bool {
    attach(state, procedure, Media::Text, None).is_none()
}

/// The ban on an act, if there is one. Acts that no procedure may ever allow are refused here
/// even if a procedure file forgot them.
pub(crate) fn banned(state: &CaseState, procedure: &Procedure, act: Act) -> Option<Ban> {
    listed(state, procedure, act).or_else(|| always(act))
}

pub(crate) fn listed(state: &CaseState, procedure: &Procedure, act: Act) -> Option<Ban> {
    procedure
        .forbids
        .iter()
        .find(|forbid| forbid.act == act && applies(state, forbid.when))
        .map(Ban::of)
}

fn always(act: Act) -> Option<Ban> {
    let ban = match act {
        Act::Delete | Act::Edit => Ban::new(
            "Entries are kept as they were written.",
            "Write a correction; it stands beside the entry.",
        ),
        Act::View | Act::Copy | Act::Forward | Act::AskPupilToShow => Ban::new(
            "Nobody views, copies or passes on such material, or asks a child to.",
            "Record the address only; the lead reports it.",
        ),
        Act::OpenPage => Ban::new(
            "The page is not opened again to check it.",
            "Use the category and the check from the group concerned.",
        ),
        Act::SendContent => Ban::new(
            "What a case says is not sent by e-mail or message.",
            "Send a link; the reader signs in.",
        ),
        Act::TechnicalReadsNotes => Ban::new(
            "The technical team sees filter events, not safeguarding notes.",
            "Ask the lead for what is needed to fix the filter.",
        ),
        Act::ShowToSubject => Ban::new(
            "The people a case is about do not see it.",
            "Answer a request for their data through the school's procedure for that.",
        ),
        Act::ApproveOwnAccess => Ban::new(
            "Nobody approves their own request.",
            "Ask the lead or the head.",
        ),
        Act::Unblock => Ban::new(
            "An address from a case is opened only after the lead has vetted it.",
            "Ask for it with a request; the lead decides.",
        ),
        Act::CloseUndecided => Ban::new(
            "A case does not close with something undecided.",
            "Work through what is listed as missing.",
        ),
        Act::Attach | Act::AttachPictures | Act::ContactOutsideFirst => return None,
    };
    Some(ban)
}

/// The ban on a file, decided before any byte of it is received. `shows_child` is the answer to
/// "does it show a child undressed or in a sexual way?"; `None` means not sure or not asked.
pub(crate) fn attach(
    state: &CaseState,
    procedure: &Procedure,
    media: Media,
    shows_child: Option<bool>,
) -> Option<Ban> {
    if let Some(ban) = listed(state, procedure, Act::Attach) {
        return Some(ban);
    }
    if state.has(Flag::MayBeIllegal) {
        return Some(Ban::new(
            "This may be illegal: no file is taken in.",
            "Write down the address and what was said; report it to the IWF and the police.",
        ));
    }
    if !media.may_show() {
        return None;
    }
    if let Some(ban) = listed(state, procedure, Act::AttachPictures) {
        return Some(ban);
    }
    if state.classified.is_none() {
        return Some(Ban::new(
            "No picture is taken in until the lead has said what kind of incident it is.",
            "Write down what was seen; the lead classifies the case.",
        ));
    }
    if state.may_be_imagery() || media == Media::Video || media == Media::Other {
        return Some(Ban::new(
            "Pictures, videos and unknown files are not taken in on a case of this kind.",
            "Leave the device as it is, tell the lead, and write down the address only.",
        ));
    }
    if shows_child != Some(false) {
        return Some(Ban::new(
            "A picture that shows a child undressed or in a sexual way, or may do so, is never taken in.",
            "Do not look at it again, do not copy it, and tell the lead now.",
        ));
    }
    None
}
