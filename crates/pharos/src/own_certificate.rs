//! The certificate of our own encrypted services, signed by the school's authority and renewed daily.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use pharos_catalogue::Host;
use pharos_proxy::{AuthorityError, CertificateAuthority};
use pharos_service::School;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// How long one is used before the next is signed.
const USED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Gives the certificate at each handshake.
pub(crate) struct OwnCertificate {
    authority: Arc<CertificateAuthority>,
    /// Names and addresses that it stands for.
    names: Vec<String>,
    current: Mutex<(Arc<CertifiedKey>, Timestamp)>,
}

impl std::fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnCertificate")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl OwnCertificate {
    /// Signs the first one.
    pub(crate) fn new(
        authority: Arc<CertificateAuthority>,
        names: Vec<String>,
    ) -> anyhow::Result<Self> {
        let now = Timestamp::now();
        let first = sign(&authority, &names, now)?;
        Ok(Self {
            authority,
            names,
            current: Mutex::new((first, now)),
        })
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = Timestamp::now();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(current.1).abs() >= USED_FOR {
            match sign(&self.authority, &self.names, now) {
                Ok(key) => *current = (key, now),
                // The old one is valid for days yet.
                Err(error) => tracing::error!(%error, "our own certificate cannot be renewed"),
            }
        }
        Some(Arc::clone(&current.0))
    }
}

fn sign(
    authority: &CertificateAuthority,
    names: &[String],
    now: Timestamp,
) -> Result<Arc<CertifiedKey>, AuthorityError> {
    authority.sign_service(names, now).map(Arc::new)
}

/// The resolver's name: as told, else `dns.` and the school's domain.
pub(crate) fn name(told: Option<&str>, school: &School) -> String {
    let domain = || school.pack.school.domains.first();
    let told = told.map(str::to_owned);
    told.or_else(|| domain().map(|domain| format!("dns.{domain}")))
        .unwrap_or_else(|| "dns.school.internal".to_owned())
}

/// The same as a host.
pub(crate) fn host(told: Option<&str>, school: &School) -> anyhow::Result<Host> {
    let name = name(told, school);
    Host::parse(&name).map_err(|_| anyhow::anyhow!("--dns-name {name:?} is not a name"))
}
