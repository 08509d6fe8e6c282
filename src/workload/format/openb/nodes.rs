//! Node lists: the machines of an openb trace.

use std::path::Path;

use rand::Rng;

use crate::des::{Purpose, Seed};
use crate::model::{
    AttributeSet, CapacityId, Cpu, GPU_DEVICE_MILLI, InstanceSpec, Price,
};
use crate::workload::WorkloadError;
use crate::workload::format::reader::{Names, Rows};

/// Attribute that holds the model of a node's GPUs.
pub(super) const GPU_MODEL: &str = "gpu-model";

/// Network interfaces of a node: more than its tasks could take, as the trace has no limit.
const ENI_SLOTS: u32 = 1000;

/// Order in which nodes register where no file gives one.
const NODE_ORDER: Purpose = Purpose(0x4f42_4e4f);

/// The nodes in order of the file.
#[derive(Debug)]
pub(super) struct Nodes {
    specs: Vec<InstanceSpec>,
    pub(super) names: Names,
}

impl Nodes {
    pub(super) fn read(path: &Path, capacity: CapacityId) -> Result<Nodes, WorkloadError> {
        let required = ["sn", "cpu_milli", "memory_mib", "gpu", "model"];
        let mut rows = Rows::open(path, &required, &[])?;
        let [name, cpu, memory, gpus, model] = required.map(|name| rows.column(name));
        let mut nodes = Nodes {
            specs: Vec::new(),
            names: Names::default(),
        };
        while rows.advance()? {
            nodes.names.add(&rows, name)?;
            let gpus = rows.device_count(gpus)?;
            let mut attributes = AttributeSet::default();
            if gpus > 0 {
                attributes.set(GPU_MODEL, rows.filled(model)?);
            }
            nodes.specs.push(InstanceSpec {
                name: rows.text(name).to_owned(),
                capacity,
                cpu: rows.cpu(cpu, Cpu::MILLI)?,
                memory_mib: rows.u32(memory)?,
                gpus,
                eni_slots: ENI_SLOTS,
                attributes,
                price: Price(0),
                speed_milli: 1000,
                agent_version: None,
                registered_at: None,
            });
        }
        if nodes.specs.is_empty() {
            return Err(WorkloadError(format!(
                "{}: no nodes behind the header",
                rows.file()
            )));
        }
        Ok(nodes)
    }

    /// Thousandths of GPU over all nodes.
    pub(super) fn gpu_milli(&self) -> u64 {
        let of = |spec: &InstanceSpec| u64::from(spec.gpus) * u64::from(GPU_DEVICE_MILLI);
        self.specs.iter().map(of).sum()
    }

    /// The nodes in an order, a permutation of their numbers.
    pub(super) fn ordered(self, order: &[usize]) -> Vec<InstanceSpec> {
        assert_eq!(
            order.len(),
            self.specs.len(),
            "every node has one place in the order"
        );
        order
            .iter()
            .map(|&number| self.specs[number].clone())
            .collect()
    }

    /// The nodes shuffled by the seed.
    pub(super) fn shuffled(self, seed: Seed) -> Vec<InstanceSpec> {
        let order = shuffle(self.specs.len(), seed, NODE_ORDER);
        self.ordered(&order)
    }
}

/// The numbers below `count` in an order drawn uniformly: by a random key of each, so that the key
/// of one does not depend on how many there are.
pub(super) fn shuffle(count: usize, seed: Seed, purpose: Purpose) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_cached_key(|&index| (seed.stream(purpose, index as u64, 0).next_u64(), index));
    order
}
