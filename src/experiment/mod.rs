//! Many runs: arms × seeds in parallel, and what their differences mean.

pub mod comparison;
pub mod comparison_csv;
mod comparison_error;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod grid;
pub mod metric;
pub mod plan;
pub mod same_arm;
pub mod statistics;
