//! Which browser a request comes from, by what it says of itself: the product tokens of
//! `User-Agent` (RFC 9110, section 10.1.5), and the brands of `Sec-CH-UA` (User-Agent Client Hints,
//! W3C Community Group) where a browser hides behind another's tokens.
//!
//! It is no proof: whoever means to can say anything. What is read is bounded, and nothing is kept
//! of it but the browser and the one token that told it.

use pharos_policy::Browser;

/// The most of a header that is read, in bytes; browsers send some 120.
const READ_MAX: usize = 1_024;
/// The most products that are looked at.
const PRODUCTS_MAX: usize = 32;
/// The longest token that counts as a browser's own name.
const TOKEN_MAX: usize = 32;

/// A browser, and how it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent<'a> {
    /// Which one.
    pub browser: Browser,
    /// The token or brand that told it; for [`Browser::Other`] its own name, at most 32 letters.
    pub token: &'a str,
}

/// Product tokens that tell one browser for certain, in small letters.
const TELLING: &[(&str, Browser)] = &[
    ("edg", Browser::Edge),
    ("edga", Browser::Edge),
    ("edgios", Browser::Edge),
    ("edge", Browser::Edge),
    ("opr", Browser::Opera),
    ("opt", Browser::Opera),
    ("opx", Browser::Opera),
    ("oprgx", Browser::Opera),
    ("opera", Browser::Opera),
    ("vivaldi", Browser::Vivaldi),
    ("brave", Browser::Brave),
    ("duckduckgo", Browser::DuckDuckGo),
    ("ddg", Browser::DuckDuckGo),
    ("samsungbrowser", Browser::SamsungInternet),
    ("chromium", Browser::Chromium),
    ("crios", Browser::Chrome),
    ("fxios", Browser::Firefox),
    ("focus", Browser::Firefox),
];

/// Product tokens of applications that show pages in a browser of their own or of the system.
const IN_APP: &[&str] = &[
    "electron",
    "qtwebengine",
    "teams",
    "slack",
    "discord",
    "code",
    "gsa",
    "instagram",
    "snapchat",
    "pinterest",
    "whatsapp",
    "linkedinapp",
    "micromessenger",
    "bytedancewebview",
    "webview",
];

/// Product tokens that say nothing of their own.
const SILENT: &[&str] = &[
    "mozilla",
    "applewebkit",
    "gecko",
    "khtml",
    "presto",
    "version",
    "mobile",
    "safari",
    "chrome",
    "firefox",
    "ubuntu",
    "debian",
    "fedora",
    "linux",
    "raspbian",
    "windows",
    "tablet",
    "build",
];

/// Browsers that do not call themselves Mozilla, by their first product.
const OF_TEXT: &[&str] = &[
    "lynx", "w3m", "links", "elinks", "netsurf", "dillo", "ucweb",
];

/// Brands of `Sec-CH-UA` that tell more than the tokens do.
const BRANDS: &[(&str, Browser)] = &[
    ("Brave", Browser::Brave),
    ("Opera", Browser::Opera),
    ("Opera GX", Browser::Opera),
    ("Vivaldi", Browser::Vivaldi),
    ("DuckDuckGo", Browser::DuckDuckGo),
    ("Samsung Internet", Browser::SamsungInternet),
    ("Microsoft Edge", Browser::Edge),
];

/// The browser that sends these headers; `None` for programs that are none, and where nothing is
/// said. Allocates nothing.
pub fn browser_of<'a>(user_agent: &'a str, brands: Option<&'a str>) -> Option<Agent<'a>> {
    let by_tokens = by_tokens(beginning(user_agent))?;
    // A brand is sent by the browser's own hand; tokens are kept as others have them.
    let plain = matches!(by_tokens.browser, Browser::Chrome | Browser::Chromium);
    let brands = brands.filter(|_| plain);
    Some(brands.and_then(by_brands).unwrap_or(by_tokens))
}

/// At most so much of a header as is read.
fn beginning(text: &str) -> &str {
    let end = text.floor_char_boundary(READ_MAX.min(text.len()));
    &text[..end]
}

fn by_brands(text: &str) -> Option<Agent<'_>> {
    let quoted = beginning(text).split('"').skip(1).step_by(2);
    let known = |brand: &str| BRANDS.iter().find(|(known, _)| *known == brand);
    let mut found = quoted
        .take(PRODUCTS_MAX)
        .filter_map(|brand| known(brand).map(|(_, browser)| (brand, *browser)));
    let (token, browser) = found.next()?;
    Some(Agent { browser, token })
}

fn by_tokens(text: &str) -> Option<Agent<'_>> {
    let mut read = Read::default();
    for (number, part) in Parts(text).take(PRODUCTS_MAX).enumerate() {
        match part {
            Part::Comment(comment) => read.comment(comment),
            Part::Product(name) if number == 0 && !name.eq_ignore_ascii_case("mozilla") => {
                return unlike_mozilla(name);
            }
            Part::Product(name) => read.product(name),
        }
    }
    read.judge()
}

/// What does not call itself Mozilla is a program, but for a few old browsers.
fn unlike_mozilla(name: &str) -> Option<Agent<'_>> {
    let browser = if is_among(OF_TEXT, name) {
        Browser::Other
    } else if name.eq_ignore_ascii_case("opera") {
        Browser::Opera
    } else {
        return None;
    };
    let token = name;
    Some(Agent { browser, token })
}

fn is_among(list: &[&str], name: &str) -> bool {
    list.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// What was read of a header so far.
#[derive(Default)]
struct Read<'a> {
    telling: Option<Agent<'a>>,
    in_app: Option<&'a str>,
    stranger: Option<&'a str>,
    /// The engines and the browsers that others are made from.
    webkit: bool,
    safari: bool,
    chrome: bool,
    gecko: bool,
    firefox: bool,
}

impl<'a> Read<'a> {
    fn comment(&mut self, comment: &'a str) {
        let holds = |sign: &str| comment.contains(sign);
        if holds("Trident/") || holds("MSIE ") {
            let (browser, token) = (Browser::InternetExplorer, "MSIE");
            self.telling.get_or_insert(Agent { browser, token });
        }
        if comment.ends_with("; wv") {
            self.in_app.get_or_insert("wv");
        }
    }

    fn product(&mut self, name: &'a str) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        self.webkit |= is("applewebkit");
        self.safari |= is("safari");
        self.chrome |= is("chrome");
        self.gecko |= is("gecko");
        self.firefox |= is("firefox");
        let known = TELLING.iter().find(|(known, _)| is(known));
        if let Some((_, browser)) = known {
            let (browser, token) = (*browser, name);
            self.telling.get_or_insert(Agent { browser, token });
        } else if is_among(IN_APP, name) {
            self.in_app.get_or_insert(name);
        } else if !is_among(SILENT, name) {
            self.stranger.get_or_insert(name);
        }
    }

    fn judge(self) -> Option<Agent<'a>> {
        let agent = |browser, token| Some(Agent { browser, token });
        if self.telling.is_some() {
            return self.telling;
        }
        if !self.webkit && !self.gecko {
            // A robot, or a program that only begins as browsers do.
            return None;
        }
        if let Some(name) = self.in_app {
            return agent(Browser::InApp, name);
        }
        if let Some(name) = self.stranger {
            return agent(Browser::Other, name);
        }
        if self.chrome {
            return agent(Browser::Chrome, "Chrome");
        }
        if self.firefox {
            return agent(Browser::Firefox, "Firefox");
        }
        // Apple's view of pages inside applications leaves its browser's name out.
        if self.safari {
            return agent(Browser::Safari, "Safari");
        }
        if self.webkit {
            return agent(Browser::InApp, "AppleWebKit");
        }
        None
    }
}

enum Part<'a> {
    /// The name of a product, without its version.
    Product(&'a str),
    /// What stands in brackets.
    Comment(&'a str),
}

/// Products and comments in turn. What is no token (RFC 9110, section 5.6.2), too long, or without
/// a version is passed over: `like Gecko` is no product.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        loop {
            let rest = self.0.trim_start();
            if rest.is_empty() {
                self.0 = rest;
                return None;
            }
            if rest.starts_with('(') {
                let (comment, after) = comment(rest);
                self.0 = after;
                return Some(Part::Comment(comment));
            }
            let end = rest.find([' ', '\t', '(']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            self.0 = after;
            if let Some((name, _)) = word.split_once('/')
                && !name.is_empty()
                && name.len() <= TOKEN_MAX
                && name.bytes().all(is_token)
            {
                return Some(Part::Product(name));
            }
        }
    }
}

/// The comment that begins here, its outer brackets taken off, and what comes behind it. One that
/// is not closed goes to the end.
fn comment(text: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return (&text[1..at], &text[at + 1..]),
            b')' => depth -= 1,
            _ => {}
        }
    }
    (&text[1..], "")
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(user_agent: &str) -> Option<(Browser, &str)> {
        browser_of(user_agent, None).map(|agent| (agent.browser, agent.token))
    }

    const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

    /// FIL-16: browsers are told by their tokens, whatever they are made from.
    #[test]
    fn fil_16_browsers_are_told_by_their_tokens() {
        let with = |more: &str| format!("{WINDOWS} {more}");
        for (more, expected) in [
            ("", (Browser::Chrome, "Chrome")),
            ("Edg/142.0.0.0", (Browser::Edge, "Edg")),
            ("OPR/125.0.0.0", (Browser::Opera, "OPR")),
            ("OPR/125.0.0.0 (Edition GX)", (Browser::Opera, "OPR")),
            ("Vivaldi/7.6", (Browser::Vivaldi, "Vivaldi")),
            ("Whale/4.33.325.17", (Browser::Other, "Whale")),
            ("Electron/38.0.0", (Browser::InApp, "Electron")),
            ("Notes/2.1 Electron/38.0.0", (Browser::InApp, "Electron")),
            ("Edg/142.0.0.0 Teams/25.1", (Browser::Edge, "Edg")),
        ] {
            assert_eq!(of(&with(more)), Some(expected), "{more}");
        }
        for (text, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                Some((Browser::Firefox, "Firefox")),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 PaleMoon/33.9",
                Some((Browser::Other, "PaleMoon")),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
                Some((Browser::Safari, "Safari")),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
                Some((Browser::InApp, "AppleWebKit")),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
                Some((Browser::Chrome, "CriOS")),
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; SM-A536B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile Safari/537.36",
                Some((Browser::InApp, "wv")),
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                Some((Browser::SamsungInternet, "SamsungBrowser")),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                Some((Browser::InternetExplorer, "MSIE")),
            ),
            (
                "Opera/9.80 (Android; Opera Mini/36.2/191.249; U; en) Presto/2.12.423 Version/12.16",
                Some((Browser::Opera, "Opera")),
            ),
            (
                "Lynx/2.9.2 libwww-FM/2.14 SSL-MM/1.4.1",
                Some((Browser::Other, "Lynx")),
            ),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    /// FIL-16: programs that are no browser are not taken for one.
    #[test]
    fn fil_16_programs_are_no_browsers() {
        for text in [
            "",
            "curl/8.14.1",
            "Microsoft-CryptoAPI/10.0",
            "python-requests/2.32",
            "Mozilla/5.0",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-GB) WindowsPowerShell/5.1.26100",
            "Dalvik/2.1.0 (Linux; U; Android 14)",
            "a browser of my own",
            "(((((",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    /// FIL-16: a browser that keeps Chrome's tokens is told by its brand; one with a name of its own
    /// is not renamed by it.
    #[test]
    fn fil_16_a_brand_tells_what_tokens_hide() {
        let brands = r#""Brave";v="142", "Chromium";v="142", "Not_A Brand";v="99""#;
        let agent = browser_of(WINDOWS, Some(brands)).unwrap();
        assert_eq!((agent.browser, agent.token), (Browser::Brave, "Brave"));
        let chrome = r#""Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99""#;
        let agent = browser_of(WINDOWS, Some(chrome)).unwrap();
        assert_eq!(agent.browser, Browser::Chrome);
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
        let agent = browser_of(firefox, Some(brands)).unwrap();
        assert_eq!(agent.browser, Browser::Firefox);
    }

    proptest! {
        /// FIL-16: whatever is sent, what is kept of it is one short token out of it.
        #[test]
        fn fil_16_whatever_is_sent_little_is_kept(text in ".{0,3000}", more in r"[ -~]{0,300}") {
            for text in [text.clone(), format!("Mozilla/5.0 (x) AppleWebKit/1 {more}")] {
                if let Some(agent) = browser_of(&text, Some(&more)) {
                    prop_assert!(!agent.token.is_empty() && agent.token.len() <= TOKEN_MAX);
                }
            }
        }
    }
}
