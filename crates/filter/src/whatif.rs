//! A proposed change replayed over what was asked for (REQ-03, REQ-04): what newly opens and what
//! newly closes, and for whom. Pure: events come in one by one, figures come out.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_catalogue::Address;
use pharos_policy::Action;
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Unknown, Who};
use serde::{Deserialize, Serialize};

use crate::{Query, Snapshot};

/// Sites kept apart by name in one direction; what lies beyond is counted as other sites.
pub const SITES_MAX: usize = 2_000;
/// People kept by name for one site.
pub const PEOPLE_MAX: usize = 200;
/// Addresses kept parsed by one replay, to bound it.
const PARSED_MAX: usize = 65_536;

/// One thing that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// When.
    pub at: Timestamp,
    /// By whom, where somebody was named.
    pub person: Option<PersonId>,
    /// From which network address.
    pub from: IpAddr,
    /// The host.
    pub host: &'a str,
    /// Path and query, where they were seen.
    pub path: Option<&'a str>,
}

/// What changes for one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteChange {
    /// The host.
    pub site: String,
    /// Its categories by the lists in force.
    pub categories: Vec<String>,
    /// How often it was asked for with another outcome.
    pub asked: u64,
    /// The same by group.
    pub groups: BTreeMap<String, u64>,
    /// How many people that were.
    pub people_count: usize,
    /// Who, at most [`PEOPLE_MAX`]; for those alone who may see it.
    pub people: Vec<PersonId>,
    /// What happens now, and what would.
    pub from: Action,
    /// What would happen.
    pub to: Action,
}

/// Everything that changes in one direction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Direction {
    /// How often something was asked for with another outcome.
    pub asked: u64,
    /// How many sites that were.
    pub site_count: u64,
    /// The same by group.
    pub groups: BTreeMap<String, u64>,
    /// Sites, the most asked for first.
    pub sites: Vec<SiteChange>,
    /// Times asked for at sites beyond those kept by name.
    pub elsewhere: u64,
}

/// What a change would have done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WhatIf {
    /// How many events were replayed.
    pub events: u64,
    /// Events whose address no longer reads; they changed nothing.
    pub unread: u64,
    /// The time of the oldest event.
    pub oldest: Option<Timestamp>,
    /// The time of the newest event.
    pub newest: Option<Timestamp>,
    /// What newly opens: blocked before, warned about or open after; or warned about, then open.
    pub opens: Direction,
    /// What newly closes.
    pub closes: Direction,
}

impl WhatIf {
    /// Whether nothing would be different.
    pub fn is_without_effect(&self) -> bool {
        self.opens.asked == 0 && self.closes.asked == 0
    }
}

/// One replay under way.
#[derive(Debug)]
pub struct Replay {
    before: Arc<Snapshot>,
    after: Arc<Snapshot>,
    events: u64,
    unread: u64,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    opens: Tally,
    closes: Tally,
    parsed: HashMap<Box<str>, Option<Address>>,
}

#[derive(Debug, Default)]
struct Tally {
    asked: u64,
    elsewhere: u64,
    groups: HashMap<Arc<str>, u64>,
    sites: HashMap<Box<str>, Site>,
}

#[derive(Debug)]
struct Site {
    asked: u64,
    groups: HashMap<Arc<str>, u64>,
    people: BTreeSet<PersonId>,
    more_people: usize,
    from: Action,
    to: Action,
    address: Address,
}

impl Replay {
    /// Begins a replay of the change from one snapshot to another.
    pub fn new(before: Arc<Snapshot>, after: Arc<Snapshot>) -> Self {
        Self {
            before,
            after,
            events: 0,
            unread: 0,
            oldest: None,
            newest: None,
            opens: Tally::default(),
            closes: Tally::default(),
            parsed: HashMap::new(),
        }
    }

    /// Replays one event.
    pub fn see(&mut self, asked: &Asked<'_>) {
        self.events += 1;
        self.oldest = Some(self.oldest.map_or(asked.at, |oldest| oldest.min(asked.at)));
        self.newest = Some(self.newest.map_or(asked.at, |newest| newest.max(asked.at)));
        let with_path;
        let address = match asked.path {
            None => {
                if self.parsed.len() >= PARSED_MAX {
                    self.parsed.clear();
                }
                let known = match self.parsed.get(asked.host) {
                    Some(known) => known,
                    None => self
                        .parsed
                        .entry(asked.host.into())
                        .or_insert_with(|| Address::parse(asked.host).ok()),
                };
                known.clone()
            }
            Some(path) => {
                with_path = format!("https://{}{path}", asked.host);
                Address::parse(&with_path).ok()
            }
        };
        let Some(address) = address else {
            self.unread += 1;
            return;
        };
        let who = who(asked.person);
        let query = Query {
            address: &address,
            who: &who,
            from: Some(asked.from),
            face: Face::Explain,
            now: asked.at,
        };
        let (from, to) = self.before.compare(&self.after, &query);
        let tally = match reach(to).cmp(&reach(from)) {
            Ordering::Equal => return,
            Ordering::Greater => &mut self.opens,
            Ordering::Less => &mut self.closes,
        };
        let group = self
            .after
            .group_name(&who, Some(asked.from))
            .unwrap_or_else(|| Arc::from("others"));
        tally.add(asked, group, (from, to), address);
    }

    /// The figures of several replays of one change, such as of several threads.
    pub fn finish(parts: Vec<Self>) -> WhatIf {
        let mut whole = WhatIf::default();
        let (mut opens, mut closes) = (Tally::default(), Tally::default());
        let Some(after) = parts.first().map(|part| Arc::clone(&part.after)) else {
            return whole;
        };
        for part in parts {
            whole.events += part.events;
            whole.unread += part.unread;
            whole.oldest = least(whole.oldest, part.oldest);
            whole.newest = whole.newest.max(part.newest);
            opens.merge(part.opens);
            closes.merge(part.closes);
        }
        whole.opens = opens.finish(&after);
        whole.closes = closes.finish(&after);
        whole
    }
}

fn least(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn who(person: Option<PersonId>) -> Who {
    match person {
        Some(person) => Who::Known {
            person,
            source: IdentitySource::Stated,
            confidence: Confidence::Certain,
            device: None,
        },
        None => Who::Unknown {
            why: Unknown::NoSignIn,
            device: None,
        },
    }
}

/// How far a request gets: 0 blocked, 1 warned about, 2 through.
const fn reach(action: Action) -> u8 {
    match action {
        Action::Block => 0,
        Action::Warn => 1,
        Action::Tunnel | Action::Allow | Action::Narrow => 2,
    }
}

impl Tally {
    fn add(
        &mut self,
        asked: &Asked<'_>,
        group: Arc<str>,
        (from, to): (Action, Action),
        address: Address,
    ) {
        self.asked += 1;
        *self.groups.entry(Arc::clone(&group)).or_default() += 1;
        if self.sites.len() >= SITES_MAX && !self.sites.contains_key(asked.host) {
            self.elsewhere += 1;
            return;
        }
        let site = self.sites.entry(asked.host.into()).or_insert_with(|| Site {
            asked: 0,
            groups: HashMap::new(),
            people: BTreeSet::new(),
            more_people: 0,
            from,
            to,
            address,
        });
        site.asked += 1;
        *site.groups.entry(group).or_default() += 1;
        if let Some(person) = asked.person {
            site.meet(person);
        }
    }

    fn merge(&mut self, other: Self) {
        self.asked += other.asked;
        self.elsewhere += other.elsewhere;
        for (group, count) in other.groups {
            *self.groups.entry(group).or_default() += count;
        }
        for (host, theirs) in other.sites {
            if let Some(mine) = self.sites.get_mut(&host) {
                mine.asked += theirs.asked;
                mine.more_people += theirs.more_people;
                for (group, count) in theirs.groups {
                    *mine.groups.entry(group).or_default() += count;
                }
                theirs
                    .people
                    .into_iter()
                    .for_each(|person| mine.meet(person));
            } else if self.sites.len() < SITES_MAX {
                self.sites.insert(host, theirs);
            } else {
                self.elsewhere += theirs.asked;
            }
        }
    }

    fn finish(self, lists: &Snapshot) -> Direction {
        let named = |groups: HashMap<Arc<str>, u64>| {
            groups
                .into_iter()
                .map(|(group, count)| (group.to_string(), count))
                .collect()
        };
        let site_count = self.sites.len() as u64;
        let mut sites: Vec<SiteChange> = self
            .sites
            .into_iter()
            .map(|(host, site)| SiteChange {
                site: host.into(),
                categories: lists
                    .category_names(lists.categories().categories(&site.address))
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                asked: site.asked,
                groups: named(site.groups),
                people_count: site.people.len() + site.more_people,
                people: site.people.into_iter().collect(),
                from: site.from,
                to: site.to,
            })
            .collect();
        sites.sort_by(|a, b| b.asked.cmp(&a.asked).then_with(|| a.site.cmp(&b.site)));
        Direction {
            asked: self.asked,
            site_count,
            groups: named(self.groups),
            sites,
            elsewhere: self.elsewhere,
        }
    }
}

impl Site {
    /// Beyond [`PEOPLE_MAX`] people are no longer told apart: the count is then at least that many.
    fn meet(&mut self, person: PersonId) {
        if self.people.len() < PEOPLE_MAX {
            self.people.insert(person);
        } else if !self.people.contains(&person) {
            self.more_people = self.more_people.max(1);
        }
    }
}
