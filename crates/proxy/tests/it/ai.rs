//! Tools of generative AI: prompts and answers judged, kept and refused, against stand-ins that speak
//! the documented shapes.

use std::sync::Arc;

use pharos_proxy::ProxyConfig;
use pharos_scan::tools::Tools;
use pharos_scan::{Dictionaries, Dictionary, WatchList};
use pharos_testkit::origin::{Origin, Reply, TestCa, Validity};
use pharos_testkit::tools::have;

use crate::http2::{Http2Origin, fix};
use crate::support::{ADA, School, TESS, text};

const DICTIONARIES: [&str; 2] = [
    "dictionary self-harm\nversion 1\ndistress yes\n\
     threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n95 sad otter\n",
    "dictionary gambling\nversion 1\n\
     threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n95 lucky clam\n500 furious gale\n500 and a furious\n",
];

const HOSTS: [&str; 5] = [
    "chatgpt.com",
    "api.openai.com",
    "claude.ai",
    "gemini.google.com",
    "copilot.microsoft.com",
];

pub(crate) fn knows(config: &mut ProxyConfig) {
    let all: Vec<_> = DICTIONARIES
        .iter()
        .map(|text| Dictionary::parse(text).unwrap())
        .collect();
    config.dictionaries = Some(Arc::new(
        Dictionaries::compile(&all, &pharos_scan::Sets::default()).unwrap(),
    ));
    config.tools = Some(Arc::new(Tools::built_in().unwrap().into()));
    let watch = WatchList::parse("version 1\n[worry urgent]\ngrey rock").unwrap();
    config.watch = Some(Arc::new(watch));
}

/// A stand-in for every tool, and the school that uses it.
pub(crate) async fn tools(
    answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> (School, Origin) {
    let ca = TestCa::new();
    let server = ca.server(&HOSTS, Validity::Now);
    let origin = Origin::https(server, move |asked| answer(asked.target())).await;
    let sites = HOSTS.map(|host| (host, &origin));
    let school = School::with(&sites, ca, knows);
    school.sign_in(ADA);
    (school, origin)
}

fn answer(kind: &str, body: &str) -> Reply {
    Reply::Page {
        status: "200 OK",
        headers: vec![("Content-Type".to_owned(), kind.to_owned())],
        body: body.into(),
    }
}

/// Sends a prompt as the tool's page does; the status and the body of the answer.
async fn ask(
    school: &School,
    url: &str,
    kind: &str,
    body: &str,
    more: &[&str],
) -> (String, String) {
    let kind = format!("Content-Type: {kind}");
    let mut arguments = vec![
        url,
        "--header",
        &kind,
        "--header",
        "Sec-Fetch-Dest: empty",
        "--data-raw",
        body,
        "--write-out",
        "\n%{http_code}",
    ];
    if !more.contains(&"Authorization;") {
        arguments.extend(["--header", "Authorization: Bearer x"]);
    }
    arguments.extend(more);
    let told = text(&school.curl(&arguments).await);
    let (body, status) = told.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

const JSON: &str = "application/json";
const CHAT: &str = "https://chatgpt.com/backend-api/f/conversation";

fn chat(prompt: &str) -> String {
    format!(
        r#"{{"action":"next","messages":[{{"author":{{"role":"user"}},"content":{{"content_type":"text","parts":["{prompt}"]}}}}]}}"#
    )
}

/// FIL-02: a prompt over the reader's threshold does not reach the tool; the tool's own page is told
/// in its own words, and the event has the tool, the category and what was asked.
#[tokio::test]
async fn fil_02_a_prompt_is_blocked_before_it_reaches_the_tool() {
    if !have(&["curl"]) {
        return;
    }
    let (school, origin) = tools(|_| answer("text/event-stream", "data: [DONE]\n\n")).await;
    let (status, body) = ask(&school, CHAT, JSON, &chat("how do I win a lucky clam"), &[]).await;
    assert_eq!(status, "403");
    assert!(
        body.starts_with("{\"detail\":\"Harbourmouth School") && body.contains("gambling"),
        "{body}"
    );
    assert_eq!(origin.asked().len(), 0);
    let event = school.events(1).await.remove(0);
    assert_eq!(
        (
            event.action,
            &*event.host,
            &*event.rule,
            &*event.categories[0]
        ),
        (
            "block",
            "chatgpt.com",
            "page text: gambling 95 of 90",
            "gambling"
        )
    );
    assert_eq!(event.search.as_deref(), Some("how do I win a lucky clam"));
}

/// FIL-02, MON-03: an ordinary prompt and its answer pass unchanged, and what was asked is kept with
/// the visit; of a member of staff nothing is kept.
#[tokio::test]
async fn mon_03_an_ordinary_prompt_passes_and_is_kept_as_the_policy_allows() {
    if !have(&["curl"]) {
        return;
    }
    let calm = "data: {\"p\":\"/message/content/parts/0\",\"o\":\"append\",\"v\":\"The sea\"}\n\ndata: {\"v\":\" is calm\"}\n\n";
    let (school, origin) = tools(move |_| answer("text/event-stream", calm)).await;
    let prompt = chat("why is\\n the sea salty");
    let (status, body) = ask(&school, CHAT, JSON, &prompt, &[]).await;
    assert_eq!((status.as_str(), body.as_str()), ("200", calm));
    assert_eq!(origin.asked()[0].body, prompt.as_bytes());
    let long = format!("{} and the grey rock", "calm sea ".repeat(300));
    ask(&school, CHAT, JSON, &chat(&long), &[]).await;
    school.sign_in(TESS);
    ask(&school, CHAT, JSON, &chat("why is the sea salty"), &[]).await;
    let events = school.events(3).await;
    let said: Vec<_> = events.iter().map(|e| e.search.as_deref()).collect();
    assert_eq!((said[0], said[2]), (Some("why is the sea salty"), None));
    let part = said[1].unwrap();
    assert!(part.contains("grey rock") && part.len() <= 480, "{part}");
    assert!(events.iter().all(|event| event.action == "allow"));
}

/// FIL-02: an answer that turns out to be over is stopped, with the theme split over its pieces, in
/// the shape of every tool; the event keeps what was asked.
#[tokio::test]
async fn fil_02_an_answer_is_stopped_however_it_is_cut_into_pieces() {
    if !have(&["curl"]) {
        return;
    }
    let (school, _origin) = tools(|target| {
        let events = "text/event-stream";
        if target.starts_with("/backend-api") {
            answer(events, "data: {\"p\":\"/message/content/parts/0\",\"o\":\"append\",\"v\":\"a lu\"}\n\ndata: {\"v\":\"cky cl\"}\n\ndata: {\"v\":\"am wins\"}\n\n")
        } else if target.starts_with("/v1") {
            answer(events, "data: {\"choices\":[{\"delta\":{\"content\":\"a lucky c\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"lam wins\"}}]}\n\n")
        } else if target.starts_with("/api/organizations") {
            answer(events, "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"a luck\"}}\n\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"y clam wins\"}}\n\n")
        } else {
            answer(JSON, ")]}'\n\n9\n[[\"wrb.fr\",null,\"[null,null,null,null,[[\\\"rc\\\",[\\\"a lucky\\\"]]]]\"]]\n9\n[[\"wrb.fr\",null,\"[null,null,null,null,[[\\\"rc\\\",[\\\"a lucky clam wins\\\"]]]]\"]]\n")
        }
    })
    .await;
    let form = "application/x-www-form-urlencoded";
    let asked = [
        (CHAT, JSON, chat("tell me")),
        (
            "https://api.openai.com/v1/chat/completions",
            JSON,
            r#"{"messages":[{"role":"user","content":"tell me"}],"stream":true}"#.to_owned(),
        ),
        (
            "https://claude.ai/api/organizations/o/chat_conversations/c/completion",
            JSON,
            r#"{"prompt":"tell me"}"#.to_owned(),
        ),
        (
            "https://gemini.google.com/_/BardChatUi/data/assistant.lamda.BardFrontendService/StreamGenerate?rt=c",
            form,
            "f.req=%5Bnull%2C%22%5B%5B%5C%22tell%20me%5C%22%5D%5D%22%5D&at=x".to_owned(),
        ),
    ];
    for (number, (url, kind, body)) in asked.iter().enumerate() {
        let (_, got) = ask(&school, url, kind, body, &["--cookie", "SID=x"]).await;
        assert!(!got.contains("wins"), "{url}: {got}");
        let event = school.events(number + 1).await.remove(number);
        assert_eq!(
            (event.action, &*event.rule, event.search.as_deref()),
            ("block", "page text: gambling 95 of 90", Some("tell me")),
            "{url}"
        );
    }
    assert_eq!(school.figures().texts_stopped, 4);
}

/// FIL-13: where the theme is distress the reader gets help, in the shape that the tool's page shows,
/// not a bare refusal; so does the reader of an answer.
#[tokio::test]
async fn fil_13_a_prompt_in_distress_is_answered_with_help() {
    if !have(&["curl"]) {
        return;
    }
    let (school, origin) = tools(|_| {
        answer(
            JSON,
            r#"{"choices":[{"message":{"content":"a sad otter"}}]}"#,
        )
    })
    .await;
    let (status, body) = ask(&school, CHAT, JSON, &chat("I am a sad otter"), &[]).await;
    assert_eq!(status, "403");
    assert!(
        body.starts_with("{\"detail\":\"You do not have to manage this alone\\n"),
        "{body}"
    );
    assert!(body.contains("Childline: 0800 1111"), "{body}");
    assert_eq!(origin.asked().len(), 0);
    let url = "https://api.openai.com/v1/chat/completions";
    let prompt = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
    let (status, body) = ask(&school, url, JSON, prompt, &[]).await;
    assert_eq!(status, "403");
    assert!(
        body.starts_with("{\"error\":{\"message\":\"You do not have"),
        "{body}"
    );
    assert!(
        body.contains("Childline") && !body.contains("otter"),
        "{body}"
    );
}

/// FIL-13: an answer that turns out to be over while it is written ends in words, in the tool's own
/// shape: help where the theme is distress. It is asked for bare, so that it can be.
#[tokio::test]
async fn fil_13_an_answer_that_is_stopped_ends_with_help() {
    if !have(&["curl"]) {
        return;
    }
    let pieces = [
        "data: {\"choices\":[{\"delta\":{\"content\":\"The sea. a sad o\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"tter swims\"}}]}\n\n",
    ];
    let chunks = pieces
        .map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()))
        .concat();
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let whole = format!("{head}{chunks}0\r\n\r\n");
    let (school, origin) = tools(move |_| Reply::Raw(whole.clone().into_bytes())).await;
    let url = "https://api.openai.com/v1/chat/completions";
    let prompt = r#"{"messages":[{"role":"user","content":"hello"}],"stream":true}"#;
    for more in [&["--http1.1"][..], &["--http2"]] {
        let (status, body) = ask(&school, url, JSON, prompt, more).await;
        assert_eq!(status, "200");
        assert!(!body.contains("swims"), "{body}");
        assert!(
            body.contains("\"content\":\"\\n\\nYou do not have to manage this alone\\n"),
            "{body}"
        );
        assert!(body.contains("Childline: 0800 1111"), "{body}");
        assert!(body.ends_with("data: [DONE]\n\n"), "{body}");
    }
    assert_eq!(
        origin.asked()[0].header("accept-encoding"),
        Some("identity")
    );
    let events = school.events(2).await;
    assert!(
        events.iter().all(|event| event.action == "block"),
        "{events:?}"
    );
}

/// FIL-05: a tool is not used without signing in to it, by path or by what a prompt lacks; its pages
/// open, so that somebody can sign in, and staff may.
#[tokio::test]
async fn fil_05_a_tool_is_not_used_without_signing_in() {
    if !have(&["curl"]) {
        return;
    }
    let (school, origin) = tools(|_| answer(JSON, "{}")).await;
    let out = ["--header", "Authorization;"];
    let anonymous = "https://chatgpt.com/backend-anon/f/conversation";
    for (url, more) in [(anonymous, &[][..]), (CHAT, &out[..])] {
        let (status, body) = ask(&school, url, JSON, &chat("hello"), more).await;
        assert_eq!(status, "403", "{url}: {body}");
        assert!(body.contains("sign in to it first"), "{body}");
    }
    let settings = "https://chatgpt.com/backend-anon/me";
    let (status, _) = ask(&school, settings, JSON, "{}", &["--request", "GET"]).await;
    assert_eq!(status, "403");
    assert_eq!(origin.asked().len(), 0);
    let pages = school.curl(&["https://chatgpt.com/auth/login"]).await;
    assert_eq!(text(&pages), "{}");
    let (status, _) = ask(
        &school,
        CHAT,
        JSON,
        &chat("hello"),
        &[
            "--header",
            "Authorization;",
            "--cookie",
            "__Secure-next-auth.session-token.0=x",
        ],
    )
    .await;
    assert_eq!(status, "200");
    school.sign_in(TESS);
    let (status, _) = ask(&school, anonymous, JSON, &chat("hello"), &[]).await;
    assert_eq!(status, "200");
    let events = school.events(6).await;
    let rules: Vec<_> = events.iter().map(|e| (e.action, &*e.rule)).collect();
    assert!(
        rules[..3]
            .iter()
            .all(|rule| *rule == ("block", "fil.ai_signed_out")),
        "{rules:?}"
    );
    assert!(
        rules[3..].iter().all(|(action, _)| *action == "allow"),
        "{rules:?}"
    );
}

/// SRCH-02: a workspace that is not the school's is refused; the school's own is named to the
/// service.
#[tokio::test]
async fn srch_02_a_foreign_workspace_is_refused() {
    if !have(&["curl"]) {
        return;
    }
    let (school, origin) = tools(|_| answer(JSON, "{}")).await;
    let account = |name: &str| format!("ChatGPT-Account-Id: {name}");
    let (status, body) = ask(
        &school,
        CHAT,
        JSON,
        &chat("hello"),
        &["--header", &account("home-9")],
    )
    .await;
    assert_eq!(status, "403");
    assert!(body.contains("own account"), "{body}");
    let (status, _) = ask(
        &school,
        CHAT,
        JSON,
        &chat("hello"),
        &["--header", &account("sea-2")],
    )
    .await;
    assert_eq!(status, "200");
    let (status, _) = ask(
        &school,
        CHAT,
        JSON,
        &chat("hello"),
        &["--header", "ChatGPT-Allowed-Workspace-Id: home-9"],
    )
    .await;
    assert_eq!(status, "200");
    let asked = origin.asked();
    assert_eq!(asked.len(), 2);
    for asked in &asked {
        assert_eq!(
            asked.header("chatgpt-allowed-workspace-id"),
            Some("sea-1, sea-2")
        );
    }
    let event = school.events(1).await.remove(0);
    assert_eq!((event.action, &*event.rule), ("block", "ai-workspace"));
}

/// FIL-02: the same over HTTP/2 on both sides.
#[tokio::test]
async fn fil_02_prompts_over_http2_are_judged() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = Http2Origin::start(&ca, &["chatgpt.com"]).await;
    let at = origin.address;
    let school = School::with(&[], ca, |config| {
        knows(config);
        fix(config, "chatgpt.com", at);
    });
    school.sign_in(ADA);
    let (status, _) = ask(&school, CHAT, JSON, &chat("my lucky clam"), &["--http2"]).await;
    assert_eq!((status.as_str(), origin.asked().len()), ("403", 0));
    let (status, body) = ask(&school, CHAT, JSON, &chat("tide times"), &["--http2"]).await;
    assert_eq!((status.as_str(), body), ("200", chat("tide times")));
    assert_eq!(origin.asked()[0].version, http::Version::HTTP_2);
    let events = school.events(2).await;
    assert_eq!(events[1].search.as_deref(), Some("tide times"));
}

/// FIL-17: without adapters, or where a shape has changed, the generic reading goes on.
#[tokio::test]
async fn fil_17_a_shape_that_has_changed_is_read_in_the_generic_way() {
    if !have(&["curl"]) {
        return;
    }
    let (school, origin) = tools(|_| answer(JSON, r#"{"new":{"shape":"a lucky clam"}}"#)).await;
    let changed = r#"{"turn":{"words":["my lucky clam"]}}"#;
    let (status, _) = ask(&school, CHAT, JSON, changed, &[]).await;
    assert_eq!((status.as_str(), origin.asked().len()), ("403", 0));
    let (status, body) = ask(&school, CHAT, JSON, r#"{"turn":"hello"}"#, &[]).await;
    assert_eq!((status.as_str(), origin.asked().len()), ("403", 1));
    assert!(!body.contains("clam"), "{body}");
}
