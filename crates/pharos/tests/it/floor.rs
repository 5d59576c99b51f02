//! A trust and its schools, by commands: a floor signed, taken in, explained, and how each school
//! stands (FIL-06, REP-01).

use std::fs;
use std::path::Path;

use crate::support::pack;
use crate::support::server::{Ran, folder, on, pharos};

const FLOOR: &str = r#"floor = 1
[trust]
name = "Saltmarsh Learning Trust"
version = 3
issued = 2026-09-01
approved_by = "The safeguarding committee"
[[blocks]]
name = "floor: pupils"
groups = ["pupils"]
sites = ["low-tide.example"]
[[search]]
groups = ["pupils"]
youtube = "strict"
"#;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Makes the trust's key; its public half.
fn make_key(scratch: &Path) -> String {
    let made = pharos(&["trust", "key", text(&scratch.join("trust.key"))]).ended(0);
    made.out.lines().last().unwrap().to_owned()
}

/// The school pins the trust's key.
fn join(data: &Path, public: &str) {
    let trust = ["--trust", "Saltmarsh Learning Trust", "--key", public];
    on(data, &[&["floor", "join"], &trust[..]].concat()).ended(0);
}

fn sign(scratch: &Path, floor: &str, to: &str) -> Ran {
    let (plain, signed) = (scratch.join("plain.toml"), scratch.join(to));
    fs::write(&plain, floor).unwrap();
    let key = scratch.join("trust.key");
    pharos(&[
        "trust",
        "sign",
        "--key",
        text(&key),
        text(&plain),
        "--out",
        text(&signed),
    ])
}

/// FIL-06: from the trust's key to a school's verdict: the floor is signed once, pinned and taken in, in
/// force for pupils with whose it is, and nothing older or changed is taken.
#[test]
fn fil_06_a_trusts_floor_is_signed_taken_in_and_explained() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let public = make_key(scratch.path());
    assert_eq!(public.len(), 64, "{public}");
    assert_eq!(
        pharos(&["trust", "key", text(&at("trust.key"))]).code,
        2,
        "a key is kept"
    );
    sign(scratch.path(), FLOOR, "floor-3.toml").ended(0);
    let wrong = FLOOR.replace("\"pupils\"", "\"pupil\"");
    let refused = sign(scratch.path(), &wrong, "wrong.toml").ended(1);
    assert!(refused.err.contains("floor.toml:9:"), "{}", refused.err);
    assert!(!at("wrong.toml").exists());

    let data = folder(scratch.path());
    let import = |name: &str| on(&data, &["floor", "import", text(&at(name))]);
    assert!(
        import("floor-3.toml")
            .ended(1)
            .err
            .contains("pharos floor join")
    );
    join(&data, &public);
    import("floor-3.toml").ended(0);
    let asked = [
        "explain",
        "--json",
        "--user",
        "ada.quill",
        "--url",
        "low-tide.example",
    ];
    let verdict = on(&data, &asked).ended(1).json();
    assert_eq!(verdict["layer"], "floor", "{verdict}");
    assert_eq!(
        verdict["reasons"][0]["by"],
        "Saltmarsh Learning Trust, floor 3"
    );
    let words = on(
        &data,
        &[
            "explain",
            "--user",
            "ada.quill",
            "--url",
            "low-tide.example",
        ],
    );
    assert!(
        words
            .ended(1)
            .out
            .contains("by Saltmarsh Learning Trust, floor 3")
    );
    assert!(
        import("floor-3.toml")
            .ended(1)
            .err
            .contains("older or equal")
    );
    let changed = fs::read_to_string(at("floor-3.toml"))
        .unwrap()
        .replace("version = 3", "version = 4");
    fs::write(at("changed.toml"), changed).unwrap();
    assert!(import("changed.toml").ended(1).err.contains("signature"));

    let status = on(&data, &["floor", "status", "--json"]).ended(0).json();
    assert_eq!(
        (&status["version"], &status["signed"]),
        (&3.into(), &true.into()),
        "{status}"
    );
    on(
        &data,
        &["floor", "leave", "--why", "The school leaves the trust"],
    )
    .ended(0);
    on(&data, &asked).ended(0);
}

/// CFG-01: checking a pack against a floor names every line that asks for less, and the example ships
/// whole.
#[test]
fn cfg_01_a_pack_is_checked_against_a_floor() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("floor.toml");
    let strict = FLOOR.replace(
        "sites = [\"low-tide.example\"]",
        "categories = [\"sex-education\"]",
    );
    fs::write(
        &file,
        format!("{strict}[[avoidance]]\ngroups = [\"staff\"]\n"),
    )
    .unwrap();
    let school = pack();
    let checked = pharos(&["pack", "check", text(&school), "--floor", text(&file)]).ended(0);
    let plain = pharos(&["pack", "check", text(&school)]).ended(0);
    let below = checked
        .out
        .lines()
        .filter(|line| line.contains("the floor holds"))
        .count();
    assert!(
        below > 0 && !plain.out.contains("the floor"),
        "{}",
        checked.out
    );
    let lines = format!("{below} lines ask for less than the trust's floor");
    assert!(checked.out.contains(&lines), "{}", checked.out);
    let example = school.parent().unwrap().join("saltmarsh-trust/floor.toml");
    pharos(&["trust", "check", text(&example)]).ended(0);
    // Nothing that would keep everybody's sites out of the lists is checked or signed.
    let wide = format!("{FLOOR}[[help]]\nname = \"Line\"\nsites = [\"co.uk\"]\n");
    fs::write(&file, &wide).unwrap();
    let refused = pharos(&["trust", "check", text(&file)]).ended(1);
    assert!(refused.err.contains("\"co.uk\""), "{}", refused.err);
    make_key(scratch.path());
    sign(scratch.path(), &wide, "wide.toml").ended(1);
}

/// REP-01: the trust sees how each school stands from reports that the schools signed: which floor,
/// which check, which clauses; a school without one, and a report by a stranger's key, are told.
#[test]
fn rep_01_a_trust_sees_how_each_school_stands() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let public = make_key(scratch.path());
    sign(scratch.path(), FLOOR, "floor.toml").ended(0);
    let data = folder(scratch.path());
    join(&data, &public);
    on(&data, &["floor", "import", text(&at("floor.toml"))]).ended(0);
    let key = on(&data, &["floor", "status", "--json"]).ended(0).json()["school_key"].clone();
    let reports = at("reports");
    fs::create_dir(&reports).unwrap();
    let report = reports.join("harbourmouth.report");
    on(&data, &["floor", "report", "--out", text(&report)]).ended(0);
    let told = fs::read_to_string(&report).unwrap().to_lowercase();
    assert!(
        !told.contains("quill") && !told.contains("okafor"),
        "{told}"
    );

    let schools = at("schools.txt");
    let other = "ab".repeat(32);
    fs::write(
        &schools,
        format!(
            "{} Harbourmouth School\n{other} Larkfield House\n",
            key.as_str().unwrap()
        ),
    )
    .unwrap();
    let overview = || {
        pharos(&[
            "trust",
            "overview",
            "--json",
            text(&reports),
            "--schools",
            text(&schools),
            "--floor",
            text(&at("floor.toml")),
        ])
    };
    let seen = overview().ended(1).json();
    let of = |name: &str| {
        let all = seen["schools"].as_array().unwrap();
        all.iter()
            .find(|line| line["school"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(
        of("Larkfield House")["wrong"][0],
        "no report that its key signed"
    );
    let harbourmouth = of("Harbourmouth School");
    assert_eq!(harbourmouth["report"]["floor"]["version"], 3);
    let wrong = harbourmouth["wrong"].to_string();
    assert!(
        wrong.contains("never checked") && wrong.contains("clause "),
        "{wrong}"
    );

    // The published file under the trust's key; the same version with another content; another key.
    let under = |floor: &str, key: &str| {
        let (reports, schools, floor) = (text(&reports), text(&schools), at(floor));
        let by_key = ["--floor", text(&floor), "--key", key];
        let asked = ["trust", "overview", "--json", reports, "--schools", schools];
        pharos(&[&asked[..], &by_key[..]].concat())
    };
    let floors_wrong = |ran: Ran| {
        let seen = ran.ended(1).json();
        let all = seen["schools"].to_string();
        (
            all.contains("says something else"),
            all.contains("another key"),
        )
    };
    assert_eq!(floors_wrong(under("floor.toml", &public)), (false, false));
    let more = FLOOR.replace("low-tide.example", "high-tide.example");
    sign(scratch.path(), &more, "again.toml").ended(0);
    assert_eq!(floors_wrong(under("again.toml", &public)), (true, false));
    fs::write(at("huge.toml"), vec![b'#'; 3 << 20]).unwrap();
    let huge = under("huge.toml", &public);
    assert!(
        huge.code == 2 && huge.err.contains("is larger than"),
        "{}",
        huge.err
    );
    let unsigned = under("plain.toml", &public);
    assert!(
        unsigned.code == 2 && unsigned.err.contains("not signed"),
        "{}",
        unsigned.err
    );

    let forged = told.replace("\"failed\"", "\"failed \"") + "x";
    fs::write(reports.join("forged.report"), forged).unwrap();
    let seen = overview().ended(1).json();
    let not_taken = seen["not_taken"].to_string();
    assert!(
        not_taken.contains("forged.report is signed by no known school"),
        "{not_taken}"
    );
    let words = pharos(&[
        "trust",
        "overview",
        text(&reports),
        "--schools",
        text(&schools),
    ]);
    assert!(words.ended(1).out.contains("0 of 2 schools: nothing wrong"));
}
