//! Character references of HTML: the numeric ones, and those names that stand for letters, signs
//! between words and invisible characters.

use super::letters::western;

/// The longest reference that is read, without `&` and `;`.
pub(super) const NAME_MAX: usize = 32;

/// Whether a byte can go on a reference.
pub(super) const fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'#'
}

/// The character that a reference stands for, without its `&` and `;`.
pub(super) fn character(name: &[u8]) -> Option<char> {
    if let Some(number) = name.strip_prefix(b"#") {
        return numbered(number);
    }
    let name = std::str::from_utf8(name).ok()?;
    if let Ok(place) = NAMED.binary_search_by(|(known, _)| (*known).cmp(name)) {
        return NAMED.get(place).map(|(_, c)| *c);
    }
    accented(name)
}

fn numbered(number: &[u8]) -> Option<char> {
    let (digits, radix) = match number {
        [b'x' | b'X', digits @ ..] => (digits, 16),
        digits => (digits, 10),
    };
    let digits = std::str::from_utf8(digits).ok()?;
    match u32::from_str_radix(digits, radix).ok()? {
        byte @ 0x80..=0x9f => u8::try_from(byte).ok().map(western),
        0 => None,
        code => char::from_u32(code),
    }
}

/// `eacute` and its like: a letter and the name of an accent. The folding drops the accent, so the
/// letter alone will do.
fn accented(name: &str) -> Option<char> {
    const ACCENTS: &[&str] = &[
        "acute", "grave", "circ", "uml", "tilde", "ring", "cedil", "caron", "macr", "ogon",
        "breve", "dot", "slash", "strok", "midot", "dblac",
    ];
    let mut characters = name.chars();
    let letter = characters.next().filter(char::is_ascii_alphabetic)?;
    ACCENTS.contains(&characters.as_str()).then_some(letter)
}

/// Sorted by name.
const NAMED: &[(&str, char)] = &[
    ("AElig", '\u{c6}'),
    ("AMP", '&'),
    ("ApplyFunction", '\u{2061}'),
    ("GT", '>'),
    ("InvisibleComma", '\u{2063}'),
    ("InvisibleTimes", '\u{2062}'),
    ("LT", '<'),
    ("NewLine", '\n'),
    ("NoBreak", '\u{2060}'),
    ("NonBreakingSpace", '\u{a0}'),
    ("OElig", '\u{152}'),
    ("QUOT", '"'),
    ("Tab", '\t'),
    ("ZeroWidthSpace", '\u{200b}'),
    ("aelig", '\u{e6}'),
    ("amp", '&'),
    ("apos", '\''),
    ("bull", '\u{2022}'),
    ("colon", ':'),
    ("comma", ','),
    ("commat", '@'),
    ("dash", '\u{2010}'),
    ("dollar", '$'),
    ("emsp", '\u{2003}'),
    ("ensp", '\u{2002}'),
    ("eth", '\u{f0}'),
    ("euro", '\u{20ac}'),
    ("excl", '!'),
    ("fflig", '\u{fb00}'),
    ("filig", '\u{fb01}'),
    ("fjlig", 'f'),
    ("fllig", '\u{fb02}'),
    ("gt", '>'),
    ("hairsp", '\u{200a}'),
    ("hellip", '\u{2026}'),
    ("hyphen", '\u{2010}'),
    ("inodot", '\u{131}'),
    ("laquo", '\u{ab}'),
    ("ldquo", '\u{201c}'),
    ("lowbar", '_'),
    ("lrm", '\u{200e}'),
    ("lsquo", '\u{2018}'),
    ("lt", '<'),
    ("mdash", '\u{2014}'),
    ("middot", '\u{b7}'),
    ("nbsp", '\u{a0}'),
    ("ndash", '\u{2013}'),
    ("num", '#'),
    ("oelig", '\u{153}'),
    ("ohm", '\u{3a9}'),
    ("ordf", '\u{aa}'),
    ("ordm", '\u{ba}'),
    ("percnt", '%'),
    ("period", '.'),
    ("plus", '+'),
    ("pound", '\u{a3}'),
    ("quest", '?'),
    ("quot", '"'),
    ("raquo", '\u{bb}'),
    ("rdquo", '\u{201d}'),
    ("rlm", '\u{200f}'),
    ("rsquo", '\u{2019}'),
    ("sbquo", '\u{201a}'),
    ("semi", ';'),
    ("shy", '\u{ad}'),
    ("sol", '/'),
    ("szlig", '\u{df}'),
    ("thinsp", '\u{2009}'),
    ("thorn", '\u{fe}'),
    ("times", '\u{d7}'),
    ("verbar", '|'),
    ("vert", '|'),
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_browsers_read_them() {
        assert!(NAMED.is_sorted());
        for (name, c) in [
            ("amp", '&'),
            ("#107", 'k'),
            ("#x6B", 'k'),
            ("#X6b", 'k'),
            ("#146", '\u{2019}'),
            ("eacute", 'e'),
            ("Ntilde", 'N'),
            ("zwnj", '\u{200c}'),
        ] {
            assert_eq!(character(name.as_bytes()), Some(c), "{name}");
        }
        for name in [
            "",
            "#",
            "#x",
            "#99999999999",
            "#0",
            "#xd800",
            "T",
            "nothing",
        ] {
            assert_eq!(character(name.as_bytes()), None, "{name}");
        }
    }
}
