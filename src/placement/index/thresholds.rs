//! Which columns' tasks an amount of a resource is enough for.

/// The amounts that columns ask for, sorted, and for each the columns that ask for no more.
#[derive(Debug, Default)]
pub(super) struct Thresholds {
    amounts: Vec<u32>,
    /// Row `n`: the columns that ask for one of the `n` smallest amounts.
    rows: Vec<u64>,
    words: usize,
}

impl Thresholds {
    /// Of what each column asks for, in the order of the columns.
    pub(super) fn new(asked: &[u32], words: usize) -> Thresholds {
        let mut amounts = asked.to_vec();
        amounts.sort_unstable();
        amounts.dedup();
        let mut rows = vec![0; (amounts.len() + 1) * words];
        for (row, &amount) in amounts.iter().enumerate() {
            for column in (0..asked.len()).filter(|&column| asked[column] <= amount) {
                rows[(row + 1) * words + column / 64] |= 1 << (column % 64);
            }
        }
        Thresholds { amounts, rows, words }
    }

    /// The columns that `free` is enough for, as a mask. O(log amounts).
    pub(super) fn within(&self, free: u32) -> &[u64] {
        let row = self.amounts.partition_point(|&amount| amount <= free);
        &self.rows[row * self.words..][..self.words]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_within_what_is_enough_for_them() {
        let asked = [5, 0, 7, 5];
        let thresholds = Thresholds::new(&asked, 1);
        for free in 0..10 {
            let expected = (0..4).filter(|&column| asked[column] <= free).map(|column| 1 << column);
            assert_eq!(thresholds.within(free), [expected.sum::<u64>()], "{free}");
        }
    }
}
