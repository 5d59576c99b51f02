//! The least a forward proxy can do: read where to, copy both ways. With interception: end TLS with
//! one fixed certificate and begin it anew, checked and resumed. No list, no name look-up: every
//! request goes to one origin.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Longest request head taken.
const HEAD_MAX: usize = 16_384;
/// Bytes copied at once from the client, and from the origin.
const SIZES: (usize, usize) = (16_384, 65_536);

/// Both ends of an intercepted connection.
#[derive(Clone)]
pub struct Tls {
    client_side: TlsAcceptor,
    origin_side: TlsConnector,
}

impl Tls {
    /// Reads PEM files: the certificate shown to clients, its key, the origin's authority.
    pub fn read(certificate: &str, key: &str, authority: &str) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(authority)? {
            roots.add(root?)?;
        }
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            client_side: TlsAcceptor::from(Arc::new(server)),
            origin_side: TlsConnector::from(Arc::new(client)),
        })
    }
}

/// Serves until the process is ended. `origin` is where HTTP is; TLS is at port 443 of the same address.
pub fn run(at: SocketAddr, origin: SocketAddr, tls: Option<Tls>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(at).await?;
        loop {
            let (client, _) = listener.accept().await?;
            tokio::task::spawn_local(serve(client, origin, tls.clone()));
        }
    })
}

async fn serve(mut client: TcpStream, origin: SocketAddr, tls: Option<Tls>) -> Result<()> {
    client.set_nodelay(true)?;
    let mut head = Vec::with_capacity(HEAD_MAX);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 || head.len() >= HEAD_MAX {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let Some(target) = text.strip_prefix("CONNECT ") else {
        let mut server = reach(origin).await?;
        server.write_all(&head).await?;
        copy_bidirectional_with_sizes(&mut client, &mut server, SIZES.0, SIZES.1).await?;
        return Ok(());
    };
    let host = target
        .split(':')
        .next()
        .context("CONNECT without a host")?
        .to_owned();
    let mut server = reach(SocketAddr::new(origin.ip(), 443)).await?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    match tls {
        None => copy_bidirectional_with_sizes(&mut client, &mut server, SIZES.0, SIZES.1).await?,
        Some(tls) => {
            let mut client = tls.client_side.accept(client).await?;
            let mut server = tls
                .origin_side
                .connect(ServerName::try_from(host)?, server)
                .await?;
            copy_bidirectional_with_sizes(&mut client, &mut server, SIZES.0, SIZES.1).await?
        }
    };
    Ok(())
}

async fn reach(origin: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(origin).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
