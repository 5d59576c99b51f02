//! Between `casework`'s values and the rows of `records`.

use pharos_access::Partition;
use pharos_casework::{CaseState, ENTRY_VERSION, Entry, Level, Part, RecordKind};
use pharos_records::{CaseChange, CaseEntry, NewCase, NewEntry};

use crate::Error;

/// An entry as a row: the whole entry as versioned JSON, sealed by the store.
pub(super) fn new_entry(entry: &Entry) -> Result<NewEntry, Error> {
    let body = crate::overrides::json(entry)?;
    let kind = serde_json::to_value(&entry.body)
        .ok()
        .and_then(|value| {
            value
                .get("entry")
                .and_then(|kind| kind.as_str().map(str::to_owned))
        })
        .unwrap_or_else(|| "entry".to_owned());
    Ok(NewEntry {
        id: entry.id,
        at: entry.at,
        kind,
        body,
    })
}

/// A row as an entry.
pub(super) fn entry(row: &CaseEntry) -> Result<Entry, Error> {
    let entry: Entry = serde_json::from_slice(&row.body)
        .map_err(|error| Error::unavailable("reading a case entry", &error))?;
    if entry.v > ENTRY_VERSION {
        return Err(Error::invalid(
            "This case holds entries written by a newer Pharos. Install the newer version again to read it.",
        ));
    }
    Ok(entry)
}

/// What entries change in the header.
pub(super) fn change(header: &NewCase, state: &CaseState) -> CaseChange {
    CaseChange {
        kind: Some(header.kind.clone()),
        partition: Some(header.partition),
        state: Some(header.state.clone()),
        outcome: state
            .closed
            .as_ref()
            .map(|closed| closed.outcome.title().to_owned()),
        title: Some(header.title.clone()),
        involved: Some(header.involved.clone()),
        conflicts: None,
        acknowledged_at: state.acknowledged.map(|mark| mark.at),
        owner: header.owner,
        due_at: Some(header.due_at),
        rank: Some(header.rank),
        closed_at: state.closed.as_ref().map(|closed| closed.mark.at),
    }
}

/// The part as need-to-know knows it.
pub(super) fn part(part: Part) -> pharos_access::Part {
    match part {
        Part::Harmed => pharos_access::Part::Harmed,
        Part::AllegedToHaveHarmed | Part::ReachedMaterial => pharos_access::Part::Alleged,
        Part::Witness => pharos_access::Part::Witness,
        Part::Other => pharos_access::Part::Other,
    }
}

/// Safeguarding until the lead has said that it is something else (CON-05).
pub(super) fn partition(state: &CaseState) -> Partition {
    match state
        .classified
        .as_ref()
        .map(|classified| classified.record)
    {
        None | Some(RecordKind::Safeguarding) => Partition::Safeguarding,
        Some(RecordKind::Behaviour | RecordKind::Technical) => Partition::Incident,
    }
}

/// Where it stands, in one word for lists.
pub(super) fn state_word(state: &CaseState) -> &'static str {
    if state.closed.is_some() {
        "closed"
    } else if state.acknowledged.is_none() {
        "new"
    } else if state.classified.is_none() {
        "acknowledged"
    } else {
        "in hand"
    }
}

/// 0 to 100: danger first, then what may be illegal, then what is high or late.
pub(super) fn rank(state: &CaseState, overdue: usize) -> i64 {
    if state.closed.is_some() {
        return 0;
    }
    let mut rank = 30;
    if state.danger.is_some_and(|(yes, _)| yes) || state.concern.danger == Some(true) {
        rank += 60;
    }
    if state.has(pharos_casework::Flag::MayBeIllegal) {
        rank += 30;
    }
    rank += match state.classified.as_ref().map(|classified| classified.level) {
        Some(Level::High) => 25,
        Some(Level::Low) => -10,
        _ => 0,
    };
    if state.acknowledged.is_none() {
        rank += 15;
    }
    (rank + i64::try_from(overdue.min(5)).unwrap_or(5) * 3).clamp(0, 100)
}
