//! Comparisons and summaries as CSV.

use super::comparison::Comparison;
use super::metric::{Metric, figures};
use crate::metrics::{Summary, csv_text};

/// What `comparison.csv` holds: one line per arm, in rank order, and metric.
///
/// The columns are `arm,metric,unit,mean,ci95_low,ci95_high`. What is undefined is an empty cell,
/// numbers are written so that reading them back gives the same bits. A name that a spreadsheet
/// would take for a formula gets a leading `'` (CWE-1236); `comparison.json` has it as it is.
pub fn comparison_csv(comparison: &Comparison) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |record: [&str; 6]| {
        writer.write_record(record).expect("six cells go into memory");
    };
    write(["arm", "metric", "unit", "mean", "ci95_low", "ci95_high"]);
    for arm in &comparison.arms {
        for (name, estimate) in &arm.metrics {
            let unit = Metric::find(name).map_or("", |metric| metric.unit.symbol());
            let number =
                |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
            write([
                &csv_text(&arm.name),
                &csv_text(name),
                unit,
                &number(estimate.mean),
                &number(estimate.ci95.map(|[low, _]| low)),
                &number(estimate.ci95.map(|[_, high]| high)),
            ]);
        }
    }
    let bytes = writer.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("cells are UTF-8")
}

/// The figures of one run as CSV: `metric,unit,value`, undefined ones empty.
pub fn summary_csv(summary: &Summary) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write =
        |record: [&str; 3]| writer.write_record(record).expect("three cells go into memory");
    write(["metric", "unit", "value"]);
    for (name, value) in figures(summary) {
        let unit = Metric::find(&name).map_or("", |metric| metric.unit.symbol());
        write([&name, unit, &value.map_or(String::new(), |value| value.to_string())]);
    }
    let bytes = writer.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("cells are UTF-8")
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{arm, compare};
    use super::super::metric::METRICS;
    use super::*;

    #[test]
    fn csv_is_long_and_safe_in_spreadsheets() {
        let arms = [
            arm("=cmd|'/c calc'!A1", &[0.1, 0.2]),
            arm("with, comma", &[1.0, 1.0]),
            arm("-2", &[3.0, 3.0]),
        ];
        let csv = comparison_csv(&compare(&arms));
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "arm,metric,unit,mean,ci95_low,ci95_high");
        assert_eq!(lines.len(), 1 + 3 * METRICS.len());
        assert!(lines[1].starts_with("'=cmd|'/c calc'!A1,allocated_at_end.cpu,share,,,"));
        assert!(csv.contains("\n\"with, comma\",wait_s.p99,s,1,1,1\n"));
        assert!(csv.contains("\n'-2,utilisation.cpu,share,0.634,0.634,0.634\n"));
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let means =
            reader.records().map(Result::unwrap).filter(|record| &record[1] == "wait_s.p99");
        let low: Vec<f64> = means.map(|record| record[4].parse().unwrap()).collect();
        let comparison = compare(&arms);
        let want = |rank: usize| comparison.arms[rank].metrics["wait_s.p99"].ci95.unwrap()[0];
        assert_eq!(low, [want(0), want(1), want(2)]);
    }

    #[test]
    fn text_cells_that_spreadsheets_would_run_are_quoted() {
        for text in ["=1", "+1", "-1", "@x", "\tx", "\rx"] {
            assert_eq!(csv_text(text), format!("'{text}"));
        }
        assert_eq!(csv_text("spread+binpack"), "spread+binpack");
        assert_eq!(csv_text(""), "");
    }
}
