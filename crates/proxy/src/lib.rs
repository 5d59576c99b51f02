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
mod authority;
mod block_page;
mod body;
mod bytes_in_front;
mod chunks;
mod client_certificate;
mod config;
mod connection;
mod counts;
mod devices;
mod exchange;
mod failure;
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
mod mint;
mod narrow;
mod origin;
mod origin_check;
mod own_pages;
mod pac;
mod pages;
mod pins;
mod pool;
mod refuse;
mod resolve;
mod rules;
mod server;
mod socket;
mod splice;
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
pub use rules::{ClosedWay, NetworkRules, PUBLIC_RESOLVERS};
pub use server::{Running, View, start};
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
