//! What is checked, and how it is said: CFG-01.

use pharos_pack::{
    Behaviour, Loaded, Place, Severity, load, load_floor, load_held, load_held_floor, load_with,
    setting, settings,
};
use pharos_school::Role;

use crate::kit::*;

/// CFG-01: a broken pack is told everything in one go, with file, line, column and the nearest
/// known word.
#[test]
fn cfg_01_a_broken_pack_hears_everything_at_once() {
    let school = r#"pack = 1
shcool = "?"
[school]
name = "Broken Reach"
zone = "Europe/Lundon"
[school.phases.prep]
years = ["3-1"]
[school.hours]
lessons = { days = "mon-fry", from = "8.45", to = "16:00" }
[people]
lead = { user = "a", sinc = 2025-09-01 }
[fil]
categories = ["pornografy", "gaming"]
phase_mode = { perp = "adult-led" }
fail_mode = "allow"
catgories = []
[con]
ack_minutes = "thirty"
notify = ["leed"]
[groups.olders]
years = ["9-14"]
except = ["pupil"]
[[rules]]
name = "Evenings"
action = "blok"
groups = ["older"]
hours = ["lesson"]
places = ["library"]
categories = ["social-medai"]
[[rules]]
name = "Empty"
action = "block"
[[devices]]
address = "127.0.1"
[rights]
"case.raed" = ["lead"]
"case.export" = ["teacher"]
[mail]
smtp = "localhost:25"
from = "x@y.example"
password = "hunter2"
"#;
    let policy = "# Policy\n\n## 1 Aims\n\n## 1 Aims again\n\n```controls\nfilter.bloks(category=pornography, groups=pupils)\nfilter.blocks(category=pornografy, groups=pupil)\n```\n";
    let aup = "+++\ntitle = \"Promises\"\nversion = 3\naudience = [\"pupls\"]\n+++\nBe kind.\n";
    let loaded = load(&files(&[
        ("school.toml", school),
        ("policy.md", policy),
        ("aup/prep.md", aup),
        ("notes.txt", ""),
    ]));
    assert!(loaded.pack.is_none());
    insta::assert_snapshot!(report(&loaded), @r#"
    aup/prep.md:3:11: error: version must be text, not a number
    aup/prep.md:4:13: error: audience: "pupls" is not a known group (did you mean "pupils"?)
    notes.txt: note: this file is not part of a pack and is not read (a pack holds school.toml, policy.md, floor.toml, aup/*.md, procedures/*.toml, ai-tools/*.txt and dictionaries/*.txt)
    policy.md:5:1: error: clause 1 is there already, on line 3 (give each clause a number of its own)
    policy.md:8:1: error: clause 1: no control is called "filter.bloks"; did you mean "filter.blocks"?
    policy.md:9:1: error: clause 1: "pornografy" is not a known category (did you mean "pornography"?)
    policy.md:9:1: error: clause 1: "pupil" is not a known group (did you mean "pupils"?)
    school.toml:1:1: error: people.head is missing: nobody is named as the head (add it to [people], such as head = { user = "…", since = 2026-09-01 })
    school.toml:1:1: error: the table [policy] is missing (write the front page: title, version, owner, author, approved_by, approved_on, review_on, scope, audience)
    school.toml:2:1: error: "shcool" is not a known key at the top of the file (did you mean "school"?)
    school.toml:5:8: error: school.zone: "Europe/Lundon" is not a time zone (use an IANA name such as "Europe/London")
    school.toml:7:10: error: school.phases.prep.years: "3-1" is not a year group: expected N (nursery), R (reception) or 1 to 13
    school.toml:9:11: error: from: "8.45" is not a time of day (write it as "08:30")
    school.toml:9:20: error: school.hours.lessons.days: "mon-fry" is not a run of days (write "mon-fri", "sat" or "sun-thu")
    school.toml:11:22: error: "sinc" is not a known key in [people.lead] (did you mean "since"?)
    school.toml:13:15: error: fil.categories: "pornografy" is not a known category (did you mean "pornography"?)
    school.toml:14:16: error: fil.phase_mode: "perp" is not a known phase in [school.phases] (did you mean "prep"?)
    school.toml:15:13: error: fil.fail_mode: "allow" is not a known value (known: block-pupils, block-all)
    school.toml:16:1: error: fil.catgories is not a known setting (did you mean "categories"?)
    school.toml:18:15: error: con.ack_minutes must be a whole number, not text
    school.toml:19:11: error: con.notify: "leed" is not a known role (did you mean "lead"?)
    school.toml:21:10: error: groups.olders.years: "14" is not a year group: expected N (nursery), R (reception) or 1 to 13
    school.toml:22:11: error: groups.olders.except: "pupil" is not a known group (did you mean "pupils"?)
    school.toml:25:10: error: rules[0].action: "blok" is not a known value (did you mean "block"?)
    school.toml:26:11: error: rules[0].groups: "older" is not a known group (did you mean "olders"?)
    school.toml:27:10: error: rules[0].hours: "lesson" is not a known name in [school.hours] (did you mean "lessons"?)
    school.toml:28:11: error: rules[0].places: "library" is not a known place (there are none)
    school.toml:29:15: error: rules[0].categories: "social-medai" is not a known category (did you mean "social-media"?)
    school.toml:30:1: error: the rule "Empty" is about nothing (name categories, sites or everything = true)
    school.toml:33:1: error: devices: "127.0.1" is not an address (write "10.1.8.20" or a range "10.1.8.0/24")
    school.toml:36:1: error: rights: "case.raed" is not a known act (did you mean "case.read"?)
    school.toml:37:18: error: rights: teacher may not case.export in the built-in table: a school may tighten it, never loosen it (choose among lead, head, chair)
    school.toml:41:12: error: a password does not belong in a pack (give it to the server as PHAROS_SMTP_PASSWORD)
    "#);
}

/// CFG-01: TOML that does not parse is told with its line, and the rest is still read.
#[test]
fn cfg_01_syntax_errors_have_lines_and_do_not_hide_the_rest() {
    let loaded = with("[con]\nack_minutes = \nnotify = [\"leed\"]\n");
    let text = report(&loaded);
    assert!(
        text.contains("school.toml:16:15: error: this is not TOML"),
        "{text}"
    );
    assert_eq!(text.matches("school.toml:16:").count(), 1, "{text}");
    assert!(text.contains("did you mean \"lead\"?"), "{text}");
}

/// CFG-01: every setting of the table is exposed with description, allowed values and who may
/// change it; every default is of its own kind.
#[test]
fn cfg_01_every_setting_is_declared_with_a_default_of_its_kind() {
    assert!(settings().count() >= 133);
    let pack = sound(with(""));
    for setting in settings() {
        assert!(
            !setting.meaning.is_empty()
                && !setting.because.is_empty()
                && !setting.changed_by.is_empty(),
            "{}",
            setting.name
        );
        let has_default = !setting.default.is_empty();
        let is_shape_or_post = matches!(setting.name.split('.').next(), Some("people"));
        assert!(
            pack.settings.value(setting.name).is_some() == has_default || is_shape_or_post,
            "{}: {}",
            setting.name,
            setting.default
        );
    }
    let mut names: Vec<&str> = settings().map(|setting| setting.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), settings().count(), "a name is declared twice");
}

/// CFG-01: a setting that nothing acts on yet says so where it is set, and stops saying so once the
/// caller acts on it.
#[test]
fn cfg_01_a_setting_without_behaviour_says_so() {
    let text = "[dev]\npupil_rule = \"handed-in\"\n[acc]\nidle_minutes = 5\n";
    let loaded = with(text);
    let notes: Vec<&str> = loaded
        .problems
        .iter()
        .filter(|p| p.severity == Severity::Note)
        .map(|p| p.message.as_str())
        .collect();
    assert_eq!(
        notes,
        ["dev.pupil_rule is kept and shown, but nothing acts on it yet"]
    );
    assert_eq!(
        setting("dev.pupil_rule").map(|setting| setting.behaviour),
        Some(Behaviour::Declared)
    );
    let all = files(&[
        ("school.toml", &format!("{SMALL}{text}")),
        ("policy.md", POLICY),
    ]);
    let options = pharos_pack::Options {
        live: &["dev.pupil_rule"],
        ..Default::default()
    };
    assert!(load_with(&all, &options).problems.is_empty());
}

/// CFG-01: of a table setting, the keys that nothing acts on say so one by one.
#[test]
fn cfg_01_keys_without_behaviour_say_so() {
    let loaded = with("[priv.retention]\nactivity_days = 180\nalerts_days = 2190\n");
    let notes: Vec<String> = loaded
        .problems
        .iter()
        .filter(|p| p.severity == Severity::Note)
        .map(|p| p.message.clone())
        .collect();
    assert_eq!(
        notes,
        ["priv.retention.alerts_days is kept and shown, but nothing acts on it yet"]
    );
    for name in ["mon.methods", "rev.approver"] {
        assert_eq!(
            setting(name).map(|setting| setting.behaviour),
            Some(Behaviour::Declared),
            "{name}"
        );
    }
}

/// CFG-01: what a setting cannot mean is told at its line: a name that is no extension's (FIL-19), a journal
/// that is kept for less than clauses read of it (PRIV-03).
#[test]
fn cfg_01_values_that_cannot_act_are_refused() {
    let said = |more: &str| {
        let loaded = with(more);
        let said = loaded.problems.iter().map(ToString::to_string);
        said.collect::<Vec<_>>().join("\n")
    };
    let named =
        "[fil]\nfirefox_extensions = [\"ublock-origin\", \"https://addons.mozilla.org/\"]\n";
    let wrong = said(named);
    assert!(
        wrong.contains("error: fil.firefox_extensions: \"https://addons"),
        "{wrong}"
    );
    let good = named.replace("https://addons.mozilla.org/", "uBlock0@raymondhill.net");
    assert!(!said(&good).contains("firefox_extensions"));
    let short = said("[priv.retention]\njournal_days = 90\n");
    assert!(
        short.contains("error: priv.retention.journal_days = 90"),
        "{short}"
    );
    assert!(!said("[priv.retention]\njournal_days = 2190\n").contains("journal_days"));
}

/// CFG-01: no setting turns off the sealed lists of illegal material (FIL-03).
#[test]
fn cfg_01_no_setting_turns_off_sealed_lists() {
    let told: Vec<&str> = settings()
        .filter(|setting| setting.name.contains("sealed") || setting.name.contains("iwf"))
        .map(|s| s.name)
        .collect();
    assert!(told.is_empty(), "{told:?}");
    for attempt in [
        "[sealed]\nenabled = false\n",
        "[fil]\nsealed = false\n",
        "[fil]\niwf = \"off\"\n",
        "[[defaults]]\naction = \"allow\"\nsealed = false\n",
    ] {
        assert!(with(attempt).pack.is_none(), "{attempt}");
    }
}

/// CFG-01: over-long retention, and other values weaker than law or guidance, ask leadership to confirm.
#[test]
fn cfg_01_weak_values_ask_for_confirmation() {
    let weak = "[priv.retention]\nactivity_days = 3650\ncases_days = 365\n[srch]\nsafe_dns = false\n[con]\nack_minutes = 240\n";
    let loaded = with(weak);
    assert_eq!(loaded.count(Severity::Warning), 4, "{}", report(&loaded));
    let confirmed = format!(
        "{weak}[confirmed.\"priv.retention\"]\nby = \"ben.knot\"\non = 2026-10-01\nreason = \"A legal hold asks for it.\"\n"
    );
    let loaded = with(&confirmed);
    assert_eq!(loaded.count(Severity::Warning), 2, "{}", report(&loaded));
    assert_eq!(
        loaded
            .pack
            .unwrap()
            .number_of("priv.retention.activity_days", 0),
        3650
    );
}

/// CFG-01: what a school leaves out has its default; what it sets is used and marked as its own.
#[test]
fn cfg_01_defaults_stand_until_set() {
    let pack = sound(with("[con]\nack_minutes = 15\n"));
    assert_eq!(pack.number_of("con.ack_minutes", 0), 15);
    assert_eq!(pack.number_of("acc.idle_minutes", 0), 10);
    assert_eq!(pack.number_of("priv.retention.alerts_days", 0), 2190);
    assert_eq!(
        pack.roles_of("mon.staff_recipient", &[]),
        [Role::Head].into()
    );
    assert_eq!(pack.text_of("fil.social_media.staff", ""), "warned");
    let line = pack
        .settings()
        .find(|line| line.setting.name == "con.ack_minutes")
        .unwrap();
    assert_eq!((line.value.as_str(), line.is_default), ("15", false));
    let line = pack
        .settings()
        .find(|line| line.setting.name == "acc.idle_minutes")
        .unwrap();
    assert_eq!((line.value.as_str(), line.is_default), ("10", true));
}

/// CFG-01, MON-03, MON-07: the quiet hours are times of day, and an adult is named in phases that the
/// school has; anything else is named.
#[test]
fn cfg_01_times_of_day_and_phases_are_checked() {
    let quiet = "[mon]\nquiet_from = \"21:30\"\nquiet_to = \"07:00\"\n";
    let pack = sound(with(quiet));
    assert_eq!(pack.settings.text("mon.quiet_to").as_deref(), Some("07:00"));
    for wrong in [
        "[mon]\nquiet_from = \"25:00\"\n",
        "[mon]\nquiet_from = \"half past nine\"\n",
        "[mon]\nquiet_to = 7\n",
        "[vul]\nnamed_adult = [\"no-such-phase\"]\n",
    ] {
        let loaded = with(wrong);
        assert_ne!(loaded.count(Severity::Error), 0, "{wrong}");
    }
}

/// CFG-01, FIL-04: a name that no list may block is one of somebody's own: a public suffix, and a bare
/// top-level domain, are refused at their line with what to write, wherever a pack protects a name.
#[test]
fn cfg_01_no_public_suffix_is_kept_out_of_the_lists() {
    let refused = |school: &str| -> Vec<(u32, String)> {
        let school =
            format!("pack = 1\n[school]\nname = \"Reach\"\nzone = \"Europe/London\"\n{school}");
        let loaded = load(&files(&[
            ("school.toml", &school),
            ("policy.md", "# Policy\n"),
        ]));
        let problems = loaded.problems.iter();
        problems
            .filter(|one| one.severity == Severity::Error && one.message.contains("below"))
            .map(|one| {
                assert!(
                    one.help
                        .as_deref()
                        .unwrap_or_default()
                        .contains("whole name")
                );
                (one.place.line, one.message.clone())
            })
            .collect()
    };
    for (school, field) in [
        (
            "[network]\nweb = \"https://co.uk\"",
            "network.web: \"https://co.uk\"",
        ),
        ("[network]\nweb = \"https://school:8443/\"", "network.web: "),
        ("[network]\nweb = \"https://github.io\"", "network.web: "),
        (
            "[fil]\ndo_not_block = [\"sch.uk\"]",
            "fil.do_not_block: \"sch.uk\"",
        ),
        (
            "[mail]\nfrom = \"Pharos <pharos@co.uk>\"\nsmtp = \"127.0.0.1:25\"",
            "mail.from: \"co.uk\"",
        ),
    ] {
        let found = refused(school);
        assert_eq!(found.len(), 1, "{school}: {found:?}");
        assert!(found[0].1.starts_with(field), "{found:?}");
        assert_eq!(found[0].0, 6, "{school}");
    }
    let help = "[[help]]\nname = \"Line\"\nsites = [\"org.uk\"]";
    let found = refused(help);
    assert_eq!((found.len(), found[0].0), (1, 7), "{found:?}");
    for school in [
        "[network]\nweb = \"https://pharos.reach.sch.uk\"",
        "[network]\nweb = \"http://pharos:8080\"",
        "[network]\nweb = \"http://127.0.0.1:8080\"",
        "[fil]\ndo_not_block = [\"github.io\"]",
        "[[help]]\nname = \"Health\"\nsites = [\"nhs.uk\", \"www.gov.uk\"]",
        "[mail]\nfrom = \"Pharos <pharos@harbourmouth.sch.uk>\"\nsmtp = \"127.0.0.1:25\"",
    ] {
        assert_eq!(refused(school), [], "{school}");
    }
    let nhs = "pack = 1\n[[help]]\nname = \"Health\"\nsites = [\"nhs.uk\"]";
    let loaded = load(&files(&[("school.toml", nhs), ("policy.md", "# Policy\n")]));
    let warned = loaded.problems.iter().find(|one| {
        one.severity == Severity::Warning && one.message.contains("\"nhs.uk\" names all")
    });
    assert!(warned.is_some_and(|one| one.place.line == 4), "{warned:?}");
}

/// CFG-01, FIL-17: what is refused in a pack that is brought in keeps no school from opening the pack that it
/// has: there the same line is warned of, at the same place, in a floor that comes with the pack too.
#[test]
fn cfg_01_a_pack_that_is_held_opens_with_a_public_suffix() {
    let school = format!(
        "{SMALL}[network]\nweb = \"https://github.io\"\n[fil]\ndo_not_block = [\"co.uk\"]\n[mail]\nfrom = \"pharos@co.uk\"\nsmtp = \"127.0.0.1:25\"\n[[help]]\nname = \"Line\"\nsites = [\"org.uk\"]\n"
    );
    let floor = "floor = 1\n[trust]\nname = \"Saltmarsh\"\nversion = 1\nissued = 2026-09-01\napproved_by = \"Board\"\n[[help]]\nname = \"Line\"\nsites = [\"co.uk\"]\n";
    let all = files(&[
        ("school.toml", &school),
        ("policy.md", POLICY),
        ("floor.toml", floor),
    ]);
    let told = |loaded: &Loaded, severity| -> Vec<(String, Place)> {
        let problems = loaded.problems.iter();
        problems
            .filter(|one| one.severity == severity && one.message.contains("no list would block"))
            .map(|one| (one.message.clone(), one.place))
            .collect()
    };
    let (brought, held) = (load(&all), load_held(&all));
    let refused = told(&brought, Severity::Error);
    assert_eq!(refused.len(), 5, "{refused:?}");
    assert!(brought.pack.is_none());
    assert_eq!(told(&held, Severity::Warning), refused);
    assert!(held.pack.is_some(), "{:?}", held.problems);
    assert!(load_floor(floor).floor.is_none());
    assert!(load_held_floor(floor).floor.is_some());
}
