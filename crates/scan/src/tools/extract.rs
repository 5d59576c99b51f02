//! Prompts and answers out of bodies: JSON, forms with JSON in them, and server-sent events.

use std::sync::Arc;

use super::form::Form;
use super::json::{Json, Out};
use super::place::Places;
use crate::Kind;

/// What is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// More of a text, in UTF-8; it may be cut anywhere, even inside a character.
    Text(&'a [u8]),
    /// The text has ended; the next follows it, for answers without a gap.
    End,
    /// What was found so far does not count: a later element takes its place.
    Again,
}

/// Finds the texts of one body as it arrives. The same is found however the body is cut.
#[derive(Debug)]
pub struct Extract(Shape);

#[derive(Debug)]
enum Shape {
    /// Nothing is looked for.
    Nothing,
    Json(Json),
    Events(Events),
    Form(Form),
}

impl Extract {
    /// For a body of this kind. Whatever is neither a form nor events is taken for JSON: many
    /// tools send JSON as plain text.
    pub(super) fn new(places: &Arc<Places>, kind: &Kind) -> Self {
        Self(match kind {
            _ if places.is_empty() => Shape::Nothing,
            Kind::Multipart(_) => Shape::Nothing,
            Kind::Form => Shape::Form(Form::new(places)),
            Kind::Events => Shape::Events(Events {
                json: Json::new(places, places.of_field(None)),
                state: Line::Name(0),
            }),
            _ => Shape::Json(Json::new(places, places.of_field(None))),
        })
    }

    /// Reads on.
    pub fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        match &mut self.0 {
            Shape::Nothing => {}
            Shape::Json(json) => json.push(bytes, out),
            Shape::Events(events) => events.push(bytes, out),
            Shape::Form(form) => form.push(bytes, out),
        }
    }

    /// Ends the body, or one message of several: the next begins anew.
    pub fn finish(&mut self, out: &mut Out<'_>) {
        match &mut self.0 {
            Shape::Nothing => {}
            Shape::Json(json) => json.restart(),
            Shape::Events(events) => events.json.restart(),
            Shape::Form(form) => form.finish(out),
        }
    }
}

/// Server-sent events: the data of each is JSON.
#[derive(Debug)]
struct Events {
    json: Json,
    state: Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// In the name of a field: how much of `data` is read; 5 for another name.
    Name(u8),
    Data,
    Skip,
}

impl Events {
    fn push(&mut self, mut text: &[u8], out: &mut Out<'_>) {
        while let Some((byte, rest)) = text.split_first() {
            match self.state {
                Line::Name(read) => {
                    text = rest;
                    self.state = match byte {
                        b'\n' => {
                            // An empty line ends the event.
                            if read == 0 {
                                self.json.restart();
                            }
                            Line::Name(0)
                        }
                        b'\r' => Line::Name(read),
                        b':' if read == 4 => Line::Data,
                        b':' => Line::Skip,
                        byte if b"data".get(usize::from(read)) == Some(byte) => {
                            Line::Name(read + 1)
                        }
                        _ => Line::Name(5),
                    };
                }
                Line::Data | Line::Skip => {
                    let run = text.iter().take_while(|b| **b != b'\n').count();
                    if self.state == Line::Data {
                        self.json.push(&text[..run], out);
                    }
                    if run < text.len() {
                        self.state = Line::Name(0);
                    }
                    text = text.get(run + 1..).unwrap_or(b"");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::place;
    use super::*;

    fn places(written: &[&str]) -> Arc<Places> {
        let mut places = Places::default();
        for text in written {
            places.add(place::parse(text).unwrap()).unwrap();
        }
        Arc::new(places)
    }

    /// The texts found: `|` where one ends, `<` where those before do not count.
    fn found(written: &[&str], kind: &Kind, pieces: &[&[u8]]) -> String {
        let mut extract = Extract::new(&places(written), kind);
        let mut all = Vec::new();
        let mut take = |said: Said<'_>| match said {
            Said::Text(text) => all.extend_from_slice(text),
            Said::End => all.push(b'|'),
            Said::Again => all.push(b'<'),
        };
        for piece in pieces {
            extract.push(piece, &mut take);
        }
        extract.finish(&mut take);
        String::from_utf8_lossy(&all).into_owned()
    }

    fn json(written: &[&str], text: &str) -> String {
        found(written, &Kind::Json, &[text.as_bytes()])
    }

    /// FIL-02: texts are found where the adapter says, and nowhere else.
    #[test]
    fn fil_02_texts_are_found_at_their_places() {
        for (place, text, wanted) in [
            (
                "prompt",
                r#"{"a":"no","prompt":"ye\u0073","b":{"prompt":"no"}}"#,
                "yes|",
            ),
            (
                "messages[].content.parts[]",
                r#"{"messages":[{"id":"x","content":{"parts":["one",{"t":"no"},"two"]}},{"content":{"parts":["three"]}}]}"#,
                "one|two|three|",
            ),
            (
                "messages[-1].content",
                r#"{"messages":[{"role":"user","content":"old"},{"content":"new"}],"content":"no"}"#,
                "old|<new|",
            ),
            (
                "[1]![0][0]",
                r#"[null,"[[\"h\\\"i \\u00e9\",0],[\"en\"]]","no"]"#,
                "h\"i \u{e9}|",
            ),
            (
                "a.*.t",
                r#"{"a":{"x":{"t":"1"},"y":{"t":"2","u":"3"}}}"#,
                "1|2|",
            ),
            ("t", r#"{"deep":[[[["t"]]]],"t":"x"}"#, "x|"),
            (".", r#""alone""#, "alone|"),
            ("r", "{\"r\":\"a\"}\n{\"r\":\"b\"}\n", "a|b|"),
            (
                "[0].t",
                ")]}'\n\n12\n[{\"t\":\"a\"}]\n7\n[{\"t\":\"b\"}]",
                "a|b|",
            ),
            (
                "text where event=send",
                r#"{"event":"send","text":"a"}{"event":"ping","text":"b"}"#,
                "a|",
            ),
            (
                "c[].text where event=send",
                r#"{"event":"send","c":[{"type":"x","text":"a"}]}"#,
                "a|",
            ),
        ] {
            assert_eq!(json(&[place], text), wanted, "{place} in {text}");
        }
    }

    /// FIL-02: an answer in patches is put together; other patches are not taken for it.
    #[test]
    fn fil_02_patches_of_an_answer_are_put_together() {
        let written = ["v where p=*/parts/*", "v[].v where p=*/parts/*"];
        let stream = "event: delta\ndata: {\"p\":\"/message/content/parts/0\",\"o\":\"append\",\"v\":\"Hel\"}\n\n\
             data: {\"v\":\"lo\"}\r\n\r\ndata: {\"p\":\"/message/status\",\"v\":\"done\"}\n\n\
             data: {\"v\":[{\"p\":\"/m/parts/0\",\"v\":\"!\"},{\"p\":\"/m/end\",\"v\":\"x\"}]}\n\ndata: [DONE]\n\n";
        assert_eq!(
            found(&written, &Kind::Events, &[stream.as_bytes()]),
            "Hel|lo|!|"
        );
    }

    /// FIL-02: where each event holds the whole answer so far, what is new is read once.
    #[test]
    fn fil_02_what_is_repeated_is_read_once() {
        let stream = "data: {\"m\":\"a sad\"}\n\ndata: {\"m\":\"a sad ot\"}\n\ndata: {\"m\":\"a sad otter\"}\n\n";
        assert_eq!(
            found(&["whole m"], &Kind::Events, &[stream.as_bytes()]),
            "a sad| ot|ter|"
        );
        let nested = r#"["[\"a sad\"]"]["[\"a sad otter\"]"]"#;
        assert_eq!(json(&["whole [0]![0]"], nested), "a sad| otter|");
    }

    /// FIL-02: JSON in a field of a form, and a field that is the text.
    #[test]
    fn fil_02_forms_are_read() {
        let form = "at=x&f.req=%5Bnull%2C%22%5B%5B%5C%22hi+there%5C%22%5D%5D%22%5D&q=a+b%26c&q2=no";
        assert_eq!(
            found(
                &["field f.req [1]![0][0]", "field q ."],
                &Kind::Form,
                &[form.as_bytes()]
            ),
            "hi there|a b&c|"
        );
    }

    #[test]
    fn what_is_broken_or_very_deep_does_no_harm() {
        assert_eq!(json(&["a"], "{\"a\":\"x"), "x");
        assert_eq!(json(&["a"], "]]}}{\"a\":\"x\"}"), "x|");
        let deep = format!("{}\"x\"{}{{\"a\":\"y\"}}", "[".repeat(200), "]".repeat(200));
        assert_eq!(json(&["a"], &deep), "y|");
    }

    proptest! {
        /// FIL-02: where a body is cut changes nothing, and junk is no trouble.
        #[test]
        fn fil_02_cutting_changes_nothing(text in r#"([\[\]{}:,!\\u0d8]|"|data: |\n|"v":|"p":"/parts/0",|f=|&|%5b|\u{e9}){0,40}"#, cut in 0_usize..80) {
            let written = ["v where p=*/parts/*", "whole v[].v", "[-1]", "[0]![0]", "*.v", "field f [0]"];
            let whole = text.as_bytes();
            let cut = cut.min(whole.len());
            for kind in [Kind::Json, Kind::Events, Kind::Form] {
                prop_assert_eq!(
                    found(&written, &kind, &[&whole[..cut], &whole[cut..]]),
                    found(&written, &kind, &[whole])
                );
            }
        }
    }
}
