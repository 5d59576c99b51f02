//! What devices need to know of the network, as plain values from whoever runs the proxy.

/// The proxy as devices reach it. All empty where no proxy runs.
#[derive(Debug, Clone, Default)]
pub struct NetworkFacts {
    /// Host and port of the proxy.
    pub proxy: String,
    /// The text of the proxy configuration file.
    pub pac: String,
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
