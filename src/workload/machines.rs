//! Machines that are there from the start, and those of them that are drained later.

use std::collections::VecDeque;

use crate::des::SimTime;
use crate::model::{InstanceId, InstanceSpec};

use super::{External, Ids, Source, WorkloadError};

/// Registers instances at time 0, in order.
#[derive(Debug)]
pub struct Machines {
    specs: VecDeque<InstanceSpec>,
}

impl Machines {
    /// A source for these instances.
    pub fn new(specs: impl IntoIterator<Item = InstanceSpec>) -> Machines {
        Machines { specs: specs.into_iter().collect() }
    }
}

impl Source for Machines {
    fn next_event(&mut self, _: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        let up = |spec| (SimTime::ZERO, External::MachineUp(Box::new(spec)));
        Ok(self.specs.pop_front().map(up))
    }
}

/// Sets instances to DRAINING.
#[derive(Debug)]
pub struct Drains {
    times: VecDeque<(SimTime, InstanceId)>,
}

impl Drains {
    /// A source for these instances, in order of time.
    pub fn new(times: Vec<(SimTime, InstanceId)>) -> Drains {
        Drains { times: times.into() }
    }
}

impl Source for Drains {
    fn next_event(&mut self, _: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        Ok(self.times.pop_front().map(|(at, instance)| (at, External::Drain(instance))))
    }
}
