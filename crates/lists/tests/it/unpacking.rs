//! What publishers' archives become, and what is refused (FIL-04).

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use pharos_lists::{Import, UnpackError, UnpackLimits, unpack};

use crate::{Folder, categories, now};

/// A tar with these entries: name, kind, content.
fn tar(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, kind, content) in entries {
        let mut block = [0u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..108].copy_from_slice(b"0000644\0");
        block[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        block[148..156].fill(b' ');
        block[156] = *kind;
        block[257..263].copy_from_slice(b"ustar\0");
        block[263..265].copy_from_slice(b"00");
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&block);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        out.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        out.write_all(content).unwrap();
    }
    out.finish().unwrap().into_inner()
}

fn unpacked(
    name: &str,
    bytes: &[u8],
    limits: UnpackLimits,
) -> (Folder, Result<PathBuf, UnpackError>) {
    let folder = Folder::new();
    let file = folder.file(name, "");
    fs::write(&file, bytes).unwrap();
    let into = folder.0.path().join("unpacked");
    fs::create_dir(&into).unwrap();
    let result = unpack(&file, &into, limits);
    // Whatever it was, nothing lies outside the folder it may write to.
    let around: Vec<_> = fs::read_dir(folder.0.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(around.len(), 2, "{around:?}");
    (folder, result)
}

/// FIL-04: a tarball of categories as UT1 publishes it, links and all.
#[test]
fn fil_04_a_tarball_of_categories_is_read() {
    let bytes = gzip(&tar(&[
        ("blacklists/", b'5', b""),
        ("blacklists/adult/domains", b'0', b"adult.example\n"),
        ("blacklists/adult/urls", b'0', b"mixed.example/adult\n"),
        ("blacklists/porn", b'2', b""),
        ("blacklists/games/domains", b'0', b"games.example\n"),
        ("blacklists/README", b'0', b"about\n"),
    ]));
    let (folder, path) = unpacked("all.tar.gz", &bytes, UnpackLimits::default());
    let lists = folder.open();
    let report = lists
        .import(&Import::new("ut1", &path.unwrap()), now())
        .unwrap();
    assert_eq!(report.entries, 3);
    assert_eq!(
        categories(&lists.catalogue(), "adult.example"),
        ["pornography"]
    );
    assert_eq!(categories(&lists.catalogue(), "games.example"), ["gaming"]);
}

/// FIL-04: one category's tarball, a zip, a compressed file and a plain one.
#[test]
fn fil_04_other_wrappings_are_read() {
    let domains: &[u8] = b"a-site.example\n";
    let pax = b"22 path=adult/domains\n";
    let wrappings: [(&str, Vec<u8>, &str); 6] = [
        (
            "adult.tar.gz",
            gzip(&tar(&[("adult/domains", b'0', domains)])),
            "adult",
        ),
        (
            "adult.tar",
            tar(&[("adult/domains", b'0', domains)]),
            "adult",
        ),
        (
            "pax.tar",
            tar(&[("x", b'x', pax), ("y", b'0', domains)]),
            "adult",
        ),
        ("adult.zip", zip(&[("adult/domains", domains)]), "adult"),
        ("names.txt.gz", gzip(domains), "names.txt"),
        ("names.txt", domains.to_vec(), "names.txt"),
    ];
    for (name, bytes, expected) in wrappings {
        let (_folder, path) = unpacked(name, &bytes, UnpackLimits::default());
        let path = path.unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(found, expected, "{name}");
    }
}

/// FIL-04: names that lead out of the folder, too much, too many, damage and unread kinds are refused.
#[test]
fn fil_04_archives_that_reach_out_or_blow_up_are_refused() {
    let small = UnpackLimits {
        bytes_max: 1000,
        files_max: 3,
    };
    for name in [
        "../out",
        "/etc/out",
        "a/../../out",
        "a\\..\\out",
        "c:out",
        "a/\u{1}b",
    ] {
        for bytes in [
            tar(&[(name, b'0', b"x\n")]),
            gzip(&tar(&[("fine", b'0', b"x\n"), (name, b'0', b"x\n")])),
            tar(&[(name, b'5', b"")]),
            tar(&[("long", b'L', name.as_bytes()), ("fine", b'0', b"x\n")]),
            zip(&[(name, b"x\n")]),
        ] {
            let (_folder, result) = unpacked("a.bin", &bytes, small);
            assert!(
                matches!(result, Err(UnpackError::BadName)),
                "{name:?}: {result:?}"
            );
        }
    }
    let zeroes = vec![b'0'; 2000];
    for bytes in [
        gzip(&zeroes),
        tar(&[("big", b'0', &zeroes)]),
        zip(&[("big", &zeroes)]),
    ] {
        let (_folder, result) = unpacked("a.bin", &bytes, small);
        assert!(
            matches!(result, Err(UnpackError::TooLarge(1000))),
            "{result:?}"
        );
    }
    let many = [
        ("a", b'0', &b"x"[..]),
        ("b", b'0', b"x"),
        ("c", b'0', b"x"),
        ("d", b'0', b"x"),
    ];
    assert!(matches!(
        unpacked("a", &tar(&many), small).1,
        Err(UnpackError::TooManyFiles(3))
    ));
    let folders = [("a/", b'5', &b""[..]); 20];
    assert!(matches!(
        unpacked("a", &tar(&folders), small).1,
        Err(UnpackError::TooManyFiles(3))
    ));

    let good = tar(&[("adult/domains", b'0', b"a-site.example\n")]);
    let packed = gzip(&good);
    for damaged in [
        good[..600].to_vec(),
        good[..1024].to_vec(),
        packed[..packed.len() - 9].to_vec(),
        {
            let mut bytes = packed.clone();
            let last = bytes.len() - 5;
            bytes[last] ^= 1;
            bytes
        },
        b"PK\x03\x04 not a zip".to_vec(),
        vec![0x1F, 0x8B, 8, 0],
    ] {
        let (_folder, result) = unpacked("a.bin", &damaged, small);
        assert!(matches!(result, Err(UnpackError::Damaged(_))), "{result:?}");
    }
    assert!(matches!(
        unpacked("a", &tar(&[("a/", b'5', b"")]), small).1,
        Err(UnpackError::Empty)
    ));
    for (start, name) in [(&b"\xFD7zXZ\0rest"[..], "xz"), (b"BZh9rest", "bzip2")] {
        let (_folder, result) = unpacked("a.bin", start, small);
        assert!(matches!(result, Err(UnpackError::NotRead(kind)) if kind == name));
    }
}
