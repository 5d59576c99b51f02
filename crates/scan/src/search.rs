//! Search terms from addresses (SRCH-04): which words somebody searched for, and where.
//!
//! Only finished searches count. Type-ahead calls, which an engine's page sends at every key, are
//! no search; a search sent as a form body cannot be seen in an address.

use std::borrow::Cow;

use form_urlencoded::parse;
use pharos_catalogue::{Address, Host};

use crate::engines::engine_of;

/// The most characters of a search that are kept; what is longer is cut there.
pub const TERMS_MAX: usize = 500;

/// What was searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchTerms {
    /// Where: the engine's or site's name.
    pub engine: &'static str,
    /// The words, white space tidied, at most [`TERMS_MAX`] characters.
    pub terms: String,
}

/// The search that an address stands for, if it is one.
pub fn search_terms(address: &Address) -> Option<SearchTerms> {
    search_terms_in(address.host(), address.path()?)
}

/// The same from a host and the path and query as the client sent them. Prefer this where the raw
/// text is at hand: the canonical form may have tidied the words.
pub fn search_terms_in(host: &Host, path_and_query: &str) -> Option<SearchTerms> {
    let (path, query) = split(path_and_query);
    if query.is_empty() && words_in_path(path).is_none() {
        // Most of what is fetched: seen before the host is looked up.
        return None;
    }
    let (engine, words) = match engine_of(host) {
        Some(id) => (id.engine().name, id.engine().words),
        None => {
            let site = SITES.iter().find(|site| site.is_at(host, path))?;
            (site.name, site.words)
        }
    };
    if is_no_search(path) {
        return None;
    }
    let found = words
        .iter()
        .find_map(|word| value_of(query, word))
        .or_else(|| words_in_path(path))?;
    let terms = tidy(&found);
    (!terms.is_empty()).then_some(SearchTerms { engine, terms })
}

fn split(path_and_query: &str) -> (&str, &str) {
    let text = path_and_query.split('#').next().unwrap_or_default();
    text.split_once('?').unwrap_or((text, ""))
}

/// The last one counts, as it does for most engines.
fn value_of<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let values = parse(query.as_bytes()).filter(|(key, _)| key == name);
    values
        .map(|(_, value)| value)
        .filter(|value| !value.trim().is_empty())
        .last()
}

/// Sites that carry the words in the path, after one of these.
fn words_in_path(path: &str) -> Option<Cow<'_, str>> {
    let rest = IN_PATH
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))?;
    let words = rest.split('/').next().filter(|words| !words.is_empty())?;
    let decoded = percent_encoding::percent_decode_str(words).decode_utf8_lossy();
    Some(decoded.replace('+', " ").into())
}

fn is_no_search(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    TYPE_AHEAD.iter().any(|part| lower.contains(part))
        || NOT_SEARCHES.iter().any(|other| lower == *other)
}

fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len().min(TERMS_MAX * 4));
    let mut count = 0;
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
    {
        if count > 0 {
            if count + 1 >= TERMS_MAX {
                return tidied;
            }
            tidied.push(' ');
            count += 1;
        }
        for c in word.chars() {
            if count >= TERMS_MAX {
                return tidied;
            }
            tidied.push(c);
            count += 1;
        }
    }
    tidied
}

/// Parts of paths that only type-ahead calls have.
const TYPE_AHEAD: &[&str] = &[
    "/complete/",
    "/osjson",
    "/as/suggestions",
    "/ac/",
    "/suggest",
    "/autocomplete",
    "/autosuggest",
    "/typeahead",
    "/sugrep",
    "/gossip-",
    "/api/suggest",
    "/w/load.php",
];

/// Paths where the parameter means something else: a link followed, a picture looked at.
const NOT_SEARCHES: &[&str] = &[
    "/url",
    "/imgres",
    "/gen_204",
    "/aclk",
    "/ck/a",
    "/l/",
    "/redirect",
];

/// Paths after which the words stand.
const IN_PATH: &[&str] = &["/maps/search/", "/maps/place/", "/search/"];

/// A site that is no search engine and has a search worth seeing.
struct Site {
    name: &'static str,
    /// The site with all below it. `name.*` stands for the name with any ending.
    host: &'static str,
    /// Only below this path.
    path: &'static str,
    words: &'static [&'static str],
}

impl Site {
    fn is_at(&self, host: &Host, path: &str) -> bool {
        let host = host.as_str();
        let here = match self.host.strip_suffix(".*") {
            Some(name) => {
                let bare = host.strip_prefix("www.").unwrap_or(host);
                bare.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('.'))
            }
            None => host
                .strip_suffix(self.host)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
        };
        here && path.starts_with(self.path)
    }
}

const fn site(
    name: &'static str,
    host: &'static str,
    path: &'static str,
    words: &'static [&'static str],
) -> Site {
    Site {
        name,
        host,
        path,
        words,
    }
}

static SITES: &[Site] = &[
    site("wikipedia", "wikipedia.org", "/w", &["search"]),
    site("amazon", "amazon.*", "/s", &["k", "field-keywords"]),
    site("ebay", "ebay.*", "/sch/", &["_nkw"]),
    site("reddit", "reddit.com", "/search", &["q"]),
    site("x", "x.com", "/search", &["q"]),
    site("x", "twitter.com", "/search", &["q"]),
    site("tiktok", "tiktok.com", "/search", &["q"]),
    site("pinterest", "pinterest.*", "/search", &["q"]),
    site("instagram", "instagram.com", "/explore/search", &["q"]),
    site("facebook", "facebook.com", "/search", &["q"]),
    site("tumblr", "tumblr.com", "/search", &["q"]),
    site("github", "github.com", "/search", &["q"]),
    site("spotify", "open.spotify.com", "/search/", &["q"]),
    site("soundcloud", "soundcloud.com", "/search", &["q"]),
    site("vimeo", "vimeo.com", "/search", &["q"]),
    site("dailymotion", "dailymotion.com", "/search", &["q"]),
    site("giphy", "giphy.com", "/search/", &["q"]),
    site("quora", "quora.com", "/search", &["q"]),
    site("bbc", "bbc.co.uk", "/search", &["q"]),
    site("britannica", "britannica.com", "/search", &["query"]),
    site("archive", "archive.org", "/search", &["query"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(url: &str) -> Option<(&'static str, String)> {
        let address = Address::parse(url).unwrap();
        search_terms(&address).map(|found| (found.engine, found.terms))
    }

    /// SRCH-04: the words somebody searched for, on engines and on sites that have a search.
    #[test]
    fn srch_04_words_are_found_where_each_engine_keeps_them() {
        for (url, engine, terms) in [
            (
                "https://www.google.co.uk/search?q=tide+times&hl=en",
                "google",
                "tide times",
            ),
            (
                "https://www.google.com/search?tbm=isch&q=red%20squirrel",
                "google",
                "red squirrel",
            ),
            (
                "https://www.google.com/maps/search/lighthouse+museum/@54",
                "google",
                "lighthouse museum",
            ),
            (
                "https://www.bing.com/images/search?q=harbour",
                "bing",
                "harbour",
            ),
            (
                "https://duckduckgo.com/?q=why+is+the+sea+salty&ia=web",
                "duckduckgo",
                "why is the sea salty",
            ),
            (
                "https://uk.search.yahoo.com/search?p=kites",
                "yahoo",
                "kites",
            ),
            (
                "https://www.youtube.com/results?search_query=knots",
                "youtube",
                "knots",
            ),
            (
                "https://yandex.com/search/?text=volcano",
                "yandex",
                "volcano",
            ),
            ("https://www.baidu.com/s?wd=panda", "baidu", "panda"),
            ("https://www.ecosia.org/search?q=trees", "ecosia", "trees"),
            (
                "https://www.startpage.com/do/search?query=moths",
                "startpage",
                "moths",
            ),
            (
                "https://en.wikipedia.org/w/index.php?search=otter&title=x",
                "wikipedia",
                "otter",
            ),
            (
                "https://www.amazon.co.uk/s?k=football+boots",
                "amazon",
                "football boots",
            ),
            (
                "https://www.ebay.co.uk/sch/i.html?_nkw=bike",
                "ebay",
                "bike",
            ),
            (
                "https://open.spotify.com/search/sea%20shanty",
                "spotify",
                "sea shanty",
            ),
            (
                "https://www.tiktok.com/search?q=drawing",
                "tiktok",
                "drawing",
            ),
        ] {
            assert_eq!(searched(url), Some((engine, terms.to_owned())), "{url}");
        }
    }

    /// SRCH-04: one search is one event: calls at every key, links followed and plain pages are no
    /// search.
    #[test]
    fn srch_04_type_ahead_is_no_search() {
        for url in [
            "https://www.google.com/complete/search?q=tide&client=gws-wiz",
            "https://www.bing.com/AS/Suggestions?qry=tide&q=tide",
            "https://www.bing.com/osjson.aspx?query=tide&q=tide",
            "https://duckduckgo.com/ac/?q=tide",
            "https://www.google.com/url?q=https://example.org/",
            "https://www.google.com/",
            "https://www.google.com/search?q=",
            "https://www.google.com/search?q=%20%20",
            "https://example.org/search?q=tide",
            "https://www.youtube.com/watch?v=abc",
            "https://en.wikipedia.org/wiki/Otter",
            "www.google.com",
        ] {
            assert_eq!(searched(url), None, "{url}");
        }
    }

    #[test]
    fn long_searches_are_cut_and_odd_bytes_do_no_harm() {
        let host = Host::parse("www.google.com").unwrap();
        let long = format!("/search?q={}", "word+".repeat(400));
        let terms = search_terms_in(&host, &long).unwrap().terms;
        assert_eq!(terms.chars().count(), TERMS_MAX - 1, "no space at the end");
        // A word that ends at the bound: neither a space nor the next one follows.
        for lead in ["a", "ab", "abc"] {
            let short = format!("/search?q={lead}+{}", "a+".repeat(400));
            let terms = search_terms_in(&host, &short).unwrap().terms;
            assert!(
                terms.chars().count() <= TERMS_MAX && terms.ends_with('a'),
                "{terms}"
            );
        }
        let odd = search_terms_in(&host, "/search?q=%ff%00a%0d%0ab")
            .unwrap()
            .terms;
        assert_eq!(odd, "\u{fffd} a b");
    }
}
