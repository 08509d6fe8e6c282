//! Names of the things in a file, each of which may stand there once.

use std::collections::BTreeMap;

use crate::workload::WorkloadError;

use super::{Column, Rows, shown};

/// Names, numbered from 0 in order of the file.
#[derive(Debug, Default)]
pub struct Names {
    /// Number and line by name.
    known: BTreeMap<Box<str>, (usize, u64)>,
}

impl Names {
    /// Adds the name in a column of the current row. O(log names).
    ///
    /// # Errors
    /// It is empty, or was there before.
    pub fn add(&mut self, rows: &Rows, column: Column) -> Result<(), WorkloadError> {
        let name = rows.filled(column)?;
        let number = self.known.len();
        if let Some((_, before)) = self.known.insert(name.into(), (number, rows.line())) {
            let problem = format!("stands at line {before} already: remove or rename one");
            return Err(rows.wrong(column, problem));
        }
        Ok(())
    }

    /// The number of a name.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.known.get(name).map(|(number, _)| *number)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// A name, quoted, that `is_missing` says is missing: the first in order of the file.
    pub fn first(&self, is_missing: impl Fn(usize) -> bool) -> Option<String> {
        let missing = self.known.iter().filter(|(_, (number, _))| is_missing(*number));
        missing.min_by_key(|(_, (number, _))| *number).map(|(name, _)| shown(name))
    }
}
