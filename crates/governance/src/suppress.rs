//! Small numbers hidden, so that totals do not give them away (ROLE-07).

use std::fmt;

/// A count as governors see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Count {
    /// As it is: none, or five and more.
    Exact(u64),
    /// One to four.
    FewerThanFive,
    /// Five or more, kept back because it would give a small number away.
    NotShown,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Exact(0) => f.write_str("none"),
            Count::Exact(count) => write!(f, "{count}"),
            Count::FewerThanFive => f.write_str("fewer than five"),
            Count::NotShown => f.write_str("not shown"),
        }
    }
}

impl Count {
    /// A count that stands alone.
    pub fn alone(count: u64) -> Self {
        match count {
            1..=4 => Count::FewerThanFive,
            _ => Count::Exact(count),
        }
    }

    fn bounds(self) -> (u64, u64) {
        match self {
            Count::Exact(count) => (count, count),
            Count::FewerThanFive => (1, 4),
            Count::NotShown => (5, u64::MAX),
        }
    }
}

/// The cells of one table that add up to a total.
pub type Cells = Vec<u64>;

/// Shows several tables over one total. What is shown leaves every hidden small number open: with
/// the total and all shown cells known, at least two values remain possible for it. Where that
/// cannot be had, more cells are kept back, and last the total.
///
/// Two reports over overlapping periods can still be held against each other; the report is
/// made for fixed periods for that reason.
pub fn suppress(total: u64, tables: &[Cells]) -> (Count, Vec<Vec<Count>>) {
    let shown_total = Count::alone(total);
    let tries: Vec<Option<Vec<Count>>> = tables
        .iter()
        .map(|cells| with_total(shown_total, total, cells))
        .collect();
    if let Some(shown) = tries.into_iter().collect::<Option<Vec<_>>>() {
        return (shown_total, shown);
    }
    // The total is kept back, and no table may add up to it: in each, something is kept back.
    let hidden = if total < 5 {
        Count::alone(total)
    } else {
        Count::NotShown
    };
    (
        hidden,
        tables.iter().map(|cells| without_total(cells)).collect(),
    )
}

fn with_total(shown_total: Count, total: u64, cells: &[u64]) -> Option<Vec<Count>> {
    let mut shown: Vec<Count> = cells.iter().copied().map(Count::alone).collect();
    if shown_total != Count::Exact(total) {
        return Some(shown);
    }
    loop {
        if is_safe(total, &shown) {
            return Some(shown);
        }
        let smallest = shown
            .iter()
            .enumerate()
            .filter_map(|(at, count)| match count {
                Count::Exact(count) if *count > 0 => Some((*count, at)),
                _ => None,
            })
            .min();
        let (_, at) = smallest?;
        if let Some(cell) = shown.get_mut(at) {
            *cell = Count::NotShown;
        }
    }
}

fn without_total(cells: &[u64]) -> Vec<Count> {
    let mut shown: Vec<Count> = cells.iter().copied().map(Count::alone).collect();
    let all_exact = shown.iter().all(|count| matches!(count, Count::Exact(_)));
    if all_exact
        && let Some((_, cell)) = cells
            .iter()
            .zip(shown.iter_mut())
            .filter(|(count, _)| **count > 0)
            .min_by_key(|(count, _)| **count)
    {
        *cell = Count::NotShown;
    }
    shown
}

/// Whether every small number stays open to somebody who knows the total and the shown cells.
fn is_safe(total: u64, shown: &[Count]) -> bool {
    (0..shown.len()).all(|at| {
        if shown.get(at) != Some(&Count::FewerThanFive) {
            return true;
        }
        let others = shown
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, count)| count.bounds());
        let (low, high) = others.fold((0_u64, 0_u64), |(low, high), (a, b)| {
            (low.saturating_add(a), high.saturating_add(b))
        });
        let least = total.saturating_sub(high).max(1);
        let most = total.saturating_sub(low).min(4);
        least < most
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// ROLE-07: a count of two is shown as "fewer than five".
    #[test]
    fn role_07_a_count_of_two_is_fewer_than_five() {
        assert_eq!(Count::alone(2).to_string(), "fewer than five");
        assert_eq!(Count::alone(0).to_string(), "none");
        assert_eq!(Count::alone(5).to_string(), "5");
    }

    /// ROLE-07: the total does not give a small number away.
    #[test]
    fn role_07_the_total_does_not_give_a_small_number_away() {
        let (total, tables) = suppress(20, &[vec![2, 8, 10]]);
        assert_eq!(total, Count::Exact(20));
        assert_eq!(
            tables,
            [[Count::FewerThanFive, Count::NotShown, Count::Exact(10)]]
        );
        // One cell is the whole: the total goes.
        let (total, tables) = suppress(6, &[vec![1, 5]]);
        assert_eq!(total, Count::NotShown);
        assert_eq!(tables, [[Count::FewerThanFive, Count::Exact(5)]]);
        // A second table over the same total must not add up to it either.
        let (total, tables) = suppress(6, &[vec![1, 5], vec![6, 0]]);
        assert_eq!(total, Count::NotShown);
        assert_eq!(tables[1], [Count::NotShown, Count::Exact(0)]);
    }

    proptest! {
        /// ROLE-07: whatever the figures, no small number can be worked out from what is shown, by
        /// trying every value it could have.
        #[test]
        fn role_07_no_small_number_can_be_worked_out(cells in prop::collection::vec(0_u64..12, 1..6)) {
            let total: u64 = cells.iter().sum();
            let (shown_total, tables) = suppress(total, std::slice::from_ref(&cells));
            let shown = &tables[0];
            for (at, count) in shown.iter().enumerate() {
                prop_assert_eq!(*count == Count::FewerThanFive, (1..=4).contains(&cells[at]));
                if *count == Count::FewerThanFive {
                    let possible = (1..=4_u64).filter(|guess| fits(shown_total, shown, at, *guess)).count();
                    prop_assert!(possible >= 2, "{cells:?} shown as {shown_total:?} {shown:?}");
                }
            }
        }
    }

    /// Whether some filling of the hidden cells agrees with what is shown when one cell is guessed.
    fn fits(total: Count, shown: &[Count], at: usize, guess: u64) -> bool {
        let (mut low, mut high) = (guess, guess);
        for (other, count) in shown.iter().enumerate().filter(|(other, _)| *other != at) {
            let _ = other;
            let (a, b) = count.bounds();
            (low, high) = (low.saturating_add(a), high.saturating_add(b));
        }
        let (least, most) = total.bounds();
        low <= most && high >= least
    }
}
