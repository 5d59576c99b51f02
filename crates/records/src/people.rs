//! The roll: people and classes.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use pharos_access::{Permit, act};
use pharos_school::{Class, ClassId, Person, PersonId};

use crate::Result;

/// Whether a roll lists everybody or only what changed (OneRoster bulk and delta).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollKind {
    /// Everybody: who is on the roll and not listed has left.
    Whole,
    /// Only changes: who is not listed stays as they are.
    Changes,
}

/// A checked roll, ready to be applied. The ids in it are used for new people and classes; known
/// ones are found by `source_id` and keep theirs, and links between them follow.
#[derive(Debug, Clone)]
pub struct Roll {
    /// Whole or changes.
    pub kind: RollKind,
    /// People, each `source_id` once.
    pub people: Vec<Person>,
    /// Classes, each `source_id` once.
    pub classes: Vec<Class>,
    /// Classes that are no more. A whole roll also drops those it does not list.
    pub classes_gone: Vec<ClassId>,
    /// The day that those missing from a whole roll are marked as having left.
    pub on: Date,
}

/// What applying a roll did. Applying it again gives all zeros but `unchanged`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RollOutcome {
    /// People not known before.
    pub added: usize,
    /// People whose row changed, those who came back among them.
    pub changed: usize,
    /// People as they were.
    pub unchanged: usize,
    /// People marked as having left.
    pub left: usize,
    /// Classes added or changed.
    pub classes_changed: usize,
    /// Classes that a whole roll no longer has.
    pub classes_removed: usize,
}

/// The most people that one roll may have.
pub const MAX_PEOPLE: usize = 100_000;

/// The roll.
#[async_trait]
pub trait People: Send + Sync {
    /// One person, leavers included.
    async fn person(&self, id: PersonId) -> Result<Option<Person>>;

    /// The person on the roll with this sign-in name (compared in lower case); no leavers.
    async fn person_by_username(&self, username: &str) -> Result<Option<Person>>;

    /// Everybody, leavers included, by family name, given name, id. For building the roster and
    /// matching an import; at most [`MAX_PEOPLE`].
    async fn roll(&self) -> Result<Vec<Person>>;

    /// People whose given name, family name or sign-in name begins with each of the words, on the
    /// roll, at most `limit`.
    async fn find_people(
        &self,
        permit: &Permit<act::ListPeople>,
        words: &str,
        limit: usize,
    ) -> Result<Vec<Person>>;

    /// Every class, by title.
    async fn classes(&self) -> Result<Vec<Class>>;

    /// One class.
    async fn class(&self, id: ClassId) -> Result<Option<Class>>;

    /// Applies a roll in one transaction: all of it or nothing. Safe to repeat (ACC-10).
    async fn apply_roll(
        &self,
        permit: &Permit<act::ImportRoll>,
        roll: &Roll,
        at: Timestamp,
    ) -> Result<RollOutcome>;
}
