//! Discrete-event simulation core: time, the event queue, keyed randomness and probability laws.

pub mod law;
mod queue;
mod random;
mod time;

pub use law::{
    BoundedPareto, Constant, Empirical, Exponential, Gamma, HyperExponential, Law, LawError,
    LogNormal, Normal, Pareto, Poisson, Uniform, Weibull, Zipf,
};
pub use queue::{EventKey, EventQueue};
pub use random::{Purpose, Seed, Stream, pick};
pub use time::{SimDuration, SimTime, parse_seconds};
