//! The one place where the use cases learn the time and draw randomness.

use jiff::Timestamp;
use uuid::Uuid;

/// Gives the time; fixed in tests.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A new id that sorts by the time it was made (UUID version 7).
pub(crate) fn new_uuid() -> Uuid {
    Uuid::now_v7()
}

/// Random bytes from the operating system.
///
/// # Errors
/// When the system has none to give, which on a running Linux does not happen.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], crate::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| {
        crate::Error::unavailable("the system gave no random numbers", &source)
    })?;
    Ok(bytes)
}
