//! What a pack says of the filter: FIL, SRCH, MON.

use jiff::civil::date;
use pharos_pack::{Options, Severity, load, load_with};
use pharos_policy::spec::PhaseMode;
use pharos_policy::{Action, YouTube};

use crate::kit::*;

/// FIL-06, FIL-07, VUL-04: settings and phases become rules that carry the setting's name.
#[test]
fn fil_06_settings_become_rules_named_after_them() {
    let pack = sound(load(&sample_files()));
    let named = |name: &str| {
        pack.filter
            .rules
            .iter()
            .filter(|rule| rule.name.starts_with(name))
            .collect::<Vec<_>>()
    };
    let social = named("fil.social_media");
    assert_eq!(
        social
            .iter()
            .map(|rule| (rule.groups[0].as_str(), rule.action))
            .collect::<Vec<_>>(),
        [("pupils", Action::Block), ("staff", Action::Warn)]
    );
    assert_eq!(social[0].hours, ["school-day"]);
    assert!(
        named("fil.categories")
            .iter()
            .any(|rule| rule.groups == ["everyone"]
                && rule.categories.contains(&"pornography".to_owned()))
    );
    let youngest = pack
        .filter
        .modes
        .iter()
        .find(|mode| mode.groups == ["early-years"])
        .unwrap();
    assert_eq!(youngest.mode, PhaseMode::AdultLed);
    let pupils = pack
        .filter
        .search
        .iter()
        .find(|search| search.groups == ["pupils"])
        .unwrap();
    assert!(pupils.safe_search && pupils.youtube == YouTube::Strict);
    assert_eq!(
        pack.school.phases.first().map(|phase| phase.name.as_str()),
        Some("early-years")
    );
}

/// FIL-02: dictionaries in the pack stand beside the shipped ones, with the pack's own sets; what is
/// wrong in them is told with file and line.
#[test]
fn fil_02_a_packs_own_dictionaries_are_read_and_checked() {
    let school = format!("{SMALL}[categories]\nclams = \"Pages about clams\"\n");
    let head = "version 1\nthreshold early 40, prep 60, secondary 90, sixth 120, adult 180\n";
    let pack_with = |name: &str, lines: &str| {
        load(&files(&[
            ("school.toml", &school),
            ("policy.md", POLICY),
            ("dictionaries/sets.txt", "set pearl = clam, oyster*\n"),
            (
                "dictionaries/clams.txt",
                &format!("dictionary {name}\n{head}{lines}\n"),
            ),
        ]))
    };
    let pack = sound(pack_with("clams", "95 lucky ~3 @pearl"));
    let own = pack.dictionaries.compiled.unwrap();
    assert!(own.theme("clams").is_some() && own.theme("self-harm").is_some());
    assert!(sound(with("")).dictionaries.compiled.is_none());
    for (name, lines, line, told) in [
        ("clams", "9000 lucky clam", 4, "-500"),
        ("clams", "5 fine\n95 lucky ~3 @nowhere", 5, "nowhere"),
        ("clamz", "95 lucky clam", 1, "clams"),
    ] {
        let loaded = pack_with(name, lines);
        let wrong = loaded
            .problems
            .iter()
            .find(|p| p.severity == Severity::Error);
        let wrong = wrong.unwrap();
        assert_eq!(
            (&*wrong.file, wrong.place.line),
            ("dictionaries/clams.txt", line),
            "{wrong}"
        );
        assert!(report(&loaded).contains(told), "{wrong}");
    }
}

/// SRCH-03: a search tool is accepted only with an approved risk assessment that is current on the
/// day; a pack that is in force already stays so when one runs out.
#[test]
fn srch_03_a_tool_without_a_current_assessment_is_refused() {
    let tools = "[srch]\ntools = [\"kiddle\"]\n";
    let loaded = with(tools);
    assert!(loaded.pack.is_none());
    let told = report(&loaded);
    assert!(told.contains("school.toml:16:"), "{told}");
    assert!(
        told.contains("\"kiddle\" has no approved risk assessment"),
        "{told}"
    );
    let assessed = format!(
        "{tools}[[assessments]]\nid = \"RA-7\"\ntool = \"kiddle\"\napproved_by = \"ben.knot\"\n\
         approved_on = 2026-09-01\nexpires = 2027-08-31\nowner = \"anna.tern\"\n"
    );
    let pack = sound(with(&assessed));
    assert_eq!(pack.assessments[0].owner, "anna.tern");
    let on = |today| {
        let school = format!("{SMALL}{assessed}");
        let files = files(&[("school.toml", &school), ("policy.md", POLICY)]);
        let options = Options {
            today: Some(today),
            ..Options::default()
        };
        load_with(&files, &options)
    };
    sound(on(date(2027, 8, 31)));
    for today in [date(2027, 9, 1), date(2026, 8, 31)] {
        let loaded = on(today);
        assert!(loaded.pack.is_none());
        assert!(
            report(&loaded).contains("is not current on"),
            "{}",
            report(&loaded)
        );
    }
    let wrong = assessed.replace("tool = \"kiddle\"", "tool = \"kiddel\"");
    assert!(report(&with(&wrong)).contains("\"kiddel\" is no search tool"));
}

/// FIL-19: what the settings say of downloads becomes the policy, with permission by role and by
/// group; the names of kinds are those of the policy, and what is wrong is said at its line.
#[test]
fn fil_19_settings_of_downloads_become_the_policy() {
    use pharos_policy::FileKind;
    use pharos_policy::spec::Undecided;
    let usual = sound(with("")).filter.downloads;
    let blocked: Vec<_> = usual.block.iter().map(|block| &*block.groups[0]).collect();
    assert_eq!(blocked, ["pupils", "staff"]);
    assert_eq!(usual.block[0].except, ["fil.download_permission"]);
    assert_eq!(usual.antivirus.engine, None);
    assert_eq!(usual.antivirus.away, Undecided::Block);
    let pack = sound(with(
        "[groups.makers]\nusernames = [\"ada\"]\n[fil]\n\
         downloads = { pupils = [\"programs\", \"installers\"], makers = [\"archives\"] }\n\
         download_permission = [\"makers\", \"technical\"]\n\
         antivirus = \"/run/clamav/clamd.ctl\"\nantivirus_mb = 64\nantivirus_kinds = [\"programs\"]\n",
    ));
    let downloads = &pack.filter.downloads;
    assert_eq!(downloads.block.len(), 2);
    assert_eq!(
        downloads.block[0].except,
        ["makers", "fil.download_permission"]
    );
    let engine = &downloads.antivirus;
    assert_eq!(engine.engine.as_deref(), Some("/run/clamav/clamd.ctl"));
    assert_eq!(
        (engine.mb_max, &*engine.kinds),
        (64, &[FileKind::Programs][..])
    );
    let all: Vec<String> = FileKind::ALL
        .iter()
        .map(|kind| format!("\"{kind}\""))
        .collect();
    let all = format!("[fil]\nantivirus_kinds = [{}]\n", all.join(", "));
    let kinds = sound(with(&all)).filter.downloads.antivirus.kinds;
    assert_eq!(kinds, FileKind::ALL, "every kind can be named");
    for (wrong, told) in [
        ("downloads = [\"programmes\"]", "programs"),
        (
            "download_permission = [\"technicals\"]",
            "no group and no role",
        ),
        ("antivirus = \"clamd\"", "neither host:port nor the path"),
        (
            "download_sites = [\"updates.example/here\"]",
            "name whole hosts",
        ),
    ] {
        let loaded = with(&format!("[fil]\n{wrong}\n"));
        let problem = loaded
            .problems
            .iter()
            .find(|p| p.severity == Severity::Error);
        let problem = problem.unwrap();
        let said = format!(
            "{} {}",
            problem.message,
            problem.help.as_deref().unwrap_or_default()
        );
        assert!(said.contains(told), "{said}");
        assert!(problem.place.line > 1, "{said} has a line");
    }
}

/// FIL-16, FIL-17: the pack names resolvers with the way each is asked; what is none is refused at its
/// line, with the forms that are known.
#[test]
fn fil_16_the_pack_names_encrypted_resolvers() {
    let loaded = with(
        "[network]\ndns_upstreams = [\n  \"tls://9.9.9.9#dns.quad9.net\",\n  \"https://[2620:fe::fe]/dns-query#dns.quad9.net\",\n]\n",
    );
    assert_eq!(loaded.count(Severity::Warning), 0, "{}", report(&loaded));
    let pack = loaded.pack.unwrap();
    let written: Vec<String> = pack.upstreams().iter().map(ToString::to_string).collect();
    assert_eq!(
        written,
        [
            "tls://9.9.9.9:853#dns.quad9.net",
            "https://[2620:fe::fe]:443/dns-query#dns.quad9.net"
        ]
    );
    for (wrong, about) in [
        ("quic://9.9.9.9#dns.quad9.net", "is no resolver"),
        ("tls://9.9.9.9", "is no resolver"),
        ("tls://dns.quad9.net#dns.quad9.net", "is no resolver"),
        (
            "tls://9.9.9.9#dns.quad9.net\",\n\"tls://9.9.9.9:853#dns.quad9.net",
            "is there twice",
        ),
    ] {
        let loaded = with(&format!("[network]\ndns_upstreams = [\n\"{wrong}\"]\n"));
        assert!(loaded.pack.is_none(), "{wrong}");
        let said = report(&loaded);
        let line = SMALL.lines().count() + 2 + wrong.lines().count();
        assert!(
            said.contains(&format!("school.toml:{line}")) && said.contains(about),
            "{said}"
        );
    }
    let mixed = with("[network]\ndns_upstreams = [\"9.9.9.9\", \"tls://9.9.9.9#dns.quad9.net\"]\n");
    assert!(
        report(&mixed).contains("in the clear"),
        "{}",
        report(&mixed)
    );
    assert!(mixed.pack.is_some(), "that is for the school to decide");
}

/// FIL-03, FIL-04: where bundles of sealed lists come from; what cannot be fetched is refused at its line.
#[test]
fn fil_03_the_pack_says_where_sealed_bundles_come_from() {
    let key = "ab".repeat(32);
    let right = format!(
        "[[fil.bundles]]\nname = \"iwf\"\nowner = \"Foundation\"\npublisher_key = \"{key}\"\nsource = \"https://lists.example/iwf\"\n"
    );
    let pack = with(&right).pack.unwrap();
    let source = &pack.sealed[0];
    assert_eq!((source.refresh_hours, source.alert_days), (24, 3));
    assert_eq!(source.publisher_key, Some([0xab; 32]));
    for (from, to, about) in [
        ("\"iwf\"", "\"I W F\"", "is no name for a list"),
        (
            "https://lists.example/iwf",
            "lists/iwf",
            "is nowhere to fetch from",
        ),
        ("owner = \"Foundation\"", "", "belong together"),
        ("abab", "xyxy", "no public key"),
    ] {
        let loaded = with(&right.replacen(from, to, 1));
        assert!(loaded.pack.is_none(), "{about}");
        let said = report(&loaded);
        assert!(
            said.contains("school.toml:1") && said.contains(about),
            "{said}"
        );
    }
}

/// FIL-10: the cap on mail names hours and sites that are there, and something to count.
#[test]
fn fil_10_the_cap_on_mail_is_checked() {
    let cap = |more: &str| {
        with(&format!(
            "[school.hours]\nlessons = {{ days = \"mon-fri\", from = \"08:30\", to = \"15:00\" }}\n[fil]\nmail_cap_minutes = 30\n{more}"
        ))
    };
    let right = cap("mail_cap_sites = [\"mail.tern.example\"]\nmail_cap_not_in = \"lessons\"\n");
    assert_eq!(right.count(Severity::Warning), 0, "{}", report(&right));
    assert_eq!(sound(right).number_of("fil.mail_cap_minutes", 0), 30);
    assert!(report(&cap("")).contains("nothing counts towards the cap"));
    for (wrong, about) in [
        (
            "mail_cap_not_in = \"lesons\"\n",
            "\"lesons\" names no hours of the pack",
        ),
        (
            "mail_cap_sites = [\"https://mail.tern.example\"]\n",
            "is no name of a site",
        ),
        (
            "mail_cap_sites = [\"mail.tern.example/inbox\"]\n",
            "is no name of a site",
        ),
    ] {
        let loaded = cap(wrong);
        assert!(loaded.pack.is_none(), "{wrong}");
        let line = SMALL.lines().count() + 5;
        let said = report(&loaded);
        assert!(
            said.contains(&format!("school.toml:{line}")) && said.contains(about),
            "{said}"
        );
    }
}

/// MON-03, CFG-03: the school's own adapters of AI tools are part of its pack; what is wrong with one is
/// told by file and line.
#[test]
fn mon_03_adapters_of_ai_tools_are_part_of_the_pack() {
    const RIGHT: &str =
        "tool harbour-talk\nversion 1\nhosts talk.example\n[POST /chat]\nprompt q\n";
    let load = |name: &str, text: &str| {
        load(&files(&[
            ("school.toml", SMALL),
            ("policy.md", POLICY),
            (name, text),
        ]))
    };
    let pack = sound(load("ai-tools/harbour-talk.txt", RIGHT));
    assert_eq!(&*pack.ai_tools[0].name, "harbour-talk");
    for (name, text, wants) in [
        (
            "ai-tools/harbour-talk.txt",
            RIGHT.replace("version 1", "version x"),
            "ai-tools/harbour-talk.txt:2",
        ),
        (
            "ai-tools/other.txt",
            RIGHT.to_owned(),
            "ai-tools/other.txt:1",
        ),
    ] {
        let loaded = load(name, &text);
        assert!(loaded.pack.is_none());
        let said = report(&loaded);
        assert!(said.contains(wants), "{said}");
    }
    let noted = load("ai-tools/harbour-talk.toml", RIGHT);
    assert!(report(&noted).contains("is not part of a pack"));
}

/// FIL-16, FIL-19: which browsers may be used, and who reaches the stores of extensions, becomes the
/// policy; the names of browsers are those of the policy, and pupils let into the stores have to be
/// confirmed.
#[test]
fn fil_16_settings_of_browsers_become_the_policy() {
    use pharos_policy::Browser;
    let usual = sound(with("")).filter.browsers;
    assert!(usual.permitted.contains(&Browser::Firefox));
    assert!(!usual.permitted.contains(&Browser::Opera));
    assert!(usual.block_others.is_empty(), "noticed alone");
    assert_eq!(usual.close_stores.len(), 1);
    assert_eq!(usual.close_stores[0].groups, ["pupils"]);
    assert_eq!(usual.close_stores[0].except, ["fil.download_permission"]);
    let all: Vec<String> = Browser::ALL
        .iter()
        .map(|browser| format!("\"{browser}\""))
        .collect();
    let text = format!(
        "[fil]\nbrowsers = [{}]\nother_browsers = {{ pupils = \"blocked\" }}\n",
        all.join(", ")
    );
    let own = sound(with(&text)).filter.browsers;
    assert_eq!(own.permitted, Browser::ALL, "every browser can be named");
    assert_eq!(own.block_others.len(), 1);
    assert_eq!(own.block_others[0].groups, ["pupils"]);
    let any = sound(with("[fil]\nbrowsers = []\n")).filter.browsers;
    assert!(any.permitted.is_empty());
    let told = report(&with("[fil]\nbrowsers = [\"operator\"]\n"));
    assert!(told.contains("opera"), "{told}");
    let open = "[fil]\nextension_stores = { pupils = \"allowed\", staff = \"allowed\" }\n";
    let told = report(&with(open));
    assert!(told.contains("fil.extension_stores"), "{told}");
}
