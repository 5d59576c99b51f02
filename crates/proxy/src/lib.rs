//! Filtering HTTP and HTTPS proxy: an explicit proxy with `CONNECT` and selective TLS interception,
//! HTTP/1.1 and HTTP/2 on both sides (FIL-01, FIL-14, FIL-17, MON-02, SRCH-04).
//!
//! The way of a request: the [`gate`](mod@gate) reads its head from the raw bytes and refuses
//! what two readers could understand differently; `connection` tells who asks and for what;
//! `judge` asks the one filter; `forward`, `tunnel` or a page answers; `tally` counts the bytes
//! and hands one event to the sink when the answer has ended.
//!
//! Nothing here knows a rule. What is decided, narrowed and never inspected comes from
//! `pharos_filter`; what is safe-searched and what counts as a search comes from `pharos_scan`.

mod ai;
mod antivirus;
mod authority;
mod block_page;
mod body;
mod bytes_in_front;
mod chunks;
mod client_certificate;
mod clock;
mod config;
mod connection;
mod counts;
mod devices;
mod doors;
mod download;
mod exchange;
mod failure;
mod file_kind;
mod forward;
mod frames;
mod gate;
mod go_on;
mod head;
mod headers;
mod hello;
mod http2;
mod identity;
mod intercept;
mod judge;
mod known_texts;
mod magic;
mod mint;
mod narrow;
mod origin;
mod origin_check;
mod own_pages;
mod pac;
mod pages;
mod pins;
mod pool;
mod prepared;
mod refuse;
mod resolve;
mod rules;
mod server;
mod socket;
mod splice;
mod strangers;
mod tally;
mod text;
mod transparent;
mod tunnel;
mod wire;
mod words;

pub use authority::{AuthorityError, AuthoritySpec, CertificateAuthority};
pub use config::{Fixed, Limits, Mismatch, ProxyConfig, SignInMode, Transparent};
pub use counts::Figures;
pub use devices::{DeviceSteps, trust_steps};
pub use identity::{SignIn, SignInAnswer};
pub use pac::{PacConfig, pac};
pub use pins::Proposal;
pub use resolve::{Addresses, Names};
pub use rules::{ClosedWay, NetworkRules, PUBLIC_RESOLVERS};
pub use server::{Running, View, start};
pub use strangers::Stranger;
pub use words::{AgeBand, HelpLine, Words};

/// Entry points for fuzzing: what clients send before anything is known of them.
#[doc(hidden)]
pub mod fuzzing {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// Reads a request's head as the gate does: its length once complete, or the status of the
    /// refusal.
    ///
    /// # Errors
    /// The status that the client would be answered with.
    pub fn head(bytes: &[u8]) -> Result<Option<usize>, u16> {
        let mut end = crate::head::HeadEnd::default();
        let Some(length) = end.find(bytes).map_err(crate::head::Refusal::status)? else {
            return Ok(None);
        };
        let most = crate::Limits::default().headers;
        crate::head::check(&bytes[..length], most).map_err(crate::head::Refusal::status)?;
        Ok(Some(length))
    }

    /// Follows a chunked body to its end; how many bytes belong to it, `None` when it is broken.
    pub fn chunks(bytes: &[u8]) -> Option<usize> {
        let whole = crate::chunks::Chunks::new().follow(bytes).ok()?;
        Some(whole.0)
    }

    /// Tells the frames of a WebSocket apart, of a client or a server; how many bytes are to pass.
    pub fn frames(bytes: &[u8], client: bool) -> usize {
        let mut frames = crate::frames::Frames::new(client);
        let mut passing = 0;
        // What is broken has been read as far as it was whole.
        let _ = frames.feed(bytes, &mut |part| {
            if let crate::frames::Part::Pass(bytes) | crate::frames::Part::Held(bytes) = part {
                passing += bytes.len();
            }
        });
        passing
    }

    /// Serves a client that sends these bytes behind the preface of HTTP/2 and then ends; how many
    /// requests were understood.
    ///
    /// # Errors
    /// When the system gives no means to serve with.
    pub fn http2(bytes: &[u8]) -> std::io::Result<usize> {
        use std::convert::Infallible;
        use std::sync::Arc;
        use std::sync::atomic::{AtomicUsize, Ordering};

        use tokio::io::AsyncWriteExt;

        const TURNS: usize = 64;
        const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let service = hyper::service::service_fn(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            let answer = http::Response::new(crate::body::Answer::page(""));
            async move { Ok::<_, Infallible>(answer) }
        });
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?
            .block_on(async {
                let (client, server) = tokio::io::duplex(64 * 1024);
                let (mut hears, mut says) = tokio::io::split(client);
                let limits = crate::Limits::default();
                let io = hyper_util::rt::TokioIo::new(server);
                let serving = crate::http2::framing(&limits).serve_connection(io, service);
                let hearing = async { tokio::io::copy(&mut hears, &mut tokio::io::sink()).await };
                let saying = async {
                    says.write_all(PREFACE).await?;
                    says.write_all(bytes).await?;
                    // What is understood is answered before the end is heard.
                    for _ in 0..TURNS {
                        tokio::task::yield_now().await;
                    }
                    says.shutdown().await
                };
                // Broken off or not, what counts is that it ends.
                let _ = tokio::join!(serving, hearing, saying);
            });
        Ok(asked.load(Ordering::Relaxed))
    }

    /// Reads the first bytes inside a tunnel; the server name of a TLS hello that has one.
    pub fn hello(bytes: &[u8]) -> Option<String> {
        let (mut io, mut seen) = (bytes, bytes::BytesMut::new());
        let reading = pin!(crate::hello::read_hello(&mut io, &mut seen));
        match reading.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(crate::hello::Hello::Tls(hello))) => hello.server_name,
            _ => None,
        }
    }
}
