//! A CSV file that is written while a run goes on: the first error is kept until it is closed.

use std::io::Write;

use super::RecordError;

/// A CSV file, its header written.
pub(super) struct TableFile {
    name: &'static str,
    writer: csv::Writer<Box<dyn Write + Send>>,
    error: Option<csv::Error>,
}

impl std::fmt::Debug for TableFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let TableFile { name, error, .. } = self;
        f.debug_struct("TableFile")
            .field("name", name)
            .field("error", error)
            .finish_non_exhaustive()
    }
}

impl TableFile {
    /// A file with a name for errors, on `out`.
    pub(super) fn new(
        name: &'static str,
        columns: &[&str],
        out: Box<dyn Write + Send>,
    ) -> TableFile {
        let mut writer = csv::Writer::from_writer(out);
        let error = writer.write_record(columns).err();
        TableFile { name, writer, error }
    }

    /// Writes with `write`.
    pub(super) fn write(
        &mut self,
        write: impl FnOnce(&mut csv::Writer<Box<dyn Write + Send>>) -> csv::Result<()>,
    ) {
        if let Err(error) = write(&mut self.writer) {
            self.error.get_or_insert(error);
        }
    }

    /// Writes a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.write(|writer| writer.write_record(cells));
    }

    /// Flushes what is written.
    ///
    /// # Errors
    /// The first error of any write since the start.
    pub(super) fn close(mut self) -> Result<(), RecordError> {
        let failed = |why: String| RecordError(format!("{}: {why}", self.name));
        if let Some(error) = self.error.take() {
            return Err(failed(error.to_string()));
        }
        self.writer.flush().map_err(|error| failed(error.to_string()))
    }
}
