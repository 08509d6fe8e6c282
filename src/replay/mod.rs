//! Simulation against reality: the same scenario on real containers, and how wrong the simulation
//! was.

pub mod admission;
#[cfg(feature = "docker")]
pub mod campaign;
mod error;
pub mod measure;
pub mod observed;
#[cfg(feature = "docker")]
mod open_loop;
#[cfg(feature = "docker")]
pub mod pace;
#[cfg(feature = "docker")]
pub mod probe;
#[cfg(feature = "docker")]
pub mod repetition;
pub mod simulate;
pub mod statistics;
mod task_rows;
#[cfg(feature = "docker")]
pub mod venue;
pub mod verdict;
pub mod witness;

pub use error::ReplayError;
