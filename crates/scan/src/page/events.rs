//! The texts in server-sent events: data as JSON or as text. The pieces in which answers are
//! written out, `{"delta":{"text":"…"}}` and the like, are put together.

use super::json::Json;
use super::page::Page;

/// Keys under which services write out an answer piece by piece.
const SPEAKING: &[&[u8]] = &[
    b"text",
    b"content",
    b"parts",
    b"v",
    b"delta",
    b"value",
    b"token",
    b"answer",
    b"completion",
    b"response",
    b"message",
    b"output_text",
    b"generated_text",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the name of a field: how much of `data` is read; 5 for another name.
    Name(u8),
    /// At the first byte of data.
    Begin,
    /// In data.
    Data,
    /// In another field.
    Skip,
}

/// Reads a stream of events as it arrives.
#[derive(Debug)]
pub(super) struct Events {
    state: State,
    /// The data of the event: `None` before its first byte.
    json: Option<Json>,
    plain: bool,
}

impl Events {
    pub(super) fn new() -> Self {
        Self {
            state: State::Name(0),
            json: None,
            plain: false,
        }
    }

    pub(super) fn push(&mut self, mut text: &[u8], page: &mut Page) {
        while let Some((byte, rest)) = text.split_first() {
            match self.state {
                State::Name(read) => {
                    text = rest;
                    self.state = match byte {
                        b'\n' => {
                            if read == 0 {
                                self.end_event(page);
                            }
                            State::Name(0)
                        }
                        b'\r' => State::Name(read),
                        b':' if read == 4 => State::Begin,
                        b':' => State::Skip,
                        byte if b"data".get(usize::from(read)) == Some(byte) => {
                            State::Name(read + 1)
                        }
                        _ => State::Name(5),
                    };
                }
                State::Begin => {
                    self.state = State::Data;
                    if *byte == b' ' {
                        text = rest;
                    }
                }
                State::Data | State::Skip => {
                    let run = text.iter().take_while(|b| **b != b'\n').count();
                    if self.state == State::Data {
                        self.data(&text[..run], page);
                    }
                    if run < text.len() {
                        if self.state == State::Data {
                            self.data(b"\n", page);
                        }
                        self.state = State::Name(0);
                    }
                    text = text.get(run + 1..).unwrap_or(b"");
                }
            }
        }
    }

    fn data(&mut self, text: &[u8], page: &mut Page) {
        if self.json.is_none() && !self.plain {
            let Some(first) = text.iter().find(|b| !b.is_ascii_whitespace()) else {
                return;
            };
            if matches!(first, b'{' | b'[' | b'"') {
                self.json = Some(Json::new());
            } else {
                self.plain = true;
                page.body.gap();
            }
        }
        match &mut self.json {
            Some(json) => json.push_joined(
                text,
                |key| SPEAKING.contains(&key),
                &mut page.body,
                &mut page.aside,
            ),
            None => page.body.push(text),
        }
    }

    fn end_event(&mut self, page: &mut Page) {
        if self.plain {
            page.body.gap();
        }
        self.json = None;
        self.plain = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(pieces: &[&[u8]]) -> (String, String) {
        let (mut events, mut page) = (Events::new(), Page::new());
        pieces
            .iter()
            .for_each(|piece| events.push(piece, &mut page));
        let text = |folder: &mut super::super::folder::Folder| {
            folder.stop();
            let mut all = Vec::new();
            folder.settle(|text| all.extend_from_slice(text));
            let text = String::from_utf8_lossy(&all).replace('\n', "/");
            text.trim_matches([' ', '/']).to_owned()
        };
        (text(&mut page.body), text(&mut page.aside))
    }

    /// FIL-02: an answer that is written out piece by piece is read as one text.
    #[test]
    fn fil_02_an_answer_in_pieces_is_one_text() {
        let stream = "event: a\r\ndata: {\"type\":\"start\"}\r\n\r\ndata:{\"delta\":{\"text\":\"Hel\"}}\n\n: note\n\
            data: {\"choices\":[{\"delta\":{\"content\":\"lo wor\"}}]}\n\ndata: {\"v\":\"ld\"}\n\ndata: [DONE]\n\ndata: plain text\n\n";
        let (body, aside) = words(&[stream.as_bytes()]);
        assert_eq!(body, "heiio worid piain text");
        assert!(aside.starts_with("start"), "{aside}");
    }

    proptest! {
        /// FIL-02: where a stream is cut changes nothing.
        #[test]
        fn fil_02_cutting_a_stream_changes_nothing(
            text in "(data|: ?|\n|\r\n|\\{\"text\":\"|ab c|\"\\}|event|x|\\[){0,14}",
            cut in 0_usize..80,
        ) {
            let whole = text.as_bytes();
            let cut = cut.min(whole.len());
            prop_assert_eq!(words(&[&whole[..cut], &whole[cut..]]), words(&[whole]));
        }
    }
}
