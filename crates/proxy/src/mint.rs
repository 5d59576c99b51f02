//! Certificates minted for inspected hosts: one key per process, short-lived, kept in a bounded
//! cache as ready server configurations.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use quick_cache::sync::Cache;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls_pki_types::PrivateKeyDer;

use crate::{AuthorityError, CertificateAuthority};

/// Life of a minted certificate.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// A kept one is used for so long, so that what is handed out still lives for days.
const USED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The mint: the authority, this process's leaf key and the minted configurations.
pub(crate) struct Mint {
    authority: Arc<CertificateAuthority>,
    key: KeyPair,
    provider: Arc<CryptoProvider>,
    tickets: Arc<dyn ProducesTickets>,
    minted: Cache<Box<str>, Minted>,
}

#[derive(Clone)]
struct Minted {
    config: Arc<ServerConfig>,
    at: Timestamp,
}

/// Why no certificate could be minted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MintError {
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("the TLS configuration was refused: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the leaf key is unusable: {0}")]
    Key(&'static str),
}

impl Mint {
    pub(crate) fn new(
        authority: Arc<CertificateAuthority>,
        provider: Arc<CryptoProvider>,
        most: usize,
    ) -> Result<Self, MintError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(AuthorityError::from)?;
        let tickets = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        Ok(Self {
            authority,
            key,
            provider,
            tickets,
            minted: Cache::new(most),
        })
    }

    pub(crate) fn authority(&self) -> &CertificateAuthority {
        &self.authority
    }

    /// The TLS configuration that speaks as this host, minted now or within the last day.
    pub(crate) fn config_for(
        &self,
        host: &str,
        now: Timestamp,
    ) -> Result<Arc<ServerConfig>, MintError> {
        if let Some(minted) = self.minted.get(host)
            && now.duration_since(minted.at).abs() < USED_FOR
        {
            return Ok(minted.config);
        }
        let config = Arc::new(self.mint(host, now)?);
        self.minted.insert(
            host.into(),
            Minted {
                config: Arc::clone(&config),
                at: now,
            },
        );
        Ok(config)
    }

    fn mint(&self, host: &str, now: Timestamp) -> Result<ServerConfig, MintError> {
        let certificate = self.authority.mint(host, &self.key, now, LIFE)?;
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).map_err(MintError::Key)?;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate, self.authority.certificate_der().clone()],
                key,
            )?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Arc::clone(&self.tickets);
        Ok(config)
    }
}
