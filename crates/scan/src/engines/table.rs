//! The engines themselves, and hosts of theirs that are held otherwise.

use std::net::Ipv4Addr;

use super::{Engine, Hosts, Strict};

/// Hosts for which an engine's strict servers are not said to answer, and how they are held instead.
///
/// DuckDuckGo names `duckduckgo.com` alone for its strict servers, with the switch in the address for
/// all its pages; Bing names `www.bing.com`. So `noai` and `cn` can be held where addresses are seen
/// and changed. The two for browsers without scripts send searches as forms, which no switch in the
/// address reaches.
pub(super) static APART: &[(&str, Strict)] = &[
    ("cn.bing.com", Strict::ByAddressLine),
    ("noai.duckduckgo.com", Strict::ByAddressLine),
    ("html.duckduckgo.com", Strict::Never),
    ("lite.duckduckgo.com", Strict::Never),
];

/// Every engine known; at most 64.
pub static ENGINES: &[Engine] = &[
    Engine {
        name: "google",
        strict: Strict::ByName("forcesafesearch.google.com"),
        switch: Some(("safe", "active")),
        words: &["q", "as_q"],
        hosts: Hosts::Endings {
            name: "google",
            labels: &["www", "images"],
            endings: GOOGLE_ENDINGS,
            bare: false,
            probes: &["www.google.com", "www.google.co.uk"],
        },
    },
    Engine {
        name: "youtube",
        strict: Strict::Levels {
            moderate: "restrictmoderate.youtube.com",
            strict: "restrict.youtube.com",
        },
        switch: None,
        words: &["search_query", "q"],
        hosts: Hosts::Exactly {
            rewritten: &[
                "www.youtube.com",
                "m.youtube.com",
                "youtubei.googleapis.com",
                "youtube.googleapis.com",
                "www.youtube-nocookie.com",
            ],
            others: &[
                "youtube.com",
                "youtube-nocookie.com",
                "youtu.be",
                "music.youtube.com",
            ],
        },
    },
    Engine {
        name: "bing",
        strict: Strict::ByName("strict.bing.com"),
        switch: Some(("adlt", "strict")),
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &["www.bing.com", "edgeservices.bing.com"],
            others: &["bing.com", "cn.bing.com"],
        },
    },
    Engine {
        name: "duckduckgo",
        strict: Strict::ByName("safe.duckduckgo.com"),
        switch: Some(("kp", "1")),
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &[
                "duckduckgo.com",
                "www.duckduckgo.com",
                "start.duckduckgo.com",
            ],
            others: &[
                "safe.duckduckgo.com",
                "html.duckduckgo.com",
                "lite.duckduckgo.com",
                "noai.duckduckgo.com",
                "duck.com",
            ],
        },
    },
    Engine {
        name: "brave",
        strict: Strict::ByName("forcesafe.search.brave.com"),
        switch: Some(("safesearch", "strict")),
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &["search.brave.com"],
            others: &[],
        },
    },
    Engine {
        name: "ecosia",
        strict: Strict::ByName("strict-safe-search.ecosia.org"),
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &["www.ecosia.org"],
            others: &["ecosia.org"],
        },
    },
    Engine {
        name: "pixabay",
        strict: Strict::ByName("safesearch.pixabay.com"),
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &["pixabay.com"],
            others: &["www.pixabay.com"],
        },
    },
    Engine {
        name: "yandex",
        strict: Strict::ByAddress(Ipv4Addr::new(213, 180, 193, 56)),
        switch: None,
        words: &["text"],
        hosts: Hosts::Endings {
            name: "yandex",
            labels: &["www", "m", "images", "video"],
            endings: YANDEX_ENDINGS,
            bare: true,
            probes: &["yandex.com", "yandex.ru"],
        },
    },
    Engine {
        name: "ya",
        strict: Strict::ByAddress(Ipv4Addr::new(213, 180, 193, 56)),
        switch: None,
        words: &["text"],
        hosts: Hosts::Exactly {
            rewritten: &["ya.ru", "www.ya.ru", "xn--d1acpjx3f.xn--p1ai"],
            others: &[],
        },
    },
    Engine {
        name: "yahoo",
        strict: Strict::ByAddressLine,
        switch: Some(("vm", "r")),
        words: &["p"],
        hosts: Hosts::Below {
            domains: &["search.yahoo.com", "search.yahoo.co.jp"],
        },
    },
    Engine {
        name: "kiddle",
        strict: Strict::ByDesign,
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &[],
            others: &["www.kiddle.co", "kiddle.co"],
        },
    },
    Engine {
        name: "swiggle",
        strict: Strict::ByDesign,
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &[],
            others: &["swiggle.org.uk", "www.swiggle.org.uk"],
        },
    },
    Engine {
        name: "kidrex",
        strict: Strict::ByDesign,
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &[],
            others: &["www.kidrex.org", "kidrex.org"],
        },
    },
    Engine {
        name: "safesearchkids",
        strict: Strict::ByDesign,
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &[],
            others: &["www.safesearchkids.com", "safesearchkids.com"],
        },
    },
    Engine {
        name: "startpage",
        strict: Strict::Never,
        switch: None,
        words: &["query", "q"],
        hosts: Hosts::Below {
            domains: &["startpage.com"],
        },
    },
    Engine {
        name: "qwant",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Below {
            domains: &["qwant.com"],
        },
    },
    Engine {
        name: "aol",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Below {
            domains: &["search.aol.com", "search.aol.co.uk"],
        },
    },
    Engine {
        name: "baidu",
        strict: Strict::Never,
        switch: None,
        words: &["wd", "word"],
        hosts: Hosts::Below {
            domains: &["baidu.com"],
        },
    },
    Engine {
        name: "ask",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Below {
            domains: &["ask.com"],
        },
    },
    Engine {
        name: "mojeek",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Below {
            domains: &["mojeek.com", "mojeek.co.uk"],
        },
    },
    Engine {
        name: "dogpile",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Below {
            domains: &["dogpile.com"],
        },
    },
    Engine {
        name: "sogou",
        strict: Strict::Never,
        switch: None,
        words: &["query"],
        hosts: Hosts::Below {
            domains: &["sogou.com"],
        },
    },
    Engine {
        name: "naver",
        strict: Strict::Never,
        switch: None,
        words: &["query"],
        hosts: Hosts::Exactly {
            rewritten: &[],
            others: &["search.naver.com"],
        },
    },
    Engine {
        name: "seznam",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &[],
            others: &["search.seznam.cz"],
        },
    },
    Engine {
        name: "presearch",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &[],
            others: &["presearch.com", "presearch.org"],
        },
    },
    Engine {
        name: "metager",
        strict: Strict::Never,
        switch: None,
        words: &["eingabe"],
        hosts: Hosts::Below {
            domains: &["metager.org", "metager.de"],
        },
    },
    Engine {
        name: "gibiru",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &[],
            others: &["gibiru.com"],
        },
    },
    Engine {
        name: "you",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Exactly {
            rewritten: &[],
            others: &["you.com"],
        },
    },
    Engine {
        name: "perplexity",
        strict: Strict::Never,
        switch: None,
        words: &["q"],
        hosts: Hosts::Below {
            domains: &["perplexity.ai"],
        },
    },
];

/// Country endings of the search engine's name, sorted.
pub(super) static GOOGLE_ENDINGS: &[&str] = &[
    "ad", "ae", "al", "am", "as", "at", "az", "ba", "be", "bf", "bg", "bi", "bj", "bs", "bt", "by",
    "ca", "cat", "cd", "cf", "cg", "ch", "ci", "cl", "cm", "cn", "co.ao", "co.bw", "co.ck",
    "co.cr", "co.id", "co.il", "co.in", "co.jp", "co.ke", "co.kr", "co.ls", "co.ma", "co.mz",
    "co.nz", "co.th", "co.tz", "co.ug", "co.uk", "co.uz", "co.ve", "co.vi", "co.za", "co.zm",
    "co.zw", "com", "com.af", "com.ag", "com.ar", "com.au", "com.bd", "com.bh", "com.bn", "com.bo",
    "com.br", "com.bz", "com.co", "com.cu", "com.cy", "com.do", "com.ec", "com.eg", "com.et",
    "com.fj", "com.gh", "com.gi", "com.gt", "com.hk", "com.jm", "com.kh", "com.kw", "com.lb",
    "com.ly", "com.mm", "com.mt", "com.mx", "com.my", "com.na", "com.ng", "com.ni", "com.np",
    "com.om", "com.pa", "com.pe", "com.pg", "com.ph", "com.pk", "com.pr", "com.py", "com.qa",
    "com.sa", "com.sb", "com.sg", "com.sl", "com.sv", "com.tj", "com.tr", "com.tw", "com.ua",
    "com.uy", "com.vc", "com.vn", "cv", "cz", "de", "dj", "dk", "dm", "dz", "ee", "es", "fi", "fm",
    "fr", "ga", "ge", "gg", "gl", "gm", "gr", "gy", "hn", "hr", "ht", "hu", "ie", "im", "iq", "is",
    "it", "je", "jo", "kg", "ki", "kz", "la", "li", "lk", "lt", "lu", "lv", "md", "me", "mg", "mk",
    "ml", "mn", "mu", "mv", "mw", "ne", "nl", "no", "nr", "nu", "pl", "pn", "ps", "pt", "ro", "rs",
    "ru", "rw", "sc", "se", "sh", "si", "sk", "sm", "sn", "so", "sr", "st", "td", "tg", "tl", "tm",
    "tn", "to", "tt", "vu", "ws",
];

/// Country endings, sorted.
pub(super) static YANDEX_ENDINGS: &[&str] = &[
    "az", "by", "co.il", "com", "com.am", "com.ge", "com.tr", "com.ua", "ee", "eu", "fr", "jobs",
    "kg", "kz", "lt", "lv", "md", "net", "org", "pl", "ru", "tj", "tm", "ua", "uz",
];
