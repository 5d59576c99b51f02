//! What can go wrong between client and origin: whose fault it is, what the page says, what to do.

use rustls::CertificateError;

use crate::origin_check::Weak;
use crate::words::AgeBand;

/// What is wrong with an origin's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BadCertificate {
    Expired,
    NotYetValid,
    WrongHost,
    UnknownIssuer,
    Revoked,
    Weak,
    Other,
}

impl BadCertificate {
    pub(crate) fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongHost
            }
            // A bad signature: an issuer that only bears the name of one we trust.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Self::Weak
            }
            CertificateError::Other(other) if other.0.is::<Weak>() => Self::Weak,
            _ => Self::Other,
        }
    }
}

/// Why there is no answer from the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no policy and lists are in force")]
    NotReady,
    #[error("the name was not found")]
    NoSuchHost,
    #[error("the origin refused the connection or cannot be reached")]
    Unreachable,
    #[error("reaching the origin took too long")]
    ConnectTimeout,
    #[error("the origin's certificate is not good")]
    Certificate(BadCertificate),
    #[error("the TLS handshake with the origin failed")]
    Tls,
    #[error("the origin asks for a certificate of the client")]
    ClientCertificate,
    #[error("the name does not lead to the address that was meant")]
    Misdirected,
    #[error("the origin did not answer in time")]
    Silent,
    #[error("the origin broke off or sent nonsense")]
    BrokenAnswer,
    #[error("the client's request broke off or broke the rules")]
    BrokenRequest,
    #[error("the origin is on a private network")]
    Private,
    #[error("the request is addressed to the proxy itself")]
    Itself,
    #[error("the request has come round")]
    Loop,
    #[error("the port is not one for the web")]
    Port,
    #[error("the Host header and the address disagree")]
    Disagree,
    #[error("the method or scheme is not supported")]
    Unsupported,
    #[error("the proxy's own request could not be built")]
    Internal,
}

/// What a page about a failure says.
pub(crate) struct Explained {
    pub(crate) status: u16,
    /// A stable code that manual and logs use.
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) what: &'static str,
    pub(crate) next: &'static str,
}

const TELL_SITE: &str = "Try again later. If it stays so, the owners of the site have to mend it; tell the network team if you need the site for school.";
const TELL_NETWORK: &str = "Tell the network team and give them the code below.";

impl Failure {
    pub(crate) const fn explain(self) -> Explained {
        let (status, code, title, what, next) = match self {
            Failure::NotReady => (
                503,
                "filter-starting",
                "The filter is starting",
                "The filter has no rules and lists in force yet, so nothing is let through.",
                "Wait a minute and try again. If it stays so, tell the network team.",
            ),
            Failure::NoSuchHost => (
                502,
                "no-such-site",
                "This site was not found",
                "No site of this name could be found.",
                "Check the spelling of the address.",
            ),
            Failure::Unreachable => (
                502,
                "site-unreachable",
                "This site cannot be reached",
                "The site refused the connection or is switched off.",
                TELL_SITE,
            ),
            Failure::ConnectTimeout => (
                504,
                "site-connect-timeout",
                "This site cannot be reached",
                "The site did not take the connection in time.",
                TELL_SITE,
            ),
            Failure::Certificate(bad) => return bad.explain(),
            Failure::Tls => (
                502,
                "site-tls",
                "No safe connection to this site",
                "The site and the filter could not agree on a safe connection. Very old sites, and sites that ask for a certificate of yours, do this.",
                TELL_NETWORK,
            ),
            Failure::ClientCertificate => (
                502,
                "site-asks-certificate",
                "This site asks for a certificate",
                "The site wants to see a certificate of this device or of yours. The filter looks into the connection, so it cannot pass one on.",
                "Tell the network team and give them the code below: they can leave this site uninspected.",
            ),
            Failure::Misdirected => (
                421,
                "address-disagrees",
                "The name and the address do not belong together",
                "This device asked for a site by name, but at a network address to which the name does not lead.",
                "Load the page again after a minute. If it stays so, tell the network team and give them the code below: this device may ask another name server than the school\u{2019}s.",
            ),
            Failure::Silent => (
                504,
                "site-silent",
                "This site does not answer",
                "The site took the request but did not answer in time.",
                TELL_SITE,
            ),
            Failure::BrokenAnswer => (
                502,
                "site-broken-answer",
                "This site sent a broken answer",
                "The site broke off, or what it sent is not a valid web answer.",
                TELL_SITE,
            ),
            Failure::BrokenRequest => (
                400,
                "broken-request",
                "The request broke off",
                "What this device sent was not complete or not valid.",
                "Load the page again. If it stays so, tell the network team and give them the code below.",
            ),
            Failure::Private => (
                403,
                "private-address",
                "This address is inside a private network",
                "The filter does not open addresses inside the school\u{2019}s own network.",
                "If this is a service of the school, the network team can add it to the intranet list.",
            ),
            Failure::Itself => (
                403,
                "proxy-itself",
                "This is the filter itself",
                "The request was sent through the filter to the filter.",
                TELL_NETWORK,
            ),
            Failure::Loop => (
                508,
                "loop",
                "The request goes round in a circle",
                "The filter has seen this very request before: two proxies send it to each other.",
                TELL_NETWORK,
            ),
            Failure::Port => (
                403,
                "port",
                "This port is not open",
                "The filter opens web addresses on the usual ports only.",
                "If you need it for school, ask the network team and give them the code below.",
            ),
            Failure::Disagree => (
                400,
                "host-disagrees",
                "The request contradicts itself",
                "The address asked for and the Host header, or the name inside the secure connection, are not the same.",
                TELL_NETWORK,
            ),
            Failure::Unsupported => (
                501,
                "unsupported",
                "The filter does not do this",
                "Only http and https requests go through the filter.",
                TELL_NETWORK,
            ),
            Failure::Internal => (
                500,
                "internal",
                "The filter could not do this",
                "Something went wrong inside the filter.",
                TELL_NETWORK,
            ),
        };
        Explained {
            status,
            code,
            title,
            what,
            next,
        }
    }

    /// The same in words for the reader: the youngest are told what to do and nothing more.
    pub(crate) const fn explain_to(self, band: AgeBand) -> Explained {
        let explained = self.explain();
        let (title, what, next) = match (self, band) {
            (Failure::Certificate(_), AgeBand::Youngest) => (
                "This page is not safe",
                "We cannot tell if this page is real.",
                "Do not type anything. Close the page and tell a grown-up at school.",
            ),
            (Failure::Certificate(_), AgeBand::Middle) => (
                "This site is not safe to open",
                "The site cannot prove that it is the real one. Somebody may be pretending to be it.",
                "Do not type your name or a password. Close the page, and tell your teacher if you need it.",
            ),
            (_, AgeBand::Youngest) if self.is_origins() => (
                "This page does not work right now",
                "It is not your fault. The page is broken or switched off.",
                "Try again later, or ask a grown-up at school.",
            ),
            _ => return explained,
        };
        Explained {
            title,
            what,
            next,
            ..explained
        }
    }

    /// Whether it counts as the origin's failure.
    pub(crate) const fn is_origins(self) -> bool {
        matches!(
            self,
            Failure::NoSuchHost
                | Failure::Unreachable
                | Failure::ConnectTimeout
                | Failure::Tls
                | Failure::ClientCertificate
                | Failure::Silent
                | Failure::BrokenAnswer
        )
    }

    /// The stable code for logs.
    pub(crate) const fn code(self) -> &'static str {
        self.explain().code
    }
}

impl BadCertificate {
    const fn explain(self) -> Explained {
        let (code, what) = match self {
            Self::Expired => (
                "certificate-expired",
                "The site\u{2019}s certificate has run out, so nobody can tell whether this is really the site.",
            ),
            Self::NotYetValid => (
                "certificate-not-yet-valid",
                "The site\u{2019}s certificate is not valid yet, so nobody can tell whether this is really the site.",
            ),
            Self::WrongHost => (
                "certificate-wrong-host",
                "The site shows a certificate that belongs to a different site. Someone may be pretending to be it.",
            ),
            Self::UnknownIssuer => (
                "certificate-unknown-issuer",
                "The site made its certificate itself, or nobody trustworthy made it. Someone may be pretending to be it.",
            ),
            Self::Revoked => (
                "certificate-revoked",
                "The site\u{2019}s certificate has been withdrawn.",
            ),
            Self::Weak => (
                "certificate-weak",
                "The site\u{2019}s certificate is made with a key or a method so weak that others could forge it.",
            ),
            Self::Other => (
                "certificate-invalid",
                "The site\u{2019}s certificate is not valid, so nobody can tell whether this is really the site.",
            ),
        };
        Explained {
            status: 502,
            code,
            title: "This site is not safe to open",
            what,
            next: "Do not type a password or anything about yourself. Leave the site; tell the network team if you need it for school.",
        }
    }
}
