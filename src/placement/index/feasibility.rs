//! Which instances can take which tasks, kept exact as the cluster changes.
//!
//! Tasks that ask for the same share a *column*. An instance has a mask with a bit per column, a
//! column the set of its instances. When an instance changes, its new mask is put together from a
//! few lookups, and only the columns whose bit flips are touched.

use crate::model::query::Subject;
use crate::model::{
    ClassId, Cluster, GroupId, InstanceId, InstanceStatus, PlacementConstraint, TaskClass,
};
use crate::placement::Predicate;

use super::bit_set::{BitSet, bits};
use super::thresholds::Thresholds;

/// Columns at most: tasks of further kinds are placed by the scan.
pub(super) const COLUMNS_MAX: usize = 512;

/// The columns of one mask that are not in another, ascending.
pub(super) fn difference<'a>(one: &'a [u64], other: &'a [u64]) -> impl Iterator<Item = usize> + 'a {
    let words = one.iter().zip(other).map(|(&one, &other)| one & !other).enumerate();
    words.flat_map(|(index, word)| bits(word).map(move |bit| index * 64 + bit as usize))
}

/// What an index of an order does when an instance changes.
pub(super) trait Follower {
    /// Forgets everything; masks have `words` words from now on.
    fn clear(&mut self, words: usize);

    /// An instance changed (perhaps by a task of `group`); `before` was its mask.
    fn update(&mut self, seen: &Update<'_>);
}

/// A change of an instance.
pub(super) struct Update<'a> {
    pub(super) instance: InstanceId,
    /// The group of the task that was placed or released there, if one was.
    pub(super) group: Option<GroupId>,
    /// Its mask before the change; the present one is in `feasibility`.
    pub(super) before: &'a [u64],
    pub(super) feasibility: &'a Feasibility,
    pub(super) cluster: &'a Cluster,
}

/// Follows nothing: feasibility alone is wanted.
impl Follower for () {
    fn clear(&mut self, _words: usize) {}

    fn update(&mut self, _seen: &Update<'_>) {}
}

/// Tasks that ask for the same.
#[derive(Debug)]
pub(super) struct Column {
    /// One of the classes.
    pub(super) class: ClassId,
    /// Their group, where groups are told apart.
    pub(super) group: GroupId,
    /// The instances that can take one.
    pub(super) feasible: BitSet,
    /// Whether its expressions depend on nothing that changes after registration.
    is_static: bool,
}

/// The instances that can take the tasks of each class.
#[derive(Debug, Default)]
pub(super) struct Feasibility {
    /// Tasks of different groups are different to the order that follows.
    by_group: bool,
    pub(super) columns: Vec<Column>,
    /// By class.
    column_of: Vec<Slot>,
    words: usize,
    /// `[instance][word]`.
    masks: Vec<u64>,
    /// The columns that the instance's attributes allow, `[instance][word]`.
    allowed: Vec<u64>,
    cpu: Thresholds,
    memory: Thresholds,
    eni: Thresholds,
    /// Columns that ask for more than amounts: GPUs, ports, company.
    particular: Vec<u64>,
    /// Version of the cluster that all this belongs to.
    version: u64,
}

/// The column of a class.
#[derive(Debug, Clone, Copy, Default)]
enum Slot {
    #[default]
    Unknown,
    At(usize),
    /// All columns are taken.
    Without,
}

impl Feasibility {
    /// An empty index; `by_group` if tasks of different groups must not share a column.
    pub(super) fn new(by_group: bool) -> Feasibility {
        Feasibility { by_group, ..Feasibility::default() }
    }

    /// The present mask of an instance.
    pub(super) fn mask(&self, id: InstanceId) -> &[u64] {
        &self.masks[id.index() * self.words..][..self.words]
    }

    /// Number of instances known.
    pub(super) fn instances(&self) -> usize {
        self.masks.len().checked_div(self.words).unwrap_or(0)
    }

    /// Catches up with the cluster and gives the column of a class; `None` if it has none and must
    /// be placed by the scan. O(changes), or O(instances) for a new class.
    pub(super) fn column(
        &mut self,
        class: ClassId,
        cluster: &Cluster,
        follower: &mut impl Follower,
    ) -> Option<usize> {
        self.catch_up(cluster, follower);
        if self.column_of.len() <= class.index() {
            self.column_of.resize(class.index() + 1, Slot::Unknown);
        }
        if let Slot::Unknown = self.column_of[class.index()] {
            self.column_of[class.index()] = self.assign(cluster.class(class), cluster, follower);
        }
        match self.column_of[class.index()] {
            Slot::At(column) => Some(column),
            _ => None,
        }
    }

    fn catch_up(&mut self, cluster: &Cluster, follower: &mut impl Follower) {
        if self.version == cluster.version() {
            return;
        }
        match cluster.changes_since(self.version) {
            Some(changes) => {
                for change in changes {
                    self.touch(change.instance, change.group, cluster, follower);
                }
            }
            None => self.rebuild(cluster, follower),
        }
        self.version = cluster.version();
    }

    fn assign(
        &mut self,
        class: &TaskClass,
        cluster: &Cluster,
        follower: &mut impl Follower,
    ) -> Slot {
        let shares = |column: &Column| self.same_column(cluster.class(column.class), class);
        if let Some(column) = self.columns.iter().position(shares) {
            return Slot::At(column);
        }
        if self.columns.len() == COLUMNS_MAX {
            return Slot::Without;
        }
        let column = self.columns.len();
        let is_static = class.definition.constraints.iter().all(|constraint| match constraint {
            PlacementConstraint::MemberOf(expression) => expression.is_static(),
            PlacementConstraint::AtMost(_) => true,
        });
        let (id, group, feasible) = (class.id, class.group, BitSet::default());
        self.columns.push(Column { class: id, group, feasible, is_static });
        let words = self.columns.len().div_ceil(64);
        let wider = words > self.words;
        self.words = words;
        self.set_thresholds(cluster);
        if wider {
            self.rebuild(cluster, follower);
        } else {
            for index in 0..self.instances() as u32 {
                self.allow(InstanceId(index), column, cluster);
                self.touch(InstanceId(index), None, cluster, follower);
            }
        }
        Slot::At(column)
    }

    fn same_column(&self, a: &TaskClass, b: &TaskClass) -> bool {
        let (one, other) = (&a.definition, &b.definition);
        let company = one.constraints.iter().any(PlacementConstraint::counts_group);
        one.cpu == other.cpu
            && one.memory_mib == other.memory_mib
            && one.gpu == other.gpu
            && one.host_ports == other.host_ports
            && one.network_mode == other.network_mode
            && one.required_attributes == other.required_attributes
            && one.constraints == other.constraints
            && (a.group == b.group || !(self.by_group || company))
    }

    fn set_thresholds(&mut self, cluster: &Cluster) {
        let words = self.words;
        let asked = |what: &dyn Fn(&TaskClass) -> u32| {
            let classes = self.columns.iter().map(|column| cluster.class(column.class));
            Thresholds::new(&classes.map(what).collect::<Vec<u32>>(), words)
        };
        let cpu = asked(&|class| class.definition.cpu.0);
        let memory = asked(&|class| class.definition.memory_mib);
        let eni = asked(&|class| class.definition.eni_slots());
        (self.cpu, self.memory, self.eni) = (cpu, memory, eni);
        self.particular = vec![0; words];
        for (index, column) in self.columns.iter().enumerate() {
            let wanted = &cluster.class(column.class).definition;
            let company = wanted.constraints.iter().any(PlacementConstraint::counts_group);
            let ports = !wanted.host_ports.is_empty();
            if wanted.gpu.devices > 0 || ports || company || !column.is_static {
                self.particular[index / 64] |= 1 << (index % 64);
            }
        }
    }

    /// Forgets everything but the columns and looks at every instance.
    fn rebuild(&mut self, cluster: &Cluster, follower: &mut impl Follower) {
        follower.clear(self.words);
        self.columns.iter_mut().for_each(|column| column.feasible = BitSet::default());
        (self.masks, self.allowed) = (Vec::new(), Vec::new());
        for index in 0..cluster.instance_count() as u32 {
            self.touch(InstanceId(index), None, cluster, follower);
        }
    }

    /// Notes whether the attributes of an instance allow a column's tasks.
    fn allow(&mut self, id: InstanceId, column: usize, cluster: &Cluster) {
        let Column { class, is_static, .. } = self.columns[column];
        let (class, on) = (cluster.class(class), cluster.instance(id));
        let member = !is_static || Predicate::MemberOf.holds(class, on);
        if member && Predicate::Attribute.holds(class, on) {
            self.allowed[id.index() * self.words + column / 64] |= 1 << (column % 64);
        }
    }

    /// Makes room for instances up to `id`.
    fn meet(&mut self, id: InstanceId, cluster: &Cluster) {
        for index in self.instances()..=id.index() {
            self.masks.resize((index + 1) * self.words, 0);
            self.allowed.resize((index + 1) * self.words, 0);
            for column in 0..self.columns.len() {
                self.allow(InstanceId(index as u32), column, cluster);
            }
        }
    }

    /// Brings an instance up to date.
    fn touch(
        &mut self,
        id: InstanceId,
        group: Option<GroupId>,
        cluster: &Cluster,
        follower: &mut impl Follower,
    ) {
        if self.words == 0 {
            return;
        }
        self.meet(id, cluster);
        let at = id.index() * self.words;
        let mut before = [0; COLUMNS_MAX / 64];
        for (word, was) in before.iter_mut().zip(self.mask(id)) {
            *word = *was;
        }
        self.refresh(id, cluster);
        let before = &before[..self.words];
        for (index, &was) in before.iter().enumerate() {
            for bit in bits(was ^ self.masks[at + index]) {
                let set = &mut self.columns[index * 64 + bit as usize].feasible;
                if was & (1 << bit) != 0 { set.remove(id) } else { set.insert(id) }
            }
        }
        let feasibility = &*self;
        follower.update(&Update { instance: id, group, before, feasibility, cluster });
    }

    /// Puts the mask of an instance together.
    fn refresh(&mut self, id: InstanceId, cluster: &Cluster) {
        let on = cluster.instance(id);
        let at = id.index() * self.words..(id.index() + 1) * self.words;
        let mask = &mut self.masks[at.clone()];
        if on.status() != InstanceStatus::Active || !on.agent_connected() {
            mask.fill(0);
            return;
        }
        let cpu = self.cpu.within(on.cpu_free().0);
        let memory = self.memory.within(on.memory_free_mib());
        let eni = self.eni.within(on.eni_free());
        let allowed = &self.allowed[at];
        for (word, mask) in mask.iter_mut().enumerate() {
            *mask = cpu[word] & memory[word] & eni[word] & allowed[word];
            for bit in bits(*mask & self.particular[word]) {
                let column = &self.columns[word * 64 + bit as usize];
                if !holds_particulars(cluster.class(column.class), on, column.is_static) {
                    *mask &= !(1 << bit);
                }
            }
        }
    }
}

/// The predicates that are neither amounts nor settled at registration.
fn holds_particulars(
    class: &TaskClass,
    on: crate::model::InstanceView<'_>,
    is_static: bool,
) -> bool {
    use Predicate::{DistinctInstance, Gpu, MemberOf, Ports, TooManyPorts};
    [Gpu, Ports, TooManyPorts, DistinctInstance].into_iter().all(|one| one.holds(class, on))
        && (is_static || MemberOf.holds(class, on))
}
