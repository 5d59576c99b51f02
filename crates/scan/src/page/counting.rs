//! What lines and words come to by how often they stand on a page and by how long it is: for the scan, and
//! for the fit of the weights that it scans with.

/// So often a line counts, by different words or the same.
pub(super) const COUNTED_MAX: u8 = 8;
/// What so many times come to, in quarters: in full, then half, then a quarter each.
const QUARTERS: [i32; COUNTED_MAX as usize + 1] = [0, 4, 6, 7, 8, 9, 10, 11, 12];

/// No page is taken for shorter than so many words.
pub const WORDS_LEAST: u32 = 25;
/// A longer page weighs less by this power of its length: ten times the words halve a score of lines.
pub const LINES_POWER: f64 = 0.3;
/// So many words have pages that the words' weights were fitted to; a longer page weighs less.
const WORDS_USUAL: f64 = 60.0;
/// How a page's length counts for its words: as the square root twice over would, nearly.
const WORDS_POWER: f64 = 0.7;

/// So much of the shipped lines counts where the vocabulary is believed in full: its words tell better. Lines of a school's
/// own count in full. In thousandths.
pub const LINES_BESIDE_WORDS: i32 = 100;

/// What a line that was found so many times comes to, in quarters of its weight.
pub fn quarters(times: u8) -> i32 {
    QUARTERS[usize::from(times.min(COUNTED_MAX))]
}

/// By what the words of a page of so many are multiplied.
pub fn words_factor(words: u32) -> f64 {
    (WORDS_USUAL / f64::from(words.max(WORDS_LEAST))).powf(WORDS_POWER)
}
