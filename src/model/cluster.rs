//! The control plane's ledger: the one place where capacity is taken and given back.
//!
//! Every count that a decision reads is kept up to date here in O(1) per placement and can be
//! recounted from the tasks by [`Cluster::audit`].

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use slab::Slab;
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::audit::Recount;
use super::change_log::{ChangeLog, InstanceChange};
use super::ledger::Ledger;
use super::{
    AttributeSet, AttributeSetId, ClassId, Cpu, DefinitionId, FieldId, GPU_DEVICE_MILLI, GroupId,
    InstanceId, InstanceSpec, InstanceStatus, InstanceView, Placement, Price, Task, TaskClass,
    TaskDefinition, TaskId, TaskStatus, ValueId,
};

/// Sums over the cluster, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Instances registered (active or draining).
    pub instances: u32,
    /// Of these, the ones that hold no task.
    pub empty_instances: u32,
    /// CPU registered, in units of [`Cpu`].
    pub cpu: u64,
    /// CPU reserved.
    pub cpu_used: u64,
    /// Memory registered, MiB.
    pub memory_mib: u64,
    /// Memory reserved, MiB.
    pub memory_used_mib: u64,
    /// GPU registered, thousandths of a device.
    pub gpu_milli: u64,
    /// GPU reserved, thousandths of a device.
    pub gpu_used_milli: u64,
    /// Sum of the prices of registered instances, billionths of a dollar per hour.
    pub price: Price,
}

/// The cluster: definitions, classes, instances, tasks and what each task holds where.
///
/// A `&Cluster` is the read-only view that every decision gets.
#[derive(Debug, Default)]
pub struct Cluster {
    definitions: Vec<Arc<TaskDefinition>>,
    groups: Vec<String>,
    group_index: BTreeMap<String, GroupId>,
    classes: Vec<TaskClass>,
    class_index: BTreeMap<(DefinitionId, GroupId), ClassId>,
    attributes: Attributes,
    ledger: Ledger,
    tasks: Slab<Task>,
    next_task: u64,
    totals: Totals,
    changes: ChangeLog,
    /// Version of the last change that could make room.
    room_version: u64,
}

impl Cluster {
    /// An empty cluster.
    pub fn new() -> Cluster {
        Cluster::default()
    }

    // --- task definitions, groups and classes -----------------------------------------

    /// Registers a task definition; ids are dense, in order of registration.
    pub fn register_definition(&mut self, definition: Arc<TaskDefinition>) -> DefinitionId {
        self.definitions.push(definition);
        DefinitionId(self.definitions.len() as u32 - 1)
    }

    /// A registered task definition.
    pub fn definition(&self, id: DefinitionId) -> &TaskDefinition {
        &self.definitions[id.index()]
    }

    /// The task group of that name, created when it is new. O(log groups).
    pub fn intern_group(&mut self, name: &str) -> GroupId {
        if let Some(&known) = self.group_index.get(name) {
            return known;
        }
        let id = GroupId(self.groups.len() as u32);
        self.groups.push(name.to_owned());
        self.group_index.insert(name.to_owned(), id);
        id
    }

    /// The task group of that name, if any task was in it. O(log groups).
    pub fn group(&self, name: &str) -> Option<GroupId> {
        self.group_index.get(name).copied()
    }

    /// Name of a task group.
    pub fn group_name(&self, id: GroupId) -> &str {
        &self.groups[id.index()]
    }

    /// The class of tasks of a definition in a group (`None`: the definition's own, `family:…`).
    /// O(log classes).
    pub fn intern_class(&mut self, definition: DefinitionId, group: Option<GroupId>) -> ClassId {
        let group = group.unwrap_or_else(|| {
            let name = format!("family:{}", self.definition(definition).family);
            self.intern_group(&name)
        });
        let next = ClassId(self.classes.len() as u32);
        let id = *self.class_index.entry((definition, group)).or_insert(next);
        if id == next {
            let definition_id = definition;
            let definition = TaskDefinition::clone(&self.definitions[definition_id.index()]);
            self.classes.push(TaskClass { id, definition_id, definition, group });
        }
        id
    }

    /// A task class.
    pub fn class(&self, id: ClassId) -> &TaskClass {
        &self.classes[id.index()]
    }

    /// All classes, by id.
    pub fn classes(&self) -> &[TaskClass] {
        &self.classes
    }

    // --- instances ------------------------------------------------------------

    /// Registers a container instance, ACTIVE and empty. O(attributes).
    pub fn register(&mut self, spec: InstanceSpec) -> InstanceId {
        self.attributes.add_instance(&spec.attributes);
        self.count_instance(&spec, true);
        self.totals.empty_instances += 1;
        let id = self.ledger.register(spec);
        self.changed(id, None, true);
        id
    }

    fn count_instance(&mut self, spec: &InstanceSpec, joins: bool) {
        let gpu = u64::from(spec.gpus) * u64::from(GPU_DEVICE_MILLI);
        let totals = &mut self.totals;
        if joins {
            totals.instances += 1;
            totals.cpu += u64::from(spec.cpu.0);
            totals.memory_mib += u64::from(spec.memory_mib);
            totals.gpu_milli += gpu;
            totals.price.0 += spec.price.0;
        } else {
            totals.instances -= 1;
            totals.cpu -= u64::from(spec.cpu.0);
            totals.memory_mib -= u64::from(spec.memory_mib);
            totals.gpu_milli -= gpu;
            totals.price.0 -= spec.price.0;
        }
    }

    /// Sets an instance ACTIVE or DRAINING. It must not have been deregistered.
    pub fn set_status(&mut self, id: InstanceId, status: InstanceStatus) {
        assert!(status != InstanceStatus::Deregistered, "deregister an instance with deregister()");
        self.ledger.set_status(id, status);
        self.changed(id, None, status == InstanceStatus::Active);
    }

    /// Marks whether the agent of an instance is connected; without it there are no placements.
    pub fn set_agent_connected(&mut self, id: InstanceId, connected: bool) {
        self.ledger.set_agent_connected(id, connected);
        self.changed(id, None, connected);
    }

    /// Removes an instance. Its tasks must have been released before.
    pub fn deregister(&mut self, id: InstanceId) {
        assert!(self.ledger.tasks(id) == 0, "an instance was deregistered with tasks on it");
        self.ledger.set_status(id, InstanceStatus::Deregistered);
        let spec = self.ledger.spec(id).clone();
        self.count_instance(&spec, false);
        self.totals.empty_instances -= 1;
        self.changed(id, None, false);
    }

    fn changed(&mut self, instance: InstanceId, group: Option<GroupId>, makes_room: bool) {
        self.changes.push(InstanceChange { instance, group });
        if makes_room {
            self.room_version = self.changes.version();
        }
    }

    /// Number of instances ever registered: ids are `0..instance_count()`.
    pub fn instance_count(&self) -> usize {
        self.ledger.len()
    }

    /// A view of one instance.
    pub fn instance(&self, id: InstanceId) -> InstanceView<'_> {
        InstanceView::new(self, id)
    }

    /// Views of all instances in id order, the deregistered included.
    pub fn instances(&self) -> impl ExactSizeIterator<Item = InstanceView<'_>> {
        (0..self.ledger.len() as u32).map(|index| self.instance(InstanceId(index)))
    }

    /// CPU not reserved on an instance.
    pub fn cpu_free(&self, id: InstanceId) -> Cpu {
        self.ledger.cpu_free(id)
    }

    /// Memory not reserved on an instance, MiB.
    pub fn memory_free_mib(&self, id: InstanceId) -> u32 {
        self.ledger.memory_free_mib(id)
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The attributes of an instance.
    pub fn attributes(&self, id: InstanceId) -> &AttributeSet {
        self.attributes.of(id)
    }

    /// The interned set of attributes of an instance.
    pub fn attribute_set(&self, id: InstanceId) -> AttributeSetId {
        self.attributes.set_of(id)
    }

    /// The distinct sets of attributes seen, by id.
    pub fn attribute_sets(&self) -> &[AttributeSet] {
        self.attributes.sets()
    }

    // --- counts per group and attribute value -----------------------------------------

    /// Starts to count tasks per group and value of an attribute; asking again is free.
    pub fn track_field(&mut self, attribute: &str) -> FieldId {
        let (field, new) = self.attributes.track(attribute);
        if new {
            for id in (0..self.ledger.len() as u32).map(InstanceId) {
                for &(group, count) in self.ledger.groups(id) {
                    self.attributes.add(field, id, group, count);
                }
            }
        }
        field
    }

    /// The value of a tracked field on an instance.
    pub fn value(&self, field: FieldId, id: InstanceId) -> ValueId {
        self.attributes.value(field, id)
    }

    /// Number of values a tracked field has, the missing value included.
    pub fn value_count(&self, field: FieldId) -> usize {
        self.attributes.value_count(field)
    }

    /// Tasks of `group` on instances with `value` of `field`.
    pub fn tasks_in_field(&self, field: FieldId, value: ValueId, group: GroupId) -> u32 {
        self.attributes.tasks(field, value, group)
    }

    pub(super) fn field_ids(&self) -> impl Iterator<Item = FieldId> + use<> {
        self.attributes.field_ids()
    }

    // --- tasks ------------------------------------------------------------

    /// Creates a task, PROVISIONING: it holds nothing yet.
    pub fn create_task(&mut self, class: ClassId) -> TaskId {
        let number = self.next_task;
        self.next_task += 1;
        let (status, placement, keeps_eni) = (TaskStatus::Provisioning, None, false);
        let task = Task { number, class, status, placement, keeps_eni };
        let slot = u32::try_from(self.tasks.insert(task)).expect("fewer than 2^32 live tasks");
        TaskId { number, slot }
    }

    /// A task that has not ended; `None` once it has.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(id.slot as usize).filter(|task| task.number == id.number)
    }

    /// Reads some tasks and the ledger of their instances, so that it is at hand when they end.
    pub fn look_ahead(&self, tasks: &[TaskId]) {
        let placed = |task: &TaskId| black_box(self.task(*task)?.clone()).placement;
        let instances: SmallVec<[InstanceId; 128]> =
            tasks.iter().filter_map(placed).map(|placement| placement.instance).collect();
        instances.iter().for_each(|&instance| self.ledger.look_ahead(instance));
    }

    fn task_mut(&mut self, id: TaskId) -> &mut Task {
        let task = self.tasks.get_mut(id.slot as usize);
        task.filter(|task| task.number == id.number).expect("the task has not ended")
    }

    /// All tasks that have not ended, in slot order.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        let with_id = |(slot, task): (usize, _)| {
            let task: &Task = task;
            (TaskId { number: task.number, slot: slot as u32 }, task)
        };
        self.tasks.iter().map(with_id)
    }

    /// Number of tasks ever created.
    pub fn tasks_created(&self) -> u64 {
        self.next_task
    }

    /// Takes a waiting task's reservation from an instance; the task is PENDING then.
    ///
    /// O(1) apart from the task's ports and devices.
    ///
    /// # Panics
    /// If the instance lacks what the class asks for: a placer is wrong.
    pub fn place(&mut self, id: TaskId, placement: Placement) {
        let task = self.task_mut(id);
        assert!(task.is_unplaced(), "only a waiting task is placed");
        task.status = TaskStatus::Pending;
        task.placement = Some(placement);
        let class = task.class;
        self.take(class, placement);
    }

    fn take(&mut self, class: ClassId, placement: Placement) {
        let TaskClass { definition, group, .. } = &self.classes[class.index()];
        let was_empty = self.ledger.take(definition, *group, placement);
        self.attributes.placed(placement.instance, *group);
        self.totals.empty_instances -= u32::from(was_empty);
        self.totals.cpu_used += u64::from(definition.cpu.0);
        self.totals.memory_used_mib += u64::from(definition.memory_mib);
        self.totals.gpu_used_milli += u64::from(definition.gpu.total_milli());
        let group = Some(*group);
        self.changed(placement.instance, group, false);
    }

    /// Puts a task just placed back to waiting and frees what it held: part of a gang was placed
    /// and the rest did not fit.
    pub fn unplace(&mut self, id: TaskId) {
        let task = self.task_mut(id);
        assert!(task.status == TaskStatus::Pending, "only a task not yet running is unplaced");
        task.status = TaskStatus::Provisioning;
        let placement = task.placement.take().expect("a pending task has a place");
        let class = task.class;
        let left = self.leave_group(class, placement.instance);
        self.give_back(class, placement, Some(left), false);
    }

    /// A task just placed is PROVISIONING still: its network interface is yet to be attached.
    pub fn keep_provisioning(&mut self, id: TaskId) {
        let task = self.task_mut(id);
        assert!(task.status == TaskStatus::Pending, "only a task just placed is provisioned");
        task.status = TaskStatus::Provisioning;
    }

    /// A placed task comes to a later state in which it holds as much as before.
    pub fn advance(&mut self, id: TaskId, to: TaskStatus) {
        let task = self.task_mut(id);
        let from = task.status;
        let holds_as_much = from.holds_resources() == to.holds_resources();
        assert!(!task.is_unplaced() && from < to && holds_as_much, "a task's life goes forward");
        task.status = to;
    }

    /// A placed task turns STOPPING: what it held is free to the control plane from now on, even if
    /// its containers still run (as in ECS since 2023-07).
    pub fn release(&mut self, id: TaskId) {
        self.turn_stopping(id, false);
    }

    /// The same, but its ENI slot stays taken until [`Cluster::remove_task`]: the network interface
    /// is attached until then.
    pub fn release_but_eni(&mut self, id: TaskId) {
        self.turn_stopping(id, true);
    }

    fn turn_stopping(&mut self, id: TaskId, keeps_eni: bool) {
        let task = self.task_mut(id);
        assert!(
            !task.is_unplaced() && task.status.holds_resources(),
            "only a task that holds resources releases them"
        );
        let counts = task.status.counts_in_group();
        task.status = TaskStatus::Stopping;
        task.keeps_eni = keeps_eni;
        let placement = task.placement.expect("a running task has a place");
        let class = task.class;
        let left = counts.then(|| self.leave_group(class, placement.instance));
        self.give_back(class, placement, left, true);
        if keeps_eni {
            let enis = self.classes[class.index()].definition.eni_slots();
            self.ledger.take_eni(placement.instance, enis);
        }
    }

    /// A task that runs is to be stopped, and turns DEACTIVATING: it holds what it held, but counts
    /// no more where tasks of its group are counted.
    pub fn deactivate(&mut self, id: TaskId) {
        let task = self.task_mut(id);
        let runs = matches!(task.status, TaskStatus::Activating | TaskStatus::Running);
        assert!(runs, "only a task that runs is deactivated");
        task.status = TaskStatus::Deactivating;
        let placement = task.placement.expect("a running task has a place");
        let class = task.class;
        let left = self.leave_group(class, placement.instance);
        // Room for tasks that keep away from others of the group.
        self.changed(placement.instance, Some(left), true);
    }

    fn leave_group(&mut self, class: ClassId, instance: InstanceId) -> GroupId {
        let group = self.classes[class.index()].group;
        self.ledger.leave_group(group, instance);
        self.attributes.released(instance, group);
        group
    }

    fn give_back(
        &mut self,
        class: ClassId,
        placement: Placement,
        left: Option<GroupId>,
        makes_room: bool,
    ) {
        let TaskClass { definition, .. } = &self.classes[class.index()];
        let is_empty = self.ledger.give_back(definition, placement);
        self.totals.empty_instances += u32::from(is_empty);
        self.totals.cpu_used -= u64::from(definition.cpu.0);
        self.totals.memory_used_mib -= u64::from(definition.memory_mib);
        self.totals.gpu_used_milli -= u64::from(definition.gpu.total_milli());
        self.changed(placement.instance, left, makes_room);
    }

    /// Forgets a task that has STOPPED, or that was turned away while PROVISIONING.
    pub fn remove_task(&mut self, id: TaskId) -> Task {
        let task = self.task_mut(id);
        assert!(
            task.is_unplaced() || !task.status.holds_resources(),
            "a task that holds resources was forgotten"
        );
        let task = self.tasks.remove(id.slot as usize);
        if let Some(Placement { instance, .. }) = task.placement.filter(|_| task.keeps_eni) {
            let enis = self.classes[task.class.index()].definition.eni_slots();
            self.ledger.give_back_eni(instance, enis);
            self.changed(instance, None, true);
        }
        task
    }

    // --- sums and versions ------------------------------------------------------------

    /// Sums over all instances.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Number of changes of instances so far.
    pub fn version(&self) -> u64 {
        self.changes.version()
    }

    /// Version of the last change that could make room: a release, a new or reactivated instance.
    pub fn room_version(&self) -> u64 {
        self.room_version
    }

    /// The changes of instances since `version`, in order; `None` if that is too long ago.
    pub fn changes_since(&self, version: u64) -> Option<&[InstanceChange]> {
        self.changes.since(version)
    }

    /// Recounts every ledger entry from the tasks and compares. O(instances × tasks per instance).
    ///
    /// # Errors
    /// The first entry that differs, in words: an invariant is broken.
    pub fn audit(&self) -> Result<(), String> {
        let mut recount = Recount::new(self);
        for (_, task) in self.tasks() {
            if task.keeps_eni {
                recount.add_eni(task)?;
            } else if !task.is_unplaced() && task.status.holds_resources() {
                recount.add(self, task)?;
            }
        }
        recount.compare(self)
    }
}
