//! Which events are visits to help sites: nobody is shown them (FIL-13).

use std::collections::BTreeSet;

use pharos_activity::Event;
use pharos_catalogue::Address;

use pharos_policy::spec::HelpSpec;

use crate::School;

/// The help services of the school, as events name them. A visit carries the service's name as the
/// rule that let it through; one from before a service was written down is told by its host.
#[derive(Debug, Clone, Default)]
pub(crate) struct HelpVisits {
    names: BTreeSet<String>,
    hosts: Vec<String>,
}

impl HelpVisits {
    /// Those of the pack in force.
    pub(crate) fn of(school: &School) -> Self {
        Self::at(&school.pack.filter.help)
    }

    /// Those of these services.
    pub(crate) fn at(help: &[HelpSpec]) -> Self {
        let sites = help.iter().flat_map(|help| &help.sites);
        Self {
            names: help.iter().map(|help| help.name.clone()).collect(),
            hosts: sites
                .filter_map(|site| Address::parse(site).ok())
                .filter(|site| site.path().is_none())
                .map(|site| site.host().as_str().to_owned())
                .collect(),
        }
    }

    /// Whether the event is such a visit.
    pub(crate) fn holds(&self, event: &Event) -> bool {
        event.sealed.is_none()
            && (self.names.contains(&*event.rule)
                || self.hosts.iter().any(|host| is_within(&event.host, host)))
    }
}

/// Whether a host is another, or below it.
fn is_within(host: &str, above: &str) -> bool {
    host.strip_suffix(above)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_within_itself_and_what_stands_above_it() {
        for (host, within) in [
            ("childline.org.uk", true),
            ("www.childline.org.uk", true),
            ("notchildline.org.uk", false),
            ("org.uk", false),
        ] {
            assert_eq!(is_within(host, "childline.org.uk"), within, "{host}");
        }
    }
}
