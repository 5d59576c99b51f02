//! The watch: one event in, alerts out, with bounded memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use pharos_casework::Harm;
use pharos_school::{Confidence, Role, Who};

use crate::alert::{Alert, EvidenceRef, Severity};
use crate::avoidance::Method;
use crate::rules::{COUNT_MAX, Rule, RuleKind, RuleSet, RuleSetProblem};
use crate::seen::{Seen, SeenAction, WatchLists};

/// How much is remembered. At a bound the longest unseen are forgotten and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Counters of blocked attempts, one per person or device and rule.
    pub counters: usize,
    /// Alerts whose repetitions fold.
    pub open: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            counters: 50_000,
            open: 20_000,
        }
    }
}

/// What was forgotten so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WatchCounts {
    /// Events looked at.
    pub seen: u64,
    /// Counters dropped at the bound.
    pub counters_dropped: u64,
    /// Open keys dropped at the bound; a repetition then raises a new alert.
    pub open_dropped: u64,
}

/// What an event led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raised {
    /// A new alert.
    New(Alert),
    /// One more sighting of an open one, to be folded into it by its key.
    Again(Alert),
}

impl Raised {
    /// The alert, or the sighting in the shape of one.
    pub fn alert(&self) -> &Alert {
        match self {
            Raised::New(alert) | Raised::Again(alert) => alert,
        }
    }
}

#[derive(Debug, Default)]
struct Counter {
    last: Timestamp,
    times: VecDeque<(Timestamp, String)>,
}

/// The rules and what they remember.
#[derive(Debug)]
pub struct Watch {
    rules: RuleSet,
    limits: Limits,
    counters: BTreeMap<(String, String), Counter>,
    open: BTreeMap<String, Timestamp>,
    counts: WatchCounts,
}

impl Watch {
    /// A watch with these rules.
    ///
    /// # Errors
    /// Everything that is wrong with the rules; the watch in force stays.
    pub fn new(rules: RuleSet, limits: Limits) -> Result<Self, Vec<RuleSetProblem>> {
        let problems = rules.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            rules,
            limits,
            counters: BTreeMap::new(),
            open: BTreeMap::new(),
            counts: WatchCounts::default(),
        })
    }

    /// Changes the rules; what is remembered stays. Older alerts keep the version that raised them.
    ///
    /// # Errors
    /// Everything that is wrong with the new rules; the old ones stay in force.
    pub fn change_rules(&mut self, rules: RuleSet) -> Result<(), Vec<RuleSetProblem>> {
        let problems = rules.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        self.rules = rules;
        Ok(())
    }

    /// The rules in force.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What was seen and forgotten so far.
    pub fn counts(&self) -> WatchCounts {
        self.counts
    }

    /// How much is held now: counters and open keys.
    pub fn held(&self) -> (usize, usize) {
        (self.counters.len(), self.open.len())
    }

    /// Remembers an alert that is still open, after a restart.
    pub fn remember_open(&mut self, key: &str, last_at: Timestamp) {
        self.room_for_open(key);
        self.open.insert(key.to_owned(), last_at);
    }

    /// An alert was closed: the same thing again is a new alert.
    pub fn settled(&mut self, key: &str) {
        self.open.remove(key);
    }

    /// Looks at one event.
    pub fn see(&mut self, seen: &Seen, lists: &dyn WatchLists) -> Vec<Raised> {
        self.counts.seen = self.counts.seen.saturating_add(1);
        // Taken out for the loop, so that the rules can be read while the counters are written.
        let rules = std::mem::take(&mut self.rules.rules);
        let mut raised = Vec::new();
        for rule in &rules {
            for alert in self.by_rule(rule, seen, lists) {
                raised.push(self.fold(alert));
            }
        }
        self.rules.rules = rules;
        raised
    }

    fn by_rule(&mut self, rule: &Rule, seen: &Seen, lists: &dyn WatchLists) -> Vec<Alert> {
        match &rule.kind {
            RuleKind::SealedHit => self.sealed(rule, seen).into_iter().collect(),
            // Nothing else is looked at in a sealed hit: no host, no search words.
            _ if seen.sealed.is_some() => Vec::new(),
            RuleKind::RepeatedBlocks {
                categories,
                count,
                window_minutes,
                theme,
                severity,
            } => {
                let matched = seen
                    .categories
                    .iter()
                    .find(|found| categories.iter().any(|name| **name == ***found));
                match (seen.action, matched) {
                    (SeenAction::Blocked, Some(category)) => {
                        let window = SignedDuration::from_mins(i64::from(*window_minutes));
                        self.blocked(rule, seen, category, *count, window, (*theme, *severity))
                            .into_iter()
                            .collect()
                    }
                    _ => Vec::new(),
                }
            }
            RuleKind::SearchTerm => self.searched(rule, seen, lists),
            RuleKind::WayRound {
                direct,
                window_minutes,
                repeated,
                severity,
            } => {
                let window = SignedDuration::from_mins(i64::from(*window_minutes));
                self.way_round(rule, seen, (*direct, *repeated, window), *severity)
                    .into_iter()
                    .collect()
            }
            RuleKind::OutsideAttempt { severity } => self
                .outside_attempt(rule, seen, *severity)
                .into_iter()
                .collect(),
        }
    }

    /// One alert for each person or device, method and day names all three (FIL-16).
    fn way_round(
        &mut self,
        rule: &Rule,
        seen: &Seen,
        (direct, repeated, window): (u32, u32, SignedDuration),
        severity: Severity,
    ) -> Option<Alert> {
        let method = seen.method?;
        let wanted = match method {
            Method::DirectAddresses => direct,
            method if method.needs_many() => repeated,
            _ => 1,
        };
        if wanted > 1 && !self.are_many(rule, seen, method, wanted, window) {
            return None;
        }
        let device = match seen.who.device() {
            Some(device) => format!("{device} ({})", seen.device_address),
            None => seen.device_address.clone(),
        };
        let done = match seen.action {
            SeenAction::Blocked => "It was blocked.",
            SeenAction::Warned => "It was warned about.",
            SeenAction::LetThrough => "It was not stopped here.",
        };
        let why = vec![format!(
            "A way round the filter was tried: {}, on the device {device}. {done}",
            method.says()
        )];
        let evidence = vec![EvidenceRef {
            at: seen.at,
            host: Some(seen.host.clone()),
        }];
        Some(self.alert(
            rule,
            seen,
            (Harm::MisuseOfSystems, severity),
            method.name(),
            why,
            evidence,
        ))
    }

    /// Whether this is the last of so many within the window: of different addresses, where they are
    /// typed as numbers; of connections else.
    fn are_many(
        &mut self,
        rule: &Rule,
        seen: &Seen,
        method: Method,
        wanted: u32,
        window: SignedDuration,
    ) -> bool {
        let key = (format!("{}/{method}", rule.id), subject_key(seen));
        self.room_for_counter(&key);
        let counter = self.counters.entry(key).or_default();
        counter.last = counter.last.max(seen.at);
        let oldest = counter.last.checked_sub(window).unwrap_or(Timestamp::MIN);
        let counts_once = method == Method::DirectAddresses;
        counter
            .times
            .retain(|(at, host)| *at >= oldest && !(counts_once && *host == seen.host));
        counter.times.push_back((seen.at, seen.host.clone()));
        while counter.times.len() > COUNT_MAX as usize {
            counter.times.pop_front();
        }
        let reached = counter.times.len() >= wanted as usize;
        if reached {
            counter.times.clear();
        }
        reached
    }

    /// A search or site that a firewall stopped: one alert for each person or device and category,
    /// or host where it has none (MON-05).
    fn outside_attempt(&self, rule: &Rule, seen: &Seen, severity: Severity) -> Option<Alert> {
        if !seen.is_outside_attempt || seen.method.is_some() {
            return None;
        }
        let category = seen.categories.first();
        let about = category.map_or(seen.host.as_str(), AsRef::as_ref);
        let what = match (&seen.search, category) {
            (Some(words), _) => {
                let words: String = words.chars().take(80).collect();
                format!("a search for “{words}”")
            }
            (None, Some(category)) => format!("a site of the category {category}"),
            (None, None) => "a site".to_owned(),
        };
        let why = vec![format!("The school's firewall stopped {what}.")];
        let evidence = vec![EvidenceRef {
            at: seen.at,
            host: Some(seen.host.clone()).filter(|host| !host.is_empty()),
        }];
        Some(self.alert(
            rule,
            seen,
            (Harm::WrongForAge, severity),
            about,
            why,
            evidence,
        ))
    }

    fn sealed(&self, rule: &Rule, seen: &Seen) -> Option<Alert> {
        let list = seen.sealed.as_ref()?;
        let why = vec![
            format!("A request met the sealed list {list}. It was blocked. The address is not kept."),
            "Do not look for it and do not ask the pupil to show it. Follow the procedure for material that may be illegal.".to_owned(),
        ];
        let evidence = vec![EvidenceRef {
            at: seen.at,
            host: None,
        }];
        Some(self.alert(
            rule,
            seen,
            (Harm::IllegalMaterial, Severity::Critical),
            list,
            why,
            evidence,
        ))
    }

    fn blocked(
        &mut self,
        rule: &Rule,
        seen: &Seen,
        category: &str,
        count: u32,
        window: SignedDuration,
        kind: (Harm, Severity),
    ) -> Option<Alert> {
        let key = (rule.id.clone(), subject_key(seen));
        self.room_for_counter(&key);
        let counter = self.counters.entry(key).or_default();
        counter.last = counter.last.max(seen.at);
        counter.times.push_back((seen.at, seen.host.clone()));
        let oldest = counter.last.checked_sub(window).unwrap_or(Timestamp::MIN);
        counter.times.retain(|(at, _)| *at >= oldest);
        while counter.times.len() > COUNT_MAX as usize {
            counter.times.pop_front();
        }
        if counter.times.len() < count as usize {
            return None;
        }
        let evidence = counter
            .times
            .iter()
            .map(|(at, host)| EvidenceRef {
                at: *at,
                host: Some(host.clone()),
            })
            .collect();
        let number = counter.times.len();
        // What raised it is spent: the next alert needs as many attempts again.
        counter.times.clear();
        let attempts = if number == 1 {
            "1 attempt".to_owned()
        } else {
            format!("{number} attempts within {} minutes", window.as_mins())
        };
        let why = vec![format!("Blocked as {category}: {attempts}.")];
        Some(self.alert(rule, seen, kind, category, why, evidence))
    }

    fn searched(&self, rule: &Rule, seen: &Seen, lists: &dyn WatchLists) -> Vec<Alert> {
        let Some(words) = seen.search.as_deref() else {
            return Vec::new();
        };
        lists
            .find(words)
            .into_iter()
            .map(|hit| {
                let found: String = hit.words.chars().take(80).collect();
                let what = match &seen.asked_of {
                    Some(tool) => format!("What was asked of {tool}"),
                    None => "A search".to_owned(),
                };
                let why = vec![format!(
                    "{what} held words from the watch list {} (version {}): “{found}”.",
                    hit.list, hit.list_version
                )];
                let evidence = vec![EvidenceRef {
                    at: seen.at,
                    host: Some(seen.host.clone()),
                }];
                self.alert(
                    rule,
                    seen,
                    (hit.theme, hit.severity),
                    &hit.list,
                    why,
                    evidence,
                )
            })
            .collect()
    }

    fn alert(
        &self,
        rule: &Rule,
        seen: &Seen,
        (theme, severity): (Harm, Severity),
        about: &str,
        mut why: Vec<String>,
        mut evidence: Vec<EvidenceRef>,
    ) -> Alert {
        why.extend(who_sentence(seen));
        let (weight, because) = self.weight(seen);
        why.extend(because);
        why.push(format!("Rule: {} (version {}).", rule.title, rule.version));
        let first_at = evidence.iter().map(|e| e.at).min().unwrap_or(seen.at);
        let count = u32::try_from(evidence.len()).unwrap_or(u32::MAX);
        evidence.truncate(Alert::EVIDENCE_MAX);
        Alert {
            rule: rule.id.clone(),
            rule_version: rule.version,
            theme,
            severity,
            rank: severity.base_rank() + weight,
            who: seen.who.clone(),
            roles: seen.subject.roles.clone(),
            why,
            key: format!("{}/{}/{}", rule.id, about, subject_key(seen)),
            evidence,
            first_at,
            last_at: seen.at,
            count,
        }
    }

    /// Weights stay below a hundred together: an alert ranks higher among its equals.
    fn weight(&self, seen: &Seen) -> (u32, Vec<String>) {
        let weights = self.rules.weights;
        let (mut weight, mut because) = (0, Vec::new());
        if seen.subject.roles.contains(&Role::Pupil)
            && seen
                .subject
                .year
                .is_some_and(|year| year <= weights.young_up_to)
        {
            weight += weights.young;
            because.push("It ranks higher because the pupil is young.".to_owned());
        }
        if seen.subject.vulnerable {
            weight += weights.vulnerable;
            because.push(
                "It ranks higher because a vulnerability is noted for this pupil.".to_owned(),
            );
        }
        (weight.min(90), because)
    }

    fn fold(&mut self, alert: Alert) -> Raised {
        let window = SignedDuration::from_mins(i64::from(self.rules.fold_minutes));
        let again = self
            .open
            .get(&alert.key)
            .is_some_and(|last| alert.last_at.duration_since(*last) <= window);
        self.room_for_open(&alert.key);
        let last = self.open.entry(alert.key.clone()).or_insert(alert.last_at);
        *last = (*last).max(alert.last_at);
        if again {
            Raised::Again(alert)
        } else {
            Raised::New(alert)
        }
    }

    fn room_for_open(&mut self, key: &str) {
        if !self.open.contains_key(key) && self.open.len() >= self.limits.open {
            self.counts.open_dropped += drop_oldest(&mut self.open, self.limits.open, |last| *last);
        }
    }

    fn room_for_counter(&mut self, key: &(String, String)) {
        if !self.counters.contains_key(key) && self.counters.len() >= self.limits.counters {
            self.counts.counters_dropped +=
                drop_oldest(&mut self.counters, self.limits.counters, |c| c.last);
        }
    }
}

/// Makes room by forgetting the tenth that was seen longest ago; how many went.
fn drop_oldest<K: Ord + Clone, V>(
    map: &mut BTreeMap<K, V>,
    limit: usize,
    at: impl Fn(&V) -> Timestamp,
) -> u64 {
    let mut ages: Vec<(Timestamp, K)> = map
        .iter()
        .map(|(key, value)| (at(value), key.clone()))
        .collect();
    ages.sort();
    let going: BTreeSet<K> = ages
        .into_iter()
        .take(limit / 10 + 1)
        .map(|(_, key)| key)
        .collect();
    let before = map.len();
    map.retain(|key, _| !going.contains(key));
    (before - map.len()) as u64
}

fn subject_key(seen: &Seen) -> String {
    match &seen.who {
        Who::Known { person, .. } => person.to_string(),
        Who::Unknown { .. } => format!("device {}", seen.device_address),
    }
}

/// How sure the name is: a guess is never presented as certain (MON-02).
fn who_sentence(seen: &Seen) -> Option<String> {
    match &seen.who {
        Who::Known {
            confidence: Confidence::Certain,
            ..
        } => None,
        Who::Known { .. } => {
            Some("It is likely, not certain, that this person was at the device.".to_owned())
        }
        Who::Unknown { .. } => {
            Some("Person not known: nobody had signed in on the device.".to_owned())
        }
    }
}
