//! `service-metrics.csv`: what CloudWatch had of the requests to services, and when.

use std::collections::BTreeMap;
use std::io::Write;

use crate::controller::Event;
use crate::model::{ServiceId, ServiceMetrics};

use super::table_file::TableFile;
use super::{Observation, RecordError, Recorder, csv_text};

/// Columns of `service-metrics.csv`, explained in `results/README.md`.
pub const SERVICE_METRIC_COLUMNS: [&str; 9] = [
    "time_s",
    "service",
    "since_s",
    "until_s",
    "requests",
    "failed",
    "tasks",
    "cpu_utilisation",
    "response_s",
];

/// Writes a row for each datum when it is published.
#[derive(Debug)]
pub struct ServiceMetricTable {
    file: TableFile,
    names: BTreeMap<ServiceId, String>,
}

impl ServiceMetricTable {
    /// A table on `out`, with its header written.
    pub fn new(out: Box<dyn Write + Send>) -> ServiceMetricTable {
        let file = TableFile::new("service-metrics.csv", &SERVICE_METRIC_COLUMNS, out);
        ServiceMetricTable { file, names: BTreeMap::new() }
    }

    /// Flushes what is written.
    ///
    /// # Errors
    /// The first error of any write since the start.
    pub fn close(self) -> Result<(), RecordError> {
        self.file.close()
    }
}

/// A whole number of `10^-digits` as a decimal.
fn decimal(value: u64, digits: u32) -> String {
    let one = 10_u64.pow(digits);
    let width = digits as usize;
    format!("{}.{:0width$}", value / one, value % one)
}

impl Recorder for ServiceMetricTable {
    fn record(&mut self, seen: &Observation<'_>) {
        let datum = match seen.event {
            Event::ServiceCreated(spec) => {
                self.names.insert(spec.id, spec.name.clone());
                return;
            }
            Event::MetricsPublished(datum) => datum,
            _ => return,
        };
        let ServiceMetrics { service, requests, failed, .. } = *datum;
        self.file.row([
            &seen.now.to_string(),
            &csv_text(&self.names[&service]),
            &decimal(datum.since_micros, 6),
            &decimal(datum.until_micros, 6),
            &requests.to_string(),
            &failed.to_string(),
            &decimal(datum.tasks_milli, 3),
            &datum.cpu_ppm.map_or(String::new(), |ppm| decimal(ppm, 6)),
            &datum.response_micros.map_or(String::new(), |micros| decimal(micros, 6)),
        ]);
    }
}
