//! ISC dhcpd's lease file: blocks appended one after another; the last one on an address counts.
//!
//! `lease ADDRESS { … }` for IPv4; `ia-na "ID" { iaaddr ADDRESS { … } }` for IPv6, where the id is
//! four bytes and the device's DUID. Statements that say nothing of who has an address are passed
//! over.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Lease, Out, from_seconds, name};
use crate::Mac;
use crate::problem::quoted;

/// The longest word or text; a longer one ends the reading of its statement.
const WORD_MAX: usize = 2_048;
/// The most words of one statement; the rest is passed over.
const WORDS_MAX: usize = 16;
/// The deepest nesting of blocks.
const DEPTH_MAX: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(Vec<u8>),
    Open,
    Close,
    End,
}

struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Tokens<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        self.line += u64::from(byte == b'\n');
        Some(byte)
    }

    fn next(&mut self) -> Option<Token> {
        loop {
            match self.byte()? {
                b'{' => return Some(Token::Open),
                b'}' => return Some(Token::Close),
                b';' => return Some(Token::End),
                b'#' => while self.byte()? != b'\n' {},
                b'"' => return self.text().map(Token::Word),
                byte if byte.is_ascii_whitespace() => {}
                byte => {
                    let mut word = vec![byte];
                    while let Some(byte) = self.bytes.get(self.at)
                        && !byte.is_ascii_whitespace()
                        && !b"{};\"#".contains(byte)
                    {
                        if word.len() < WORD_MAX {
                            word.push(*byte);
                        }
                        self.at += 1;
                    }
                    return Some(Token::Word(word));
                }
            }
        }
    }

    /// A text in quotation marks, with `\\`, `\"` and `\ooo` undone.
    fn text(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let byte = match self.byte()? {
                b'"' => return Some(text),
                b'\\' => match self.byte()? {
                    digit @ b'0'..=b'3' => {
                        let (two, three) = (self.byte()?, self.byte()?);
                        let octal = |byte: u8| byte.wrapping_sub(b'0') & 7;
                        octal(digit) << 6 | octal(two) << 3 | octal(three)
                    }
                    other => other,
                },
                byte => byte,
            };
            if text.len() < WORD_MAX {
                text.push(byte);
            }
        }
    }
}

/// What is known of the block being read.
#[derive(Debug, Default)]
struct Block {
    address: Option<IpAddr>,
    mac: Option<Mac>,
    name: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    state: Option<bool>,
    line: u64,
}

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    let mut tokens = Tokens {
        bytes,
        at: 0,
        line: 1,
    };
    let mut words: Vec<String> = Vec::new();
    let mut raw_first_text: Vec<u8> = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    let mut too_deep = 0_usize;
    // A block whose end is not written yet is read whole at the next look.
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(bytes) => {
                if words.len() == 1 {
                    raw_first_text.clone_from(&bytes);
                }
                if words.len() < WORDS_MAX {
                    words.push(String::from_utf8_lossy(&bytes).into_owned());
                }
            }
            Token::Open if blocks.len() >= DEPTH_MAX => {
                too_deep += 1;
                words.clear();
            }
            Token::Open => {
                let block = open(&words, &raw_first_text, blocks.last(), tokens.line, out);
                blocks.push(block);
                words.clear();
            }
            Token::Close if too_deep > 0 => {
                too_deep -= 1;
                words.clear();
            }
            Token::Close => {
                words.clear();
                if let Some(block) = blocks.pop() {
                    close(block, out);
                }
            }
            Token::End => {
                if too_deep == 0
                    && let Some(block) = blocks.last_mut()
                    && let Err(why) = statement(&words, block)
                {
                    out.problem(tokens.line, why);
                }
                words.clear();
            }
        }
    }
}

/// The block that begins with these words, inside another.
fn open(
    words: &[String],
    first_text: &[u8],
    inside: Option<&Block>,
    line: u64,
    out: &mut Out<'_>,
) -> Block {
    let mut block = Block {
        line,
        ..Block::default()
    };
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    match word(0) {
        "lease" | "iaaddr" => {
            block.address = word(1).parse().ok();
            if block.address.is_none() {
                out.problem(line, format!("{} is not an address", quoted(word(1))));
            }
            block.mac = inside.and_then(|inside| inside.mac);
        }
        "ia-na" | "ia-ta" => {
            block.mac = first_text.get(4..).and_then(Mac::of_duid);
        }
        _ => {}
    }
    block
}

fn close(block: Block, out: &mut Out<'_>) {
    let Some(address) = block.address else { return };
    let Some(until) = block.until else {
        // A lease without `ends` was never given out.
        return;
    };
    let lease = Lease {
        address,
        mac: block.mac,
        name: block.name,
        since: block.since,
        until,
        is_active: block.state.unwrap_or(true),
    };
    out.lease(block.line, lease);
}

fn statement(words: &[String], block: &mut Block) -> Result<(), String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["starts" | "cltt", time @ ..] => block.since = Some(self::time(time)?),
        ["ends", time @ ..] => block.until = Some(self::time(time)?),
        ["hardware", "ethernet", mac] => {
            let mac = mac
                .parse()
                .map_err(|_| format!("{} is not a hardware address", quoted(mac)))?;
            block.mac = Some(mac);
        }
        ["client-hostname", called] => block.name = name(called),
        ["binding", "state", state] => block.state = Some(*state == "active"),
        ["abandoned"] => block.state = Some(false),
        _ => {}
    }
    Ok(())
}

/// `W YYYY/MM/DD HH:MM:SS` in UTC, `epoch N`, or `never`.
fn time(words: &[&str]) -> Result<Timestamp, String> {
    match words {
        ["never"] => Ok(Timestamp::MAX),
        ["epoch", seconds, ..] => seconds
            .parse()
            .map(from_seconds)
            .map_err(|_| format!("{} is not a time in seconds since 1970", quoted(seconds))),
        [_, day, clock, ..] => {
            let text = format!("{} {clock}", day.replace('/', "-"));
            let wrong = || {
                format!(
                    "{} is not a time such as 4 2026/11/26 09:00:00",
                    quoted(&text)
                )
            };
            let at: DateTime = text.parse().map_err(|_| wrong())?;
            at.to_zoned(TimeZone::UTC)
                .map(|zoned| zoned.timestamp())
                .map_err(|_| wrong())
        }
        _ => Err("a time is missing".to_owned()),
    }
}
