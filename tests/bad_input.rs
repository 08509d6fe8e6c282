//! What a user can get wrong, in tables over the built program: each try must end with exit code 2
//! and one message that says what, where and the remedy; never a panic, a hang or a result.

mod bench;
#[cfg(feature = "docker")]
mod calibrate;
mod command_line;
mod explain;
mod limits;
mod named_files;
mod results;
mod scenarios;
mod traces;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use tempfile::TempDir;

/// Longer than any of these commands takes: what is not done by then hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A right scenario that the tables put one mistake into; line numbers in messages count from its
/// first line.
pub(crate) const SCENARIO: &str = r#"name = "t"
until = "drained"
[capacity.a]
vcpus = 4
memory_mib = 16384
count = 2
[workload.w]
rate = "60/h"
until = "1h"
duration = "5m"
tasks = [{ cpu = 512, memory = 1024 }]
[compare]
strategies = ["binpack:memory", "random"]
seeds = 2
"#;

/// The same with a trace for its workload.
const TRACED: &str = r#"name = "t"
[capacity.a]
vcpus = 4
memory_mib = 16384
count = 2
[workload.w]
format = "csv"
file = "t.csv"
"#;

/// The right scenario with one text in place of another.
fn edited(old: &str, new: &str) -> String {
    assert!(SCENARIO.contains(old), "the scenario has no {old:?}");
    SCENARIO.replacen(old, new, 1)
}

/// A command in a directory of its own.
pub(crate) struct Attempt {
    directory: TempDir,
    patience: Duration,
}

impl Attempt {
    /// A directory with a scenario `s.toml`.
    pub(crate) fn new(scenario: impl AsRef<[u8]>) -> Attempt {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("s.toml"), scenario).unwrap();
        Attempt { directory, patience: PATIENCE }
    }

    /// Adds a file.
    pub(crate) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Attempt {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// Waits no longer than this: for what would eat the machine's memory if it were not refused.
    pub(crate) fn patience(mut self, seconds: u64) -> Attempt {
        self.patience = Duration::from_secs(seconds);
        self
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the program here; an exit code of `None` is a program that had to be stopped.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_towtank"));
        command.current_dir(self.directory.path()).args(arguments).timeout(self.patience);
        command.output().unwrap()
    }

    /// Runs the program, which has to succeed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        output
    }

    /// Runs the program and says what is not as it should be: the exit code, the message, which
    /// must be one and hold all of `says`, and that no file has come or gone.
    fn complaint(&self, code: i32, arguments: &[&str], says: &[&str]) -> Option<String> {
        let before = files(self.directory.path());
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        let mut wrong = Vec::new();
        if output.status.code() != Some(code) {
            wrong.push(format!("ended with {}, not {code}", output.status));
        }
        if !output.stdout.is_empty() {
            wrong.push("wrote to stdout".to_owned());
        }
        if said.contains("panicked") || said.contains("stack backtrace") {
            wrong.push("panicked".to_owned());
        }
        let errors = said.lines().filter(|line| line.starts_with("error: ")).count();
        if errors != 1 {
            wrong.push(format!("has {errors} messages"));
        }
        if said.chars().any(|c| c.is_control() && c != '\n') {
            wrong.push("sends control characters to the terminal".to_owned());
        }
        let missing = says.iter().filter(|part| !said.contains(**part));
        wrong.extend(missing.map(|part| format!("does not say {part:?}")));
        let after = files(self.directory.path());
        wrong.extend(after.symmetric_difference(&before).map(|file| format!("touched {file}")));
        let shown: String = said.chars().take(600).collect();
        (!wrong.is_empty()).then(|| format!("{arguments:?} {}:\n    {shown:?}", wrong.join(", ")))
    }

    /// `run` is refused.
    fn run_refused(&self, says: &[&str]) -> Option<String> {
        self.complaint(2, &["run", "s.toml", "--no-progress"], says)
    }

    /// A command with its flags is refused; the scenario is put in behind its name.
    fn refused(&self, arguments: &[&str], says: &[&str]) -> Option<String> {
        let mut all = vec![arguments[0], "s.toml"];
        all.extend(&arguments[1..]);
        self.complaint(2, &all, says)
    }
}

/// Files below a directory, by their paths in it.
pub(crate) fn files(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else {
                let inside = path.strip_prefix(directory).unwrap();
                found.insert(inside.display().to_string());
            }
        }
    }
    found
}

/// Fails with every complaint of a table.
fn none(complaints: impl IntoIterator<Item = Option<String>>) {
    let all: Vec<String> = complaints.into_iter().flatten().collect();
    assert!(all.is_empty(), "{} tries:\n{}", all.len(), all.join("\n"));
}

/// A row of a table of mistakes: a text of the scenario, what stands there instead, and what the
/// message must say.
type Mistake<'a> = (&'a str, &'a str, &'a [&'a str]);

/// Every mistake is refused by `run`, and in the same words by `check`.
fn mistakes(table: &[Mistake<'_>]) {
    none(table.iter().flat_map(|&(old, new, says)| {
        let attempt = Attempt::new(edited(old, new));
        let on = |complaint: String| format!("{new}: {complaint}");
        let check = attempt.refused(&["check"], says).map(on);
        [attempt.run_refused(says).map(on), check]
    }));
}

#[test]
fn the_right_scenario_is_taken() {
    let attempt = Attempt::new(SCENARIO);
    attempt.succeed(&["run", "s.toml", "--no-progress"]);
    attempt.succeed(&["check", "s.toml"]);
    attempt.succeed(&["compare", "s.toml", "--no-progress"]);
    let traced = Attempt::new(TRACED).file("t.csv", "submit_s,run_s,cpu,memory_mib\n0,1,1,1\n");
    traced.succeed(&["run", "s.toml", "--no-progress"]);
}
