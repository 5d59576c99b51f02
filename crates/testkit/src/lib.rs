//! Fixed clock, fictional school, stand-in origins, real servers for tests.

pub mod origin;
pub mod postgres;
pub mod school;
pub mod tools;
