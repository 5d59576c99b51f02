//! Columns whose texts repeat, as dictionaries.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;
use rapidhash::fast::RandomState;

use super::SegmentError;

/// One column of one batch: each text once, and for each row which one it is. Rows are sorted by
/// person, so that most texts are the one before.
#[derive(Default)]
pub(super) struct Words<'a> {
    texts: Vec<&'a str>,
    places: HashMap<&'a str, i32, RandomState>,
    rows: Vec<Option<i32>>,
    last: Option<(&'a str, i32)>,
}

impl<'a> Words<'a> {
    /// With room for so many different texts.
    pub(super) fn with_room(texts: usize) -> Self {
        Self {
            texts: Vec::with_capacity(texts),
            places: HashMap::with_capacity_and_hasher(texts, RandomState::default()),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, text: Option<&'a str>) {
        let Some(text) = text else {
            return self.rows.push(None);
        };
        if let Some((last, place)) = self.last
            && last == text
        {
            return self.rows.push(Some(place));
        }
        let next = self.texts.len() as i32;
        let place = *self.places.entry(text).or_insert(next);
        if place == next {
            self.texts.push(text);
        }
        self.last = Some((text, place));
        self.rows.push(Some(place));
    }

    pub(super) fn array(self) -> Result<ArrayRef, SegmentError> {
        let rows: Int32Array = self.rows.into();
        let texts = StringArray::from(self.texts);
        let array = DictionaryArray::<Int32Type>::try_new(rows, Arc::new(texts))?;
        Ok(Arc::new(array))
    }
}
