//! Where the labels of a canonical name begin, found eight bytes at a time and without branches
//! that depend on the name: a processor that guesses wrong loses more time than all of this takes.

/// The dots of a name of at most 256 bytes, one bit each.
pub(crate) struct Dots([u64; WORDS]);

const WORDS: usize = 4;
const ONES: u64 = 0x0101_0101_0101_0101;
const LOW_SEVEN: u64 = 0x7F7F_7F7F_7F7F_7F7F;

impl Dots {
    /// Dots past byte 256 are left out; canonical names end before that.
    #[inline]
    pub(crate) fn of(name: &[u8]) -> Self {
        let mut bits = [0; WORDS];
        let eights = name.as_chunks::<8>().0;
        for (at, eight) in eights.iter().enumerate().take(8 * WORDS) {
            bits[at / 8 % WORDS] |= dots_of(u64::from_le_bytes(*eight)) << (at % 8 * 8);
        }
        let done = eights.len() * 8;
        match name.last_chunk::<8>() {
            // The last eight bytes once more: they overlap what was read and set the same bits.
            Some(last) if done < name.len() => {
                let (found, at) = (dots_of(u64::from_le_bytes(*last)), name.len() - 8);
                let (word, shift) = (at / 64, at % 64);
                if let Some(bits) = bits.get_mut(word) {
                    *bits |= found << shift;
                }
                if let (true, Some(bits)) = (shift > 56, bits.get_mut(word + 1)) {
                    *bits |= found >> (64 - shift);
                }
            }
            Some(_) => {}
            None => {
                for (at, byte) in name.iter().enumerate() {
                    bits[0] |= u64::from(*byte == b'.') << at;
                }
            }
        }
        Self(bits)
    }

    /// How many there are.
    #[inline]
    pub(crate) fn total(&self) -> u32 {
        self.0.iter().map(|bits| bits.count_ones()).sum()
    }
}

/// The places of the dots, from the first.
impl Iterator for Dots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        for (word, bits) in self.0.iter_mut().enumerate() {
            if *bits != 0 {
                let at = bits.trailing_zeros();
                *bits &= *bits - 1;
                return Some(word * 64 + usize::try_from(at).unwrap_or(0));
            }
        }
        None
    }
}

/// One bit for each of eight bytes that is a dot.
#[inline]
fn dots_of(eight: u64) -> u64 {
    let differs = eight ^ (ONES * u64::from(b'.'));
    // The high bit of each byte that is not zero, so that no byte's carry reaches the next.
    let others = ((differs & LOW_SEVEN) + LOW_SEVEN) | differs;
    let hits = !others >> 7 & ONES;
    // Gathers the lowest bit of each byte into the top byte.
    hits.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_found_wherever_they_stand() {
        let mut seed = 7u64;
        for len in 0..=255 {
            let name: Vec<u8> = (0..len)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    b".-a/\xAE\x2F\x2D\x00"[usize::try_from(seed >> 61).unwrap()]
                })
                .collect();
            let expected: Vec<usize> = (0..len).filter(|at| name[*at] == b'.').collect();
            assert_eq!(Dots::of(&name).total() as usize, expected.len());
            assert_eq!(Dots::of(&name).collect::<Vec<_>>(), expected);
        }
    }
}
