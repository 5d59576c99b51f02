//! What people read when they are stopped.

use pharos_testkit::origin::{Origin, Reply};

use crate::support::{ADA, BEN, School, TESS};

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// FIL-14, FIL-20: the page says blocked, what to do, that use is monitored and where the limits
/// are; it offers report, request and help, without script, in words for the reader.
#[tokio::test]
async fn fil_14_the_block_page_helps_in_words_for_the_age() {
    let school = School::open(&[]);
    let mut pages = Vec::new();
    for who in [BEN, ADA, TESS] {
        school.sign_in(who);
        pages.push(
            school
                .get(
                    "http://blocked.test/quiz?name=secret",
                    "Accept: text/html\r\n",
                )
                .await,
        );
    }
    for page in &pages {
        assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
        for wanted in [
            "blocked",
            "screen off",
            "Something is wrong",
            "Ask for this",
            "Harbourmouth School",
            "Childline",
            "blocked.test",
            "http://pharos.harbourmouth.test/blocked/",
            "/report\"",
            "/ask\"",
        ] {
            assert!(page.contains(wanted), "{wanted:?} is missing: {page}");
        }
        assert!(
            !page.contains("<script") && !page.contains("secret"),
            "{page}"
        );
        let policy = header(page, "content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            "{policy}"
        );
        assert_eq!(header(page, "referrer-policy"), Some("no-referrer"));
        assert_eq!(header(page, "cache-control"), Some("no-store"));
    }
    assert!(pages[0].contains("Turn the screen off. Then tell your teacher."));
    assert!(pages[1].contains("tell an adult you trust, or the safeguarding lead"));
    assert!(pages[2].contains("supervision and teaching remain necessary"));
    let blocked = school.blocked();
    assert_eq!(blocked.len(), 3);
    assert_eq!(
        (blocked[0].host.as_deref(), blocked[0].path.as_deref()),
        (Some("blocked.test"), Some("/quiz?name=secret"))
    );
    assert!(
        blocked
            .iter()
            .all(|blocked| blocked.may_ask && blocked.policy_version == 7)
    );
}

/// FIL-14: a category is named in plain words, and an unknown reader is shown where to sign in.
#[tokio::test]
async fn fil_14_the_reason_is_plain_and_an_unknown_reader_can_sign_in() {
    let school = School::open(&[]);
    let page = school.get("http://games.test/", "").await;
    assert!(page.contains("It is a games site."), "{page}");
    assert!(
        page.contains("http://pharos.harbourmouth.test/device/sign-in"),
        "{page}"
    );
}

/// FIL-10: whoever has used the day's minutes of mail up reads that it opens again tomorrow, in words for
/// their age.
#[tokio::test]
async fn fil_10_whoever_is_over_the_cap_on_mail_reads_why() {
    let school = School::open(&[]);
    for (who, says) in [
        (
            ADA,
            "time for mail outside lessons up. It opens again tomorrow.",
        ),
        (
            BEN,
            "You have had your time for mail today. It opens again tomorrow.",
        ),
    ] {
        school.sign_in(who);
        let page = school
            .get("http://inbox.mail.test/", "Accept: text/html\r\n")
            .await;
        assert!(
            page.starts_with("HTTP/1.1 403 ") && page.contains(says),
            "{page}"
        );
    }
}

/// Pictures and scripts get a short word and open no reference.
#[tokio::test]
async fn what_is_no_page_gets_no_page() {
    let school = School::open(&[]);
    for headers in [
        "Accept: image/avif,image/webp,*/*;q=0.8\r\n",
        "Sec-Fetch-Dest: script\r\nAccept: */*\r\n",
    ] {
        let answer = school.get("http://blocked.test/x.js", headers).await;
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && !answer.contains("<html"),
            "{answer}"
        );
    }
    assert_eq!(school.blocked().len(), 0);
    assert_eq!(school.events(2).await.len(), 2);
}

/// FIL-03, MON-14: a sealed hit names neither list nor address, on the page, at the desk or in the
/// event.
#[tokio::test]
async fn fil_03_a_sealed_hit_names_nothing() {
    let school = School::open(&[]);
    school.sign_in(TESS);
    let page = school.get("http://sealed.test/cellar/path", "").await;
    assert!(
        page.starts_with("HTTP/1.1 403 ") && page.contains("Access is denied"),
        "{page}"
    );
    assert!(page.contains("/report\"") && !page.contains("/ask\""));
    for secret in ["sealed.test", "cellar", "test-list"] {
        assert!(!page.contains(secret), "{secret}: {page}");
    }
    let event = school.events(1).await.remove(0);
    assert_eq!((&*event.host, event.path), ("sealed", None));
    assert_eq!(event.sealed.as_deref(), Some("test-list"));
    let blocked = school.blocked().remove(0);
    assert_eq!(
        (blocked.host, blocked.path, blocked.may_ask),
        (None, None, false)
    );
    assert!(blocked.categories.is_empty());
}

/// FIL-01: staff may go on after a warning, for a time and on that host only; it is recorded.
#[tokio::test]
async fn fil_01_staff_go_on_after_a_warning_and_it_is_recorded() {
    let origin = Origin::http(|_| Reply::page("worth it")).await;
    let school = School::open(&[("warned.test", &origin)]);
    school.sign_in(TESS);
    let page = school.get("http://warned.test/article?id=1", "").await;
    assert!(
        page.starts_with("HTTP/1.1 403 ") && page.contains("Think before you go on"),
        "{page}"
    );
    let after = |text: &str, mark: &str| {
        text.split(mark)
            .nth(1)
            .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
    };
    let token = after(&page, "name=\"token\" value=\"").unwrap();
    let form = format!("token={token}&to=%2Farticle%3Fid%3D1");
    let post = |form: &str| {
        format!(
            "POST http://warned.test/.well-known/pharos/go-on HTTP/1.1\r\nHost: warned.test\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )
    };
    assert!(
        school
            .raw(post("token=1.x&to=/"))
            .await
            .starts_with("HTTP/1.1 403 ")
    );
    let gone = school.raw(post(&form)).await;
    assert!(gone.starts_with("HTTP/1.1 303 "), "{gone}");
    assert_eq!(header(&gone, "location"), Some("/article?id=1"));
    let cookie = header(&gone, "set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let passed = school
        .get(
            "http://warned.test/article?id=1",
            &format!("Cookie: other=1; {cookie}\r\n"),
        )
        .await;
    assert!(passed.ends_with("worth it"), "{passed}");
    assert_eq!(origin.asked()[0].header("cookie"), Some("other=1"));
    let events = school.events(3).await;
    let last = events.last().unwrap();
    assert_eq!(
        (last.action, last.rule.contains("went on")),
        ("warn", true),
        "{last:?}"
    );
    // Somebody else on the same device cannot use it.
    school.sign_in(ADA);
    school.filter.addresses().sign_out([127, 0, 0, 1].into());
    school.sign_in(TESS + 1);
    let other = school
        .get("http://warned.test/", &format!("Cookie: {cookie}\r\n"))
        .await;
    assert!(!other.contains("303"), "{other}");
}
