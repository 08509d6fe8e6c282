//! What is wrong with a scenario, where, and the remedy.

use std::fmt;

/// A scenario that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file, or the flag, it stands in.
    pub place: String,
    /// Line of the file, from 1.
    pub line: Option<usize>,
    /// Path of the key, such as `capacity.web.count`; empty where no key is at fault.
    pub key: String,
    /// The value, what is wrong with it, and the remedy.
    pub problem: String,
}

impl std::error::Error for ScenarioError {}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ", {}", self.key)?;
        }
        write!(f, ": {}", self.problem)
    }
}
