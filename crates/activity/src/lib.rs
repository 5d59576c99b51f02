//! Storage port for activity events: the event, the query, the errors. No engine is named here.

mod desk;
mod event;
mod query;
mod store;
#[cfg(test)]
mod testing;
mod visit;

pub use desk::{BlockDesk, Blocked, ParseReferenceError, Reference};
pub use event::{
    Event, MAX_CATEGORIES, MAX_HOST, MAX_PATH, MAX_SEARCH, SEALED_HOST, Sink, action_word,
};
pub use query::{Counted, Cursor, Found, MAX_LIMIT, Query, Stored, Summary, Tally, contains};
pub use store::{Deleted, Retention, Status, Store, StoreError};
pub use visit::{Shown, Span, Visit, Visitor, WORKERS_MAX};
