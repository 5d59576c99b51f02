//! A trust's floor and the packs that stand on it: CFG-01, FIL-06.

use jiff::civil::date;
use pharos_pack::{Floor, Options, Severity, load, load_floor, load_with};
use pharos_policy::YouTube;
use proptest::prelude::*;

use crate::kit::*;

const FLOOR: &str = r#"floor = 1
[trust]
name = "Saltmarsh Learning Trust"
version = 3
issued = 2026-09-01
approved_by = "The safeguarding committee"
[[blocks]]
name = "floor: pupils"
groups = ["pupils"]
categories = ["gambling"]
sites = ["wagers.test"]
[[search]]
groups = ["pupils"]
youtube = "moderate"
[[avoidance]]
groups = ["pupils"]
"#;

/// Lines of a school that ask for less than that floor, and some that do not.
const BELOW: &str = r#"
[[rules]]
name = "maths week"
action = "allow"
categories = ["gambling"]
[[rules]]
name = "staff room"
action = "allow"
groups = ["staff"]
categories = ["gambling"]
[[help]]
name = "no help"
sites = ["odds.wagers.test"]
[avoidance]
granted = ["boarders"]
[srch]
video = "off"
"#;

fn the_floor() -> Floor {
    let loaded = load_floor(FLOOR);
    loaded
        .floor
        .unwrap_or_else(|| panic!("{:?}", loaded.problems))
}

fn under(more: &str, floor: Option<&Floor>) -> pharos_pack::Loaded {
    let options = Options {
        floor,
        ..Options::default()
    };
    let files = files(&[
        ("school.toml", &format!("{SMALL}{more}")),
        ("policy.md", POLICY),
    ]);
    load_with(&files, &options)
}

/// CFG-01: a floor says who answers for it and since when, and what it asks for.
#[test]
fn cfg_01_a_floor_is_read_with_who_answers_for_it() {
    let floor = the_floor();
    assert_eq!(floor.trust, "Saltmarsh Learning Trust");
    assert_eq!((floor.version, floor.issued), (3, date(2026, 9, 1)));
    assert_eq!(
        (floor.spec.by.as_str(), floor.spec.version),
        ("Saltmarsh Learning Trust", 3)
    );
    assert_eq!(floor.spec.blocks[0].categories, ["gambling"]);
    assert!(floor.spec.search[0].safe_search);
    assert_eq!(floor.spec.search[0].youtube, YouTube::Moderate);
    assert!(floor.spec.avoidance[0].guests);
    // A signature is a remark to the floor.
    assert_eq!(
        load_floor(&format!("{FLOOR}# signature 00\n")).floor,
        Some(floor)
    );
}

/// CFG-01: what is wrong in a floor is told at its line: groups of one school, pages, unknown words.
#[test]
fn cfg_01_a_wrong_floor_is_told_by_line() {
    let wrong = FLOOR
        .replace(
            "groups = [\"pupils\"]\ncategories",
            "groups = [\"sixth-form\"]\ncategories",
        )
        .replace("\"gambling\"", "\"gamblin\"")
        .replace("\"moderate\"", "\"mild\"")
        .replace("version = 3\n", "");
    let loaded = load_floor(&wrong);
    assert!(loaded.floor.is_none());
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    let said = said.join("\n");
    for wants in [
        "floor.toml:2:1: error: trust.version is missing",
        "floor.toml:8:11: error: blocks[0].groups: \"sixth-form\" is not a known group",
        "floor.toml:9:15: error: blocks[0].categories: \"gamblin\" is not a known category (did you mean \"gambling\"?)",
        "floor.toml:13:11: error: search[0].youtube: \"mild\" is not a known value",
    ] {
        assert!(said.contains(wants), "{wants}\nin\n{said}");
    }
    let page = load_floor(&FLOOR.replace("\"wagers.test\"", "\"wagers.test/page\""));
    assert!(page.floor.is_none());
    let said = page.problems[0].to_string();
    assert!(
        said.starts_with("floor.toml:11:") && said.contains("whole hosts"),
        "{said}"
    );
}

/// FIL-13: a floor that names a well-known help service among its blocks is told so at the line; it is of
/// use all the same, for help is passed over.
#[test]
fn fil_13_a_floor_that_blocks_help_is_told_so() {
    let loaded = load_floor(&FLOOR.replace("\"wagers.test\"", "\"www.childline.org.uk\""));
    assert!(loaded.floor.is_some());
    let said = loaded.problems[0].to_string();
    assert_eq!(
        said,
        "floor.toml:11:9: warning: blocks.sites: \"www.childline.org.uk\" is a well-known help service, and help is never blocked (take it out)"
    );
}

/// FIL-06: each place where a school's pack asks for less than the floor is named with its line; the
/// pack can be used all the same, for the floor holds.
#[test]
fn fil_06_a_pack_is_told_every_line_below_its_floor() {
    assert_eq!(under(BELOW, None).below_floor, []);
    let floor = the_floor();
    let loaded = under(BELOW, Some(&floor));
    assert!(
        loaded.below_floor.iter().all(|below| {
            below.severity == Severity::Warning && loaded.problems.contains(below)
        })
    );
    let below: Vec<String> = loaded.below_floor.iter().map(ToString::to_string).collect();
    let first = SMALL.lines().count() + 1;
    let expected = [
        (
            4,
            "rules[0].categories[0]: opens gambling, which the floor blocks (floor: pupils)",
        ),
        (12, "help[0].sites[0]: calls \"odds.wagers.test\" help"),
        (
            16,
            "search[0].youtube: holds YouTube less strictly than the floor",
        ),
        (
            14,
            "avoidance.granted[0]: grants ways round the filter to \"boarders\"",
        ),
    ];
    assert_eq!(below.len(), expected.len(), "{below:#?}");
    for (said, (line, words)) in below.iter().zip(expected) {
        assert!(
            said.starts_with(&format!("school.toml:{}:", first + line)),
            "{said}"
        );
        assert!(said.contains(words), "{said}");
        assert!(
            said.contains("the floor holds (Saltmarsh Learning Trust, floor 3)"),
            "{said}"
        );
    }
    assert!(loaded.pack.is_some());
}

/// CFG-01: a floor in the pack's own folder is in force with the pack, and a wrong one keeps the pack
/// out.
#[test]
fn cfg_01_a_floor_in_the_packs_folder_is_part_of_it() {
    let with_floor = |floor: &str| {
        load(&files(&[
            ("school.toml", SMALL),
            ("policy.md", POLICY),
            ("floor.toml", floor),
        ]))
    };
    let pack = sound(with_floor(FLOOR));
    assert_eq!(pack.floor, Some(the_floor()));
    assert_eq!(pack.filter.floor, Some(the_floor().spec));
    assert!(with_floor("floor = 2").pack.is_none());
    assert!(sound(with("")).filter.floor.is_none());
}

/// CFG-01: where the issues of the trust's floor come from; what is nowhere is refused at its line.
#[test]
fn cfg_01_the_pack_says_which_trust_it_belongs_to() {
    let key = "ab".repeat(32);
    let pack = sound(with(&format!(
        "[trust]\nname = \"Saltmarsh Learning Trust\"\npublisher_key = \"{key}\"\nsource = \"https://trust.example/floor.toml\"\n"
    )));
    let trust = pack.trust.unwrap();
    assert_eq!(trust.publisher_key, Some([0xab; 32]));
    assert_eq!((trust.refresh_hours, trust.alert_days), (24, 7));
    let nowhere = with("[trust]\nname = \"Saltmarsh\"\nsource = \"floor.toml\"\n");
    assert!(nowhere.pack.is_none());
    assert!(report(&nowhere).contains("is nowhere to fetch from"));
}

/// The floor that ships as an example is sound, and the sample school nowhere asks for less.
#[test]
fn cfg_01_the_example_of_a_trust_is_sound() {
    let text = std::fs::read_to_string("../../packs/saltmarsh-trust/floor.toml").unwrap();
    let loaded = load_floor(&text);
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let options = Options {
        floor: loaded.floor.as_ref(),
        ..Options::default()
    };
    let school = load_with(&sample_files(), &options);
    assert!(school.pack.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever text comes as a floor, reading ends with problems or a floor, never a panic.
    #[test]
    fn cfg_01_any_floor_is_survived(text in ".{0,300}", tail in "[\\[\\]a-z.=\"{}, \n0-9-]{0,200}") {
        load_floor(&text);
        load_floor(&format!("{FLOOR}{tail}"));
    }
}
