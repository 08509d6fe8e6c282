//! What the backend needs of an engine, so that it can be tested without one.

use std::time::Duration;

use super::message::{Report, Request};

/// Something that starts and stops containers.
pub trait Containers {
    /// Begins an operation and returns at once.
    fn begin(&self, request: Request);

    /// Whether it is on this machine.
    fn is_here(&self) -> bool {
        false
    }

    /// Cores of its machine; 0 where that is not known.
    fn cores(&self) -> u32 {
        0
    }

    /// The next report, waited for at most so long.
    fn next_report(&self, wait: Duration) -> Option<Report>;
}

/// What an instance may use in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceSize {
    /// CPU, thousandths of a core.
    pub core_milli: u32,
    /// Memory, KiB.
    pub memory_kib: u64,
}

/// Makes instances out of parts of a machine.
pub trait Hosting {
    /// Sets up a container instance; returns the parent cgroup of its containers, or `None` where
    /// nothing but their own limits holds them.
    ///
    /// # Errors
    /// What cannot be set up, and the remedy.
    fn set_up(&mut self, instance: u32, size: InstanceSize) -> Result<Option<String>, String>;

    /// What the containers of each instance have used so far, in order; empty where that is not
    /// measured.
    fn usage(&self) -> Vec<InstanceUse> {
        Vec::new()
    }

    /// Takes the instances apart, once their containers are gone.
    ///
    /// # Errors
    /// What is left, and the remedy.
    fn take_down(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// What the containers of an instance used, from the counters of its cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InstanceUse {
    /// CPU time, nanoseconds.
    pub cpu_ns: u64,
    /// Time that runnable threads were held back by the instance's quota, nanoseconds, summed over
    /// cores.
    pub throttled_ns: u64,
}

/// No budgets: containers get quotas of what they reserve instead. For engines without root.
#[derive(Debug, Clone, Copy, Default)]
pub struct WithoutBudgets;

impl Hosting for WithoutBudgets {
    fn set_up(&mut self, _: u32, _: InstanceSize) -> Result<Option<String>, String> {
        Ok(None)
    }
}

impl Containers for super::Engine {
    fn begin(&self, request: Request) {
        super::Engine::begin(self, request);
    }

    fn is_here(&self) -> bool {
        self.endpoint().is_local()
    }

    fn cores(&self) -> u32 {
        self.info().cpus
    }

    fn next_report(&self, wait: Duration) -> Option<Report> {
        super::Engine::next_report(self, wait)
    }
}
