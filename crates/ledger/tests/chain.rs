//! AUD-01: an edited, removed, moved or added row is named.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use jiff::Timestamp;
use pharos_ledger::{Detail, Entry, Head, Kind, Line, verify};
use proptest::prelude::*;

fn chain(length: u64) -> Vec<Entry> {
    let mut head: Option<Head> = None;
    (0..length)
        .map(|n| {
            let at = Timestamp::from_microsecond(1_790_000_000_000_000 + n as i64).unwrap();
            let detail = Detail::new().number("n", n as i64);
            let entry =
                Line::new(at, "person:x", "case.read", "school", &detail).chain(head.as_ref());
            head = Some(entry.head());
            entry
        })
        .collect()
}

fn check(rows: Vec<Entry>, head: Option<Head>) -> Result<(), (u64, Kind)> {
    verify(rows, head.as_ref())
        .map(|_| ())
        .map_err(|broken| (broken.seq, broken.kind))
}

/// AUD-01: an untouched chain is whole and its end is known.
#[test]
fn aud_01_a_whole_chain_is_whole() {
    let rows = chain(5);
    let head = rows.last().map(Entry::head);
    assert_eq!(verify(rows, head.as_ref()), Ok(head));
    assert_eq!(verify(Vec::new(), None), Ok(None));
}

/// AUD-01: rows renumbered after a removal do not hide it.
#[test]
fn aud_01_a_removal_with_new_numbers_is_named() {
    let mut rows = chain(6);
    let head = rows.last().map(Entry::head);
    rows.remove(2);
    for row in &mut rows[2..] {
        row.seq -= 1;
    }
    assert_eq!(check(rows, head), Err((3, Kind::Removed)));
}

/// AUD-01: a chain computed anew from an edited row does not meet the head kept apart.
#[test]
fn aud_01_a_recomputed_chain_does_not_meet_the_head() {
    let rows = chain(4);
    let head = rows.last().map(Entry::head);
    let mut last: Option<Head> = None;
    let forged: Vec<Entry> = rows
        .into_iter()
        .map(|mut row| {
            row.line.actor = "person:y".to_owned();
            let entry = row.line.chain(last.as_ref());
            last = Some(entry.head());
            entry
        })
        .collect();
    assert_eq!(check(forged, head), Err((4, Kind::Edited)));
}

/// AUD-01: a row whose own hash was made anew is the one named, not the row after it.
#[test]
fn aud_01_an_edit_with_a_new_hash_is_named() {
    let mut rows = chain(4);
    let head = rows.last().map(Entry::head);
    rows[1].line.act = "setting.change".to_owned();
    rows[1].hash = rows[1].true_hash();
    assert_eq!(check(rows, head), Err((2, Kind::Edited)));
}

proptest! {
    /// AUD-01: whichever column of whichever row is changed, that row is named as edited.
    #[test]
    fn aud_01_any_edit_is_named(length in 1u64..40, row in any::<prop::sample::Index>(), column in 0..7, with in "[a-z]{1,8}") {
        let mut rows = chain(length);
        let head = rows.last().map(Entry::head);
        let place = row.index(rows.len());
        let target = &mut rows[place];
        match column {
            0 => target.line.actor.push_str(&with),
            1 => target.line.act.push_str(&with),
            2 => target.line.subject.push_str(&with),
            3 => target.line.detail.push_str(&with),
            4 => target.line.at = Timestamp::from_microsecond(target.line.at.as_microsecond() + 1).unwrap(),
            5 => target.prev.0[3] ^= 1,
            _ => target.hash.0[3] ^= 1,
        }
        prop_assert_eq!(check(rows, head), Err((place as u64 + 1, Kind::Edited)));
    }

    /// AUD-01: whichever run of rows is removed, the first of them is named.
    #[test]
    fn aud_01_any_removal_is_named(length in 1u64..40, from in any::<prop::sample::Index>(), count in 1usize..5) {
        let mut rows = chain(length);
        let head = rows.last().map(Entry::head);
        let from = from.index(rows.len());
        let to = (from + count).min(rows.len());
        rows.drain(from..to);
        prop_assert_eq!(check(rows, head), Err((from as u64 + 1, Kind::Removed)));
    }

    /// AUD-01: two rows that change places are named, whether they keep their numbers or swap them.
    #[test]
    fn aud_01_any_swap_is_named(length in 2u64..40, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), renumber: bool) {
        let mut rows = chain(length);
        let head = rows.last().map(Entry::head);
        let (a, b) = (a.index(rows.len()), b.index(rows.len()));
        prop_assume!(a != b);
        rows.swap(a, b);
        if renumber {
            let (first, second) = (rows[a].seq, rows[b].seq);
            rows[a].seq = second;
            rows[b].seq = first;
        }
        prop_assert_eq!(check(rows, head), Err((a.min(b) as u64 + 1, Kind::Reordered)));
    }

    /// AUD-01: rows that the system did not write are named.
    #[test]
    fn aud_01_any_added_tail_is_named(length in 1u64..40, more in 1u64..5) {
        let rows = chain(length + more);
        let head = rows.get(length as usize - 1).map(Entry::head);
        prop_assert_eq!(check(rows, head), Err((length + 1, Kind::Added)));
    }
}
