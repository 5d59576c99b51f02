//! The frames of one direction of a WebSocket (RFC 6455): told apart as they arrive, text unmasked for
//! reading. Nothing is changed: what passes are the bytes that came.

/// The longest head of a frame.
const HEAD_MAX: usize = 14;
/// The longest payload of a control frame (section 5.5).
const CONTROL_MAX: u64 = 125;

/// What is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Bytes that are not read: binary messages, and whole control frames.
    Pass(&'a [u8]),
    /// Bytes of a text message as they came.
    Held(&'a [u8]),
    /// What they say.
    Text(&'a [u8]),
    /// The text message has ended.
    End,
}

/// The other side does not keep to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
    Control,
}

/// Tells the frames of one direction apart.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Whether frames must be masked: those of clients.
    masked: bool,
    head: Vec<u8>,
    /// The frame that is read: its kind, whether it is the last of its message, and what is to come.
    frame: Option<(Kind, bool, u64)>,
    mask: [u8; 4],
    mask_at: usize,
    /// The kind of the message that is open.
    message: Option<Kind>,
    /// A control frame as far as it has come.
    control: Vec<u8>,
    scratch: Vec<u8>,
}

impl Frames {
    /// Of a client (masked) or a server.
    pub(crate) fn new(masked: bool) -> Self {
        Self {
            masked,
            head: Vec::with_capacity(HEAD_MAX),
            frame: None,
            mask: [0; 4],
            mask_at: 0,
            message: None,
            control: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Whether part of a binary frame has passed and the rest is still to come: nothing may be put in
    /// between.
    pub(crate) fn is_inside_binary(&self) -> bool {
        matches!(self.frame, Some((Kind::Binary, ..)))
    }

    /// Whether a text frame is open.
    pub(crate) fn is_inside_text(&self) -> bool {
        matches!(self.frame, Some((Kind::Text, ..)))
    }

    /// Reads on.
    ///
    /// # Errors
    /// What no peer that keeps to the protocol sends; nothing more can be read then.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        put: &mut impl FnMut(Part<'_>),
    ) -> Result<(), Broken> {
        while let Some(byte) = bytes.first() {
            match self.frame {
                None => {
                    self.head.push(*byte);
                    bytes = &bytes[1..];
                    if self.head.len() == head_length(&self.head) {
                        self.begin(put)?;
                    }
                }
                Some((kind, last, left)) => {
                    let room = usize::try_from(left).unwrap_or(usize::MAX);
                    let (now, rest) = bytes.split_at(bytes.len().min(room));
                    bytes = rest;
                    self.payload(kind, now, put);
                    self.frame = Some((kind, last, left - now.len() as u64));
                    self.end_if_whole(put);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, put: &mut impl FnMut(Part<'_>)) -> Result<(), Broken> {
        let (first, second) = (self.head[0], self.head[1]);
        let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 || (second & 0x80 != 0) != self.masked {
            return Err(Broken);
        }
        let big = |bytes: &[u8]| bytes.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
        let left = match second & 0x7f {
            126 => big(&self.head[2..4]),
            127 => big(&self.head[2..10]),
            short => u64::from(short),
        };
        if left > u64::MAX >> 1 {
            return Err(Broken);
        }
        if self.masked {
            let mask = &self.head[self.head.len() - 4..];
            self.mask.copy_from_slice(mask);
        }
        self.mask_at = 0;
        let kind = match (opcode, self.message) {
            (0, Some(kind)) => kind,
            (1, None) => Kind::Text,
            (2, None) => Kind::Binary,
            (8..=10, _) if last && left <= CONTROL_MAX => Kind::Control,
            _ => return Err(Broken),
        };
        match kind {
            Kind::Control => self.control.extend_from_slice(&self.head),
            Kind::Text => put(Part::Held(&self.head)),
            Kind::Binary => put(Part::Pass(&self.head)),
        }
        if kind != Kind::Control {
            self.message = Some(kind);
        }
        self.head.clear();
        self.frame = Some((kind, last, left));
        self.end_if_whole(put);
        Ok(())
    }

    fn payload(&mut self, kind: Kind, bytes: &[u8], put: &mut impl FnMut(Part<'_>)) {
        match kind {
            Kind::Control => self.control.extend_from_slice(bytes),
            Kind::Binary => put(Part::Pass(bytes)),
            Kind::Text => {
                put(Part::Held(bytes));
                if !self.masked {
                    put(Part::Text(bytes));
                    return;
                }
                self.scratch.clear();
                for byte in bytes {
                    self.scratch.push(byte ^ self.mask[self.mask_at % 4]);
                    self.mask_at = (self.mask_at + 1) % 4;
                }
                put(Part::Text(&self.scratch));
            }
        }
    }

    fn end_if_whole(&mut self, put: &mut impl FnMut(Part<'_>)) {
        let Some((kind, last, 0)) = self.frame else {
            return;
        };
        self.frame = None;
        match kind {
            Kind::Control => {
                put(Part::Pass(&self.control));
                self.control.clear();
            }
            Kind::Text if last => put(Part::End),
            _ => {}
        }
        if last && kind != Kind::Control {
            self.message = None;
        }
    }
}

/// How long a head is that begins so; more than is there where that cannot be told yet.
fn head_length(head: &[u8]) -> usize {
    let Some(second) = head.get(1) else {
        return 2;
    };
    let length = match second & 0x7f {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    length + if second & 0x80 != 0 { 4 } else { 0 }
}

/// A close frame (section 5.5.1) with a status and a reason, cut to what fits; masked where a client
/// sends it.
pub(crate) fn close(status: u16, reason: &str, mask: Option<[u8; 4]>) -> Vec<u8> {
    let most = CONTROL_MAX as usize - 2;
    let reason = &reason[..reason.floor_char_boundary(most.min(reason.len()))];
    let mut payload = status.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    let length = u8::try_from(payload.len()).unwrap_or(0);
    let mut frame = vec![0x88, length];
    if let Some(mask) = mask {
        frame[1] |= 0x80;
        frame.extend_from_slice(&mask);
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte ^= mask[at % 4];
        }
    }
    frame.extend_from_slice(&payload);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
        let mut frame = vec![first];
        let bit = if mask.is_some() { 0x80 } else { 0 };
        match payload.len() {
            short @ 0..126 => frame.push(bit | u8::try_from(short).unwrap()),
            long => {
                frame.push(bit | 126);
                frame.extend(u16::try_from(long).unwrap().to_be_bytes());
            }
        }
        frame.extend(mask.into_iter().flatten());
        let mask = mask.unwrap_or_default();
        let masked = payload.iter().enumerate().map(|(at, b)| b ^ mask[at % 4]);
        frame.extend(masked);
        frame
    }

    type Read = (Vec<u8>, Vec<u8>, String, Result<(), Broken>);

    /// What passes at once, what is held, and what is said, with `|` where a message ends.
    fn read(masked: bool, pieces: &[&[u8]]) -> Read {
        let mut frames = Frames::new(masked);
        let (mut pass, mut held, mut said) = (Vec::new(), Vec::new(), Vec::new());
        let mut result = Ok(());
        for piece in pieces {
            result = result.and_then(|()| {
                frames.feed(piece, &mut |part| match part {
                    Part::Pass(bytes) => pass.extend_from_slice(bytes),
                    Part::Held(bytes) => held.extend_from_slice(bytes),
                    Part::Text(bytes) => said.extend_from_slice(bytes),
                    Part::End => said.push(b'|'),
                })
            });
        }
        (
            pass,
            held,
            String::from_utf8_lossy(&said).into_owned(),
            result,
        )
    }

    /// FIL-02: text is read through masks and fragments; control frames between them pass at once.
    #[test]
    fn fil_02_text_is_read_through_masks_and_fragments() {
        let mask = Some([1, 2, 3, 4]);
        let (first, ping, rest) = (
            frame(0x01, b"lucky cl", mask),
            frame(0x89, b"hi", mask),
            frame(0x80, b"am", mask),
        );
        let binary = frame(0x82, &[7; 300], mask);
        let all = [first.as_slice(), &ping, &rest, &binary].concat();
        for size in [1, 3, 1_000] {
            let pieces: Vec<&[u8]> = all.chunks(size).collect();
            let (pass, held, said, result) = read(true, &pieces);
            assert_eq!(pass, [ping.as_slice(), &binary].concat());
            assert_eq!(held, [first.as_slice(), &rest].concat());
            assert_eq!((said.as_str(), result), ("lucky clam|", Ok(())));
        }
        let long = frame(0x81, "sea ".repeat(100).as_bytes(), None);
        assert_eq!(read(false, &[&long]).2, format!("{}|", "sea ".repeat(100)));
        assert_eq!(read(false, &[&frame(0x81, b"", None)]).2, "|");
    }

    /// FIL-17: what two readers could understand differently ends the connection.
    #[test]
    fn fil_17_frames_out_of_order_are_refused() {
        let mask = Some([9, 8, 7, 6]);
        for (what, bytes) in [
            ("compressed", frame(0xc1, b"x", mask)),
            ("not masked", frame(0x81, b"x", None)),
            ("reserved", frame(0x83, b"x", mask)),
            ("nothing to go on with", frame(0x80, b"x", mask)),
            ("a control frame in pieces", frame(0x09, b"x", mask)),
            ("a long control frame", frame(0x89, &[0; 126], mask)),
            (
                "a message inside a message",
                [frame(0x01, b"x", mask), frame(0x81, b"y", mask)].concat(),
            ),
            (
                "a length beyond all",
                vec![0x82, 0xff, 255, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
            ),
        ] {
            assert_eq!(read(true, &[&bytes]).3, Err(Broken), "{what}");
        }
        assert_eq!(read(false, &[&frame(0x81, b"x", mask)]).3, Err(Broken));
    }

    #[test]
    fn a_close_frame_fits_its_bounds() {
        let plain = close(1008, &"\u{e9}".repeat(200), None);
        assert_eq!((plain[0], usize::from(plain[1])), (0x88, plain.len() - 2));
        assert_eq!(plain.len(), 2 + 2 + 122);
        let masked = close(1001, "", Some([1, 2, 3, 4]));
        assert_eq!(masked, [0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe9 ^ 2]);
        assert_eq!(read(true, &[&masked]).0, masked);
    }

    proptest! {
        /// FIL-17: where frames are cut changes nothing, every byte of what is read comes out once,
        /// and junk is no trouble.
        #[test]
        fn fil_17_cutting_frames_changes_nothing(bytes in prop::collection::vec(prop_oneof![Just(0x81_u8), Just(0x01), Just(0x80), Just(0x82), Just(0x89), 0..8_u8, any::<u8>()], 0..60), cut in 0_usize..60) {
            let cut = cut.min(bytes.len());
            for masked in [false, true] {
                let whole = read(masked, &[&bytes]);
                prop_assert_eq!(&read(masked, &[&bytes[..cut], &bytes[cut..]]), &whole);
                prop_assert!(whole.0.len() + whole.1.len() <= bytes.len());
            }
        }
    }
}
