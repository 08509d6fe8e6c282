//! Integration tests, one binary.
mod openb;
mod oracles;
