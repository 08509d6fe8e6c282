//! The `towtank` command: parse, call, say what went wrong, exit.

use std::alloc::System;
use std::process::ExitCode;

use cap::Cap;

/// The system's allocator, counting bytes for `towtank bench`. Nothing is limited.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> ExitCode {
    towtank::cli::main(Some(|| ALLOCATOR.allocated()))
}
