//! Durations measured one by one.

use hdrhistogram::Histogram;

/// Significant digits that quantiles are known to.
const DIGITS: u8 = 3;

/// The longest duration told apart from longer ones: an hour, nanoseconds.
const NANOS_MAX: u64 = 3_600_000_000_000;

/// Durations with the clock's overhead taken off, nanoseconds.
#[derive(Debug)]
pub(super) struct Samples {
    histogram: Histogram<u64>,
    overhead_ns: u64,
    total_ns: u128,
}

impl Samples {
    pub(super) fn new(overhead_ns: u64) -> Samples {
        let histogram = Histogram::new_with_max(NANOS_MAX, DIGITS);
        let histogram = histogram.expect("an hour and three digits are in range");
        Samples { histogram, overhead_ns, total_ns: 0 }
    }

    /// Adds what lay between two readings of the clock.
    pub(super) fn record(&mut self, between_ns: u64) {
        let ns = between_ns.saturating_sub(self.overhead_ns);
        self.total_ns += u128::from(ns);
        self.histogram.saturating_record(ns);
    }

    pub(super) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// `None` without samples.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.total_ns as f64 / self.count() as f64)
    }

    /// 0 without samples.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        self.histogram.value_at_quantile(share) as f64
    }

    pub(super) fn max(&self) -> f64 {
        self.histogram.max() as f64
    }
}
