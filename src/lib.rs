//! towtank: a discrete-event simulator of Amazon ECS cluster scheduling.
//!
//! (The guide follows.)

pub mod backend;
pub mod catalogue;
pub mod controller;
pub mod des;
pub mod experiment;
pub mod metrics;
pub mod model;
pub mod placement;
pub mod queueing;
pub mod report;
pub mod run;
pub mod scenario;
pub mod workload;
