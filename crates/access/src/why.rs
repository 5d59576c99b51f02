//! A refusal and its reason.

use crate::{Act, Actor, Subject};

/// Why an act was refused. The text shown to the person must not reveal that a record exists:
/// show [`Denied`]'s message, which does not, and keep this for the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// No role held is in the table for this act.
    Role,
    /// The record is about the actor (ROLE-06).
    AboutYou,
    /// The actor is kept out of this case.
    Conflict,
    /// The record is not the actor's to see: another route, not named, not assigned.
    NeedToKnow,
    /// It is not of the campus that the actor is kept to, or about the school as a whole.
    OtherCampus,
    /// Somebody else's own things.
    NotYours,
    /// The system may not do this by itself.
    System,
    /// The act wants a reason and none was given.
    NoReason,
    /// The act is not about this sort of thing: a mistake in the program.
    WrongTarget,
}

impl Why {
    /// The word in the ledger.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::AboutYou => "about-actor",
            Self::Conflict => "conflict",
            Self::NeedToKnow => "need-to-know",
            Self::OtherCampus => "other-campus",
            Self::NotYours => "not-own",
            Self::System => "system",
            Self::NoReason => "no-reason",
            Self::WrongTarget => "wrong-target",
        }
    }
}

/// The act is refused. The message is the same whatever the reason, so that nobody learns from it
/// that a record about them exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("you may not do this ({act}): ask the safeguarding lead, or the head, if you need it")]
pub struct Denied {
    /// The act asked for.
    pub act: Act,
    /// Who asked.
    pub actor: Actor,
    /// On what.
    pub subject: Subject,
    /// Why not; for the ledger.
    pub why: Why,
}
