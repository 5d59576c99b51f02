//! `dictionaries/*.txt`: a school's own dictionaries of page text, beside the shipped ones (FIL-02).

use std::collections::BTreeMap;
use std::sync::Arc;

use pharos_scan::{Dictionaries, Dictionary, holds_sets};

use crate::names::Names;
use crate::problem::{Place, Problems};
use crate::read::Cx;

/// A school's own dictionaries.
#[derive(Debug, Clone, Default)]
pub struct OwnDictionaries {
    /// Their texts by path inside the pack.
    pub texts: BTreeMap<String, String>,
    /// The shipped ones with the school's own; `None` where it has none.
    pub compiled: Option<Arc<Dictionaries>>,
}

impl PartialEq for OwnDictionaries {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl Eq for OwnDictionaries {}

/// Whether a file of a pack is one of these.
pub(crate) fn is_dictionary(path: &str) -> bool {
    path.strip_prefix("dictionaries/")
        .is_some_and(|name| name.ends_with(".txt") && !name.contains('/'))
}

/// Reads them, checks their categories, and puts them together with the shipped ones.
pub(crate) fn read_dictionaries(
    texts: BTreeMap<String, String>,
    names: &Names,
    problems: &mut Problems,
) -> OwnDictionaries {
    if texts.is_empty() {
        return OwnDictionaries::default();
    }
    for (file, text) in texts.iter().filter(|(file, _)| !holds_sets(file)) {
        if let Ok(dictionary) = Dictionary::parse(text) {
            let place = place_of(text);
            let mut cx = Cx { file, problems };
            names.category(place, "dictionary", &dictionary.category, &mut cx);
        }
    }
    let compiled = match Dictionaries::with_own(&texts) {
        Ok(compiled) => Some(Arc::new(compiled)),
        Err(wrong) => {
            for one in wrong {
                let line = u32::try_from(one.line).unwrap_or(u32::MAX);
                let place = Place { line, column: 1 };
                problems.error(&one.file, place, one.message, "");
            }
            None
        }
    };
    OwnDictionaries { texts, compiled }
}

/// The line that names the category.
fn place_of(text: &str) -> Place {
    let line = text
        .lines()
        .position(|line| line.trim().starts_with("dictionary "));
    Place {
        line: line.map_or(1, |line| u32::try_from(line + 1).unwrap_or(u32::MAX)),
        column: 1,
    }
}
