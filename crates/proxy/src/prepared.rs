//! Pages of which all but a few words are the same for every reader: what is the same is written once.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

/// What differs from one page to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling<'a> {
    pub(crate) host: &'a str,
    pub(crate) why: &'a str,
    pub(crate) reference: &'a str,
}

impl Filling<'static> {
    /// Characters that stand for nothing in any text (Unicode, section 23.7), in the place of what differs.
    pub(crate) const MARKS: Self = Self {
        host: "\u{fdd0}",
        why: "\u{fdd1}",
        reference: "\u{fdd2}",
    };
    pub(crate) const NOTHING: Self = Self {
        host: "",
        why: "",
        reference: "",
    };
}

#[derive(Debug, Clone, Copy)]
enum Hole {
    Host,
    Why,
    Reference,
}

impl Hole {
    fn of(mark: char) -> Option<Self> {
        match mark {
            '\u{fdd0}' => Some(Hole::Host),
            '\u{fdd1}' => Some(Hole::Why),
            '\u{fdd2}' => Some(Hole::Reference),
            _ => None,
        }
    }

    fn filled<'a>(self, filling: &Filling<'a>) -> &'a str {
        match self {
            Hole::Host => filling.host,
            Hole::Why => filling.why,
            Hole::Reference => filling.reference,
        }
    }
}

/// A page with holes.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What stands before each hole.
    parts: Vec<(Box<str>, Hole)>,
    last: Box<str>,
}

impl Prepared {
    /// Of a page, `render`ed once with [`Filling::MARKS`] and once with nothing; `None` where it cannot be,
    /// or where a mark stands in what is the same for all and nobody knows what it stands for.
    pub(crate) fn of<E>(render: impl Fn(&Filling<'_>) -> Result<String, E>) -> Option<Self> {
        let same = render(&Filling::NOTHING).ok()?;
        if same.chars().any(|c| Hole::of(c).is_some()) {
            return None;
        }
        let page = render(&Filling::MARKS).ok()?;
        let (mut parts, mut from) = (Vec::new(), 0);
        for (at, mark) in page.char_indices() {
            if let Some(hole) = Hole::of(mark) {
                parts.push((page[from..at].into(), hole));
                from = at + mark.len_utf8();
            }
        }
        Some(Self {
            parts,
            last: page[from..].into(),
        })
    }

    /// The page with its holes filled, each as HTML.
    pub(crate) fn fill(&self, filling: &Filling<'_>) -> Result<String, fmt::Error> {
        let parts = self.parts.iter();
        let length: usize = parts
            .map(|(text, hole)| text.len() + 2 * hole.filled(filling).len())
            .sum();
        let mut page = String::with_capacity(length + self.last.len());
        for (text, hole) in &self.parts {
            page.write_str(text)?;
            Html.write_escaped_str(&mut page, hole.filled(filling))?;
        }
        page.write_str(&self.last)?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(school: &str, filling: &Filling<'_>) -> Result<String, fmt::Error> {
        let mut page = format!("<h1>{school}</h1><a href=\"/b/{}/ask\">", filling.reference);
        Html.write_escaped_str(&mut page, filling.host)?;
        page += ": ";
        Html.write_escaped_str(&mut page, filling.why)?;
        Ok(page + filling.reference)
    }

    /// FIL-14: a prepared page is the same as one that is written anew, and there is none where a school's
    /// own words could be taken for what is to be filled in.
    #[test]
    fn fil_14_a_prepared_page_is_the_same_page() {
        let prepared = Prepared::of(|filling| page("Harbourmouth", filling)).unwrap();
        for (host, why) in [
            ("games.test", "It is \u{201c}games\u{201d}."),
            ("<b>&\"'.test", "<script>"),
            ("", ""),
            ("\u{fdd1}", "\u{fdd0}"),
        ] {
            let filling = Filling {
                host,
                why,
                reference: "ABCD-EFGH",
            };
            assert_eq!(prepared.fill(&filling), page("Harbourmouth", &filling));
        }
        assert!(Prepared::of(|filling| page("Harbour\u{fdd2}mouth", filling)).is_none());
    }
}
