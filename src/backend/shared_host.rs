//! A host whose tasks share its CPU by weight and its memory for as long as it lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::des::{SimDuration, SimTime};
use crate::model::{Cpu, InstanceId, InstanceSpec, Limits, TaskDefinition};
use crate::workload::{Pace, Usage};

use super::HostUsage;
use super::fluid::Fluid;
use super::host_memory::{HostMemory, MemoryUse};

/// A task that starts to run.
#[derive(Debug)]
pub(super) struct Joining<'a> {
    pub(super) slot: u32,
    /// Its number in the run.
    pub(super) number: u64,
    pub(super) definition: &'a TaskDefinition,
    /// `None`: what it reserves, for as long as it runs.
    pub(super) usage: Option<Arc<Usage>>,
    /// Run time on this host, were it alone; `None` until it is stopped.
    pub(super) run_time: Option<SimDuration>,
}

/// What is to change for a task at a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// Its memory has come to its full size.
    Grown,
    /// The next part of its run begins.
    Step,
    /// Its memory passes its own limit.
    OverLimit,
}

/// A task on the host.
#[derive(Debug)]
struct Tenant {
    usage: Option<Arc<Usage>>,
    limits: Limits,
    started: SimTime,
    run_time: Option<SimDuration>,
    /// Which of its steps it is in.
    step: usize,
    /// Its entries in the agenda.
    turns: Vec<(SimTime, Turn)>,
}

/// How a task on the host ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its work is done.
    Done,
    /// It is killed for its memory.
    Killed,
}

/// CPU and memory of a host, and who shares them.
#[derive(Debug)]
pub(super) struct SharedHost {
    capacity: Cpu,
    cpu: Fluid,
    memory: HostMemory,
    tenants: BTreeMap<u32, Tenant>,
    agenda: BTreeSet<(SimTime, Turn, u32)>,
    /// CPU that there is besides what it is told to be, if that is limited: of the machine.
    cores: Option<Cpu>,
    denied: u128,
    denied_until: SimTime,
    oom_kills: u64,
}

impl SharedHost {
    pub(super) fn new(spec: &InstanceSpec, cores: Option<Cpu>) -> SharedHost {
        SharedHost {
            capacity: spec.cpu,
            cpu: Fluid::new(u64::from(spec.cpu.0)),
            memory: HostMemory::new(spec.memory_mib),
            tenants: BTreeMap::new(),
            agenda: BTreeSet::new(),
            cores,
            denied: 0,
            denied_until: SimTime::ZERO,
            oom_kills: 0,
        }
    }

    /// CPU in use.
    pub(super) fn used(&self) -> u64 {
        self.cpu.used()
    }

    /// A start begins to take CPU of the host, `work` in all, for a core at most: it competes with
    /// the weight of the task that starts, as `exponent_milli` says. O(tasks on the host).
    pub(super) fn prepare(
        &mut self,
        now: SimTime,
        slot: u32,
        definition: &TaskDefinition,
        core: Cpu,
        work: u128,
        exponent_milli: u32,
    ) {
        self.integrate(now);
        let cap = self.start_cap(definition, core);
        let weight = self.start_weight(definition.cpu_shares(), exponent_milli);
        self.cpu.join(now, slot, weight, cap, Some(work));
    }

    /// The weight at which a start of weight `own` is slowed down as if each neighbour of r times
    /// that counted as r^e of the same.
    fn start_weight(&self, own: u32, exponent_milli: u32) -> u32 {
        if exponent_milli == 1000 || self.cpu.is_empty() {
            return own;
        }
        let exponent = f64::from(exponent_milli) / 1000.0;
        let (mut there, mut felt) = (0.0, 0.0);
        for weight in self.cpu.weights() {
            there += f64::from(weight);
            felt += libm::pow(f64::from(weight) / f64::from(own), exponent);
        }
        (libm::round(there / felt) as u32).max(1)
    }

    /// Whether its tasks want all the CPU there is.
    pub(super) fn is_saturated(&self) -> bool {
        self.used() >= u64::from(self.capacity.0)
    }

    /// What the host has as a share of the whole cores it runs on.
    pub(super) fn share_of_cores(&self, core: Cpu) -> f64 {
        let core = core.0.max(1);
        let cores = self.capacity.0.div_ceil(core);
        f64::from(self.capacity.0) / (f64::from(cores) * f64::from(core))
    }

    /// The most CPU that a start gets here at any time.
    pub(super) fn start_cap(&self, definition: &TaskDefinition, core: Cpu) -> u32 {
        quota(core.min(self.capacity), definition.limits)
    }

    /// A start has got its CPU.
    pub(super) fn prepared(&mut self, now: SimTime, slot: u32) {
        self.integrate(now);
        self.cpu.leave(now, slot);
    }

    /// A task starts to run.
    pub(super) fn join(&mut self, now: SimTime, joining: Joining<'_>) {
        self.integrate(now);
        let Joining { slot, number, definition, usage, run_time } = joining;
        let (cpu, memory) = match &usage {
            None => (definition.cpu, MemoryUse::Level(definition.memory_mib)),
            Some(usage) => first_use(usage, now),
        };
        let by_work = usage.as_ref().is_some_and(|usage| usage.pace == Pace::Work);
        let work = |time: SimDuration| u128::from(time.micros()) * u128::from(cpu.0);
        let work = run_time.filter(|_| by_work).map(work);
        let weight = definition.cpu_shares();
        self.cpu.join(now, slot, weight, quota(cpu, definition.limits), work);
        let limits = definition.limits;
        let (started, step, turns) = (now, 0, Vec::new());
        let tenant = Tenant { usage, limits, started, run_time, step, turns };
        self.tenants.insert(slot, tenant);
        self.memory.join(now, slot, number, capped(memory, limits));
        self.plan_memory(now, slot, memory);
        self.plan_step(slot);
    }

    /// A task has exited; nothing happens if it did not run here.
    pub(super) fn leave(&mut self, now: SimTime, slot: u32) {
        let Some(tenant) = self.tenants.remove(&slot) else { return };
        self.integrate(now);
        for (at, turn) in tenant.turns {
            self.agenda.remove(&(at, turn, slot));
        }
        self.cpu.leave(now, slot);
        self.memory.leave(now, slot);
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<SimTime> {
        let done = self.cpu.next_completion().map(|(at, _)| at);
        let turn = self.agenda.first().map(|(at, _, _)| *at);
        [done, turn, self.memory.runs_out()].into_iter().flatten().min()
    }

    /// Lets happen what is due, up to and with a task that ends; it stays until it leaves.
    ///
    /// Who is done at an instant no longer takes memory at it.
    pub(super) fn due(&mut self, now: SimTime) -> Option<(u32, End)> {
        self.integrate(now);
        while let Some(&(at, turn, slot)) = self.agenda.first()
            && at <= now
            && turn != Turn::OverLimit
        {
            self.take_turn(at, turn, slot);
            match turn {
                Turn::Grown => self.grown(now, slot),
                Turn::Step => self.next_step(now, slot),
                Turn::OverLimit => {}
            }
        }
        if let Some((at, slot)) = self.cpu.next_completion()
            && at <= now
        {
            return Some((slot, End::Done));
        }
        let killed = match self.agenda.first() {
            Some(&(at, Turn::OverLimit, slot)) if at <= now => Some(slot),
            _ => {
                let short = self.memory.runs_out().is_some_and(|at| at <= now);
                self.memory.victim(now).filter(|_| short)
            }
        };
        let slot = killed?;
        self.oom_kills += 1;
        Some((slot, End::Killed))
    }

    /// What happened here until `now`.
    pub(super) fn usage(&self, now: SimTime, instance: InstanceId) -> HostUsage {
        let micros = now.saturating_sub(self.denied_until).micros();
        HostUsage {
            instance,
            cpu_used: self.cpu.used_total(now),
            cpu_denied: self.denied + u128::from(self.denied_now()) * u128::from(micros),
            oom_kills: self.oom_kills,
            memory_peak_mib: self.memory.peak_mib(now),
        }
    }

    fn denied_now(&self) -> u64 {
        let wanted = self.cpu.wanted();
        let wanted = self.cores.map_or(wanted, |cores| wanted.min(u64::from(cores.0)));
        wanted.saturating_sub(self.cpu.used())
    }

    fn integrate(&mut self, now: SimTime) {
        let micros = (now - self.denied_until).micros();
        self.denied += u128::from(self.denied_now()) * u128::from(micros);
        self.denied_until = now;
    }

    // --- agenda ------------------------------------------------------------------------

    fn plan(&mut self, at: SimTime, turn: Turn, slot: u32) {
        self.agenda.insert((at, turn, slot));
        let tenant = self.tenants.get_mut(&slot).expect("plans are made for tasks that run");
        tenant.turns.push((at, turn));
    }

    fn take_turn(&mut self, at: SimTime, turn: Turn, slot: u32) {
        self.agenda.remove(&(at, turn, slot));
        let tenant = self.tenants.get_mut(&slot).expect("only tasks that run have turns");
        tenant.turns.retain(|one| *one != (at, turn));
    }

    /// Plans what a use of memory comes to: the limit, or its full size.
    fn plan_memory(&mut self, now: SimTime, slot: u32, memory: MemoryUse) {
        let limit = self.tenants[&slot].limits.memory_mib;
        if let Some(at) = limit.and_then(|limit| memory.passes(now, limit)) {
            self.plan(at, Turn::OverLimit, slot);
        } else if let MemoryUse::Ramp { start, span, .. } = memory {
            self.plan(start.saturating_add(span), Turn::Grown, slot);
        }
    }

    fn grown(&mut self, now: SimTime, slot: u32) {
        let usage = self.tenants[&slot].usage.as_ref().expect("only a use written down grows");
        let level = MemoryUse::Level(usage.memory_mib);
        self.memory.set(now, slot, level);
    }

    /// Plans the end of the step that a task is in, if another follows.
    fn plan_step(&mut self, slot: u32) {
        let tenant = &self.tenants[&slot];
        let (Some(usage), Some(run_time)) = (&tenant.usage, tenant.run_time) else { return };
        if tenant.step + 1 >= usage.steps.len() {
            return;
        }
        let milli: u128 = usage.steps[..=tenant.step].iter().map(|one| u128::from(one.milli)).sum();
        let micros = (u128::from(run_time.micros()) * milli).div_ceil(1000);
        let micros = u64::try_from(micros).expect("a part is no longer than the whole");
        let at = tenant.started.saturating_add(SimDuration::from_micros(micros));
        self.plan(at, Turn::Step, slot);
    }

    fn next_step(&mut self, now: SimTime, slot: u32) {
        let tenant = self.tenants.get_mut(&slot).expect("only tasks that run have steps");
        tenant.step += 1;
        let usage = tenant.usage.as_ref().expect("only a use written down has steps");
        let step = usage.steps[tenant.step];
        let limits = tenant.limits;
        let over: Vec<_> = tenant.turns.extract_if(.., |one| one.1 == Turn::OverLimit).collect();
        for (at, turn) in over {
            self.agenda.remove(&(at, turn, slot));
        }
        self.cpu.set_cap(now, slot, quota(step.cpu, limits));
        let memory = MemoryUse::Level(step.memory_mib);
        self.memory.set(now, slot, capped(memory, limits));
        self.plan_memory(now, slot, memory);
        self.plan_step(slot);
    }
}

/// What a use begins with.
fn first_use(usage: &Usage, now: SimTime) -> (Cpu, MemoryUse) {
    let Some(step) = usage.steps.first() else {
        let (span, mib) = (usage.memory_ramp, usage.memory_mib);
        let grows = span > SimDuration::ZERO && mib > 0;
        let ramp = MemoryUse::Ramp { start: now, span, mib };
        return (usage.cpu, if grows { ramp } else { MemoryUse::Level(mib) });
    };
    (step.cpu, MemoryUse::Level(step.memory_mib))
}

/// The most CPU a task gets at any time.
fn quota(wanted: Cpu, limits: Limits) -> u32 {
    limits.cpu.map_or(wanted, |limit| wanted.min(limit)).0
}

/// A level as the host sees it: a task that asks for more than its limit never gets it.
fn capped(memory: MemoryUse, limits: Limits) -> MemoryUse {
    match (memory, limits.memory_mib) {
        (MemoryUse::Level(mib), Some(limit)) => MemoryUse::Level(mib.min(limit)),
        _ => memory,
    }
}
