//! Tools of generative AI through the whole server: what a pupil asks, and who hears of it.

use pharos_testkit::origin::{Origin, Reply, TestCa, Validity};

use crate::support::clients::{Session, curl};
use crate::support::server::{ADA, Server};
use crate::support::{have, wait_for};

fn chat(prompt: &str) -> String {
    format!(
        r#"{{"action":"next","messages":[{{"author":{{"role":"user"}},"content":{{"content_type":"text","parts":["{prompt}"]}}}}]}}"#
    )
}

/// MON-03, FIL-13, FIL-05: an ordinary prompt passes and raises nothing; one of a child in distress is
/// in the lead's inbox with its words and the tool, and is not met with a bare refusal; without
/// signing in to the tool nothing passes.
#[test]
fn mon_03_a_worrying_prompt_to_an_ai_tool_reaches_the_lead() {
    if !have(&["curl"]) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let ca = TestCa::new();
    let tool = runtime.block_on(Origin::https(
        ca.server(&["chatgpt.com"], Validity::Now),
        |_| Reply::page("data: {\"v\":\"The sea is salty.\"}\n\n"),
    ));
    let scratch = tempfile::tempdir().unwrap();
    let trust = scratch.path().join("origins.pem");
    std::fs::write(&trust, ca.pem()).unwrap();
    let fix = format!("chatgpt.com={}", tool.address());
    let server = Server::sample_with(&[
        "--allow-private-origins",
        "--trust",
        trust.to_str().unwrap(),
        "--fix",
        &fix,
    ]);
    let authority = server.data.join("keys/authority.pem");
    let proxy = format!("http://{}", server.proxy);
    let ask = |prompt: &str, more: &[&str]| {
        let body = chat(prompt);
        let mut arguments = vec!["--interface", ADA, "-x", &proxy, "--cacert"];
        arguments.extend([authority.to_str().unwrap(), "--data-raw", &body]);
        arguments.extend(["-H", "Content-Type: application/json"]);
        arguments.extend(["-H", "Sec-Fetch-Dest: empty"]);
        arguments.extend(more);
        arguments.push("https://chatgpt.com/backend-api/f/conversation");
        curl(&arguments)
    };
    let signed_in = ["-H", "Authorization: Bearer x"];
    let refused = ask("why is the sea salty", &[]);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.body.contains("sign in to it first"), "{refused:?}");
    let passed = ask("why is the sea salty", &signed_in);
    assert_eq!(passed.status, 200, "{passed:?}");
    let met = ask("nobody cares and i want to end my life", &signed_in);
    assert!(
        met.status == 200 || met.body.contains("You do not have to manage this alone"),
        "{met:?}"
    );
    let ruth = Session::sign_in(server.web, "ruth.okafor");
    let inbox = wait_for("the alert", || {
        let inbox = ruth.get("/inbox").unwrap().body;
        inbox.contains("What was asked of ChatGPT").then_some(inbox)
    });
    assert!(inbox.contains("Ada Quill"), "{inbox}");
    assert!(!inbox.contains("sea salty"), "{inbox}");
    let at = inbox.find("What was asked of ChatGPT").unwrap();
    let from = inbox[..at].rfind("/alerts/").unwrap();
    let link: String = inbox[from..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-'))
        .collect();
    let alert = ruth.get(&link).unwrap().body;
    assert!(
        alert.contains("Asked of ChatGPT") && alert.contains("i want to end my life"),
        "{alert}"
    );
    assert!(
        !server.said().contains("end my life") && !server.complained().contains("end my life"),
        "no words of a child in the log"
    );
}
