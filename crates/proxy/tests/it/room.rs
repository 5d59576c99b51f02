//! The proxy at its bound of connections: idle ones make room, those at work stay (FIL-17).

use pharos_testkit::origin::{Asked, Origin, Reply, TestCa};
use pharos_testkit::tools::have;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{School, text, wait_for};

const REQUEST: &[u8] = b"GET http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\n\r\n";
const HELD: &[u8] = b"GET http://harbour.test/held HTTP/1.1\r\nHost: harbour.test\r\n\r\n";

fn sea(asked: &Asked) -> Reply {
    match asked.target() {
        "/held" => Reply::Stall(Vec::new()),
        _ => Reply::page("calm sea"),
    }
}

async fn open(school: &School) -> TcpStream {
    TcpStream::connect(school.proxy).await.unwrap()
}

/// Asks on a connection that is kept; whether it was answered.
async fn ask(stream: &mut TcpStream) -> bool {
    if stream.write_all(REQUEST).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"calm sea") {
        let mut piece = [0; 1024];
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => answer.extend_from_slice(&piece[..read]),
            _ => return false,
        }
    }
    true
}

/// FIL-17: at the bound a newcomer is served, and the connection that has been idle longest is closed
/// for it; the others go on.
#[tokio::test]
async fn fil_17_at_the_bound_the_longest_idle_makes_room() {
    let origin = Origin::http(sea).await;
    let school = School::with(&[("harbour.test", &origin)], TestCa::new(), |config| {
        config.limits.connections = 3;
    });
    let mut first = open(&school).await;
    let mut second = open(&school).await;
    let mut third = open(&school).await;
    for stream in [&mut first, &mut second, &mut third] {
        assert!(ask(stream).await);
    }
    assert!(ask(&mut first).await, "no longer idle longest");
    let mut fourth = open(&school).await;
    assert!(ask(&mut fourth).await);
    assert_eq!(second.read(&mut [0]).await.unwrap(), 0, "closed in order");
    for stream in [&mut first, &mut third, &mut fourth] {
        assert!(ask(stream).await);
    }
    let figures = school.figures();
    assert_eq!((figures.made_room, figures.turned_away), (1, 0));
}

/// FIL-17: requests under way and half a request hold their places; a newcomer is then told that
/// there is no room, and what was under way ends well.
#[tokio::test]
async fn fil_17_what_is_at_work_is_not_closed_for_a_newcomer() {
    let origin = Origin::http(sea).await;
    let school = School::with(&[("harbour.test", &origin)], TestCa::new(), |config| {
        config.limits.connections = 2;
    });
    let mut half = open(&school).await;
    assert!(ask(&mut half).await);
    let (begin, rest) = REQUEST.split_at(20);
    half.write_all(begin).await.unwrap();
    let mut held = open(&school).await;
    held.write_all(HELD).await.unwrap();
    wait_for(|| (origin.asked().len() >= 2).then_some(())).await;
    // Until the proxy has read the half request its connection is idle, as far as it knows.
    let turned_away = async || {
        let mut stream = open(&school).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.starts_with("HTTP/1.1 503 ")
    };
    assert!(turned_away().await);
    assert_eq!(school.figures().made_room, 0);
    half.write_all(rest).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"calm sea") {
        answer.push(half.read_u8().await.unwrap());
    }
}

/// FIL-17: inside a tunnel that is looked into it is the same.
#[tokio::test]
async fn fil_17_an_idle_tunnel_that_is_looked_into_makes_room() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let plain = Origin::http(sea).await;
    let school = School::with(&[("harbour.test", &plain)], ca, |config| {
        config.limits.connections = 1;
    });
    let mut tunnel = open(&school).await;
    let connect = "CONNECT blocked.test:80 HTTP/1.1\r\nHost: blocked.test:80\r\n\r\n";
    tunnel.write_all(connect.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tunnel.read_u8().await.unwrap());
    }
    let inside = "GET / HTTP/1.1\r\nHost: blocked.test:80\r\nAccept: text/html\r\n\r\n";
    tunnel.write_all(inside.as_bytes()).await.unwrap();
    let mut page = Vec::new();
    while !page.ends_with(b"</html>") {
        page.push(tunnel.read_u8().await.unwrap());
    }
    let newcomer = wait_for_text(&school).await;
    assert_eq!(newcomer, "calm sea");
    let mut rest = Vec::new();
    tunnel.read_to_end(&mut rest).await.unwrap();
    assert!(rest.trim_ascii().is_empty(), "it ends in order");
}

/// What curl reads, once there is room: the page may reach its reader before the proxy has noted
/// that nothing goes on any more.
async fn wait_for_text(school: &School) -> String {
    for _ in 0..100 {
        let answer = text(&school.curl(&["http://harbour.test/"]).await);
        if answer == "calm sea" {
            return answer;
        }
    }
    String::new()
}
