//! What a service told, over a run or while one of its tasks lived.

use crate::controller::Change;
use crate::des::SimTime;
use crate::metrics::{Observation, service_message, service_message_cause};
use crate::model::ServiceId;

use super::explanation::MessageFacts;

/// Messages that are kept of the life of a task: those told last.
const OF_A_TASK: usize = 8;

/// Messages that are kept of a whole run: more than a reader ever looks at.
const OF_A_RUN: usize = 1000;

/// A message, and when it was told.
#[derive(Debug, Clone)]
struct Message {
    text: String,
    cause: String,
    count: u64,
    first: SimTime,
    last: SimTime,
}

/// The messages of a service, those told last at the end. Equal ones are one.
#[derive(Debug)]
pub(super) struct Told {
    messages: Vec<Message>,
    most: usize,
}

impl Told {
    /// While a task lived.
    pub(super) fn in_brief() -> Told {
        Told { messages: Vec::new(), most: OF_A_TASK }
    }

    /// Over a run.
    pub(super) fn whole() -> Told {
        Told { messages: Vec::new(), most: OF_A_RUN }
    }

    /// Takes in what `service` told in an event.
    pub(super) fn note(&mut self, service: ServiceId, name: &str, seen: &Observation<'_>) {
        for (at, change) in seen.changes.iter().enumerate() {
            let Change::Service(id, event) = change else { continue };
            if *id == service {
                let text = service_message(name, *event, seen.cluster, &seen.changes[at..]);
                self.add(text, service_message_cause(*event, seen.cluster), seen.now);
            }
        }
    }

    fn add(&mut self, text: String, cause: String, now: SimTime) {
        let known = self.messages.iter().position(|one| one.text == text);
        let mut message = match known {
            Some(index) => self.messages.remove(index),
            None => Message { text, cause: String::new(), count: 0, first: now, last: now },
        };
        message.count += 1;
        (message.cause, message.last) = (cause, now);
        self.messages.push(message);
        if self.messages.len() > self.most {
            self.messages.remove(0);
        }
    }

    /// As an explanation has them.
    pub(super) fn facts(&self) -> Vec<MessageFacts> {
        let facts = |one: &Message| MessageFacts {
            message: one.text.clone(),
            why: Some(one.cause.clone()).filter(|cause| !cause.is_empty()),
            count: one.count,
            first_s: one.first.as_secs_f64(),
            last_s: one.last.as_secs_f64(),
        };
        self.messages.iter().map(facts).collect()
    }
}
