//! The table of hashes: buckets of one cache line, eight slots each.
//!
//! A slot holds the low 48 bits of a hash and a 16-bit tag (from 1); the bucket comes from the
//! high bits. A full bucket overflows into the next. Filled to seven tenths, an entry takes
//! 11.4 bytes and a look-up reads little more than one cache line.

/// Bytes of one bucket: one cache line.
pub(crate) const BUCKET_BYTES: usize = 64;
/// The furthest an entry may lie from its bucket: bounds the search whatever the bytes are. Filled
/// to seven tenths, tables stay below 20.
const PROBES_MAX: u32 = 1024;
const SLOTS: u64 = 8;
const SLOT_BYTES: usize = 8;
const TAG_BITS: u32 = 16;
const CHECK_MASK: u64 = u64::MAX >> TAG_BITS;

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
        let word = check_of(hash) << TAG_BITS | u64::from(tag);
        for step in 0..self.buckets.min(PROBES_MAX.into()) {
            let bucket = (first + step) % self.buckets;
            let start = usize::try_from(bucket).unwrap_or(usize::MAX) * BUCKET_BYTES;
            let Some(slots) = self.bytes.get_mut(start..start + BUCKET_BYTES) else {
                return false;
            };
            for slot in slots.as_chunks_mut::<SLOT_BYTES>().0 {
                if *slot == [0; SLOT_BYTES] {
                    *slot = word.to_le_bytes();
                    self.longest = self.longest.max(u32::try_from(step).unwrap_or(u32::MAX));
                    return true;
                }
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

    /// The tag stored with a hash. Reads at most `longest + 1` buckets, whatever the bytes are.
    #[inline]
    pub(crate) fn find(&self, hash: u64) -> Option<u16> {
        let count = self.buckets.len() as u64;
        let mut at = usize::try_from(bucket_of(hash, count)).ok()?;
        let check = check_of(hash);
        for _ in 0..=self.longest {
            let mut full = true;
            for slot in self.buckets.get(at)?.as_chunks::<SLOT_BYTES>().0 {
                let word = u64::from_le_bytes(*slot);
                if word >> TAG_BITS == check && word != 0 {
                    return Some((word & 0xFFFF) as u16);
                }
                full &= word != 0;
            }
            if !full {
                return None;
            }
            at += 1;
            if at == self.buckets.len() {
                at = 0;
            }
        }
        None
    }
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
