//! Storage port for activity events: the event, the query, the errors. No engine is named here.

mod event;

pub use event::{Event, Sink};
