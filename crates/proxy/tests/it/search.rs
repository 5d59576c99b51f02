//! The right search tool for each age (SRCH-03).

use pharos_policy::YouTube;
use pharos_policy::spec::{OtherTools, SearchSpec};
use pharos_testkit::origin::{Origin, Reply};

use crate::support::{ADA, School, snapshot_with};

/// Pupils may search with Kiddle, and with Google beside it.
fn tools(school: &School, other_tools: OtherTools) {
    school.filter.install(snapshot_with(|spec| {
        spec.other_tools = other_tools;
        spec.search = vec![SearchSpec {
            groups: vec!["pupils".to_owned()],
            except: Vec::new(),
            safe_search: true,
            youtube: YouTube::Strict,
            tools: Some(vec!["kiddle".to_owned(), "google".to_owned()]),
        }];
    }));
}

/// SRCH-03: a pupil who opens an engine that is not approved is sent to the one that is, with the
/// words; what is no page is blocked as ever; the approved one passes.
#[tokio::test]
async fn srch_03_a_search_elsewhere_is_sent_to_the_approved_tool() {
    let origin = Origin::http(|asked| Reply::page(asked.target())).await;
    let school = School::open(&[("www.kiddle.co", &origin)]);
    tools(&school, OtherTools::Redirect);
    school.sign_in(ADA);
    let page = "Accept: text/html\r\n";
    for (from, to) in [
        ("www.bing.com/search?q=high+tides", "s.php?q=high+tides"),
        ("fr.search.yahoo.com/search?p=la+mer", "s.php?q=la+mer"),
        ("www.startpage.com/", ""),
    ] {
        let answer = school.get(&format!("http://{from}"), page).await;
        assert!(answer.starts_with("HTTP/1.1 303 "), "{from}: {answer}");
        let to = format!("\r\nlocation: https://www.kiddle.co/{to}\r\n");
        assert!(answer.to_lowercase().contains(&to), "{from}: {answer}");
    }
    let event = school.events(1).await.remove(0);
    assert_eq!(
        (event.action, &*event.rule, event.search.as_deref()),
        ("block", "search-tools (sent to kiddle)", Some("high tides"))
    );
    let script = "Sec-Fetch-Dest: empty\r\n";
    let answer = school.get("http://www.bing.com/osjson?q=hi", script).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let answer = school.get("http://www.kiddle.co/s.php?q=tides", page).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// SRCH-03: or the block page offers the approved tool, with the words.
#[tokio::test]
async fn srch_03_or_the_block_page_offers_the_approved_tool() {
    let school = School::open(&[]);
    tools(&school, OtherTools::Block);
    school.sign_in(ADA);
    let url = "http://www.bing.com/search?q=high+tides";
    let page = school.get(url, "Accept: text/html\r\n").await;
    assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    assert!(page.contains("Search with kiddle"), "{page}");
    assert!(
        page.contains("https://www.kiddle.co/s.php?q=high+tides"),
        "{page}"
    );
}
