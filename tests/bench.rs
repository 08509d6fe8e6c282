//! `towtank bench` from the command line: its files are complete, its figures are there, and what
//! it prints can be read.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::bad_input::{Attempt, SCENARIO, files};

/// A grid that is measured in no time.
const QUICK: [&str; 9] = [
    "bench",
    "--strategies",
    "first-fit,ecs-service",
    "--instances",
    "20,50",
    "--seconds",
    "0.01",
    "--out",
    "b",
];

fn quick(more: &[&'static str]) -> Vec<&'static str> {
    [&QUICK, more].concat()
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

/// Each of `names` is a number in `value`.
#[track_caller]
fn numbers(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value[name].is_number(), "{name} in {value}");
    }
}

fn written(directory: &str, attempt: &Attempt) -> BTreeSet<String> {
    files(&attempt.path(directory))
}

fn the_three() -> BTreeSet<String> {
    ["bench.csv", "bench.json", "bench.svg"].map(str::to_owned).into()
}

#[test]
fn the_grid_is_measured_and_written_whole() {
    let attempt = Attempt::new(SCENARIO);
    let shares = ["--utilisation", "0.5,0.8"];
    let table = String::from_utf8(attempt.succeed(&quick(&shares)).stdout).unwrap();
    assert!(table.contains("50.0") && table.contains("80.0"), "{table}");
    assert_eq!(table.lines().find(|line| line.chars().count() > 80), None);
    let printed = attempt.succeed(&[&quick(&["--format", "json"])[..], &shares].concat()).stdout;
    assert_eq!(written("b", &attempt), the_three());
    assert_eq!(fs::read(attempt.path("b/bench.json")).unwrap(), printed);
    let result = json(&printed);
    numbers(&result, &["seed", "seconds", "clock_overhead_ns"]);
    numbers(&result["machine"], &["cores"]);
    let rows = result["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * 2 * 2 * 2, "strategies, sizes, shares, placers");
    let mut cells = BTreeSet::new();
    for row in rows {
        numbers(row, &["instances", "utilisation", "decisions_per_second", "failed_share"]);
        numbers(row, &["bytes_per_task", "bytes_per_instance", "decisions", "turnovers"]);
        numbers(row, &["ns_per_refusal_unchanged", "ns_per_refusal_changed"]);
        numbers(&row["ns_per_decision"], &["mean", "p50", "p99"]);
        assert_eq!(row["naive_over_indexed"].is_number(), row["placer"] == "indexed", "{row}");
        let bytes = |name: &str| row[name].as_f64().unwrap();
        assert!((20.0..2000.0).contains(&bytes("bytes_per_task")), "{row}");
        assert!((200.0..20_000.0).contains(&bytes("bytes_per_instance")), "{row}");
        let key =
            ["strategy", "instances", "utilisation", "placer"].map(|key| row[key].to_string());
        assert!(cells.insert(key), "a row for each cell and placer: {row}");
    }
}

#[test]
fn csv_and_svg_have_every_row() {
    let attempt = Attempt::new(SCENARIO);
    let printed = attempt.succeed(&quick(&["--format", "csv", "--placer", "indexed"])).stdout;
    assert_eq!(fs::read(attempt.path("b/bench.csv")).unwrap(), printed);
    let mut reader = csv::Reader::from_reader(printed.as_slice());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|one| one == name).unwrap();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 4);
    for record in &records {
        assert_eq!(&record[column("placer")], "indexed");
        assert_eq!(&record[column("naive_over_indexed")], "", "there is nothing to compare with");
        assert!(record[column("ns_mean")].parse::<f64>().unwrap() > 0.0);
    }
    let svg = fs::read_to_string(attempt.path("b/bench.svg")).unwrap();
    for text in ["first-fit, indexed", "ecs-service, indexed", "container instances", "</svg>"] {
        assert!(svg.contains(text), "{text}");
    }
}

/// At most 80 columns, with every strategy, and a second benchmark replaces the first.
#[test]
fn the_table_can_be_read_in_a_narrow_terminal() {
    let attempt = Attempt::new(SCENARIO);
    for _ in 0..2 {
        let out = attempt.succeed(&[
            "bench",
            "--strategies",
            "all",
            "--instances",
            "9",
            "--seconds",
            "0.004",
            "--out",
            "b",
        ]);
        let table = String::from_utf8(out.stdout).unwrap();
        let wide = table.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None);
        for entry in towtank::placement::STRATEGIES {
            let start: String = entry.name.chars().take(5).collect();
            assert!(table.contains(&start), "{}: {table}", entry.name);
        }
        let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("ns for the clock"), "{table}");
        assert_eq!(written("b", &attempt), the_three());
    }
}

#[test]
fn the_ramp_is_printed_with_where_it_ends() {
    let attempt = Attempt::new(SCENARIO);
    let sustained = ["--sustained", "--placer", "indexed"];
    let table = attempt.succeed(&quick(&sustained)).stdout;
    let table = String::from_utf8(table).unwrap();
    assert!(
        table.contains("first-fit, indexed, 20 instances: kept up") || table.contains("keeps up")
    );
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let result = json(&fs::read(attempt.path("b/bench.json")).unwrap());
    let levels = result["levels"].as_array().unwrap();
    assert!(levels.len() >= 4, "a level at least for each cell: {result}");
    for level in levels {
        numbers(level, &["instances", "utilisation", "rate_per_s", "achieved_per_s"]);
        numbers(level, &["scheduler_utilisation"]);
        numbers(&level["latency_ns"], &["p50", "p99", "max"]);
        assert!(level["saturated"].is_boolean());
    }
    let csv = fs::read_to_string(attempt.path("b/bench.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + levels.len());
    assert_eq!(written("b", &attempt), the_three());
}

#[test]
fn a_scenario_is_measured_as_it_is_or_changed() {
    let attempt = Attempt::new(SCENARIO);
    let table = attempt.succeed(&["bench", "--scenario", "s.toml", "--seconds", "0.01"]).stdout;
    let table = String::from_utf8(table).unwrap();
    assert_eq!(table.lines().find(|line| line.chars().count() > 80), None);
    let hint = table.split("[controller]\n").nth(1).expect("what to add to the scenario");
    fs::write(attempt.path("t.toml"), format!("{SCENARIO}[controller]\n{hint}")).unwrap();
    attempt.succeed(&["check", "t.toml"]);
    assert_eq!(written("results/bench-t", &attempt), the_three());
    let arguments = ["bench", "--scenario", "s.toml", "--seconds", "0.3", "--format", "json"];
    let changes = ["--set", "capacity.a.count=3", "--strategies", "binpack:cpu,random", "-q"];
    let result = json(&attempt.succeed(&[&arguments[..], &changes].concat()).stdout);
    assert_eq!(result["workload"], "t");
    let rows = result["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["strategy"].as_str().unwrap()).collect();
    assert_eq!(names, ["binpack:cpu", "binpack:cpu", "random", "random"]);
    for row in rows {
        assert_eq!((&row["instances"], &row["complete"]), (&3.into(), &true.into()), "{row}");
        numbers(row, &["events", "ns_per_event", "decisions", "failed_share", "utilisation"]);
        assert!(row["bytes_per_task"].is_null(), "not measured, and not made up");
    }
}
