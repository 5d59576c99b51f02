//! The one hash of compiled files: rapidhash v3, named and versioned in the header.
//!
//! 64 bits with a seed of the data folder. Two names that share a hash are taken for one; with
//! `n` names in a file, a name that is not listed matches by accident with a chance of about
//! `n / 2^64` for each suffix looked up (4 million names: 2 in 10^13; a school of 10 million
//! look-ups of four labels a day waits some 300 years). See [`crate::Catalogue`].

use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// What the header calls this hash; another text there means another function.
pub(crate) const HASH_NAME: [u8; 16] = *b"rapidhash-v3\0\0\0\0";

/// The hash functions of one seed: one for hosts, one for paths, so that neither is ever taken for
/// the other.
#[derive(Debug, Clone)]
pub(crate) struct NameHash {
    hosts: RapidSecrets,
    paths: RapidSecrets,
}

impl NameHash {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            hosts: RapidSecrets::seed(seed),
            paths: RapidSecrets::seed(seed ^ 0x5061_7468_5365_6564),
        }
    }

    /// A canonical host or a suffix of one that begins at a label.
    #[inline]
    pub(crate) fn host(&self, suffix: &[u8]) -> u64 {
        rapidhash_v3_seeded(suffix, &self.hosts)
    }

    /// A folded path below the host with hash `host`.
    #[inline]
    pub(crate) fn url(&self, host: u64, path: &[u8]) -> u64 {
        let mut both = [0; 16];
        both[..8].copy_from_slice(&host.to_le_bytes());
        both[8..].copy_from_slice(&rapidhash_v3_seeded(path, &self.paths).to_le_bytes());
        rapidhash_v3_seeded(&both, &self.paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stored file must read the same after every upgrade of the hash crate.
    #[test]
    fn the_hash_is_pinned() {
        let hash = NameHash::new(7);
        assert_eq!(
            [
                hash.host(b"example.org"),
                hash.url(1, b"/games"),
                NameHash::new(8).host(b"a")
            ],
            [
                14_116_319_084_118_472_951,
                7_918_885_396_108_573_608,
                6_393_517_712_145_815_464
            ]
        );
    }
}
