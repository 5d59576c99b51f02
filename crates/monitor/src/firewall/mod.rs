//! Events of firewalls and outside filters, as they come by syslog (MON-05).
//!
//! [`read`] takes one message in the forms of RFC 5424 and RFC 3164, finds the fields that matter
//! by a table of the names that makers give them ([`FIELDS`]), and says what the message shows: an
//! attempted search or site, a way round the filter, or something for the technical team alone.

mod fields;
mod stream;
mod syslog;

use std::net::IpAddr;

use crate::Method;

pub use fields::{FIELDS, Field};
pub use stream::{Cut, FRAME_MAX, cut};
pub use syslog::{MESSAGE_MAX, Message};

/// The longest text kept of any field, in characters.
pub const TEXT_MAX: usize = 200;

/// One message, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FirewallEvent {
    /// Who reports: the name in the message's head.
    pub reporter: Option<String>,
    /// The user that it names.
    pub user: Option<String>,
    /// The device inside the school.
    pub source: Option<IpAddr>,
    /// The address outside.
    pub target: Option<IpAddr>,
    /// The port outside.
    pub port: Option<u16>,
    /// Whether it was UDP.
    pub is_udp: bool,
    /// The site asked for.
    pub host: Option<String>,
    /// The whole address asked for.
    pub url: Option<String>,
    /// The words searched for, where the message tells them apart.
    pub search: Option<String>,
    /// The category that the firewall gave it.
    pub category: Option<String>,
    /// What the firewall did, in its own word.
    pub action: Option<String>,
    /// Whether that word means that it was stopped.
    pub is_stopped: bool,
    /// The message's own words, cut and without control characters.
    pub summary: String,
}

/// What a message shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Somebody tried a search or a site that is barred: an alert (MON-04).
    Attempt,
    /// Somebody tried a way round the filter: an alert (FIL-16).
    WayRound(Method),
    /// Something for the technical team alone, such as a port scan.
    Technical,
}

impl FirewallEvent {
    /// What it shows. A site or search that was stopped is an attempt; a connection to the outside
    /// on a port that only ways round use is one of those.
    pub fn shows(&self) -> Shows {
        let names_a_site = self.host.is_some() || self.url.is_some() || self.search.is_some();
        if names_a_site && self.is_stopped {
            let by_category = self.category.as_deref().and_then(Method::of_category);
            return match by_category.or_else(|| self.host.as_deref().and_then(Method::of_host)) {
                Some(method) => Shows::WayRound(method),
                None => Shows::Attempt,
            };
        }
        let by_port = self
            .port
            .and_then(|port| Method::of_port(port, self.is_udp))
            .filter(|_| self.target.is_some_and(is_outside));
        match by_port {
            Some(method) if self.source.is_some() => Shows::WayRound(method),
            _ => Shows::Technical,
        }
    }
}

/// Whether an address is outside the school: none of the private, local and reserved ranges.
fn is_outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let inside = v4.is_private() || v4.is_loopback() || v4.is_link_local();
            let nobody = v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast();
            !inside && !nobody
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_multicast())
                && v6.segments()[0] & 0xfe00 != 0xfc00
                && v6.segments()[0] & 0xffc0 != 0xfe80
        }
    }
}

/// Reads one message; `None` for one that holds no text at all. Any bytes are read.
pub fn read(bytes: &[u8]) -> Option<FirewallEvent> {
    let message = Message::read(bytes);
    if message.text.trim().is_empty() {
        return None;
    }
    let mut event = FirewallEvent {
        reporter: message.host.as_deref().and_then(clean),
        summary: clean(&message.text).unwrap_or_default(),
        ..FirewallEvent::default()
    };
    fields::find(&message.text, &mut |field, value| event.put(field, value));
    event.settle();
    Some(event)
}

impl FirewallEvent {
    /// Takes a field in; the first of each kind counts.
    fn put(&mut self, field: Field, value: &str) {
        let text = || clean(value).filter(|text| !is_nothing(text));
        match field {
            Field::User => keep(&mut self.user, text),
            Field::Source => keep(&mut self.source, || address(value)),
            Field::Target => keep(&mut self.target, || address(value)),
            Field::Host => keep(&mut self.host, text),
            Field::Url => keep(&mut self.url, text),
            Field::Search => keep(&mut self.search, text),
            Field::Category => keep(&mut self.category, text),
            Field::Action => keep(&mut self.action, text),
            Field::Port => keep(&mut self.port, || value.parse().ok()),
            Field::Protocol => {
                self.is_udp |= matches!(value, "17") || value.eq_ignore_ascii_case("udp")
            }
        }
    }

    /// What follows from the fields together.
    fn settle(&mut self) {
        self.is_stopped = self.action.as_deref().is_some_and(fields::is_stop);
        if self.host.is_none()
            && let Some(url) = &self.url
        {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let host = rest.split(['/', '?', '#']).next().unwrap_or("");
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            let host = host.rsplit_once(':').map_or(host, |(name, port)| {
                if port.bytes().all(|byte| byte.is_ascii_digit()) {
                    name
                } else {
                    host
                }
            });
            self.host = clean(host).filter(|host| host.contains('.'));
        }
        if let Some(host) = &mut self.host {
            host.make_ascii_lowercase();
        }
        self.category = self
            .category
            .take()
            .map(|category| category.to_lowercase().replace([' ', '_'], "-"));
    }
}

fn keep<T>(place: &mut Option<T>, value: impl FnOnce() -> Option<T>) {
    if place.is_none() {
        *place = value();
    }
}

/// An address, with or without a port behind it.
fn address(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .or_else(|| text.parse().map(|at: std::net::SocketAddr| at.ip()).ok())
        .or_else(|| text.split('/').next()?.parse().ok())
}

/// The words that makers write where there is nothing.
fn is_nothing(text: &str) -> bool {
    ["-", "n/a", "none", "unknown", "null", "(null)", "\"\""]
        .iter()
        .any(|nothing| text.eq_ignore_ascii_case(nothing))
}

/// A text without control characters, cut to [`TEXT_MAX`]; `None` where nothing is left.
fn clean(text: &str) -> Option<String> {
    let text: String = text
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(TEXT_MAX)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
