//! WebSockets to tools of generative AI and others: messages judged both ways, and the connection
//! closed where they are over.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use pharos_testkit::origin::{TestCa, Validity};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::client::TlsStream;

use crate::ai::knows;
use crate::http2::fix;
use crate::support::{ADA, School, TESS, wait_for};
use crate::tls::connect;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const MASK: [u8; 4] = [0x1f, 0x00, 0xe3, 0x77];

/// A frame as it is written: masked, where a client writes it.
fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let (mut frame, bit) = (vec![first], if masked { 0x80 } else { 0 });
    match u8::try_from(payload.len()) {
        Ok(short @ 0..126) => frame.push(bit | short),
        _ => {
            frame.push(bit | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    let mask = if masked { MASK } else { [0; 4] };
    if masked {
        frame.extend(mask);
    }
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    frame
}

/// The next frame: its first byte and what it says. `None` at the end.
async fn next(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let (first, second) = (stream.read_u8().await.ok()?, stream.read_u8().await.ok()?);
    let length = match second & 0x7f {
        126 => u64::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()?,
        short => u64::from(short),
    };
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        stream.read_exact(&mut mask).await.ok()?;
    }
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
    Some((first, payload))
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A stand-in that answers each text message with frames.
struct Talk {
    address: SocketAddr,
    /// The upgrade, and the frames that arrived.
    heard: Arc<Mutex<Vec<(u8, String)>>>,
    task: JoinHandle<()>,
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Talk {
    async fn start(
        ca: &TestCa,
        host: &str,
        answer: impl Fn(&str) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let acceptor = TlsAcceptor::from(ca.server(&[host], Validity::Now));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<(u8, String)>>> = Arc::default();
        let (log, answer) = (Arc::clone(&heard), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, log, answer) =
                    (acceptor.clone(), Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let asked = head(&mut stream).await;
                    log.lock().unwrap().push((0, asked));
                    let hello = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
                    stream.write_all(hello.as_bytes()).await.unwrap();
                    while let Some((first, payload)) = next(&mut stream).await {
                        let text = String::from_utf8_lossy(&payload).into_owned();
                        log.lock().unwrap().push((first, text.clone()));
                        if first & 0x0f > 1 {
                            continue;
                        }
                        for frame in answer(&text) {
                            if stream.write_all(&frame).await.is_err() {
                                return;
                            }
                            stream.flush().await.unwrap();
                        }
                    }
                });
            }
        });
        Self {
            address,
            heard,
            task,
        }
    }

    fn heard(&self) -> Vec<(u8, String)> {
        self.heard.lock().unwrap().clone()
    }
}

/// A school where Ada's browser has opened the WebSocket.
async fn open(talk: &Talk, ca: TestCa, host: &str, target: &str) -> (School, TlsStream<TcpStream>) {
    let (at, name) = (talk.address, host.to_owned());
    let school = School::with(&[], ca, |config| {
        knows(config);
        fix(config, &name, at);
    });
    school.sign_in(ADA);
    let stream = upgrade(&school, host, target).await;
    (school, stream)
}

async fn upgrade(school: &School, host: &str, target: &str) -> TlsStream<TcpStream> {
    let root = school.authority.certificate_der().clone();
    let mut stream = connect(school, host, host, root).await.unwrap();
    let asks = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    );
    stream.write_all(asks.as_bytes()).await.unwrap();
    let hello = head(&mut stream).await;
    assert!(hello.starts_with("HTTP/1.1 101 "), "{hello}");
    stream
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), text: &str) {
    let frame = frame(TEXT, text.as_bytes(), true);
    stream.write_all(&frame).await.unwrap();
    stream.flush().await.unwrap();
}

const COPILOT: &str = "copilot.microsoft.com";
const CHAT: &str = "/c/api/chat?api-version=2&accessToken=x";

fn prompt(text: &str) -> String {
    format!(
        r#"{{"event":"send","conversationId":"c","content":[{{"type":"text","text":"{text}"}}],"mode":"chat"}}"#
    )
}

fn piece(text: &str) -> Vec<u8> {
    let message =
        format!(r#"{{"event":"appendText","messageId":"m","partId":"0","text":"{text}"}}"#);
    frame(TEXT, message.as_bytes(), false)
}

/// FIL-02, MON-03: prompts and answers pass unchanged; each prompt is an event of its own. One that is
/// over does not arrive, and the connection is closed with a reason.
#[tokio::test]
async fn fil_02_a_prompt_over_a_websocket_is_blocked_before_it_arrives() {
    let ca = TestCa::new();
    let talk = Talk::start(&ca, COPILOT, |_| vec![piece("The sea"), piece(" is calm")]).await;
    let (school, mut stream) = open(&talk, ca, COPILOT, CHAT).await;
    let asked = &talk.heard()[0].1.to_ascii_lowercase();
    assert!(!asked.contains("extensions"), "nothing packed: {asked}");
    send(&mut stream, &prompt("tide times")).await;
    for text in ["The sea", " is calm"] {
        let (first, said) = next(&mut stream).await.unwrap();
        assert_eq!(frame(first, &said, false), piece(text));
    }
    send(&mut stream, &prompt("my lucky clam")).await;
    let (first, reason) = next(&mut stream).await.unwrap();
    assert_eq!((first, &reason[..2]), (CLOSE, &1008_u16.to_be_bytes()[..]));
    let reason = String::from_utf8_lossy(&reason[2..]).into_owned();
    assert!(reason.contains("Harbourmouth School"), "{reason}");
    assert_eq!(next(&mut stream).await, None);
    let heard = wait_for(|| Some(talk.heard()).filter(|heard| heard.len() >= 3)).await;
    assert_eq!(heard[1], (TEXT, prompt("tide times")));
    assert_eq!(heard[2].0, CLOSE, "and nothing else: {heard:?}");
    let events = school.events(2).await;
    assert_eq!(
        (events[0].action, events[0].search.as_deref()),
        ("allow", Some("tide times"))
    );
    assert_eq!(
        (
            events[1].action,
            &*events[1].rule,
            events[1].search.as_deref()
        ),
        (
            "block",
            "page text: gambling 95 of 90",
            Some("my lucky clam")
        )
    );
    assert_eq!(
        events[1].path.as_deref().unwrap().split('?').next(),
        Some("/c/api/chat")
    );
    assert_eq!(school.figures().texts_stopped, 1);
}

/// FIL-02, FIL-13: an answer is put together from its messages and stopped where it is over; where the
/// theme is distress the reason says where help is.
#[tokio::test]
async fn fil_13_an_answer_over_a_websocket_is_stopped_with_help() {
    let ca = TestCa::new();
    let talk = Talk::start(&ca, COPILOT, |_| {
        vec![piece("a sad o"), piece("tter "), piece("swims")]
    })
    .await;
    let (school, mut stream) = open(&talk, ca, COPILOT, CHAT).await;
    send(&mut stream, &prompt("hello")).await;
    let (first, said) = next(&mut stream).await.unwrap();
    assert_eq!(frame(first, &said, false), piece("a sad o"));
    let (first, reason) = next(&mut stream).await.unwrap();
    let reason = String::from_utf8_lossy(&reason[2..]).into_owned();
    assert_eq!(first, CLOSE);
    assert!(
        reason.starts_with("You do not have to manage this alone.") && reason.contains("0800 1111"),
        "{reason}"
    );
    let events = school.events(2).await;
    assert_eq!(
        (events[1].action, &*events[1].categories[0]),
        ("block", "self-harm")
    );
}

/// FIL-02: fragments and control frames between them, messages too large to be held, binary ones, and
/// a WebSocket that no adapter knows.
#[tokio::test]
async fn fil_02_any_websocket_is_read_in_the_generic_way() {
    let ca = TestCa::new();
    let talk = Talk::start(&ca, "live.test", |text| match text {
        "sea" => vec![frame(0x82, &[7; 70_000], false)],
        _ => vec![],
    })
    .await;
    let (school, mut stream) = open(&talk, ca, "live.test", "/live").await;
    let parts = [
        frame(0x01, b"calm ", true),
        frame(0x89, b"beat", true),
        frame(0x80, b"sea", true),
        frame(0x82, &[9; 300], true),
    ];
    stream.write_all(&parts.concat()).await.unwrap();
    let (first, said) = next(&mut stream).await.unwrap();
    assert_eq!((first, said.len()), (0x82, 70_000));
    let long = "calm sea ".repeat(30_000);
    send(&mut stream, &long).await;
    let heard = wait_for(|| Some(talk.heard()).filter(|heard| heard.len() >= 6)).await;
    let order: Vec<u8> = heard.iter().map(|(first, _)| *first).collect();
    assert_eq!(order, [0, 0x89, 0x01, 0x80, 0x82, TEXT]);
    assert_eq!(heard[5].1, long);
    let over = format!("{long} and a furious gale {long}");
    let over = frame(TEXT, over.as_bytes(), true);
    // It may be closed before all of it is sent.
    let _ = stream.write_all(&over).await;
    let _ = stream.flush().await;
    let event = school.events(1).await.remove(0);
    assert_eq!((event.action, event.search.as_deref()), ("block", None));
    assert!(
        talk.heard().iter().all(|(_, said)| !said.contains("gale")),
        "it did not arrive whole"
    );
}

/// FIL-05: a WebSocket to a tool without signing in is refused; for whom nothing is read bytes pass as
/// they are.
#[tokio::test]
async fn fil_05_a_websocket_to_a_tool_without_signing_in_is_refused() {
    let ca = TestCa::new();
    let talk = Talk::start(&ca, COPILOT, |_| vec![]).await;
    let (school, _stream) = open(&talk, ca, COPILOT, CHAT).await;
    let root = school.authority.certificate_der().clone();
    let mut stream = connect(&school, COPILOT, COPILOT, root).await.unwrap();
    let asks = "GET /c/api/chat?api-version=2 HTTP/1.1\r\nHost: copilot.microsoft.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    stream.write_all(asks.as_bytes()).await.unwrap();
    let answer = head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    school.sign_in(TESS);
    let _staff = upgrade(&school, COPILOT, CHAT).await;
    let heard = talk.heard();
    assert!(heard[1].1.contains("permessage-deflate"), "{heard:?}");
}

/// FIL-17: frames that break the protocol end the connection, and the event says why.
#[tokio::test]
async fn fil_17_a_websocket_that_breaks_the_protocol_is_ended() {
    let ca = TestCa::new();
    let talk = Talk::start(&ca, COPILOT, |_| vec![]).await;
    let (school, mut stream) = open(&talk, ca, COPILOT, CHAT).await;
    // Packed, which was never agreed.
    stream.write_all(&frame(0xc1, b"x", true)).await.unwrap();
    assert_eq!(next(&mut stream).await, None);
    assert_eq!(talk.heard().len(), 1);
    let event = school.events(1).await.remove(0);
    assert_eq!((event.action, &*event.rule), ("block", "websocket-broken"));
}
