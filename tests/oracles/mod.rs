//! The simulator against results known exactly: Markov chains solved exactly, queueing formulas,
//! and conservation laws.
//!
//! Gate: 30 runs with fixed seeds; the mean is within 4 standard errors of the exact value, and the
//! standard error is at most 2 % of it. Fixed seeds make a failure mean a change.

mod exact;
mod identities;
mod model;
mod placement;
mod queues;
mod sharing;
mod whole_life;

use model::Tally;

/// Checks one figure over the runs against its exact value.
#[expect(clippy::print_stderr, reason = "every row's figures, shown with --nocapture")]
fn gate(what: &str, exact: f64, values: &[f64]) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    let z = (mean - exact) / error;
    let percent = 100.0 * error / exact;
    eprintln!("{what}: exact {exact:.6}, mean {mean:.6}, SE {percent:.2} %, z {z:+.2}");
    assert!(z.abs() <= 4.0, "{what}: z = {z:.2}");
    assert!(percent <= 2.0, "{what}: standard error {percent:.2} %");
}

fn figures(tallies: &[Tally], of: impl Fn(&Tally) -> f64) -> Vec<f64> {
    tallies.iter().map(of).collect()
}
