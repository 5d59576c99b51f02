//! The strict reading of chunked framing (RFC 9112, section 7.1): the bytes are passed on as they
//! are, only their sense is followed to find where the body ends.

/// Longest chunk-size line with its extensions, and longest trailer section, in bytes.
const LINE_MOST: usize = 4 * 1024;

/// The chunks break the rules; the connection cannot be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadChunk;

/// Where in a chunked body the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunks {
    state: State,
    line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size { value: u64, digits: u8 },
    Extension { value: u64, cr: bool },
    Data(u64),
    DataCr,
    DataLf,
    Trailer { empty: bool, cr: bool },
}

impl Chunks {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Size {
                value: 0,
                digits: 0,
            },
            line: 0,
        }
    }

    /// Follows the bytes; how many belong to the body, and whether it ends with them.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Result<(usize, bool), BadChunk> {
        let mut at = 0;
        while at < bytes.len() {
            if let State::Data(left) = self.state {
                let take = usize::try_from(left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len() - at);
                at += take;
                self.state = match left - take as u64 {
                    0 => State::DataCr,
                    left => State::Data(left),
                };
                continue;
            }
            let byte = bytes[at];
            at += 1;
            self.line += 1;
            if self.line > LINE_MOST {
                return Err(BadChunk);
            }
            if self.step(byte)? {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    fn step(&mut self, byte: u8) -> Result<bool, BadChunk> {
        self.state = match (self.state, byte) {
            (State::Size { value, digits }, digit) if digit.is_ascii_hexdigit() && digits < 15 => {
                let digit = u64::from(char::from(digit).to_digit(16).unwrap_or(0));
                State::Size {
                    value: value << 4 | digit,
                    digits: digits + 1,
                }
            }
            (State::Size { value, digits: 1.. }, b'\r') => State::Extension { value, cr: true },
            (State::Size { value, digits: 1.. }, b';') => State::Extension { value, cr: false },
            (State::Extension { value, cr: true }, b'\n') => {
                self.line = 0;
                if value == 0 {
                    State::Trailer {
                        empty: true,
                        cr: false,
                    }
                } else {
                    State::Data(value)
                }
            }
            (State::Extension { value, cr: false }, b'\r') => State::Extension { value, cr: true },
            (State::Extension { cr: false, .. }, other) if other >= b' ' || other == b'\t' => {
                self.state
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.line = 0;
                State::Size {
                    value: 0,
                    digits: 0,
                }
            }
            (State::Trailer { empty, cr: true }, b'\n') => {
                if empty {
                    return Ok(true);
                }
                State::Trailer {
                    empty: true,
                    cr: false,
                }
            }
            (State::Trailer { empty, cr: false }, b'\r') => State::Trailer { empty, cr: true },
            (
                State::Trailer {
                    empty: true,
                    cr: false,
                },
                b' ' | b'\t',
            ) => return Err(BadChunk),
            (State::Trailer { cr: false, .. }, other) if other >= b' ' || other == b'\t' => {
                State::Trailer {
                    empty: false,
                    cr: false,
                }
            }
            _ => return Err(BadChunk),
        };
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// FIL-01: chunked framing that another reader could take differently is refused.
    #[test]
    fn fil_01_bad_chunks_are_refused() {
        for (text, wanted) in [
            ("4\r\nabcd\r\n0\r\n\r\n", Ok((14, true))),
            ("4;x=1\r\nabcd\r\n0\r\nA: b\r\n\r\nGET", Ok((24, true))),
            ("4\r\nab", Ok((5, false))),
            ("\r\n", Err(BadChunk)),
            ("g\r\n", Err(BadChunk)),
            ("0x4\r\n", Err(BadChunk)),
            ("-4\r\n", Err(BadChunk)),
            (" 4\r\n", Err(BadChunk)),
            ("4 \r\n", Err(BadChunk)),
            ("4\nabcd", Err(BadChunk)),
            ("4\r\nabcde\r\n", Err(BadChunk)),
            ("4\r\nabcd\n0\r\n\r\n", Err(BadChunk)),
            ("4;a\nb\r\n", Err(BadChunk)),
            ("0\r\nA: b\n\r\n", Err(BadChunk)),
            ("0\r\n folded\r\n\r\n", Err(BadChunk)),
            ("ffffffffffffffff\r\n", Err(BadChunk)),
        ] {
            assert_eq!(Chunks::new().follow(text.as_bytes()), wanted, "{text:?}");
        }
        let long = format!("4;{}\r\n", "x".repeat(LINE_MOST));
        assert_eq!(Chunks::new().follow(long.as_bytes()), Err(BadChunk));
    }

    proptest! {
        #[test]
        fn pieces_do_not_change_the_reading(sizes in proptest::collection::vec(1_usize..40, 0..6), cut in 0_usize..200) {
            let mut text = String::new();
            for size in sizes {
                text += &format!("{size:x}\r\n{}\r\n", "a".repeat(size));
            }
            text += "0\r\n\r\n";
            let cut = cut.min(text.len());
            let mut chunks = Chunks::new();
            let (first, done) = chunks.follow(&text.as_bytes()[..cut]).unwrap();
            prop_assert_eq!((first, done), (cut, cut == text.len()));
            if !done {
                prop_assert_eq!(chunks.follow(&text.as_bytes()[cut..]), Ok((text.len() - cut, true)));
            }
        }
    }
}
