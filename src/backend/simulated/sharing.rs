//! Hosts in simulation whose tasks share CPU and memory.

use serde::{Deserialize, Serialize};

use crate::backend::BackendError;
use crate::calibration::burst_wait_micros;
use crate::controller::Event;
use crate::des::{SimDuration, SimTime};
use crate::model::{Cpu, DefinitionId, InstanceId, InstanceSpec, Outcome};
use crate::workload::Pace;

use super::super::HostUsage;
use super::super::shared_host::{End, Joining, SharedHost};
use super::{Due, LATEST, SimulatedBackend, Stage, Wake, phase};

/// What the tasks on the hosts of a capacity group get of CPU and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// What they reserved, whatever they and others want.
    #[default]
    Reserved,
    /// CPU by weight and quota as the Linux scheduler gives it, and memory until it runs out.
    Cfs,
}

/// A host that is shared, and its next event.
#[derive(Debug)]
pub(super) struct Shared {
    host: SharedHost,
    wake: Option<Wake>,
}

impl SimulatedBackend {
    /// How hosts are shared, by id of the capacity group; those beyond are
    /// [`Sharing::Reserved`]. Before the first event.
    #[must_use]
    pub fn with_sharing(mut self, sharing: Vec<Sharing>) -> SimulatedBackend {
        self.sharing = sharing;
        self
    }

    /// The shared part of a new host.
    pub(super) fn share_of(&self, spec: &InstanceSpec) -> Option<Shared> {
        let sharing = self.sharing.get(spec.capacity.index()).copied().unwrap_or_default();
        match sharing {
            Sharing::Reserved => None,
            Sharing::Cfs => {
                let host = SharedHost::new(spec, self.cores(spec.cpu));
                Some(Shared { host, wake: None })
            }
        }
    }

    /// A task starts to use CPU and memory; whether the host tells when it ends.
    pub(super) fn takes_cpu(&mut self, slot: u32, run_time: Option<SimDuration>) -> bool {
        let live = self.live[slot as usize].as_ref().expect("a starting task is live");
        let (instance, number) = (live.placement.instance, live.number);
        let usage = self.nature.usage(live.behaviour.usage).cloned();
        let definition = std::sync::Arc::clone(self.nature.definition(live.definition));
        if self.hosts[instance.index()].shared.is_none() {
            self.keeps_busy(instance, 0, u64::from(definition.cpu.0));
            return false;
        }
        let by_work = usage.as_ref().is_some_and(|usage| usage.pace == Pace::Work);
        let definition = definition.as_ref();
        let joining = Joining { slot, number, definition, usage, run_time };
        self.on_shared(instance, |host, now| host.join(now, joining));
        by_work
    }

    /// A task that may have run no longer does.
    pub(super) fn gives_cpu_back(&mut self, slot: u32) {
        let live = self.live[slot as usize].as_mut().expect("an exiting task is live");
        let (instance, stage) = (live.placement.instance, live.stage);
        let is_shared = self.hosts[instance.index()].shared.is_some();
        let runs = matches!(stage, Stage::Running | Stage::Terminating | Stage::Stopping);
        if !runs || !is_shared && self.engines.is_none() {
            return;
        }
        if let Some(key) = live.next.take() {
            // Nothing if this very event is why it exits.
            self.queue.cancel(key);
        }
        if is_shared {
            self.on_shared(instance, |host, now| host.leave(now, slot));
        } else {
            let definition = self.live_mut(slot).definition;
            let cpu = self.nature.definition(definition).cpu;
            self.keeps_busy(instance, u64::from(cpu.0), 0);
        }
        if stage == Stage::Stopping {
            self.withdraw(slot);
        }
    }

    /// CPU of a shared host that a start competes for, µs of a core, and the CPU of that core: what
    /// falls into the part of the time for which the host's quota does not last.
    fn start_cpu(&self, instance: InstanceId) -> Option<(u64, Cpu)> {
        let setup = self.engines.as_ref()?.setup();
        let shared = self.hosts[instance.index()].shared.as_ref()?;
        let core = Cpu::from_milli(u64::from(setup.core_milli))?;
        let without_quota = 1.0 - shared.host.share_of_cores(core);
        let micros = f64::from(setup.model.start_cpu_micros) * without_quota;
        Some((libm::round(micros) as u64, core)).filter(|(micros, _)| *micros > 0)
    }

    /// What the service time of a start includes of the host's part, µs: all that this takes when
    /// nothing else goes on there, but for what it takes longer than on a whole core because it is
    /// throttled. And the CPU in use there, with which the start competes.
    pub(super) fn start_on_host(
        &self,
        instance: InstanceId,
        definition: DefinitionId,
    ) -> (u64, u64) {
        let Some((micros, core)) = self.start_cpu(instance) else { return (0, 0) };
        let host = self.hosts[instance.index()].shared.as_ref().expect("it takes CPU of it");
        let rate = u64::from(host.host.start_cap(self.nature.definition(definition), core).max(1));
        let model = &self.engines.as_ref().expect("an engine starts").setup().model;
        let throttled = u64::from(model.start_throttled_micros).min(micros);
        let core = u64::from(core.0);
        let on_idle = (micros * core).div_ceil(rate) - throttled * (core - rate) / rate;
        (on_idle, host.host.used())
    }

    /// An engine has done its part of a start; the part that the instance itself does follows on a
    /// shared host, after waits for quota where the others use all of it. The event, if there is
    /// nothing more to do.
    pub(super) fn starts(&mut self, slot: u32) -> Result<Option<Event>, BackendError> {
        let live = self.live[slot as usize].as_ref().expect("a starting task is live");
        let instance = live.placement.instance;
        if self.start_cpu(instance).is_none() {
            return self.runs(slot).map(Some);
        }
        let waits = self.waits_for_quota(instance);
        if waits > SimDuration::ZERO {
            let due = Due::QuotaAwaited(slot);
            self.live_mut(slot).next = Some(self.schedule(waits, phase::STARTS, due));
        } else {
            self.starts_on_host(slot);
        }
        Ok(None)
    }

    /// How long a start waits in all for quota of its instance.
    fn waits_for_quota(&self, instance: InstanceId) -> SimDuration {
        let setup = self.engines.as_ref().expect("a start takes CPU of an engine's").setup();
        let host = &self.hosts[instance.index()].shared.as_ref().expect("it is shared").host;
        let core = Cpu::from_milli(u64::from(setup.core_milli));
        let Some(core) = core.filter(|_| host.is_saturated()) else { return SimDuration::ZERO };
        let share = host.share_of_cores(core);
        let bursts = f64::from(setup.model.start_bursts_milli) / 1000.0;
        SimDuration::from_micros(libm::round(bursts * burst_wait_micros(share)) as u64)
    }

    /// A start begins to take CPU of its instance.
    pub(super) fn starts_on_host(&mut self, slot: u32) {
        let live = self.live_mut(slot);
        live.next = None;
        let (instance, definition) = (live.placement.instance, live.definition);
        let (micros, core) = self.start_cpu(instance).expect("it takes CPU of its instance");
        let work = u128::from(micros) * u128::from(core.0);
        let definition = std::sync::Arc::clone(self.nature.definition(definition));
        let setup = self.engines.as_ref().expect("a start takes CPU of an engine's").setup();
        let exponent = setup.model.start_weight_exponent_milli;
        self.on_shared(instance, |host, now| {
            host.prepare(now, slot, &definition, core, work, exponent);
        });
    }

    /// A task's containers run, unless its start fails; one that was told to stop meanwhile is
    /// stopped.
    pub(super) fn runs(&mut self, slot: u32) -> Result<Event, BackendError> {
        let in_vain = self.live_mut(slot).stage == Stage::StartingInVain;
        if !in_vain && self.start_fails(slot) {
            self.live_mut(slot).next = None;
            return Ok(self.exit(slot, Outcome::FailedToStart));
        }
        self.started(slot)?;
        self.begin_checks(slot);
        if in_vain {
            self.order_stop(slot);
        } else {
            self.serves(slot);
        }
        Ok(Event::TaskStarted(self.task(slot)))
    }

    /// Something is due on a shared host; the event, if it is a task's end.
    pub(super) fn host_due(&mut self, instance: InstanceId) -> Result<Option<Event>, BackendError> {
        let shared = self.hosts[instance.index()].shared.as_mut();
        shared.expect("only shared hosts have events").wake = None;
        let Some((slot, end)) = self.on_shared(instance, SharedHost::due) else { return Ok(None) };
        if matches!(self.live_mut(slot).stage, Stage::Starting | Stage::StartingInVain) {
            self.on_shared(instance, |host, now| host.prepared(now, slot));
            return self.runs(slot).map(Some);
        }
        let outcome = match end {
            End::Done => self.live_mut(slot).behaviour.ends,
            End::Killed => Outcome::OutOfMemory,
        };
        Ok(Some(self.exit(slot, outcome)))
    }

    /// Does something to a shared host and sees to what follows from it.
    fn on_shared<R>(
        &mut self,
        instance: InstanceId,
        act: impl FnOnce(&mut SharedHost, SimTime) -> R,
    ) -> R {
        let now = self.queue.now();
        let shared = self.hosts[instance.index()].shared.as_mut();
        let Shared { host, wake } = &mut **shared.expect("the host is a shared one");
        let before = host.used();
        let result = act(host, now);
        let after = host.used();
        // What is done beyond the clock is never done.
        let at = host.next().filter(|at| *at <= LATEST).map(|at| at.max(now));
        if at != wake.map(|wake| wake.at) {
            if let Some(wake) = wake.take() {
                self.queue.cancel(wake.key);
            }
            let due = |at| {
                let key = self.queue.schedule(at, phase::ENDS, Due::Host(instance.0));
                Wake { at, phase: phase::ENDS, key }
            };
            *wake = at.map(due);
        }
        self.keeps_busy(instance, before, after);
        result
    }

    /// CPU of the whole cores that an instance's tasks run on, where the machine is known.
    fn cores(&self, cpu: Cpu) -> Option<Cpu> {
        let setup = self.engines.as_ref()?.setup();
        let all = Cpu::from_milli(u64::from(setup.cores_milli?))?;
        let one = Cpu::from_milli(u64::from(setup.core_milli))?;
        let whole = cpu.0.div_ceil(one.0.max(1)).checked_mul(one.0)?;
        Some(all.min(Cpu(whole)))
    }

    /// What was used until `now`, of the hosts that are shared.
    pub(super) fn usage_until(&self, now: SimTime) -> Vec<HostUsage> {
        let hosts = self.hosts.iter().enumerate();
        let usage = |(index, host): (usize, &super::Host)| {
            let shared = host.shared.as_ref()?;
            let id = InstanceId(u32::try_from(index).expect("fewer than 2^32 instances"));
            Some(shared.host.usage(now, id))
        };
        hosts.filter_map(usage).collect()
    }
}
