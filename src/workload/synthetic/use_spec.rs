//! What the tasks of a kind really use, and the limits they are under.

use serde::{Deserialize, Serialize};

use crate::des::SimDuration;
use crate::model::{Cpu, Limits, TaskDefinition};
use crate::workload::ecs_json::{CpuUnits, MemoryMib};
use crate::workload::law_spec::Span;
use crate::workload::{Pace, Usage, UsageStep};

use super::sizes::{Keys, KindSpec};
use super::spec::SpecError;

/// Thousandths of the whole run.
const WHOLE: u32 = 1000;

/// `use` of a kind: its tasks' true use of CPU and memory.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseSpec {
    /// CPU wanted at any time, as `cpu`; what is reserved if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuUnits>,
    /// `time` (if missing): it runs for its run time whatever it gets; `work`: until it has got its
    /// run time's worth of the CPU wanted.
    #[serde(default)]
    pub pace: Pace,
    /// Memory it comes to use, as `memory`; what is reserved if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryMib>,
    /// Time over which memory grows from nothing; none if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_ramp: Option<Span>,
    /// The run in parts, instead of `cpu`, `memory` and `memory_ramp`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepSpec>,
}

/// One of the `steps` of a use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Share of the run time, whole thousandths; those of all steps add up to 1.
    pub share: f64,
    /// CPU wanted; what is reserved if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<CpuUnits>,
    /// Memory in use; what is reserved if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryMib>,
}

impl KindSpec {
    /// Whether it says anything of what its tasks use or may use.
    pub(super) fn says_use(&self) -> bool {
        self.r#use.is_some() || self.cpu_limit.is_some() || self.memory_limit.is_some()
    }

    /// Keys that only matter where CPU and memory are shared, of those that are set.
    pub fn keys_of_sharing(&self) -> Vec<&'static str> {
        let keys = [
            ("use", self.r#use.is_some()),
            ("cpu_limit", self.cpu_limit.is_some()),
            ("memory_limit", self.memory_limit.is_some()),
        ];
        keys.into_iter().filter(|(_, set)| *set).map(|(key, _)| key).collect()
    }

    /// The limits of a kind whose sizes are written out.
    ///
    /// Without a word of use or limits there are none, as ever: what does not matter to anyone is
    /// no part of a definition.
    pub(super) fn limits(&self, keys: Keys<'_>, reserved: (Cpu, u32)) -> Result<Limits, SpecError> {
        if !self.says_use() {
            return Ok(Limits::default());
        }
        let (cpu, memory_mib) = reserved;
        let quota = self.cpu_limit.map(|units| units_of(keys, "cpu_limit", units)).transpose()?;
        if let Some(quota) = quota
            && (quota < cpu || quota == Cpu(0))
        {
            let problem = format!(
                "{quota}, but {cpu} are reserved, and nothing runs on 0; write a limit of at \
                 least `cpu`, or leave it out"
            );
            return Err(keys.refuse("cpu_limit", problem));
        }
        let limit = self.memory_limit.map_or(memory_mib, |limit| limit.0);
        if limit < memory_mib {
            let problem = format!(
                "{limit} MiB are less than `memory`, {memory_mib}; write at least as much, or \
                 leave it out"
            );
            return Err(keys.refuse("memory_limit", problem));
        }
        Ok(Limits { cpu: quota, memory_mib: Some(limit) })
    }

    /// The use of tasks of a definition; `None` where that is what they reserve. `lasts` tells
    /// whether they end by themselves.
    ///
    /// # Errors
    /// Keys that contradict each other.
    pub fn usage(
        &self,
        definition: &TaskDefinition,
        lasts: bool,
    ) -> Result<Option<Usage>, SpecError> {
        self.usage_at(Keys(""), definition, lasts)
    }

    pub(super) fn usage_at(
        &self,
        keys: Keys<'_>,
        definition: &TaskDefinition,
        lasts: bool,
    ) -> Result<Option<Usage>, SpecError> {
        let Some(spec) = &self.r#use else { return Ok(None) };
        spec.check(keys, lasts)?;
        let cpu = |key: &str, units: Option<CpuUnits>| {
            units.map_or(Ok(definition.cpu), |units| units_of(keys, key, units))
        };
        let memory = |mib: Option<MemoryMib>| mib.map_or(definition.memory_mib, |mib| mib.0);
        let mut steps = Vec::new();
        for (index, step) in spec.steps.iter().enumerate() {
            let milli = step.milli().ok_or_else(|| {
                let problem = format!(
                    "{} is no share of the run; write whole thousandths from 0.001 to 1",
                    step.share
                );
                keys.refuse(&format!("use.steps[{index}].share"), problem)
            })?;
            let cpu = cpu(&format!("use.steps[{index}].cpu"), step.cpu)?;
            steps.push(UsageStep { milli, cpu, memory_mib: memory(step.memory) });
        }
        let sum: u32 = steps.iter().map(|step| u32::from(step.milli)).sum();
        if !steps.is_empty() && sum != WHOLE {
            let problem =
                format!("shares add up to {sum} thousandths; let them add up to 1 exactly");
            return Err(keys.refuse("use.steps", problem));
        }
        let cpu = cpu("use.cpu", spec.cpu)?;
        if spec.pace == Pace::Work && cpu == Cpu(0) {
            let problem = "0 CPU never get work done; write what it wants, or pace = \"time\"";
            return Err(keys.refuse("use.cpu", problem));
        }
        let memory_ramp = spec.memory_ramp.map_or(SimDuration::ZERO, Span::duration);
        let memory_mib = memory(spec.memory);
        Ok(Some(Usage { pace: spec.pace, cpu, memory_mib, memory_ramp, steps }))
    }
}

impl UseSpec {
    /// Refuses keys that contradict each other.
    fn check(&self, keys: Keys<'_>, lasts: bool) -> Result<(), SpecError> {
        if !lasts && self.pace == Pace::Work {
            let problem = "\"work\" ends by `duration`, and there is none; set it, or write \
                           \"time\"";
            return Err(keys.refuse("use.pace", problem));
        }
        if self.memory_ramp.is_some() && self.memory == Some(MemoryMib(0)) {
            let problem = "there is no memory to grow to; raise `memory`, or leave it out";
            return Err(keys.refuse("use.memory_ramp", problem));
        }
        if self.steps.is_empty() {
            return Ok(());
        }
        if self.pace == Pace::Work {
            let problem = "steps are parts of a run time, which \"work\" does not keep; write \
                           pace = \"time\", or leave them out";
            return Err(keys.refuse("use.steps", problem));
        }
        if !lasts {
            let problem = "steps are parts of a run time, and there is no `duration`; set it, or \
                           leave them out";
            return Err(keys.refuse("use.steps", problem));
        }
        let besides = [
            ("cpu", self.cpu.is_some()),
            ("memory", self.memory.is_some()),
            ("memory_ramp", self.memory_ramp.is_some()),
        ];
        match besides.into_iter().find(|(_, set)| *set) {
            None => Ok(()),
            Some((key, _)) => {
                let problem = "set although `steps` say it; remove one of them";
                Err(keys.refuse(&format!("use.{key}"), problem))
            }
        }
    }
}

impl StepSpec {
    /// The share in thousandths, if it is a whole number of them.
    fn milli(&self) -> Option<u16> {
        let milli = self.share * f64::from(WHOLE);
        let whole = libm::round(milli);
        let exact = (milli - whole).abs() < 1e-6 && (1.0..=f64::from(WHOLE)).contains(&whole);
        exact.then_some(whole as u16)
    }
}

fn units_of(keys: Keys<'_>, key: &str, CpuUnits(units): CpuUnits) -> Result<Cpu, SpecError> {
    Cpu::from_ecs_units(u64::from(units)).ok_or_else(|| {
        let problem = format!("{units} CPU units are more than 33554 vCPU; check the unit");
        keys.refuse(key, problem)
    })
}

#[cfg(test)]
#[path = "use_spec_tests.rs"]
mod tests;
