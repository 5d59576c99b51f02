//! Addresses of harmful material, shown so that nobody reaches them by accident (BRE-10).

/// What stands in place of an address for those who do not need it.
pub const WITHHELD: &str = "withheld";

/// An address as broken-up plain text: `https://bad.example/a?b` becomes
/// `bad [dot] example / a ? b`. No scheme, no dots, no `@`, no control or direction characters:
/// nothing that a mail program, a page or a terminal would turn into a link or a picture.
pub fn broken_up(address: &str) -> String {
    let address = address.trim();
    let rest = match address.find("://") {
        Some(at) => address.get(at + 3..).unwrap_or_default(),
        None => address,
    };
    let mut out = String::with_capacity(rest.len() * 2);
    for c in rest.chars() {
        match c {
            '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => out.push_str(" [dot] "),
            ':' => out.push_str(" [colon] "),
            '@' => out.push_str(" [at] "),
            '/' | '\\' => out.push_str(" / "),
            '?' => out.push_str(" ? "),
            '&' => out.push_str(" & "),
            c if c.is_alphanumeric() || "-_=+~%#,;!'()*$".contains(c) => out.push(c),
            c if c.is_whitespace() => out.push(' '),
            _ => out.push('\u{fffd}'),
        }
    }
    let mut words = Vec::new();
    words.extend(out.split_whitespace());
    words.join(" ")
}

/// The address for somebody: broken up for those who need it to report or to block, otherwise the
/// word `withheld`.
pub fn shown_address(address: &str, needs_it: bool) -> String {
    if needs_it {
        broken_up(address)
    } else {
        WITHHELD.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// BRE-10: an address is plain broken-up text; a tutor sees "withheld".
    #[test]
    fn bre_10_address_is_broken_up_or_withheld() {
        assert_eq!(
            broken_up("https://bad-site.example/some/path?q=1"),
            "bad-site [dot] example / some / path ? q=1"
        );
        assert_eq!(
            shown_address("https://bad.example/", true),
            "bad [dot] example /"
        );
        assert_eq!(shown_address("https://bad.example/", false), "withheld");
    }

    proptest! {
        /// BRE-10: whatever the address, the shown text holds nothing a program would link.
        #[test]
        fn bre_10_nothing_shown_can_be_clicked(address in ".{0,200}") {
            let shown = broken_up(&address);
            prop_assert!(!shown.contains("://"));
            prop_assert!(!shown.contains("www."));
            prop_assert!(!shown.chars().any(|c| matches!(c, '.' | ':' | '@' | '<' | '>' | '"')));
        }
    }
}
