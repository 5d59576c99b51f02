//! What the proxy is told beyond decisions: headers for services, and connections that it cannot
//! look into.

use std::sync::Arc;

use pharos_catalogue::Host;

use crate::Policy;
use crate::spec::EncryptedHello;

/// A header that keeps people to the school's own accounts at a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    pub(crate) hosts: Vec<Host>,
    /// The header's name in lower case.
    pub header: Arc<str>,
    /// Its value.
    pub value: Arc<str>,
}

impl Tenant {
    /// Whether requests to this host carry the header.
    pub fn is_for(&self, host: &Host) -> bool {
        self.hosts.iter().any(|own| host.is_within(own))
    }
}

/// The compiled form of `inspection` and `tenants`, without what decides.
#[derive(Debug, Default)]
pub(crate) struct Inspection {
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) tunnel_unreachable: Vec<Host>,
    pub(crate) encrypted_hello: EncryptedHello,
}

impl Policy {
    /// All tenant headers, in the order of the pack.
    pub fn tenants(&self) -> &[Tenant] {
        &self.inspection.tenants
    }

    /// Whether a workspace is not one of the school's, at a service that is told of them by this
    /// header. Where the school has named none there, none is another.
    pub fn is_other_workspace(&self, host: &Host, header: &str, workspace: &str) -> bool {
        let here = self.tenants().iter().filter(|tenant| tenant.is_for(host));
        let mut own = here.filter(|tenant| tenant.header.eq_ignore_ascii_case(header));
        let mut named = false;
        let is_own = own.any(|tenant| {
            named = true;
            let mut values = tenant.value.split(',').map(str::trim);
            values.any(|value| value.eq_ignore_ascii_case(workspace))
        });
        named && !is_own
    }

    /// Whether the host may be passed on untouched where the proxy's own TLS cannot reach it.
    pub fn may_tunnel_unreachable(&self, host: &Host) -> bool {
        let hosts = &self.inspection.tunnel_unreachable;
        hosts.iter().any(|own| host.is_within(own))
    }

    /// What becomes of a connection whose real server name is hidden.
    pub fn encrypted_hello(&self) -> EncryptedHello {
        self.inspection.encrypted_hello
    }
}
