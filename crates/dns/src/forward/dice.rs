//! Random bits by the bucket: ids, ports and letter case are what a forger has to guess.

/// One worker's store of random bytes.
pub(crate) struct Dice {
    bytes: [u8; 1_024],
    at: usize,
}

impl Default for Dice {
    fn default() -> Self {
        let bytes = [0; 1_024];
        Self {
            at: bytes.len(),
            bytes,
        }
    }
}

impl Dice {
    /// `N` random bytes, each given out once. `None` where the system has none to give.
    pub(super) fn throw<const N: usize>(&mut self) -> Option<[u8; N]> {
        if self.at + N > self.bytes.len() {
            getrandom::fill(&mut self.bytes).ok()?;
            self.at = 0;
        }
        let thrown = self.bytes.get(self.at..self.at + N)?;
        self.at += N;
        thrown.try_into().ok()
    }
}
