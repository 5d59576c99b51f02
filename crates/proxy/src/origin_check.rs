//! Origins' certificates, checked as strictly as browsers do: chain, dates, name, purpose by the
//! TLS library, and here the strength of the key.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

/// Fewest bits of an RSA key that browsers accept (CA/Browser Forum, 6.1.5).
const RSA_BITS: usize = 2_048;

/// The certificate's key or signature is too weak.
#[derive(Debug, thiserror::Error)]
#[error("the certificate's key is too weak")]
pub(crate) struct Weak;

/// The library's check and ours.
#[derive(Debug)]
pub(crate) struct Strict(pub(crate) Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Strict {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let good = self
            .0
            .verify_server_cert(leaf, between, name, stapled, now)?;
        if is_weak(leaf) {
            let weak = OtherError(Arc::new(Weak));
            return Err(CertificateError::Other(weak).into());
        }
        Ok(good)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Whether the key is of RSA and too short.
fn is_weak(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return true;
    };
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => key.key_size() < RSA_BITS,
        _ => false,
    }
}
