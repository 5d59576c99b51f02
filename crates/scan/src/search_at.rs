//! Where to search with an engine: to send somebody there with the words they meant to search for
//! elsewhere (SRCH-03).

use form_urlencoded::Serializer;

use crate::engines::Engine;

/// Where the words follow, by the engine's name. Sources: the engines' own search pages.
const SEARCH_AT: &[(&str, &str, &str)] = &[
    ("google", "https://www.google.com/search", "q"),
    ("bing", "https://www.bing.com/search", "q"),
    ("duckduckgo", "https://duckduckgo.com/", "q"),
    ("brave", "https://search.brave.com/search", "q"),
    ("ecosia", "https://www.ecosia.org/search", "q"),
    ("yandex", "https://yandex.com/search/", "text"),
    ("ya", "https://ya.ru/search/", "text"),
    ("yahoo", "https://search.yahoo.com/search", "p"),
    ("kiddle", "https://www.kiddle.co/s.php", "q"),
    ("startpage", "https://www.startpage.com/sp/search", "query"),
    ("qwant", "https://www.qwant.com/", "q"),
    ("mojeek", "https://www.mojeek.com/search", "q"),
];

impl Engine {
    /// The address to search at with these words; the engine's front page where there are none, or
    /// where it is not known how it takes them.
    pub fn search_at(&self, words: Option<&str>) -> String {
        let known = SEARCH_AT.iter().find(|(name, _, _)| *name == self.name);
        match (known, words) {
            (Some((_, at, parameter)), Some(words)) => {
                let mut query = Serializer::new(String::new());
                query.append_pair(parameter, words);
                format!("{at}?{}", query.finish())
            }
            _ => format!("https://{}/", self.front_host()),
        }
    }
}

#[cfg(test)]
mod tests {
    use pharos_catalogue::Address;

    use crate::engines::ENGINES;
    use crate::search_terms;

    /// SRCH-03: the words arrive as they were meant, whatever is in them, and every engine has a
    /// front page of its own.
    #[test]
    fn srch_03_words_are_carried_to_the_engine_as_they_were_meant() {
        let words = "tides & moons: 100% \u{e9}t\u{e9}#?";
        for engine in ENGINES {
            let front = Address::parse(&engine.search_at(None)).unwrap();
            let owner = crate::engines::engine_of(front.host()).unwrap().engine();
            assert_eq!(owner.name, engine.name);
            let address = Address::parse(&engine.search_at(Some(words))).unwrap();
            if let Some(found) = search_terms(&address) {
                assert_eq!((found.engine, &*found.terms), (engine.name, words));
            } else {
                assert_eq!(address.path(), Some("/"), "{}", engine.name);
            }
        }
        let google = ENGINES[0].search_at(Some("a b"));
        assert_eq!(google, "https://www.google.com/search?q=a+b");
    }
}
