//! Forms as they arrive, `name=value&name=value`, and the texts at given places in their fields.

use std::sync::Arc;

use super::extract::Said;
use super::json::{Json, Out};
use super::place::{KEY_MAX, Places};

/// Reads a form as it arrives.
#[derive(Debug)]
pub(super) struct Form {
    places: Arc<Places>,
    /// The name of the field, cut behind [`KEY_MAX`] and one.
    name: Vec<u8>,
    field: Field,
    /// The digits of `%XX` read so far; the first byte is the sign.
    escape: Vec<u8>,
}

#[derive(Debug)]
enum Field {
    /// Its name is read.
    Name,
    /// Nothing is looked for in its value.
    Other,
    /// Its value is the text.
    Text,
    /// Its value is JSON.
    Json(Box<Json>),
}

impl Form {
    pub(super) fn new(places: &Arc<Places>) -> Self {
        Self {
            places: Arc::clone(places),
            name: Vec::new(),
            field: Field::Name,
            escape: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, mut text: &[u8], out: &mut Out<'_>) {
        while let Some((byte, rest)) = text.split_first() {
            if !self.escape.is_empty() {
                if !byte.is_ascii_hexdigit() {
                    let literal = std::mem::take(&mut self.escape);
                    self.put(&literal, out);
                    continue;
                }
                self.escape.push(*byte);
                if self.escape.len() == 3 {
                    let digits = std::str::from_utf8(&self.escape[1..]).unwrap_or("");
                    let code = u8::from_str_radix(digits, 16).unwrap_or(b' ');
                    self.escape.clear();
                    self.put(&[code], out);
                }
                text = rest;
                continue;
            }
            let run = text
                .iter()
                .take_while(|b| !matches!(b, b'%' | b'+' | b'&' | b'='))
                .count();
            if run > 0 {
                self.put(&text[..run], out);
                text = &text[run..];
                continue;
            }
            match (byte, &self.field) {
                (b'%', _) => self.escape.push(b'%'),
                (b'+', _) => self.put(b" ", out),
                (b'&', _) => self.end(out),
                (_, Field::Name) => self.begin(),
                _ => self.put(b"=", out),
            }
            text = rest;
        }
    }

    /// Ends the last field.
    pub(super) fn finish(&mut self, out: &mut Out<'_>) {
        let literal = std::mem::take(&mut self.escape);
        self.put(&literal, out);
        self.end(out);
    }

    fn begin(&mut self) {
        let live = self.places.of_field(Some(&self.name));
        let bare = self.places.bits(live, |place| place.steps.is_empty());
        self.field = if live == 0 {
            Field::Other
        } else if bare != 0 {
            Field::Text
        } else {
            Field::Json(Box::new(Json::new(&self.places, live)))
        };
    }

    fn put(&mut self, text: &[u8], out: &mut Out<'_>) {
        match &mut self.field {
            Field::Name => {
                let room = (KEY_MAX + 1).saturating_sub(self.name.len());
                self.name.extend_from_slice(&text[..text.len().min(room)]);
            }
            Field::Other => {}
            Field::Text if text.is_empty() => {}
            Field::Text => out(Said::Text(text)),
            Field::Json(json) => json.push(text, out),
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        if matches!(self.field, Field::Text) {
            out(Said::End);
        }
        self.field = Field::Name;
        self.name.clear();
    }
}
