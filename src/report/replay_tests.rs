//! Tests of the reports of a replay: tables, Markdown, CSV and files.

use std::collections::BTreeMap;

use super::*;
use crate::replay::observed::ObservedArm;
use crate::replay::verdict::fixtures::{arm, judge, origin};
use crate::report::kind::ResultKind;
use crate::report::output::Output;
use crate::report::replay_csv::{PAIR_COLUMNS, REPLAY_COLUMNS, pairs_csv, replay_csv};
use crate::report::replay_files::write_replay;

fn replay(arms: &[ObservedArm]) -> Replay {
    let conditions = BTreeMap::from([("time scale".to_owned(), "10".to_owned())]);
    Replay {
        engine_version: "0.1.0",
        scenario: "quickstart".to_owned(),
        conditions,
        verdict: judge(arms),
    }
}

fn arms() -> Vec<ObservedArm> {
    vec![
        arm("binpack:memory with a name that is longer than any column", &[0.9], &[1.0, 1.001]),
        arm("spread:host", &[1.8, 1.81], &[2.0, 2.002]),
        arm("-random|x", &[3.0], &[2.001, 2.0]),
    ]
}

#[test]
fn no_line_is_wider_than_asked_for() {
    let mut huge = arms();
    huge.push(arm("far off", &[0.001, 9e6], &[0.03, 1.0, 70_000.0]));
    for arms in [arms(), huge] {
        for width in [0, 80, 120] {
            let text = replay_table(&replay(&arms), width);
            let widest = text.lines().map(format::width).max().unwrap();
            assert!(widest <= width.max(80), "{widest} columns:\n{text}");
            let dropped = text.contains("No room for tasks");
            assert_eq!(dropped, arms.len() > 3 && width < 100, "{text}");
        }
    }
}

#[test]
fn table_tells_errors_floors_and_what_failed() {
    let text = replay_table(&replay(&arms()), 80);
    for part in [
        "completion†",
        "-10.0",
        "start latency, KS distance",
        "completion, RMSLE",
        "Killed for memory: 0 in both",
        "Kendall's τ-b of simulated and real means: 0.33.",
        "! Failed: an error is above 5.0 % and above its floor.",
        "does not validate AWS's control plane",
        "Calibrated: ",
        "time scale 10",
    ] {
        let flat = text.replace('\n', " ");
        assert!(text.contains(part) || flat.contains(part), "no {part:?} in:\n{text}");
    }
    assert!(!text.contains("NaN"));
    let mut uncalibrated = replay(&arms());
    uncalibrated.verdict.calibrated = false;
    assert!(replay_table(&uncalibrated, 80).contains("! Uncalibrated: "));
}

#[test]
fn invalid_runs_and_lost_tasks_are_told() {
    let mut arms = arms();
    arms[0].real[0].tasks.get_mut(&origin(3)).unwrap().started_s = None;
    arms[1].real[0].tasks.remove(&origin(3));
    let text = replay_table(&replay(&arms), 80).replace('\n', " ");
    assert!(text.contains("! Real run 0 is invalid and left out: 1 of its tasks"), "{text}");
    assert!(text.contains("missing in reality 1, in the simulation 0."), "{text}");
}

#[test]
fn nothing_to_report_is_a_report() {
    let empty = arm("a", &[], &[]);
    for arms in [vec![], vec![empty]] {
        let replay = replay(&arms);
        assert!(replay_table(&replay, 80).contains("! Not judged: "));
        assert!(replay_markdown(&replay).contains("### Gate"));
    }
}

#[test]
fn markdown_has_whole_tables_and_no_markup_of_names() {
    let text = replay_markdown(&replay(&arms()));
    assert!(text.contains("### -random\\|x"));
    let unescaped = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut bars = 0;
    for line in text.lines() {
        if line.starts_with('|') {
            assert!(bars == 0 || unescaped(line) == bars, "{line}");
            bars = unescaped(line);
        } else {
            bars = 0;
        }
    }
    assert!(text.contains("| median of tasks | tasks | simulated | real | error % |"));
    assert!(text.contains("\n| --- | ---: |"));
}

#[test]
fn csv_has_a_row_per_arm_and_figure_and_is_safe_in_spreadsheets() {
    let replay = replay(&arms());
    let text = replay_csv(&replay.verdict);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), REPLAY_COLUMNS);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let metrics: usize = replay.verdict.arms.iter().map(|arm| arm.metrics.len()).sum();
    assert_eq!(rows.len(), metrics);
    let start: Vec<&str> = rows[0].iter().collect();
    assert_eq!(start[1..5], ["start_latency_s", "all", "relative-error", "20"]);
    assert!(rows.iter().any(|row| &row[0] == "'-random|x"));
    let text = pairs_csv(&replay.verdict);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), PAIR_COLUMNS);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0][10], &rows[0][11]), ("true", "true"));
    assert_eq!(&rows[2][10], "false");
}

#[test]
fn files_are_written_and_replaced_as_own() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("replay");
    for _ in 0..2 {
        let output = Output::begin(&place, ResultKind::Replay).unwrap();
        write_replay(output.path(), &replay(&arms())).unwrap();
        output.finish().unwrap();
    }
    let mut names: Vec<String> = std::fs::read_dir(&place)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let written =
        ["error.svg", "metric.svg", "pairs.csv", "replay.csv", "replay.json", "replay.md"];
    assert_eq!(names, written);
    let json = std::fs::read_to_string(place.join("replay.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["scenario"], "quickstart");
    assert!(json["gate"]["max_error"].is_number() && json["kendall_tau"].is_number());
}
