//! The words of the domain: people, roles, year groups, identity, typed ids.
//!
//! Everything else in the workspace stands on this crate. It does no I/O, reads no clock and
//! knows no storage: a name here means the same in code, database, page and manual.

mod id;
mod identity;
mod mac;
mod people;
mod year;

pub use id::{
    AlertId, CaseId, CheckId, ClassId, EntryId, NoticeId, ParseIdError, PersonId, RequestId,
};
pub use identity::{Confidence, Face, IdentitySource, Unknown, Who};
pub use mac::{Mac, NotAMac};
pub use people::{Class, Person, Role, Standing, UnknownRole};
pub use year::{ParseYearError, YearBand, YearGroup};
