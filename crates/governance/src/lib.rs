//! Clauses, controls, evidence and reviews.
