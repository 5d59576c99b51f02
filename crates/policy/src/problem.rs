//! What is wrong in a policy as written.

use std::fmt;

/// One thing that is wrong, with the path to the field: all of them are reported in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecProblem {
    /// The field, such as `rules[2].categories[0]` or `groups.sixth-form.except[0]`.
    pub path: String,
    /// What is wrong and what to do, as a sentence without full stop.
    pub message: String,
}

impl fmt::Display for SpecProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl std::error::Error for SpecProblem {}
