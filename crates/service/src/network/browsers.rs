//! Browsers that the policy does not permit, as the proxy noticed them: shown to the technical team,
//! who find the device and take the browser off it (FIL-16).

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::App;

/// The most browsers on the page.
const SHOWN: usize = 50;

/// A browser that is not permitted, since the proxy was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrangeBrowser {
    /// Its kind, as `fil.browsers` names it.
    pub kind: &'static str,
    /// How it calls itself.
    pub token: String,
    /// How many of its requests were seen.
    pub requests: u64,
    /// How many of them were blocked for it.
    pub blocked: u64,
    /// The newest devices that it was seen on.
    pub devices: Vec<IpAddr>,
    /// Whether there were more.
    pub more_devices: bool,
    /// When it was seen last.
    pub last: Timestamp,
}

/// Asks the proxy for them, the last seen first.
#[derive(Clone)]
pub struct AskBrowsers(pub Arc<dyn Fn() -> Vec<StrangeBrowser> + Send + Sync>);

impl App {
    /// Tells how to ask the proxy which browsers it noticed; the first telling counts.
    pub fn tell_browsers(&self, ask: AskBrowsers) {
        // A second start in one process keeps the first faces, as elsewhere.
        drop(self.inner().network.browsers.set(ask));
    }

    /// Browsers that are not permitted, but for those of the self-check's users.
    pub(super) fn strange_browsers(&self) -> Vec<StrangeBrowser> {
        let Some(ask) = self.inner().network.browsers.get() else {
            return Vec::new();
        };
        let mut all = (ask.0)();
        for one in &mut all {
            one.devices
                .retain(|device| !crate::checks::is_check_address(*device));
        }
        all.retain(|one| one.more_devices || !one.devices.is_empty());
        all.truncate(SHOWN);
        all
    }
}
