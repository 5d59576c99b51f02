//! The life of an alert: raised, notified, acknowledged, assigned, opened as a concern or closed.
//! Entries only grow; it cannot close without explanation and outcome (MON-04).

use jiff::Timestamp;
use pharos_casework::{Author, Hand, NoticeDue, Refusal, TEXT_CHARS_MAX, chase};
use pharos_school::{AlertId, CaseId, EntryId, PersonId, Role};
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::route::{Recipients, route};

/// The version of the stored form that this code writes.
pub const ALERT_ENTRY_VERSION: u16 = 1;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertOutcome {
    /// Schoolwork, or otherwise in order.
    InOrder,
    /// Talked through with the person.
    TalkedThrough,
    /// Support was arranged.
    Support,
    /// Handled under the behaviour policy, or for staff the code of conduct.
    Behaviour,
    /// It became a concern.
    BecameConcern,
    /// The rule or a list was wrong; the technical team was told.
    RuleWrong,
}

impl AlertOutcome {
    /// Every outcome.
    pub const ALL: &'static [AlertOutcome] = &[
        AlertOutcome::InOrder,
        AlertOutcome::TalkedThrough,
        AlertOutcome::Support,
        AlertOutcome::Behaviour,
        AlertOutcome::BecameConcern,
        AlertOutcome::RuleWrong,
    ];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            AlertOutcome::InOrder => "in-order",
            AlertOutcome::TalkedThrough => "talked-through",
            AlertOutcome::Support => "support",
            AlertOutcome::Behaviour => "behaviour",
            AlertOutcome::BecameConcern => "became-a-concern",
            AlertOutcome::RuleWrong => "rule-wrong",
        }
    }
}

/// One dated entry of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEntry {
    /// The version of the stored form.
    pub v: u16,
    /// Its own id.
    pub id: EntryId,
    /// The alert.
    pub alert: AlertId,
    /// Its number, from 1, without gaps.
    pub seq: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// By whom.
    pub by: Author,
    /// What it says.
    pub body: AlertBody,
}

/// What an alert's entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum AlertBody {
    /// Raised; always the first.
    Raised {
        /// The alert.
        alert: Box<Alert>,
    },
    /// Seen again.
    Again {
        /// The sighting.
        alert: Box<Alert>,
    },
    /// Somebody was told.
    Notified {
        /// The role.
        to: Role,
        /// The rung of the ladder.
        rung: u16,
    },
    /// Somebody has it.
    Acknowledged,
    /// A colleague was asked to talk with the pupil; they see this alert alone.
    Assigned {
        /// Who.
        to: PersonId,
        /// What they are asked.
        ask: String,
    },
    /// A note, such as the pupil's reason.
    Noted {
        /// The text.
        text: String,
    },
    /// A concern was opened from it.
    Opened {
        /// The case.
        case: CaseId,
    },
    /// Closed.
    Closed {
        /// The explanation.
        explanation: String,
        /// The outcome.
        outcome: AlertOutcome,
    },
}

/// What is asked of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "each field means what the entry of the same name says"
)]
pub enum AlertCommand {
    /// Seen again.
    SeeAgain { alert: Box<Alert> },
    /// Somebody was told.
    Notify { to: Role, rung: u16 },
    /// I have it.
    Acknowledge,
    /// Ask a colleague.
    Assign { to: PersonId, ask: String },
    /// A note.
    Note { text: String },
    /// A concern was opened from it.
    Open { case: CaseId },
    /// Close.
    Close {
        explanation: String,
        outcome: AlertOutcome,
    },
}

/// Where it is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertStage {
    /// Raised, nobody told yet.
    Raised,
    /// Somebody was told.
    Notified,
    /// Somebody has it.
    Acknowledged,
    /// A colleague was asked.
    Assigned,
    /// It goes on as a case.
    Opened,
    /// Closed.
    Closed,
}

/// An alert as its entries say it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertState {
    /// Its id.
    pub id: AlertId,
    /// The alert, with later sightings folded in.
    pub alert: Alert,
    /// How many entries.
    pub entries: u32,
    /// When the last entry was recorded.
    pub last_at: Timestamp,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// Notices sent: rung and role.
    pub notified: Vec<(u16, Role, Timestamp)>,
    /// Who acknowledged it first (or opened or closed it without), and when.
    pub acknowledged: Option<(Author, Timestamp)>,
    /// The colleague asked last.
    pub assigned: Option<PersonId>,
    /// The case it became.
    pub case: Option<CaseId>,
    /// When it was closed and how.
    pub closed: Option<(AlertOutcome, Timestamp)>,
}

/// The entries do not make an alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenAlert {
    /// None, or the first does not raise it.
    #[error(
        "the alert's first entry does not raise it; run the audit check and restore it from a backup"
    )]
    NotRaised,
    /// A gap, or an entry of another alert.
    #[error("entry {0} of the alert is missing, doubled or of another alert; run the audit check")]
    Gap(u32),
    /// Written by a newer version.
    #[error("entry {0} of the alert was written by a newer version of Pharos; upgrade this server")]
    Newer(u32),
}

impl AlertState {
    /// Reads an alert from its entries.
    ///
    /// # Errors
    /// [`BrokenAlert`] says which entry does not fit.
    pub fn replay(entries: &[AlertEntry]) -> Result<Self, BrokenAlert> {
        let (first, rest) = entries.split_first().ok_or(BrokenAlert::NotRaised)?;
        let AlertBody::Raised { alert } = &first.body else {
            return Err(BrokenAlert::NotRaised);
        };
        let mut state = Self {
            id: first.alert,
            alert: (**alert).clone(),
            entries: 0,
            last_at: first.at,
            raised_at: first.at,
            notified: Vec::new(),
            acknowledged: None,
            assigned: None,
            case: None,
            closed: None,
        };
        state.take(first, 1)?;
        for (entry, number) in rest.iter().zip(2..) {
            state.take(entry, number)?;
        }
        Ok(state)
    }

    fn take(&mut self, entry: &AlertEntry, number: u32) -> Result<(), BrokenAlert> {
        if entry.seq != number || entry.alert != self.id {
            return Err(BrokenAlert::Gap(number));
        }
        if entry.v > ALERT_ENTRY_VERSION {
            return Err(BrokenAlert::Newer(number));
        }
        (self.entries, self.last_at) = (entry.seq, entry.at);
        match &entry.body {
            AlertBody::Raised { .. } | AlertBody::Noted { .. } => {}
            AlertBody::Again { alert } => self.alert.fold(alert),
            AlertBody::Notified { to, rung } => self.notified.push((*rung, *to, entry.at)),
            AlertBody::Acknowledged => {
                self.acknowledged.get_or_insert((entry.by, entry.at));
            }
            AlertBody::Assigned { to, .. } => self.assigned = Some(*to),
            // Whoever opens a concern from it, or closes it, has it.
            AlertBody::Opened { case } => {
                self.case = Some(*case);
                self.acknowledged.get_or_insert((entry.by, entry.at));
            }
            AlertBody::Closed { outcome, .. } => {
                self.closed = Some((*outcome, entry.at));
                self.acknowledged.get_or_insert((entry.by, entry.at));
            }
        }
        Ok(())
    }

    /// Where it is in its life.
    pub fn stage(&self) -> AlertStage {
        if self.closed.is_some() {
            AlertStage::Closed
        } else if self.case.is_some() {
            AlertStage::Opened
        } else if self.assigned.is_some() {
            AlertStage::Assigned
        } else if self.acknowledged.is_some() {
            AlertStage::Acknowledged
        } else if self.notified.is_empty() {
            AlertStage::Raised
        } else {
            AlertStage::Notified
        }
    }

    /// Whether somebody is among those it goes to, or was asked to look into it. Never the person
    /// it is about.
    pub fn is_for(&self, hand: &Hand, settings: &Recipients) -> bool {
        let person = hand.author.person();
        if person.is_some() && person == self.alert.person() {
            return false;
        }
        let ladder = route(&self.alert.roles, settings);
        let told = ladder.rungs.iter().any(|rung| hand.has(&rung.to));
        told || (person.is_some() && person == self.assigned)
    }
}

/// The notices whose time has come and that are not sent yet (CLK-02). An acknowledgement stops
/// the chase; opening a concern and closing are one.
pub fn notices(state: &AlertState, settings: &Recipients, now: Timestamp) -> Vec<NoticeDue> {
    let acknowledged = state.acknowledged.map(|(_, at)| at);
    chase(
        state.raised_at,
        acknowledged,
        &route(&state.alert.roles, settings),
        now,
    )
    .into_iter()
    .filter(|due| {
        !state
            .notified
            .iter()
            .any(|(rung, to, _)| (*rung, *to) == (due.rung, due.to))
    })
    .collect()
}

/// The first entry of a new alert.
pub fn raise(id: AlertId, entry: EntryId, alert: Alert, now: Timestamp) -> AlertEntry {
    AlertEntry {
        v: ALERT_ENTRY_VERSION,
        id: entry,
        alert: id,
        seq: 1,
        at: now,
        by: Author::Pharos,
        body: AlertBody::Raised {
            alert: Box::new(alert),
        },
    }
}

/// Applies a command to an alert: the entry to append, or why not.
///
/// # Errors
/// [`Refusal`] says why and what to do.
pub fn act(
    state: &AlertState,
    command: AlertCommand,
    hand: &Hand,
    settings: &Recipients,
    now: Timestamp,
    entry: EntryId,
) -> Result<AlertEntry, Refusal> {
    let what = name(&command);
    if state.closed.is_some() {
        return Err(Refusal::new(
            what,
            "The alert is closed.",
            "If it happens again a new alert is raised.",
        ));
    }
    let by_pharos = matches!(
        command,
        AlertCommand::SeeAgain { .. } | AlertCommand::Notify { .. }
    );
    if by_pharos != (hand.author == Author::Pharos) || (!by_pharos && !state.is_for(hand, settings))
    {
        return Err(Refusal::new(
            what,
            "This alert is not yours.",
            "Ask the person it was sent to.",
        ));
    }
    let assigned_only = !route(&state.alert.roles, settings)
        .rungs
        .iter()
        .any(|rung| hand.has(&rung.to));
    let body = match command {
        AlertCommand::SeeAgain { alert } if alert.key == state.alert.key => {
            AlertBody::Again { alert }
        }
        AlertCommand::SeeAgain { .. } => {
            return Err(Refusal::new(
                what,
                "That is another matter.",
                "Raise it as its own alert.",
            ));
        }
        AlertCommand::Notify { to, rung } => AlertBody::Notified { to, rung },
        AlertCommand::Acknowledge => AlertBody::Acknowledged,
        AlertCommand::Assign { .. } if assigned_only => {
            return Err(Refusal::new(
                what,
                "You were asked to look into it yourself.",
                "Ask the lead to choose somebody else.",
            ));
        }
        AlertCommand::Assign { to, .. } if Some(to) == state.alert.person() => {
            return Err(Refusal::new(
                what,
                "The alert is about that person.",
                "Choose somebody else.",
            ));
        }
        AlertCommand::Assign { to, ask } => AlertBody::Assigned {
            to,
            ask: text(what, "What they are asked", ask)?,
        },
        AlertCommand::Note { text: note } => AlertBody::Noted {
            text: text(what, "The note", note)?,
        },
        AlertCommand::Open { case } => AlertBody::Opened { case },
        AlertCommand::Close {
            outcome: AlertOutcome::BecameConcern,
            ..
        } if state.case.is_none() => {
            return Err(Refusal::new(
                what,
                "No concern was opened from it.",
                "Open one first, or choose another outcome.",
            ));
        }
        AlertCommand::Close {
            explanation,
            outcome,
        } => {
            let explanation = text(what, "The explanation", explanation)?;
            AlertBody::Closed {
                explanation,
                outcome,
            }
        }
    };
    Ok(AlertEntry {
        v: ALERT_ENTRY_VERSION,
        id: entry,
        alert: state.id,
        seq: state.entries + 1,
        at: now.max(state.last_at),
        by: hand.author,
        body,
    })
}

fn text(what: &str, field: &str, text: String) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::new(
            what,
            format!("{field} is missing."),
            "Write it in a sentence or two.",
        ));
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(Refusal::new(
            what,
            format!("{field} is longer than {TEXT_CHARS_MAX} characters."),
            "Shorten it.",
        ));
    }
    Ok(text)
}

fn name(command: &AlertCommand) -> &'static str {
    match command {
        AlertCommand::SeeAgain { .. } => "See again",
        AlertCommand::Notify { .. } => "Notify",
        AlertCommand::Acknowledge => "Acknowledge",
        AlertCommand::Assign { .. } => "Assign",
        AlertCommand::Note { .. } => "Note",
        AlertCommand::Open { .. } => "Open as a concern",
        AlertCommand::Close { .. } => "Close",
    }
}
