//! The texts in what forms send: `application/x-www-form-urlencoded` and `multipart/form-data`.

use super::folder::Folder;
use super::json::Leaf;

/// Reads `name=value&name=value` as it arrives: the values.
#[derive(Debug, Default)]
pub(super) struct Form {
    in_value: bool,
    /// The digits of `%XX` read so far; the first byte is the sign.
    escape: Vec<u8>,
    leaf: Leaf,
}

impl Form {
    pub(super) fn push(&mut self, mut text: &[u8], out: &mut Folder) {
        while let Some((byte, rest)) = text.split_first() {
            if !self.escape.is_empty() {
                if byte.is_ascii_hexdigit() {
                    self.escape.push(*byte);
                    text = rest;
                    if self.escape.len() == 3 {
                        let digits = std::str::from_utf8(&self.escape[1..]).unwrap_or("");
                        let code = u8::from_str_radix(digits, 16).unwrap_or(b' ');
                        self.escape.clear();
                        self.put(&[code], out);
                    }
                } else {
                    let literal = std::mem::take(&mut self.escape);
                    self.put(&literal, out);
                }
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
            match byte {
                b'%' => self.escape.push(b'%'),
                b'+' => self.put(b" ", out),
                b'&' => self.end(out),
                _ if self.in_value => self.put(b"=", out),
                _ => self.in_value = true,
            }
            text = rest;
        }
    }

    /// Ends the last value.
    pub(super) fn finish(&mut self, out: &mut Folder) {
        let literal = std::mem::take(&mut self.escape);
        self.put(&literal, out);
        self.end(out);
    }

    fn put(&mut self, text: &[u8], out: &mut Folder) {
        if self.in_value {
            self.leaf.push(text, out);
        }
    }

    fn end(&mut self, out: &mut Folder) {
        self.leaf.end();
        out.stop();
        self.in_value = false;
    }
}

/// The longest header of a part that is read.
const HEADERS_MAX: usize = 4096;
/// The longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_MAX: usize = 70;

/// Reads the parts of a form as they arrive: fields, and files that are text.
#[derive(Debug)]
pub(super) struct Multipart {
    /// `--` and the boundary.
    edge: Vec<u8>,
    /// How much of the edge the line begins with; `None` once it begins otherwise.
    matched: Option<usize>,
    part: Part,
    headers: Vec<u8>,
    leaf: Leaf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Before the first part, or in one that is not read.
    Skip,
    /// On the rest of a line with the edge.
    Edge,
    Headers,
    Text,
}

impl Multipart {
    /// A reader for parts with this boundary between them.
    pub(super) fn new(boundary: &str) -> Self {
        let mut edge = b"--".to_vec();
        edge.extend(boundary.bytes().take(BOUNDARY_MAX));
        Self {
            edge,
            matched: Some(0),
            part: Part::Skip,
            headers: Vec::new(),
            leaf: Leaf::default(),
        }
    }

    pub(super) fn push(&mut self, mut text: &[u8], out: &mut Folder) {
        while let Some((byte, rest)) = text.split_first() {
            if let Some(matched) = self.matched {
                if self.edge.get(matched) == Some(byte) {
                    self.matched = Some(matched + 1);
                    if matched + 1 == self.edge.len() {
                        self.end(out);
                        self.part = Part::Edge;
                        self.matched = None;
                    }
                    text = rest;
                    continue;
                }
                self.matched = None;
                let begun = self.edge[..matched].to_vec();
                self.put(&begun, out);
            }
            let line = text.iter().position(|b| *b == b'\n');
            let read = line.map_or(text.len(), |end| end + 1);
            self.put(&text[..read], out);
            if line.is_some() {
                self.end_line();
            }
            text = &text[read..];
        }
    }

    /// Ends the last part.
    pub(super) fn finish(&mut self, out: &mut Folder) {
        if let Some(matched) = self.matched.take() {
            let begun = self.edge[..matched].to_vec();
            self.put(&begun, out);
        }
        self.end(out);
    }

    fn put(&mut self, text: &[u8], out: &mut Folder) {
        match self.part {
            Part::Skip | Part::Edge => {}
            Part::Headers => {
                let room = HEADERS_MAX - self.headers.len().min(HEADERS_MAX);
                self.headers
                    .extend_from_slice(&text[..text.len().min(room)]);
            }
            Part::Text => self.leaf.push(text, out),
        }
    }

    fn end_line(&mut self) {
        self.matched = Some(0);
        match self.part {
            Part::Edge => {
                self.headers.clear();
                self.part = Part::Headers;
            }
            Part::Headers if ends_empty(&self.headers) => {
                self.part = if is_text(&self.headers) {
                    Part::Text
                } else {
                    Part::Skip
                };
            }
            _ => {}
        }
    }

    fn end(&mut self, out: &mut Folder) {
        self.leaf.end();
        out.stop();
    }
}

/// Whether the last line of some headers is empty, or they are longer than is read.
fn ends_empty(headers: &[u8]) -> bool {
    headers.len() >= HEADERS_MAX
        || matches!(headers, b"\r\n" | b"\n")
        || headers.ends_with(b"\n\r\n")
        || headers.ends_with(b"\n\n")
}

/// Whether a part is a field, or a file that is text.
fn is_text(headers: &[u8]) -> bool {
    let headers = String::from_utf8_lossy(headers).to_ascii_lowercase();
    let kind = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-type:"))
        .map(str::trim);
    match kind {
        Some(kind) => kind.starts_with("text/") || kind.contains("json"),
        None => !headers.contains("filename"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(mut push: impl FnMut(&mut Folder)) -> String {
        let mut out = Folder::new();
        push(&mut out);
        out.stop();
        let mut all = Vec::new();
        out.settle(|text| all.extend_from_slice(text));
        let text = String::from_utf8_lossy(&all).replace('\n', "/");
        text.trim_matches([' ', '/']).to_owned()
    }

    fn form(pieces: &[&[u8]]) -> String {
        read(|out| {
            let mut form = Form::default();
            pieces.iter().for_each(|piece| form.push(piece, out));
            form.finish(out);
        })
    }

    fn multipart(pieces: &[&[u8]]) -> String {
        read(|out| {
            let mut form = Multipart::new("edge");
            pieces.iter().for_each(|piece| form.push(piece, out));
            form.finish(out);
        })
    }

    const PARTS: &str = "before\r\n--edge\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none two\r\n--edg e\r\n\
        --edge\r\nContent-Disposition: form-data; name=f; filename=\"x.png\"\r\nContent-Type: image/png\r\n\r\nhidden\r\n\
        --edge\r\nContent-Disposition: form-data; name=f; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\nthree\r\n\
        --edge\r\nContent-Disposition: form-data; name=j\r\n\r\n{\"k\":\"four\"}\r\n--edge--\r\nafter";

    /// FIL-02: what a pupil sends is read like what is sent to a pupil.
    #[test]
    fn fil_02_the_values_of_forms_are_read() {
        assert_eq!(
            form(&[b"name=one+two%21&x=k%65y%20&%zz&z=100%25+%4"]),
            "one two / key / 100 4"
        );
        assert_eq!(
            form(&[b"f.req=%5B%5B%22in%20ner%22%2C%22%5B%5C%22deep%20er%5C%22%5D%22%5D%5D&at=x1"]),
            "in ner / deep er / xi"
        );
        assert_eq!(
            multipart(&[PARTS.as_bytes()]),
            "one two edg e / three / four"
        );
    }

    proptest! {
        /// FIL-02: where a form is cut changes nothing.
        #[test]
        fn fil_02_cutting_a_form_changes_nothing(
            text in "[a-c&=+%2460{}\\[\\]\":]{0,60}",
            parts in "(--edge(--)?\r?\n|name|\r\n|\n|-|--ed|content-type: text/x|filename=|word ){0,12}",
            cut in 0_usize..80,
        ) {
            let pieces = |text: &str| {
                let cut = cut.min(text.len());
                (text.as_bytes()[..cut].to_vec(), text.as_bytes()[cut..].to_vec())
            };
            let (a, b) = pieces(&text);
            prop_assert_eq!(form(&[&a, &b]), form(&[text.as_bytes()]));
            let (a, b) = pieces(&parts);
            prop_assert_eq!(multipart(&[&a, &b]), multipart(&[parts.as_bytes()]));
        }
    }
}
