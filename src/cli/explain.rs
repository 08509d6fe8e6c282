//! `towtank explain`: why a task of a finished run was placed where it was, or was not placed.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::explain::service::explain_service;
use crate::explain::{Repeat, explain as explain_task};
use crate::report::explanation::{explanation_text, service_text};
use crate::report::run_directory::json_text;
use crate::run::Progress;
use crate::scenario::Manifest;

use super::failure::Failure;
use super::options;
use super::progress;

/// Arguments of `towtank explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Run directory
    run: PathBuf,
    /// Number of the task, as in the column `task` of tasks.csv; or a service, as `service:NAME`
    #[arg(value_name = "TASK")]
    subject: String,
    /// Directory that the files of the scenario are relative to [default: the current one, or one
    /// in it]
    #[arg(long, value_name = "DIR")]
    inputs: Option<PathBuf>,
    /// What is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ExplainFormat,
    /// No progress bar
    #[arg(long)]
    no_progress: bool,
    /// Errors only on stderr
    #[arg(short, long)]
    quiet: bool,
}

/// How an explanation is printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExplainFormat {
    /// Tables to read
    Table,
    /// JSON
    Json,
}

/// Makes the run once more and explains the task.
pub(super) fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    progress::catch_interrupts()?;
    let subject = Subject::of(&args.subject)?;
    let manifest = Manifest::read(&args.run)?;
    let mut scenario = manifest.rebuild(&args.run, &search(args.inputs.as_deref()))?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    scenario.reading.ahead = cores > 1;
    options::warn(&scenario.warnings, args.quiet);
    let repeat = Repeat::of(&args.run, &manifest, &scenario)?;
    let bar = progress::bar(None, "events", !args.no_progress && !args.quiet);
    let mut watch = |progress: Progress| {
        bar.set_position(progress.events);
        !progress::interrupted()
    };
    let columns = super::columns();
    let told = match subject {
        Subject::Task(task) => explain_task(&repeat, task, &mut watch)
            .map(|one| args.format.of(&one, |one| explanation_text(one, columns))),
        Subject::Service(name) => explain_service(&repeat, &name, &mut watch)
            .map(|one| args.format.of(&one, |one| service_text(one, columns))),
    };
    bar.finish_and_clear();
    super::print(&told?)
}

impl ExplainFormat {
    fn of<T: Serialize>(self, explanation: &T, table: impl Fn(&T) -> String) -> String {
        match self {
            ExplainFormat::Table => table(explanation),
            ExplainFormat::Json => json_text(explanation),
        }
    }
}

/// What is asked about.
enum Subject {
    Task(u64),
    Service(String),
}

impl Subject {
    /// Of an ARN or a path of a task the last part counts.
    fn of(text: &str) -> Result<Subject, Failure> {
        if let Some(name) = text.strip_prefix("service:") {
            return Ok(Subject::Service(name.to_owned()));
        }
        let last = text.rsplit('/').next().unwrap_or(text);
        last.parse().map(Subject::Task).map_err(|_| {
            Failure::bad_input(format!(
                "'{text}' is no task; give its number, the column `task` of tasks.csv, or a \
                 service as service:NAME"
            ))
        })
    }
}

/// Where the files of a run are looked for: in the directory given, or in the current one and then
/// in those in it, by name.
fn search(given: Option<&Path>) -> Vec<PathBuf> {
    if let Some(directory) = given {
        return vec![directory.to_owned()];
    }
    let mut search = vec![PathBuf::from(".")];
    let entries = std::fs::read_dir(".").into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
    search.extend(folders);
    search[1..].sort();
    search
}
