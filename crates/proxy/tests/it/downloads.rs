//! Downloads: blocked by kind, scanned by a real anti-virus engine (FIL-19).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pharos_policy::FileKind;
use pharos_policy::spec::{AntivirusSpec, Undecided};
use pharos_testkit::origin::{Asked, Origin, Reply, TestCa, Validity};
use pharos_testkit::tools::have;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::support::{ADA, School, TESS, TIM, snapshot_with, text, wait_for};

/// The industry's harmless test file, put together here so that no scanner trips over this text.
fn test_virus() -> Vec<u8> {
    let parts = [
        r"X5O!P%@AP[4\PZX54(P^)7CC)7}$",
        "EICAR-STANDARD-ANTIVIRUS",
        "-TEST-FILE!$H+H*",
    ];
    parts.concat().into_bytes()
}

/// What an installer of Windows begins with, and nothing that could run.
fn installer() -> Vec<u8> {
    let mut bytes = b"MZ\x90\0\x03\0\0\0".to_vec();
    bytes.resize(128, 0);
    bytes.extend(b"PE\0\0");
    bytes.extend(b"a test installer that does nothing. ".repeat(2_000));
    bytes
}

fn reply(kind: &str, more: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Reply {
    let headers = [("Content-Type", kind)]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Reply::Page {
        status: "200 OK",
        headers,
        body: body.into(),
    }
}

fn files(asked: &Asked) -> Reply {
    let octets = "application/octet-stream";
    let attachment = |name: &str| format!("attachment; filename=\"{name}\"");
    match asked.target() {
        "/setup.exe" => reply(octets, &[], installer()),
        "/get?id=7" => reply(octets, &[], installer()),
        "/cat.png" => reply("image/png", &[], installer()),
        "/named" => reply(
            "text/html",
            &[("Content-Disposition", &attachment("Setup.msi"))],
            "what is in it does not matter",
        ),
        "/app" => reply("application/vnd.android.package-archive", &[], "PK"),
        "/eicar.com" => reply(octets, &[], test_virus()),
        "/eicar.zipped" => reply(octets, &[("Content-Encoding", "gzip")], gzip(&test_virus())),
        "/notes.zip" => reply("application/zip", &[], b"PK\x03\x04notes".to_vec()),
        "/part.zip" => Reply::Page {
            status: "206 Partial Content",
            headers: vec![
                ("Content-Type".into(), "application/zip".into()),
                ("Content-Range".into(), "bytes 5-9/10".into()),
            ],
            body: b"notes".to_vec(),
        },
        "/large.zip" => reply("application/zip", &[], vec![7; (1 << 20) + 1]),
        "/short.zip" => Reply::RawClose(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: 90\r\n\r\nPK\x03\x04"
                .to_vec(),
        ),
        "/lesson.pdf" => reply("application/pdf", &[], "%PDF-1.7 a lesson"),
        "/app.js" => reply("text/javascript", &[], "let tide = 'high';"),
        _ => reply("text/html", &[], "<p>calm sea"),
    }
}

/// Gzip without compression (RFC 1952, RFC 1951 section 3.2.4).
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(bytes);
    packed.extend([0; 8]);
    packed
}

async fn school(origin: &Origin) -> School {
    School::open(&[("files.test", origin), ("updates.test", origin)])
}

/// The school has this engine, and holds back at most a mebibyte.
fn engine(school: &School, at: &Path, larger: Undecided, away: Undecided) {
    school.filter.install(snapshot_with(|spec| {
        spec.downloads.antivirus = AntivirusSpec {
            engine: Some(at.to_string_lossy().into_owned()),
            kinds: vec![
                FileKind::Programs,
                FileKind::Archives,
                FileKind::Installers,
                FileKind::Other,
            ],
            mb_max: 1,
            larger,
            away,
        };
    }));
}

async fn get(school: &School, path: &str) -> String {
    let url = format!("http://files.test{path}");
    school.get(&url, "Accept: text/html\r\n").await
}

/// A real clamd that knows one signature: that of the test file.
struct Clamd {
    child: Child,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Drop for Clamd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Clamd {
    /// `None`, said aloud, where it is not installed; a failure where everything must be real.
    async fn start() -> Option<Self> {
        let program = Path::new("/usr/sbin/clamd");
        if !program.is_file() {
            let real = std::env::var_os("PHAROS_TEST_REAL").is_some();
            assert!(
                !real,
                "clamd is needed for this test (Debian package clamav-daemon)"
            );
            eprintln!("left out: clamd is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (database, socket) = (folder.path().join("db"), folder.path().join("socket"));
        std::fs::create_dir(&database).unwrap();
        let pattern: String = test_virus().iter().map(|b| format!("{b:02x}")).collect();
        let mut signatures = std::fs::File::create(database.join("test.ndb")).unwrap();
        writeln!(signatures, "Test.File:0:0:{pattern}").unwrap();
        let settings = folder.path().join("clamd.conf");
        let text = format!(
            "LocalSocket {}\nDatabaseDirectory {}\nForeground yes\nStreamMaxLength 10M\n",
            socket.display(),
            database.display()
        );
        std::fs::write(&settings, text).unwrap();
        let child = Command::new(program)
            .arg("--config-file")
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(|| std::os::unix::net::UnixStream::connect(&socket).ok()).await;
        Some(Self {
            child,
            socket,
            _folder: folder,
        })
    }
}

/// FIL-19: a pupil's download of a test installer is blocked and logged, whatever it is called,
/// and so is a teacher's; pages and what belongs to them pass.
#[tokio::test]
async fn fil_19_a_pupils_download_of_an_installer_is_blocked_and_logged() {
    let origin = Origin::http(files).await;
    let school = school(&origin).await;
    let mut count = 0;
    for reader in [ADA, TESS] {
        school.sign_in(reader);
        for (path, kind) in [
            ("/setup.exe", "programs"),
            ("/get?id=7", "programs"),
            ("/cat.png", "programs"),
            ("/named", "installers"),
            ("/app", "mobile-apps"),
            ("/eicar.com", "programs"),
        ] {
            let page = get(&school, path).await;
            assert!(page.starts_with("HTTP/1.1 403 "), "{path}: {page}");
            let said = kind.replace('-', " ");
            assert!(page.contains(&format!("of this kind ({said})")), "{page}");
            assert!(!page.contains("does nothing"), "{page}");
            count += 1;
            let event = school.events(count).await.pop().unwrap();
            assert_eq!(
                (event.action, &*event.rule),
                ("block", &*format!("fil.downloads ({kind})"))
            );
        }
    }
    for (path, wanted) in [
        ("/", "calm sea"),
        ("/app.js", "high"),
        ("/lesson.pdf", "a lesson"),
    ] {
        let page = get(&school, path).await;
        assert!(page.starts_with("HTTP/1.1 200 "), "{path}: {page}");
        assert!(page.contains(wanted), "{path}: {page}");
    }
    assert_eq!(school.figures().downloads_blocked, 12);
    assert_eq!(school.blocked().len(), 12);
}

/// FIL-19: the same inside a connection that is looked into, by HTTP/1.1 and by HTTP/2; and a
/// device whose user nobody knows gets what pupils get.
#[tokio::test]
async fn fil_19_downloads_are_judged_inside_encrypted_connections() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = Origin::https(ca.server(&["files.test"], Validity::Now), files).await;
    let school = School::with(&[("files.test", &origin)], ca, |_| {});
    for version in ["--http1.1", "--http2"] {
        let asked = ["--include", version, "https://files.test/get?id=7"];
        let page = text(&school.curl(&asked).await);
        assert!(page.contains("of this kind (programs)"), "{page}");
    }
    school.sign_in(TIM);
    let asked = ["--http2", "https://files.test/get?id=7"];
    assert_eq!(school.curl(&asked).await.stdout, installer());
}

/// FIL-19: what devices fetch for themselves from the sites of updates is left alone.
#[tokio::test]
async fn fil_19_updates_are_left_alone() {
    let origin = Origin::http(files).await;
    let school = school(&origin).await;
    school.sign_in(ADA);
    let update = school.get("http://updates.test/setup.exe", "").await;
    assert!(update.starts_with("HTTP/1.1 200 "), "{update}");
}

/// FIL-19: a technician's download is scanned first, by a real engine; the industry's test file is
/// stopped for the technician and for the pupil, packed or not.
#[tokio::test]
async fn fil_19_a_technicians_download_is_scanned_first_and_the_test_file_is_stopped() {
    let Some(clamd) = Clamd::start().await else {
        return;
    };
    let origin = Origin::http(files).await;
    let school = school(&origin).await;
    engine(&school, &clamd.socket, Undecided::Block, Undecided::Block);
    school.sign_in(TIM);
    let file = get(&school, "/setup.exe").await;
    assert!(file.starts_with("HTTP/1.1 200 "), "{file}");
    assert!(file.ends_with("does nothing. "), "it arrives whole");
    let event = school.events(1).await.remove(0);
    assert_eq!(
        (event.action, &*event.rule),
        ("allow", "default (scanned for viruses)")
    );
    for path in ["/eicar.com", "/eicar.zipped"] {
        let page = get(&school, path).await;
        assert!(page.starts_with("HTTP/1.1 403 "), "{path}: {page}");
        assert!(page.contains("Test.File"), "{page}");
    }
    let event = school.events(2).await.remove(1);
    assert_eq!(event.action, "block");
    assert!(event.rule.starts_with("fil.antivirus: Test.File"));
    assert_eq!(&*event.categories[0], "malware");
    school.sign_in(ADA);
    for path in ["/eicar.com", "/eicar.zipped"] {
        let page = get(&school, path).await;
        assert!(page.starts_with("HTTP/1.1 403 "), "{path}: {page}");
    }
    let zipped = get(&school, "/notes.zip").await;
    assert!(zipped.starts_with("HTTP/1.1 200 "), "{zipped}");
    let figures = school.figures();
    // The pupil's were stopped by their kind: a program needs no scan to be refused.
    assert_eq!((figures.downloads_scanned, figures.viruses), (4, 2));
    assert_eq!(figures.downloads_unscanned, 0);
    assert!(!school.scanner_is_away());
}

/// FIL-19: while the engine is away the setting decides, and it is counted and told.
#[tokio::test]
async fn fil_19_an_engine_that_is_away_is_told_and_the_setting_decides() {
    let origin = Origin::http(files).await;
    let school = school(&origin).await;
    school.sign_in(TIM);
    let nowhere = tempfile::tempdir().unwrap();
    let nowhere = nowhere.path().join("socket");
    engine(&school, &nowhere, Undecided::Block, Undecided::Block);
    let page = get(&school, "/setup.exe").await;
    assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    assert!(page.contains("could not be checked for viruses"), "{page}");
    assert!(school.scanner_is_away());
    engine(&school, &nowhere, Undecided::Block, Undecided::Allow);
    let file = get(&school, "/setup.exe").await;
    assert!(file.starts_with("HTTP/1.1 200 "), "{file}");
    let event = school.events(2).await.remove(1);
    assert_eq!(
        &*event.rule,
        "default (not scanned: the anti-virus engine does not answer)"
    );
    // Pages need no engine.
    let page = get(&school, "/").await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert_eq!(school.figures().downloads_unscanned, 2);
}

/// An engine that says the same of every file, once it has been told its end.
fn says(answer: &'static [u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("socket");
    let listener = UnixListener::bind(&at).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut told = vec![0; 10];
            if stream.read_exact(&mut told).await.is_err() || told != b"zINSTREAM\0" {
                continue;
            }
            while let Ok(length) = stream.read_u32().await {
                if length == 0 {
                    let _ = stream.write_all(answer).await;
                    break;
                }
                let mut piece = vec![0; usize::try_from(length).unwrap()];
                if stream.read_exact(&mut piece).await.is_err() {
                    break;
                }
            }
        }
    });
    (folder, at)
}

/// FIL-19: a file beyond the bound is decided by the setting, by its announced length as well as
/// by what the engine takes.
#[tokio::test]
async fn fil_19_a_file_beyond_the_bound_is_decided_by_the_setting() {
    let origin = Origin::http(files).await;
    let school = school(&origin).await;
    school.sign_in(TIM);
    let (_well, well) = says(b"stream: OK\0");
    let (_small, small) = says(b"INSTREAM size limit exceeded. ERROR\0");
    for (engine_at, path) in [(&well, "/large.zip"), (&small, "/notes.zip")] {
        engine(&school, engine_at, Undecided::Block, Undecided::Block);
        let page = get(&school, path).await;
        assert!(page.starts_with("HTTP/1.1 403 "), "{path}: {page}");
        assert!(page.contains("larger than 1 MB"), "{page}");
        engine(&school, engine_at, Undecided::Allow, Undecided::Block);
        let file = get(&school, path).await;
        assert!(file.starts_with("HTTP/1.1 200 "), "{path}");
    }
    let events = school.events(4).await;
    let rule = "default (not scanned: larger than 1 MB)";
    assert_eq!((&*events[1].rule, &*events[3].rule), (rule, rule));
    assert!(!school.scanner_is_away());
}

/// FIL-19: no part of a file goes round the scan: the whole is asked for, and a part that comes all
/// the same is refused. What broke off is not passed on as if it had been scanned.
#[tokio::test]
async fn fil_19_parts_of_files_are_not_let_past_the_scan() {
    let origin = Origin::http(files).await;
    let school = school(&origin).await;
    school.sign_in(TIM);
    let (_folder, at) = says(b"stream: OK\0");
    engine(&school, &at, Undecided::Allow, Undecided::Allow);
    let ranged = "Accept: text/html\r\nRange: bytes=5-\r\n";
    let page = school.get("http://files.test/part.zip", ranged).await;
    assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    assert_eq!(origin.asked()[0].header("range"), None);
    let page = get(&school, "/short.zip").await;
    assert!(page.starts_with("HTTP/1.1 502 "), "{page}");
    let page = school.get("http://files.test/lesson.mp4", ranged).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert_eq!(origin.asked()[2].header("range"), Some("bytes=5-"));
}

/// FIL-19, FIL-17: what is held back at once has a bound over all files; beyond it files count as
/// not scanned.
#[tokio::test]
async fn fil_19_what_is_held_back_at_once_has_a_bound() {
    let origin = Origin::http(|_| reply("application/zip", &[], vec![7; 400_000])).await;
    let sites = [("files.test", &origin)];
    let school = School::with(&sites, TestCa::new(), |config| {
        config.limits.scan_memory = 64 * 1024;
    });
    school.sign_in(TIM);
    let (_folder, at) = says(b"stream: OK\0");
    engine(&school, &at, Undecided::Block, Undecided::Block);
    let page = get(&school, "/a.zip").await;
    assert!(page.contains("too many files are being scanned"), "{page}");
    assert_eq!(school.figures().downloads_unscanned, 1);
}
