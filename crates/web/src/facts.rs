//! What devices need to know of the network, as plain values from whoever runs the proxy.

use std::sync::Arc;

use pharos_catalogue::Host;

/// How devices reach the proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxyName {
    /// No proxy runs.
    #[default]
    None,
    /// By this host and port.
    Told(String),
    /// It listens on every address of the machine, at this port: by the name or address under which
    /// the pages were asked for.
    AsAsked(u16),
}

impl ProxyName {
    /// Host and port for a device that asked the pages under the name in its `Host` header; `None`
    /// where no proxy runs, or the header names no host.
    pub fn for_device(&self, asked_as: Option<&str>) -> Option<String> {
        match self {
            ProxyName::None => None,
            ProxyName::Told(name) => Some(name.clone()),
            ProxyName::AsAsked(port) => {
                let authority: axum::http::uri::Authority = asked_as?.parse().ok()?;
                let host = Host::parse(authority.host()).ok()?;
                Some(format!("{}:{port}", host.as_str()))
            }
        }
    }
}

/// Writes the text of a proxy configuration file for a proxy's host and port.
pub type PacWriter = dyn Fn(&str) -> String + Send + Sync;

/// The writer of the proxy configuration file, where there is one.
#[derive(Clone, Default)]
pub struct PacFile(pub Option<Arc<PacWriter>>);

impl std::fmt::Debug for PacFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PacFile").field(&self.0.is_some()).finish()
    }
}

/// The proxy as devices reach it. All empty where no proxy runs.
#[derive(Debug, Clone, Default)]
pub struct NetworkFacts {
    /// Host and port of the proxy.
    pub proxy: ProxyName,
    /// Writes the proxy configuration file.
    pub pac: PacFile,
    /// The school's certificate in PEM.
    pub certificate_pem: String,
    /// The same certificate in DER.
    pub certificate_der: Vec<u8>,
    /// Its SHA-256 fingerprint, as devices show it.
    pub fingerprint: String,
    /// How to trust it, platform by platform.
    pub trust: Vec<TrustSteps>,
}

/// How to trust the certificate on one platform.
#[derive(Debug, Clone)]
pub struct TrustSteps {
    /// `Windows`, `iPad and iPhone` …
    pub platform: String,
    /// What to do, in order.
    pub steps: Vec<String>,
}
