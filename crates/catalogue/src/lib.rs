//! Names and URLs to category sets: canonical forms, list formats, the compiled file.
//!
//! Pure: this crate reads and writes byte slices. Files, maps and swaps live in `lists`.

mod address;
mod category;

pub use address::{Address, AddressError, Host};
pub use category::{CategoryId, CategorySet};
