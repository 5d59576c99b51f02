//! Logistic regression by coordinates: one weight after another is moved to where it is best, as far as its bound and a
//! region of trust allow (A. Genkin, D. Lewis, D. Madigan, "Large-scale Bayesian logistic regression for text
//! categorization", Technometrics 49, 2007). The same input gives the same weights, bit for bit.

/// The most rounds over all weights.
const ROUNDS_MAX: usize = 200;
/// A weight whose last step was smaller than this rests for some rounds.
const STEP_QUIET: f64 = 2e-4;
/// Every so many rounds all weights are looked at.
const ROUNDS_FULL: usize = 5;
/// The end: a full round made the loss smaller by less than this share.
const GAIN_LEAST: f64 = 1e-5;

/// A sparse table, column by column.
#[derive(Debug, Default, Clone)]
pub(crate) struct Columns {
    starts: Vec<usize>,
    cells: Vec<(u32, f32)>,
}

impl Columns {
    /// Of rows that name their columns.
    pub(crate) fn of_rows<'a>(
        count: usize,
        rows: impl Iterator<Item = &'a [(u32, f32)]> + Clone,
    ) -> Self {
        let mut starts = vec![0; count + 1];
        for (column, _) in rows.clone().flatten() {
            starts[*column as usize + 1] += 1;
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut cells = vec![(0, 0.0); starts[count]];
        for (row, all) in (0..).zip(rows) {
            for (column, value) in all {
                let at = &mut next[*column as usize];
                cells[*at] = (row, *value);
                *at += 1;
            }
        }
        Self { starts, cells }
    }

    /// Some of the columns, in this order.
    pub(crate) fn pick(&self, columns: &[u32]) -> Self {
        let mut picked = Self {
            starts: vec![0],
            cells: Vec::new(),
        };
        for column in columns {
            picked.push(self.column(*column as usize).to_vec());
        }
        picked
    }

    /// One column more.
    pub(crate) fn push(&mut self, cells: Vec<(u32, f32)>) {
        self.cells.extend(cells);
        self.starts.push(self.cells.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    pub(crate) fn column(&self, at: usize) -> &[(u32, f32)] {
        &self.cells[self.starts[at]..self.starts[at + 1]]
    }
}

/// What a weight may be, and what it costs: `ridge / 2` times its square and `slope` times itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) ridge: f64,
    pub(crate) slope: f64,
}

impl Limit {
    /// A weight that stays nought.
    pub(crate) const NOUGHT: Self = Self::between(0.0, 0.0, 1.0, 0.0);

    pub(crate) const fn between(least: f64, most: f64, ridge: f64, slope: f64) -> Self {
        Self {
            least,
            most,
            ridge,
            slope,
        }
    }
}

/// What is learnt of each row: whether it is so, and how much it counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth {
    pub(crate) so: bool,
    pub(crate) counts: f32,
}

/// Weights of the columns, and what stands without any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fitted {
    pub(crate) weights: Vec<f64>,
    pub(crate) bias: f64,
}

impl Fitted {
    /// Adds a share of another's weights.
    pub(crate) fn add(&mut self, other: &Self, share: f64) {
        for (weight, other) in self.weights.iter_mut().zip(&other.weights) {
            *weight += share * other;
        }
        self.bias += share * other.bias;
    }
}

#[derive(Clone, Copy)]
struct Row {
    margin: f32,
    /// The slope and the bend of the row's loss.
    slope: f32,
    bend: f32,
    truth: Truth,
}

impl Row {
    fn moved(&mut self, by: f32) {
        self.margin += by;
        let likely = 1.0 / (1.0 + (-self.margin).exp());
        let so = if self.truth.so { 1.0 } else { 0.0 };
        self.slope = self.truth.counts * (likely - so);
        self.bend = self.truth.counts * likely * (1.0 - likely);
    }

    fn loss(&self) -> f64 {
        let against = if self.truth.so {
            -self.margin
        } else {
            self.margin
        };
        f64::from(self.truth.counts) * f64::from(against.exp()).ln_1p()
    }
}

/// The weights that tell the rows that are so from the others with the least loss.
pub(crate) fn fit(columns: &Columns, truth: &[Truth], limits: &[Limit], bias: Limit) -> Fitted {
    let mut rows: Vec<Row> = truth
        .iter()
        .map(|truth| Row {
            margin: 0.0,
            slope: 0.0,
            bend: 0.0,
            truth: *truth,
        })
        .collect();
    let ones: Vec<(u32, f32)> = (0..)
        .zip(truth)
        .filter(|(_, truth)| truth.counts > 0.0)
        .map(|(row, _)| (row, 1.0))
        .collect();
    let mut fitted = Fitted {
        weights: vec![0.0; columns.len()],
        bias: (-3.0_f64).clamp(bias.least, bias.most),
    };
    #[expect(clippy::cast_possible_truncation, reason = "margins are kept short")]
    let start = fitted.bias as f32;
    rows.iter_mut().for_each(|row| row.moved(start));
    let mut trust = vec![1.0; columns.len()];
    let mut quiet = vec![false; columns.len()];
    let mut trust_bias = 1.0;
    let loss: f64 = rows.iter().map(Row::loss).sum();
    for round in 0..ROUNDS_MAX {
        let full = round % ROUNDS_FULL == 0;
        let mut gain = 0.0;
        for at in 0..columns.len() {
            if limits[at].least == limits[at].most || (quiet[at] && !full) {
                continue;
            }
            let weight = &mut fitted.weights[at];
            let (step, gained) = step(
                &mut rows,
                columns.column(at),
                limits[at],
                weight,
                &mut trust[at],
            );
            quiet[at] = step.abs() < STEP_QUIET;
            gain += gained;
            if at % 500 == 0 {
                step_bias(&mut rows, &ones, bias, &mut fitted.bias, &mut trust_bias);
            }
        }
        step_bias(&mut rows, &ones, bias, &mut fitted.bias, &mut trust_bias);
        if full && gain < GAIN_LEAST * loss {
            break;
        }
    }
    fitted
}

fn step_bias(rows: &mut [Row], ones: &[(u32, f32)], limit: Limit, bias: &mut f64, trust: &mut f64) {
    step(rows, ones, limit, bias, trust);
}

/// Moves one weight; how far, and about how much that gained.
fn step(
    rows: &mut [Row],
    cells: &[(u32, f32)],
    limit: Limit,
    weight: &mut f64,
    trust: &mut f64,
) -> (f64, f64) {
    let (mut slope, mut bend, mut bend_most, mut largest) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f32);
    for (row, value) in cells {
        let row = &rows[*row as usize];
        slope += f64::from(row.slope * value);
        bend += f64::from(row.bend * value * value);
        bend_most += f64::from(row.truth.counts * value * value) / 4.0;
        largest = largest.max(value.abs());
    }
    // Within the region of trust the loss bends no more than this.
    let bend = (bend * (f64::from(largest) * *trust).exp()).min(bend_most);
    let slope = slope + limit.ridge * *weight + limit.slope;
    let wanted = -slope / (bend + limit.ridge).max(1e-9);
    let next = (*weight + wanted.clamp(-*trust, *trust)).clamp(limit.least, limit.most);
    let step = next - *weight;
    *trust = (2.0 * step.abs()).max(*trust / 2.0).max(1e-3);
    if step == 0.0 {
        return (0.0, 0.0);
    }
    *weight = next;
    for (row, value) in cells {
        let row = &mut rows[*row as usize];
        if row.truth.counts > 0.0 {
            #[expect(clippy::cast_possible_truncation, reason = "margins are kept short")]
            row.moved(step as f32 * value);
        }
    }
    (step, (slope * step).abs() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns over pages that are told apart by the first alone, both present on some.
    fn table() -> (Columns, Vec<Truth>) {
        let rows: Vec<Vec<(u32, f32)>> = (0..60_u32)
            .map(|row| match row % 4 {
                0 => vec![(0, 1.0)],
                1 => vec![(0, 1.0), (1, 0.5)],
                2 => vec![(1, 1.0)],
                _ => vec![],
            })
            .collect();
        let truth = (0..60)
            .map(|row| Truth {
                so: row % 4 < 2 && row % 5 > 0,
                counts: 1.0 + (row % 3) as f32,
            })
            .collect();
        (Columns::of_rows(2, rows.iter().map(Vec::as_slice)), truth)
    }

    /// The slope of the whole loss, by the definition.
    fn slopes(columns: &Columns, truth: &[Truth], ridge: f64, fitted: &Fitted) -> Vec<f64> {
        let mut margins = vec![fitted.bias; truth.len()];
        for at in 0..columns.len() {
            for (row, value) in columns.column(at) {
                margins[*row as usize] += fitted.weights[at] * f64::from(*value);
            }
        }
        let pull = |row: usize| {
            let likely = 1.0 / (1.0 + (-margins[row]).exp());
            f64::from(truth[row].counts) * (likely - f64::from(u8::from(truth[row].so)))
        };
        let of = |at: usize| {
            let cells = columns.column(at).iter();
            let sum: f64 = cells
                .map(|(row, value)| pull(*row as usize) * f64::from(*value))
                .sum();
            sum + ridge * fitted.weights[at]
        };
        let mut all: Vec<f64> = (0..columns.len()).map(of).collect();
        all.push((0..truth.len()).map(pull).sum());
        all
    }

    const FREE: Limit = Limit::between(-20.0, 20.0, 0.0, 0.0);

    #[test]
    fn where_it_ends_the_loss_has_no_slope() {
        let (columns, truth) = table();
        let ridge = Limit::between(-20.0, 20.0, 0.5, 0.0);
        let fitted = fit(&columns, &truth, &[ridge; 2], FREE);
        let steepest = |fitted: &Fitted| {
            let slopes = slopes(&columns, &truth, 0.5, fitted).into_iter();
            slopes.fold(0.0, |most: f64, slope| most.max(slope.abs()))
        };
        let start = Fitted {
            weights: vec![0.0; 2],
            bias: -3.0,
        };
        let (before, after) = (steepest(&start), steepest(&fitted));
        assert!(after * 100.0 < before, "{after} of {before}");
        assert!(
            fitted.weights[0] > 1.0 && fitted.weights[1] < 0.0,
            "{fitted:?}"
        );
    }

    #[test]
    fn bounds_hold_and_what_is_left_out_does_not_count() {
        let (columns, mut truth) = table();
        let limits = [
            Limit::between(0.0, 0.7, 0.5, 0.0),
            Limit::between(0.0, 2.0, 0.5, 0.0),
        ];
        let fitted = fit(&columns, &truth, &limits, FREE);
        assert_eq!(fitted.weights, [0.7, 0.0]);
        let half = fit(&columns, &truth, &[Limit::NOUGHT, limits[1]], FREE);
        assert_eq!(half.weights[0], 0.0);
        for one in &mut truth[30..] {
            one.counts = 0.0;
        }
        let without = fit(&columns, &truth, &limits, FREE);
        for one in &mut truth[30..] {
            one.so = !one.so;
        }
        let turned = fit(&columns, &truth, &limits, FREE);
        assert_eq!(
            (without.weights, without.bias),
            (turned.weights, turned.bias)
        );
    }
}
