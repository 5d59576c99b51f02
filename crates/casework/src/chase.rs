//! The chase until somebody acknowledges (CON-03, CLK-02). Shared by concerns and alerts.

use jiff::{SignedDuration, Timestamp};
use pharos_school::Role;
use serde::{Deserialize, Serialize};

/// One rung of the ladder: who is told, how long after the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Minutes after the report.
    pub after_minutes: u32,
    /// The roles told.
    pub to: Vec<Role>,
}

/// Who is told of a new concern or alert, and who next while nobody acknowledges
/// (`con.notify`, `con.ack_minutes`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChaseSettings {
    /// The ladder, in the order of time. The first rung stands at 0 minutes.
    pub rungs: Vec<Rung>,
}

impl ChaseSettings {
    /// `first` at once, the deputy after `ack_minutes`, the head after twice as long: by default
    /// 30 and 60.
    pub fn usual(first: &[Role], ack_minutes: u32) -> Self {
        Self {
            rungs: vec![
                Rung {
                    after_minutes: 0,
                    to: first.to_vec(),
                },
                Rung {
                    after_minutes: ack_minutes,
                    to: vec![Role::Deputy],
                },
                Rung {
                    after_minutes: ack_minutes.saturating_mul(2),
                    to: vec![Role::Head],
                },
            ],
        }
    }

    /// The same times with other people: everybody of `to` on every rung. For matters about staff,
    /// which are chased among those of their own route and reach nobody else (CON-03, MON-13).
    #[must_use]
    pub fn among(&self, to: &[Role]) -> Self {
        Self {
            rungs: self
                .rungs
                .iter()
                .map(|rung| Rung {
                    after_minutes: rung.after_minutes,
                    to: to.to_vec(),
                })
                .collect(),
        }
    }

    /// A ladder with one rung: for alerts about staff, which go to one person only.
    pub fn only(role: Role) -> Self {
        Self {
            rungs: vec![Rung {
                after_minutes: 0,
                to: vec![role],
            }],
        }
    }
}

impl Default for ChaseSettings {
    fn default() -> Self {
        Self::usual(&[Role::Lead], 30)
    }
}

/// A notice whose time has come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NoticeDue {
    /// The rung, from 0: with the case or alert it says which notices were already sent.
    pub rung: u16,
    /// Who is told.
    pub to: Role,
    /// When it fell due.
    pub due_at: Timestamp,
}

/// Every notice whose time has come. An acknowledgement stops the rungs that lie after it; those
/// that fell due before are still listed, so that a server that slept catches up.
pub fn chase(
    reported_at: Timestamp,
    acknowledged_at: Option<Timestamp>,
    settings: &ChaseSettings,
    now: Timestamp,
) -> Vec<NoticeDue> {
    let mut due = Vec::new();
    for (number, rung) in settings.rungs.iter().enumerate() {
        let due_at = add_minutes(reported_at, rung.after_minutes);
        // The first rung is always told: an acknowledgement cannot come before the notice.
        let stopped = number > 0 && acknowledged_at.is_some_and(|at| at <= due_at);
        if due_at > now || stopped {
            continue;
        }
        due.extend(rung.to.iter().map(|to| NoticeDue {
            rung: u16::try_from(number).unwrap_or(u16::MAX),
            to: *to,
            due_at,
        }));
    }
    due
}

/// `at` plus minutes; stays at the end of time rather than failing.
pub(crate) fn add_minutes(at: Timestamp, minutes: u32) -> Timestamp {
    at.checked_add(SignedDuration::from_mins(i64::from(minutes)))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minutes * 60).unwrap()
    }

    fn told(acknowledged: Option<i64>, now: i64) -> Vec<(Role, i64)> {
        chase(
            at(0),
            acknowledged.map(at),
            &ChaseSettings::default(),
            at(now),
        )
        .into_iter()
        .map(|notice| (notice.to, notice.due_at.duration_since(at(0)).as_mins()))
        .collect()
    }

    /// CON-03, CLK-02: the lead at once, the deputy at 30 minutes, the head at 60.
    #[test]
    fn con_03_the_chase_runs_lead_deputy_head() {
        assert_eq!(told(None, 0), [(Role::Lead, 0)]);
        assert_eq!(told(None, 29), [(Role::Lead, 0)]);
        assert_eq!(told(None, 30), [(Role::Lead, 0), (Role::Deputy, 30)]);
        assert_eq!(
            told(None, 60),
            [(Role::Lead, 0), (Role::Deputy, 30), (Role::Head, 60)]
        );
    }

    /// CLK-02: the chain of notices stops on acknowledgement.
    #[test]
    fn clk_02_the_chase_stops_when_somebody_acknowledges() {
        assert_eq!(told(Some(10), 600), [(Role::Lead, 0)]);
        assert_eq!(told(Some(45), 600), [(Role::Lead, 0), (Role::Deputy, 30)]);
    }
}
