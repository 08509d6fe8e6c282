//! `towtank reaper`: the process that cleans up after a killed run.

use clap::Args;

use crate::backend::docker::Endpoint;
use crate::backend::docker::reaper::reap;

use super::failure::Failure;

/// Arguments of `towtank reaper`.
#[derive(Debug, Args)]
pub(super) struct ReaperArgs {
    /// Whose containers
    run: String,
    /// On which engines
    endpoints: Vec<String>,
}

/// Waits for the run to end and removes what it left.
pub(super) fn reaper(args: &ReaperArgs) -> Result<(), Failure> {
    // A leader of a process group cannot lead a session, but then it already is on its own.
    let _ = rustix::process::setsid();
    // What ends the run must not end what cleans up after it.
    ctrlc::set_handler(|| ())
        .map_err(|why| Failure::failed(format!("signals cannot be handled: {why}")))?;
    let endpoints: Result<Vec<Endpoint>, _> =
        args.endpoints.iter().map(|endpoint| Endpoint::parse(endpoint)).collect();
    let endpoints = endpoints.map_err(|why| Failure::bad_input(why.to_string()))?;
    let reaped = reap(&args.run, &endpoints, std::io::stdin().lock());
    if let Some(count) = reaped.map_err(|why| Failure::failed(why.to_string()))? {
        super::say(&format!("run {} was killed: removed {count} containers", args.run));
    }
    Ok(())
}
