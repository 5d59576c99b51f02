//! The table of hashes: buckets of one cache line, eight slots each.
//!
//! A slot holds the low 47 bits of a hash and a 16-bit tag (from 1); the bucket comes from the
//! high bits. The top bit of a bucket's first slot says that the bucket was full when one more
//! entry wanted in: that entry is in a bucket after it. Filled to seven tenths, an entry takes
//! 11.4 bytes, and nine in ten look-ups end with the first cache line, found or not. Slots are
//! compared without branches: which of them holds an entry cannot be guessed.

/// Bytes of one bucket: one cache line.
pub(crate) const BUCKET_BYTES: usize = 64;
/// The furthest an entry may lie from its bucket: bounds the search whatever the bytes are. Filled
/// to seven tenths, tables stay below 20.
const PROBES_MAX: u32 = 1024;
const SLOTS: u64 = 8;
const SLOT_BYTES: usize = 8;
const TAG_BITS: u32 = 16;
/// In a bucket's first slot: entries of this bucket lie in the next one.
const OVERFLOWED: u64 = 1 << 63;
const CHECK_MASK: u64 = u64::MAX >> (TAG_BITS + 1);

/// Buckets for so many entries, filled to seven tenths: fuller ones save little memory and overflow
/// more often, which costs look-ups a second cache line.
pub(crate) fn buckets_for(entries: u64) -> u64 {
    (entries * 10).div_ceil(SLOTS * 7).max(1)
}

#[inline]
fn bucket_of(hash: u64, buckets: u64) -> u64 {
    // Multiply and shift spreads the high 32 bits over any number of buckets, in hash order.
    ((hash >> 32) * buckets) >> 32
}

#[inline]
fn check_of(hash: u64) -> u64 {
    hash & CHECK_MASK
}

/// A table being filled, in place at the end of the file's bytes.
pub(crate) struct Filling<'a> {
    bytes: &'a mut [u8],
    buckets: u64,
    longest: u32,
}

impl<'a> Filling<'a> {
    /// `bytes` are zeroes, one or more whole buckets.
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        let buckets = (bytes.len() / BUCKET_BYTES) as u64;
        Self {
            bytes,
            buckets,
            longest: 0,
        }
    }

    /// Puts an entry in; `false` when the table is full. `tag` is not 0.
    pub(crate) fn insert(&mut self, hash: u64, tag: u16) -> bool {
        let first = bucket_of(hash, self.buckets);
        let new = check_of(hash) << TAG_BITS | u64::from(tag);
        for step in 0..self.buckets.min(PROBES_MAX.into()) {
            let bucket = (first + step) % self.buckets;
            let start = usize::try_from(bucket).unwrap_or(usize::MAX) * BUCKET_BYTES;
            let Some(bucket) = self.bytes.get_mut(start..start + BUCKET_BYTES) else {
                return false;
            };
            let slots = bucket.as_chunks_mut::<SLOT_BYTES>().0;
            for slot in slots.iter_mut() {
                let word = u64::from_le_bytes(*slot);
                if word & !OVERFLOWED == 0 {
                    *slot = (word | new).to_le_bytes();
                    self.longest = self.longest.max(u32::try_from(step).unwrap_or(u32::MAX));
                    return true;
                }
            }
            if let Some(slot) = slots.first_mut() {
                *slot = (u64::from_le_bytes(*slot) | OVERFLOWED).to_le_bytes();
            }
        }
        false
    }

    /// How many buckets past its own the furthest entry lies.
    pub(crate) fn longest(&self) -> u32 {
        self.longest
    }
}

/// A filled table, read in place.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    buckets: &'a [[u8; BUCKET_BYTES]],
    longest: u32,
}

impl<'a> Table<'a> {
    /// A table over whole buckets; bytes after the last whole one are not looked at.
    pub(crate) fn new(bytes: &'a [u8], longest: u32) -> Self {
        Self {
            buckets: bytes.as_chunks::<BUCKET_BYTES>().0,
            longest: longest.min(PROBES_MAX),
        }
    }

    /// Where in the table's bytes a hash is looked for first.
    #[inline]
    pub(crate) fn place(&self, hash: u64) -> usize {
        self.bucket(hash) * BUCKET_BYTES
    }

    #[inline]
    fn bucket(&self, hash: u64) -> usize {
        usize::try_from(bucket_of(hash, self.buckets.len() as u64)).unwrap_or(0)
    }

    /// The tag stored with a hash. Reads at most `longest + 1` buckets, whatever the bytes are.
    #[inline]
    pub(crate) fn find(&self, hash: u64) -> Option<u16> {
        let found = look(self.buckets.get(self.bucket(hash))?, check_of(hash));
        match found {
            (0, false) => None,
            (0, true) => self.find_further(hash),
            (tag, _) => Some(tag),
        }
    }

    #[inline(never)]
    fn find_further(&self, hash: u64) -> Option<u16> {
        let mut at = self.bucket(hash);
        for _ in 0..self.longest {
            at += 1;
            if at >= self.buckets.len() {
                at = 0;
            }
            match look(self.buckets.get(at)?, check_of(hash)) {
                (0, false) => return None,
                (0, true) => {}
                (tag, _) => return Some(tag),
            }
        }
        None
    }
}

/// The tag of a hash in one bucket, 0 when it is not there, and whether it may be in a later one.
#[inline]
fn look(bucket: &[u8; BUCKET_BYTES], check: u64) -> (u16, bool) {
    let slots = bucket.as_chunks::<SLOT_BYTES>().0;
    let mut tag = 0;
    let mut first = 0;
    for (n, slot) in slots.iter().enumerate() {
        let word = u64::from_le_bytes(*slot);
        if n == 0 {
            first = word;
        }
        // What is left of an equal check is the tag alone.
        let rest = (word & !OVERFLOWED) ^ (check << TAG_BITS);
        tag |= if rest >> TAG_BITS == 0 { rest } else { 0 };
    }
    ((tag & 0xFFFF) as u16, first & OVERFLOWED != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_is_found_and_nothing_else() {
        let hashes: Vec<u64> = (1u64..=5000)
            .map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .collect();
        let mut bytes = vec![0; usize::try_from(buckets_for(5000)).unwrap() * BUCKET_BYTES];
        let mut filling = Filling::new(&mut bytes);
        for (n, hash) in hashes.iter().enumerate() {
            assert!(filling.insert(*hash, (n % 60_000 + 1) as u16));
        }
        let longest = filling.longest();
        let table = Table::new(&bytes, longest);
        for (n, hash) in hashes.iter().enumerate() {
            assert_eq!(table.find(*hash), Some((n % 60_000 + 1) as u16));
            assert_eq!(table.find(hash ^ 1), None);
        }
    }

    #[test]
    fn a_table_without_a_free_slot_ends_the_search() {
        let bytes = vec![0xFF; 4 * BUCKET_BYTES];
        assert_eq!(Table::new(&bytes, u32::MAX).find(3), None);
        let mut bytes = vec![0; BUCKET_BYTES];
        let mut filling = Filling::new(&mut bytes);
        assert!((1..=8).all(|n| filling.insert(n, 1)));
        assert!(!filling.insert(9, 1));
    }
}
