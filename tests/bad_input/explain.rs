//! Runs that cannot be explained, and tasks that are none.

use std::fs;

use towtank::backend::journal::Journal;

use super::{Attempt, SCENARIO, TRACED, none};

const TRACE: &str = "submit_s,run_s,cpu,memory_mib\n0,1,1,1\n";

/// A directory with a finished run `r`.
fn ran() -> Attempt {
    let attempt = Attempt::new(SCENARIO);
    attempt.succeed(&["run", "s.toml", "-q", "--out", "r"]);
    attempt
}

/// The manifest of `r` with one text in place of another.
fn edit(attempt: &Attempt, old: &str, new: &str) {
    let path = attempt.path("r/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "the manifest has no {old:?}");
    fs::write(path, text.replacen(old, new, 1)).unwrap();
}

#[test]
fn tasks_that_are_none() {
    let attempt = ran();
    let refused = |task, says: &[&str]| attempt.complaint(2, &["explain", "r", task], says);
    none([
        refused("1000000", &["no task 1000000", "the run has 0 to ", "tasks.csv"]),
        refused("18446744073709551615", &["no task 18446744073709551615"]),
        refused("18446744073709551616", &["is no task", "tasks.csv"]),
        refused("-0", &["-0"]),
        refused("", &["is no task"]),
        refused("web", &["'web' is no task", "tasks.csv"]),
        refused("1/", &["'1/' is no task"]),
        refused("service:web", &["there is no service web", "the run has none"]),
        refused("service:", &["there is no service"]),
        refused("\u{1b}[31m", &["is no task"]),
    ]);
}

#[test]
fn directories_that_are_no_runs() {
    let attempt = ran();
    attempt.succeed(&["compare", "s.toml", "-q", "--out", "c"]);
    fs::create_dir(attempt.path("p")).unwrap();
    fs::write(attempt.path("p/replay.json"), "{}").unwrap();
    let refused = |run, says: &[&str]| attempt.complaint(2, &["explain", run, "0"], says);
    none([
        refused("none", &["none/manifest.json", "cannot be read", "`towtank run`"]),
        refused("s.toml", &["cannot be read"]),
        refused(".", &["`towtank run`"]),
        refused("c", &["this is a comparison", "ARM/seed-N"]),
        refused("p", &["this is a replay", "real/ARM/N"]),
    ]);
}

#[test]
fn manifests_that_are_damaged() {
    for (old, new, says) in [
        ("{", "", "not the manifest of a run"),
        ("\"fingerprint\"", "\"fngerprint\"", "not the manifest of a run"),
        ("\"seed\": 1", "\"seed\": -1", "not the manifest of a run"),
        ("\"engine_version\": \"", "\"engine_version\": \"99.", "made by towtank 99."),
        ("\"drained\"", "\"dried\"", "until"),
        ("\"queue\"", "\"que\"", "unknown key"),
    ] {
        let attempt = ran();
        edit(&attempt, old, new);
        none([attempt.complaint(2, &["explain", "r", "0"], &["r/manifest.json", says])]);
    }
}

/// What was not run from this manifest is not explained as if it had been.
#[test]
fn a_run_that_comes_out_otherwise() {
    let attempt = ran();
    edit(&attempt, "\"fingerprint\": \"", "\"fingerprint\": \"0");
    none([attempt.complaint(
        1,
        &["explain", "r", "0"],
        &["fingerprint", "run the scenario again"],
    )]);
}

#[test]
fn real_hosts_that_kept_no_journal() {
    let attempt = ran();
    edit(&attempt, "{", "{\"hosts\": \"docker\",");
    let says = ["hosts: 'docker'", "name a simulated run"];
    none([attempt.complaint(2, &["explain", "r", "0"], &says)]);
    for place in ["p/real/random", "p/simulated/random"] {
        fs::create_dir_all(attempt.path(place)).unwrap();
    }
    attempt.succeed(&["run", "s.toml", "-q", "--out", "p/simulated/random/1"]);
    fs::rename(attempt.path("r"), attempt.path("p/real/random/1")).unwrap();
    let says = ["name the simulated run, ", "/p/simulated/random/1"];
    none([attempt.complaint(2, &["explain", "p/real/random/1", "0"], &says)]);
    attempt.succeed(&["explain", "p/simulated/random/1", "0"]);
}

/// A journal counts where the manifest tells of it, and as it was then.
#[test]
fn journals_that_are_gone_or_others() {
    let attempt = ran();
    let journal = attempt.path("r/journal.csv");
    fs::write(&journal, "x").unwrap();
    attempt.succeed(&["explain", "r", "0"]);
    edit(&attempt, "{", "{\"journal\": \"0123\",");
    let refused = |says| attempt.complaint(2, &["explain", "r", "0"], &["r/journal.csv", says]);
    let changed = refused("is not the one that the manifest tells of; restore it");
    fs::remove_file(&journal).unwrap();
    let gone = refused("is not there, or no file");
    fs::create_dir(&journal).unwrap();
    none([changed, gone, refused("run the replay again")]);
}

#[test]
fn journals_of_something_else() {
    let head = "at_us,event,task,outcome\n";
    for (lines, code, says) in [
        ("", 1, "fingerprint"),
        ("0,outside,,\n", 1, "fingerprint"),
        ("0,outside,\n", 2, "journal.csv, line 2: '0,outside,'"),
        ("7,outside,,\n", 2, "journal.csv is not of this run: at 0.000007 s nothing is due"),
        ("0,timer,,\n", 2, "run the replay again"),
        ("0,started,0,\n", 2, "task 0 does not come to that"),
        ("0,started,0,", 2, "the line has no end"),
    ] {
        let attempt = ran();
        let text = format!("{head}{lines}");
        fs::write(attempt.path("r/journal.csv"), &text).unwrap();
        edit(&attempt, "{", &format!("{{\"journal\": \"{}\",", Journal::hash(&text)));
        none([attempt.complaint(code, &["explain", "r", "0"], &[says])]);
        none([attempt.complaint(code, &["explain", "r", "service:web"], &[says])]);
    }
}

#[test]
fn inputs_that_are_gone_or_others() {
    let attempt = Attempt::new(TRACED).file("t.csv", TRACE).file("empty/x", "");
    attempt.succeed(&["run", "s.toml", "-q", "--out", "r"]);
    let refused = |arguments: &[&str], says: &[&str]| {
        attempt.complaint(2, &[&["explain", "r", "0"], arguments].concat(), says)
    };
    none([
        refused(&["--inputs", "empty"], &["inputs.workload.w.file", "'t.csv'", "--inputs"]),
        refused(&["--inputs", "none"], &["inputs.workload.w.file", "--inputs"]),
    ]);
    fs::write(attempt.path("t.csv"), TRACE.replace("0,1,1,1", "0,1,1,2")).unwrap();
    none([refused(&[], &["t.csv has changed since the run", "restore it", "--inputs"])]);
    fs::remove_file(attempt.path("t.csv")).unwrap();
    none([refused(&[], &["'t.csv' is not to be found", "--inputs"])]);
}
