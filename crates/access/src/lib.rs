//! Need to know: who may do what, and a permission that is a value.
//!
//! Rights come only from roles, through one table ([`Act::ALL`], ROLE-02) that a school may
//! tighten and never loosen ([`Rules::tighten`]). For what concerns people the table is not
//! enough: [`CaseFacts`], [`AlertFacts`] and [`Watched`] say whom a record is about, and that
//! person never sees it, whatever their role (ROLE-06, CON-14, MON-13).
//!
//! [`Rules::may`] answers with a [`Permit`], which nothing else can make. Storage functions ask
//! for one, so that forgetting the check does not compile.
//!
//! Pure: no I/O, no clock, no randomness.

mod actor;
mod acts;
mod facts;
mod permit;
mod rules;
mod why;

pub use actor::{Actor, Within};
pub use acts::{Act, Kind, Scope, UnknownAct, act};
pub use facts::{
    About, AlertFacts, CaseFacts, Involved, Part, Partition, Routes, Subject, Target, Watched,
};
pub use permit::{Permit, Warrant};
pub use rules::{Loosened, Rules};
pub use why::{Denied, Why};
