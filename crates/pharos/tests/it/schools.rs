//! The three shipped schools on their real faces: the same questions by dig and curl, answered by each
//! school's own policy.

use std::path::Path;

use crate::support::clients::{Fetched, curl, dig};
use crate::support::have;
use crate::support::server::{Server, free_port, pharos};
use crate::support::upstream::{ADDRESS, Upstream};

/// A device that no pack knows.
const NOBODY: &str = "127.0.7.7";

/// What a school's devices meet.
struct Expected {
    pack: &'static str,
    /// A device's address and a name: whether the name is answered.
    names: &'static [(&'static str, &'static str, bool)],
    /// A device's address, a page's address, the answer's status, and words of the page.
    pages: &'static [(&'static str, &'static str, u16, &'static str)],
}

const SCHOOLS: [Expected; 3] = [
    Expected {
        pack: "harbourmouth",
        names: &[
            ("127.0.1.8", "pornography.pharos.test", false),
            ("127.0.1.8", "racial-hatred.pharos.test", false),
            ("127.0.1.8", "extremism.pharos.test", false),
            ("127.0.1.8", "gaming.pharos.test", false),
            ("127.0.1.8", "news.pharos.test", true),
            ("127.0.1.20", "hacking.pharos.test", true),
            ("127.0.1.20", "pornography.pharos.test", false),
            (NOBODY, "gambling.pharos.test", false),
            (NOBODY, "childline.org.uk", true),
        ],
        pages: &[
            ("127.0.1.8", "http://gambling.pharos.test/", 403, "gambling"),
            (
                "127.0.1.20",
                "http://social-media.pharos.test/",
                403,
                "Go on",
            ),
        ],
    },
    Expected {
        pack: "ashdale-academy",
        names: &[
            ("127.0.1.8", "pornography.pharos.test", false),
            ("127.0.1.8", "racial-hatred.pharos.test", false),
            ("127.0.1.8", "extremism.pharos.test", false),
            ("127.0.1.8", "gaming.pharos.test", false),
            ("127.0.1.8", "social-media.pharos.test", false),
            ("127.0.1.8", "news.pharos.test", true),
            // Everybody but the named colleague.
            ("127.0.1.20", "social-media.pharos.test", true),
            ("127.0.1.21", "social-media.pharos.test", false),
            ("127.0.1.21", "gaming.pharos.test", false),
            (NOBODY, "gambling.pharos.test", false),
            (NOBODY, "childline.org.uk", true),
        ],
        pages: &[
            ("127.0.1.8", "http://gambling.pharos.test/", 403, "gambling"),
            (
                "127.0.1.21",
                "http://social-media.pharos.test/",
                403,
                "social media",
            ),
        ],
    },
    Expected {
        pack: "larkfield-house",
        names: &[
            ("127.0.1.4", "pornography.pharos.test", false),
            ("127.0.1.4", "gaming.pharos.test", false),
            // Year 1 is led by an adult; Year 4 by what the teacher sets.
            ("127.0.1.2", "news.pharos.test", false),
            ("127.0.1.4", "news.pharos.test", false),
            ("127.0.1.20", "news.pharos.test", true),
            ("127.0.1.20", "pornography.pharos.test", false),
            (NOBODY, "news.pharos.test", false),
            ("127.0.1.2", "childline.org.uk", true),
            (NOBODY, "childline.org.uk", true),
        ],
        pages: &[
            ("127.0.1.4", "http://gaming.pharos.test/", 403, "gaming"),
            // Somebody's own telephone on the Wi-Fi: the notice comes before any page (MON-09).
            ("127.0.5.9", "http://news.pharos.test/", 302, "notice"),
        ],
    },
];

/// The school of a pack, lived in, with everything asked for from a stand-in for the internet.
fn open(expected: &Expected, upstream: &Upstream, scratch: &Path) -> Server {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let data = scratch.join(expected.pack);
    let data_text = data.to_str().unwrap();
    pharos(&[
        "init",
        "--sample",
        "--pack",
        packs.join(expected.pack).to_str().unwrap(),
        "--data",
        data_text,
    ])
    .ended(0);
    let block_page = format!("127.0.0.1:{}", free_port());
    Server::serve(
        &data,
        &[
            "--dns-upstream",
            &upstream.address.to_string(),
            "--block-page",
            &block_page,
        ],
    )
}

fn through_proxy(server: &Server, from: &str, url: &str) -> Fetched {
    let proxy = format!("http://{}", server.proxy);
    curl(&["--interface", from, "-x", &proxy, url])
}

/// FIL-01, FIL-02, FIL-05, FIL-07, FIL-09, FIL-13, FIL-14, MON-09 under each school's settings: pupils,
/// staff, the youngest and unknown devices each get the verdict of their own school's policy, by name
/// look-up and through the proxy.
#[test]
fn fil_01_fil_02_each_school_is_filtered_by_its_own_policy() {
    if !have(&["dig", "curl"]) {
        return;
    }
    let (upstream, scratch) = (Upstream::start(300), tempfile::tempdir().unwrap());
    for expected in &SCHOOLS {
        let server = open(expected, &upstream, scratch.path());
        for (from, name, opens) in expected.names {
            let told = dig(&server, from, &["+short", name]).out;
            assert_eq!(
                told.trim() == ADDRESS.to_string(),
                *opens,
                "{} {from} {name}: {told}",
                expected.pack
            );
        }
        for (from, url, status, words) in expected.pages {
            let page = through_proxy(&server, from, url);
            assert_eq!(
                page.status, *status,
                "{} {from} {url}: {page:?}",
                expected.pack
            );
            assert!(
                page.body.to_lowercase().contains(&words.to_lowercase()),
                "{} {from} {url}: {}",
                expected.pack,
                page.body
            );
        }
    }
}

/// SRCH-01, SRCH-02, FIL-16 under each school's settings: the search engine and the video site are
/// held to their strict servers for pupils and unknown devices, and browsers are told not to look up
/// names elsewhere.
#[test]
fn srch_01_fil_16_each_school_holds_searching_and_look_ups() {
    if !have(&["dig"]) {
        return;
    }
    let (upstream, scratch) = (Upstream::start(300), tempfile::tempdir().unwrap());
    for (expected, pupil) in SCHOOLS.iter().zip(["127.0.1.8", "127.0.1.8", "127.0.1.4"]) {
        let server = open(expected, &upstream, scratch.path());
        for from in [pupil, NOBODY] {
            for (asked, held) in [
                ("www.google.com", "forcesafesearch.google.com."),
                ("www.google.co.uk", "forcesafesearch.google.com."),
                ("www.youtube.com", "restrict.youtube.com."),
            ] {
                let told = dig(&server, from, &["+short", asked]).out;
                let pack = expected.pack;
                assert!(
                    told.contains(held) || !told.contains(&ADDRESS.to_string()),
                    "{pack} {from} {asked}: {told}"
                );
            }
            for name in ["use-application-dns.net", "mask.icloud.com"] {
                let told = dig(&server, from, &[name]).out;
                assert!(
                    told.contains("NXDOMAIN"),
                    "{} {from} {name}: {told}",
                    expected.pack
                );
            }
        }
        // Ashdale's learners search at all, and are held to it; so are Harbourmouth's.
        if expected.pack != "larkfield-house" {
            let told = dig(&server, pupil, &["+short", "www.google.com"]).out;
            assert!(
                told.contains("forcesafesearch"),
                "{}: {told}",
                expected.pack
            );
        }
    }
}
