//! What a service told during a run, and why.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::controller::Event;
use crate::des::Seed;
use crate::metrics::{Observation, Recorder};
use crate::model::ServiceId;
use crate::run::Progress;

use super::explanation::MessageFacts;
use super::told::Told;
use super::{ExplainError, Repeat};

/// What a service told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceExplanation {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the arm.
    pub arm: String,
    /// Seed of the run.
    pub seed: u64,
    /// Fingerprint of the run, which came out again.
    pub fingerprint: String,
    /// Name of the service.
    pub service: String,
    /// Its different messages, those told last at the end.
    pub told: Vec<MessageFacts>,
}

/// What was heard of one service.
#[derive(Debug)]
struct Heard {
    id: Option<ServiceId>,
    told: Told,
    /// Names of the other services.
    others: Vec<String>,
}

/// Listens to one service.
#[derive(Debug)]
struct Listener {
    name: String,
    heard: Arc<Mutex<Heard>>,
}

impl Recorder for Listener {
    fn record(&mut self, seen: &Observation<'_>) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let Heard { id, told, others } = &mut *heard;
        if let Event::ServiceCreated(spec) = seen.event {
            if spec.name == self.name {
                *id = Some(spec.id);
            } else {
                others.push(spec.name.clone());
            }
        }
        if let Some(id) = *id {
            told.note(id, &self.name, seen);
        }
    }
}

/// Makes a run once more and lists what a service told.
///
/// # Errors
/// There is no such service, or the run fails or does not come out the same.
pub fn explain_service(
    repeat: &Repeat<'_>,
    service: &str,
    watch: &mut dyn FnMut(Progress) -> bool,
) -> Result<ServiceExplanation, ExplainError> {
    let heard = Heard { id: None, told: Told::whole(), others: Vec::new() };
    let heard = Arc::new(Mutex::new(heard));
    let listener = Listener { name: service.to_owned(), heard: Arc::clone(&heard) };
    let Repeat { manifest, scenario, .. } = repeat;
    let placers = scenario.placers(Seed(manifest.seed))?;
    repeat.run(placers, Box::new(listener), watch)?;
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let Heard { id, told, others } = &*heard;
    if id.is_none() {
        let known = match others.as_slice() {
            [] => "the run has none".to_owned(),
            others => format!("the run has {}", others.join(", ")),
        };
        return Err(ExplainError::UnknownService { service: service.to_owned(), known });
    }
    Ok(ServiceExplanation {
        scenario: scenario.spec.name.clone(),
        arm: manifest.arm.clone(),
        seed: manifest.seed,
        fingerprint: manifest.fingerprint.clone(),
        service: service.to_owned(),
        told: told.facts(),
    })
}
