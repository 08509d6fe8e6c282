//! A second process that outlives a killed run and removes what the run left on the engines.
//!
//! It is this executable again, in a session of its own, so that a Ctrl-C at the terminal does not
//! reach it. Its standard input is a pipe that only the run holds: the kernel closes it however the
//! run ends.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::cgroups::CgroupLayout;
use super::clock;
use super::endpoint::{Endpoint, EngineError};
use super::engine::Engine;
use super::labels::{Labels, check_run};

/// The command of `towtank` that [`reap`] is behind, and what tells it that all is well.
pub const COMMAND: &str = "reaper";
const DONE: &str = "done";

/// How long it goes on trying where an engine does not answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// An engine may still be at work on what the run asked of it before it died: it is looked at until
/// it has had nothing for so often, so far apart.
const QUIET: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// The run's end of the pipe. Dropping it without [`Reaper::done`] removes the run's containers.
#[derive(Debug)]
pub struct Reaper {
    child: Child,
}

impl Reaper {
    /// Starts the second process. Start it before the first container.
    ///
    /// # Errors
    ///
    /// [`EngineError::Run`] for a run whose name cannot be one; [`EngineError::Call`] if the
    /// process cannot be started.
    pub fn start(run: &str, endpoints: &[Endpoint]) -> Result<Reaper, EngineError> {
        // What is running, even if its file has been replaced since.
        Reaper::start_from(Path::new("/proc/self/exe"), run, endpoints)
    }

    /// As [`Reaper::start`], from another executable of towtank.
    ///
    /// # Errors
    ///
    /// As there.
    #[doc(hidden)]
    pub fn start_from(
        executable: &Path,
        run: &str,
        endpoints: &[Endpoint],
    ) -> Result<Reaper, EngineError> {
        check_run(run)?;
        let mut command = Command::new(executable);
        command.arg(COMMAND).arg(run).args(endpoints.iter().map(Endpoint::as_str));
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let child = command.spawn().map_err(|why| EngineError::Call {
            endpoint: executable.display().to_string(),
            operation: "start of the process that cleans up after a killed run",
            why: why.to_string(),
        })?;
        Ok(Reaper { child })
    }

    /// The run has removed everything itself.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if it could not be told; then it removes what it finds.
    pub fn done(mut self) -> io::Result<()> {
        let told = self.child.stdin.take().map_or(Ok(()), |mut pipe| writeln!(pipe, "{DONE}"));
        self.child.wait()?;
        told
    }
}

/// What the second process does: waits until `input` ends, and unless it has been told that the run
/// is done, removes the run's containers from every endpoint and its cgroups. Says what it did.
///
/// # Errors
///
/// [`EngineError`] of the first endpoint that could not be cleaned within a minute; the others are
/// cleaned all the same.
pub fn reap(
    run: &str,
    endpoints: &[Endpoint],
    mut input: impl Read,
) -> Result<Option<usize>, EngineError> {
    let mut told = Vec::new();
    // A pipe that breaks has ended.
    let _ = input.read_to_end(&mut told);
    let told = String::from_utf8_lossy(&told);
    if told.lines().last().is_some_and(|line| line.trim() == DONE) {
        return Ok(None);
    }
    let cleaned = std::thread::scope(|scope| {
        let cleaning: Vec<_> =
            endpoints.iter().map(|endpoint| scope.spawn(|| clean(run, endpoint))).collect();
        let ended = cleaning.into_iter().map(|thread| thread.join().expect("it does not panic"));
        ended.collect::<Vec<_>>()
    });
    let mut count = 0;
    for outcome in cleaned {
        count += outcome?;
    }
    Ok(Some(count))
}

/// Removes a run from one engine, trying again while the engine does not answer.
fn clean(run: &str, endpoint: &Endpoint) -> Result<usize, EngineError> {
    let began = clock::now();
    let mut removed = 0;
    loop {
        match clean_once(run, endpoint, &mut removed) {
            Ok(()) => return Ok(removed),
            Err(why) if began.elapsed() > PATIENCE => return Err(why),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

fn clean_once(run: &str, endpoint: &Endpoint, removed: &mut usize) -> Result<(), EngineError> {
    // Nothing is created under these labels.
    let engine = Engine::connect(endpoint, Labels::new(run, 0)?)?;
    let mut quiet = 0;
    while quiet < QUIET {
        let found = engine.remove_all(run)?;
        *removed += found;
        quiet = if found == 0 { quiet + 1 } else { 0 };
        if quiet < QUIET {
            std::thread::sleep(PAUSE);
        }
    }
    if endpoint.is_local()
        && let Ok(layout) = CgroupLayout::of(engine.info())
    {
        let gone = layout.remove_run(run);
        gone.map_err(|why| EngineError::Call {
            endpoint: endpoint.to_string(),
            operation: "removal of a run's cgroups",
            why: why.to_string(),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_says_it_is_done_is_left_alone() {
        // The endpoint would be an error after a minute: it is not even tried.
        let nowhere = [Endpoint::parse("unix:///no/such.sock").unwrap()];
        for input in ["done\n", "done", "ready\ndone\n"] {
            assert_eq!(reap("r", &nowhere, input.as_bytes()), Ok(None), "{input:?}");
        }
    }

    #[test]
    fn without_endpoints_there_is_nothing_to_remove() {
        for input in ["", "done\nnot yet\n", "undone\n"] {
            assert_eq!(reap("r", &[], input.as_bytes()), Ok(Some(0)), "{input:?}");
        }
    }

    #[test]
    fn names_that_name_no_run_start_nothing() {
        assert!(matches!(Reaper::start("../x", &[]), Err(EngineError::Run(_))));
    }
}
