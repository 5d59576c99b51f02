//! Sealing: notes, case entries, contacts, secrets and backups are encrypted before they reach the
//! database or the disk (PRIV-04, PRIV-08).
//!
//! Three layers of keys, all AES-256-GCM:
//! - a fresh **data key** for every sealed value, wrapped beside it;
//! - the **school key**, which wraps data keys; it has a number, and older ones are kept so that
//!   what they sealed can be opened until it is sealed anew ([`Vault::reseal`]);
//! - the **master key**, which wraps the school keys in the [key ring](Vault::ring). The operator
//!   holds it, as a file that only they can read. Without it nothing can be opened.
//!
//! Each value is bound to its [`Place`] (table, row, column) and to the number of its school key: a
//! sealed value copied elsewhere does not open. Keys are wiped from memory when dropped and never
//! appear in `Debug` output.

mod error;
mod key;
mod stream;
mod value;
mod vault;

pub use error::Error;
pub use key::{KEY_FILE_NAME, MasterKey};
pub use stream::{CHUNK_BYTES, Opener, Sealer};
pub use value::Place;
pub use vault::{Vault, read_ring, write_ring};
