//! `bench.csv`: wall-clock costs as a row each.

use crate::benchmark::{Level, Row};
use crate::metrics::csv_text;

use super::bench_files::Measured;

/// Columns of costs.
const COSTS: [&str; 20] = [
    "strategy",
    "instances",
    "utilisation",
    "placer",
    "ns_mean",
    "ns_p50",
    "ns_p99",
    "decisions_per_second",
    "failed_share",
    "bytes_per_task",
    "bytes_per_instance",
    "decisions",
    "turnovers",
    "memory_utilisation",
    "ns_per_refusal_unchanged",
    "ns_per_refusal_changed",
    "naive_over_indexed",
    "events",
    "ns_per_event",
    "complete",
];

/// Columns of latencies.
const LATENCIES: [&str; 11] = [
    "strategy",
    "instances",
    "utilisation",
    "placer",
    "rate_per_s",
    "achieved_per_s",
    "scheduler_utilisation",
    "latency_ns_p50",
    "latency_ns_p99",
    "latency_ns_max",
    "saturated",
];

/// Text of `bench.csv`; undefined is an empty cell.
pub fn bench_csv(measured: &Measured) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write =
        |cells: &[String]| writer.write_record(cells).expect("rows of equal length into memory");
    match measured {
        Measured::Costs { rows } => {
            write(&COSTS.map(str::to_owned));
            for row in rows {
                write(&costs(row));
            }
        }
        Measured::Sustained { levels } => {
            write(&LATENCIES.map(str::to_owned));
            for level in levels {
                write(&latencies(level));
            }
        }
    }
    let bytes = writer.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("cells are UTF-8")
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn costs(row: &Row) -> [String; COSTS.len()] {
    let ns = row.ns_per_decision;
    [
        csv_text(&row.strategy).into_owned(),
        row.instances.to_string(),
        text(row.utilisation),
        row.placer.to_owned(),
        ns.mean.to_string(),
        ns.p50.to_string(),
        ns.p99.to_string(),
        row.decisions_per_second.to_string(),
        row.failed_share.to_string(),
        text(row.bytes_per_task),
        text(row.bytes_per_instance),
        row.decisions.to_string(),
        text(row.turnovers),
        text(row.memory_utilisation),
        text(row.ns_per_refusal_unchanged),
        text(row.ns_per_refusal_changed),
        text(row.naive_over_indexed),
        text(row.events),
        text(row.ns_per_event),
        text(row.complete),
    ]
}

fn latencies(level: &Level) -> [String; LATENCIES.len()] {
    let ns = level.latency_ns;
    [
        csv_text(&level.strategy).into_owned(),
        level.instances.to_string(),
        level.utilisation.to_string(),
        level.placer.to_owned(),
        level.rate_per_s.to_string(),
        level.achieved_per_s.to_string(),
        level.scheduler_utilisation.to_string(),
        ns.p50.to_string(),
        ns.p99.to_string(),
        ns.max.to_string(),
        level.saturated.to_string(),
    ]
}
