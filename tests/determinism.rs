//! Equal bytes: the same scenario and seed give the same files whatever the number of threads, the
//! placer, and whether the run is alone or part of a comparison; what is interrupted leaves
//! nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::bad_input::{Attempt, SCENARIO, files};

/// Small, and with everything that strategies look at: zones, GPUs and shares of them, ports,
/// gangs, a service with a constraint, delays, ties.
const MIXED: &str = r#"
name = "mixed"

[capacity.gpu]
instance_type = "g5.12xlarge"
count = 3
availability_zones = ["a", "b"]

[capacity.plain]
vcpus = 8
memory_mib = 32768
count = 3
start_delay = { exponential = { mean = "3s" } }
sharing = "cfs"

[workload.batch]
rate = "120/h"
until = "2h"
duration = { exponential = { mean = "20m" } }
arrivals = { clustered = { batch = { zipf = { n = 10, exponent = 1.6 } } } }

[[workload.batch.tasks]]
weight = 20
cpu = 512
memory = 1024
use = { cpu = 2048, pace = "work", memory = 1100, memory_ramp = "30m" }
cpu_limit = 1024

[[workload.batch.tasks]]
weight = 10
cpu = 2048
memory = 8000

[[workload.batch.tasks]]
weight = 5
cpu = 1000
memory = 2000
gpus = 1
gpu_milli = 500

[[workload.batch.tasks]]
cpu = 1000
memory = 2000
gpus = 2

[[workload.batch.tasks]]
cpu = 100
memory = 100
ports = [80]
tasks_per_submission = 3
gang = true

[service.web]
desired_count = 4
task = { cpu = 256, memory = 512, constraints = ["distinctInstance"] }
changes = [{ at = "1h", desired_count = 6 }, { at = "90m", desired_count = 1 }]

[compare]
seeds = 2
"#;

/// The one file that wall-clock time may change.
const TIMING: &str = "timing.json";

/// Contents of all files below a directory, apart from wall-clock measurements.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = files(directory).into_iter().filter(|file| !file.ends_with(TIMING));
    let tree: BTreeMap<_, _> =
        all.map(|file| (file.clone(), fs::read(directory.join(&file)).unwrap())).collect();
    assert!(tree.len() > 3, "{} holds {:?}", directory.display(), tree.keys());
    tree
}

fn assert_same(first: &BTreeMap<String, Vec<u8>>, second: &BTreeMap<String, Vec<u8>>, of: &str) {
    let names = |tree: &BTreeMap<String, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(first), names(second), "{of}: different files");
    for (name, bytes) in first {
        assert!(*bytes == second[name], "{of}: {name} differs");
    }
}

/// Placements as `towtank list strategies` shows them, each parameter with every choice it offers;
/// and a chain.
fn placements(attempt: &Attempt) -> Vec<String> {
    let output = attempt.succeed(&["list", "strategies"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut all = vec!["spread:attribute:ecs.availability-zone+binpack:cpu".to_owned()];
    for line in text.lines().skip(2).filter(|line| !line.starts_with(' ')) {
        let shown = line.split("  ").next().unwrap();
        match shown.split_once(":<") {
            None => all.push(shown.to_owned()),
            Some((name, rest)) => {
                let choices = rest.trim_end_matches('>').split('|');
                all.extend(choices.map(|choice| match choice {
                    "attribute:NAME" => format!("{name}:attribute:ecs.availability-zone"),
                    number if number.starts_with("D ") => format!("{name}:3"),
                    choice => format!("{name}:{choice}"),
                }));
            }
        }
    }
    assert!(all.len() >= 24, "{all:?}");
    all
}

/// A comparison of all placements in `directory`.
fn compare_all(attempt: &Attempt, placements: &[String], directory: &str, flags: &[&str]) {
    let list = placements.join(",");
    let common = ["compare", "s.toml", "-q", "--strategies", &list, "--out", directory];
    attempt.succeed(&[&common[..], flags].concat());
}

/// Runs of a comparison: path of the run directory in it, and its summary.
fn summaries(directory: &Path) -> BTreeMap<String, serde_json::Value> {
    let all = files(directory).into_iter();
    let runs = all.filter_map(|file| file.strip_suffix("/summary.json").map(str::to_owned));
    let read = |run: String| {
        let bytes = fs::read(directory.join(&run).join("summary.json")).unwrap();
        (run, serde_json::from_slice(&bytes).unwrap())
    };
    runs.map(read).collect()
}

#[test]
fn one_thread_two_and_a_second_time() {
    let attempt = Attempt::new(MIXED);
    let placements = placements(&attempt);
    let tree = |directory: &str, threads: &str| {
        compare_all(&attempt, &placements, directory, &["--threads", threads]);
        contents(&attempt.path(directory))
    };
    let (one, two, again) = (tree("one", "1"), tree("two", "2"), tree("again", "2"));
    assert_same(&one, &two, "threads 1 and 2");
    assert_same(&two, &again, "the same twice");
}

#[test]
fn naive_and_indexed_placer_under_every_strategy() {
    let attempt = Attempt::new(MIXED);
    let placements = placements(&attempt);
    compare_all(&attempt, &placements, "indexed", &["--placer", "indexed"]);
    compare_all(&attempt, &placements, "naive", &["--placer", "naive"]);
    let mut indexed = contents(&attempt.path("indexed"));
    for (name, bytes) in &mut indexed {
        if name.ends_with("manifest.json") {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let naive = text.replacen("\"placer\": \"indexed\"", "\"placer\": \"naive\"", 1);
            assert_ne!(naive, text, "{name} does not say which placer");
            *bytes = naive.into_bytes();
        }
    }
    assert_same(&indexed, &contents(&attempt.path("naive")), "naive and indexed");
}

#[test]
fn alone_and_in_a_comparison_under_every_strategy() {
    let attempt = Attempt::new(MIXED);
    let placements = placements(&attempt);
    compare_all(&attempt, &placements, "all", &[]);
    let all = summaries(&attempt.path("all"));
    assert_eq!(all.len(), 2 * placements.len(), "{:?}", all.keys());
    for (run, summary) in all {
        let [arm, seed] = ["arm", "seed"].map(|key| summary[key].to_string().replace('"', ""));
        let flags = ["--strategy", &arm, "--seed", &seed, "--out", "alone"];
        attempt.succeed(&[&["run", "s.toml", "-q"], &flags[..]].concat());
        let together = contents(&attempt.path("all").join(&run));
        assert_same(&contents(&attempt.path("alone")), &together, &run);
    }
}

/// Arms along other axes are the same runs too, but for the name of the arm.
#[test]
fn alone_and_along_another_axis() {
    let attempt = Attempt::new(MIXED);
    let axis = ["--axis", "queue=fifo,ecs,reject", "--strategies", "random"];
    attempt.succeed(&[&["compare", "s.toml", "-q", "--out", "all"], &axis[..]].concat());
    for (run, summary) in summaries(&attempt.path("all")) {
        let [queue, seed] = ["queue", "seed"].map(|key| summary[key].to_string().replace('"', ""));
        let flags = ["--strategy", "random", "--queue", &queue, "--seed", &seed];
        attempt.succeed(&[&["run", "s.toml", "-q", "--out", "alone"], &flags[..]].concat());
        let read = |directory: &str| {
            let path = attempt.path(directory).join("summary.json");
            let bytes = fs::read(path).unwrap();
            let mut value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            value["arm"] = serde_json::Value::Null;
            value
        };
        assert_eq!(read("alone"), read(&format!("all/{run}")), "{run}");
    }
}

#[test]
fn every_strategy_faces_the_same_workload() {
    let attempt = Attempt::new(MIXED);
    let placements = placements(&attempt);
    compare_all(&attempt, &placements, "all", &["--axis", "queue=ecs,reject"]);
    let all = summaries(&attempt.path("all"));
    let distinct = |key: &str| -> BTreeSet<(String, String)> {
        all.values().map(|one| (one["seed"].to_string(), one[key].to_string())).collect()
    };
    assert_eq!(distinct("workload_fingerprint").len(), 2, "one for each seed");
    // That the strategies differ at all: else the tests above would compare a run with itself.
    assert!(distinct("fingerprint").len() > placements.len());
}

// --- interrupts and closed pipes -----------------------------------------------------------------

/// A scenario that takes many seconds.
#[cfg(unix)]
fn long() -> String {
    let busy = SCENARIO.replacen("60/h", "20000/h", 1).replacen("\"1h\"", "\"60d\"", 1);
    busy.replacen("vcpus = 4", "vcpus = 64", 1).replacen("count = 2", "count = 40", 1)
}

/// Sends a signal to a command in the middle of its work: exit code, and what it said.
#[cfg(unix)]
fn signalled(attempt: &Attempt, signal: &str, arguments: &[&str]) -> (Option<i32>, String) {
    use std::process::{Command, Stdio};
    let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
    command.args(arguments).current_dir(attempt.path(""));
    // It is at work as soon as it writes somewhere.
    let before = files(&attempt.path("")).len();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = || files(&attempt.path("")).len() > before;
    for _ in 0..500 {
        if started() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(started(), "{arguments:?} wrote nothing in five seconds");
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to stdout");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing() {
    let attempt = Attempt::new(long());
    let run: &[&str] = &["run", "s.toml", "--no-progress", "--out", "r"];
    let compare: &[&str] = &["compare", "s.toml", "--no-progress", "--out", "c"];
    for arguments in [run, compare] {
        let (code, said) = signalled(&attempt, "-INT", arguments);
        assert_eq!(code, Some(130), "{arguments:?}: {said}");
        assert_eq!(said, "error: interrupted; nothing was written\n", "{arguments:?}");
        let left: Vec<_> = fs::read_dir(attempt.path("")).unwrap().collect();
        assert_eq!(left.len(), 1, "{arguments:?} left {left:?}");
    }
}

/// As sent by a scheduler whose time is up.
#[cfg(unix)]
#[test]
fn a_request_to_end_leaves_nothing() {
    let attempt = Attempt::new(long());
    let arguments = ["run", "s.toml", "--no-progress", "--out", "r"];
    let (code, said) = signalled(&attempt, "-TERM", &arguments);
    assert_ne!(code, Some(0), "{said}");
    let left: Vec<_> = fs::read_dir(attempt.path("")).unwrap().collect();
    assert_eq!(left.len(), 1, "left {left:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_the_earlier_result() {
    let attempt = Attempt::new(long());
    attempt.succeed(&["run", "s.toml", "-q", "--out", "r", "--set", "workload.w.until=1h"]);
    let before = contents(&attempt.path("r"));
    let (code, _) = signalled(&attempt, "-INT", &["run", "s.toml", "-q", "--out", "r"]);
    assert_eq!(code, Some(130));
    assert_same(&before, &contents(&attempt.path("r")), "the earlier result");
}

/// As by `| head -1`.
#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::{Command, Stdio};
    let attempt = Attempt::new(SCENARIO);
    let commands: [&[&str]; 3] = [
        &["list", "instance-types"],
        &["run", "s.toml", "-q", "--format", "json"],
        &["compare", "s.toml", "-q"],
    ];
    for arguments in commands {
        let mut command = Command::new(env!("CARGO_BIN_EXE_towtank"));
        command.args(arguments).current_dir(attempt.path(""));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// A small trace, with rows in more than one batch and an error behind the end of the runs.
fn traced() -> Attempt {
    let scenario = "name = \"t\"\nuntil = \"5000s\"\n[capacity.a]\nvcpus = 64\n\
                    memory_mib = 262144\ncount = 4\n[workload.w]\nformat = \"csv\"\n\
                    file = \"t.csv\"\n[compare]\nseeds = 2\n\
                    strategies = [\"random\", \"binpack:cpu\"]\n";
    let row = |row: u32| format!("{row},{},{},512,job {row}\n", row % 90, 256 << (row % 3));
    let rows: String = (0..9000).map(row).collect();
    Attempt::new(scenario).file("t.csv", format!("submit_s,run_s,cpu,memory_mib,name\n{rows}"))
}

#[test]
fn a_trace_cache_changes_no_byte_of_the_results() {
    let attempt = traced();
    let results = |command: &str, out: &str, flags: &[&str]| {
        let out = format!("{command}-{out}");
        let common = [command, "s.toml", "--no-progress", "--out", &out];
        let output = attempt.succeed(&[&common[..], flags].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        (contents(&attempt.path(&out)), said)
    };
    for command in ["run", "compare"] {
        let (plain, _) = results(command, "plain", &[]);
        for time in ["made", "found"] {
            let (cached, said) = results(command, time, &["--trace-cache", "kept"]);
            assert_same(&plain, &cached, time);
            assert!(!said.contains("warning"), "{said}");
        }
    }
    let kept: Vec<_> = files(&attempt.path("kept")).into_iter().collect();
    assert!(kept.len() == 1, "{kept:?}");
    fs::write(attempt.path("kept").join(&kept[0]), "damaged").unwrap();
    let (plain, _) = results("run", "plain", &[]);
    let (cached, said) = results("run", "again", &["--trace-cache", "kept"]);
    assert_same(&plain, &cached, "damaged");
    assert!(
        said.contains("workload.w: trace cache kept/") && said.contains("made again"),
        "{said}"
    );
}

#[test]
fn what_is_no_cache_file_is_named_and_left_alone() {
    let attempt = traced();
    attempt.succeed(&["run", "s.toml", "-q", "--trace-cache", "kept"]);
    let kept = attempt.path("kept").read_dir().unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    let said = attempt.succeed(&["run", "s.toml", "--trace-cache", "kept"]).stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("is no regular file: remove it"), "{said}");
    assert!(!said.contains("made again") && kept.is_dir(), "{said}");
}

/// What is wrong behind the end of a run is no matter, and otherwise is told at its line, with a
/// cache as without.
#[test]
fn a_trace_cache_changes_no_error() {
    let attempt = traced();
    let text = fs::read_to_string(attempt.path("t.csv")).unwrap();
    fs::write(attempt.path("t.csv"), format!("{text}9000,oops,1,1,last\n")).unwrap();
    attempt.succeed(&["run", "s.toml", "-q", "--trace-cache", "kept"]);
    for flags in [&[][..], &["--trace-cache", "kept"]] {
        let common = ["run", "s.toml", "-q", "--set", "until=drained"];
        let output = attempt.run(&[&common[..], flags].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("t.csv, line 9002: column 'run_s': \"oops\""), "{said}");
    }
    assert!(!attempt.path("kept").exists() || files(&attempt.path("kept")).is_empty());
}
