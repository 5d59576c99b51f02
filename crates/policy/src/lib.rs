//! Subject, request, categories and time to a decision with reasons.
//!
//! Pure: no I/O, no clock.
//!
//! # The published order (FIL-06)
//!
//! The first layer that speaks decides; within a layer the strictest wins.
//!
//! 1. **Sealed** – mandatory lists of illegal material. Nothing lifts them (FIL-03).
//! 2. **Floor** – what the school's trust holds it to, where it has one. It only blocks; the help
//!    sites that it names itself it leaves alone.
//! 3. **Help** – help and reporting sites: always reachable (FIL-13).
//! 4. **School block** – the school's own and emergency blocks, known ways round the filter.
//! 5. **Personal** – a restriction for one person.
//! 6. **Exception** – approved, with an end. Silent for people in adult-led mode.
//! 7. **Lesson list** – a teacher's links for a class and a time; in adult-led mode only those of
//!    a session that an adult has opened.
//! 8. **Group** – categories, sites and search tools by group, hours and place. Adult-led mode
//!    blocks here everything that is left.
//! 9. **Default** – the mode's or the group's default.
//!
//! `warn` and `narrow` in the group layer temper, they never open: where only they spoke, the
//! default still counts and the stricter of both holds. So one more block, warning or narrowing
//! never widens what anybody can reach.
//!
//! An unknown user (FIL-17) gets every block of every group that pupils can be in, the strictest
//! mode, search and default of those groups, and no allowance of any group.

mod browsers;
mod compile;
mod decide;
mod decision;
mod extensions;
mod fallback;
mod files;
mod floor;
mod groups;
mod help;
mod hours;
mod inspection;
mod policy;
mod problem;
mod request;
mod rule;
mod scope;
mod sets;
mod sites;
pub mod spec;
mod steady;
mod subject;
mod tighten;
mod under_floor;

pub use browsers::Browser;
pub use compile::RULES_MAX;
pub use decision::{Action, Decision, Layer, Narrowing, Reason, UnknownAction, Weight, YouTube};
pub use extensions::{is_extension_name, store_file};
pub use fallback::{
    FailMode, KNOWN_SAFE, KNOWN_SAFE_CATEGORIES, NO_POLICY, fallback, known_safe_sites,
};
pub use files::{Antivirus, FileKind, FileKinds};
pub use floor::{FLOOR_AVOIDANCE_RULE, FLOOR_PARTS_MAX, FLOOR_SEARCH_RULE};
pub use help::{WELL_KNOWN_HELP, is_well_known_help};
pub use inspection::Tenant;
pub use policy::{
    AI_SIGNED_OUT_RULE, AI_WORKSPACE_RULE, BROWSERS_RULE, DOWNLOADS_RULE, EXTENSION_STORES_RULE,
    MAIL_CAP_RULE, NOTICE_RULE, PAGE_TEXT_RULE, Policy, SEARCH_TOOLS_RULE,
};
pub use problem::SpecProblem;
pub use request::{AiUse, Request, SearchSite, Vocabulary};
pub use spec::{PhaseMode, PolicySpec};
pub use steady::Whereabouts;
pub use subject::{Member, Subject};
pub use tighten::loosens;
pub use under_floor::{is_help_of, under_floor};
