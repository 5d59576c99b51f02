//! Texts that were read before and in which nothing was found. Many readers open the same page, and
//! reading it takes several times what all the rest of its way through takes.
//!
//! A text is known again by a keyed hash over all its bytes, how they are to be read, against which
//! dictionaries and for which band. Whoever writes pages does not know the key, which lives as long as
//! the process, and so cannot make a bad page that passes for a good one. Nothing of a text is kept
//! but its hash, and nothing of who read it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::Bytes;
use pharos_scan::{AgeBand, Dictionaries};
use quick_cache::sync::Cache;

/// The hash of a text: of 128 bits.
type Mark = [u8; 16];

/// What texts were read, bounded.
pub(crate) struct KnownTexts {
    key: LessSafeKey,
    clean: Cache<Mark, ()>,
    dictionaries: Mutex<Numbered>,
}

/// Dictionaries that were in force, each with a number that no others get.
#[derive(Default)]
struct Numbered {
    /// Held weakly: what nobody uses any more goes, and its place in memory is not taken by others
    /// before it is forgotten here.
    known: Vec<(Weak<Dictionaries>, u64)>,
    next: u64,
}

/// How a text is read.
pub(crate) struct Manner {
    /// The header `Content-Type`.
    pub(crate) media: Box<[u8]>,
    /// The header `Content-Encoding`.
    pub(crate) coding: Box<str>,
    pub(crate) band: AgeBand,
    pub(crate) dictionaries: Arc<Dictionaries>,
}

impl KnownTexts {
    /// None known yet, and at most so many.
    ///
    /// # Errors
    /// The library refuses the key.
    pub(crate) fn new(key: &[u8; 16], most: usize) -> Result<Self, aws_lc_rs::error::Unspecified> {
        Ok(Self {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key)?),
            clean: Cache::new(most),
            dictionaries: Mutex::default(),
        })
    }

    /// The number of these dictionaries.
    fn number(&self, dictionaries: &Arc<Dictionaries>) -> u64 {
        let all = &mut *self
            .dictionaries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut known = all.known.iter();
        let found =
            known.find(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(dictionaries)));
        if let Some((_, number)) = found {
            return *number;
        }
        all.known.retain(|(known, _)| known.strong_count() > 0);
        all.next += 1;
        all.known.push((Arc::downgrade(dictionaries), all.next));
        all.next
    }

    /// The mark of a whole text; `None` where none can be made.
    pub(crate) fn mark<'a>(
        &self,
        manner: &Manner,
        pieces: impl Iterator<Item = &'a Bytes> + Clone,
    ) -> Option<Mark> {
        let length: usize = pieces.clone().map(Bytes::len).sum();
        let (media, coding) = (&manner.media, manner.coding.as_bytes());
        let mut all = Vec::with_capacity(32 + media.len() + coding.len() + length);
        all.extend_from_slice(&self.number(&manner.dictionaries).to_le_bytes());
        all.push(manner.band as u8);
        // Each with its length, so that no two manners and texts come to the same bytes.
        for part in [&media[..], coding] {
            all.extend_from_slice(&(part.len() as u64).to_le_bytes());
            all.extend_from_slice(part);
        }
        pieces.for_each(|piece| all.extend_from_slice(piece));
        // GMAC: nothing is encrypted, and no tag leaves this process, so that one nonce does.
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let sealed = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(all), &mut []);
        sealed.ok()?.as_ref().try_into().ok()
    }

    /// Whether this text was read before and nothing found in it.
    pub(crate) fn is_clean(&self, mark: &Mark) -> bool {
        self.clean.get(mark).is_some()
    }

    /// Nothing was found in this text.
    pub(crate) fn found_clean(&self, mark: Mark) {
        self.clean.insert(mark, ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pharos_scan::Sets;

    fn fresh() -> Arc<Dictionaries> {
        Arc::new(Dictionaries::compile(&[], &Sets::default()).unwrap())
    }

    fn manner(media: &str, coding: &str, band: AgeBand, against: &Arc<Dictionaries>) -> Manner {
        Manner {
            media: media.as_bytes().into(),
            coding: coding.into(),
            band,
            dictionaries: Arc::clone(against),
        }
    }

    /// FIL-02: a text is known again however it is cut, and never where a byte of it, how it is
    /// read, for whom or against what is another.
    #[test]
    fn fil_02_a_text_is_known_by_every_byte_and_how_it_is_read() {
        let texts = KnownTexts::new(&[7; 16], 8).unwrap();
        let mark = |manner: &Manner, pieces: &[&'static str]| {
            let pieces: Vec<Bytes> = pieces.iter().map(|piece| Bytes::from(*piece)).collect();
            texts.mark(manner, pieces.iter()).unwrap()
        };
        let (one, two) = (fresh(), fresh());
        let html = manner("text/html", "", AgeBand::Prep, &one);
        let whole = mark(&html, &["a calm sea"]);
        assert!(!texts.is_clean(&whole));
        texts.found_clean(whole);
        assert!(texts.is_clean(&mark(&html, &["a ", "", "calm sea"])));
        for other in ["a calm se", "a calm seA", "a calm sea ", ""] {
            assert!(!texts.is_clean(&mark(&html, &[other])), "{other:?}");
        }
        for other in [
            manner("text/plain", "", AgeBand::Prep, &one),
            manner("text/htm", "l", AgeBand::Prep, &one),
            manner("text/html", "gzip", AgeBand::Prep, &one),
            manner("text/html", "", AgeBand::Early, &one),
            manner("text/html", "", AgeBand::Prep, &two),
        ] {
            assert!(!texts.is_clean(&mark(&other, &["a calm sea"])));
        }
        let other_key = KnownTexts::new(&[8; 16], 8).unwrap();
        let sea = Bytes::from("a calm sea");
        assert_ne!(other_key.mark(&html, [&sea].into_iter()), Some(whole));
    }

    /// FIL-02: dictionaries that are put in the place of others are never taken for them.
    #[test]
    fn fil_02_each_dictionaries_have_a_number_of_their_own() {
        let texts = KnownTexts::new(&[7; 16], 8).unwrap();
        let (one, two) = (fresh(), fresh());
        let (first, second) = (texts.number(&one), texts.number(&two));
        assert_ne!(first, second);
        assert_eq!(texts.number(&one), first);
        drop(one);
        let mut seen = vec![first, second];
        for _ in 0..20 {
            let next = texts.number(&fresh());
            assert!(!seen.contains(&next), "{next} of {seen:?}");
            seen.push(next);
        }
        assert_eq!(texts.number(&two), second);
        assert!(texts.dictionaries.lock().unwrap().known.len() <= 2);
    }
}
