//! The kinds of results that a directory can hold, and how one is recognised.

use std::fmt;
use std::fs;
use std::path::Path;

/// What a result directory holds as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKind {
    /// Of `towtank run`, or one run of a comparison.
    Run,
    /// Of `towtank compare`.
    Comparison,
    /// Of `towtank bench`.
    Benchmark,
    /// Of `towtank replay`.
    Replay,
}

impl ResultKind {
    const ALL: [ResultKind; 4] =
        [ResultKind::Run, ResultKind::Comparison, ResultKind::Benchmark, ResultKind::Replay];

    /// What is in a directory, if it is a result of towtank's.
    pub fn of(directory: &Path) -> Option<ResultKind> {
        ResultKind::ALL.into_iter().find(|kind| {
            let (file, key) = kind.mark();
            has_key(&directory.join(file), key)
        })
    }

    /// Whether it has directories of arms, with their runs in them.
    pub(super) fn has_arms(self) -> bool {
        matches!(self, ResultKind::Comparison | ResultKind::Replay)
    }

    /// The file at its top by which it is known, and a key that no file but towtank's has.
    fn mark(self) -> (&'static str, &'static str) {
        match self {
            ResultKind::Run => ("manifest.json", "fingerprint"),
            ResultKind::Comparison => ("comparison.json", "ranking_metric"),
            ResultKind::Benchmark => ("bench.json", "clock_overhead_ns"),
            ResultKind::Replay => ("replay.json", "kendall_tau"),
        }
    }
}

impl fmt::Display for ResultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResultKind::Run => "a run",
            ResultKind::Comparison => "a comparison",
            ResultKind::Benchmark => "a benchmark",
            ResultKind::Replay => "a replay",
        })
    }
}

fn has_key(file: &Path, key: &str) -> bool {
    let value = fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    value.is_some_and(|value: serde_json::Value| value.get(key).is_some())
}
