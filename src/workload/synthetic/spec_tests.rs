//! Tests of the table of a synthetic workload.

use std::path::Path;

use super::*;

const HEAD: &str = "rate = \"3/s\"\ncount = 5\n";
const KIND: &str = "[[tasks]]\ncpu = 1\nmemory = 1\nduration = \"1s\"\n";

fn resolve(spec: &SyntheticSpec) -> Result<Vec<ResolvedKind>, SpecError> {
    let missing = |path: &Path| Err(format!("{} is not there", path.display()));
    spec.resolve("batch", &missing)
}

/// Checks that each table is refused with an error that starts with the text.
fn check_refusals(cases: &[(String, &str)]) {
    for (text, expected) in cases {
        let spec: SyntheticSpec = toml::from_str(text).unwrap();
        let error = resolve(&spec).expect_err(text).to_string();
        assert!(error.starts_with(expected), "expected {expected:?}, got {error:?}");
    }
}

#[test]
fn the_table_is_serialised_with_its_defaults() {
    let text = format!(
        "rate = \"3/s\"\nuntil = \"1d\"\nweekly = [1, 1, 1, 1, 1, 2, 2]\n\
         arrivals = {{ clustered = {{ batch = 4 }} }}\n{KIND}ports = [80, \"53/udp\"]"
    );
    let spec: SyntheticSpec = toml::from_str(&text).unwrap();
    let table = toml::Table::try_from(&spec).unwrap();
    assert_eq!(table["rate"].as_str(), Some("3/s"));
    assert_eq!(table["failures"].as_float(), Some(0.0));
    let again: SyntheticSpec = table.try_into().unwrap();
    assert_eq!(again, spec);
}

#[test]
fn tables_of_another_shape_are_refused() {
    let cases = [
        ("count = 5", "missing field `rate`"),
        ("rate = 3", "rate: rate 3 has no unit of time"),
        ("rate = \"3/s\"\nuntil = 24", "until: duration 24 has no unit"),
        ("rate = \"3/s\"\ncuont = 5", "unknown field `cuont`"),
        ("rate = \"3/s\"\narrivals = \"poison\"", "unknown variant `poison`, expected one of"),
        ("rate = \"3/s\"\narrivals = { clustered = { batch = 0 } }", "batch: constant law: 0 is"),
        ("rate = \"3/s\"\nduration = 90", "duration: duration 90 has no unit"),
        ("rate = \"3/s\"\n[[tasks]]\ncpu = \"1 cpu\"", "tasks[0].cpu: CPU \"1 cpu\" is neither"),
        ("rate = \"3/s\"\n[[tasks]]\n[[tasks]]\nmemory = -1", "tasks[1].memory: memory -1 is"),
        ("rate = \"3/s\"\n[[tasks]]\nports = [80, 0]", "tasks[0].ports[1]: 0 is no port"),
        ("rate = \"3/s\"\n[[tasks]]\nports = [\"80/sctp\"]", "write \"80/tcp\" or \"80/udp\""),
    ];
    for (text, expected) in cases {
        let deserializer = toml::Deserializer::parse(text).unwrap();
        let error = serde_path_to_error::deserialize::<_, SyntheticSpec>(deserializer).unwrap_err();
        let error = format!("{}: {}", error.path(), error.inner().message());
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_wrong_extent_is_refused() {
    check_refusals(&[
        (format!("rate = \"3/s\"\n{KIND}"), "count: neither `count` nor `until` is set"),
        (format!("rate = \"3/s\"\ncount = 0\n{KIND}"), "count: 0 submissions"),
        (
            format!("rate = \"3/s\"\nstart = \"2h\"\nuntil = \"1h\"\n{KIND}"),
            "until: 1h is not after `start`, 2h",
        ),
        (format!("rate = \"3/s\"\nuntil = \"0s\"\n{KIND}"), "until: 0 leaves no time"),
    ]);
}

#[test]
fn a_batch_of_more_tasks_than_can_be_is_refused() {
    let of = |extent: &str, batch: &str| {
        let arrivals = format!("arrivals = {{ clustered = {{ batch = {batch} }} }}");
        format!("rate = \"3/s\"\n{extent}\n{arrivals}\n{KIND}tasks_per_submission = 1000")
    };
    let (long, expected) = ("until = \"1h\"", "arrivals.clustered.batch: 1001000 tasks at once");
    check_refusals(&[
        (of(long, "1001"), expected),
        (of("count = 1001", "1000000"), expected),
        (of(long, "{ uniform = { low = 1000, high = 1002 } }"), expected),
    ]);
    for text in [of(long, "1000"), of("count = 1000", "1000000")] {
        resolve(&toml::from_str(&text).unwrap()).unwrap();
    }
}

#[test]
fn wrong_shares_and_weights_are_refused() {
    check_refusals(&[
        (HEAD.to_owned(), "tasks: no sizes; add at least one [[tasks]]"),
        (format!("{HEAD}failures = 1.5\n{KIND}"), "failures: 1.5 is no share"),
        (format!("{HEAD}failures = nan\n{KIND}"), "failures: NaN is no share"),
        (format!("{HEAD}daily = [1, 2]\n{KIND}"), "daily: 2 weights; write 24"),
        (format!("{HEAD}weekly = [1,1,1,-1,1,1,1]\n{KIND}"), "weekly[3]: -1 is no weight"),
        (format!("{HEAD}weekly = [0,0,0,0,0,0,0]\n{KIND}"), "weekly: all weights are 0"),
        (format!("{HEAD}{KIND}weight = 0"), "tasks[0].weight: 0 would never arrive"),
    ]);
}

#[test]
fn wrong_keys_of_a_kind_are_refused() {
    let of = |keys: &str| format!("{HEAD}{KIND}{keys}");
    check_refusals(&[
        (of("family = \"\""), "tasks[0].family: an empty name"),
        (of("group = \"\""), "tasks[0].group: an empty name"),
        (of("gpus = 33"), "tasks[0].gpus: 33 devices"),
        (of("gpu_milli = 1001"), "tasks[0].gpu_milli: 1001; write 1 to 1000"),
        (of("gpus = 2\ngpu_milli = 500"), "tasks[0].gpu_milli: 500, but only"),
        (of("gpus = 0\ngpu_milli = 1000"), "tasks[0].gpu_milli: 1000, but"),
        (of("ports = [80, 80]"), "tasks[0].ports: 80/tcp is there twice"),
        (
            of("ports = [80]\nnetwork_mode = \"awsvpc\""),
            "tasks[0].ports: host ports need bridge or host mode",
        ),
        (of(&format!("start_on = {:?}", ["a-0"; 11])), "tasks[0].start_on: 11 instances"),
        (of("start_on = []"), "tasks[0].start_on: 0 instances; ECS takes 1 to 10"),
        (of("start_on = [\"a-0\"]\ngang = true"), "tasks[0].gang: set although `start_on`"),
        (
            of("start_on = [\"a-0\"]\ntasks_per_submission = 2"),
            "tasks[0].tasks_per_submission: set although `start_on`",
        ),
        (of("network_mode = \"nat\""), "tasks[0].network_mode: \"nat\" is"),
        (of("architecture = \"riscv\""), "tasks[0].architecture: \"riscv\" is"),
        (
            of("constraints = [\"distinctInstance\", \"atribute:x == y\"]"),
            "tasks[0].constraints[1]: column 1:",
        ),
        (
            of(&format!("constraints = {:?}", ["distinctInstance"; 11])),
            "tasks[0].constraints: 11 with those of the task definition",
        ),
    ]);
}

#[test]
fn missing_and_impossible_sizes_are_refused() {
    let second = |keys: &str| format!("{HEAD}{KIND}[[tasks]]\n{keys}");
    check_refusals(&[
        (second("memory = 1"), "tasks[1].cpu: missing; write ECS CPU"),
        (second("cpu = 1"), "tasks[1].memory: missing; write MiB"),
        (second("cpu = 1\nmemory = 0"), "tasks[1].memory: 0 MiB"),
        (second("cpu = 1\nmemory = 1"), "tasks[1].duration: missing; set it"),
        (second("cpu = 99999999\nmemory = 1"), "tasks[1].cpu: 99999999 CPU"),
        (second("task_definition = \"a.json\""), "tasks[1].task_definition: a.json is not there"),
    ]);
}
