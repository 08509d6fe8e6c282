//! Plots as SVG files: shares and pending tasks over time, the ranking of a comparison, what
//! decisions cost, and how wrong a simulation was.
//!
//! Text stays text and asks for a generic font, so that the bytes do not depend on the machine.
//! Equal input gives equal bytes. Lines differ in colour and in the mark of their badges, which
//! can be told apart in grey too.

mod canvas;
mod cost;
mod lines;
mod ranking;
mod replay;
mod timeline;

pub use canvas::PlotError;
pub(super) use cost::nanos_text;
pub use cost::{cost_svg, latency_svg};
pub use ranking::metric_svg;
pub use replay::{error_svg, replay_metric_svg};
pub use timeline::{pending_svg, utilisation_svg};
