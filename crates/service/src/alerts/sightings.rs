//! Repetitions of an open alert, gathered in memory and written a few times a minute: a browser that
//! tries a blocked page a hundred times a second must not cost a hundred writes a second.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pharos_monitor::{Alert, Raised, Seen};

/// How long repetitions of one alert are gathered.
const GATHER: SignedDuration = SignedDuration::from_secs(10);

/// How many alerts are gathered for at once; beyond that repetitions are written as they come.
const KEYS_MAX: usize = 10_000;

/// Something to be written: a new alert, or the repetitions of one since the last writing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sighting {
    pub(super) noticed: Alert,
    pub(super) words: Option<Words>,
}

/// The words that were searched for, or asked of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) asked_of: Option<String>,
}

impl Words {
    pub(super) fn of(seen: &Seen) -> Option<Self> {
        Some(Self {
            text: seen.search.clone()?,
            asked_of: seen.asked_of.clone(),
        })
    }
}

#[derive(Debug, Default)]
struct Gathered {
    written_at: Timestamp,
    held: Option<Sighting>,
}

/// What is gathered, by the alerts' keys.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    by_key: BTreeMap<String, Gathered>,
}

impl Sightings {
    /// Takes in what the rules raised; gives it back when it is to be written now. New alerts always are.
    pub(super) fn take(
        &mut self,
        raised: Raised,
        words: Option<Words>,
        now: Timestamp,
    ) -> Option<Sighting> {
        let (is_new, noticed) = match raised {
            Raised::New(alert) => (true, alert),
            Raised::Again(alert) => (false, alert),
        };
        self.forget_old(now);
        if self.by_key.len() >= KEYS_MAX && !self.by_key.contains_key(&noticed.key) {
            return Some(Sighting { noticed, words });
        }
        let gathered = self.by_key.entry(noticed.key.clone()).or_default();
        let sighting = match gathered.held.take() {
            Some(mut held) => {
                held.noticed.fold(&noticed);
                Sighting {
                    words: words.or(held.words),
                    noticed: held.noticed,
                }
            }
            None => Sighting { noticed, words },
        };
        if is_new || now.duration_since(gathered.written_at) >= GATHER {
            gathered.written_at = now;
            return Some(sighting);
        }
        gathered.held = Some(sighting);
        None
    }

    /// What was gathered for long enough.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Sighting> {
        let mut due = Vec::new();
        for gathered in self.by_key.values_mut() {
            if now.duration_since(gathered.written_at) >= GATHER
                && let Some(held) = gathered.held.take()
            {
                gathered.written_at = now;
                due.push(held);
            }
        }
        self.forget_old(now);
        due
    }

    fn forget_old(&mut self, now: Timestamp) {
        if self.by_key.len() > KEYS_MAX / 2 {
            self.by_key.retain(|_, gathered| {
                gathered.held.is_some() || now.duration_since(gathered.written_at) < GATHER
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use pharos_casework::Harm;
    use pharos_monitor::Severity;
    use pharos_school::{Unknown, Who};

    use super::*;

    fn alert(at: Timestamp) -> Alert {
        Alert {
            rule: "drugs".into(),
            rule_version: 1,
            theme: Harm::WrongForAge,
            severity: Severity::Medium,
            rank: 200,
            who: Who::Unknown {
                why: Unknown::NoSignIn,
                device: None,
            },
            roles: Vec::new(),
            why: Vec::new(),
            key: "drugs:x".into(),
            evidence: Vec::new(),
            first_at: at,
            last_at: at,
            count: 1,
        }
    }

    /// MON-03: repetitions fold into one alert; none is lost, few are written.
    #[test]
    fn mon_03_repetitions_are_gathered_and_none_is_lost() {
        let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let mut sightings = Sightings::default();
        let mut written = vec![
            sightings
                .take(Raised::New(alert(start)), None, start)
                .unwrap(),
        ];
        for second in 1..=600_i64 {
            let at = start + SignedDuration::from_millis(second * 100);
            written.extend(sightings.take(Raised::Again(alert(at)), None, at));
        }
        written.extend(sightings.due(start + SignedDuration::from_secs(90)));
        assert_eq!(
            written
                .iter()
                .map(|sighting| sighting.noticed.count)
                .sum::<u32>(),
            601
        );
        assert!(written.len() <= 9, "{}", written.len());
    }
}
