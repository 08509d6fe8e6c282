//! The command line: one file per command, and the only code that prints.

mod bench;
#[cfg(feature = "docker")]
mod calibrate;
mod check;
mod compare;
mod compare_runs;
mod explain;
mod failure;
mod list;
mod machine;
mod options;
#[cfg(feature = "docker")]
mod program;
mod progress;
#[cfg(feature = "docker")]
mod reaper;
#[cfg(feature = "docker")]
mod replay;
#[cfg(feature = "docker")]
mod replay_gc;
mod run;
mod wall;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// A discrete-event simulator of Amazon ECS cluster scheduling.
#[derive(Debug, Parser)]
#[command(name = "towtank", version, max_term_width = 80, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Data goes to stdout, progress and messages to stderr.
Exit codes: 0 done, 1 the run failed, 2 bad input, 3 an invariant broke,
130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario once
    Run(run::RunArgs),
    /// Compare arms over the same seeds: paired statistics, ranking, plots
    Compare(compare::CompareArgs),
    /// Say why a task of a finished run was placed where it was, or was not placed
    Explain(explain::ExplainArgs),
    /// Check a scenario and show it with defaults
    Check(check::CheckArgs),
    /// Measure what placement decisions cost on this machine, in wall-clock time
    Bench(bench::BenchArgs),
    /// Measure a Docker Engine, for simulations of it
    #[cfg(feature = "docker")]
    Calibrate(calibrate::CalibrateArgs),
    /// Run a scenario on real containers, and say how wrong its simulation is
    #[cfg(feature = "docker")]
    Replay(replay::ReplayArgs),
    /// List strategies, queues, formats or instance types
    List(list::ListArgs),
    /// What a container of the workload image runs
    #[cfg(feature = "docker")]
    #[command(hide = true)]
    Program(program::ProgramArgs),
    /// Cleans up after a killed run
    #[cfg(feature = "docker")]
    #[command(hide = true)]
    Reaper(reaper::ReaperArgs),
}

/// Runs the command that the process was started with. `allocated` tells the bytes that the process
/// has allocated and not freed, where an allocator counts them: `towtank bench` reads it.
pub fn main(allocated: Option<fn() -> usize>) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap exits with 2 on bad input and 0 on help, as we do.
            let printed = error.print().and_then(|()| std::io::stdout().flush());
            return match printed {
                _ if error.use_stderr() => ExitCode::from(2),
                Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => {
                    say(&format!("error: standard output: {why}"));
                    ExitCode::from(1)
                }
                _ => ExitCode::SUCCESS,
            };
        }
    };
    #[cfg(feature = "docker")]
    if let Command::Program(args) = &cli.command {
        return program::program(args);
    }
    // An assertion that fails is a broken invariant: its own message is on stderr already.
    let result = std::panic::catch_unwind(|| match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Compare(args) => compare::compare(args),
        Command::Explain(args) => explain::explain(args),
        Command::Check(args) => check::check(args),
        Command::Bench(args) => bench::bench(args, allocated),
        #[cfg(feature = "docker")]
        Command::Calibrate(args) => calibrate::calibrate(args),
        #[cfg(feature = "docker")]
        Command::Replay(args) => replay::replay(args),
        Command::List(args) => list::list(args),
        #[cfg(feature = "docker")]
        Command::Reaper(args) => reaper::reaper(args),
        #[cfg(feature = "docker")]
        Command::Program(_) => unreachable!("it has returned above"),
    });
    match result.unwrap_or_else(|_| Err(Failure::invariant())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("error: {failure}"));
            ExitCode::from(failure.code())
        }
    }
}

/// Writes data to stdout; a reader that has gone away ends the output, not the program.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes()));
    match written.and_then(|()| out.flush()) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("standard output: {why}")))
        }
        _ => Ok(()),
    }
}

/// Writes a message to stderr, without the control characters that names may have.
fn say(text: &str) {
    let lines = text.lines().map(crate::report::format::printable);
    let mut err = std::io::stderr().lock();
    for line in lines {
        let _ = writeln!(err, "{line}");
    }
}

/// Columns of the terminal; 80 where there is none.
fn columns() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    terminal.unwrap_or(80).clamp(60, 160)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn help_fits_80_columns() {
        let mut cli = Cli::command();
        cli.build();
        let mut texts =
            [cli.render_help(), cli.render_long_help()].map(|one| one.to_string()).to_vec();
        for command in cli.get_subcommands_mut() {
            texts.push(command.render_help().to_string());
            texts.push(command.render_long_help().to_string());
        }
        let lines = texts.iter().flat_map(|text| text.lines());
        let wide: Vec<&str> = lines.filter(|line| line.chars().count() > 80).collect();
        assert!(texts.len() > 12 && wide.is_empty(), "{wide:#?}");
    }
}
