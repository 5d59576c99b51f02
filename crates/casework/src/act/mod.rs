//! Acts on a case: a command becomes entries, or is refused with the reason and what to do.
//!
//! Every rule of a procedure is kept here: gates, required steps, prohibitions, the parents
//! decision, the closing conditions. Nothing else writes entries.

mod bodies;
mod check;
mod decide;
mod filing;

use jiff::Timestamp;
use pharos_school::{CaseId, EntryId};

use crate::command::{Command, Hand};
use crate::concern::Concern;
use crate::entry::{ENTRY_VERSION, Entry, EntryBody};
use crate::procedure::{Party, Procedure};
use crate::state::CaseState;

/// Most entries a case may have. At the bound a case takes no more; a linked concern goes on.
pub const ENTRIES_MAX: u32 = 5_000;

/// The act does not happen, and the person sees why (what "refuse" means in the requirements).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why} {instead}")]
pub struct Refusal {
    /// What was asked.
    pub what: String,
    /// Why it does not happen.
    pub why: String,
    /// What to do.
    pub instead: String,
    /// The entry that records a forbidden attempt; to be stored although the act was refused.
    pub entry: Option<Box<Entry>>,
}

impl Refusal {
    /// A refusal that leaves no entry.
    pub fn new(what: &str, why: impl Into<String>, instead: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            why: why.into(),
            instead: instead.into(),
            entry: None,
        }
    }
}

/// Opens a case from a concern. Anyone can (CON-01). A report by a pupil stands as accidental
/// until somebody decides otherwise (BRE-01).
///
/// # Errors
/// The form's first problem; [`Concern::problems`] lists them all.
pub fn open(
    case: CaseId,
    procedure: &Procedure,
    concern: Concern,
    hand: &Hand,
    now: Timestamp,
    new_id: &mut dyn FnMut() -> EntryId,
) -> Result<Vec<Entry>, Refusal> {
    if let Some(problem) = concern.problems(now).into_iter().next() {
        return Err(Refusal::new(
            "Report",
            "The form is not complete.",
            problem.message,
        ));
    }
    let body = EntryBody::Report {
        concern: Box::new(concern),
        procedure: procedure.reference.clone(),
    };
    Ok(vec![Entry {
        v: ENTRY_VERSION,
        id: new_id(),
        case,
        seq: 1,
        at: now,
        by: hand.author,
        body,
    }])
}

/// Applies a command to a case: the entries to append, in order, or why not.
///
/// `procedure` is the version the case names. Where the clock went backwards, entries keep the
/// time of the last one, so that they stay in order.
///
/// # Errors
/// [`Refusal`]; where it carries an entry, that entry is to be stored.
pub fn act(
    state: &CaseState,
    procedure: &Procedure,
    command: Command,
    hand: &Hand,
    now: Timestamp,
    new_id: &mut dyn FnMut() -> EntryId,
) -> Result<Vec<Entry>, Refusal> {
    let now = now.max(state.last_at);
    let room = state.entries < ENTRIES_MAX || matches!(command, Command::Close { .. });
    if !room {
        return Err(Refusal::new(
            "Add to the case",
            format!("The case has {ENTRIES_MAX} entries, the most a case may have."),
            "Close it and go on in a linked concern.",
        ));
    }
    let mut number = state.entries;
    let mut entry = |body| {
        number += 1;
        Entry {
            v: ENTRY_VERSION,
            id: new_id(),
            case: state.case,
            seq: number,
            at: now,
            by: hand.author,
            body,
        }
    };
    match check::allowed(state, procedure, &command, hand) {
        Ok(()) => {}
        Err(check::Stop::Plain(refusal)) => return Err(refusal),
        Err(check::Stop::Forbidden(mut refusal)) => {
            let body = EntryBody::Refused {
                attempt: refusal.what.clone(),
                why: refusal.why.clone(),
            };
            refusal.entry = Some(Box::new(entry(body)));
            return Err(refusal);
        }
    }
    let bodies = bodies::bodies(state, procedure, command, hand, now)?;
    Ok(bodies.into_iter().map(entry).collect())
}

/// Who has to be told that this entry was written, besides those who work on the case
/// (BRE-05: leadership when a supplier is at fault; the head the same day when the matter may be
/// illegal). Notices carry a link, never what the entry says.
pub fn tells(body: &EntryBody) -> &'static [Party] {
    use crate::procedure::Flag;
    match body {
        EntryBody::Report { .. } | EntryBody::Reopened { .. } => &[Party::Lead],
        EntryBody::SupplierReport { .. } => &[Party::Leadership],
        EntryBody::MarkedMayBeIllegal { .. } => &[Party::Lead, Party::Head],
        EntryBody::ImmediateDanger { yes: true } => &[Party::Lead, Party::Head],
        EntryBody::DecisionMade { sets, .. }
            if sets
                .iter()
                .any(|f| matches!(f, Flag::SeveralGroups | Flag::MayBeIllegal)) =>
        {
            &[Party::Head]
        }
        EntryBody::Contained { .. } => &[Party::Lead, Party::Technical],
        _ => &[],
    }
}
