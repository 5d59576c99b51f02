//! Looking into a TLS connection: the origin first, then the client.
//!
//! The origin is connected to and its certificate checked before anything is minted: what a
//! browser would refuse is refused here, with a page that says so, and never covered by a
//! certificate of ours.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_policy::Action;
use rustls::AlertDescription;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::bytes_in_front::InFront;
use crate::connection::{Client, Inside, serve_inside};
use crate::counts::add;
use crate::failure::Failure;
use crate::forward::Target;
use crate::narrow;
use crate::pool::OriginKey;
use crate::tunnel::Tunnel;

/// Serves the requests inside a TLS connection.
pub(crate) async fn look_inside(tunnel: Tunnel, stream: InFront<TcpStream>) {
    let shared = Arc::clone(tunnel.client.shared());
    let Some(mint) = &shared.mint else { return };
    let host = tunnel.target.host.as_str();
    let trouble = reach_origin(&tunnel).await.err();
    let config = match mint.config_for(host, Timestamp::now()) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "no certificate could be minted");
            return tunnel.record_end("certificate-not-minted");
        }
    };
    let handshake = tokio::time::timeout(
        shared.config.limits.handshake,
        TlsAcceptor::from(config).accept(stream),
    );
    match handshake.await {
        Ok(Ok(stream)) => {
            add(&shared.counts.inspected);
            let target = Target {
                tls: true,
                ..tunnel.target
            };
            let inside = Inside {
                target,
                who: tunnel.who,
                trouble,
            };
            let client = Client::new(
                &tunnel.client.worker,
                tunnel.client.from,
                Some(inside),
                tunnel.client.door.clone(),
            );
            serve_inside(client, stream).await;
        }
        Ok(Err(error)) if distrusts_us(&error) => {
            shared.counts.distrust(host);
            tracing::info!("a client does not trust the school's certificate");
            tunnel.record_end("certificate-not-trusted");
        }
        Ok(Err(_)) | Err(_) => tunnel.record_end("handshake-failed"),
    }
}

/// Reaches the origin and keeps the connection for the first request. A blocked host is never
/// contacted.
async fn reach_origin(tunnel: &Tunnel) -> Result<(), Failure> {
    let decision = &tunnel.verdict.decision;
    if decision.action == Action::Block && !decision.by_path {
        return Ok(());
    }
    let Target { host, port, .. } = &tunnel.target;
    let origins = &tunnel.client.shared().origins;
    let dial = narrow::dial(host, decision.narrowing);
    let key = OriginKey::new(true, host, *port, &dial);
    if tunnel.client.worker.pool.has(&key) {
        return Ok(());
    }
    let stream = origins.reach_tls(host, *port, &dial).await?;
    let sender = origins.speak(stream).await?;
    tunnel.client.worker.pool.put(key, sender);
    Ok(())
}

/// Whether the client broke off because it does not know who signed our certificate.
fn distrusts_us(error: &io::Error) -> bool {
    matches!(
        error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>()),
        Some(rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
                | AlertDescription::CertificateUnknown
                | AlertDescription::BadCertificate
        ))
    )
}
