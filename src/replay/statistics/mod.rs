//! Measures of how far a simulation is from reality. Means and their intervals are in
//! [`crate::experiment::statistics`].
//!
//! What is undefined (no values, a real value of 0) is `None`; nothing here gives NaN for finite
//! input.

mod bootstrap;
mod confusion;
mod distance;
mod error;
mod kendall;
mod quantile;

pub use bootstrap::{BOOTSTRAP_DRAW, RESAMPLES, median_interval};
pub use confusion::ConfusionMatrix;
pub use distance::{Distance, distance};
pub use error::{mape, nad, relative_error, rmsle};
pub use kendall::kendall_tau_b;
pub use quantile::{mean, median, quantile, sorted};
