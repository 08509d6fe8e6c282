//! Placement decisions that take simulated time: the control plane as a single server.
//!
//! Off by default: decisions then take no time and a pass is made at once. With a decision time,
//! attempts are made one after the other. Each takes that time once per task of its entry, and is
//! decided on the cluster as it stands at its end. A sweep over the queue goes on where it was.

use crate::des::{SimDuration, SimTime};
use crate::queueing::Ticket;

use super::{Command, Controller, Reaction, Timer};

/// Nanoseconds in a microsecond, the unit of the clock.
const NANOS_PER_MICRO: u64 = 1000;

/// The one server that makes decisions.
#[derive(Debug)]
pub(super) struct DecisionServer {
    decision_ns: u64,
    /// When it has made the last decision it began: whole microseconds, and nanoseconds beyond
    /// them. Carried over, so that N decisions of 350 ns in a row take N × 350 ns, rounded down.
    free_at: SimTime,
    beyond_ns: u64,
    /// Whether it is in a sweep.
    at_work: bool,
    /// What it decides on now.
    deciding: Option<Ticket>,
    /// Whether something was placed in this sweep.
    placed: bool,
    /// Whether a pass was asked for since the sweep began.
    again: bool,
}

impl DecisionServer {
    /// A server that takes so long for each decision; `None` where decisions take no time.
    pub(super) fn new(decision_ns: u64) -> Option<DecisionServer> {
        (decision_ns > 0).then_some(DecisionServer {
            decision_ns,
            free_at: SimTime::ZERO,
            beyond_ns: 0,
            at_work: false,
            deciding: None,
            placed: false,
            again: false,
        })
    }

    /// Takes a request for a pass if a sweep is under way: it is made once more then.
    pub(super) fn defers_pass(&mut self) -> bool {
        self.again |= self.at_work;
        self.at_work
    }

    /// Begins `decisions` in a row at `now`, or when the ones begun are made; returns their end.
    fn begin(&mut self, now: SimTime, decisions: u64) -> SimTime {
        if self.free_at < now {
            (self.free_at, self.beyond_ns) = (now, 0);
        }
        let total_ns =
            u128::from(self.decision_ns) * u128::from(decisions) + u128::from(self.beyond_ns);
        let micros = total_ns / u128::from(NANOS_PER_MICRO);
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.beyond_ns = (total_ns % u128::from(NANOS_PER_MICRO)) as u64;
        self.free_at = self.free_at.saturating_add(SimDuration::from_micros(micros));
        self.free_at
    }

    /// At the end of a sweep: whether another is due.
    fn sweeps_again(&mut self) -> bool {
        let due = self.placed || self.again;
        (self.placed, self.again) = (false, false);
        due
    }
}

impl Controller {
    /// Makes each decision take `nanos` nanoseconds of simulated time; 0 for no time.
    #[must_use]
    pub fn with_decision_time(mut self, nanos: u64) -> Controller {
        self.server = DecisionServer::new(nanos);
        self
    }

    /// A pass is due and the server is idle.
    pub(super) fn begin_decisions(&mut self, now: SimTime, out: &mut Reaction) {
        self.server.as_mut().expect("decisions take time").at_work = true;
        self.queue.begin();
        self.decide_on(now, out);
    }

    /// The server has come to a decision. What it was about may be gone: scaled in meanwhile.
    pub(super) fn decision_made(&mut self, now: SimTime, out: &mut Reaction) {
        let server = self.server.as_mut().expect("only a server's timers end decisions");
        let ticket = server.deciding.take().expect("a timer runs for one decision");
        self.decide(now, ticket, out);
        self.decide_on(now, out);
    }

    fn decide(&mut self, now: SimTime, ticket: Ticket, out: &mut Reaction) {
        if self.waiting.get(ticket).is_some() {
            let placed = self.try_entry(now, ticket, out);
            self.server.as_mut().expect("decisions take time").placed |= placed;
        }
    }

    /// Goes on with the sweep up to the first decision that ends after `now`.
    fn decide_on(&mut self, now: SimTime, out: &mut Reaction) {
        loop {
            let next = self.queue.next(&self.waiting, &self.cluster);
            let server = self.server.as_mut().expect("decisions take time");
            let Some(ticket) = next else {
                if server.sweeps_again() {
                    self.queue.begin();
                    continue;
                }
                server.at_work = false;
                return;
            };
            let entry = self.waiting.get(ticket).expect("the policy names a waiting entry");
            let end = server.begin(now, entry.tasks.len() as u64);
            if end > now {
                server.deciding = Some(ticket);
                out.commands.push(Command::WakeAt(end, Timer::DecisionMade));
                return;
            }
            self.decide(now, ticket, out);
        }
    }
}
