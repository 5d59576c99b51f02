//! The procedures that come with Pharos.

use super::{Problem, Procedure};

const CONCERN: &str = include_str!("../../procedures/concern.toml");
const INDECENT_IMAGES: &str = include_str!("../../procedures/indecent-images.toml");
const FILTER_BREACH: &str = include_str!("../../procedures/filter-breach.toml");

/// The procedure for a concern that the lead has not classified yet.
///
/// # Errors
/// Never in a released build: a test reads every shipped procedure.
pub fn concern() -> Result<Procedure, Vec<Problem>> {
    Procedure::parse(CONCERN)
}

/// The procedure for a filtering breach.
///
/// # Errors
/// Never in a released build: a test reads every shipped procedure.
pub fn filter_breach() -> Result<Procedure, Vec<Problem>> {
    Procedure::parse(FILTER_BREACH)
}

/// Every shipped procedure: id and text.
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    &[
        ("concern", CONCERN),
        ("filter-breach", FILTER_BREACH),
        ("indecent-images", INDECENT_IMAGES),
    ]
}
