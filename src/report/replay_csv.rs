//! `replay.csv`: errors of a replay, a row per arm and figure; `pairs.csv`: a row per two arms.

use crate::experiment::statistics::Estimate;
use crate::metrics::csv_text;
use crate::replay::verdict::{ArmVerdict, MetricVerdict, RankedPair, Verdict};

use super::format::symbol;

/// Columns of `replay.csv`, explained in `results/README.md`.
pub const REPLAY_COLUMNS: [&str; 15] = [
    "arm",
    "metric",
    "tasks",
    "measure",
    "count",
    "simulated",
    "real",
    "error",
    "error_floor",
    "interval_low",
    "interval_high",
    "magnitude_median",
    "magnitude_p95",
    "magnitude_p95_floor",
    "undefined",
];

/// Columns of `pairs.csv`, explained in `results/README.md`.
pub const PAIR_COLUMNS: [&str; 12] = [
    "a",
    "b",
    "metric",
    "simulated_difference",
    "simulated_low",
    "simulated_high",
    "real_difference",
    "real_low",
    "real_high",
    "real_noise",
    "truly_different",
    "ordered_right",
];

/// Text of `replay.csv`; undefined is an empty cell.
pub fn replay_csv(verdict: &Verdict) -> String {
    let rows = verdict
        .arms
        .iter()
        .flat_map(|arm| arm.metrics.iter().map(move |metric| replay_row(arm, metric).to_vec()));
    csv(&REPLAY_COLUMNS, rows)
}

/// Text of `pairs.csv`; undefined is an empty cell.
pub fn pairs_csv(verdict: &Verdict) -> String {
    let metric = verdict.ranking.metric.as_str();
    let rows = verdict.ranking.pairs.iter().map(|pair| pair_row(pair, metric).to_vec());
    csv(&PAIR_COLUMNS, rows)
}

fn csv(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns).expect("headings into memory");
    for row in rows {
        writer.write_record(row).expect("rows of equal length into memory");
    }
    let bytes = writer.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("cells are UTF-8")
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn replay_row(arm: &ArmVerdict, metric: &MetricVerdict) -> [String; REPLAY_COLUMNS.len()] {
    let magnitude = metric.magnitude;
    [
        csv_text(&arm.name).into_owned(),
        metric.metric.to_owned(),
        metric.tasks.map_or(String::new(), |tasks| symbol(&tasks)),
        symbol(&metric.measure),
        metric.count.to_string(),
        text(metric.simulated),
        text(metric.real),
        text(metric.error),
        text(metric.error_floor),
        text(metric.interval.map(|[low, _]| low)),
        text(metric.interval.map(|[_, high]| high)),
        text(magnitude.map(|magnitude| magnitude.median)),
        text(magnitude.map(|magnitude| magnitude.p95)),
        text(magnitude.and_then(|magnitude| magnitude.p95_floor)),
        text(magnitude.map(|magnitude| magnitude.undefined)),
    ]
}

fn pair_row(pair: &RankedPair, metric: &str) -> [String; PAIR_COLUMNS.len()] {
    let mean = |estimate: Option<Estimate>| text(estimate.map(|estimate| estimate.mean));
    let end = |estimate: Option<Estimate>, place: usize| {
        text(estimate.and_then(|estimate| estimate.ci95).map(|ends| ends[place]))
    };
    [
        csv_text(&pair.a).into_owned(),
        csv_text(&pair.b).into_owned(),
        metric.to_owned(),
        mean(pair.simulated),
        end(pair.simulated, 0),
        end(pair.simulated, 1),
        mean(pair.real),
        end(pair.real, 0),
        end(pair.real, 1),
        text(pair.real_noise),
        text(pair.truly_different),
        text(pair.ordered_right),
    ]
}
