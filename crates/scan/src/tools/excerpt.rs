//! The part of a prompt that is kept: not more than a search has, and the part that matters.

use crate::WatchList;

/// The longest excerpt, in bytes.
pub const EXCERPT_BYTES_MAX: usize = 480;

/// How far apart the parts of a long prompt begin that are looked at. Watch phrases are shorter
/// than what two neighbours have in common.
const STEP: usize = EXCERPT_BYTES_MAX / 2;

/// The beginning of a prompt, or the first part of it with the gravest of the words that are
/// watched for. White space is tidied.
pub fn excerpt(prompt: &str, watch: Option<&WatchList>) -> String {
    let tidy = tidied(prompt);
    if tidy.len() <= EXCERPT_BYTES_MAX {
        return tidy;
    }
    let begins = |at: usize| {
        let from = tidy.floor_char_boundary(at);
        let to = tidy.floor_char_boundary((from + EXCERPT_BYTES_MAX).min(tidy.len()));
        &tidy[from..to]
    };
    let gravest = watch.and_then(|watch| Some((watch, watch.gravest(&tidy)?.severity)));
    let part = gravest.and_then(|(watch, severity)| {
        (0..tidy.len()).step_by(STEP).map(begins).find(|part| {
            watch
                .gravest(part)
                .is_some_and(|found| found.severity == severity)
        })
    });
    part.unwrap_or_else(|| begins(0)).to_owned()
}

fn tidied(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() {
            if !tidied.is_empty() {
                tidied.push(' ');
            }
            tidied.push_str(word);
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MON-03: of a long prompt the part is kept that somebody should see.
    #[test]
    fn mon_03_the_part_that_matters_is_kept() {
        let watch =
            WatchList::parse("version 1\n[a notice]\ngrey rock\n[b urgent]\nsad otter").unwrap();
        assert_eq!(excerpt("  tide\n\ttimes ", Some(&watch)), "tide times");
        let calm = "calm sea ".repeat(2_000);
        let long = format!("a grey rock {calm} the sad otter {calm}");
        for (watch, wanted) in [(Some(&watch), "sad otter"), (None, "a grey rock")] {
            let kept = excerpt(&long, watch);
            assert!(kept.contains(wanted), "{kept}");
            assert!(kept.len() <= EXCERPT_BYTES_MAX);
        }
        let odd = "\u{e9}".repeat(1_000);
        assert!(excerpt(&odd, Some(&watch)).len() <= EXCERPT_BYTES_MAX);
    }
}
