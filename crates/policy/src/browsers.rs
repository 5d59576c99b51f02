//! Browsers by what they say of themselves, and which of them a policy permits (FIL-16).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Policy, Subject};

/// A browser, as its requests name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Browser {
    /// Google's, on every system.
    Chrome,
    /// What Chrome is made from, under its own name.
    Chromium,
    /// Microsoft's.
    Edge,
    /// Mozilla's.
    Firefox,
    /// Apple's.
    Safari,
    /// Samsung's, on its telephones and tablets.
    SamsungInternet,
    /// Opera in every form: it brings a private network of its own.
    Opera,
    /// Vivaldi.
    Vivaldi,
    /// Brave, where it names itself: it can bring Tor.
    Brave,
    /// DuckDuckGo's own.
    DuckDuckGo,
    /// Microsoft's old one.
    InternetExplorer,
    /// Pages shown inside an application, by the system's or the application's own browser.
    InApp,
    /// Any other that calls itself by a name that is not known here.
    Other,
}

impl Browser {
    /// Every browser.
    pub const ALL: &'static [Browser] = &[
        Browser::Chrome,
        Browser::Chromium,
        Browser::Edge,
        Browser::Firefox,
        Browser::Safari,
        Browser::SamsungInternet,
        Browser::Opera,
        Browser::Vivaldi,
        Browser::Brave,
        Browser::DuckDuckGo,
        Browser::InternetExplorer,
        Browser::InApp,
        Browser::Other,
    ];

    /// The name used in packs, events and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Browser::Chrome => "chrome",
            Browser::Chromium => "chromium",
            Browser::Edge => "edge",
            Browser::Firefox => "firefox",
            Browser::Safari => "safari",
            Browser::SamsungInternet => "samsung-internet",
            Browser::Opera => "opera",
            Browser::Vivaldi => "vivaldi",
            Browser::Brave => "brave",
            Browser::DuckDuckGo => "duck-duck-go",
            Browser::InternetExplorer => "internet-explorer",
            Browser::InApp => "in-app",
            Browser::Other => "other",
        }
    }

    /// The browser of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }
}

impl fmt::Display for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Some browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Browsers(u16);

impl Browsers {
    pub(crate) const fn contains(self, browser: Browser) -> bool {
        self.0 & (1 << browser as u16) != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Browser> for Browsers {
    fn from_iter<I: IntoIterator<Item = Browser>>(browsers: I) -> Self {
        let bits = browsers.into_iter().map(|one| 1 << one as u16);
        Self(bits.fold(0, |all, bit: u16| all | bit))
    }
}

impl Policy {
    /// Whether some browsers are permitted and others are not, so that it is worth asking which one
    /// a request comes from.
    pub const fn judges_browsers(&self) -> bool {
        !self.permitted_browsers.is_empty()
    }

    /// Whether a browser may be used.
    pub const fn permits_browser(&self, browser: Browser) -> bool {
        self.permitted_browsers.is_empty() || self.permitted_browsers.contains(browser)
    }
}

impl Subject {
    /// Whether requests of browsers that are not permitted are blocked for them
    /// (`fil.other_browsers`); otherwise they are noticed alone.
    pub const fn blocks_other_browsers(&self) -> bool {
        self.blocks_other_browsers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-16: every browser has a name of its own, and a set holds what was put into it alone.
    #[test]
    fn fil_16_browsers_have_names_and_make_sets() {
        for browser in Browser::ALL {
            assert_eq!(Browser::named(browser.name()), Some(*browser));
            let written = serde_json::to_string(browser).unwrap();
            assert_eq!(written, format!("{:?}", browser.name()));
            let alone: Browsers = [*browser].into_iter().collect();
            let held = Browser::ALL.iter().filter(|other| alone.contains(**other));
            assert_eq!(held.collect::<Vec<_>>(), [browser]);
        }
        assert!(Browsers::default().is_empty());
    }
}
