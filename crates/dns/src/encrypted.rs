//! What DNS over TLS (RFC 7858) and DNS over HTTPS share: certificate, handshake, bounds.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::counts::add;
use crate::tcp::{self, Open};
use crate::worker::{Over, Worker};

/// Tickets for resumption; without state of ours.
const TLS_FAULT: &str = "the TLS settings of the resolver cannot be made";

/// The TLS settings of one kind of listener.
pub(crate) fn acceptor(
    certificate: &Arc<dyn ResolvesServerCert>,
    protocols: &[&str],
) -> io::Result<TlsAcceptor> {
    let fault = |error| io::Error::other(format!("{TLS_FAULT}: {error}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(fault)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(certificate));
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().into())
        .collect();
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(fault)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Takes connections for ever; each is shaken hands with and then served by `serve`.
pub(crate) async fn listen<F: Future<Output = ()> + 'static>(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    rc: Rc<RefCell<Worker>>,
    open: Open,
    serve: fn(TlsStream<TcpStream>, IpAddr, Rc<RefCell<Worker>>) -> F,
) {
    let serve = move |stream, ip, rc: Rc<RefCell<Worker>>| {
        let acceptor = acceptor.clone();
        async move {
            let limit = rc.borrow().shared.config.limits.tcp_idle;
            match timeout(limit, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => serve(stream, ip, rc).await,
                _ => add(&rc.borrow().tally.tls_failed),
            }
        }
    };
    tcp::listen(listener, rc, open, serve).await;
}

/// DNS over TLS: as over TCP, inside.
pub(crate) async fn dot(stream: TlsStream<TcpStream>, ip: IpAddr, rc: Rc<RefCell<Worker>>) {
    let (reader, writer) = tokio::io::split(stream);
    tcp::connection(reader, writer, (ip, Over::Tls), &rc).await;
}
