//! Subject, request, categories and time to a decision with reasons.
//!
//! Pure: no I/O, no clock. One published order of rules (FIL-06):
//! sealed lists, help sites, school blocks, personal restrictions, approved exceptions, lesson
//! lists, group categories, default.

mod decision;

pub use decision::{Action, Decision, Layer, Narrowing, Reason, YouTube};
