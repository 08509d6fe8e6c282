//! Cosine of the angle between what the task takes and what is free, as shares: the highest.
//!
//! The formula is in floats: dot / (√Σwanted² · √Σfree²), each sum an exact integer, in this order
//! on IEEE 754 arithmetic, times 10⁹ and truncated before anything is compared.

use crate::model::{InstanceView, TaskClass};
use crate::placement::{PlacementStrategy, Reads, Score};

use super::shares::{Shares, free, wanted};
use super::{Policy, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry::plain(
    "cosine",
    "smallest angle between demand and free shares",
    |_| Policy::scored(Cosine),
);

#[derive(Debug)]
struct Cosine;

fn dot(a: Shares, b: Shares) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum::<i64>() as f64
}

impl PlacementStrategy for Cosine {
    fn reads(&self) -> Reads {
        Reads::Instance
    }

    fn score(&self, class: &TaskClass, on: InstanceView<'_>) -> Score {
        let (wanted, free) = (wanted(class, on), free(on));
        let lengths = libm::sqrt(dot(wanted, wanted)) * libm::sqrt(dot(free, free));
        if lengths == 0.0 {
            return 0;
        }
        (dot(wanted, free) / lengths * 1e9) as Score
    }
}
