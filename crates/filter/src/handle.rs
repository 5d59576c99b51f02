//! The handle that faces hold: one atomic load per request.

/// No lists or policy are in force yet: the face must refuse rather than let through (FIL-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the filter has no policy and lists in force yet")]
pub struct NotReady;

/// The live filter: the current snapshot and the address map.
#[derive(Debug, Default)]
pub struct Filter {}
