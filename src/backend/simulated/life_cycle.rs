//! What takes time in a task's life besides its run: its network, its load balancer, its exit.

use std::collections::BTreeMap;

use crate::controller::{Event, Transition, Transitions};
use crate::des::{EventKey, Purpose, SimDuration, SimTime};
use crate::model::{Origin, Outcome, TaskId};
use crate::workload::law_spec::DurationLaw;
use crate::workload::{Conduct, Containers, Course, HealthChanges, Timetable};

use super::super::nature::draw_key;
use super::pulls::{Images, Pulls};
use super::{Due, LATEST, Live, SimulatedBackend, Stage, phase};

const ATTACH_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"ENIA"));
const REGISTER_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"ELBR"));
const CHECKS_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"ELBH"));
const DEREGISTER_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"ELBD"));
const DETACH_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"ENID"));
const SHUTDOWN_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"TERM"));
const READY_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"REDY"));
const UNHEALTHY_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"SICK"));
const CONTAINERS_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"CONT"));
const FAILED_START_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"FSTA"));

/// ECS's default `stopTimeout`.
///
/// Source: ECS API, `ContainerDefinition.stopTimeout`.
pub const STOP_TIMEOUT: SimDuration = SimDuration::from_secs(30);

/// How long the parts of a task's life take; `None` is no time at all.
#[derive(Debug, Clone)]
pub struct LifeCycle {
    /// PROVISIONING of a placed task: until its network interface is attached.
    pub attach_network: Option<DurationLaw>,
    /// ACTIVATING: until its load balancer knows it.
    pub register: Option<DurationLaw>,
    /// RUNNING: until it has passed the checks of its load balancer.
    pub pass_checks: Option<DurationLaw>,
    /// DEACTIVATING: until its load balancer has let go of it.
    pub deregister: Option<DurationLaw>,
    /// DEPROVISIONING: until its network interface is detached.
    pub detach_network: Option<DurationLaw>,
    /// From SIGTERM to SIGKILL, for tasks whose conduct does not say.
    pub stop_timeout: SimDuration,
    /// Whether any task may take time to exit: hosts then have a ledger of their own.
    pub exits_take_time: bool,
    /// How images come to the hosts.
    pub pulls: Pulls,
}

impl Default for LifeCycle {
    fn default() -> LifeCycle {
        LifeCycle {
            attach_network: None,
            register: None,
            pass_checks: None,
            deregister: None,
            detach_network: None,
            stop_timeout: STOP_TIMEOUT,
            exits_take_time: false,
            pulls: Pulls::default(),
        }
    }
}

impl LifeCycle {
    /// The transitions that take time: what the control plane is to be told.
    pub fn transitions(&self) -> Transitions {
        let all = [
            Transition::AttachNetwork,
            Transition::Register,
            Transition::PassChecks,
            Transition::Deregister,
            Transition::DetachNetwork,
        ];
        all.into_iter().filter(|&one| self.law(one).is_some()).collect()
    }

    fn law(&self, transition: Transition) -> Option<&DurationLaw> {
        match transition {
            Transition::AttachNetwork => self.attach_network.as_ref(),
            Transition::Register => self.register.as_ref(),
            Transition::PassChecks => self.pass_checks.as_ref(),
            Transition::Deregister => self.deregister.as_ref(),
            Transition::DetachNetwork => self.detach_network.as_ref(),
        }
    }
}

/// A transition that goes on, or a task that was told to stop in it.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    /// Serial number of the task: it may not be on its host yet, or not any more.
    number: u64,
    transition: Transition,
    key: EventKey,
}

/// What goes on in the lives of tasks besides their runs.
#[derive(Debug, Default)]
pub(super) struct Lives {
    setup: LifeCycle,
    /// By task slot, as far as any had one.
    under_way: Vec<Option<UnderWay>>,
    /// When those that were sent SIGTERM exit, by task slot.
    exits: BTreeMap<u32, EventKey>,
    /// When the first containers of those that have several could begin, by task slot.
    begun: BTreeMap<u32, SimTime>,
    /// What the health checks of running tasks will find, by task slot.
    checks: BTreeMap<u32, Checks>,
}

/// The health checks of a running task.
#[derive(Debug)]
struct Checks {
    /// When it started.
    since: SimTime,
    /// The changes to come, the next one last.
    changes: HealthChanges,
    /// The event of the next one.
    key: EventKey,
}

impl Lives {
    /// The task in a slot whose transition goes on.
    pub(super) fn in_transition(&self, slot: u32) -> Option<TaskId> {
        let under_way = self.under_way.get(slot as usize)?.as_ref()?;
        Some(TaskId { number: under_way.number, slot })
    }
}

impl Live {
    /// An essential container may end the task before it would end by itself, or before it runs.
    pub(super) fn takes(&mut self, course: &Course) {
        if course.fails {
            self.behaviour.ends = Outcome::FailedToStart;
        }
        let Some((after, outcome)) = course.end else { return };
        if self.behaviour.run_time.is_none_or(|run_time| after < run_time) {
            (self.behaviour.run_time, self.behaviour.ends) = (Some(after), outcome);
        }
    }
}

impl SimulatedBackend {
    /// Lets more of a task's life take time. Before the first event.
    #[must_use]
    pub fn with_life_cycle(mut self, setup: LifeCycle) -> SimulatedBackend {
        self.images = setup.pulls.take_time().then(|| Box::new(Images::new(setup.pulls.clone())));
        self.lives.setup = setup;
        self
    }

    /// Whether a task may take time to exit.
    pub(super) fn exits_take_time(&self) -> bool {
        self.lives.setup.exits_take_time
    }

    // --- network and load balancer ----------------------------------------------------

    /// A transition begins; one that goes on is given up.
    pub(super) fn begin_transition(
        &mut self,
        task: TaskId,
        origin: Origin,
        transition: Transition,
    ) {
        self.give_up_transition(task.slot);
        self.serves_no_more(task.slot);
        let (purpose, phase) = match transition {
            Transition::AttachNetwork => (ATTACH_DRAW, phase::STARTS),
            Transition::Register => (REGISTER_DRAW, phase::STARTS),
            Transition::PassChecks => (CHECKS_DRAW, phase::STARTS),
            Transition::Deregister => (DEREGISTER_DRAW, phase::ENDS),
            Transition::DetachNetwork => (DETACH_DRAW, phase::ENDS),
        };
        let delay = self.draw(self.lives.setup.law(transition), purpose, origin);
        let key = self.schedule(delay, phase, Due::TransitionMade(task.slot));
        let slot = task.slot as usize;
        if self.lives.under_way.len() <= slot {
            self.lives.under_way.resize(slot + 1, None);
        }
        self.lives.under_way[slot] = Some(UnderWay { number: task.number, transition, key });
    }

    /// A transition is over.
    pub(super) fn transition_made(&mut self, slot: u32) -> Event {
        let UnderWay { number, transition, .. } = self.take_transition(slot);
        if matches!(transition, Transition::Register | Transition::PassChecks) {
            self.serves(slot);
        }
        Event::TransitionMade(TaskId { number, slot }, transition)
    }

    fn take_transition(&mut self, slot: u32) -> UnderWay {
        let under_way = self.lives.under_way[slot as usize].take();
        under_way.expect("a transition that is over went on")
    }

    pub(super) fn give_up_transition(&mut self, slot: u32) {
        if let Some(under_way) = self.lives.under_way.get_mut(slot as usize)
            && let Some(UnderWay { key, .. }) = under_way.take()
        {
            self.queue.cancel(key);
        }
    }

    /// A task whose network is being attached is told to stop: its host has never heard of it.
    /// Whether it is one.
    pub(super) fn withdraw_from_network(&mut self, task: TaskId) -> bool {
        let under_way = self.lives.under_way.get(task.slot as usize).copied().flatten();
        let attaching = |one: &UnderWay| one.transition == Transition::AttachNetwork;
        let Some(under_way) = under_way.filter(attaching) else { return false };
        self.queue.cancel(under_way.key);
        let key = self.schedule(SimDuration::ZERO, phase::ENDS, Due::Withdrawn(task.slot));
        self.lives.under_way[task.slot as usize] = Some(UnderWay { key, ..under_way });
        true
    }

    /// It is gone.
    pub(super) fn withdrawn(&mut self, slot: u32) -> Event {
        let number = self.take_transition(slot).number;
        Event::TaskStopped(TaskId { number, slot }, Outcome::Stopped)
    }

    // --- starts and exits -------------------------------------------------------------

    /// Whether the start of a task fails.
    pub(super) fn start_fails(&self, slot: u32) -> bool {
        let live = self.live[slot as usize].as_ref().expect("a starting task is live");
        let conduct = self.nature.conduct(live.definition);
        let share = conduct.map_or(0.0, |conduct| conduct.fails_to_start);
        let (entity, attempt) = draw_key(live.origin);
        share > 0.0 && self.seed.uniform(FAILED_START_DRAW, entity, attempt) < share
            || live.behaviour.ends == Outcome::FailedToStart
    }

    /// How a task with several containers goes whose first can begin after a delay; `None` if it
    /// has one.
    pub(super) fn course(&mut self, slot: u32, delay: SimDuration) -> Option<Course> {
        let live = self.live[slot as usize].as_ref().expect("a starting task is live");
        let containers = self.nature.conduct(live.definition)?.containers.as_ref()?;
        let course = containers.course(&self.timetable(live, containers));
        self.lives.begun.insert(slot, self.queue.now() + delay);
        Some(course)
    }

    /// The times of a task's containers: the same whenever it is asked for.
    fn timetable(&self, live: &Live, containers: &Containers) -> Timetable {
        let speed_milli = self.hosts[live.placement.instance.index()].speed_milli;
        let (entity, attempt) = draw_key(live.origin);
        let mut draws = self.seed.stream(CONTAINERS_DRAW, entity, attempt);
        containers.timetable(speed_milli, &mut || draws.uniform())
    }

    /// A running task is sent SIGTERM, or one that starts and has containers that run; whether it
    /// takes time to exit.
    pub(super) fn terminate(&mut self, slot: u32) -> bool {
        let live = self.live[slot as usize].as_ref().expect("a task to stop is live");
        // An engine starts all of a task at once.
        let starts = live.stage == Stage::Starting
            && self.engines.is_none()
            && self.lives.begun.get(&slot).is_some_and(|at| *at <= self.queue.now());
        let conduct = self.nature.conduct(live.definition);
        let runs = live.stage == Stage::Running || starts;
        let Some(conduct) = conduct.filter(|_| runs) else { return false };
        let exits = self.time_to_exit(conduct, slot, live);
        if exits == SimDuration::ZERO {
            return false;
        }
        if let Some(key) = self.live_mut(slot).next.take_if(|_| starts) {
            self.queue.cancel(key);
        }
        assert!(self.exits_take_time(), "a host without a ledger has tasks that take time to exit");
        let key = self.schedule(exits, phase::ENDS, Due::Terminated(slot));
        self.lives.exits.insert(slot, key);
        self.live_mut(slot).stage = Stage::Terminating;
        true
    }

    /// From SIGTERM until the last container has exited, or was killed.
    fn time_to_exit(&self, conduct: &Conduct, slot: u32, live: &Live) -> SimDuration {
        let origin = live.origin;
        let timeout = conduct.stop_timeout.unwrap_or(self.lives.setup.stop_timeout);
        let whole = || self.draw(conduct.shutdown.as_ref(), SHUTDOWN_DRAW, origin).min(timeout);
        let Some(containers) = &conduct.containers else { return whole() };
        let (now, times) = (self.queue.now(), self.timetable(live, containers));
        let after = self.lives.begun.get(&slot).map_or(SimDuration::ZERO, |at| now - *at);
        let exits = if containers.take_time_to_exit() {
            let (entity, attempt) = draw_key(origin);
            let mut draws = self.seed.stream(SHUTDOWN_DRAW, entity, attempt);
            containers.shutdown(&times, after, timeout, &mut || draws.uniform())
        } else if times.any_runs(containers, after) {
            whole()
        } else {
            SimDuration::ZERO
        };
        // Of a task that runs the end is due as it was before.
        let by_itself = times.essential_exit(containers, after);
        let by_itself = by_itself.filter(|_| live.stage == Stage::Starting);
        by_itself.map_or(exits, |at| exits.min(at))
    }

    /// A task that was sent SIGTERM has exited, or was killed; the event, if one follows at once.
    pub(super) fn terminated(&mut self, slot: u32) -> Option<Event> {
        self.lives.exits.remove(&slot);
        if self.engines.is_some() {
            self.live_mut(slot).stage = Stage::Running;
            self.order_stop(slot);
            return None;
        }
        if let Some(key) = self.live_mut(slot).next.take() {
            self.queue.cancel(key);
        }
        Some(self.exit(slot, Outcome::Stopped))
    }

    /// A task has exited, whatever was to happen to it.
    pub(super) fn no_more_of(&mut self, slot: u32) {
        self.give_up_transition(slot);
        self.serves_no_more(slot);
        self.lives.begun.remove(&slot);
        if let Some(key) = self.lives.exits.remove(&slot) {
            self.queue.cancel(key);
        }
        if let Some(Checks { key, .. }) = self.lives.checks.remove(&slot) {
            self.queue.cancel(key);
        }
    }

    // --- health -----------------------------------------------------------------------

    /// The health checks of a task begin, if it has any.
    pub(super) fn begin_checks(&mut self, slot: u32) {
        let live = self.live[slot as usize].as_ref().expect("a running task is live");
        let conduct = self.nature.conduct(live.definition);
        let Some(check) = conduct.and_then(|one| one.health_check.as_ref()) else { return };
        let ready = self.draw(check.ready.as_ref(), READY_DRAW, live.origin);
        let fails = check.fails_after.as_ref();
        let fails = fails.map(|law| ready + self.draw(Some(law), UNHEALTHY_DRAW, live.origin));
        let mut changes = check.changes(ready, fails);
        changes.reverse();
        let since = self.queue.now();
        self.await_change(slot, since, changes);
    }

    fn await_change(&mut self, slot: u32, since: SimTime, changes: HealthChanges) {
        let next = changes.last().and_then(|(after, _)| since.checked_add(*after));
        if let Some(at) = next.filter(|at| *at <= LATEST) {
            let key = self.queue.schedule(at, phase::STARTS, Due::HealthChanged(slot));
            self.lives.checks.insert(slot, Checks { since, changes, key });
        }
    }

    /// The verdict on a task's health changes.
    pub(super) fn health_changed(&mut self, slot: u32) -> Event {
        let checks = self.lives.checks.remove(&slot);
        let Checks { since, mut changes, .. } = checks.expect("what changes is checked");
        let (_, health) = changes.pop().expect("there is an event for each change");
        self.await_change(slot, since, changes);
        Event::TaskHealthChanged(self.task(slot), health)
    }
}
