//! What people read: tables, plots and the files of a run directory.

pub mod bench_csv;
pub mod bench_files;
pub mod bench_table;
pub mod calibration_table;
pub mod explanation;
mod footnotes;
pub mod format;
pub mod kind;
pub mod output;
pub mod plot;
pub mod replay_csv;
pub mod replay_files;
mod replay_parts;
#[cfg(feature = "docker")]
pub mod replay_runs;
pub mod replay_table;
pub mod run_directory;
pub mod summary_table;
pub mod table;
