//! Events of firewalls: to the technical view, and those that show an attempt to the alerts
//! (MON-05).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_access::{Actor, Target, act};
use pharos_activity::{Event, Query, Stored};
use pharos_catalogue::Address;
use pharos_monitor::Method;
use pharos_monitor::firewall::{FirewallEvent, Shows};
use pharos_school::{Confidence, Face, IdentitySource, Unknown, Who};

use crate::{App, Error};

/// The rule's name in events that are for the technical team alone.
const TECHNICAL: &str = "firewall";
/// The rule's name in events that show an attempted search or site.
pub(crate) const ATTEMPT: &str = "firewall-attempt";
/// The rule's name in events that show a way round the filter.
const WAY_ROUND: &str = "firewall-way-round";

/// Technical events kept within one second; more are counted and passed over: a firewall that
/// logs every packet must not fill the store.
const TECHNICAL_PER_SECOND: usize = 20;
/// Events shown on the page.
const SHOWN: usize = 200;

/// How firewall events go.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    technical: VecDeque<Timestamp>,
    pub(crate) taken: u64,
    pub(crate) passed_over: u64,
}

impl Recent {
    /// Whether one more technical event is kept now.
    fn keeps(&mut self, now: Timestamp) -> bool {
        while self.technical.front().is_some_and(|at| {
            let age = now.duration_since(*at);
            age.as_secs() >= 1 || age.is_negative()
        }) {
            self.technical.pop_front();
        }
        if self.technical.len() >= TECHNICAL_PER_SECOND {
            self.passed_over += 1;
            return false;
        }
        self.technical.push_back(now);
        true
    }
}

/// What the technical view shows of firewall events.
#[derive(Debug, Clone)]
pub struct FirewallView {
    /// The newest events, newest first.
    pub events: Vec<Stored>,
    /// How many were taken in since the start.
    pub taken: u64,
    /// How many were passed over because too many came within one second.
    pub passed_over: u64,
}

impl App {
    /// The event to be recorded for a firewall's message; `None` where it is one of too many for the
    /// technical team. `from` is where the message came from. The time is our own: senders' clocks
    /// are not to be relied on.
    pub fn firewall_event(&self, told: &FirewallEvent, from: IpAddr) -> Option<Event> {
        let now = self.now();
        let shows = told.shows();
        {
            let mut state = self.inner().network.state();
            if shows == Shows::Technical && !state.firewall.keeps(now) {
                return None;
            }
            state.firewall.taken += 1;
        }
        let address = told.source.unwrap_or(from);
        let who = self.who_of(told, now);
        let seen = told
            .url
            .as_deref()
            .or(told.host.as_deref())
            .and_then(|text| Address::parse(text).ok());
        let snapshot = self.filter().snapshot().ok();
        let sealed = seen.as_ref().and_then(|seen| {
            let snapshot = snapshot.as_ref()?;
            snapshot.sealed().hit(seen).cloned()
        });
        let search = told.search.clone().or_else(|| {
            let found = pharos_scan::search_terms(seen.as_ref()?)?;
            Some(found.terms.to_string())
        });
        let group = snapshot
            .as_ref()
            .and_then(|snapshot| snapshot.group_name(&who, Some(address)));
        let versions = snapshot.as_ref().map(|snapshot| snapshot.versions());
        let (rule, categories): (&str, Vec<Arc<str>>) = match shows {
            Shows::WayRound(method) => (WAY_ROUND, vec![method.name().into()]),
            Shows::Attempt => (
                ATTEMPT,
                told.category.iter().map(|c| c.as_str().into()).collect(),
            ),
            Shows::Technical => (
                TECHNICAL,
                told.category.iter().map(|c| c.as_str().into()).collect(),
            ),
        };
        let host = told.host.clone().or_else(|| {
            let target = told.target?;
            Some(match told.port {
                Some(port) => std::net::SocketAddr::new(target, port).to_string(),
                None => target.to_string(),
            })
        });
        let path = match shows {
            Shows::Technical => Some(format!(" – {}", told.summary)),
            _ => seen
                .as_ref()
                .and_then(|seen| seen.path().map(str::to_owned)),
        };
        Some(Event {
            at: now,
            group,
            who,
            address,
            face: Face::Firewall,
            host: host
                .or_else(|| told.reporter.clone())
                .unwrap_or_else(|| from.to_string())
                .into(),
            path: path.map(Into::into),
            action: if told.is_stopped { "block" } else { "allow" },
            rule: rule.into(),
            categories: categories.into(),
            policy_version: versions.map_or(0, |versions| versions.policy),
            catalogue_version: versions.map_or(0, |versions| versions.catalogue),
            search: search.map(Into::into),
            sealed,
            bytes_up: 0,
            bytes_down: 0,
        })
    }

    /// The newest firewall events, for the technical team (MON-05). Opening them is in the ledger.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn firewall_events(&self, actor: &Actor) -> Result<FirewallView, Error> {
        let permit = self.may::<act::ReadNetwork>(actor, Target::School).await?;
        let detail = pharos_ledger::Detail::new().text("shown", "firewall events");
        self.records()
            .note(&permit, None, &detail, self.now())
            .await?;
        let query = Query {
            faces: vec![Face::Firewall],
            limit: SHOWN,
            ..Query::default()
        };
        let found = self.inner().activity.search(&query).await?;
        let state = self.inner().network.state();
        Ok(FirewallView {
            events: found.events,
            taken: state.firewall.taken,
            passed_over: state.firewall.passed_over,
        })
    }

    /// Who a message is about: the user that it names, likely; else whoever is at the address.
    fn who_of(&self, told: &FirewallEvent, now: Timestamp) -> Who {
        let here = told
            .source
            .map(|source| self.filter().identify(source, now));
        let named = told
            .user
            .as_deref()
            .and_then(|user| self.person_signed_in_as(user));
        match (named, here) {
            // The address map is surer than the firewall, and says the same.
            (Some(person), Some(here)) if here.person() == Some(person) => here,
            (Some(person), here) => Who::Known {
                person,
                source: IdentitySource::Firewall,
                confidence: Confidence::Likely,
                device: here.and_then(|here| here.device().cloned()),
            },
            (None, Some(here)) => here,
            (None, None) => Who::Unknown {
                why: Unknown::NoSignIn,
                device: None,
            },
        }
    }
}

/// The way round the filter that an event stands for (FIL-16). What devices ask for by themselves
/// (canaries, private relay, discovery of resolvers) is none.
pub(crate) fn method_of(event: &Event) -> Option<Method> {
    if event.sealed.is_some() {
        return None;
    }
    if event.face == Face::Firewall {
        return (&*event.rule == WAY_ROUND)
            .then(|| {
                event
                    .categories
                    .first()
                    .and_then(|name| Method::named(name))
            })
            .flatten();
    }
    let stopped = matches!(event.action, "block" | "warn");
    if !stopped {
        let typed =
            is_typed(&event.host) && matches!(event.face, Face::Http | Face::Tunnel | Face::Https);
        return typed.then_some(Method::DirectAddresses);
    }
    // What a connection did at the proxy; the proxy counts it as avoidance, unless its person is
    // granted that.
    let is_avoidance = |category: &Arc<str>| Method::of_category(category) == Some(Method::Other);
    let by_behaviour =
        Method::of_behaviour(&event.rule).filter(|_| event.categories.iter().any(is_avoidance));
    if by_behaviour.is_some() {
        return by_behaviour;
    }
    // The nearest name that a list gives it.
    let by_category = event
        .categories
        .iter()
        .filter_map(|category| Method::of_category(category))
        .reduce(|found, other| if found == Method::Other { other } else { found });
    if let Some(method) = by_category {
        let nearer = Method::of_host(&event.host).filter(|_| method == Method::Other);
        return Some(nearer.unwrap_or(method));
    }
    if &*event.rule == "avoidance" {
        let host = pharos_catalogue::Host::parse(&event.host).ok()?;
        return match pharos_filter::shield::way_round(&host)? {
            pharos_filter::shield::WayRound::Resolver => Some(Method::EncryptedDns),
            pharos_filter::shield::WayRound::Site => {
                Some(Method::of_host(&event.host).unwrap_or(Method::Other))
            }
            _ => None,
        };
    }
    Method::of_host(&event.host)
}

/// Whether the watch rules may want to look at it though nothing was blocked: cheap, on every event.
pub(crate) fn may_be_way_round(event: &Event) -> bool {
    event.face == Face::Firewall || is_typed(&event.host)
}

/// Whether a host is an address typed as numbers: names fail at their last byte.
fn is_typed(host: &str) -> bool {
    let ends_so = host
        .bytes()
        .last()
        .is_some_and(|byte| byte.is_ascii_digit() || byte == b']');
    ends_so && host.len() <= 47 && host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}
