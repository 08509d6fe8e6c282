//! The workload `churn`: tasks of 24 shapes come and go on a crowded cluster of equal instances.
//! The same shapes as in `scenarios/churn.toml`.

use std::sync::Arc;

use crate::des::{Purpose, Seed, pick};
use crate::model::{
    AttributeSet, CapacityId, ClassId, Cluster, Cpu, InstanceSpec, InstanceView, Price,
    TaskDefinition, TaskId,
};
use crate::placement::{
    Ask, PlacementError, PlacementSpec, Placer, PlacerKind, STRATEGIES, TieBreak, WorkloadProfile,
};

/// Purpose of the draws of steps: "BNCH".
const STEP_DRAW: Purpose = Purpose(u32::from_be_bytes(*b"BNCH"));

/// CPU of the shapes, ECS units.
const CPU_UNITS: [u32; 8] = [256, 512, 768, 1024, 1280, 1536, 2048, 4096];

/// Memory of the shapes, MiB per unit of CPU; once, twice and once among four.
const MIB_PER_UNIT: [u32; 4] = [2, 4, 4, 8];

/// What each instance has: vCPUs and MiB.
const INSTANCE: (u64, u32) = (16, 65_536);

/// Zones that instances are in, in turn.
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// Steps drawn beforehand, so that no draw is timed; they are gone through again and again.
const DRAWS: u64 = 1 << 16;

/// Changes after which the cluster's log has been cut at least once.
const LOG_CHANGES: usize = 1 << 17;

/// Decisions kept to compare with another placer's.
const COMPARED_MAX: usize = 4096;

/// Places tasks where the strategy itself would take too long: O(1) as long as a fair share of the
/// instances is feasible.
const FILLER: &str = "round-robin";

/// The strategies that `towtank bench` measures by default.
pub const DEFAULT_STRATEGIES: [&str; 9] = [
    "first-fit",
    "best-fit",
    "worst-fit",
    "binpack:cpu",
    "binpack:memory",
    "spread:instanceId",
    "ecs-service",
    "random",
    "dot-product",
];

/// Every strategy of the table, with its example parameter.
pub fn every_strategy() -> Vec<String> {
    STRATEGIES.iter().map(crate::placement::StrategyEntry::example).collect()
}

/// One step: what comes, and which of the tasks in place goes.
#[derive(Debug, Clone, Copy)]
struct Draw {
    class: ClassId,
    leaves: f64,
}

/// How a cluster came to be in its steady state, to bring another one into the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct WarmUp {
    /// Steps of the strategy until the cluster was full.
    fill: u64,
    /// Steps of the filler, where the strategy's own took too long.
    filler: u64,
    /// Tasks in place then.
    tasks: u64,
    /// Steps of the strategy after that.
    churn: u64,
}

/// A crowded cluster and the placer that keeps it so.
#[derive(Debug)]
pub struct Churn {
    cluster: Cluster,
    placer: Box<dyn Placer>,
    placement: PlacementSpec,
    seed: Seed,
    draws: Vec<Draw>,
    next_draw: usize,
    tasks: Vec<TaskId>,
    /// A task that fits nowhere, and its class.
    misfit: (TaskId, ClassId),
    /// CPU to be in use.
    target: u64,
    /// Whether the last decision found no instance.
    refused: bool,
    /// Decisions since the last [`Churn::begin`], and of these the refused ones.
    pub(super) decisions: u64,
    pub(super) refusals: u64,
    /// Where the first of them placed: instance, or nowhere.
    chosen: Vec<Option<u32>>,
}

impl Churn {
    /// An empty cluster of `instances`, of whose CPU a share is to be in use; the indexed placer.
    ///
    /// # Errors
    /// A placement that cannot be built.
    pub fn new(
        placement: &PlacementSpec,
        instances: u32,
        utilisation: f64,
        seed: Seed,
    ) -> Result<Churn, PlacementError> {
        let mut cluster = Cluster::new();
        let placer = build(placement, PlacerKind::Indexed, seed, &mut cluster)?;
        for index in 0..instances {
            cluster.register(instance(index));
        }
        let classes: Vec<ClassId> = definitions().map(|one| intern(&mut cluster, one)).collect();
        let draw = |entity| {
            let mut stream = seed.stream(STEP_DRAW, entity, 0);
            let class = classes[pick(stream.uniform(), classes.len())];
            Draw { class, leaves: stream.uniform() }
        };
        let (vcpus, memory_mib) = INSTANCE;
        let cpu = Cpu::from_vcpus(2 * vcpus).expect("32 vCPUs are in range");
        let misfit = intern(&mut cluster, TaskDefinition::new("misfit", cpu, memory_mib));
        let misfit = (cluster.create_task(misfit), misfit);
        let target = (cluster.totals().cpu as f64 * utilisation) as u64;
        Ok(Churn {
            draws: (0..DRAWS).map(draw).collect(),
            // An instance holds some ten tasks; room beforehand keeps this list out of what is
            // counted as bytes of tasks.
            tasks: Vec::with_capacity(instances as usize * 16 + 64),
            placement: placement.clone(),
            chosen: Vec::with_capacity(COMPARED_MAX),
            next_draw: 0,
            refused: false,
            decisions: 0,
            refusals: 0,
            cluster,
            placer,
            seed,
            misfit,
            target,
        })
    }

    /// Makes the cluster's log of changes as long as it gets, so that it counts as no task's bytes.
    pub(super) fn lengthen_log(&mut self) {
        let Some(first) = self.cluster.instances().next().map(InstanceView::id) else { return };
        (0..LOG_CHANGES).for_each(|_| self.cluster.set_agent_connected(first, true));
    }

    /// Fills the cluster and replaces its tasks `turnovers` times while `goes_on`, which is asked
    /// now and then. What the strategy has no time to fill the filler does.
    ///
    /// # Errors
    /// A placer that cannot be built.
    pub fn warm_up(
        &mut self,
        turnovers: u64,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<WarmUp, PlacementError> {
        let mut done = WarmUp::default();
        let mut in_time = true;
        while in_time && !self.is_full() {
            self.step();
            done.fill += 1;
            in_time = !done.fill.is_multiple_of(16) || goes_on();
        }
        if !self.is_full() {
            self.begin(&PlacementSpec::parse(FILLER)?, PlacerKind::Indexed)?;
            while !self.is_full() {
                self.step();
                done.filler += 1;
            }
            self.hand_to(PlacerKind::Indexed)?;
        }
        done.tasks = self.tasks.len() as u64;
        while in_time && done.churn < turnovers * done.tasks {
            self.step();
            done.churn += 1;
            in_time = !done.churn.is_multiple_of(16) || goes_on();
        }
        Ok(done)
    }

    /// Repeats a warm-up: both clusters are in the same state then.
    pub(super) fn repeat(&mut self, warm_up: WarmUp) -> Result<(), PlacementError> {
        (0..warm_up.fill).for_each(|_| self.step());
        if warm_up.filler > 0 {
            self.begin(&PlacementSpec::parse(FILLER)?, PlacerKind::Indexed)?;
            (0..warm_up.filler).for_each(|_| self.step());
            self.hand_to(PlacerKind::Indexed)?;
        }
        (0..warm_up.churn).for_each(|_| self.step());
        Ok(())
    }

    /// Whether as much is in use as was asked for, or as fits.
    fn is_full(&self) -> bool {
        let fits_no_more = self.refusals > 100 + self.tasks.len() as u64;
        self.cluster.totals().cpu_used >= self.target || fits_no_more
    }

    /// Hands the cluster to a new placer, and counts from here on.
    fn begin(&mut self, placement: &PlacementSpec, kind: PlacerKind) -> Result<(), PlacementError> {
        self.placer = build(placement, kind, self.seed, &mut self.cluster)?;
        (self.decisions, self.refusals) = (0, 0);
        self.chosen.clear();
        Ok(())
    }

    /// Hands the cluster to a new placer of the strategy measured, of that kind.
    pub(super) fn hand_to(&mut self, kind: PlacerKind) -> Result<(), PlacementError> {
        self.begin(&self.placement.clone(), kind)
    }

    /// One task ends, unless the cluster is below its target; one comes and is decided on, and
    /// placed if an instance was found. After a refusal one ends in any case, so that the cluster
    /// stays where it is if the target cannot be reached.
    pub fn step(&mut self) {
        let Draw { class, leaves } = self.draws[self.next_draw];
        self.next_draw = (self.next_draw + 1) % self.draws.len();
        let ends = self.refused || self.cluster.totals().cpu_used >= self.target;
        if ends && !self.tasks.is_empty() {
            let ended = self.tasks.swap_remove(pick(leaves, self.tasks.len()));
            self.cluster.release(ended);
            self.cluster.remove_task(ended);
        }
        let task = self.cluster.create_task(class);
        let ask = Ask { class, task, attempt: 0, restrict: None };
        let decision = self.placer.place(&ask, &self.cluster);
        self.decisions += 1;
        self.refused = decision.is_err();
        if self.chosen.len() < COMPARED_MAX {
            self.chosen.push(decision.ok().map(|placement| placement.instance.0));
        }
        if let Ok(placement) = decision {
            self.cluster.place(task, placement);
            self.tasks.push(task);
        } else {
            self.cluster.remove_task(task);
            self.refusals += 1;
        }
    }

    /// A decision on a task that fits nowhere; the cluster stays as it is.
    pub(super) fn ask_for_misfit(&mut self) {
        let (task, class) = self.misfit;
        let ask = Ask { class, task, attempt: 0, restrict: None };
        let decision = self.placer.place(&ask, &self.cluster);
        assert!(decision.is_err(), "a task of 32 vCPUs was placed on an instance of 16");
    }

    /// Has a decision made for every class, so that the placer has built what it builds for each.
    pub(super) fn meet_classes(&mut self) {
        for class in self.cluster.classes() {
            let ask = Ask { class: class.id, task: self.misfit.0, attempt: 0, restrict: None };
            // Where it would go does not matter: it is not placed.
            let _ = self.placer.place(&ask, &self.cluster);
        }
    }

    /// Tasks in place.
    pub(super) fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Bytes that are the benchmark's own: its draws and its list of the tasks in place.
    pub(super) fn own_bytes(&self) -> usize {
        self.draws.capacity() * size_of::<Draw>()
            + self.tasks.capacity() * size_of::<TaskId>()
            + self.chosen.capacity() * size_of::<Option<u32>>()
    }

    /// Share of the memory in use.
    pub(super) fn memory_utilisation(&self) -> f64 {
        let totals = self.cluster.totals();
        totals.memory_used_mib as f64 / totals.memory_mib.max(1) as f64
    }

    /// Whether both chose the same as far as both went.
    pub(super) fn agrees_with(&self, other: &Churn) -> bool {
        self.chosen.iter().zip(&other.chosen).all(|(one, another)| one == another)
    }
}

impl WarmUp {
    /// How often the strategy replaced the tasks in place.
    pub(super) fn turnovers(self) -> f64 {
        self.churn as f64 / self.tasks.max(1) as f64
    }
}

/// The shapes, CPU units and MiB, those of double weight twice.
pub(super) fn shapes() -> impl Iterator<Item = (u32, u32)> {
    let of_cpu = |cpu: u32| MIB_PER_UNIT.map(|mib| (cpu, cpu * mib));
    CPU_UNITS.into_iter().flat_map(of_cpu)
}

/// A definition of each shape.
fn definitions() -> impl Iterator<Item = TaskDefinition> {
    shapes().map(|(cpu_units, memory_mib)| {
        let cpu = Cpu::from_ecs_units(u64::from(cpu_units)).expect("a few vCPUs are in range");
        TaskDefinition::new(format!("{cpu_units}-{memory_mib}"), cpu, memory_mib)
    })
}

/// The class of a definition. A definition that comes twice is one definition and one class.
fn intern(cluster: &mut Cluster, definition: TaskDefinition) -> ClassId {
    let known = cluster.classes().iter().find(|class| class.definition == definition);
    if let Some(class) = known {
        return class.id;
    }
    let id = cluster.register_definition(Arc::new(definition));
    cluster.intern_class(id, None)
}

fn instance(index: u32) -> InstanceSpec {
    let mut attributes = AttributeSet::default();
    attributes.set("ecs.availability-zone", ZONES[index as usize % ZONES.len()]);
    let (vcpus, memory_mib) = INSTANCE;
    InstanceSpec {
        name: format!("instances-{index}"),
        capacity: CapacityId(0),
        cpu: Cpu::from_vcpus(vcpus).expect("16 vCPUs are in range"),
        memory_mib,
        gpus: 0,
        eni_slots: 14,
        attributes,
        price: Price(0),
        speed_milli: 1000,
        agent_version: None,
        registered_at: None,
    }
}

/// A placer of that placement, told of the shapes, that has tracked its fields in the cluster.
fn build(
    placement: &PlacementSpec,
    kind: PlacerKind,
    seed: Seed,
    cluster: &mut Cluster,
) -> Result<Box<dyn Placer>, PlacementError> {
    let shapes: Vec<TaskDefinition> = definitions().collect();
    let profile = WorkloadProfile::of(shapes.iter().map(|one| (one, 1)), 1_000_000);
    let mut placer = placement.build(kind, TieBreak::default(), seed, Some(&profile))?;
    placer.prepare(cluster);
    Ok(placer)
}
