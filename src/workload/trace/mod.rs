//! Traces as they go into a run: rows in batches, read ahead in a thread or from a cache, and the
//! events they are. What a run gets never depends on the way.

mod ahead;
mod batch;
mod cache;
mod encoding;
mod source;

pub use batch::{BATCH_ROWS, Batch, Definition, End, ReadRows, Row};
pub use cache::{CachedRows, CachedTrace, TraceCache, hash_file};
pub use source::Submissions;

#[cfg(test)]
mod tests;
