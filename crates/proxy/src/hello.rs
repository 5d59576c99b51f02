//! What a client says first inside a tunnel, read without being consumed.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes of a TLS hello: one record of 16 KiB and some more for a hello cut over records.
const HELLO_MOST: usize = 32 * 1024;

/// What the client wants to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hello {
    /// TLS, with the server name it asks for.
    Tls { server_name: Option<String> },
    /// It looks like a plain HTTP request (browsers open `ws:` through `CONNECT`).
    Http,
    /// Something else, or nothing in time.
    Other,
}

/// Waits for the first bytes and tells what they are; gives all bytes read back.
pub(crate) async fn peek(
    io: &mut (impl AsyncRead + Unpin),
    front: Bytes,
    patience: Duration,
) -> io::Result<(Hello, Bytes)> {
    let mut seen = BytesMut::from(&front[..]);
    let hello = match tokio::time::timeout(patience, read_hello(io, &mut seen)).await {
        Ok(hello) => hello?,
        Err(_) => Hello::Other,
    };
    Ok((hello, seen.freeze()))
}

pub(crate) async fn read_hello(
    io: &mut (impl AsyncRead + Unpin),
    seen: &mut BytesMut,
) -> io::Result<Hello> {
    let mut acceptor = Acceptor::default();
    let mut fed = 0;
    loop {
        if let Some(first) = seen.first() {
            match first {
                0x16 => {}
                letter if letter.is_ascii_uppercase() => return Ok(Hello::Http),
                _ => return Ok(Hello::Other),
            }
        }
        while fed < seen.len() {
            let mut rest = &seen[fed..];
            let before = rest.len();
            if acceptor.read_tls(&mut rest).is_err() {
                return Ok(Hello::Other);
            }
            let took = before - rest.len();
            fed += took;
            match acceptor.accept() {
                Ok(Some(accepted)) => {
                    let server_name = accepted.client_hello().server_name().map(str::to_owned);
                    return Ok(Hello::Tls { server_name });
                }
                Ok(None) if took > 0 => {}
                _ => return Ok(Hello::Other),
            }
        }
        if seen.len() > HELLO_MOST || io.read_buf(seen).await? == 0 {
            return Ok(Hello::Other);
        }
    }
}
