//! What people read: tables, plots and the files of a run directory.

pub mod bench_csv;
pub mod bench_files;
pub mod bench_table;
mod footnotes;
pub mod format;
pub mod output;
pub mod plot;
pub mod run_directory;
pub mod summary_table;
pub mod table;
