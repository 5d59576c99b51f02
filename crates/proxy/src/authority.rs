//! The school's own certificate authority: made once at `init`, trusted by the school's devices,
//! used only to show pages and to look into connections that the policy allows to be inspected.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber,
};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Years that a new authority is valid: long enough for a device's life in school, short enough
/// that a lost key does not matter for ever.
const YEARS: i64 = 5;

/// Life of a certificate for a service of our own: renewed long before.
const SERVICE_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Names that a new authority can never sign for, whoever holds its key: help, health and the
/// police's reporting service. Browsers enforce it (RFC 5280, section 4.2.1.10).
pub(crate) const NEVER_SIGNED: [&str; 6] = [
    "childline.org.uk",
    "nspcc.org.uk",
    "samaritans.org",
    "ceop.police.uk",
    "nhs.uk",
    "111.wales.nhs.uk",
];

/// Why an authority could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The PEM text of certificate or key cannot be read.
    #[error(
        "the certificate authority's {what} cannot be read: {why}; restore it from the backup, or make a new one and install it on every device"
    )]
    Unreadable {
        /// `certificate` or `key`.
        what: &'static str,
        /// What the reader said.
        why: String,
    },
    /// Key and certificate do not belong together.
    #[error(
        "the certificate authority's key does not belong to its certificate; restore both from the same backup"
    )]
    Mismatch,
    /// The certificate is none of an authority.
    #[error(
        "the certificate is not one of a certificate authority: it must carry CA:TRUE and the right to sign certificates"
    )]
    NotAnAuthority,
    /// Signing failed.
    #[error("the certificate could not be signed: {0}")]
    Signing(#[from] rcgen::Error),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
}

/// What a new authority is made from.
#[derive(Debug, Clone)]
pub struct AuthoritySpec {
    /// The school's name, as devices show it in their list of certificates.
    pub school: String,
    /// Further names under which the authority can never sign, with all names below them: banks,
    /// health services. The built-in ones are always added.
    pub never: Vec<String>,
    /// When it begins (a day earlier in the certificate, for devices whose clock is behind).
    pub now: Timestamp,
}

/// The school's certificate authority with its private key.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
    never: Vec<String>,
    until: Timestamp,
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl CertificateAuthority {
    /// Makes a new authority: P-256, five years, certificate signing only, no authorities below
    /// it, and names it can never sign for.
    ///
    /// # Errors
    /// [`AuthorityError`] when random bytes or signing fail.
    pub fn create(spec: &AuthoritySpec) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(
            DnType::OrganizationName,
            spec.school.chars().take(60).collect::<String>(),
        );
        name.push(
            DnType::CommonName,
            format!(
                "{} web filter",
                spec.school.chars().take(50).collect::<String>()
            ),
        );
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let never = NEVER_SIGNED
            .iter()
            .map(|name| (*name).to_owned())
            .chain(spec.never.iter().cloned());
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: Vec::new(),
            excluded_subtrees: never.map(GeneralSubtree::DnsName).collect(),
        });
        params.serial_number = Some(serial()?);
        validity(
            &mut params,
            spec.now - SignedDuration::from_hours(24),
            spec.now + SignedDuration::from_hours(24 * 365 * YEARS),
        );
        let certificate = params.self_signed(&key)?;
        Self::load(&certificate.pem(), &key.serialize_pem())
    }

    /// Reads an authority from PEM: one of ours, or one that the school already has.
    ///
    /// # Errors
    /// [`AuthorityError`] when either text is unreadable, they do not belong together, or the
    /// certificate is not one of an authority.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityError> {
        let unreadable = |what, why: &dyn std::fmt::Display| AuthorityError::Unreadable {
            what,
            why: why.to_string(),
        };
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|error| unreadable("certificate", &error))?;
        let key = KeyPair::from_pem(key_pem).map_err(|error| unreadable("key", &error))?;
        let (_, parsed) = X509Certificate::from_der(&certificate)
            .map_err(|error| unreadable("certificate", &error))?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(AuthorityError::Mismatch);
        }
        if !parsed.is_ca() {
            return Err(AuthorityError::NotAnAuthority);
        }
        let until = Timestamp::from_second(parsed.validity().not_after.timestamp())
            .unwrap_or(Timestamp::MAX);
        let never = excluded_names(&parsed);
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self {
            issuer,
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            never,
            until,
            certificate,
        })
    }

    /// The certificate for devices, as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The certificate for devices, as DER.
    pub fn certificate_der(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The private key as PEM: to be kept by the operator only, never shown or logged.
    pub fn private_key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The last moment at which it is valid.
    pub fn valid_until(&self) -> Timestamp {
        self.until
    }

    /// SHA-256 of the certificate in capital hex with colons, as devices show it.
    pub fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.certificate);
        let pairs: Vec<String> = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        pairs.join(":")
    }

    /// Whether devices accept a certificate of ours for this host.
    pub fn may_sign(&self, host: &str) -> bool {
        !self.never.iter().any(|never| {
            host.strip_suffix(never.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// Signs a certificate for a service of the school's own under several names and addresses, with
    /// a key of its own and the authority's certificate behind it.
    ///
    /// # Errors
    /// [`AuthorityError`] when signing fails, a name that it may never sign for included.
    pub fn sign_service(
        &self,
        names: &[String],
        now: Timestamp,
    ) -> Result<CertifiedKey, AuthorityError> {
        let unusable = |why: &dyn std::fmt::Display| AuthorityError::Unreadable {
            what: "key",
            why: why.to_string(),
        };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = self.sign(names, &key, now, SERVICE_LIFE)?;
        let der = PrivateKeyDer::try_from(key.serialize_der()).map_err(|why| unusable(&why))?;
        let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der)
            .map_err(|why| unusable(&why))?;
        let chain = vec![certificate, self.certificate.clone()];
        Ok(CertifiedKey::new(chain, signing))
    }

    /// Signs a certificate for one host (name or IP address), short-lived.
    pub(crate) fn mint(
        &self,
        host: &str,
        key: &impl PublicKeyData,
        now: Timestamp,
        life: Duration,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        self.sign(&[host.trim_matches(['[', ']']).to_owned()], key, now, life)
    }

    fn sign(
        &self,
        names: &[String],
        key: &impl PublicKeyData,
        now: Timestamp,
        life: Duration,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        let mut params = CertificateParams::new(names.to_vec())?;
        let mut name = DistinguishedName::new();
        // A common name holds at most 64 characters (RFC 5280); the alternative name counts.
        if let Some(first) = names.first().filter(|first| first.len() <= 64) {
            name.push(DnType::CommonName, first.as_str());
        }
        params.distinguished_name = name;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.key_identifier_method = KeyIdMethod::Sha256;
        params.serial_number = Some(serial()?);
        let life = SignedDuration::try_from(life).unwrap_or(SignedDuration::from_hours(24));
        validity(
            &mut params,
            now - SignedDuration::from_hours(24),
            (now + life).min(self.until),
        );
        Ok(params.signed_by(key, &self.issuer)?.der().clone())
    }
}

fn validity(params: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    let at = |time: Timestamp| {
        rcgen::date_time_ymd(1970, 1, 1)
            + Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0))
    };
    params.not_before = at(from);
    params.not_after = at(until);
}

/// A random positive serial number: two certificates with one issuer and number are refused by
/// Firefox.
fn serial() -> Result<SerialNumber, AuthorityError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| AuthorityError::Random)?;
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn excluded_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let constraints = certificate.name_constraints().ok().flatten();
    let excluded = constraints.and_then(|found| found.value.excluded_subtrees.as_ref());
    excluded
        .into_iter()
        .flatten()
        .filter_map(|subtree| match &subtree.base {
            GeneralName::DNSName(name) => Some(name.trim_start_matches('.').to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> CertificateAuthority {
        CertificateAuthority::create(&AuthoritySpec {
            school: "Harbourmouth School".to_owned(),
            never: vec!["bank.example".to_owned()],
            now: "2026-11-22T09:00:00Z".parse().unwrap(),
        })
        .unwrap()
    }

    #[test]
    fn an_authority_is_read_back_as_it_was_made() {
        let made = made();
        let read =
            CertificateAuthority::load(made.certificate_pem(), made.private_key_pem()).unwrap();
        assert_eq!(read.fingerprint(), made.fingerprint());
        assert_eq!(read.valid_until(), made.valid_until());
        assert!(
            !read.may_sign("bank.example")
                && !read.may_sign("www.nhs.uk")
                && !read.may_sign("www.childline.org.uk")
        );
        assert!(read.may_sign("notbank.example") && read.may_sign("example.test"));
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let (one, two) = (made(), made());
        assert!(matches!(
            CertificateAuthority::load(one.certificate_pem(), two.private_key_pem()),
            Err(AuthorityError::Mismatch)
        ));
        assert!(matches!(
            CertificateAuthority::load("nothing", one.private_key_pem()),
            Err(AuthorityError::Unreadable {
                what: "certificate",
                ..
            })
        ));
        assert!(!format!("{one:?}").contains("PRIVATE"));
    }
}
