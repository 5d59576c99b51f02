//! Pages, answers and messages judged by their text on the way.

use std::sync::Arc;

use pharos_filter::{Parts, Snapshot};
use pharos_scan::{Dictionaries, Dictionary, Sets};
use pharos_testkit::origin::{Origin, Reply, TestCa};

use crate::support::{ADA, BEN, GUS, School, TESS, TIM, snapshot};

const DICTIONARIES: [&str; 2] = [
    "dictionary self-harm\nversion 1\ndistress yes\n\
     threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n80 sad otter\n52 grey rock\n-100 marine lesson\n",
    "dictionary gambling\nversion 1\n\
     threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n95 lucky clam\n500 furious gale\n500 and a furious\n",
];

const SAD: &str = "<html><p>A s\u{430}d <b>0tt</b>er on a grey rock</p>";

async fn school(origin: &Origin) -> School {
    let all: Vec<_> = DICTIONARIES
        .iter()
        .map(|text| Dictionary::parse(text).unwrap())
        .collect();
    let dictionaries = Arc::new(Dictionaries::compile(&all, &Sets::default()).unwrap());
    let sites = [("pages.test", origin), ("bank.test", origin)];
    School::with(&sites, TestCa::new(), |config| {
        config.dictionaries = Some(dictionaries);
    })
}

fn reply(kind: &str, coding: &str, body: impl Into<Vec<u8>>) -> Reply {
    let mut headers = vec![("Content-Type".to_owned(), kind.to_owned())];
    if !coding.is_empty() {
        headers.push(("Content-Encoding".to_owned(), coding.to_owned()));
    }
    Reply::Page {
        status: "200 OK",
        headers,
        body: body.into(),
    }
}

/// Gzip without compression (RFC 1952, RFC 1951 section 3.2.4).
fn gzip(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1];
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(text.as_bytes());
    packed.extend([0; 8]);
    packed
}

async fn pages() -> Origin {
    Origin::http(|asked| match asked.target() {
        "/sad" => reply("text/html; charset=utf-8", "", SAD),
        "/packed" => reply("text/html", "gzip", gzip(SAD)),
        "/lesson" => reply("text/html", "", format!("{SAD} in a marine lesson")),
        "/clam" => reply("application/json", "", r#"{"m":["a l\u0075cky clam"]}"#),
        "/late" => {
            let calm = "calm sea ".repeat(20_000);
            reply("text/html", "", format!("{calm}and a furious gale"))
        }
        "/events" => reply(
            "text/event-stream",
            "",
            "data: {\"delta\":{\"text\":\"a lucky cl\"}}\n\ndata: {\"delta\":{\"text\":\"am\"}}\n\n",
        ),
        "/bad" => reply("text/html", "", "<p>a furious gale"),
        "/picture" => reply("image/png", "", SAD),
        _ => reply("text/html", "", "<p>calm sea"),
    })
    .await
}

/// FIL-02, FIL-06: a page on an open host is blocked by what it says, with category, score and
/// threshold on the page and in the event; nothing of it reaches the reader.
#[tokio::test]
async fn fil_02_a_page_is_blocked_by_its_text() {
    let origin = pages().await;
    let school = school(&origin).await;
    school.sign_in(ADA);
    for path in ["/sad", "/packed"] {
        let page = school
            .get(&format!("http://pages.test{path}"), "Accept: text/html\r\n")
            .await;
        assert!(page.starts_with("HTTP/1.1 403 "), "{path}: {page}");
        assert!(page.contains("(page text: self-harm 132 of 90)"), "{page}");
        assert!(!page.contains("grey rock"), "{page}");
    }
    let event = school.events(1).await.remove(0);
    assert_eq!(
        (event.action, &*event.rule, &*event.categories[0]),
        ("block", "page text: self-harm 132 of 90", "self-harm")
    );
    assert_eq!(school.figures().texts_stopped, 2);
}

/// FIL-12: an ordinary page, a lesson about the same matter, and a picture pass unchanged.
#[tokio::test]
async fn fil_12_ordinary_pages_and_lessons_pass() {
    let origin = pages().await;
    let school = school(&origin).await;
    school.sign_in(ADA);
    for (path, wanted) in [
        ("/", "calm sea"),
        ("/lesson", "in a marine lesson"),
        ("/picture", "grey rock"),
    ] {
        let page = school.get(&format!("http://pages.test{path}"), "").await;
        assert!(page.starts_with("HTTP/1.1 200 "), "{path}: {page}");
        assert!(page.contains(wanted), "{path}: {page}");
    }
    let events = school.events(3).await;
    assert!(events.iter().all(|event| event.action == "allow"));
}

/// FIL-02, FIL-14: a page in which nothing was found is not read again for the next reader of the same
/// band; whoever is younger is judged afresh, and so is a page that differs or that was stopped.
#[tokio::test]
async fn fil_02_a_page_that_was_read_is_known_again() {
    let origin = Origin::http(|asked| match asked.target() {
        "/rock" => reply("text/html", "", "<p>a grey rock"),
        "/plain" => reply("text/plain", "", "<p>a grey rock"),
        "/other" => reply("text/html", "", "<p>a grey rock, a sad otter"),
        _ => reply("text/html", "", SAD),
    })
    .await;
    let school = school(&origin).await;
    let known = async |who, path: &str, status: &str| {
        school.sign_in(who);
        let page = school.get(&format!("http://pages.test{path}"), "").await;
        assert!(page.starts_with(status), "{path}: {page}");
        let figures = school.figures();
        (figures.texts_read, figures.texts_known)
    };
    let (passes, stopped) = ("HTTP/1.1 200 ", "HTTP/1.1 403 ");
    assert_eq!(known(ADA, "/rock", passes).await, (1, 0));
    assert_eq!(known(ADA, "/rock", passes).await, (1, 1));
    assert_eq!(known(BEN, "/rock", stopped).await, (2, 1));
    assert_eq!(known(ADA, "/plain", passes).await, (3, 1));
    assert_eq!(known(ADA, "/other", stopped).await, (4, 1));
    assert_eq!(known(ADA, "/sad", stopped).await, (5, 1));
    assert_eq!(known(ADA, "/sad", stopped).await, (6, 1));
    assert_eq!(known(ADA, "/rock", passes).await, (6, 2));
}

/// FIL-02: a page is known again up to the size that is held as a whole; a longer one is read each
/// time, to its end.
#[tokio::test]
async fn fil_02_what_is_too_long_to_be_held_is_read_each_time() {
    const HELD: usize = 64 * 1024;
    let calm = |length: usize| {
        "calm sea "
            .bytes()
            .cycle()
            .take(length)
            .collect::<Vec<u8>>()
    };
    let origin = Origin::http(move |asked| match asked.target() {
        "/held" => reply("text/html", "", calm(HELD)),
        "/longer" => reply("text/html", "", calm(HELD + 1)),
        _ => reply(
            "text/html",
            "",
            [calm(HELD), b" and a furious gale".into()].concat(),
        ),
    })
    .await;
    let school = school(&origin).await;
    school.sign_in(ADA);
    let read = async |path: &str| {
        let page = school.get(&format!("http://pages.test{path}"), "").await;
        assert!(!page.contains("furious gale"), "{path}");
        let figures = school.figures();
        (figures.texts_read, figures.texts_known)
    };
    assert_eq!(read("/held").await, (1, 0));
    assert_eq!(read("/held").await, (1, 1));
    assert_eq!(read("/longer").await, (2, 1));
    assert_eq!(read("/longer").await, (3, 1));
    assert_eq!(read("/furious").await, (4, 1));
    assert_eq!(school.figures().texts_stopped, 1);
}

/// FIL-14: who is not read, and what is never looked into, passes; the younger reader is judged
/// more strictly.
#[tokio::test]
async fn fil_14_who_is_read_and_how_strictly_follows_the_policy() {
    let origin = pages().await;
    let school = school(&origin).await;
    school.sign_in(TESS);
    let staff = school.get("http://pages.test/sad", "").await;
    assert!(staff.starts_with("HTTP/1.1 200 "), "{staff}");
    school.sign_in(ADA);
    let bank = school.get("http://bank.test/sad", "").await;
    assert!(bank.starts_with("HTTP/1.1 200 "), "{bank}");
    school.sign_in(BEN);
    let young = school.get("http://pages.test/clam", "").await;
    assert!(young.starts_with("HTTP/1.1 403 "), "{young}");
    assert!(!young.contains("gambling"), "{young}");
}

/// FIL-13: where the theme is distress the page begins with help, and so does the answer to a
/// program.
#[tokio::test]
async fn fil_13_distress_is_met_with_help_not_a_bare_block() {
    let origin = pages().await;
    let school = school(&origin).await;
    school.sign_in(ADA);
    let page = school
        .get("http://pages.test/sad", "Accept: text/html\r\n")
        .await;
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
    assert!(place("You do not have to manage this alone") < place("Childline"));
    assert!(place("Childline") < place("Ask for this"));
    let program = school
        .get("http://pages.test/sad", "Sec-Fetch-Dest: empty\r\n")
        .await;
    assert!(
        program.contains("You do not have to manage this alone"),
        "{program}"
    );
    assert!(program.contains("Childline"), "{program}");
    let other = school
        .get("http://pages.test/clam", "Sec-Fetch-Dest: empty\r\n")
        .await;
    assert!(
        other.ends_with("Blocked by the school's web filter.\n"),
        "{other}"
    );
}

/// FIL-02: what turns out late in a long page, or in an answer as it is written, is cut there.
#[tokio::test]
async fn fil_02_what_turns_out_late_is_cut() {
    let origin = pages().await;
    let school = school(&origin).await;
    school.sign_in(ADA);
    let page = school.get("http://pages.test/late", "").await;
    assert!(page.starts_with("HTTP/1.1 200 "));
    assert!(page.contains("calm sea") && !page.contains("furious"));
    let events = school.get("http://pages.test/events", "").await;
    assert!(!events.contains("\"am\""), "{events}");
    let seen = school.events(2).await;
    assert!(seen.iter().all(|event| event.action == "block"), "{seen:?}");
    assert_eq!(school.figures().texts_stopped, 2);
}

/// FIL-02, FIL-05: where the policy warns of a page's text, its reader sees the warning, may go on
/// for a while, and both are in the events; what is no page passes, and is counted.
#[tokio::test]
async fn fil_02_a_page_may_be_warned_about_by_its_text() {
    let origin = pages().await;
    let school = school(&origin).await;
    school.sign_in(GUS);
    let page = |cookie: String| {
        let school = &school;
        async move {
            let headers = format!("Accept: text/html\r\n{cookie}");
            school.get("http://pages.test/bad", &headers).await
        }
    };
    let warned = page(String::new()).await;
    assert!(warned.starts_with("HTTP/1.1 403 "), "{warned}");
    assert!(!warned.contains("furious"), "{warned}");
    let token = warned
        .split("name=\"token\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("a way on: {warned}"));
    let form = format!("token={token}&to=%2Fbad");
    let went = school
        .raw(format!(
            "POST http://pages.test/.well-known/pharos/go-on HTTP/1.1\r\nHost: pages.test\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ))
        .await;
    assert!(went.starts_with("HTTP/1.1 303 "), "{went}");
    let read = page(format!("Cookie: pharos_go_on={token}\r\n")).await;
    assert!(read.starts_with("HTTP/1.1 200 ") && read.contains("furious"));
    let program = school
        .get("http://pages.test/bad", "Sec-Fetch-Dest: empty\r\n")
        .await;
    assert!(program.contains("furious"), "{program}");
    assert_eq!(
        (
            school.figures().texts_warned,
            school.figures().texts_stopped
        ),
        (3, 0)
    );
    let events = school.events(4).await;
    assert_eq!(
        (events[0].action, &*events[0].rule),
        ("warn", "page text: gambling 500 of 180")
    );
    let asked = origin.asked();
    assert_eq!(asked.len(), 3, "the button's way leads nowhere else");
}

/// FIL-02: what a pupil sends is read before it goes anywhere.
#[tokio::test]
async fn fil_02_what_is_sent_is_read_before_it_goes() {
    let origin = pages().await;
    let school = school(&origin).await;
    school.sign_in(ADA);
    let post = |kind: &str, body: &str| {
        format!(
            "POST http://pages.test/send HTTP/1.1\r\nHost: pages.test\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for (kind, body) in [
        (
            "application/x-www-form-urlencoded",
            "to=ben&text=my+l%75cky+clam",
        ),
        (
            "application/json",
            "{\"messages\":[{\"content\":{\"parts\":[\"lucky clam\"]}}]}",
        ),
    ] {
        let answer = school.raw(post(kind, body)).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{kind}: {answer}");
    }
    assert_eq!(origin.asked().len(), 0);
    let calm = school
        .raw(post("application/x-www-form-urlencoded", "text=calm+sea"))
        .await;
    assert!(calm.starts_with("HTTP/1.1 200 "), "{calm}");
    assert_eq!(origin.asked()[0].body, b"text=calm+sea");
}

/// FIL-02: no coding is asked for that could not be read.
#[tokio::test]
async fn fil_02_codings_that_cannot_be_read_are_not_asked_for() {
    let origin = pages().await;
    let school = school(&origin).await;
    school.sign_in(ADA);
    let asked = "Accept-Encoding: gzip, dcz, zstd;q=0.5\r\n";
    school.get("http://pages.test/", asked).await;
    assert_eq!(
        origin.asked()[0].header("accept-encoding"),
        Some("gzip, zstd;q=0.5")
    );
    // Neither what this one reads nor what this one downloads is looked at.
    school.sign_in(TIM);
    school.get("http://pages.test/", asked).await;
    assert_eq!(
        origin.asked()[1].header("accept-encoding"),
        Some("gzip, dcz, zstd;q=0.5")
    );
}

/// FIL-02: a school's own dictionaries are in force with the snapshot that brings them, beside the
/// shipped ones, and gone with the next that does not.
#[tokio::test]
async fn fil_02_own_dictionaries_are_in_force_with_the_pack() {
    let origin = pages().await;
    let school = school(&origin).await;
    school.sign_in(ADA);
    let get = async || {
        let page = school
            .get("http://pages.test/", "Accept: text/html\r\n")
            .await;
        page.lines().next().unwrap().to_owned()
    };
    assert!(get().await.contains(" 200 "));
    let calm = "dictionary calm-seas\nversion 1\n\
         threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n95 @waters\n";
    let own = [
        ("dictionaries/calm.txt", calm),
        ("dictionaries/sets.txt", "set waters = calm sea\n"),
    ]
    .map(|(file, text)| (file.to_owned(), text.to_owned()));
    let dictionaries = Dictionaries::with_own(&own.into()).unwrap();
    let plain = snapshot();
    let parts = Parts {
        dictionaries: Some(Arc::new(dictionaries)),
        ..plain.parts()
    };
    school.filter.install(Snapshot::new(parts));
    assert!(get().await.contains(" 403 "));
    let event = school.events(2).await.remove(1);
    assert_eq!(&*event.categories[0], "calm-seas");
    school.filter.install(plain);
    assert!(get().await.contains(" 200 "));
}
