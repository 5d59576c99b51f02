//! Messages out of a stream over TCP: with their length before them, or a line end behind them (RFC 6587,
//! section 3.4).

/// The longest message that is waited for before the connection is closed, in bytes.
pub const FRAME_MAX: usize = 64 * 1024;

/// What stands first in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A message from here to there, and where to go on.
    Frame {
        /// Its first byte.
        from: usize,
        /// The byte behind its last.
        to: usize,
        /// Where the next begins.
        next: usize,
    },
    /// More must be read first.
    More,
    /// Neither form.
    Broken,
}

/// The first message in what is held: with its length before it where it begins with a digit, else
/// up to a line end; the last one may end with the stream.
pub fn cut(held: &[u8], ended: bool) -> Cut {
    let Some(first) = held.first() else {
        return Cut::More;
    };
    if first.is_ascii_digit() {
        let Some(space) = held.iter().take(7).position(|byte| *byte == b' ') else {
            return if held.len() > 6 {
                Cut::Broken
            } else {
                Cut::More
            };
        };
        let length = std::str::from_utf8(&held[..space])
            .ok()
            .and_then(|text| text.parse::<usize>().ok())
            .filter(|length| *length <= FRAME_MAX);
        let Some(length) = length else {
            return Cut::Broken;
        };
        let (from, to) = (space + 1, space + 1 + length);
        return match held.len() >= to {
            true => Cut::Frame { from, to, next: to },
            false => Cut::More,
        };
    }
    match held.iter().position(|byte| matches!(byte, b'\n' | 0)) {
        Some(end) => Cut::Frame {
            from: 0,
            to: end,
            next: end + 1,
        },
        None if ended => Cut::Frame {
            from: 0,
            to: held.len(),
            next: held.len(),
        },
        None => Cut::More,
    }
}
