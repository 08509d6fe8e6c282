//! `towtank program`: what the containers of the workload image run. It starts fast, because its
//! start is part of what is measured.

use std::process::ExitCode;

use clap::Args;

use crate::backend::docker::perform::{StopFlag, perform};
use crate::backend::docker::program::Program;

/// Arguments of `towtank program`.
#[derive(Debug, Args)]
pub(super) struct ProgramArgs {
    /// What to do, in JSON
    program: String,
}

/// Performs the program, prints one line about it, and exits as it says.
pub(super) fn program(args: &ProgramArgs) -> ExitCode {
    let program: Program = match serde_json::from_str(&args.program) {
        Ok(program) => program,
        Err(why) => {
            super::say(&format!("error: the program is not one: {why}"));
            return ExitCode::from(2);
        }
    };
    let stop = StopFlag::default();
    let flag = stop.clone();
    if let Err(why) = ctrlc::set_handler(move || flag.set()) {
        super::say(&format!("error: signals cannot be handled: {why}"));
        return ExitCode::from(1);
    }
    let (said, code) = perform(&program, &stop);
    let line = serde_json::to_string(&said).expect("figures that are finite always serialise");
    // Nobody reads the log of a container whose engine is gone.
    let _ = super::print(&line);
    ExitCode::from(code)
}
