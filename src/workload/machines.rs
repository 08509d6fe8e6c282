//! Machines that are there from the start.

use std::collections::VecDeque;

use crate::des::SimTime;
use crate::model::InstanceSpec;

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
