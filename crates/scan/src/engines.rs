//! Search engines and the video site: whose host is whose, how each is held to its strict filter,
//! and where it carries the words that were searched for.
//!
//! Sources: the engines' own help pages as gathered in the safe-search rule files of public
//! filters. Names change rarely; a new engine is one more line in [`ENGINES`].

mod table;

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use pharos_catalogue::Host;

use crate::glance::Glance;

use table::APART;
pub use table::ENGINES;

/// How an engine is held to its strict filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strict {
    /// By answering its name with the name of its strict servers (a CNAME); the switch it leaves
    /// in the address, where it has one, helps when inspecting.
    ByName(&'static str),
    /// By answering its name with this address; it publishes no name for it.
    ByAddress(Ipv4Addr),
    /// It has levels: the video site.
    Levels {
        /// The name that holds it to the moderate level.
        moderate: &'static str,
        /// The name that holds it to the strict level.
        strict: &'static str,
    },
    /// Only by a switch in the address, so only where paths are seen and changed.
    ByAddressLine,
    /// It shows nothing else: made for children.
    ByDesign,
    /// It cannot be held: block it for whoever must search safely.
    Never,
}

/// One search engine, or the video site.
#[derive(Debug)]
pub struct Engine {
    /// Its name in packs (`srch.tools`) and events.
    pub name: &'static str,
    /// How it is held.
    pub strict: Strict,
    /// The parameter that switches its strict filter on in an address.
    pub switch: Option<(&'static str, &'static str)>,
    /// Parameters that carry the words, first found counts.
    pub words: &'static [&'static str],
    hosts: Hosts,
}

#[derive(Debug)]
enum Hosts {
    /// `google.<ending>`, with or without one of these first labels. The names with the first
    /// label are rewritten, and the bare ones too where `bare` says so.
    Endings {
        name: &'static str,
        labels: &'static [&'static str],
        endings: &'static [&'static str],
        bare: bool,
        /// Some of them, to be tried.
        probes: &'static [&'static str],
    },
    /// These domains with every host below them: one for each country and each kind of search. No
    /// name of them is rewritten.
    Below { domains: &'static [&'static str] },
    /// These hosts; those that the strict name stands for come first.
    Exactly {
        rewritten: &'static [&'static str],
        others: &'static [&'static str],
    },
}

/// The place of an engine in [`ENGINES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EngineId(pub u8);

impl EngineId {
    /// The engine.
    pub fn engine(self) -> &'static Engine {
        // Ids are only made by `engine_of`; a made-up one reads as the last engine.
        ENGINES
            .get(usize::from(self.0))
            .unwrap_or(&ENGINES[ENGINES.len() - 1])
    }
}

impl Engine {
    /// Hosts for the self-check to ask for: those that are rewritten when searches are held, a
    /// few of an engine that has one for each country, its first host where none is rewritten; and
    /// those that are held otherwise than the engine.
    pub fn probe_hosts(&self) -> impl Iterator<Item = &'static str> {
        let usual: &'static [&'static str] = match &self.hosts {
            Hosts::Exactly {
                rewritten: [],
                others,
            } => &others[..others.len().min(1)],
            Hosts::Exactly { rewritten, .. } => rewritten,
            Hosts::Endings { probes, .. } => probes,
            Hosts::Below { domains } => &domains[..domains.len().min(1)],
        };
        let apart = APART.iter().map(|(host, _)| *host);
        usual
            .iter()
            .copied()
            .chain(apart.filter(|host| self.owns(host)))
    }

    /// The host of its front page.
    pub(crate) fn front_host(&self) -> String {
        match &self.hosts {
            Hosts::Endings {
                name, labels, bare, ..
            } => match labels.first().filter(|_| !bare) {
                Some(label) => format!("{label}.{name}.com"),
                None => format!("{name}.com"),
            },
            Hosts::Exactly { rewritten, others } => {
                let first = rewritten.first().or(others.first());
                first.copied().unwrap_or_default().to_owned()
            }
            Hosts::Below { domains } => domains.first().copied().unwrap_or_default().to_owned(),
        }
    }

    /// Whether it is the video site rather than a search engine.
    pub fn is_video(&self) -> bool {
        matches!(self.strict, Strict::Levels { .. })
    }

    /// Whether the name of this host is answered with the strict servers' name. The engine's other
    /// hosts (bare names that only redirect) are not.
    pub fn rewrites(&self, host: &Host) -> bool {
        match &self.hosts {
            Hosts::Endings {
                name, labels, bare, ..
            } => {
                let host = host.as_str();
                let first = labels.first().and_then(|label| host.strip_prefix(label));
                first.is_some_and(|rest| rest.starts_with('.')) || (*bare && host.starts_with(name))
            }
            Hosts::Exactly { rewritten, .. } => rewritten.contains(&host.as_str()),
            Hosts::Below { .. } => false,
        }
    }

    /// How this host of the engine is held: as the engine is, but for the few in [`APART`].
    pub fn strict_at(&self, host: &Host) -> Strict {
        let apart = APART.iter().find(|(apart, _)| *apart == host.as_str());
        apart.map_or(self.strict, |(_, strict)| *strict)
    }

    fn owns(&self, host: &str) -> bool {
        match &self.hosts {
            Hosts::Below { domains } => domains.iter().any(|domain| {
                let rest = host.strip_suffix(domain);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }),
            Hosts::Exactly { rewritten, others } => {
                rewritten.contains(&host) || others.contains(&host)
            }
            Hosts::Endings {
                name,
                labels,
                endings,
                ..
            } => {
                let bare = host
                    .split_once('.')
                    .filter(|(label, _)| labels.contains(label))
                    .map_or(host, |(_, bare)| bare);
                bare.strip_prefix(name)
                    .and_then(|rest| rest.strip_prefix('.'))
                    .is_some_and(|ending| endings.binary_search(&ending).is_ok())
            }
        }
    }
}

/// The engine that a host belongs to. Allocates nothing; most hosts are told at a glance.
pub fn engine_of(host: &Host) -> Option<EngineId> {
    TABLE.find(host.as_str())
}

/// Every engine's hosts, to be searched from the whole host upwards.
struct Table {
    /// Whole hosts.
    exact: Names,
    /// Domains that an engine owns with all below them.
    below: Names,
    /// First labels that endings follow.
    named: Names,
}

/// Names sorted, with the place of the engine that each belongs to.
struct Names(Glance, Vec<(&'static str, u8)>);

impl Names {
    fn of(of: fn(&'static Hosts) -> Vec<&'static str>) -> Self {
        let engines = (0u8..).zip(ENGINES);
        let mut all: Vec<_> = engines
            .flat_map(|(place, engine)| of(&engine.hosts).into_iter().map(move |n| (n, place)))
            .collect();
        all.sort_unstable();
        Self(all.iter().map(|(name, _)| *name).collect(), all)
    }

    fn get(&self, name: &str) -> Option<u8> {
        if !self.0.may_hold(name) {
            return None;
        }
        let place = self.1.binary_search_by(|(known, _)| (*known).cmp(name));
        Some(self.1[place.ok()?].1)
    }
}

impl Table {
    fn find(&self, host: &str) -> Option<EngineId> {
        if let Some(place) = self.exact.get(host) {
            return Some(EngineId(place));
        }
        let mut rest = host;
        let mut depth = 0;
        loop {
            // Labels are short: byte by byte is quicker than a search made for long texts.
            let dot = rest.bytes().position(|byte| byte == b'.');
            let (label, after) = match dot {
                Some(dot) => (&rest[..dot], Some(&rest[dot + 1..])),
                None => (rest, None),
            };
            if let Some(place) = self.below.get(rest) {
                return Some(EngineId(place));
            }
            if depth < 2
                && let Some(place) = self.named.get(label)
                && EngineId(place).engine().owns(host)
            {
                return Some(EngineId(place));
            }
            (rest, depth) = (after?, depth + 1);
        }
    }
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table {
    exact: Names::of(|hosts| match hosts {
        Hosts::Exactly { rewritten, others } => [*rewritten, *others].concat(),
        Hosts::Endings { .. } | Hosts::Below { .. } => Vec::new(),
    }),
    below: Names::of(|hosts| match hosts {
        Hosts::Below { domains } => domains.to_vec(),
        Hosts::Endings { .. } | Hosts::Exactly { .. } => Vec::new(),
    }),
    named: Names::of(|hosts| match hosts {
        Hosts::Endings { name, .. } => vec![*name],
        Hosts::Exactly { .. } | Hosts::Below { .. } => Vec::new(),
    }),
});

/// The engine with this name.
pub fn engine_named(name: &str) -> Option<EngineId> {
    let place = ENGINES.iter().position(|engine| engine.name == name)?;
    u8::try_from(place).ok().map(EngineId)
}

#[cfg(test)]
mod tests {
    use super::table::{GOOGLE_ENDINGS, YANDEX_ENDINGS};
    use super::*;

    fn name_of(host: &str) -> Option<&'static str> {
        engine_of(&Host::parse(host).unwrap()).map(|id| id.engine().name)
    }

    #[test]
    fn hosts_are_told_apart_from_look_alikes() {
        for (host, engine) in [
            ("www.google.co.uk", Some("google")),
            ("google.com", Some("google")),
            ("images.google.de", Some("google")),
            ("www.google.com.evil.test", None),
            ("mail.google.com", None),
            ("notgoogle.com", None),
            ("m.youtube.com", Some("youtube")),
            ("www.bing.com", Some("bing")),
            ("start.duckduckgo.com", Some("duckduckgo")),
            ("yandex.com.tr", Some("yandex")),
            ("search.aol.com", Some("aol")),
            ("harbourmouth.sch.example", None),
        ] {
            assert_eq!(name_of(host), engine, "{host}");
        }
    }

    /// SRCH-01: an engine is known in every country it is in, and its other services are not it.
    #[test]
    fn srch_01_engines_are_known_in_every_country() {
        for (host, engine) in [
            ("search.yahoo.com", Some("yahoo")),
            ("fr.search.yahoo.com", Some("yahoo")),
            ("de.search.yahoo.com", Some("yahoo")),
            ("ca.search.yahoo.com", Some("yahoo")),
            ("espanol.images.search.yahoo.com", Some("yahoo")),
            ("search.yahoo.co.jp", Some("yahoo")),
            ("mail.yahoo.com", None),
            ("research.yahoo.com", None),
            ("search.yahoo.com.evil.test", None),
            ("eu.startpage.com", Some("startpage")),
            ("notstartpage.com", None),
            ("image.baidu.com", Some("baidu")),
            ("de.ask.com", Some("ask")),
            ("task.com", None),
            ("search.brave.com", Some("brave")),
            ("brave.com", None),
            ("pixabay.com", Some("pixabay")),
            ("edgeservices.bing.com", Some("bing")),
            ("www.youtube-nocookie.com", Some("youtube")),
            ("ya.ru", Some("ya")),
            (
                "\u{44f}\u{43d}\u{434}\u{435}\u{43a}\u{441}.\u{440}\u{444}",
                Some("ya"),
            ),
            ("images.yandex.com", Some("yandex")),
            ("mail.yandex.ru", None),
            ("www.ecosia.org", Some("ecosia")),
            ("blog.ecosia.org", None),
        ] {
            assert_eq!(name_of(host), engine, "{host}");
        }
    }

    #[test]
    fn tables_are_sorted_and_every_host_finds_its_engine() {
        assert!(GOOGLE_ENDINGS.is_sorted() && YANDEX_ENDINGS.is_sorted());
        assert!(ENGINES.len() <= 64);
        for engine in ENGINES {
            if let Hosts::Exactly { rewritten, others } = &engine.hosts {
                for host in rewritten.iter().chain(*others) {
                    assert_eq!(name_of(host), Some(engine.name), "{host}");
                }
            }
        }
        for (apart, strict) in APART {
            let host = Host::parse(apart).unwrap();
            let engine = engine_of(&host).unwrap().engine();
            assert_ne!(engine.strict, *strict, "{apart}");
            assert!(!engine.rewrites(&host), "{apart}");
        }
    }

    /// SRCH-01: every host of every engine is found, and belongs to that engine alone.
    #[test]
    fn srch_01_every_host_finds_its_engine() {
        for engine in ENGINES {
            let hosts: Vec<String> = match &engine.hosts {
                Hosts::Exactly { rewritten, others } => rewritten
                    .iter()
                    .chain(*others)
                    .map(|h| (*h).to_owned())
                    .collect(),
                Hosts::Below { domains } => domains
                    .iter()
                    .flat_map(|domain| [(*domain).to_owned(), format!("a.b.{domain}")])
                    .collect(),
                Hosts::Endings {
                    name,
                    labels,
                    endings,
                    ..
                } => endings
                    .iter()
                    .flat_map(|ending| {
                        let bare = format!("{name}.{ending}");
                        let with = labels.iter().map(|label| format!("{label}.{bare}"));
                        with.chain([bare.clone()]).collect::<Vec<_>>()
                    })
                    .collect(),
            };
            for host in hosts {
                assert!(engine.owns(&host), "{host}");
                assert_eq!(name_of(&host), Some(engine.name), "{host}");
            }
        }
    }

    #[test]
    fn only_the_searching_names_are_rewritten() {
        let google = engine_named("google").unwrap().engine();
        assert!(google.rewrites(&Host::parse("www.google.fr").unwrap()));
        assert!(!google.rewrites(&Host::parse("images.google.fr").unwrap()));
        let bing = engine_named("bing").unwrap().engine();
        assert!(bing.rewrites(&Host::parse("edgeservices.bing.com").unwrap()));
        assert!(!bing.rewrites(&Host::parse("bing.com").unwrap()));
    }
}
