//! Open loop: what the simulation decided is carried out on real containers, at the times it was
//! decided at. It shows how wrong the model of execution is, whatever strategies make of it.

use crate::backend::docker::{DockerBackend, Waited};
use crate::backend::{Backend, BackendError};
use crate::des::SimTime;
use crate::workload::Workload;

use super::ReplayError;
use super::witness::{Decision, Notes};

/// Carries out `decisions`.
///
/// # Errors
/// The workload cannot be read, the engine fails, or the replay was interrupted.
pub(super) fn carry_out(
    mut workload: Workload,
    decisions: &[Decision],
    backend: &mut DockerBackend<'_>,
    until: Option<SimTime>,
) -> Result<Notes, ReplayError> {
    let mut notes = Notes::default();
    while let Some((at, external)) = workload.next_event()? {
        notes.external(&external);
        backend.submit(at, external)?;
    }
    for (at, command) in decisions {
        while step(backend, &mut notes, Some(*at))? {}
        notes.at(*at);
        notes.command(command);
        backend.execute(command.clone())?;
    }
    while !backend.is_drained() && step(backend, &mut notes, until)? {}
    Ok(notes)
}

/// Notes the next event before a time; whether there was one.
fn step(
    backend: &mut DockerBackend<'_>,
    notes: &mut Notes,
    limit: Option<SimTime>,
) -> Result<bool, BackendError> {
    match backend.wait(limit)? {
        Waited::Event(at, event) => {
            notes.event(at, &event);
            Ok(true)
        }
        Waited::TimeUp | Waited::Drained => Ok(false),
    }
}
