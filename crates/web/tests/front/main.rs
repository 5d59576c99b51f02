//! Pages as stories, each over the real router and use cases.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attempts;
mod blocked;
mod breach;
mod browser;
mod campuses;
mod casework;
mod changes;
mod doors;
mod evidence;
mod hand;
mod need_to_know;
mod network;
mod roles;
mod signing_in;
mod slow;
mod supervision;
mod weeks;
mod work;
