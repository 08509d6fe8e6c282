//! The nouns of ECS: tasks, container instances and the cluster's ledger of capacity.
//!
//! Knows no IO, clock, randomness or file format. Capacity changes in [`Cluster`] and nowhere else.

mod attributes;
mod audit;
mod change_log;
mod cluster;
mod instance;
mod ledger;
pub mod query;
mod service;
mod service_metrics;
mod submission;
mod task;
mod units;

pub use attributes::{AttributeSet, AttributeSetId, FieldId, SpreadField, ValueId};
pub use change_log::InstanceChange;
pub use cluster::{Cluster, Totals};
pub use instance::{InstanceSpec, InstanceStatus, InstanceView, RESERVED_PORTS_MAX};
pub use service::{
    CircuitBreaker, DeploymentConfiguration, DeploymentStrategy, FailureThreshold,
    SchedulingStrategy, ServiceId, ServiceSpec, ServiceUpdate,
};
pub use service_metrics::ServiceMetrics;
pub use submission::{Origin, Outcome, StopCode, Submission, SubmissionId};
pub use task::{
    Architecture, DeviceSet, Health, HostPort, Limits, NetworkMode, Placement, PlacementConstraint,
    Protocol, RequiredAttribute, Task, TaskClass, TaskDefinition, TaskStatus,
};
pub use units::{Cost, Cpu, GPU_DEVICE_MILLI, GpuKind, GpuRequest, Price};

/// The most GPU devices one instance can have.
pub const DEVICES_MAX: usize = 32;

macro_rules! dense_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u32);

        impl $name {
            /// The id as an index into an array by id.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

dense_id!(
    /// A container instance, numbered in order of registration; never reused.
    InstanceId
);
dense_id!(
    /// A registered task definition, numbered in order of registration.
    DefinitionId
);
dense_id!(
    /// A task class (definition and task group), numbered in order of first use.
    ClassId
);
dense_id!(
    /// A task group, numbered in order of first use.
    GroupId
);
dense_id!(
    /// A named group of capacity (`[capacity.NAME]` or a trace's machines).
    CapacityId
);

/// A task of a run: a serial number, and the slot its record lives in while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Serial number in order of creation, from 0; unique in the run.
    pub number: u64,
    /// Index of the record; taken over by a later task once this one has ended.
    pub slot: u32,
}
