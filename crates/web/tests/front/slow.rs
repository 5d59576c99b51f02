//! Real connections to the pages: slow ones are closed, too many are turned away.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use pharos_testkit::school::SampleSchool;
use pharos_web::{Config, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::browser::network;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Nothing in these tests should take this long.
const PATIENCE: Duration = Duration::from_secs(60);

async fn pages(limits: Limits) -> (SampleSchool, SocketAddr, CancellationToken) {
    let school = SampleSchool::open().await;
    let stop = CancellationToken::new();
    let config = Config {
        limits,
        ..Config::new(LOOPBACK, network())
    };
    let running = pharos_web::start(config, school.app.clone(), stop.clone())
        .await
        .unwrap();
    (school, running.address, stop)
}

async fn connect(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::from(from), 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Everything until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all));
    // A reset is a close as well.
    drop(read.await.expect("the connection is closed"));
    String::from_utf8_lossy(&all).into_owned()
}

async fn ask(stream: &mut TcpStream) -> String {
    let request = b"GET /help HTTP/1.1\r\nHost: pharos.test\r\nConnection: close\r\n\r\n";
    // Whoever is turned away finds that out by reading.
    drop(stream.write_all(request).await);
    rest(stream).await
}

/// ACC-11: a client that never ends its request, or never begins one, is closed; others are served
/// meanwhile.
#[tokio::test]
async fn slow_clients_of_the_pages_are_closed() {
    let limits = Limits {
        head_time: Duration::from_millis(300),
        ..Limits::default()
    };
    let (_school, at, stop) = pages(limits).await;
    let mut silent = connect([127, 0, 0, 1], at).await;
    let mut half = connect([127, 0, 0, 1], at).await;
    half.write_all(b"GET /help HTTP/1.1\r\nHost: ph")
        .await
        .unwrap();
    let page = ask(&mut connect([127, 0, 0, 1], at).await).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    for slow in [&mut silent, &mut half] {
        let said = rest(slow).await;
        assert!(!said.contains(" 200 "), "{said}");
    }
    // And one that has had an answer does not stay for ever either.
    let mut idle = connect([127, 0, 0, 1], at).await;
    let request = b"GET /help HTTP/1.1\r\nHost: pharos.test\r\n\r\n";
    idle.write_all(request).await.unwrap();
    assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200 "));
    stop.cancel();
}

/// ACC-11: one address cannot take all connections; whoever is one too many is told so, and
/// others are served.
#[tokio::test]
async fn greedy_clients_of_the_pages_are_turned_away() {
    let limits = Limits {
        connections: 6,
        connections_per_address: 3,
        head_time: PATIENCE,
        ..Limits::default()
    };
    let (_school, at, stop) = pages(limits).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect([127, 0, 0, 2], at).await);
    }
    let turned = rest(&mut connect([127, 0, 0, 2], at).await).await;
    assert!(turned.starts_with("HTTP/1.1 503 "), "{turned}");
    assert!(turned.ends_with("Please try again.\n"), "{turned}");
    let page = ask(&mut connect([127, 0, 0, 3], at).await).await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");

    for _ in 0..3 {
        held.push(connect([127, 0, 0, 4], at).await);
    }
    let turned = rest(&mut connect([127, 0, 0, 5], at).await).await;
    assert!(turned.starts_with("HTTP/1.1 503 "), "{turned}");
    drop(held);
    // As soon as the others are gone there is room again.
    let served = async {
        loop {
            let page = ask(&mut connect([127, 0, 0, 5], at).await).await;
            if page.starts_with("HTTP/1.1 200 ") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, served).await.unwrap();
    stop.cancel();
}
