//! What a yes or no of the simulation is worth.

use serde::Serialize;

/// Counts of a yes-or-no question by its real and its simulated answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ConfusionMatrix {
    /// Yes in both.
    pub both: u64,
    /// Yes in reality only: what the simulation missed.
    pub real_only: u64,
    /// Yes in the simulation only: its false alarms.
    pub simulated_only: u64,
    /// No in both.
    pub neither: u64,
}

impl ConfusionMatrix {
    /// Counts one more pair of answers.
    pub fn add(&mut self, real: bool, simulated: bool) {
        let cell = match (real, simulated) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.real_only,
            (false, true) => &mut self.simulated_only,
            (false, false) => &mut self.neither,
        };
        *cell += 1;
    }

    /// Pairs of answers.
    pub fn total(&self) -> u64 {
        self.both + self.real_only + self.simulated_only + self.neither
    }

    /// Share of equal answers, 0 to 1; none of no answers.
    pub fn agreement(&self) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| (self.both + self.neither) as f64 / total as f64)
    }
}

impl FromIterator<(bool, bool)> for ConfusionMatrix {
    /// Of pairs of a real and a simulated answer.
    fn from_iter<I: IntoIterator<Item = (bool, bool)>>(answers: I) -> Self {
        let mut matrix = Self::default();
        for (real, simulated) in answers {
            matrix.add(real, simulated);
        }
        matrix
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_answer_has_its_cell() {
        let answers = [(true, true), (true, false), (true, false), (false, true), (false, false)];
        let matrix: ConfusionMatrix = answers.into_iter().collect();
        let want = ConfusionMatrix { both: 1, real_only: 2, simulated_only: 1, neither: 1 };
        assert_eq!(matrix, want);
        assert_eq!(matrix.agreement(), Some(0.4));
        assert_eq!(ConfusionMatrix::default().agreement(), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_swapping_transposes(
            answers in prop::collection::vec(any::<(bool, bool)>(), 0..50),
        ) {
            let matrix: ConfusionMatrix = answers.iter().copied().collect();
            let turned: ConfusionMatrix = answers.iter().map(|(real, sim)| (*sim, *real)).collect();
            prop_assert_eq!(matrix.total(), answers.len() as u64);
            prop_assert_eq!(matrix.real_only, turned.simulated_only);
            prop_assert_eq!(matrix.agreement(), turned.agreement());
        }
    }
}
