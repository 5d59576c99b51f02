//! The two forms of syslog: RFC 5424, and what RFC 3164 found in use. Senders take liberties with
//! both, so that nothing is refused: what has no head is all text.

/// The most bytes read of one message; the rest is not looked at.
pub const MESSAGE_MAX: usize = 8_192;

/// The longest name in a head.
const NAME_MAX: usize = 255;

/// One message in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Facility and severity, as one number from 0 to 191.
    pub priority: Option<u8>,
    /// Who sent it, by its own word.
    pub host: Option<String>,
    /// Structured data and text.
    pub text: String,
}

impl Message {
    /// Reads a message; bytes that are not UTF-8 are shown as such.
    pub fn read(bytes: &[u8]) -> Self {
        let bytes = bytes.get(..MESSAGE_MAX).unwrap_or(bytes);
        let whole = String::from_utf8_lossy(bytes);
        let whole = whole
            .trim_start_matches('\u{feff}')
            .trim_end_matches(['\r', '\n', '\0']);
        let Some((priority, rest)) = priority(whole) else {
            return Self {
                text: whole.to_owned(),
                ..Self::default()
            };
        };
        let (host, text) = rest
            .strip_prefix("1 ")
            .and_then(new_form)
            .or_else(|| old_form(rest))
            .unwrap_or((None, rest));
        Self {
            priority: Some(priority),
            host: host.map(str::to_owned),
            text: text.trim_start_matches('\u{feff}').to_owned(),
        }
    }
}

/// `<PRI>`.
fn priority(text: &str) -> Option<(u8, &str)> {
    let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
    let fits = (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u8 = number
        .parse()
        .ok()
        .filter(|number| fits && *number <= 191)?;
    Some((number, rest))
}

/// `TIMESTAMP HOST APP PROCID MSGID SD [MSG]` behind the version.
fn new_form(text: &str) -> Option<(Option<&str>, &str)> {
    let mut parts = text.splitn(6, ' ');
    let time = parts.next()?;
    if time != "-" && !time.contains('T') {
        return None;
    }
    let host = parts.next()?;
    let (_, _, _) = (parts.next()?, parts.next()?, parts.next()?);
    let rest = parts.next().unwrap_or("");
    // Structured data is looked through as text: its `name="value"` reads like any other field.
    let rest = rest
        .strip_prefix("- ")
        .or_else(|| rest.strip_prefix('-'))
        .unwrap_or(rest);
    Some((named(host), rest))
}

/// `Mmm dd hh:mm:ss HOST TEXT`.
fn old_form(text: &str) -> Option<(Option<&str>, &str)> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let time = text.get(..15)?;
    let is_time = MONTHS.contains(&time.get(..3)?)
        && time.bytes().skip(6).enumerate().all(|(at, byte)| match at {
            0 => byte == b' ',
            3 | 6 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    if !is_time {
        return None;
    }
    let rest = text.get(15..)?.strip_prefix(' ')?;
    let (host, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    // Some leave the name out: then what looks like one is the program that wrote.
    if host.ends_with(':') || host.contains('[') || host.contains('=') {
        return Some((None, text.get(16..)?));
    }
    Some((named(host), rest))
}

fn named(host: &str) -> Option<&str> {
    (host != "-" && !host.is_empty() && host.len() <= NAME_MAX).then_some(host)
}
