//! Compressed bodies while they stream past: gzip, deflate, brotli, zstd.
//!
//! Nothing here can be made to grow: output comes in pieces of a fixed size, windows have a bound,
//! and a body that unpacks to too much or too densely is given up.

use std::fmt;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder as Zstd, InBuffer, Operation, OutBuffer};

/// The most a body may unpack to, in bytes.
pub const UNPACKED_MAX: u64 = 64 << 20;
/// A body that unpacks to more than so many times its size is no page.
pub const RATIO_MAX: u64 = 400;
/// From this size on, in unpacked bytes, the ratio counts.
const RATIO_FROM: u64 = 4 << 20;
/// The largest window of zstd, as a power of two: what browsers take (RFC 9659).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Unpacked bytes come in pieces of this size.
const PIECE: usize = 8192;
/// The most codings one after the other.
const CODINGS_MAX: usize = 3;

/// Codings that can be read, as a client may say it takes them.
pub const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

/// Why a body cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A coding that is not known, or too many of them.
    #[error("a content coding that cannot be read")]
    Unknown,
    /// The data is broken.
    #[error("the compressed data is broken")]
    Broken,
    /// It unpacks to more than [`UNPACKED_MAX`], or more densely than [`RATIO_MAX`].
    #[error("the compressed data unpacks to too much")]
    TooMuch,
}

/// Unpacks a body.
#[derive(Debug)]
pub struct Decoder {
    stages: Vec<Stage>,
    packed: u64,
    unpacked: u64,
}

enum Stage {
    Gzip(Box<Gzip>),
    Deflate(Option<Box<Decompress>>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(Box<Zstd<'static>>),
    /// Ended: what follows is not read, as in browsers.
    Done,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Gzip(_) => "gzip",
            Stage::Deflate(_) => "deflate",
            Stage::Brotli(_) => "br",
            Stage::Zstd(_) => "zstd",
            Stage::Done => "done",
        })
    }
}

impl Decoder {
    /// A decoder for what `Content-Encoding` says.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`].
    pub fn new(content_encoding: &str) -> Result<Self, DecodeError> {
        let mut stages = Vec::new();
        for coding in content_encoding.split(',').rev() {
            let stage = match coding.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Stage::Gzip(Box::new(Gzip::new())),
                "deflate" => Stage::Deflate(None),
                "br" => {
                    let new = StandardAlloc::default;
                    Stage::Brotli(Box::new(BrotliState::new_strict(new(), new(), new())))
                }
                "zstd" => Stage::Zstd(Box::new(zstd_decoder()?)),
                _ => return Err(DecodeError::Unknown),
            };
            stages.push(stage);
        }
        if stages.len() > CODINGS_MAX {
            return Err(DecodeError::Unknown);
        }
        Ok(Self {
            stages,
            packed: 0,
            unpacked: 0,
        })
    }

    /// Whether nothing is unpacked.
    pub fn is_plain(&self) -> bool {
        self.stages.is_empty()
    }

    /// Unpacks on.
    ///
    /// # Errors
    /// The data is broken or too much; the decoder is of no use then.
    pub fn push(&mut self, bytes: &[u8], put: &mut dyn FnMut(&[u8])) -> Result<(), DecodeError> {
        self.packed = self.packed.saturating_add(bytes.len() as u64);
        let (packed, unpacked) = (self.packed, &mut self.unpacked);
        let mut count = |piece: &[u8]| {
            *unpacked += piece.len() as u64;
            let dense = *unpacked > RATIO_FROM && *unpacked / packed.max(1) > RATIO_MAX;
            if dense || *unpacked > UNPACKED_MAX {
                return Err(DecodeError::TooMuch);
            }
            put(piece);
            Ok(())
        };
        unpack(&mut self.stages, bytes, &mut count)
    }
}

type Put<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), DecodeError>;

/// Runs bytes through the stages; each piece that a stage gives is run through the rest at once,
/// so that never more than one piece for each lies in memory.
fn unpack(stages: &mut [Stage], bytes: &[u8], put: Put<'_>) -> Result<(), DecodeError> {
    match stages.split_first_mut() {
        None => put(bytes),
        Some((stage, rest)) => stage.push(bytes, &mut |piece| unpack(rest, piece, put)),
    }
}

fn zstd_decoder() -> Result<Zstd<'static>, DecodeError> {
    let mut decoder = Zstd::new().map_err(|_| DecodeError::Unknown)?;
    let bound = zstd::zstd_safe::DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX);
    decoder
        .set_parameter(bound)
        .map_err(|_| DecodeError::Unknown)?;
    Ok(decoder)
}

impl Stage {
    fn push(&mut self, bytes: &[u8], put: Put<'_>) -> Result<(), DecodeError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let done = match self {
            Stage::Gzip(gzip) => gzip.push(bytes, put)?,
            Stage::Deflate(inflate) => {
                let inflate = inflate.get_or_insert_with(|| {
                    // Some servers send it bare, without the header of zlib.
                    Box::new(Decompress::new(bytes[0] & 0x0f == 8 && bytes[0] >> 4 <= 7))
                });
                inflate_some(inflate, bytes, put)?.1
            }
            Stage::Brotli(state) => brotli(state, bytes, put)?,
            Stage::Zstd(decoder) => zstd_some(decoder, bytes, put)?,
            Stage::Done => false,
        };
        if done {
            *self = Stage::Done;
        }
        Ok(())
    }
}

/// How much was read, and whether the data has ended.
fn inflate_some(
    inflate: &mut Decompress,
    bytes: &[u8],
    put: Put<'_>,
) -> Result<(usize, bool), DecodeError> {
    let mut piece = [0; PIECE];
    let mut at = 0;
    loop {
        let (read_before, written_before) = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress(&bytes[at..], &mut piece, FlushDecompress::None)
            .map_err(|_| DecodeError::Broken)?;
        let read = usize::try_from(inflate.total_in() - read_before).unwrap_or(0);
        let written = usize::try_from(inflate.total_out() - written_before).unwrap_or(0);
        at += read;
        if written > 0 {
            put(&piece[..written])?;
        }
        if status == Status::StreamEnd {
            return Ok((at, true));
        }
        if written < piece.len() && (at == bytes.len() || read == 0) {
            return Ok((bytes.len(), false));
        }
    }
}

fn brotli(
    state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    bytes: &[u8],
    put: Put<'_>,
) -> Result<bool, DecodeError> {
    let mut piece = [0; PIECE];
    let (mut left, mut at, mut total) = (bytes.len(), 0, 0);
    loop {
        let (mut room, mut written) = (piece.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut at,
            bytes,
            &mut room,
            &mut written,
            &mut piece,
            &mut total,
            state,
        );
        if written > 0 {
            put(&piece[..written])?;
        }
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput => return Ok(false),
            BrotliResult::ResultSuccess => return Ok(true),
            BrotliResult::ResultFailure => return Err(DecodeError::Broken),
        }
    }
}

/// Frames may follow one another; nothing ends a zstd body but its last byte.
fn zstd_some(decoder: &mut Zstd<'_>, bytes: &[u8], put: Put<'_>) -> Result<bool, DecodeError> {
    let mut piece = [0; PIECE];
    let mut input = InBuffer::around(bytes);
    loop {
        let read_before = input.pos();
        let mut output = OutBuffer::around(&mut piece[..]);
        decoder
            .run(&mut input, &mut output)
            .map_err(|_| DecodeError::Broken)?;
        let written = output.pos();
        if written > 0 {
            put(&piece[..written])?;
        }
        let full = written == piece.len();
        if !full && (input.pos() == bytes.len() || input.pos() == read_before) {
            return Ok(false);
        }
    }
}

/// Gzip (RFC 1952): header, deflated data, trailer, and perhaps another member.
struct Gzip {
    part: GzipPart,
    inflate: Decompress,
}

#[derive(Debug, Clone, Copy)]
enum GzipPart {
    /// The first ten bytes: how many are read, and the flags.
    Fixed(u8, u8),
    /// The length of extra fields: how many bytes are read, and its low byte.
    ExtraLength(u8, u8, u16),
    Extra(u8, u16),
    /// Up to a zero byte; the flags that are still to be read.
    Text(u8),
    /// The check of the header.
    Check(u8),
    Data,
    /// The eight bytes behind the data.
    Trailer(u8),
    /// What follows is no member.
    Ended,
}

const CHECK: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

impl Gzip {
    fn new() -> Self {
        Self {
            part: GzipPart::Fixed(0, 0),
            inflate: Decompress::new(false),
        }
    }

    /// Whether the data has ended.
    fn push(&mut self, mut bytes: &[u8], put: Put<'_>) -> Result<bool, DecodeError> {
        while let Some((byte, rest)) = bytes.split_first() {
            self.part = match self.part {
                GzipPart::Fixed(read, flags) => {
                    let right = match read {
                        0 => *byte == 0x1f,
                        1 => *byte == 0x8b,
                        2 => *byte == 8,
                        _ => true,
                    };
                    match (right, read) {
                        // Behind the first member anything else is padding.
                        (false, 0) if self.inflate.total_in() > 0 => GzipPart::Ended,
                        (false, _) => return Err(DecodeError::Broken),
                        (_, 3) => GzipPart::Fixed(4, *byte),
                        (_, 9) => after_fixed(flags),
                        (_, read) => GzipPart::Fixed(read + 1, flags),
                    }
                }
                GzipPart::ExtraLength(0, flags, _) => {
                    GzipPart::ExtraLength(1, flags, u16::from(*byte))
                }
                GzipPart::ExtraLength(_, flags, low) => match low | u16::from(*byte) << 8 {
                    0 => after_fixed(flags & !EXTRA),
                    length => GzipPart::Extra(flags & !EXTRA, length),
                },
                GzipPart::Extra(flags, 1) => after_fixed(flags),
                GzipPart::Extra(flags, left) => GzipPart::Extra(flags, left - 1),
                GzipPart::Text(flags) if *byte != 0 => GzipPart::Text(flags),
                GzipPart::Text(flags) if flags & NAME != 0 => after_fixed(flags & !NAME),
                GzipPart::Text(flags) => after_fixed(flags & !COMMENT),
                GzipPart::Check(0) => GzipPart::Check(1),
                GzipPart::Check(_) => GzipPart::Data,
                GzipPart::Data => {
                    let (read, ended) = inflate_some(&mut self.inflate, bytes, put)?;
                    bytes = &bytes[read..];
                    if ended {
                        self.part = GzipPart::Trailer(0);
                    }
                    continue;
                }
                GzipPart::Trailer(7) => GzipPart::Fixed(0, 0),
                GzipPart::Trailer(read) => GzipPart::Trailer(read + 1),
                GzipPart::Ended => return Ok(true),
            };
            if let GzipPart::Data = self.part {
                self.inflate.reset(false);
            }
            bytes = rest;
        }
        Ok(false)
    }
}

/// What follows the fixed part, by the flags still to be read.
fn after_fixed(flags: u8) -> GzipPart {
    if flags & EXTRA != 0 {
        GzipPart::ExtraLength(0, flags, 0)
    } else if flags & (NAME | COMMENT) != 0 {
        GzipPart::Text(flags)
    } else if flags & CHECK != 0 {
        GzipPart::Check(0)
    } else {
        GzipPart::Data
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn unpacked(coding: &str, pieces: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
        let mut decoder = Decoder::new(coding)?;
        let mut all = Vec::new();
        for piece in pieces {
            decoder.push(piece, &mut |text| all.extend_from_slice(text))?;
        }
        Ok(all)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Brotli without compression (RFC 7932, section 9.2): up to 65,536 bytes.
    fn brotli(text: &[u8]) -> Vec<u8> {
        let head = u32::try_from(text.len() - 1).unwrap() << 4 | 1 << 20;
        let mut packed = head.to_le_bytes()[..3].to_vec();
        packed.extend(text);
        packed.push(3);
        packed
    }

    /// FIL-02: pages are read whatever coding they travel in, cut anywhere.
    #[test]
    fn fil_02_every_coding_is_read_cut_anywhere() {
        let text = "otter ".repeat(5000).into_bytes();
        let zlib = {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&text).unwrap();
            encoder.finish().unwrap()
        };
        let bare = {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&text).unwrap();
            encoder.finish().unwrap()
        };
        let zstd = zstd::stream::encode_all(&*text, 3).unwrap();
        let twice = gzip(&gzip(&text));
        let mut members = gzip(&text[..6000]);
        members.extend(gzip(&text[6000..]));
        members.extend([0; 20]);
        let mut long_header = vec![
            0x1f,
            0x8b,
            8,
            CHECK | EXTRA | NAME | COMMENT,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        long_header.extend(b"\x02\0xyname\0comment\0\xff\xff");
        long_header.extend(&bare);
        for (coding, packed) in [
            ("gzip", gzip(&text)),
            ("x-gzip", members),
            ("gzip", long_header),
            ("deflate", zlib),
            ("deflate", bare),
            ("ZSTD", zstd),
            ("br", brotli(&text)),
            ("br, gzip", gzip(&brotli(&text))),
            ("gzip, gzip", twice),
            ("identity", text.clone()),
        ] {
            for cut in (0..packed.len()).step_by(packed.len() / 50 + 1) {
                let read = unpacked(coding, &[&packed[..cut], &packed[cut..]]);
                assert!(read.as_deref() == Ok(&text), "{coding} cut at {cut}");
            }
            let bytes: Vec<&[u8]> = packed.chunks(1).take(2000).collect();
            let read = unpacked(coding, &bytes).unwrap();
            assert!(text.starts_with(&read), "{coding} byte by byte");
        }
    }

    #[test]
    fn fil_17_what_is_broken_or_unknown_is_told() {
        assert_eq!(unpacked("rot13", &[]), Err(DecodeError::Unknown));
        assert_eq!(
            unpacked("gzip,gzip,gzip,gzip", &[]),
            Err(DecodeError::Unknown)
        );
        for coding in CODINGS {
            assert_eq!(
                unpacked(coding, &[&[0xff; 64]]),
                Err(DecodeError::Broken),
                "{coding}"
            );
        }
    }

    /// FIL-17: a small body that unpacks to a mountain is given up, in little memory.
    #[test]
    fn fil_17_bombs_are_given_up() {
        let zeros = vec![0; 48 << 20];
        let zstd = zstd::stream::encode_all(&*zeros, 3).unwrap();
        for (coding, packed) in [
            ("gzip", gzip(&zeros)),
            ("gzip, gzip", gzip(&gzip(&zeros))),
            ("zstd", zstd),
        ] {
            let mut largest = 0;
            let mut decoder = Decoder::new(coding).unwrap();
            let result = decoder.push(&packed, &mut |piece| largest = largest.max(piece.len()));
            assert_eq!(result, Err(DecodeError::TooMuch), "{coding}");
            assert!(largest <= PIECE);
        }
    }
}
