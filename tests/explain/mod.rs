//! `towtank explain`: finished runs asked about their tasks, through the built program; what it
//! says would have placed a task does.

mod journal;

use serde_json::Value;

use super::bad_input::Attempt;

/// A task that fits nowhere for its memory, between two that fit.
const SCENARIO: &str = r#"name = "tight"
until = "10m"
[placement]
strategy = "spread:attribute:ecs.availability-zone+binpack:memory"
[capacity.pool]
vcpus = 4
memory_mib = 6000
count = 2
availability_zones = ["a", "b"]
[workload.w]
format = "csv"
file = "t.csv"
"#;

const TRACE: &str = "submit_s,run_s,cpu,memory_mib,name,family\n\
    0,60,1024,1024,small-1,small\n\
    1,60,1024,6500,large-1,large\n\
    2,60,1024,1024,small-2,small\n";

/// Fields of an explanation in JSON.
fn explained(attempt: &Attempt, arguments: &[&str]) -> Value {
    let all = [&["explain"], arguments, &["--format", "json"]].concat();
    serde_json::from_slice(&attempt.succeed(&all).stdout).unwrap()
}

fn tight() -> Attempt {
    let attempt = Attempt::new(SCENARIO).file("t.csv", TRACE);
    attempt.succeed(&["run", "s.toml", "-q", "--out", "r"]);
    attempt
}

#[test]
fn a_task_that_cannot_be_placed() {
    let attempt = tight();
    let text = String::from_utf8(attempt.succeed(&["explain", "r", "1"]).stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "task 1 'large-1' of large",
        "pending: submitted at 1 s.",
        "Refused at 62 s: 0 of 2 instances could take it.",
        "RESOURCE:MEMORY 2 2 2 pool-0 500 MiB, pool-1 500 MiB",
        "- 500 MiB more on pool-0, the nearest of 2 instances that fail nothing else",
        "No ACTIVE instance could take it even if it were empty.",
    ] {
        assert!(squeezed.contains(part), "{part}:\n{text}");
    }
    let of = explained(&attempt, &["r", "1"]);
    assert_eq!(of["life"]["outcome"], "pending");
    // The last attempt is made when the second small task has gone.
    let last = of["attempts"].as_array().unwrap().last().unwrap();
    assert_eq!(last["last_s"], 62.0);
    let failed = &last["refusal"]["failed"][0];
    assert_eq!(failed["requirement"], "RESOURCE:MEMORY");
    assert_eq!([&failed["failed"], &failed["alone"]], [2, 2]);
    let change = &of["counterfactual"]["changes"][0];
    assert_eq!((&change["instances"], &change["nearest"]["missing"]), (&2.into(), &500.0.into()));
    assert_eq!(of["counterfactual"]["fit_when_empty"], 0);
}

/// The counterfactual is true: with so much more memory, or an instance of the type named, the task
/// is placed; with one MiB less it is not.
#[test]
fn what_would_have_placed_it_does() {
    let attempt = tight();
    let of = explained(&attempt, &["r", "1"]);
    let kind = of["counterfactual"]["types"][0]["instance_type"].as_str().unwrap();
    let outcome = |flags: &[&str]| {
        attempt.succeed(&[&["run", "s.toml", "-q", "--out", "again"], flags].concat());
        explained(&attempt, &["again", "1"])["life"]["outcome"].clone()
    };
    assert_eq!(outcome(&["--set", "capacity.pool.memory_mib=6499"]), "pending");
    assert_eq!(outcome(&["--set", "capacity.pool.memory_mib=6500"]), "completed");
    let kind = format!("capacity.more.instance_type={kind}");
    assert_eq!(outcome(&["--set", "capacity.more.count=1", "--set", &kind]), "completed");
}

#[test]
fn a_task_that_was_placed() {
    let attempt = tight();
    // Of a path or an ARN, the last part counts.
    let of = explained(&attempt, &["r", "cluster/task/2"]);
    let row = &of["attempts"][0];
    assert_eq!(
        (&row["placed"], &row["count"], &row["first"]),
        (&true.into(), &1.into(), &1.into())
    );
    let steps = row["choice"]["steps"].as_array().unwrap();
    let left: Vec<&Value> = steps.iter().map(|step| &step["left"]).collect();
    assert_eq!(left.len(), 2);
    assert_eq!(row["choice"]["candidates"], 2);
    assert_eq!(row["choice"]["instance"], of["life"]["instance"]);
    assert!(of["counterfactual"].is_null() && of["blocked"].is_null());
}

/// Inputs are known by what they hold: wherever they are, and not where something else is.
#[test]
fn inputs_are_found_again() {
    let attempt = Attempt::new("").file("deep/s.toml", SCENARIO).file("deep/t.csv", TRACE);
    attempt.succeed(&["run", "deep/s.toml", "-q", "--out", "r"]);
    explained(&attempt, &["r", "1"]);
    std::fs::rename(attempt.path("deep"), attempt.path("r2")).unwrap();
    let attempt = attempt.file("a/t.csv", "another").file("b/b/t.csv", TRACE);
    explained(&attempt, &["r", "1"]);
    explained(&attempt, &["r", "1", "--inputs", "b/b"]);
    let changed = attempt.run(&["explain", "r", "1", "--inputs", "a"]);
    let said = String::from_utf8(changed.stderr).unwrap();
    assert_eq!(changed.status.code(), Some(2), "{said}");
    assert!(said.contains("a/t.csv has changed since the run"), "{said}");
}

/// Runs of a comparison are runs, and what is explained of them is what they did.
#[test]
fn runs_of_a_comparison_agree_with_their_tables() {
    let attempt = Attempt::new(super::bad_input::SCENARIO);
    attempt.succeed(&["compare", "s.toml", "-q", "--out", "c"]);
    for arm in ["binpack_memory", "random"] {
        let run = format!("c/{arm}/seed-2");
        let tasks = std::fs::read_to_string(attempt.path(&run).join("tasks.csv")).unwrap();
        let row: Vec<&str> = tasks.lines().nth(1).unwrap().split(',').collect();
        let of = explained(&attempt, &[&run, row[0]]);
        assert_eq!(of["seed"], 2);
        assert_eq!(of["life"]["instance"], row[11]);
        let placed = of["life"]["placed_s"].as_f64().unwrap();
        assert_eq!(placed.to_bits(), row[7].parse::<f64>().unwrap().to_bits());
    }
}

#[test]
fn equal_questions_have_equal_answers() {
    let attempt = tight();
    for format in ["table", "json"] {
        let answer = || attempt.succeed(&["explain", "r", "1", "--format", format]).stdout;
        assert_eq!(answer(), answer());
    }
}
