//! The texts in JSON: every string that is a value, with JSON inside strings read as well. What is
//! no JSON is read as text; nothing is refused.

use super::folder::Folder;

/// How deep JSON inside strings of JSON is followed.
const NESTED_MAX: u8 = 3;
/// How deep arrays and objects are told apart; deeper down every string is a value.
const DEPTH_MAX: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between strings.
    Between,
    /// In a string.
    In,
    /// Behind a backslash.
    Escape,
    /// In the digits of `\uXXXX`: how many are read, and their value.
    Code(u8, u16),
}

/// Reads JSON as it arrives.
#[derive(Debug)]
pub(super) struct Json {
    state: State,
    /// One bit for each open array or object: whether it is an object.
    open: Vec<bool>,
    /// How many are open beyond the bound.
    deeper: usize,
    /// Whether the next string in an object is a key, and whether the string that is read is one.
    key_next: bool,
    in_key: bool,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    leaf: Leaf,
    /// The key read last, cut short.
    key: Vec<u8>,
}

/// Names of keys that are read.
const KEY_MAX: usize = 24;

/// One text value: plain, or JSON again.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    begun: bool,
    nested: u8,
    json: Option<Box<Json>>,
}

impl Leaf {
    /// A value that stands so deep in strings.
    fn nested(nested: u8) -> Self {
        Self {
            nested,
            ..Self::default()
        }
    }

    /// Reads on.
    pub(super) fn push(&mut self, mut text: &[u8], out: &mut Folder) {
        if !self.begun {
            let skipped = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
            text = &text[skipped..];
            let Some(first) = text.first() else { return };
            self.begun = true;
            if matches!(first, b'{' | b'[') && self.nested < NESTED_MAX {
                self.json = Some(Box::new(Json::nested(self.nested + 1)));
            }
        }
        match &mut self.json {
            Some(json) => json.push(text, out),
            None => out.push(text),
        }
    }

    fn push_char(&mut self, c: char, out: &mut Folder) {
        if self.begun && self.json.is_none() {
            out.push_char(c);
        } else {
            let mut bytes = [0; 4];
            self.push(c.encode_utf8(&mut bytes).as_bytes(), out);
        }
    }

    /// Whether the value is JSON again.
    pub(super) fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// Ends the value; the next begins.
    pub(super) fn end(&mut self) {
        self.begun = false;
        self.json = None;
    }
}

impl Json {
    pub(super) fn new() -> Self {
        Self::nested(0)
    }

    fn nested(nested: u8) -> Self {
        Self {
            state: State::Between,
            open: Vec::new(),
            deeper: 0,
            key_next: false,
            in_key: false,
            high: None,
            leaf: Leaf::nested(nested),
            key: Vec::new(),
        }
    }

    /// Reads on; every value ends with a stop.
    pub(super) fn push(&mut self, text: &[u8], out: &mut Folder) {
        self.read(text, &mut |_, piece| match piece {
            Piece::Text(leaf, text) => leaf.push(text, out),
            Piece::Char(leaf, c) => leaf.push_char(c, out),
            Piece::Bare(text) => out.push(text),
            Piece::End => out.stop(),
        });
    }

    /// Reads on; `speaks` says of a key whether its value goes on where the last such value
    /// stopped, as the pieces of an answer do. Those go to `joined`, all else to `out`.
    pub(super) fn push_joined(
        &mut self,
        text: &[u8],
        speaks: impl Fn(&[u8]) -> bool,
        joined: &mut Folder,
        out: &mut Folder,
    ) {
        self.read(text, &mut |key, piece| {
            let speaks = speaks(key);
            match piece {
                Piece::Text(leaf, text) if speaks && !leaf.is_json() => joined.push(text),
                Piece::Char(leaf, c) if speaks && !leaf.is_json() => joined.push_char(c),
                Piece::Text(leaf, text) => leaf.push(text, out),
                Piece::Char(leaf, c) => leaf.push_char(c, out),
                Piece::Bare(text) => out.push(text),
                Piece::End if speaks => {}
                Piece::End => out.stop(),
            }
        });
    }

    fn read(&mut self, mut text: &[u8], put: &mut impl FnMut(&[u8], Piece<'_, '_>)) {
        while let Some((byte, rest)) = text.split_first() {
            match self.state {
                State::Between => {
                    let bare = text.iter().take_while(|b| is_bare(**b)).count();
                    if bare > 0 {
                        put(&self.key, Piece::Bare(&text[..bare]));
                        text = &text[bare..];
                        continue;
                    }
                    self.structure(*byte, put);
                }
                State::In => {
                    let run = text
                        .iter()
                        .take_while(|b| !matches!(b, b'"' | b'\\'))
                        .count();
                    if run > 0 {
                        self.string(&text[..run], put);
                        text = &text[run..];
                        continue;
                    }
                    if *byte == b'\\' {
                        self.state = State::Escape;
                    } else {
                        self.end_string(put);
                    }
                }
                State::Escape => self.escape(*byte, put),
                State::Code(count, value) => {
                    let Some(digit) = char::from(*byte).to_digit(16) else {
                        self.state = State::In;
                        continue;
                    };
                    let value = value << 4 | u16::try_from(digit).unwrap_or(0);
                    if count < 3 {
                        self.state = State::Code(count + 1, value);
                    } else {
                        self.state = State::In;
                        self.code(value, put);
                    }
                }
            }
            text = rest;
        }
    }

    fn structure(&mut self, byte: u8, put: &mut impl FnMut(&[u8], Piece<'_, '_>)) {
        put(&self.key, Piece::Bare(b" "));
        match byte {
            b'{' | b'[' if self.open.len() >= DEPTH_MAX => self.deeper += 1,
            b'{' | b'[' => {
                self.open.push(byte == b'{');
                self.key_next = byte == b'{';
            }
            b'}' | b']' if self.deeper > 0 => self.deeper -= 1,
            b'}' | b']' => {
                self.open.pop();
                self.key_next = false;
            }
            b',' => self.key_next = self.deeper == 0 && self.open.last() == Some(&true),
            b':' => self.key_next = false,
            b'"' => {
                self.in_key = self.key_next;
                if self.in_key {
                    self.key.clear();
                }
                self.state = State::In;
            }
            _ => {}
        }
    }

    fn string(&mut self, run: &[u8], put: &mut impl FnMut(&[u8], Piece<'_, '_>)) {
        self.lone(put);
        if self.in_key {
            let room = KEY_MAX - self.key.len().min(KEY_MAX);
            self.key.extend_from_slice(&run[..run.len().min(room)]);
        } else {
            put(&self.key, Piece::Text(&mut self.leaf, run));
        }
    }

    fn character(&mut self, c: char, put: &mut impl FnMut(&[u8], Piece<'_, '_>)) {
        if !self.in_key {
            put(&self.key, Piece::Char(&mut self.leaf, c));
        }
    }

    /// A first half without its second stands for nothing.
    fn lone(&mut self, put: &mut impl FnMut(&[u8], Piece<'_, '_>)) {
        if self.high.take().is_some() {
            self.character('\u{fffd}', put);
        }
    }

    fn escape(&mut self, byte: u8, put: &mut impl FnMut(&[u8], Piece<'_, '_>)) {
        self.state = State::In;
        let c = match byte {
            b'u' => {
                self.state = State::Code(0, 0);
                return;
            }
            b'n' | b'r' | b't' | b'f' | b'b' => ' ',
            byte if byte.is_ascii() => char::from(byte),
            _ => '\u{fffd}',
        };
        self.lone(put);
        self.character(c, put);
    }

    fn code(&mut self, code: u16, put: &mut impl FnMut(&[u8], Piece<'_, '_>)) {
        match (self.high.take(), code) {
            (Some(high), 0xdc00..=0xdfff) => {
                let pair = char::decode_utf16([high, code]).next();
                let c = pair.and_then(Result::ok).unwrap_or('\u{fffd}');
                self.character(c, put);
            }
            (lone, code) => {
                if lone.is_some() {
                    self.character('\u{fffd}', put);
                }
                if (0xd800..=0xdbff).contains(&code) {
                    self.high = Some(code);
                } else {
                    let c = char::from_u32(u32::from(code)).unwrap_or('\u{fffd}');
                    self.character(c, put);
                }
            }
        }
    }

    fn end_string(&mut self, put: &mut impl FnMut(&[u8], Piece<'_, '_>)) {
        self.lone(put);
        self.state = State::Between;
        if !self.in_key {
            self.leaf.end();
            put(&self.key, Piece::End);
        }
    }
}

/// What the reader finds.
enum Piece<'a, 't> {
    /// A run of a value.
    Text(&'a mut Leaf, &'t [u8]),
    /// An escaped character of a value.
    Char(&'a mut Leaf, char),
    /// Letters outside of strings, or a blank.
    Bare(&'t [u8]),
    /// A value has ended.
    End,
}

fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || !byte.is_ascii() || byte == b'\''
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(pieces: &[&[u8]]) -> String {
        let (mut json, mut out) = (Json::new(), Folder::new());
        for piece in pieces {
            json.push(piece, &mut out);
        }
        out.stop();
        let mut all = Vec::new();
        out.settle(|text| all.extend_from_slice(text));
        String::from_utf8_lossy(&all).replace('\n', "/")
    }

    /// FIL-02: values are read, keys are not, and JSON in strings is followed.
    #[test]
    fn fil_02_values_of_json_are_read() {
        for (json, wanted) in [
            (
                r#"{"key":"one two","b":["three",4,true]}"#,
                " one two / three / true / ",
            ),
            (
                r#"["k\u0061y", "a\nb\u00e9", "\ud83d\ude00x", "\ud83dx"]"#,
                " kay / a be / x / x / ",
            ),
            (r#"{"a":{"b":"c d"},"e":"f g"}"#, " c d / f g / "),
            (
                r#"["[[\"in ner\",\"{\\\"x\\\":\\\"most inner\\\"}\"]]"]"#,
                " in ner / most inner / ",
            ),
            ("plain words", " piain words / "),
            (r#"["[quote] words behind"]"#, " quote words behind / "),
            ("\"open", " open / "),
            ("]]}}\"x y\"", " x y / "),
        ] {
            assert_eq!(
                texts(&[json.as_bytes()]).replace(" /  / ", " / "),
                wanted,
                "{json}"
            );
        }
    }

    proptest! {
        /// FIL-02: where JSON is cut changes nothing, and junk is no trouble.
        #[test]
        fn fil_02_cutting_json_changes_nothing(text in r#"[\[\]{}:,"\\uab0d8 \u{e9}]{0,60}"#, cut in 0_usize..60) {
            let whole = text.as_bytes();
            let cut = cut.min(whole.len());
            prop_assert_eq!(texts(&[&whole[..cut], &whole[cut..]]), texts(&[whole]));
        }
    }
}
