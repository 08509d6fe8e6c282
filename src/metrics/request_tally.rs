//! What the requests to all services came to, from what CloudWatch published.

use crate::controller::Event;
use crate::des::SimTime;
use crate::model::ServiceMetrics;

use super::summary::RequestFigures;

/// Sums over the data about times after the warm-up.
#[derive(Debug, Default)]
pub(super) struct RequestTally {
    warm_up: SimTime,
    requests: u64,
    failed: u64,
    let_in: u64,
    /// Sum of the response times of those let in, µs, and the longest mean of a period.
    response_micros: u128,
    slowest_micros: Option<u64>,
    /// CPU used in millionths of what was reserved × thousandths of a task × µs, and the weights.
    cpu: u128,
    weight: u128,
}

impl RequestTally {
    pub(super) fn new(warm_up: SimTime) -> RequestTally {
        RequestTally { warm_up, ..RequestTally::default() }
    }

    pub(super) fn event(&mut self, event: &Event) {
        let Event::MetricsPublished(datum) = event else { return };
        if datum.since_micros < self.warm_up.micros() {
            return;
        }
        let ServiceMetrics { requests, failed, let_in, tasks_milli, .. } = *datum;
        self.requests += requests;
        self.failed += failed;
        if let Some(micros) = datum.response_micros {
            self.let_in += let_in;
            self.response_micros += u128::from(micros) * u128::from(let_in);
            self.slowest_micros = self.slowest_micros.max(Some(micros));
        }
        if let Some(ppm) = datum.cpu_ppm {
            let span = datum.until_micros - datum.since_micros;
            let weight = u128::from(tasks_milli) * u128::from(span);
            self.cpu += weight * u128::from(ppm);
            self.weight += weight;
        }
    }

    pub(super) fn figures(&self) -> RequestFigures {
        let mean = self.response_micros as f64 / self.let_in as f64 / 1e6;
        let cpu = self.cpu as f64 / self.weight as f64 / 1e6;
        RequestFigures {
            count: self.requests,
            failed: self.failed,
            response_s: (self.let_in > 0).then_some(mean),
            slowest_s: self.slowest_micros.map(|micros| micros as f64 / 1e6),
            cpu_utilisation: (self.weight > 0).then_some(cpu),
        }
    }
}
