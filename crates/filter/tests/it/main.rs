//! The decision, told as the requirements tell it.

mod hours;
mod identity;
mod kit;
mod modes;
mod order;
mod properties;
mod quiet;
