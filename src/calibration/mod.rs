//! What was measured of a Docker Engine, and the laws that the simulated engine draws from.

mod closed_loop;
mod engine_model;
mod file;
mod fit;
mod law;
mod load_curve;
mod validation;

pub use closed_loop::ClosedLoop;
pub use engine_model::{EngineModel, QuantileTable, burst_wait_micros};
pub use file::{
    Calibration, CalibrationError, ContendedStep, FILE_BEGIN, FORMAT_VERSION, FittedLaw, Host,
    LoadStep, MeasuredTable, Oom, Operation, QuotaStep, ShareSplit,
};
pub use fit::{Beside, Contended, FitError, Fitted, Life, Probes, fit};
pub use law::ShiftedLogNormal;
pub use load_curve::LoadCurve;
pub use validation::Validation;

#[cfg(test)]
pub(crate) use file::tests::example as example_calibration;
