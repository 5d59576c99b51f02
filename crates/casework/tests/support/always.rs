//! What holds whatever anybody does.

use super::chance::*;
use super::desk::*;
use pharos_casework::*;
use proptest::prelude::*;

/// One act, and what must hold after it whatever it was.
fn step(desk: &mut Desk, who: Someone, command: Command) -> Result<(), TestCaseError> {
    let before = desk.entries.clone();
    let closing = matches!(command, Command::Close { .. });
    let missing = missing_to_close(&desk.state(), &desk.procedure);
    let done = desk.tries(who, command).is_ok();
    prop_assert!(desk.entries.starts_with(&before), "entries only grow");
    let state = desk.state();
    prop_assert_eq!(&state, &desk.state(), "replay is deterministic");
    if closing && done {
        prop_assert_eq!(missing, vec![]);
        let told = |p| {
            matches!(
                state.parents_of(p),
                ParentsStanding::Told(_) | ParentsStanding::NotTold(_)
            )
        };
        prop_assert!(state.pupils().into_iter().all(told));
        prop_assert!(
            state.acknowledged.is_some() && state.classified.is_some() && state.danger.is_some()
        );
        prop_assert!(state.fix.is_some() && state.debrief.is_some() && !state.lessons.is_empty());
        prop_assert!(state.open_actions().next().is_none());
        prop_assert!(
            state
                .referrals
                .iter()
                .all(|referral| referral.answered_at.is_some())
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// PRO-01, BRE-03, CON-13: no sequence of acts by anybody closes a case before its closing
    /// conditions hold; entries only grow, and reading them again gives the same case. The
    /// sequences are a breach worked to its end with parts left out and other acts mixed in.
    #[test]
    fn pro_01_no_sequence_of_acts_closes_too_early(
        left_out in prop::collection::vec(prop::bool::weighted(0.04), 30),
        mixed_in in prop::collection::vec((0_usize..30, 0_usize..HANDS.len(), 0_usize..COMMANDS, 0_u8..4), 0..12),
    ) {
        let mut desk = Desk::breach();
        for (at, (_, who, command)) in desk.script().into_iter().enumerate() {
            for (_, hand, command, twist) in mixed_in.iter().filter(|(place, ..)| *place == at) {
                let command = desk.any_command(*command, *twist);
                step(&mut desk, HANDS[*hand], command)?;
            }
            if !left_out[at] {
                step(&mut desk, who, command)?;
            }
            step(&mut desk, LEAD, close())?;
            desk.later(7);
        }
    }

    /// PRO-01: a tightened procedure never permits what the shipped one refuses.
    #[test]
    fn pro_01_a_tightened_procedure_never_permits_more(
        which in prop::collection::vec(0_usize..TIGHTENINGS.len(), 1..4),
        moves in prop::collection::vec((0_usize..HANDS.len(), 0_usize..COMMANDS, 0_u8..4), 1..60),
    ) {
        let base = filter_breach().unwrap();
        let mut text = String::from("procedure = \"filter-breach\"\nversion = 1\n");
        let chosen: std::collections::BTreeSet<usize> = which.into_iter().collect();
        for at in chosen {
            text.push_str(TIGHTENINGS[at]);
        }
        let tight = tighten(&base, &Change::parse(&text).unwrap()).unwrap();
        let mut desk = Desk::breach();
        for (hand, command, twist) in moves {
            let command = desk.any_command(command, twist);
            let state = desk.state();
            let hand = HANDS[hand];
            let by_base = act(&state, &base, command.clone(), &hand.hand(), desk.now, &mut ids(9_000));
            let by_tight = act(&state, &tight, command.clone(), &hand.hand(), desk.now, &mut ids(9_000));
            prop_assert!(by_base.is_ok() || by_tight.is_err(), "{command:?}");
            let _ = desk.tries(hand, command);
            desk.later(7);
        }
    }
}

/// Entries are kept as JSON and read back as they were.
#[test]
fn entries_read_back_from_json() {
    let mut desk = Desk::breach();
    desk.work_to_the_end();
    desk.does(LEAD, close());
    let json = serde_json::to_string(&desk.entries).unwrap();
    let back: Vec<Entry> = serde_json::from_str(&json).unwrap();
    assert_eq!(back, desk.entries);
    assert!(json.contains(r#""entry":"report""#));
}

/// A removed, swapped or foreign entry is named.
#[test]
fn broken_entries_are_named() {
    let mut desk = Desk::breach();
    desk.work_to_the_end();
    let mut entries = desk.entries.clone();
    entries.remove(3);
    assert_eq!(
        CaseState::replay(&entries),
        Err(Broken::Gap {
            expected: 4,
            found: 5
        })
    );
    assert_eq!(CaseState::replay(&[]), Err(Broken::Empty));
    assert_eq!(
        CaseState::replay(&desk.entries[1..]),
        Err(Broken::Gap {
            expected: 1,
            found: 2
        })
    );
    let mut foreign = desk.entries.clone();
    foreign[2].case = OTHER_CASE;
    assert_eq!(
        CaseState::replay(&foreign),
        Err(Broken::OtherCase { seq: 3 })
    );
}
