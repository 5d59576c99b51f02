//! Rolls from the school's own system: ACC-10 and VUL-04.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{Cursor, Write};

use jiff::civil::{Date, date};
use pharos_directory::{
    FileSet, Hold, Limits, Problems, ReadError, Roll, RollChange, parse, parse_bytes, preview,
    read_path, read_zip,
};
use pharos_school::{Person, Role, Standing, YearBand, YearGroup};
use proptest::prelude::*;
use uuid::Uuid;

const TODAY: Date = date(2026, 11, 20);

fn files(list: &[(&str, &str)]) -> FileSet {
    FileSet::from_files(
        list.iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())),
    )
}

/// Ids in order, so that the same import gives the same ids.
fn ids(start: u128) -> impl FnMut() -> Uuid {
    let mut next = start;
    move || {
        next += 1;
        Uuid::from_u128(next)
    }
}

fn import(current: &Roll, set: &FileSet) -> Result<RollChange, Problems> {
    let mut new_id = ids(current.people.len() as u128 * 1_000);
    preview(
        current,
        set,
        &Limits::default(),
        TODAY,
        &mut new_id,
        &mut |_| {},
    )
}

fn loaded(set: &FileSet) -> Roll {
    import(&Roll::default(), set)
        .map_err(|problems| problems.to_string())
        .unwrap()
        .applied_to(&Roll::default())
}

fn by_name<'a>(roll: &'a Roll, username: &str) -> &'a Person {
    roll.people
        .iter()
        .find(|person| person.username == username)
        .unwrap()
}

const MANIFEST: &str = "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\nfile.users,bulk\nfile.roles,bulk\nfile.classes,bulk\nfile.enrollments,bulk\nfile.orgs,bulk\nfile.demographics,absent\n";
const USERS: &str = "\u{feff}sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password,preferredGivenName,metadata.pharos.roles,metadata.pharos.house\r\n\
p1,,,true,Ada.Quill,,Ada,Quill,,,ada.quill@harbourmouth.sch.example,,,g1,08,secret,,,North House\r\n\
p2,,,true,tom.reed,,Thomas,\"Reed, the younger\",,,,,,,KG,,Tom,,\r\n\
g1,,,true,mara.quill,,Mara,Quill,,,,,,,,,,,\r\n\
g2,,,true,ned.reed,,Ned,Reed,,,,,,p2,,,,,\r\n\
t1,,,true,ivo.lamp,,Ivo,Lamp,,,,,,,,,,,\r\n\
v1,,,true,gia.helm,,Gia,Helm,,,,,,,,,,governor,\r\n";
const ROLES: &str = "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\n\
r1,,,p1,primary,student,,,o1,\nr2,,,p2,primary,student,,,o1,\nr3,,,g1,primary,parent,,,o1,\nr4,,,g2,primary,guardian,,,o1,\n\
r5,,,t1,primary,teacher,2020-09-01,,o1,\nr6,,,t1,secondary,systemAdministrator,2019-09-01,2020-08-31,o1,\n";
const CLASSES: &str = "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods\n\
c1,,,8B,08,k1,,homeroom,,o1,s1,,,\nc2,,,8B Science,08,k2,,scheduled,,o1,s1,,,\n";
const ENROLMENTS: &str = "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\n\
e1,,,c1,o1,p1,student,,,\ne2,,,c2,o1,p1,student,,,\ne3,,,c1,o1,t1,teacher,true,,\n";

fn school() -> FileSet {
    files(&[
        ("manifest.csv", MANIFEST),
        ("users.csv", USERS),
        ("roles.csv", ROLES),
        ("classes.csv", CLASSES),
        ("enrollments.csv", ENROLMENTS),
        ("orgs.csv", "ignored"),
    ])
}

/// ACC-10: people, roles, classes, forms and guardians are taken from OneRoster 1.2 CSV.
#[test]
fn acc_10_a_bulk_oneroster_set_gives_people_roles_classes_and_guardians() {
    let roll = loaded(&school());
    assert_eq!(roll.people.len(), 6);
    let ada = by_name(&roll, "ada.quill");
    assert_eq!(ada.year, YearGroup::from_number(8));
    assert_eq!(ada.house.as_deref(), Some("North House"));
    assert_eq!(ada.classes.len(), 2);
    assert_eq!(ada.guardians, [by_name(&roll, "mara.quill").id].into());
    let tom = by_name(&roll, "tom.reed");
    assert_eq!(
        (tom.given_name.as_str(), tom.family_name.as_str()),
        ("Tom", "Reed, the younger")
    );
    assert_eq!(
        tom.guardians,
        [by_name(&roll, "ned.reed").id].into(),
        "the link may stand in the guardian's row"
    );
    let ivo = by_name(&roll, "ivo.lamp");
    assert_eq!(
        ivo.roles,
        [Role::Staff, Role::Teacher, Role::Tutor].into(),
        "an ended role gives nothing"
    );
    assert_eq!(by_name(&roll, "gia.helm").roles, [Role::Governor].into());
    assert!(
        roll.classes
            .iter()
            .any(|class| class.title == "8B" && class.is_form)
    );
}

/// VUL-04: year groups come from the roll, so that each pupil falls into a phase of the school.
#[test]
fn vul_04_grades_become_year_groups_that_fall_into_bands() {
    let roll = loaded(&school());
    let youngest: YearBand = "N-2".parse().unwrap();
    let middle: YearBand = "7-9".parse().unwrap();
    assert!(youngest.contains(by_name(&roll, "tom.reed").year.unwrap()));
    assert!(middle.contains(by_name(&roll, "ada.quill").year.unwrap()));
    assert_eq!(by_name(&roll, "ivo.lamp").year, None);
}

/// ACC-10: loading the same file twice changes nothing the second time.
#[test]
fn acc_10_the_same_files_twice_change_nothing() {
    let roll = loaded(&school());
    let again = import(&roll, &school()).unwrap();
    assert!(again.is_empty(), "{}", again.summary());
    assert_eq!(again.unchanged, 6);
}

/// ACC-10: a file that would remove more than half the roll stops for approval.
#[test]
fn acc_10_a_file_that_would_remove_half_the_roll_is_held() {
    let roll = loaded(&school());
    let short: String = USERS
        .split_inclusive('\n')
        .filter(|l| {
            !["p2,", "g2,", "t1,", "v1,"]
                .iter()
                .any(|id| l.starts_with(id))
        })
        .collect();
    let roles: String = ROLES.split_inclusive('\n').take(4).collect();
    let set = files(&[("users.csv", &short), ("roles.csv", &roles)]);
    let change = import(&roll, &set)
        .map_err(|problems| problems.to_string())
        .unwrap();
    assert_eq!(
        change.holds,
        [Hold::MoreThanHalfLeave {
            leaving: 4,
            on_roll: 6
        }]
    );
}

/// ACC-10: leavers are marked with their day, not deleted, and may come back as the same person.
#[test]
fn acc_10_leavers_are_marked_and_may_return() {
    let roll = loaded(&school());
    let tom = by_name(&roll, "tom.reed").id;
    let without: String = USERS
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("p2,"))
        .map(|line| line.replace(",p2,", ",,"))
        .collect();
    let roles: String = ROLES
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("r2,"))
        .collect();
    let set = files(&[
        ("users.csv", &without),
        ("roles.csv", &roles),
        ("classes.csv", CLASSES),
        ("enrollments.csv", ENROLMENTS),
    ]);
    let change = import(&roll, &set)
        .map_err(|problems| problems.to_string())
        .unwrap();
    assert_eq!(
        change
            .left
            .iter()
            .map(|person| (person.id, person.standing))
            .collect::<Vec<_>>(),
        [(tom, Standing::Left(TODAY))]
    );
    assert!(change.holds.is_empty());
    let later = change.applied_to(&roll);
    assert_eq!(later.people.len(), 6);
    let back = import(&later, &school()).unwrap();
    assert_eq!(back.changed.len(), 1);
    assert_eq!(back.changed[0].after.id, tom);
    assert!(back.changed[0].after.is_active() && back.joined.is_empty());
}

/// ACC-10: a delta changes what it names and leaves everything else.
#[test]
fn acc_10_a_delta_changes_only_what_it_names() {
    let roll = loaded(&school());
    let manifest = MANIFEST.replace("bulk", "delta");
    let users = "sourcedId,status,dateLastModified,enabledUser,username,givenName,familyName,grades\n\
        p1,active,2026-11-01T00:00:00Z,true,ada.quill,Ada,Quill,09\nv1,tobedeleted,2026-11-01T00:00:00Z,true,gia.helm,Gia,Helm,\nn1,active,2026-11-01T00:00:00Z,true,new.pupil,New,Pupil,01\n";
    let roles = "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\nr9,active,2026-11-01T00:00:00Z,n1,primary,student,,,o1\n";
    let enrolments = "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role\n\
        e2,tobedeleted,2026-11-01T00:00:00Z,c2,o1,p1,student\ne9,active,2026-11-01T00:00:00Z,c1,o1,n1,student\n";
    let classes = "sourcedId,status,dateLastModified,title,classType\n";
    let set = files(&[
        ("manifest.csv", &manifest),
        ("users.csv", users),
        ("roles.csv", roles),
        ("classes.csv", classes),
        ("enrollments.csv", enrolments),
    ]);
    let set = FileSet::from_files(
        set.iter()
            .map(|(n, b)| (n.to_owned(), b.to_vec()))
            .chain([("orgs.csv".to_owned(), Vec::new())]),
    );
    let change = import(&roll, &set)
        .map_err(|problems| problems.to_string())
        .unwrap();
    let after = change.applied_to(&roll);
    let ada = by_name(&after, "ada.quill");
    assert_eq!(
        (ada.year, ada.classes.len(), ada.guardians.len()),
        (YearGroup::from_number(9), 1, 1)
    );
    assert_eq!(ada.house.as_deref(), Some("North House"));
    assert!(!by_name(&after, "gia.helm").is_active());
    assert!(by_name(&after, "mara.quill").is_active());
    assert_eq!(change.joined.len(), 1);
}

/// ACC-10: every problem in one go, by file, line and column, and nothing is applied.
#[test]
fn acc_10_all_problems_are_told_at_once_by_file_line_and_column() {
    let users = "sourcedId,enabledUser,username,givenName,familyName,email,grades\n\
        a,true,one,One,Person,not-an-address,7\nb,perhaps,two,Two,,x@y.example,15\na,true,three,Three,Person,,\nc,true,one,Again,Person,,\nd,true\n";
    let roles =
        "userSourcedId,role,endDate\na,student,\nb,wizard,\nzz,teacher,31/08/2026\nc,parent,\n";
    let problems = import(
        &Roll::default(),
        &files(&[("users.csv", users), ("roles.csv", roles)]),
    )
    .unwrap_err();
    let places: Vec<(String, u64, String)> = problems
        .iter()
        .map(|p| (p.file.to_string(), p.line, p.column.to_string()))
        .collect();
    let expected = [
        ("roles.csv", 3, "role"),
        ("roles.csv", 4, "endDate"),
        ("roles.csv", 4, "userSourcedId"),
        ("users.csv", 2, "email"),
        ("users.csv", 2, "username"),
        ("users.csv", 3, ""),
        ("users.csv", 3, "enabledUser"),
        ("users.csv", 3, "familyName"),
        ("users.csv", 3, "grades"),
        ("users.csv", 4, "sourcedId"),
        ("users.csv", 5, "username"),
        ("users.csv", 6, ""),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(f, l, c)| ((*f).to_owned(), *l, (*c).to_owned()))
        .collect();
    assert_eq!(places, expected, "{problems}");
}

/// ACC-10: the plain CSV format, with guardians by username and forms by title.
#[test]
fn acc_10_plain_csv_is_read_too() {
    let text = "Username,given_name,family_name,roles,year,form,house,email,guardians,classes,id\n\
        ada,Ada,Quill,pupil,8,8B,North,,mara;ned,8B Science,1001\nmara,Mara,Quill,parent,,,,,,,\nned,Ned,Quill,parent,,,,,,,\nivo,Ivo,Lamp,teacher,,8B,,,,8B Science,\n";
    let set = files(&[("pupils.csv", text)]);
    let roll = loaded(&set);
    let ada = by_name(&roll, "ada");
    assert_eq!(
        (
            ada.guardians.len(),
            ada.classes.len(),
            ada.source_id.as_str()
        ),
        (2, 2, "1001")
    );
    assert!(by_name(&roll, "ivo").is(Role::Tutor));
    assert_eq!(
        roll.classes
            .iter()
            .find(|class| class.is_form)
            .unwrap()
            .year,
        YearGroup::from_number(8)
    );
    assert!(import(&roll, &set).unwrap().is_empty());
}

fn message(bytes: &[u8]) -> String {
    parse_bytes(bytes, &Limits::default())
        .unwrap()
        .problems
        .to_string()
}

/// ACC-10: wrong encodings and separators are named, with what to do.
#[test]
fn acc_10_wrong_encodings_and_separators_are_named() {
    assert!(
        message(b"username,given_name\nx,Ren\xe9\n")
            .contains("roll.csv:2: a letter here is not UTF-8")
    );
    assert!(message(b"\xff\xfeu\0s\0").contains("UTF-16"));
    assert!(message(b"username;given_name\na;b\n").contains("save the file with commas"));
    assert!(message(b"").contains("the file is empty"));
}

/// ACC-10: a quotation mark that is never closed swallows the rest of the file; it is told where.
#[test]
fn acc_10_a_runaway_quotation_mark_is_found() {
    let mut text = String::from("username,given_name,family_name,roles\na,\"A,B,pupil\n");
    text.push_str(&"b,B,B,pupil\n".repeat(5_000));
    assert!(
        message(text.as_bytes())
            .contains("roll.csv:2: a field holds more than 16384 bytes: look for a quotation mark")
    );
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// ACC-10: a zip gives the same roll as the folder.
#[test]
fn acc_10_folder_and_zip_give_the_same_roll() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in school().iter() {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let set = school();
    let entries: Vec<(String, &[u8])> = set
        .iter()
        .map(|(name, bytes)| (format!("export/{name}"), bytes))
        .collect();
    let entries: Vec<(&str, &[u8])> = entries
        .iter()
        .map(|(name, bytes)| (name.as_str(), *bytes))
        .collect();
    let zip = folder.path().join("roll.zip");
    std::fs::write(&zip, zipped(&entries)).unwrap();
    assert_eq!(
        read_path(folder.path(), &Limits::default()).unwrap(),
        school()
    );
    assert_eq!(read_path(&zip, &Limits::default()).unwrap(), school());
}

/// ACC-10: zips that climb out, unpack beyond bounds, name a file twice or are cut short are refused.
#[test]
fn acc_10_hostile_zips_are_refused() {
    let read = |bytes: Vec<u8>| read_zip(Cursor::new(bytes), &Limits::default());
    for name in [
        "../users.csv",
        "/etc/users.csv",
        "C:\\users.csv",
        "a\\..\\users.csv",
    ] {
        assert!(
            matches!(read(zipped(&[(name, b"x")])), Err(ReadError::UnsafeName(_))),
            "{name}"
        );
    }
    let bomb = vec![b'a'; 32 << 20];
    assert!(matches!(
        read(zipped(&[("users.csv", &bomb)])),
        Err(ReadError::TooLarge { .. })
    ));
    assert!(matches!(
        read(zipped(&[("a/users.csv", b"x"), ("b/users.csv", b"x")])),
        Err(ReadError::Twice(_))
    ));
    assert!(matches!(
        read(zipped(&[("readme.txt", b"x")])),
        Err(ReadError::Nothing(_))
    ));
    let mut cut = zipped(&[("users.csv", USERS.as_bytes())]);
    cut.truncate(cut.len() / 2);
    assert!(matches!(read(cut), Err(ReadError::Zip(_))));
}

/// ACC-10: rows beyond the bound are refused, and problems are counted rather than kept without end.
#[test]
fn acc_10_rows_and_problems_are_bounded() {
    let mut text = String::from("username,given_name,family_name,roles\n");
    text.push_str(&"x,,,\n".repeat(5_000));
    let set = files(&[("roll.csv", &text)]);
    let limits = Limits {
        rows_max: 4_000,
        ..Limits::default()
    };
    let parsed = parse(&set, &limits, &mut |_| {});
    assert_eq!(
        parsed.problems.iter().count(),
        pharos_directory::PROBLEMS_MAX
    );
    assert_eq!(parsed.problems.count(), 4_000 * 3 + 3_999 + 1);
}

/// ACC-10: a class or user that is named but unknown stops the import; a manifest that mixes modes too.
#[test]
fn acc_10_dangling_references_and_mixed_manifests_stop_the_import() {
    let lost = ENROLMENTS.replace("c2", "c7");
    let manifest = MANIFEST.replace("file.classes,bulk", "file.classes,delta");
    let set = |manifest: &str, enrolments: &str| {
        files(&[
            ("manifest.csv", manifest),
            ("users.csv", USERS),
            ("roles.csv", ROLES),
            ("classes.csv", CLASSES),
            ("enrollments.csv", enrolments),
        ])
    };
    let text = import(&Roll::default(), &set(MANIFEST, &lost))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("enrollments.csv:3 (classSourcedId): \"c7\" is the id of no class"),
        "{text}"
    );
    let text = import(&Roll::default(), &set(&manifest, ENROLMENTS))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("classes.csv is delta but roles.csv is not"),
        "{text}"
    );
}

/// ACC-10: who would gain a role that opens cases or settings stands in the preview.
#[test]
fn acc_10_the_preview_shows_who_gains_power() {
    let roll = loaded(&school());
    let roles = ROLES.replace("teacher,2020-09-01", "principal,2020-09-01");
    let set = files(&[
        ("users.csv", USERS),
        ("roles.csv", &roles),
        ("classes.csv", CLASSES),
        ("enrollments.csv", ENROLMENTS),
    ]);
    let change = import(&roll, &set)
        .map_err(|problems| problems.to_string())
        .unwrap();
    assert_eq!(change.new_powers, [by_name(&roll, "ivo.lamp").id]);
}

proptest! {
    /// ACC-10: whatever bytes arrive, reading them ends with a roll or with problems, never a panic.
    #[test]
    fn acc_10_any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse_bytes(&bytes, &Limits::default());
    }

    /// ACC-10: whatever a field holds, an import of sound rows applied once changes nothing twice.
    #[test]
    fn acc_10_import_is_idempotent(names in proptest::collection::btree_set("[a-z]{1,8}", 1..30), years in proptest::collection::vec(0_u8..16, 30)) {
        let mut text = String::from("username,given_name,family_name,roles,year,form\n");
        for (name, year) in names.iter().zip(&years) {
            let year = match year { 0 => "N".to_owned(), 14.. => String::new(), n => n.to_string() };
            text.push_str(&format!("{name},\"{name}, the {year}\",X,pupil,{year},{year}\n"));
        }
        let set = files(&[("roll.csv", &text)]);
        let roll = loaded(&set);
        prop_assert_eq!(roll.people.len(), names.len());
        prop_assert!(import(&roll, &set).unwrap().is_empty());
    }
}
