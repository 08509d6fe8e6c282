//! Sizes and times beyond what can be simulated: refused, not tried until the memory is full.

use super::{Attempt, SCENARIO, edited, none};

fn service(desired_count: u64, task: &str) -> String {
    edited(
        "[compare]",
        &format!("[service.s]\ndesired_count = {desired_count}\ntask = {task}\n[compare]"),
    )
}

#[test]
fn a_service_of_billions_of_tasks() {
    let attempt = Attempt::new(service(4_294_967_295, "{ cpu = 1, memory = 1 }")).patience(3);
    none([attempt.run_refused(&["line 13", "service.s.desired_count", "at most"])]);
}

#[test]
fn a_row_of_billions_of_tasks() {
    let trace = "submit_s,run_s,cpu,memory_mib,count\n0,1,1,1,4294967295\n";
    let attempt = Attempt::new(super::TRACED).file("t.csv", trace).patience(3);
    none([attempt.run_refused(&["t.csv, line 2", "'count'", "at most"])]);
}

/// More threads than there are runs have nothing to do.
#[test]
fn a_million_threads() {
    Attempt::new(SCENARIO).succeed(&["compare", "s.toml", "-q", "--threads", "1000000"]);
}

/// What is kept of each run would fill the memory.
#[test]
fn a_comparison_of_too_many_runs() {
    let says = ["--seeds", "100000 seeds", "2 arms", "200000 runs", "100000 are the most"];
    let attempt = Attempt::new(SCENARIO).patience(3);
    none([attempt.refused(&["compare", "--seeds", "100000"], &says)]);
}

#[test]
fn a_service_whose_tasks_take_no_time() {
    let task = "{ cpu = 1, memory = 1, duration = \"0s\" }";
    none(["drained", "1h"].map(|until| {
        let scenario = service(3, task).replacen("\"drained\"", &format!("\"{until}\""), 1);
        Attempt::new(scenario).run_refused(&["line 14", "service.s.task.duration"])
    }));
}

/// A service replaces a task that ends, so such a run is never drained.
#[test]
fn a_run_that_never_ends() {
    none(
        [
            "duration = \"1h\"",
            "containers = [{ name = \"app\", run = \"1h\" }]",
            "health_check = { fails_after = \"1h\" }",
            "use = { memory = 2, memory_ramp = \"1h\" }",
            "memory_limit = 900, use = { memory = 800 }",
            "containers = [{ name = \"app\", \
             depends_on = [{ container = \"db\", condition = \"healthy\" }] }, \
             { name = \"db\", ready = \"50s\", start_timeout = \"5s\" }]",
            "containers = [{ name = \"app\", \
             depends_on = [{ container = \"init\", condition = \"success\" }] }, \
             { name = \"init\", essential = false, run = \"5s\", failures = 1 }]",
        ]
        .map(|keys| {
            let scenario = service(3, &format!("{{ cpu = 1, memory = 1, {keys} }}"));
            Attempt::new(scenario).patience(3).run_refused(&["until", "service.s"])
        }),
    );
}

/// Requests come for ever.
#[test]
fn a_run_of_requests_that_never_ends() {
    let requests =
        "[service.s.requests]\ncpu = \"10ms\"\nrates = [{ at = \"0s\", per_second = 1 }]\n";
    let scenario = service(3, "{ cpu = 1024, memory = 1 }") + requests;
    none([Attempt::new(scenario).patience(3).run_refused(&["until", "service.s gets requests"])]);
}

/// 8 000 tasks of a hundred years, one after the other, last longer than the clock goes.
#[test]
fn a_run_longer_than_the_clock() {
    let scenario = edited("vcpus = 4", "vcpus = 1")
        .replace("count = 2", "count = 1")
        .replace("cpu = 512", "cpu = 1024")
        .replace("rate = \"60/h\"", "count = 8000\nrate = \"60/s\"")
        .replace("duration = \"5m\"", "duration = \"36525d\"");
    let arguments = ["run", "s.toml", "--no-progress"];
    none([Attempt::new(scenario).complaint(1, &arguments, &["until"])]);
}

/// Nothing is left to measure: the table of undefined figures needs a word.
#[test]
fn a_warm_up_longer_than_the_run() {
    let scenario = edited("\"drained\"", "\"drained\"\nwarm_up = \"10d\"");
    let output = Attempt::new(scenario).succeed(&["run", "s.toml", "--no-progress"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("warning") && said.contains("warm_up"), "{said}");
}

#[test]
fn tasks_that_fit_nowhere_wait_and_are_explained() {
    let gang = "cpu = 512, tasks_per_submission = 500, gang = true";
    let table = [
        ("memory = 1024", "memory = 99999999", "RESOURCE:MEMORY"),
        ("count = 2", "count = 0", "0 of 0 instances"),
        ("cpu = 512", gang, "wait"),
        ("cpu = 512", "cpu = 512, gpus = 1", "RESOURCE:GPU"),
        ("cpu = 512", "cpu = 512, constraints = [\"attribute:none exists\"]", "memberOf"),
    ];
    for (old, new, why) in table {
        let attempt = Attempt::new(edited(old, new));
        let output = attempt.succeed(&["run", "s.toml", "--no-progress", "--format", "json"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(why), "{new}: {said}");
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let tasks = &summary["tasks"];
        assert_eq!(tasks["submitted"], tasks["pending_at_end"], "{new}: {tasks}");
        assert!(tasks["submitted"].as_u64().unwrap() > 0, "{new}");
    }
}
