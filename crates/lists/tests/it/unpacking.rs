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

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(6);
    let mut out = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut out = zstd::Encoder::new(Vec::new(), 3).unwrap();
    out.include_checksum(true).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Packs one stream.
type Packing = fn(&[u8]) -> Vec<u8>;

/// Every way of packing one stream, with what its files' names end with.
const PACKINGS: [(Packing, &str); 4] =
    [(gzip, ".gz"), (xz, ".xz"), (bzip2, ".bz2"), (zstd, ".zst")];

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

/// FIL-04: the same as xz, bzip2 and zstd pack it, and one file so packed; two streams one behind the
/// other are one file, as their tools read them.
#[test]
fn fil_04_every_packing_is_read() {
    let archive = tar(&[
        ("blacklists/adult/domains", b'0', b"adult.example\n"),
        ("blacklists/games/domains", b'0', b"games.example\n"),
    ]);
    for (pack, ending) in PACKINGS {
        let name = format!("all.tar{ending}");
        let (folder, path) = unpacked(&name, &pack(&archive), UnpackLimits::default());
        let path = path.unwrap_or_else(|error| panic!("{name}: {error}"));
        let lists = folder.open();
        let report = lists.import(&Import::new("ut1", &path), now()).unwrap();
        assert_eq!(report.entries, 2, "{name}");
        let found = categories(&lists.catalogue(), "games.example");
        assert_eq!(found, ["gaming"], "{name}");

        let name = format!("names.txt{ending}");
        let mut both = pack(b"a-site.example\n");
        both.extend(pack(b"b-site.example\n"));
        let (_folder, path) = unpacked(&name, &both, UnpackLimits::default());
        let path = path.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(path.file_name().unwrap(), "names.txt");
        let text = fs::read_to_string(path).unwrap();
        assert_eq!(text, "a-site.example\nb-site.example\n", "{name}");
    }
}

/// FIL-04: what a few bytes blow up to is bounded by what comes out, in files, beside them in what a tar
/// passes over, and in the memory that is asked for.
#[test]
fn fil_04_no_packing_blows_up() {
    let small = UnpackLimits {
        bytes_max: 1000,
        files_max: 3,
    };
    let zeroes = vec![0; 32 << 20];
    // A link with content: passed over, yet unpacked.
    let link = tar(&[("link", b'2', &zeroes)]);
    for (pack, ending) in PACKINGS {
        for (what, bytes) in [
            ("one file", pack(&zeroes)),
            ("passed over", pack(&link)),
            ("in a tar", pack(&tar(&[("big", b'0', &zeroes[..2000])]))),
        ] {
            assert!(bytes.len() < zeroes.len() / 100, "{ending}: a bomb");
            let (_folder, result) = unpacked("a.bin", &bytes, small);
            assert!(
                matches!(result, Err(UnpackError::TooLarge(1000))),
                "{ending}, {what}: {result:?}"
            );
        }
    }
    for bytes in [hungry_xz(), hungry_zstd()] {
        let (_folder, result) = unpacked("a.bin", &bytes, UnpackLimits::default());
        assert!(matches!(result, Err(UnpackError::Memory(66))), "{result:?}");
    }
}

/// An xz whose block says that its dictionary has 512 MiB (.xz file format, 3.1 and 5.3.1).
fn hungry_xz() -> Vec<u8> {
    let mut bytes = xz(b"a-site.example\n");
    let header = 12..12 + (usize::from(bytes[12]) + 1) * 4;
    let filter = bytes[header.clone()]
        .windows(2)
        .position(|two| two == [0x21, 1]);
    bytes[header.start + filter.unwrap() + 2] = 34;
    let checked = header.start..header.end - 4;
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[checked.clone()]);
    bytes[checked.end..header.end].copy_from_slice(&crc.sum().to_le_bytes());
    bytes
}

/// A zstd frame whose window has 1 GiB (RFC 8878, section 3.1.1).
fn hungry_zstd() -> Vec<u8> {
    let content = b"a-site.example\n";
    let mut bytes = vec![0x28, 0xB5, 0x2F, 0xFD, 0, 20 << 3];
    let block = (u32::try_from(content.len()).unwrap() << 3 | 1).to_le_bytes();
    bytes.extend_from_slice(&block[..3]);
    bytes.extend_from_slice(content);
    bytes
}

/// FIL-04: cut short anywhere, or changed where a checksum shows it, nothing is taken for a list.
#[test]
fn fil_04_cut_and_changed_streams_are_damage() {
    // Text that does not repeat, so that there is much of it.
    let text: String = (0..2_000_u64)
        .map(|n| format!("s{:x}.example\n", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    for (pack, ending) in PACKINGS {
        let packed = pack(text.as_bytes());
        for end in (12..packed.len()).step_by(packed.len() / 20) {
            let (_folder, result) = unpacked("a.bin", &packed[..end], UnpackLimits::default());
            assert!(
                matches!(result, Err(UnpackError::Damaged(_))),
                "{ending} cut at {end}: {result:?}"
            );
        }
        let mut changed = packed;
        let middle = changed.len() / 2;
        changed[middle] ^= 0x10;
        let (_folder, result) = unpacked("a.bin", &changed, UnpackLimits::default());
        assert!(
            matches!(result, Err(UnpackError::Damaged(_))),
            "{ending} changed: {result:?}"
        );
    }
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
    let (_folder, result) = unpacked("a.bin", b"7z\xBC\xAF\x27\x1Crest", small);
    assert!(matches!(result, Err(UnpackError::NotRead("7z"))));
}
