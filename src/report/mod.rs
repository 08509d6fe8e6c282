//! What people read: tables, plots and the files of a run directory.

mod footnotes;
pub mod format;
pub mod output;
pub mod plot;
pub mod run_directory;
pub mod summary_table;
pub mod table;
