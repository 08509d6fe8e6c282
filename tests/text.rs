//! Tables that a run writes, read back.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Text that is written while a run goes on, and read after it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A row of a table, by column.
pub(crate) type Row = BTreeMap<String, String>;

impl Text {
    pub(crate) fn read(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let text = self.read();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(Result::unwrap).collect()
    }
}
