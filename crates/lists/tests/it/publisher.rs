//! A publisher on loopback that behaves as it is told: well, or in any of the ways publishers and the
//! network misbehave.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What it does when a path is asked for.
#[derive(Clone)]
pub(crate) enum Does {
    /// Sends the file with this ETag; "as it was" to whoever has it already.
    Serves(Vec<u8>, &'static str),
    /// Announces the whole file and closes after a part of it.
    CutsShort(Vec<u8>),
    /// Sends the head and never anything more.
    Stalls,
    /// Sends zeroes for as long as somebody reads, announcing no length.
    NeverEnds,
    /// Announces so many bytes.
    Announces(u64),
    /// Redirects.
    Redirects(String),
    /// Answers with this status.
    Says(u16),
    /// Sends what is no HTTP.
    Babbles,
}

pub(crate) struct Publisher {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    does: Mutex<HashMap<String, Does>>,
    /// Request heads, as they came.
    asked: Mutex<Vec<String>>,
    /// Connections that are held open and say nothing.
    held: Mutex<Vec<TcpStream>>,
    stopped: Mutex<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Publisher {
    pub(crate) fn start() -> Self {
        Self::with(None)
    }

    /// Over TLS, with this certificate and key.
    pub(crate) fn secure(
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::with(Some(Arc::new(config)))
    }

    fn with(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let there = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if *lock(&there.stopped) {
                    return;
                }
                let (shared, tls) = (Arc::clone(&there), tls.clone());
                let Ok(stream) = stream else { continue };
                // What goes wrong here shows at the other end.
                thread::spawn(move || {
                    let _ = match tls {
                        None => answer(&shared, stream.try_clone().unwrap(), stream),
                        Some(config) => {
                            let connection = rustls::ServerConnection::new(config).unwrap();
                            let held = stream.try_clone().unwrap();
                            answer(&shared, held, rustls::StreamOwned::new(connection, stream))
                        }
                    };
                });
            }
        });
        Self { address, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn does(&self, path: &str, what: Does) {
        lock(&self.shared.does).insert(path.to_owned(), what);
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let asked = lock(&self.shared.asked);
        asked
            .iter()
            .filter(|head| head.starts_with(&format!("GET {path} ")))
            .count()
    }

    /// Closes the door: nobody gets in any more.
    pub(crate) fn stop(self) {}
}

impl Drop for Publisher {
    fn drop(&mut self) {
        *lock(&self.shared.stopped) = true;
        lock(&self.shared.held).clear();
        // Wakes the thread at the door, which then goes and takes the door with it.
        drop(TcpStream::connect(self.address));
        while TcpStream::connect(self.address).is_ok() {
            thread::yield_now();
        }
    }
}

fn answer(shared: &Shared, hold: TcpStream, mut stream: impl Read + Write) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or("").to_owned();
    let what = lock(&shared.does).get(&path).cloned();
    lock(&shared.asked).push(head.clone());
    let ok = |length: u64| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    match what.unwrap_or(Does::Says(404)) {
        Does::Serves(file, etag) => {
            if head
                .to_ascii_lowercase()
                .contains(&format!("if-none-match: {etag}"))
            {
                write!(stream, "HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n")?;
            } else {
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: {etag}\r\n\r\n",
                    file.len()
                )?;
                stream.write_all(&file)?;
            }
        }
        Does::CutsShort(file) => {
            stream.write_all(ok(file.len() as u64).as_bytes())?;
            stream.write_all(&file[..file.len() / 2])?;
        }
        Does::Stalls => {
            stream.write_all(ok(1000).as_bytes())?;
            stream.flush()?;
            lock(&shared.held).push(hold);
            return Ok(());
        }
        Does::NeverEnds => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'0'; 4096])?;
            }
        }
        Does::Announces(length) => stream.write_all(ok(length).as_bytes())?,
        Does::Redirects(to) => write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        )?,
        Does::Says(status) => write!(
            stream,
            "HTTP/1.1 {status} Words\r\nContent-Length: 0\r\n\r\n"
        )?,
        Does::Babbles => stream.write_all(b"220 mail.example ESMTP\r\n")?,
    }
    stream.flush()
}
