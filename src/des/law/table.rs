//! Cumulative probabilities of a finite list of outcomes, for inversion by bisection.

use std::sync::Arc;

/// A sum that also carries the rounding errors of its additions (Neumaier, ZAMM 54, 1974).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CompensatedSum {
    /// The sum as rounded.
    rounded: f64,
    /// What rounding has taken away.
    correction: f64,
}

impl CompensatedSum {
    /// Adds one term.
    fn add(&mut self, term: f64) {
        let next = self.rounded + term;
        self.correction += if self.rounded.abs() >= term.abs() {
            (self.rounded - next) + term
        } else {
            (term - next) + self.rounded
        };
        self.rounded = next;
    }

    /// The sum so far.
    fn value(self) -> f64 {
        self.rounded + self.correction
    }

    /// The sum of all terms.
    pub(super) fn of(terms: impl Iterator<Item = f64>) -> f64 {
        let mut sum = Self::default();
        terms.for_each(|term| sum.add(term));
        sum.value()
    }
}

/// Cumulative probabilities of outcomes `0..n`; clones share the memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CumulativeTable {
    /// Probability of an outcome up to each index; does not decrease, and ends with one.
    cumulative: Arc<[f64]>,
}

impl CumulativeTable {
    /// The table for positive weights, of which there must be at least one; linear time.
    ///
    /// The weights need not add up to one. Their sum is compensated, so that even with a million
    /// outcomes each entry is within a few units in the last place.
    pub(super) fn new(weights: impl Iterator<Item = f64>) -> Self {
        let mut sum = CompensatedSum::default();
        let mut cumulative: Vec<f64> = weights
            .map(|weight| {
                sum.add(weight);
                sum.value()
            })
            .collect();
        let total = *cumulative.last().expect("callers check that there is at least one weight");
        assert!(total.is_finite() && total > 0.0, "weights must have a finite positive sum");
        let mut reached = 0.0_f64;
        for entry in &mut cumulative {
            // Rounding must not make the table decrease, or the bisection would go astray.
            reached = reached.max((*entry / total).min(1.0));
            *entry = reached;
        }
        Self { cumulative: cumulative.into() }
    }

    /// The first outcome whose cumulative probability reaches `u` in (0, 1); logarithmic time.
    pub(super) fn index(&self, u: f64) -> usize {
        super::assert_open_unit(u);
        self.cumulative.partition_point(|&entry| entry < u)
    }
}
