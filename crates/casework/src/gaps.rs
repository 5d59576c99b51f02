//! How long it took from first knowledge to each of those who had to know (CLK-02).

use jiff::{SignedDuration, Timestamp};

use crate::entry::Agency;
use crate::state::{CaseState, ParentsStanding};

/// Gaps from first knowledge. `None` where it has not happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gaps {
    /// When somebody at the school first knew.
    pub first_known_at: Timestamp,
    /// To the lead's acknowledgement, or to the telling in person if that came first.
    pub to_lead: Option<SignedDuration>,
    /// To the first of: emergency call, police, IWF, CEOP.
    pub to_police_or_iwf: Option<SignedDuration>,
    /// To the first contact with a parent.
    pub to_parents: Option<SignedDuration>,
    /// To the emergency block.
    pub to_contained: Option<SignedDuration>,
}

/// The gap figures of a case.
pub fn gaps(state: &CaseState) -> Gaps {
    let first = state.first_known_at();
    let since =
        |at: Option<Timestamp>| at.map(|at| at.duration_since(first).max(SignedDuration::ZERO));
    let in_person = state.concern.told_lead.as_ref().map(|told| told.at);
    let acknowledged = state.acknowledged.map(|mark| mark.at);
    let outside = state
        .referrals
        .iter()
        .filter(|r| matches!(r.agency, Agency::Police | Agency::Iwf | Agency::Ceop))
        .map(|r| r.referred_at)
        .chain(state.called.map(|mark| mark.at))
        .min();
    let parents = state
        .pupils()
        .into_iter()
        .filter_map(|pupil| match state.parents_of(pupil) {
            ParentsStanding::Told(at) => Some(at),
            _ => None,
        })
        .min();
    Gaps {
        first_known_at: first,
        to_lead: since(in_person.into_iter().chain(acknowledged).min()),
        to_police_or_iwf: since(outside),
        to_parents: since(parents),
        to_contained: since(state.contained_at()),
    }
}
