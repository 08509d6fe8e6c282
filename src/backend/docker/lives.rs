//! What is known of each container, as a state machine without IO: answers and events of the engine
//! come in, in whatever order they arrive; each step goes out once, in the order of a life.

use std::collections::BTreeMap;
use std::time::Duration;

use super::message::{ContainerSpec, Exit, Request, Step, Token};

/// Something that was asked for or became known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Input {
    /// The backend asks for it.
    Asked(Request),
    /// Creating ended: with the engine's id, or with why not.
    Created(Token, Result<String, String>),
    /// The call that starts it returned.
    StartReturned(Token, Result<(), String>),
    /// The engine told of an event of the container with that id.
    Event(String, Event),
    /// How it exited is known.
    Inspected(Token, Exit),
    /// Stopping, killing or removing ended.
    Ended(Token, &'static str, Result<(), String>),
}

/// An event in the engine's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// `start`.
    Started,
    /// `oom`: also told of containers that were spared when a common parent ran out.
    OutOfMemory,
    /// `die`.
    Died(Death),
    /// `destroy`.
    Destroyed,
}

/// The exit of a container, as the event has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Death {
    /// Exit code.
    pub(super) code: i64,
    /// Unix time in nanoseconds.
    pub(super) at_ns: u64,
    /// Whether it was killed and nobody has asked for that: memory, which may be told later.
    pub(super) unexplained: bool,
}

/// What is to be done at the engine.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Create(Token, Box<ContainerSpec>),
    Start(Token, String),
    /// Find out how it exited; `said` tells whether its log has a line to read.
    Inspect {
        token: Token,
        id: String,
        death: Death,
        said: bool,
    },
    Stop {
        token: Token,
        id: String,
        grace: Duration,
        insist: bool,
    },
    Kill(Token, String),
    Remove(Token, String),
    /// Remove what is left of a container that failed; of that, nothing is reported.
    Discard(String),
}

/// What follows from an input.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Effects {
    pub(super) steps: Vec<(Token, Step)>,
    pub(super) actions: Vec<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Creating,
    Starting,
    Running,
    Exiting,
    Exited,
    Removing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Stop,
    Kill,
}

#[derive(Debug)]
struct Life {
    stage: Stage,
    id: String,
    grace: Duration,
    workload: bool,
    /// How it was asked to end; before it runs, that waits.
    ending: Option<Ending>,
    oom: bool,
    death: Option<Death>,
    remove: bool,
}

/// Every container that is not gone yet.
#[derive(Debug, Default)]
pub(super) struct Lives {
    lives: BTreeMap<Token, Life>,
    tokens: BTreeMap<String, Token>,
}

impl Lives {
    /// Takes an input. What concerns containers that are gone or never were is ignored: answers
    /// and events cross each other.
    pub(super) fn take(&mut self, input: Input) -> Effects {
        let mut effects = Effects::default();
        match input {
            Input::Asked(request) => self.asked(request, &mut effects),
            Input::Created(token, Ok(id)) => self.created(token, id, &mut effects),
            Input::Created(token, Err(why)) => self.fail(token, "create", why, &mut effects),
            Input::StartReturned(token, Ok(())) => self.started(token, &mut effects),
            Input::StartReturned(token, Err(why)) => {
                if self.stage(token) == Some(Stage::Starting) {
                    self.fail(token, "start", why, &mut effects);
                }
            }
            Input::Event(id, event) => {
                if let Some(&token) = self.tokens.get(&id) {
                    self.event(token, event, &mut effects);
                }
            }
            Input::Inspected(token, exit) => self.inspected(token, exit, &mut effects),
            Input::Ended(token, operation, outcome) => {
                self.ended(token, operation, outcome, &mut effects);
            }
        }
        effects
    }

    fn stage(&self, token: Token) -> Option<Stage> {
        self.lives.get(&token).map(|life| life.stage)
    }

    fn asked(&mut self, request: Request, effects: &mut Effects) {
        match request {
            Request::Start(token, spec) => {
                let life = Life {
                    stage: Stage::Creating,
                    id: String::new(),
                    grace: spec.stop_grace,
                    workload: spec.program.is_some(),
                    ending: None,
                    oom: false,
                    death: None,
                    remove: false,
                };
                let before = self.lives.insert(token, life);
                assert!(before.is_none(), "{token:?} is in use: the backend counts them up");
                effects.actions.push(Action::Create(token, spec));
            }
            Request::Stop(token) => self.end(token, Ending::Stop, effects),
            Request::Kill(token) => self.end(token, Ending::Kill, effects),
            Request::Remove(token) => {
                if let Some(life) = self.lives.get_mut(&token) {
                    life.remove = true;
                    if life.stage == Stage::Exited {
                        life.stage = Stage::Removing;
                        effects.actions.push(Action::Remove(token, life.id.clone()));
                    }
                }
            }
        }
    }

    fn end(&mut self, token: Token, ending: Ending, effects: &mut Effects) {
        let Some(life) = self.lives.get_mut(&token) else {
            return;
        };
        if life.stage < Stage::Exiting {
            life.ending = life.ending.max(Some(ending));
        }
        if life.stage == Stage::Running {
            effects.actions.push(ending_action(token, life, ending));
        }
    }

    fn created(&mut self, token: Token, id: String, effects: &mut Effects) {
        let Some(life) = self.lives.get_mut(&token).filter(|life| life.stage == Stage::Creating)
        else {
            return;
        };
        life.stage = Stage::Starting;
        life.id.clone_from(&id);
        self.tokens.insert(id.clone(), token);
        effects.steps.push((token, Step::Created));
        effects.actions.push(Action::Start(token, id));
    }

    fn started(&mut self, token: Token, effects: &mut Effects) {
        let Some(life) = self.lives.get_mut(&token).filter(|life| life.stage == Stage::Starting)
        else {
            return;
        };
        life.stage = Stage::Running;
        effects.steps.push((token, Step::Started));
        if let Some(death) = life.death {
            life.stage = Stage::Exiting;
            effects.actions.push(inspection(token, life, death));
        } else if let Some(ending) = life.ending {
            effects.actions.push(ending_action(token, life, ending));
        }
    }

    fn event(&mut self, token: Token, event: Event, effects: &mut Effects) {
        let Some(life) = self.lives.get_mut(&token) else {
            return;
        };
        match event {
            Event::Started => self.started(token, effects),
            Event::OutOfMemory => life.oom = true,
            // A start that fails also makes the engine tell of a death: whether it was one is known
            // when the call returns.
            Event::Died(death) if life.stage == Stage::Starting => life.death = Some(death),
            Event::Died(death) if life.stage == Stage::Running => {
                life.stage = Stage::Exiting;
                effects.actions.push(inspection(token, life, death));
            }
            Event::Destroyed if life.stage == Stage::Removing => self.gone(token, effects),
            Event::Died(_) | Event::Destroyed => {}
        }
    }

    fn inspected(&mut self, token: Token, mut exit: Exit, effects: &mut Effects) {
        let Some(life) = self.lives.get_mut(&token).filter(|life| life.stage == Stage::Exiting)
        else {
            return;
        };
        // Siblings below a parent that ran out of memory are told of it too, and live on; and who
        // was killed on request was not killed for memory.
        let killed = life.ending == Some(Ending::Kill);
        exit.oom = (exit.oom || life.oom) && exit.code == KILLED && !killed;
        life.stage = Stage::Exited;
        effects.steps.push((token, Step::Exited(exit)));
        if life.remove {
            life.stage = Stage::Removing;
            effects.actions.push(Action::Remove(token, life.id.clone()));
        }
    }

    fn ended(
        &mut self,
        token: Token,
        operation: &'static str,
        outcome: Result<(), String>,
        effects: &mut Effects,
    ) {
        let Some(stage) = self.stage(token) else {
            return;
        };
        match (outcome, stage) {
            (Ok(()), Stage::Removing) if operation == REMOVE => self.gone(token, effects),
            (Err(why), Stage::Running) => self.fail(token, operation, why, effects),
            (Err(why), Stage::Removing) if operation == REMOVE => {
                self.fail(token, operation, why, effects);
            }
            // What could not be stopped has exited by itself meanwhile.
            (Ok(()) | Err(_), _) => {}
        }
    }

    fn gone(&mut self, token: Token, effects: &mut Effects) {
        if let Some(life) = self.lives.remove(&token) {
            self.tokens.remove(&life.id);
            effects.steps.push((token, Step::Removed));
        }
    }

    fn fail(&mut self, token: Token, operation: &'static str, why: String, effects: &mut Effects) {
        if let Some(life) = self.lives.remove(&token) {
            if self.tokens.remove(&life.id).is_some() {
                effects.actions.push(Action::Discard(life.id));
            }
            effects.steps.push((token, Step::Failed { operation, why }));
        }
    }
}

/// The name of the operation that ends a life.
pub(super) const REMOVE: &str = "remove";

/// Exit code of a process that got SIGKILL.
const KILLED: i64 = 137;

fn inspection(token: Token, life: &Life, mut death: Death) -> Action {
    death.unexplained = death.code == KILLED && life.ending.is_none() && !life.oom;
    Action::Inspect { token, id: life.id.clone(), death, said: life.workload }
}

fn ending_action(token: Token, life: &Life, ending: Ending) -> Action {
    let id = life.id.clone();
    match ending {
        Ending::Stop => Action::Stop { token, id, grace: life.grace, insist: life.workload },
        Ending::Kill => Action::Kill(token, id),
    }
}

#[cfg(test)]
#[path = "lives_tests.rs"]
mod tests;
