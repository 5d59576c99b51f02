//! Origins that ask for the client's own certificate: the proxy has none to show, and notices that
//! it was asked.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

thread_local! {
    /// Set while a handshake is worked on, read right after: nothing else runs between.
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Shows no certificate and notes that it was asked for one.
#[derive(Debug)]
pub(crate) struct None;

impl ResolvesClientCert for None {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        ASKED.set(true);
        Option::None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Runs a handshake and tells whether the other side asked for a certificate.
pub(crate) async fn watch<F: Future>(handshake: F) -> (F::Output, bool) {
    let mut handshake = pin!(handshake);
    let mut asked = false;
    let output = std::future::poll_fn(|cx| {
        ASKED.set(false);
        let polled = handshake.as_mut().poll(cx);
        asked |= ASKED.get();
        polled
    })
    .await;
    (output, asked)
}
