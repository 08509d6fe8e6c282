//! Integration tests, one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod docs;
mod life;
mod openb;
mod oracles;
mod tidy;
