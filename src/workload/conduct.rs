//! What nature knows of all tasks of a definition: how they start and stop, not how long they run.

use std::sync::Arc;

use crate::des::SimDuration;

use super::containers::Containers;
use super::health::HealthCheck;
use super::law_spec::DurationLaw;

/// How the tasks of a definition start and stop on their hosts. By default they have no image,
/// start whenever they are told to, and exit as soon as they are told to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conduct {
    /// The image that a host must have before it can start one.
    pub image: Option<Image>,
    /// How long one takes to exit after SIGTERM; no time if `None`, or what its containers take.
    pub shutdown: Option<DurationLaw>,
    /// Time after SIGTERM at which one is killed: ECS's `stopTimeout`; the default of the life
    /// cycle if `None`.
    pub stop_timeout: Option<SimDuration>,
    /// Share of the starts that fail, 0 to 1.
    pub fails_to_start: f64,
    /// Its containers, where there are several or they depend on each other.
    pub containers: Option<Arc<Containers>>,
    /// Its health check, with what that will find.
    pub health_check: Option<HealthCheck>,
}

impl Conduct {
    /// Whether a task that is told to stop takes time to exit.
    pub fn takes_time_to_exit(&self) -> bool {
        let containers = self.containers.as_ref();
        self.shutdown.is_some() || containers.is_some_and(|all| all.take_time_to_exit())
    }
}

/// A container image. Layers are not modelled: two images have nothing in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name: hosts tell images apart by it.
    pub name: Arc<str>,
    /// What is transferred to pull it: its compressed size.
    pub bytes: u64,
}
