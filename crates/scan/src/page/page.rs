//! Where the text of one page goes: two streams of words and one tally.

use super::compiled::Dictionaries;
use super::folder::Folder;
use super::lexicon::{Hit, Walk};
use super::tally::Tally;

/// Folded text is searched in pieces of about this size.
const PIECE: usize = 4096;

/// The words of one page.
#[derive(Debug)]
pub(super) struct Page {
    /// What is read from top to bottom.
    pub(super) body: Folder,
    /// What stands beside it: descriptions of pictures, key words, data.
    pub(super) aside: Folder,
    walks: [Walk; 2],
    pub(super) tally: Tally,
}

impl Page {
    pub(super) fn new() -> Self {
        Self {
            body: Folder::new(),
            aside: Folder::new(),
            walks: Default::default(),
            tally: Tally::default(),
        }
    }

    /// Searches what has gathered, once it is worth it.
    pub(super) fn settle_if_full(&mut self, dictionaries: &Dictionaries) {
        if self.body.len() + self.aside.len() > PIECE {
            self.settle(dictionaries);
        }
    }

    /// Searches what has gathered.
    pub(super) fn settle(&mut self, dictionaries: &Dictionaries) {
        let tally = &mut self.tally;
        let heard = &mut tally.heard;
        let [body, aside] = &mut self.walks;
        for (folder, walk, found) in [
            (&mut self.body, body, &mut tally.body),
            (&mut self.aside, aside, &mut tally.aside),
        ] {
            folder.settle(|text| {
                dictionaries.lexicon().read(walk, text, |hit| match hit {
                    Hit::Word(row) => heard.hear(dictionaries.voice(), row),
                    Hit::Phrase(phrase, end) => found.add(dictionaries, phrase, end),
                });
            });
        }
    }

    /// Ends the page.
    pub(super) fn finish(&mut self, dictionaries: &Dictionaries) {
        self.body.stop();
        self.aside.stop();
        self.settle(dictionaries);
    }

    pub(super) fn words(&self) -> u32 {
        self.body.words().saturating_add(self.aside.words())
    }
}
