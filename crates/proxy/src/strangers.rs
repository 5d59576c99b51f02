//! Browsers that the policy does not permit (FIL-16): noticed with the devices they run on, and
//! stopped for whom the policy says so. A browser is known by what its requests say of it, where
//! they can be read; nothing of the request itself is kept.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use http::header::{self, HeaderName};
use jiff::Timestamp;
use pharos_filter::user_agent::{Agent, browser_of};
use pharos_policy::{Action, Browser};

use crate::connection::Client;
use crate::judge::Verdict;

/// Browsers remembered; a new one takes the place of the one seen longest ago.
const BROWSERS_MOST: usize = 64;
/// Devices remembered for one browser; a new one takes the place of the first.
const DEVICES_MOST: usize = 8;

const SEC_CH_UA: HeaderName = HeaderName::from_static("sec-ch-ua");

/// A browser that is not permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// Which one.
    pub browser: Browser,
    /// How it calls itself, at most 32 letters.
    pub token: Box<str>,
    /// How many of its requests were seen.
    pub requests: u64,
    /// How many of them were blocked for it.
    pub blocked: u64,
    /// The devices it runs on, those seen first first: the last eight new ones.
    pub devices: Vec<IpAddr>,
    /// Whether it was seen on more devices than those.
    pub more_devices: bool,
    /// When it was first noticed since the start.
    pub first: Timestamp,
    /// When it was last noticed.
    pub last: Timestamp,
}

/// What was noticed since the start, bounded.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    browsers: Mutex<HashMap<Box<str>, Stranger>>,
}

impl Strangers {
    fn note(&self, agent: Agent<'_>, blocked: bool, from: IpAddr, now: Timestamp) {
        let mut browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        if !browsers.contains_key(agent.token) {
            if browsers.len() >= BROWSERS_MOST
                && let Some(oldest) = browsers
                    .iter()
                    .min_by_key(|(_, stranger)| stranger.last)
                    .map(|(token, _)| token.clone())
            {
                browsers.remove(&oldest);
            }
            let fresh = Stranger {
                browser: agent.browser,
                token: agent.token.into(),
                requests: 0,
                blocked: 0,
                devices: Vec::new(),
                more_devices: false,
                first: now,
                last: now,
            };
            browsers.insert(agent.token.into(), fresh);
        }
        let Some(stranger) = browsers.get_mut(agent.token) else {
            return;
        };
        stranger.requests = stranger.requests.saturating_add(1);
        stranger.blocked = stranger.blocked.saturating_add(u64::from(blocked));
        stranger.last = now;
        if !stranger.devices.contains(&from) {
            if stranger.devices.len() >= DEVICES_MOST {
                stranger.devices.remove(0);
                stranger.more_devices = true;
            }
            stranger.devices.push(from);
        }
    }

    /// Those noticed, the last seen first.
    pub(crate) fn all(&self) -> Vec<Stranger> {
        let browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Stranger> = browsers.values().cloned().collect();
        all.sort_by(|one, other| other.last.cmp(&one.last).then(one.token.cmp(&other.token)));
        all
    }
}

/// Notices a browser that is not permitted; the verdict that stops its request, where the policy
/// blocks it for whoever asks and nothing else does already.
pub(crate) fn stops(client: &Client, verdict: &Verdict, headers: &HeaderMap) -> Option<Verdict> {
    let policy = verdict.policy();
    if !policy.judges_browsers() || !verdict.may_be_read() {
        return None;
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let agent = browser_of(text(header::USER_AGENT)?, text(SEC_CH_UA))?;
    if policy.permits_browser(agent.browser) {
        return None;
    }
    let stopped = verdict.with_browser(agent.browser);
    let shared = client.shared();
    shared
        .strangers
        .note(agent, stopped.is_some(), client.from, verdict.now);
    stopped.filter(|_| verdict.decision.action != Action::Block)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-16: however many browsers and devices there are, what is kept of them is bounded, and
    /// what is seen again stays.
    #[test]
    fn fil_16_what_is_kept_of_strange_browsers_is_bounded() {
        let strangers = Strangers::default();
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let device = |number: u8| IpAddr::from([10, 0, 0, number]);
        let note = |token: &str, number: u8, second: i64| {
            let agent = Agent {
                browser: Browser::Other,
                token,
            };
            strangers.note(agent, second % 2 == 1, device(number), at(second));
        };
        for second in 0..1_000 {
            note("Whale", u8::try_from(second % 20).unwrap(), 2 * second);
            note(&format!("Invented{second}"), 1, 2 * second + 1);
        }
        note("Whale", 200, 2_000);
        let all = strangers.all();
        assert_eq!(all.len(), BROWSERS_MOST);
        let whale = &all[0];
        assert_eq!((&*whale.token, whale.requests), ("Whale", 1_001));
        assert_eq!((whale.first, whale.last), (at(0), at(2_000)));
        assert_eq!(whale.devices.len(), DEVICES_MOST);
        assert_eq!(whale.devices.last(), Some(&device(200)));
        assert!(whale.more_devices);
        assert_eq!((whale.blocked, all[1].blocked), (0, 1));
    }
}
