//! Policy packs: CFG-01, CFG-03, REV-01, ROLE-01, ROLE-02, FIL-06, FIL-07, VUL-04.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::date;
use pharos_pack::{
    Behaviour, Loaded, Options, Pack, Severity, Signer, load, load_with, markdown_html,
    reference_json, reference_markdown, setting, settings, to_archive, unpack,
};
use pharos_policy::spec::PhaseMode;
use pharos_policy::{Action, YouTube};
use pharos_school::Role;
use proptest::prelude::*;

/// The smallest pack that is right.
const SMALL: &str = r#"pack = 1
[policy]
title = "Online safety"
version = "1"
owner = "The lead"
author = "The lead"
approved_by = "Governors"
scope = "Everyone"
audience = ["staff"]
[school]
name = "Little Tern Primary"
[people]
lead = "anna.tern"
head = { user = "ben.knot", since = 2025-09-01 }
"#;
const POLICY: &str = "# Policy\n\n## 1 Aims\n\nWe keep children safe.\n";

fn files(list: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    list.iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

/// The small pack with more lines at its end.
fn with(more: &str) -> Loaded {
    load(&files(&[
        ("school.toml", &format!("{SMALL}{more}")),
        ("policy.md", POLICY),
    ]))
}

fn report(loaded: &Loaded) -> String {
    loaded
        .problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

fn sound(loaded: Loaded) -> Pack {
    let text = report(&loaded);
    loaded
        .pack
        .unwrap_or_else(|| panic!("the pack has errors:\n{text}"))
}

fn sample_files() -> BTreeMap<String, Vec<u8>> {
    let root = PathBuf::from("../../packs/harbourmouth");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

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
    notes.txt: note: this file is not part of a pack and is not read (a pack holds school.toml, policy.md, aup/*.md, procedures/*.toml, ai-tools/*.txt and dictionaries/*.txt)
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
    for name in ["fil.scope", "rev.approver"] {
        assert_eq!(
            setting(name).map(|setting| setting.behaviour),
            Some(Behaviour::Declared),
            "{name}"
        );
    }
}

/// ROLE-01, CFG-03: the head's title is the school's word for the head, unless it has another.
#[test]
fn role_01_the_heads_title_is_the_word_for_the_head() {
    let title = "head_title = \"Headmaster\"\n";
    assert_eq!(sound(with(title)).words.role(Role::Head), "Headmaster");
    let both = format!("{title}[school.words]\nhead = \"Principal\"\n");
    assert_eq!(sound(with(&both)).words.role(Role::Head), "Principal");
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

/// CFG-03: the school's own words, everywhere that text is filled.
#[test]
fn cfg_03_the_schools_own_words_are_used() {
    let pack = sound(with(
        "[school.words]\npupil = \"learner\"\nhead = \"Head of School\"\n",
    ));
    assert_eq!(pack.words.role(Role::Head), "Head of School");
    assert_eq!(
        pack.words.fill("The {pupil} saw the {head}; {unknown} {"),
        "The learner saw the Head of School; {unknown} {"
    );
    assert_eq!(sound(with("")).words.role(Role::Pupil), "pupil");
    assert!(
        report(&with("[school.words]\npupill = \"learner\"\n")).contains("did you mean \"pupil\"?")
    );
}

/// REV-01: the front page holds version, owner, author, template, approving body and dates, scope
/// and audience; without them the pack is not complete.
#[test]
fn rev_01_the_front_page_holds_the_facts() {
    let pack = sound(load(&sample_files()));
    let page = &pack.front_page;
    assert_eq!(
        (page.version.as_str(), page.approved_by.as_str()),
        ("2026.2", "The governing body")
    );
    assert_eq!(
        (page.approved_on, page.review_on),
        (Some(date(2026, 9, 22)), Some(date(2027, 9, 1)))
    );
    assert!(page.template.is_some() && page.audience.len() == 5);
    let text = SMALL.replace("owner = \"The lead\"\n", "").replace(
        "approved_by = \"Governors\"\n",
        "approved_on = 2026-09-01\nreview_on = 2026-08-01\n",
    );
    let told = report(&load(&files(&[
        ("school.toml", &text),
        ("policy.md", POLICY),
    ])));
    for part in [
        "policy.owner is missing",
        "policy.approved_by is missing",
        "is not after the approval",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

/// ROLE-01: each named role has a holder, a first day and duties; a change takes effect on its date
/// and the history shows both holders.
#[test]
fn role_01_a_change_of_lead_takes_effect_on_its_day() {
    let text = SMALL.replace("lead = \"anna.tern\"", "lead = { user = \"Anna.Tern\", since = 2026-01-05, duties = [\"Meets the governor each month.\"] }\ndeputies = [{ user = \"cara.dunlin\", since = 2026-11-01 }, { user = \"old.deputy\", until = 2026-10-31 }]");
    let pack = sound(load(&files(&[
        ("school.toml", &text),
        ("policy.md", POLICY),
    ])));
    assert_eq!(pack.posts_of("anna.tern", date(2026, 1, 4)), []);
    assert_eq!(
        pack.posts_of("anna.tern", date(2026, 1, 5)),
        [Role::Staff, Role::Lead, Role::OnlineLead]
    );
    assert_eq!(
        pack.posts_of("old.deputy", date(2026, 10, 31)),
        [Role::Staff, Role::Deputy]
    );
    assert_eq!(pack.posts_of("old.deputy", date(2026, 11, 1)), []);
    assert_eq!(
        pack.named_roles
            .iter()
            .filter(|named| named.setting == "people.deputies")
            .count(),
        2
    );
    let lead = pack
        .named_roles
        .iter()
        .find(|named| named.setting == "people.lead")
        .unwrap();
    assert!(
        lead.duties.len() > 3 && lead.duties.last().unwrap() == "Meets the governor each month."
    );
    let nobody = SMALL.replace("lead = \"anna.tern\"\n", "");
    assert!(
        report(&load(&files(&[
            ("school.toml", &nobody),
            ("policy.md", POLICY)
        ])))
        .contains("nobody is named as the designated safeguarding lead")
    );
}

/// ROLE-02: a school may tighten the table of rights, never loosen it.
#[test]
fn role_02_rights_are_tightened_never_loosened() {
    let pack = sound(with("[rights]\n\"case.export\" = [\"lead\"]\n"));
    assert_eq!(
        pack.rights
            .iter()
            .map(|(act, roles)| (act.name(), roles.clone()))
            .collect::<Vec<_>>(),
        [("case.export", [Role::Lead].into())]
    );
    let told = report(&with(
        "[rights]\n\"case.export\" = [\"lead\", \"technical\"]\n",
    ));
    assert!(
        told.contains("technical may not case.export in the built-in table"),
        "{told}"
    );
}

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

/// The sample pack is whole: no error, no warning, and its parts are there.
#[test]
fn cfg_01_the_sample_pack_is_sound() {
    let loaded = load(&sample_files());
    assert_eq!(loaded.count(Severity::Warning), 0, "{}", report(&loaded));
    let pack = sound(loaded);
    assert!(pack.clauses.len() >= 25, "{}", pack.clauses.len());
    assert!(
        pack.clauses
            .iter()
            .filter(|clause| !clause.controls.is_empty())
            .count()
            >= 12
    );
    assert!(pack.aups.iter().any(|aup| aup.signed_by == Signer::Parent) && pack.aups.len() == 7);
    assert!(
        pack.procedures
            .iter()
            .any(|procedure| procedure.reference.id == "filter-breach"
                && procedure.reference.version.contains('+'))
    );
    assert!(
        pack.addresses
            .iter()
            .any(|entry| entry.user.as_deref() == Some("ada.quill"))
    );
    assert_eq!(
        pack.clause("4.2").map(|clause| clause.controls.len()),
        Some(4)
    );
    assert!(pack.help.iter().any(|service| service.name == "Childline"));
}

/// Text of a pack becomes pages without bringing script or fetching from outside.
#[test]
fn a_pack_cannot_bring_script() {
    let html = markdown_html(
        "<script>alert(1)</script>\n\n[x](javascript:alert(1)) ![p](https://spy.example/p.png) <b onclick=x>y</b> [ok](https://good.example)",
    );
    assert!(
        !html.contains("<script")
            && !html.contains("javascript:")
            && !html.contains("spy.example")
            && !html.contains("<b "),
        "{html}"
    );
    assert!(html.contains("https://good.example"));
}

/// Stored versions of a pack come back as they were; damage is told.
#[test]
fn an_archive_gives_back_the_same_files() {
    let files = sample_files();
    let bytes = to_archive(&files);
    assert_eq!(unpack(&bytes).unwrap(), files);
    assert!(unpack(&bytes[..bytes.len() - 1]).is_err());
    assert!(unpack(b"something else").is_err());
}

/// docs/settings.md is made from the table of settings.
#[test]
fn cfg_01_the_manual_shows_the_table() {
    let path = Path::new("../../docs/settings.md");
    if std::env::var_os("PHAROS_WRITE_DOCS").is_some() {
        std::fs::write(path, reference_markdown()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        written,
        reference_markdown(),
        "run this test once with PHAROS_WRITE_DOCS=1"
    );
    assert_eq!(
        reference_json().matches("\"name\"").count(),
        settings().count()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever bytes stand in the files, reading ends with problems or a pack, never a panic.
    #[test]
    fn cfg_01_any_bytes_are_survived(school in proptest::collection::vec(any::<u8>(), 0..300), policy in ".{0,300}", tail in "[\\[\\]a-z.=\"{}, \n0-9-]{0,200}") {
        load(&[("school.toml".to_owned(), school), ("policy.md".to_owned(), policy.clone().into_bytes()), ("aup/x.md".to_owned(), policy.into_bytes())].into());
        load(&files(&[("school.toml", &format!("{SMALL}{tail}")), ("policy.md", &format!("## 1 A\n```controls\n{tail}"))]));
    }

    /// An archive of any bytes is read or refused, never a panic.
    #[test]
    fn any_archive_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut framed = b"PHPACK1\n".to_vec();
        framed.extend_from_slice(&bytes);
        let _ = (unpack(&bytes), unpack(&framed));
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
