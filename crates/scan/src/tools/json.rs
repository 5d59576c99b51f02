//! JSON as it arrives, and the texts at given places in it. One value or several, one behind the
//! other, whatever stands between them: lines, lengths, a guard against scripts. Nothing is kept
//! but the way to where it reads; nothing is refused.

use std::sync::Arc;

use super::extract::Said;
use super::place::{GUARD_MAX, KEY_MAX, Place, Places, Step, guard_number};

/// How deep arrays and objects are followed; what stands deeper is passed over.
const DEPTH_MAX: usize = 64;
/// How deep JSON in strings of JSON is followed.
const NESTED_MAX: u8 = 4;

/// Takes what is found.
pub(super) type Out<'o> = dyn FnMut(Said<'_>) + 'o;

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

/// An array or object that is open.
#[derive(Debug)]
struct Frame {
    is_object: bool,
    /// The places that lead here, as bits.
    live: u32,
    /// The element that is read.
    index: u32,
    /// The field that is read, cut behind [`KEY_MAX`] and one.
    key: Vec<u8>,
    /// Whether the next string is a key.
    key_next: bool,
    /// The conditions that a field of this object has answered.
    notes: Vec<(u16, bool)>,
}

/// What is remembered of a place from value to value.
#[derive(Debug, Clone, Copy, Default)]
struct Memory {
    /// Bytes of the text already given out, where each value holds the whole of it.
    shown: usize,
    /// The last element that said something, where only the last counts.
    last: Option<u32>,
}

/// The value that is read.
#[derive(Debug, Default)]
struct Leaf {
    /// The places that it stands at.
    at: Option<usize>,
    /// Bytes of it still to be passed over.
    skip: usize,
    /// Its length so far.
    length: usize,
    /// It is JSON again.
    inner: Option<Box<Json>>,
    /// Its beginning, where a condition looks at it.
    note: Option<Vec<u8>>,
}

/// Reads JSON as it arrives.
#[derive(Debug)]
pub(super) struct Json {
    places: Arc<Places>,
    /// The places that begin here, and how many of their steps are done.
    root: u32,
    base: usize,
    nested: u8,
    state: State,
    frames: Vec<Frame>,
    /// How many are open beyond the bound.
    deeper: usize,
    in_key: bool,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    leaf: Leaf,
    memory: Vec<Memory>,
}

impl Json {
    /// A reader for these places among all.
    pub(super) fn new(places: &Arc<Places>, root: u32) -> Self {
        Self::inside(places, root, 0, 0)
    }

    fn inside(places: &Arc<Places>, root: u32, base: usize, nested: u8) -> Self {
        Self {
            places: Arc::clone(places),
            root,
            base,
            nested,
            state: State::Between,
            frames: Vec::new(),
            deeper: 0,
            in_key: false,
            high: None,
            leaf: Leaf::default(),
            memory: Vec::new(),
        }
    }

    /// Begins anew; what was said so far stays said.
    pub(super) fn restart(&mut self) {
        self.memory = self.take_memory();
        self.state = State::Between;
        self.frames.clear();
        self.deeper = 0;
        self.in_key = false;
        self.high = None;
        self.leaf = Leaf::default();
    }

    /// What is remembered lives in the innermost reader while that reads.
    fn take_memory(&mut self) -> Vec<Memory> {
        match self.leaf.inner.take() {
            Some(mut inner) => inner.take_memory(),
            None => std::mem::take(&mut self.memory),
        }
    }

    /// Reads on.
    pub(super) fn push(&mut self, mut text: &[u8], out: &mut Out<'_>) {
        while let Some((byte, rest)) = text.split_first() {
            match self.state {
                State::Between => self.structure(*byte, out),
                State::In => {
                    let run = text
                        .iter()
                        .take_while(|b| !matches!(b, b'"' | b'\\'))
                        .count();
                    if run > 0 {
                        self.lone(out);
                        self.text(&text[..run], out);
                        text = &text[run..];
                        continue;
                    }
                    if *byte == b'\\' {
                        self.state = State::Escape;
                    } else {
                        self.end_string(out);
                    }
                }
                State::Escape => self.escape(*byte, out),
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
                        self.code(value, out);
                    }
                }
            }
            text = rest;
        }
    }

    fn structure(&mut self, byte: u8, out: &mut Out<'_>) {
        match byte {
            b'{' | b'[' => self.open(byte == b'{'),
            b'}' | b']' if self.deeper > 0 => self.deeper -= 1,
            b'}' | b']' => {
                self.frames.pop();
            }
            b',' if self.deeper == 0 => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.index = frame.index.saturating_add(1);
                    frame.key_next = frame.is_object;
                }
            }
            b':' if self.deeper == 0 => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.key_next = false;
                }
            }
            b'"' => {
                self.state = State::In;
                self.in_key = false;
                if self.deeper > 0 {
                    return;
                }
                match self.frames.last_mut() {
                    Some(frame) if frame.key_next => {
                        frame.key.clear();
                        self.in_key = true;
                    }
                    _ => self.begin_value(out),
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, is_object: bool) {
        if self.deeper > 0 || self.frames.len() >= DEPTH_MAX {
            self.deeper += 1;
            return;
        }
        let live = self.live_here();
        self.frames.push(Frame {
            is_object,
            live,
            index: 0,
            key: Vec::new(),
            key_next: is_object,
            notes: Vec::new(),
        });
    }

    /// How many steps lead to a value in the innermost frame.
    fn depth(&self) -> usize {
        self.base + self.frames.len()
    }

    /// The places that lead to the value that begins here.
    fn live_here(&self) -> u32 {
        let Some(frame) = self.frames.last() else {
            return self.root;
        };
        if frame.live == 0 {
            return 0;
        }
        let step = self.depth() - 1;
        self.places
            .bits(frame.live, |place| match place.steps.get(step) {
                Some(Step::Key(key)) => frame.is_object && key.as_bytes() == frame.key,
                Some(Step::AnyKey) => frame.is_object,
                Some(Step::Index(index)) => !frame.is_object && *index == frame.index,
                Some(Step::AnyIndex | Step::Last) => !frame.is_object,
                Some(Step::Inside) | None => false,
            })
    }

    fn begin_value(&mut self, out: &mut Out<'_>) {
        let (live, depth) = (self.live_here(), self.depth());
        self.leaf = Leaf::default();
        if let Some(frame) = self.frames.last()
            && frame.is_object
            && self.places.looks_at(&frame.key)
        {
            self.leaf.note = Some(Vec::new());
        }
        if live == 0 {
            return;
        }
        let inside = self
            .places
            .bits(live, |place| place.steps.get(depth) == Some(&Step::Inside));
        if inside != 0 && self.nested < NESTED_MAX {
            let mut inner = Json::inside(&self.places, inside, depth + 1, self.nested + 1);
            inner.memory = std::mem::take(&mut self.memory);
            self.leaf.inner = Some(Box::new(inner));
            return;
        }
        let ends = self.places.bits(live, |place| place.steps.len() == depth);
        let Some(number) = self
            .places
            .numbers(ends)
            .find(|number| self.guards_hold(*number))
        else {
            return;
        };
        let Some(place) = self.places.get(number) else {
            return;
        };
        let (whole, element) = (place.whole, self.element(place));
        if self.memory.len() <= number {
            self.memory.resize(number + 1, Memory::default());
        }
        let memory = &mut self.memory[number];
        if let Some(element) = element {
            if memory.last.is_some_and(|last| last != element) {
                memory.shown = 0;
                out(Said::Again);
            }
            memory.last = Some(element);
        }
        self.leaf.at = Some(number);
        self.leaf.skip = if whole { memory.shown } else { 0 };
    }

    /// The element that is read at the step of which only the last counts.
    fn element(&self, place: &Place) -> Option<u32> {
        let step = place.steps.iter().position(|step| *step == Step::Last)?;
        let frame = self.frames.get(step.checked_sub(self.base)?)?;
        Some(frame.index)
    }

    /// Whether the conditions of a place hold: for each the nearest field that answers it.
    fn guards_hold(&self, number: usize) -> bool {
        let Some(place) = self.places.get(number) else {
            return false;
        };
        (0..place.guards.len()).all(|n| {
            let wanted = guard_number(number, n);
            let mut answers = self.frames.iter().rev().flat_map(|frame| &frame.notes);
            answers
                .find(|(guard, _)| *guard == wanted)
                .is_none_or(|(_, holds)| *holds)
        })
    }

    fn text(&mut self, run: &[u8], out: &mut Out<'_>) {
        if self.in_key {
            if let Some(frame) = self.frames.last_mut() {
                let room = (KEY_MAX + 1).saturating_sub(frame.key.len());
                frame.key.extend_from_slice(&run[..run.len().min(room)]);
            }
            return;
        }
        let leaf = &mut self.leaf;
        if let Some(note) = &mut leaf.note {
            let room = GUARD_MAX.saturating_sub(note.len());
            note.extend_from_slice(&run[..run.len().min(room)]);
        }
        if let Some(inner) = &mut leaf.inner {
            inner.push(run, out);
        }
        if leaf.at.is_some() {
            leaf.length += run.len();
            let skip = leaf.skip.min(run.len());
            leaf.skip -= skip;
            if skip < run.len() {
                out(Said::Text(&run[skip..]));
            }
        }
    }

    fn character(&mut self, c: char, out: &mut Out<'_>) {
        let mut bytes = [0; 4];
        self.text(c.encode_utf8(&mut bytes).as_bytes(), out);
    }

    /// A first half without its second stands for nothing.
    fn lone(&mut self, out: &mut Out<'_>) {
        if self.high.take().is_some() {
            self.character('\u{fffd}', out);
        }
    }

    fn escape(&mut self, byte: u8, out: &mut Out<'_>) {
        self.state = State::In;
        let c = match byte {
            b'u' => {
                self.state = State::Code(0, 0);
                return;
            }
            b'n' => '\n',
            b'r' | b't' | b'f' | b'b' => ' ',
            byte if byte.is_ascii() => char::from(byte),
            _ => '\u{fffd}',
        };
        self.lone(out);
        self.character(c, out);
    }

    fn code(&mut self, code: u16, out: &mut Out<'_>) {
        match (self.high.take(), code) {
            (Some(high), 0xdc00..=0xdfff) => {
                let pair = char::decode_utf16([high, code]).next();
                let c = pair.and_then(Result::ok).unwrap_or('\u{fffd}');
                self.character(c, out);
            }
            (lone, code) => {
                if lone.is_some() {
                    self.character('\u{fffd}', out);
                }
                if (0xd800..=0xdbff).contains(&code) {
                    self.high = Some(code);
                } else {
                    let c = char::from_u32(u32::from(code)).unwrap_or('\u{fffd}');
                    self.character(c, out);
                }
            }
        }
    }

    fn end_string(&mut self, out: &mut Out<'_>) {
        self.lone(out);
        self.state = State::Between;
        if self.in_key {
            self.in_key = false;
            return;
        }
        let mut leaf = std::mem::take(&mut self.leaf);
        if let Some(mut inner) = leaf.inner.take() {
            self.memory = inner.take_memory();
        }
        if let (Some(note), Some(frame)) = (leaf.note, self.frames.last_mut()) {
            for (number, guard) in self.places.guards() {
                if guard.key.as_bytes() == frame.key {
                    frame.notes.retain(|(known, _)| *known != number);
                    frame.notes.push((number, guard.holds(&note)));
                }
            }
        }
        if let Some(number) = leaf.at {
            if let Some(memory) = self.memory.get_mut(number) {
                memory.shown = memory.shown.max(leaf.length);
            }
            out(Said::End);
        }
    }
}
