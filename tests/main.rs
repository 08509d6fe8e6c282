//! Integration tests, one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "tests say what they measured and why they skip")]

mod bad_input;
mod bench;
mod conformance;
mod determinism;
mod dlrm;
#[cfg(feature = "docker")]
mod docker;
mod docs;
mod ecs;
mod explain;
mod life;
mod openb;
mod oracles;
mod text;
mod tidy;
