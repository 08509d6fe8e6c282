//! The Docker backend: the controller's commands carried out on real containers.
//!
//! The async client stays inside this module, on threads of its own; all outside is blocking.

mod backend;
pub mod cgroups;
mod client;
pub mod clock;
mod container;
mod container_plan;
mod containers;
mod cores;
mod elf;
mod endpoint;
mod engine;
mod image;
mod labels;
mod lives;
pub mod message;
mod observation;
pub mod perform;
pub mod program;
pub mod reaper;
mod scale;
pub mod sweep;
mod timestamp;

pub use backend::{DockerBackend, Waited, Watch};
pub use container_plan::ContainerRules;
pub use containers::{Containers, Hosting, InstanceSize, InstanceUse, WithoutBudgets};
pub use endpoint::{Endpoint, EngineError};
pub use engine::{Engine, EngineInfo, FoundContainer};
pub use labels::{Labels, Owner};
pub use observation::{ContainerObservation, Lags};
pub use scale::Scale;
