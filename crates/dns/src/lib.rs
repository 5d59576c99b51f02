//! Filtering resolver.
