//! The text of HTML while it streams past, found the way browsers find it: tags, comments, raw
//! text and references in their states, and nothing is an error.
//!
//! Where browsers would show a text and this reader would have to guess, it reads too much rather
//! than too little.

use super::entity;
use super::folder::Folder;
use super::json::Json;
use super::page::Page;
use super::tags::{self, Edge, Raw, Use};

/// The longest name of a tag or attribute that is told from others.
const NAME_MAX: usize = 24;
/// The longest value of an attribute that is read.
const VALUE_MAX: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    Reference,
    /// Behind `<`.
    Open,
    /// Behind `</`.
    OpenEnd,
    TagName,
    /// Between attributes.
    Tag,
    AttributeName,
    AfterAttributeName,
    BeforeValue,
    /// In a value, up to this quote; 0 for none.
    Value(u8),
    /// Behind `<!`.
    Declaration,
    /// In a comment: how far its end is read.
    Comment(u8),
    /// Up to the next `>`.
    Bogus,
    RawText,
    /// In raw text behind `<`.
    RawOpen,
}

/// How far a script has wrapped itself in `<!--` and `<script`: its end tag counts only outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escaped {
    No,
    Once,
    Twice,
}

/// Reads HTML or XML as it arrives.
#[derive(Debug)]
pub(super) struct Html {
    state: State,
    xml: bool,
    /// The name of the tag, or what stands behind `<` in raw text; small letters.
    name: Vec<u8>,
    closing: bool,
    attribute: Vec<u8>,
    value: Vec<u8>,
    uses: Use,
    /// The name and content of a `meta` tag.
    meta_name: Vec<u8>,
    meta_content: Vec<u8>,
    script_json: bool,
    raw: Raw,
    raw_name: Vec<u8>,
    escaped: Escaped,
    dashes: u8,
    reference: Vec<u8>,
    behind_reference: State,
    json: Json,
}

impl Html {
    /// A reader; XML knows no raw text.
    pub(super) fn new(xml: bool) -> Self {
        Self {
            state: State::Text,
            xml,
            name: Vec::new(),
            closing: false,
            attribute: Vec::new(),
            value: Vec::new(),
            uses: Use::Skip,
            meta_name: Vec::new(),
            meta_content: Vec::new(),
            script_json: false,
            raw: Raw::Skip,
            raw_name: Vec::new(),
            escaped: Escaped::No,
            dashes: 0,
            reference: Vec::new(),
            behind_reference: State::Text,
            json: Json::new(),
        }
    }

    /// Reads on.
    pub(super) fn push(&mut self, mut text: &[u8], page: &mut Page) {
        while !text.is_empty() {
            let read = self.step(text, page);
            text = &text[read.min(text.len())..];
        }
    }

    /// Ends the page: what was begun and may be text is read as text.
    pub(super) fn finish(&mut self, page: &mut Page) {
        match self.state {
            State::Reference => self.end_reference(&mut page.body),
            State::RawOpen => self.raw_text_behind_open(page),
            _ => {}
        }
        self.state = State::Text;
    }

    /// Reads at least one byte, or changes the state; how many bytes were read.
    fn step(&mut self, text: &[u8], page: &mut Page) -> usize {
        let byte = text[0];
        match self.state {
            State::Text => {
                let read = page.body.push_text(text);
                match text.get(read) {
                    Some(b'<') => self.state = State::Open,
                    Some(_) => self.begin_reference(State::Text),
                    None => return read,
                }
                read + 1
            }
            State::Reference => {
                if entity::goes_on(byte) && self.reference.len() < entity::NAME_MAX {
                    self.reference.push(byte);
                    return 1;
                }
                self.end_reference(&mut page.body);
                self.state = self.behind_reference;
                usize::from(byte == b';')
            }
            State::Open => self.open(text, page),
            State::OpenEnd => {
                if byte.is_ascii_alphabetic() {
                    self.begin_tag(true);
                    return self.tag_name(text, page);
                }
                self.state = if byte == b'>' {
                    State::Text
                } else {
                    State::Bogus
                };
                1
            }
            State::TagName => self.tag_name(text, page),
            State::Tag => self.in_tag(text, page),
            State::AttributeName => {
                if matches!(byte, b'>' | b'/' | b'=') || byte.is_ascii_whitespace() {
                    self.uses = match self.closing {
                        true => Use::Skip,
                        false => tags::attribute(&self.name, &self.attribute),
                    };
                    self.state = State::AfterAttributeName;
                    return 0;
                }
                take_name(text, &mut self.attribute, |b| {
                    matches!(b, b'>' | b'/' | b'=')
                })
            }
            State::AfterAttributeName => match byte {
                b'=' => {
                    self.state = State::BeforeValue;
                    1
                }
                byte if byte.is_ascii_whitespace() => 1,
                _ => {
                    self.state = State::Tag;
                    0
                }
            },
            State::BeforeValue => match byte {
                b'"' | b'\'' => {
                    self.value.clear();
                    self.state = State::Value(byte);
                    1
                }
                b'>' => {
                    self.state = State::Tag;
                    0
                }
                byte if byte.is_ascii_whitespace() => 1,
                _ => {
                    self.value.clear();
                    self.state = State::Value(0);
                    0
                }
            },
            State::Value(quote) => self.in_value(text, quote, page),
            State::Declaration => self.declaration(byte),
            State::Comment(dashes) => self.comment(text, dashes),
            State::Bogus => {
                let read = text.iter().position(|b| *b == b'>');
                if read.is_some() {
                    self.state = State::Text;
                }
                read.map_or(text.len(), |read| read + 1)
            }
            State::RawText => self.raw_text(text, page),
            State::RawOpen => self.raw_open(byte, page),
        }
    }

    fn open(&mut self, text: &[u8], page: &mut Page) -> usize {
        match text[0] {
            b'/' => self.state = State::OpenEnd,
            b'!' => {
                self.name.clear();
                self.state = State::Declaration;
            }
            b'?' => self.state = State::Bogus,
            byte if byte.is_ascii_alphabetic() => {
                self.begin_tag(false);
                return self.tag_name(text, page);
            }
            _ => {
                page.body.gap();
                self.state = State::Text;
                return 0;
            }
        }
        1
    }

    fn begin_tag(&mut self, closing: bool) {
        self.name.clear();
        self.closing = closing;
        self.meta_name.clear();
        self.meta_content.clear();
        self.script_json = false;
        self.state = State::TagName;
    }

    /// In the name of a tag, up to what ends it.
    fn tag_name(&mut self, text: &[u8], page: &mut Page) -> usize {
        let read = take_name(text, &mut self.name, |b| matches!(b, b'>' | b'/'));
        if read < text.len() {
            self.tag_named(page);
            self.state = State::Tag;
        }
        read
    }

    /// Between attributes: reads those that are whole, up to the end of the tag.
    fn in_tag(&mut self, text: &[u8], page: &mut Page) -> usize {
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            match byte {
                b'>' => {
                    self.end_tag(page);
                    return at + 1;
                }
                b'/' => {}
                byte if byte.is_ascii_whitespace() => {}
                byte => match self.whole_attribute(&text[at..], page) {
                    Some(read) => {
                        at += read;
                        continue;
                    }
                    None => {
                        self.attribute.clear();
                        self.attribute.push(byte.to_ascii_lowercase());
                        self.state = State::AttributeName;
                        return at + 1;
                    }
                },
            }
            at += 1;
        }
        at
    }

    /// An attribute that is there with its whole value in quotes, as most are; how many bytes were
    /// read. Any other goes through the states one by one.
    fn whole_attribute(&mut self, text: &[u8], page: &mut Page) -> Option<usize> {
        let mut small = [0; NAME_MAX];
        let mut length = 0;
        for (byte, small) in text.iter().zip(&mut small) {
            if matches!(byte, b'>' | b'/' | b'=') || byte.is_ascii_whitespace() {
                break;
            }
            *small = byte.to_ascii_lowercase();
            length += 1;
        }
        let (b"=", [quote @ (b'"' | b'\''), value @ ..]) =
            text.get(length..)?.split_at_checked(1)?
        else {
            return None;
        };
        let end = value.iter().position(|byte| byte == quote)?;
        self.uses = match self.closing {
            true => Use::Skip,
            false => tags::attribute(&self.name, &small[..length]),
        };
        if length == 0 || (self.uses != Use::Skip && end > VALUE_MAX) {
            return None;
        }
        if self.uses != Use::Skip {
            self.value.clear();
            self.value.extend_from_slice(&value[..end]);
            self.end_value(page);
        }
        Some(length + 2 + end + 1)
    }

    fn tag_named(&mut self, page: &mut Page) {
        match tags::edge(&self.name) {
            Edge::Joins if self.xml => page.body.stop(),
            Edge::Joins => {}
            Edge::Word => page.body.gap(),
            Edge::Phrase => page.body.stop(),
        }
    }

    fn end_tag(&mut self, page: &mut Page) {
        self.state = State::Text;
        if self.closing {
            return;
        }
        if self.name == b"meta" && tags::tells(&self.meta_name) {
            show(&self.meta_content, &mut page.aside);
        }
        if self.xml {
            return;
        }
        if let Some(raw) = tags::raw(&self.name) {
            self.raw = if self.script_json { Raw::Json } else { raw };
            self.json = Json::new();
            self.raw_name.clone_from(&self.name);
            if self.name == b"plaintext" {
                // Nothing ends it.
                self.raw_name = b">".to_vec();
            }
            self.escaped = Escaped::No;
            self.dashes = 0;
            self.state = State::RawText;
        }
    }

    fn in_value(&mut self, text: &[u8], quote: u8, page: &mut Page) -> usize {
        let ends = |b: &u8| match quote {
            0 => *b == b'>' || b.is_ascii_whitespace(),
            quote => *b == quote,
        };
        let end = text.iter().position(ends);
        let read = end.unwrap_or(text.len());
        if self.uses != Use::Skip {
            let room = VALUE_MAX - self.value.len().min(VALUE_MAX);
            self.value.extend_from_slice(&text[..read.min(room)]);
        }
        if end.is_none() {
            return read;
        }
        self.end_value(page);
        self.state = State::Tag;
        read + usize::from(quote != 0)
    }

    fn end_value(&mut self, page: &mut Page) {
        match self.uses {
            Use::Skip => {}
            Use::Show | Use::Value => show(&self.value, &mut page.aside),
            Use::Name => self.meta_name.clone_from(&self.value),
            Use::Content => self.meta_content.clone_from(&self.value),
            Use::Type => self.script_json = tags::is_json(&self.value),
        }
    }

    /// Behind `<!`: `--` begins a comment, `[CDATA[` only marks text, all else ends at `>`.
    fn declaration(&mut self, byte: u8) -> usize {
        self.name.push(byte);
        match &*self.name {
            b"--" => self.state = State::Comment(2),
            b"[CDATA[" => self.state = State::Text,
            begun if b"--".starts_with(begun) || b"[CDATA[".starts_with(begun) => {}
            _ => {
                self.state = State::Bogus;
                return usize::from(byte != b'>');
            }
        }
        1
    }

    /// In a comment: it ends at `-->` and at `--!>`, and at once at `<!-->` and `<!--->`. The
    /// number counts dashes up to two; 3 stands behind `--!`.
    fn comment(&mut self, text: &[u8], dashes: u8) -> usize {
        if dashes == 0 {
            let Some(read) = text.iter().position(|b| *b == b'-') else {
                return text.len();
            };
            self.state = State::Comment(1);
            return read + 1;
        }
        self.state = match (dashes, text[0]) {
            (2 | 3, b'>') => State::Text,
            (2, b'-') => State::Comment(2),
            (1, b'-') => State::Comment(2),
            (3, b'-') => State::Comment(1),
            (2, b'!') => State::Comment(3),
            _ => State::Comment(0),
        };
        1
    }

    fn raw_text(&mut self, text: &[u8], page: &mut Page) -> usize {
        if self.raw == Raw::Show {
            let read = page.body.push_text(text);
            match text.get(read) {
                Some(b'<') => {
                    self.name.clear();
                    self.state = State::RawOpen;
                }
                Some(_) => self.begin_reference(State::RawText),
                None => return read,
            }
            return read + 1;
        }
        if self.escaped != Escaped::No {
            // The end of a comment inside a script.
            match text[0] {
                b'-' => self.dashes = (self.dashes + 1).min(2),
                b'>' if self.dashes == 2 => self.escaped = Escaped::No,
                _ => self.dashes = 0,
            }
        }
        if text[0] == b'<' {
            self.name.clear();
            self.state = State::RawOpen;
            return 1;
        }
        let read = match self.escaped {
            Escaped::No => text.iter().position(|b| *b == b'<').unwrap_or(text.len()),
            Escaped::Once | Escaped::Twice => 1,
        };
        if self.raw == Raw::Json {
            self.json.push(&text[..read], &mut page.aside);
        }
        read
    }

    fn raw_open(&mut self, byte: u8, page: &mut Page) -> usize {
        let script = self.raw_name == b"script";
        let ends = byte == b'>' || byte == b'/' || byte.is_ascii_whitespace();
        let behind_slash = self.name.strip_prefix(b"/");
        if ends && behind_slash == Some(&self.raw_name) {
            if self.escaped != Escaped::Twice {
                self.begin_tag(true);
                self.name.clone_from(&self.raw_name);
                self.json = Json::new();
                self.tag_named(page);
                self.state = State::Tag;
                return 0;
            }
            self.escaped = Escaped::Once;
        } else if script && ends && self.name == b"script" && self.escaped == Escaped::Once {
            self.escaped = Escaped::Twice;
        } else if script && self.name == b"!-" && byte == b'-' {
            if self.escaped == Escaped::No {
                self.escaped = Escaped::Once;
            }
            self.raw_text_behind_open(page);
            self.dashes = 2;
            self.state = State::RawText;
            return 1;
        } else {
            self.name.push(byte.to_ascii_lowercase());
            let may_go_on = match &*self.name {
                [b'/', name @ ..] => self.raw_name.starts_with(name),
                begun => script && (b"script".starts_with(begun) || b"!--".starts_with(begun)),
            };
            if may_go_on {
                return 1;
            }
            self.name.pop();
        }
        self.raw_text_behind_open(page);
        self.state = State::RawText;
        0
    }

    /// What stood behind `<` was no tag.
    fn raw_text_behind_open(&mut self, page: &mut Page) {
        match self.raw {
            Raw::Skip => {}
            Raw::Show => {
                page.body.gap();
                page.body.push(&self.name);
            }
            Raw::Json => {
                self.json.push(b"<", &mut page.aside);
                self.json.push(&self.name, &mut page.aside);
            }
        }
        self.name.clear();
        self.dashes = 0;
    }

    fn begin_reference(&mut self, behind: State) {
        self.reference.clear();
        self.behind_reference = behind;
        self.state = State::Reference;
    }

    fn end_reference(&mut self, out: &mut Folder) {
        put_reference(&self.reference, out);
        self.reference.clear();
    }
}

/// Reads on in a name up to what ends it; how many bytes were read.
fn take_name(text: &[u8], name: &mut Vec<u8>, ends: impl Fn(u8) -> bool) -> usize {
    let run = text
        .iter()
        .take_while(|b| !b.is_ascii_whitespace() && !ends(**b))
        .count();
    // One byte more than is told apart, so that what is too long is no name that is known.
    let room = (NAME_MAX + 1).saturating_sub(name.len());
    let kept = text[..run.min(room)].iter();
    name.extend(kept.map(u8::to_ascii_lowercase));
    run
}

fn put_reference(name: &[u8], out: &mut Folder) {
    match entity::character(name) {
        Some(c) => out.push_char(c),
        None => {
            out.gap();
            out.push(name);
        }
    }
}

/// Text with references in it, whole.
fn show(mut text: &[u8], out: &mut Folder) {
    loop {
        let read = out.push_text(text);
        let Some((sign, rest)) = text[read..].split_first() else {
            return out.stop();
        };
        text = rest;
        if *sign != b'&' {
            out.gap();
            continue;
        }
        let length = text
            .iter()
            .take(entity::NAME_MAX)
            .take_while(|b| entity::goes_on(**b))
            .count();
        put_reference(&text[..length], out);
        text = &text[length..];
        if let Some(rest) = text.strip_prefix(b";") {
            text = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(pieces: &[&[u8]]) -> (String, String) {
        let (mut html, mut page) = (Html::new(false), Page::new());
        for piece in pieces {
            html.push(piece, &mut page);
        }
        html.finish(&mut page);
        let text = |folder: &mut Folder| {
            folder.stop();
            let mut all = Vec::new();
            folder.settle(|text| all.extend_from_slice(text));
            let text = String::from_utf8_lossy(&all).replace('\n', "/");
            text.trim_matches([' ', '/']).to_owned()
        };
        (text(&mut page.body), text(&mut page.aside))
    }

    fn body(html: &str) -> String {
        words(&[html.as_bytes()]).0
    }

    /// FIL-02: text is found as a reader sees it.
    #[test]
    fn fil_02_text_is_found_as_a_reader_sees_it() {
        for (html, wanted) in [
            ("<p>one<b>two</b> three</p><p>four", "onetwo three / four"),
            ("one<br>two six<!-- hidden --> ten", "one two six ten"),
            ("x<!-->seen", "xseen"),
            ("x<!--->seen", "xseen"),
            ("x<!-- --!>seen", "xseen"),
            ("x<!-- -- > hid --- >no-->seen", "xseen"),
            (
                "s&eacute;en &#107;ey k&#x65;y AT&T ox&amp;hen",
                "seen key key at t ox hen",
            ),
            ("k&shy;ey k&#8203;ey", "key key"),
            ("1 < 2 <3 </ hid> ok", "1 2 3 ok"),
            ("<a title=\"a>b\" href='>x'>ring</a>s", "rings"),
            ("<a title=no>yes</a>", "yes"),
            ("<!doctype html><?pi hid?><![CDATA[seen]]>", "seen"),
            ("<!>seen", "seen"),
            ("<B STYLE=x/>Seen", "seen"),
            ("<p", ""),
        ] {
            assert_eq!(body(html), wanted, "{html}");
        }
    }

    /// FIL-02: nothing that a browser shows can be hidden by unclosed comments in raw text.
    #[test]
    fn fil_02_raw_text_ends_where_browsers_end_it() {
        for (html, wanted) in [
            ("<script>hid</script>seen", "seen"),
            ("<SCRIPT>a</b</scrip></Script >seen", "seen"),
            ("<style><!-- </style>seen", "seen"),
            ("<title><!-- one <b>two</title>seen", "one b two / seen"),
            ("<textarea><!--</textarea>seen", "seen"),
            ("<noscript><!--</noscript>seen", "seen"),
            (
                "<script><!-- <script> </script> hid --></script>seen",
                "seen",
            ),
            ("<script><!-- <script></script> <!-- </script>seen", "seen"),
            ("<script><!--</script>seen", "seen"),
            ("<script><!--><script></script>seen", "seen"),
            ("<title>Fish &amp; chips</title>", "fish chips"),
            ("<iframe><p>hid</iframe>seen", "seen"),
            ("<plaintext>one</plaintext><!--two", "one piaintext two"),
        ] {
            assert_eq!(body(html), wanted, "{html}");
        }
    }

    /// FIL-02: what stands in attributes, meta lines and data is read beside the text.
    #[test]
    fn fil_02_attributes_meta_and_data_are_read() {
        let html = "<meta content='key words &amp; more' name=Description><meta name=viewport content=hid>\
            <img alt=\"a picture\"><input placeholder='your name' value=ok>wo<span title=t>rd</span>\
            <script type=\"application/ld+json\">{\"name\":\"data <b>here\"}</script>\
            <script type=text/javascript>\"hid\"</script>";
        let (body, aside) = words(&[html.as_bytes()]);
        assert_eq!(body, "word");
        assert_eq!(
            aside.replace("/  /", "/"),
            "key words more / a picture / your name / ok / t / data b here"
        );
    }

    proptest! {
        /// FIL-02: where HTML is cut changes nothing, and junk is no trouble.
        #[test]
        fn fil_02_cutting_html_changes_nothing(
            parts in proptest::collection::vec(prop_oneof![
                Just("<"), Just(">"), Just("</"), Just("<!--"), Just("-->"), Just("-"), Just("!"), Just("script"),
                Just("<script>"), Just("</script>"), Just(" type=application/json "), Just("<b"), Just("<title>"),
                Just("</title"), Just("&"), Just("&#x6b;"), Just(";"), Just("word"), Just(" "), Just("\""), Just("'"),
                Just("="), Just("alt"), Just("<meta name=description content="), Just("<![CDATA["), Just("\u{e9}"), Just("{"),
            ], 0..24),
            cut in 0_usize..120,
        ) {
            let whole = parts.concat().into_bytes();
            let cut = cut.min(whole.len());
            prop_assert_eq!(words(&[&whole[..cut], &whole[cut..]]), words(&[&whole]));
        }
    }
}
