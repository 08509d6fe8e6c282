//! Where results go, and results given back to `compare`.

use std::fs;

use super::{Attempt, SCENARIO, files, none};

const RUN: [&str; 4] = ["run", "s.toml", "-q", "--out"];

/// Attempt with finished runs `a` and `b` of two strategies and one seed.
fn two_runs() -> Attempt {
    let attempt = Attempt::new(SCENARIO);
    for (name, strategy) in [("a", "random"), ("b", "first-fit")] {
        attempt.succeed(&["run", "s.toml", "-q", "--out", name, "--strategy", strategy]);
    }
    attempt
}

#[test]
fn places_that_are_not_for_results() {
    let attempt = Attempt::new(SCENARIO)
        .file("foreign/notes.txt", "mine")
        .file("file", "mine")
        .file("result/seed-1/notes.txt", "mine");
    let out = |place, says: &[&str]| attempt.complaint(2, &["run", "s.toml", "--out", place], says);
    none([
        out("foreign", &["foreign", "'notes.txt'", "--out"]),
        out("result", &["result", "'seed-1'", "--out"]),
        out("foreign/.", &["'notes.txt'"]),
        out(".", &["did not write"]),
        out("..", &["did not write"]),
        out("/", &["did not write"]),
        out("", &["--out"]),
        out("file", &["file", "not a directory", "--out"]),
        out("file/below", &["file", "not a directory", "--out"]),
    ]);
}

/// A file of the same name as one of towtank's is not towtank's.
#[test]
fn files_of_the_same_names_are_kept() {
    let attempt = Attempt::new(SCENARIO)
        .file("mine/manifest.json", "{\"short_name\": \"a web page\"}")
        .file("mine/tasks.csv", "submit_s,run_s,cpu,memory_mib\n");
    none([attempt.complaint(2, &["run", "s.toml", "--out", "mine"], &["mine", "did not write"])]);
}

#[test]
fn a_place_that_cannot_be_written_leaves_nothing() {
    let attempt = Attempt::new(SCENARIO);
    none([attempt.complaint(1, &["run", "s.toml", "-q", "--out", "/proc/x"], &["/proc"])]);
    let long = "x".repeat(300);
    none([attempt.complaint(1, &["run", "s.toml", "-q", "--out", &long], &["too long"])]);
}

/// A disk that is full, as a limit on the size of files; that writes fail then, and the program is
/// not killed, is what `trap` is for.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_that_looks_whole() {
    let attempt = Attempt::new(SCENARIO);
    for arguments in ["run s.toml -q --out r", "compare s.toml -q --out r"] {
        let script = format!("trap '' XFSZ; ulimit -f 1; exec \"$0\" {arguments}");
        let mut command = assert_cmd::Command::new("sh");
        command.current_dir(attempt.path("")).args(["-c", &script, env!("CARGO_BIN_EXE_towtank")]);
        let output = command.timeout(std::time::Duration::from_mins(1)).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {said}");
        assert!(said.contains("File too large"), "{arguments}: {said}");
        assert_eq!(files(&attempt.path("")).len(), 1, "{arguments}: s.toml alone is left");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_refused() {
    let attempt = Attempt::new(SCENARIO);
    std::os::unix::fs::symlink("nowhere", attempt.path("link")).unwrap();
    let says = ["link: is a link that leads nowhere", "--out"];
    none(
        ["link", "link/"].map(|place| attempt.complaint(2, &[&RUN[..], &[place]].concat(), &says)),
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_a_directory_is_followed() {
    let attempt = Attempt::new(SCENARIO);
    fs::create_dir(attempt.path("real")).unwrap();
    std::os::unix::fs::symlink("real", attempt.path("link")).unwrap();
    for _ in 0..2 {
        attempt.succeed(&[&RUN[..], &["link"]].concat());
        assert!(attempt.path("link").is_symlink() && attempt.path("real/manifest.json").is_file());
    }
}

/// What is there may have taken hours: only a result of the same kind replaces it.
#[test]
fn results_of_other_scenarios_and_kinds_are_kept() {
    const COMPARE: [&str; 4] = ["compare", "s.toml", "-q", "--out"];
    let sizes = ["--strategies", "random", "--instances", "5", "--seconds", "0.01"];
    let bench = [&["bench", "-q"], &sizes[..], &["--out"]].concat();
    let attempt = Attempt::new(SCENARIO);
    let to = |command: &[&'static str], place| [command, &[place]].concat();
    for _ in 0..2 {
        for place in ["results/one", "results/two"] {
            attempt.succeed(&to(&RUN, place));
        }
        attempt.succeed(&to(&COMPARE, "all"));
        attempt.succeed(&to(&bench, "cost"));
    }
    let refused = |command: &[&'static str], place: &'static str, says: &str| {
        attempt.complaint(2, &to(command, place), &[place, says, "--out"])
    };
    let others = "holds other results, in 'one'; name a directory in it";
    none([
        refused(&RUN, "results", others),
        refused(&COMPARE, "results", others),
        refused(&bench, "results", others),
        refused(&RUN, "all", "holds a comparison, which a run does not replace"),
        refused(&bench, "all", "holds a comparison, which a benchmark does not replace"),
        refused(&RUN, "all/random", "holds other results, in 'seed-1'"),
        refused(&COMPARE, "results/one", "holds a run, which a comparison does not replace"),
        refused(&bench, "results/one", "holds a run"),
        refused(&RUN, "cost", "holds a benchmark"),
    ]);
}

#[test]
fn a_run_and_a_comparison_have_places_of_their_own() {
    let attempt = Attempt::new(SCENARIO);
    for command in ["run", "compare", "run"] {
        attempt.succeed(&[command, "s.toml", "-q"]);
    }
    assert!(attempt.path("results/t/manifest.json").is_file());
    assert!(attempt.path("results/compare-t/comparison.json").is_file());
}

#[test]
fn earlier_results_are_replaced_whole() {
    let attempt = Attempt::new(SCENARIO);
    attempt.succeed(&[
        "run",
        "s.toml",
        "-q",
        "--out",
        "deep/er/r",
        "--set",
        "record.allocation=true",
    ]);
    assert!(attempt.path("deep/er/r/allocation.csv").exists());
    attempt.succeed(&["run", "s.toml", "-q", "--out", "deep/er/r/"]);
    assert!(!attempt.path("deep/er/r/allocation.csv").exists());
    let top: Vec<_> = fs::read_dir(attempt.path("deep/er")).unwrap().collect();
    assert_eq!(top.len(), 1, "{top:?}");
}

/// The second of two runs into one directory waits, is refused or replaces the first: none may
/// leave pieces behind, or a directory that is no whole result.
#[test]
fn runs_into_one_directory_at_once() {
    let attempt = Attempt::new(SCENARIO);
    for _ in 0..8 {
        std::thread::scope(|scope| {
            for seed in ["1", "2", "3", "4"] {
                let attempt = &attempt;
                scope.spawn(move || attempt.run(&[&RUN[..], &["r", "--seed", seed]].concat()));
            }
        });
        let found = files(&attempt.path(""));
        let pieces: Vec<_> = found.iter().filter(|file| file.contains(".partial-")).collect();
        assert!(pieces.is_empty(), "{pieces:?}");
        assert_eq!(found.len(), 8, "{found:?}");
    }
}

#[test]
fn directories_made_for_a_result_go_with_it() {
    let trace = "submit_s,run_s,cpu,memory_mib\n0,1,1,1\nx,1,1,1\n";
    let attempt = Attempt::new(super::TRACED).file("t.csv", trace);
    none([attempt.run_refused(&["line 3"])]);
    assert!(!attempt.path("results").exists());
}

// --- compare of finished runs --------------------------------------------------------------------

#[test]
fn what_is_no_pair_of_runs() {
    let attempt = two_runs();
    attempt.succeed(&["compare", "a", "b"]);
    attempt.succeed(&["run", "s.toml", "-q", "--out", "c", "--seed", "2", "--strategy", "fgd"]);
    let faster = "workload.w.rate=90/h";
    attempt.succeed(&["run", "s.toml", "-q", "--out", "d", "--strategy", "fgd", "--set", faster]);
    let refused = |arguments: &[&str], says| {
        let all = [&["compare"], arguments].concat();
        attempt.complaint(2, &all, says)
    };
    none([
        refused(&["a"], &["a: a directory by itself", "a second run"]),
        refused(&["a", "s.toml"], &["s.toml: is a file", "a scenario is compared by itself"]),
        refused(&["a", "none"], &["none: no such directory", "check the path"]),
        refused(&["none", "nor"], &["none: no such directory"]),
        refused(&["s.toml", "s.toml"], &["s.toml: is a file"]),
        refused(&["a", "."], &["summary.json", "`towtank run`"]),
        refused(&["a", "a"], &["\"random\"", "two runs with seed 1"]),
        refused(&["a", "c"], &["seed"]),
        refused(&["a", "d"], &["different workloads"]),
        refused(&["a", "b", "--metric", "x"], &["metric", "wait_s.mean"]),
    ]);
}

#[test]
fn summaries_that_are_damaged() {
    let attempt = two_runs();
    let right = fs::read_to_string(attempt.path("b/summary.json")).unwrap();
    let table = [
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        right[..300].to_owned(),
        right.replacen("fingerprint", "fngerprint", 1),
        right.replacen("\"seed\": 1", "\"seed\": -1", 1),
        right.replacen("\"seed\": 1", "\"seed\": 1e400", 1),
        right.replacen("\"seed\": 1", "\"seed\": 1, \"seed\": 2", 1),
    ];
    none(table.map(|text| {
        fs::write(attempt.path("b/summary.json"), &text).unwrap();
        attempt.complaint(2, &["compare", "a", "b"], &["b/summary.json", "not a summary"])
    }));
    fs::remove_file(attempt.path("b/summary.json")).unwrap();
    none([attempt.complaint(2, &["compare", "a", "b"], &["b/summary.json", "cannot be read"])]);
}

#[test]
fn names_in_summaries_do_not_reach_the_terminal_raw() {
    let attempt = two_runs();
    let right = fs::read_to_string(attempt.path("b/summary.json")).unwrap();
    let red = right.replacen("\"arm\": \"first-fit\"", "\"arm\": \"\\u001b[31mred\"", 1);
    assert_ne!(red, right);
    fs::write(attempt.path("b/summary.json"), red).unwrap();
    let output = attempt.run(&["compare", "a", "b"]);
    assert!(!output.stdout.contains(&0x1b), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Figures of different things are not averaged.
#[test]
fn runs_of_one_arm_that_differ_in_the_scenario() {
    let attempt = two_runs();
    let random = |name, seed, set| {
        let flags = ["--strategy", "random", "--seed", seed, "--set", set];
        attempt.succeed(&[&RUN[..], &[name], &flags].concat());
    };
    random("c", "2", "capacity.a.count=3");
    random("d", "2", "record.tasks=false");
    let says = ["a and c", "one arm, 'random'", "differ in capacity.a.count", "--axis"];
    none([attempt.complaint(2, &["compare", "a", "c"], &says)]);
    attempt.succeed(&["compare", "a", "d"]);
}

#[test]
fn runs_of_other_versions_and_without_manifests() {
    let attempt = two_runs();
    let manifest = attempt.path("b/manifest.json");
    let right = fs::read_to_string(&manifest).unwrap();
    let other = right.replacen("\"engine_version\": \"", "\"engine_version\": \"99.", 1);
    assert_ne!(other, right);
    fs::write(&manifest, other).unwrap();
    let says = ["b: made by towtank 99.", "a by towtank", "within one version"];
    none([attempt.complaint(2, &["compare", "a", "b"], &says)]);
    fs::remove_file(&manifest).unwrap();
    none([attempt.complaint(2, &["compare", "a", "b"], &["b/manifest.json", "cannot be read"])]);
}

/// Flags that say how to run have no meaning where nothing is run.
#[test]
fn flags_of_scenarios_on_finished_runs() {
    let attempt = two_runs();
    let flags = [
        ["--seeds", "3"],
        ["--seed", "3"],
        ["--strategies", "fgd,random"],
        ["--strategy", "fgd"],
        ["--queue", "fifo"],
        ["--axis", "queue=ecs,fifo"],
        ["--set", "capacity.a.count=3"],
        ["--placer", "naive"],
    ];
    none(flags.map(|[flag, value]| {
        attempt.complaint(2, &["compare", "a", "b", flag, value], &[flag, "scenario"])
    }));
}

#[test]
fn a_comparison_does_not_replace_the_runs_it_reads() {
    let attempt = two_runs();
    let arguments = ["compare", "a", "b", "--out", "a"];
    none([attempt.complaint(2, &arguments, &["a", "--out"])]);
}

#[test]
fn runs_measured_over_different_times_are_not_compared() {
    let attempt = two_runs();
    let late = ["--strategy", "fgd", "--set", "warm_up=10m"];
    attempt.succeed(&[&RUN[..], &["c"], &late].concat());
    none([attempt.complaint(2, &["compare", "a", "c"], &["warm-up"])]);
}
