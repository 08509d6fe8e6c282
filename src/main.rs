//! The `towtank` command: parse, call, say what went wrong, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    towtank::cli::main()
}
