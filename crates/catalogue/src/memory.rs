//! The bytes a catalogue is read from, and how it says beforehand where it is going to read.

use std::fmt;
use std::sync::Arc;

/// Where a compiled file lies: a vector, a slice, or memory of `lists`.
pub trait Memory: AsRef<[u8]> {
    /// The bytes at each of these places are read soon: memory that can fetch ahead begins now. A
    /// hint and no more; a place past the end is left out.
    fn will_read(&self, _places: &[usize]) {}
}

impl Memory for Vec<u8> {}
impl Memory for &[u8] {}

/// Bytes that many threads share.
#[derive(Clone)]
pub struct SharedBytes(Arc<dyn Memory + Send + Sync>);

impl SharedBytes {
    /// Shares bytes.
    pub fn new(bytes: impl Memory + Send + Sync + 'static) -> Self {
        Self(Arc::new(bytes))
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl Memory for SharedBytes {
    fn will_read(&self, places: &[usize]) {
        self.0.will_read(places);
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedBytes({} bytes)", self.as_ref().len())
    }
}
