//! Whom scale-in stops: of a service's tasks the one with the highest victim keys.
//!
//! A [`VictimOrder`] keeps tasks in that order while the cluster changes. What makes it fast is
//! that tasks on instances with the same values of the fields that `spread` reads have those keys
//! in common, whatever they are: such tasks make up a part, which is sorted by the other keys, and
//! those follow from the instance alone. The best of the parts are compared by all keys.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::model::{Cluster, FieldId, GroupId, InstanceChange, InstanceId, TaskId, ValueId};

use super::{PlacementStrategy, PlacerKind, Reads, Score};

/// How a placer chooses victims.
#[derive(Debug, Clone, Copy)]
pub struct VictimRule<'a> {
    /// The strategies whose victim keys decide, the most important first; then the youngest goes.
    pub strategies: &'a [Box<dyn PlacementStrategy>],
    /// Whether all candidates are looked at, or an index.
    pub kind: PlacerKind,
}

/// A victim key of each strategy; `None` for a task without a place, which goes after all others.
type Keys = Option<SmallVec<[Score; 2]>>;

/// Tasks of one group of which scale-in may stop any.
///
/// With an index, insertion and removal take O(log tasks), and a choice O(parts × strategies) and
/// O(log tasks) for each task on an instance that changed since the last. Without one, a choice
/// takes O(tasks × strategies).
#[derive(Debug)]
pub struct VictimOrder {
    /// By number, which is in order of creation.
    members: BTreeMap<u64, Member>,
    index: Option<Index>,
}

#[derive(Debug)]
struct Member {
    task: TaskId,
    rank: u8,
    /// Where the index has it, once it has been looked at.
    place: Option<Place>,
}

/// Where the index has a task.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    part: Part,
    /// Without those of fields.
    keys: Keys,
    on: Option<InstanceId>,
}

/// What the tasks of a part have in common: their rank and the values of fields; `None` for tasks
/// without a place.
type Part = (u8, Option<SmallVec<[ValueId; 2]>>);

#[derive(Debug)]
struct Index {
    group: GroupId,
    fields: Vec<FieldId>,
    /// Whether keys depend on the tasks of the group alone.
    by_group: bool,
    /// Tasks in order of their keys, fields' left out, and then of their numbers.
    parts: BTreeMap<Part, BTreeSet<(Keys, TaskId)>>,
    on: BTreeMap<InstanceId, SmallVec<[u64; 2]>>,
    /// Members that have no place in it yet.
    fresh: Vec<u64>,
    /// The cluster's version that it has caught up with.
    version: u64,
}

impl VictimOrder {
    /// No tasks yet, of `group`, in the order of `rule`.
    pub fn new(group: GroupId, rule: VictimRule<'_>, cluster: &Cluster) -> VictimOrder {
        let index = Index::new(group, rule, cluster.version());
        VictimOrder { members: BTreeMap::new(), index }
    }

    /// Adds a task. Those of the lowest rank are stopped first.
    pub fn insert(&mut self, rank: u8, task: TaskId) {
        self.members.insert(task.number, Member { task, rank, place: None });
        if let Some(index) = &mut self.index {
            index.fresh.push(task.number);
        }
    }

    /// Takes a task out, if it is in.
    pub fn remove(&mut self, task: TaskId) {
        let member = self.members.remove(&task.number);
        let place = member.and_then(|member| member.place);
        if let (Some(index), Some(place)) = (&mut self.index, place) {
            index.take_out(task, place);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is left.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Takes out the task to stop first. `rule` is what the order was made with.
    pub fn take_first(&mut self, rule: VictimRule<'_>, cluster: &Cluster) -> Option<TaskId> {
        let first = self.first(rule, cluster)?;
        self.remove(first);
        Some(first)
    }

    fn first(&mut self, rule: VictimRule<'_>, cluster: &Cluster) -> Option<TaskId> {
        let Some(index) = &mut self.index else { return self.scan(rule, cluster) };
        index.catch_up(rule, &mut self.members, cluster);
        index.first(rule, cluster)
    }

    /// The first by looking at all: the oracle of the index.
    fn scan(&self, rule: VictimRule<'_>, cluster: &Cluster) -> Option<TaskId> {
        let rank = self.members.values().map(|member| member.rank).min()?;
        let equals = self.members.values().filter(|member| member.rank == rank);
        let keyed = equals.map(|one| (keys_of(rule, one.task, cluster), one.task));
        keyed.max().map(|(_, task)| task)
    }
}

/// The keys of a task by all strategies.
fn keys_of(rule: VictimRule<'_>, task: TaskId, cluster: &Cluster) -> Keys {
    let record = cluster.task(task)?;
    let (class, on) = (cluster.class(record.class), cluster.instance(record.placement?.instance));
    Some(rule.strategies.iter().map(|strategy| strategy.victim_key(class, on)).collect())
}

impl Index {
    /// `None` where the keys may depend on anything.
    fn new(group: GroupId, rule: VictimRule<'_>, version: u64) -> Option<Index> {
        let (mut fields, mut by_group) = (Vec::new(), true);
        if rule.kind == PlacerKind::Naive {
            return None;
        }
        for strategy in rule.strategies {
            match strategy.reads() {
                Reads::Field(field) => fields.push(field),
                Reads::Group | Reads::Registration => {}
                Reads::Key(_) | Reads::Instance => by_group = false,
                Reads::Cluster => return None,
            }
        }
        let (parts, on, fresh) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Some(Index { group, fields, by_group, parts, on, fresh, version })
    }

    /// Puts every member where it belongs as the cluster stands.
    fn catch_up(
        &mut self,
        rule: VictimRule<'_>,
        members: &mut BTreeMap<u64, Member>,
        cluster: &Cluster,
    ) {
        let matters = |change: &&InstanceChange| !self.by_group || change.group == Some(self.group);
        let mut stale = std::mem::take(&mut self.fresh);
        match cluster.changes_since(self.version) {
            Some(changes) => {
                let there =
                    changes.iter().filter(matters).filter_map(|one| self.on.get(&one.instance));
                stale.extend(there.flatten());
            }
            None => stale.extend(members.keys()),
        }
        self.version = cluster.version();
        for number in stale {
            // What was inserted may be gone since.
            let Some(member) = members.get_mut(&number) else { continue };
            let place = self.place_of(rule, member, cluster);
            if member.place.as_ref() == Some(&place) {
                continue;
            }
            if let Some(before) = member.place.take() {
                self.take_out(member.task, before);
            }
            self.put_in(member.task, &place);
            member.place = Some(place);
        }
    }

    fn place_of(&self, rule: VictimRule<'_>, member: &Member, cluster: &Cluster) -> Place {
        let on = cluster.task(member.task).and_then(|task| Some(task.placement?.instance));
        let values = |on| self.fields.iter().map(|&field| cluster.value(field, on)).collect();
        let mut keys = keys_of(rule, member.task, cluster);
        if let Some(keys) = &mut keys {
            let mut reads = rule.strategies.iter().map(|strategy| strategy.reads());
            keys.retain(|_| !matches!(reads.next(), Some(Reads::Field(_))));
        }
        Place { part: (member.rank, on.map(values)), keys, on }
    }

    fn put_in(&mut self, task: TaskId, place: &Place) {
        let part = self.parts.entry(place.part.clone()).or_default();
        part.insert((place.keys.clone(), task));
        if let Some(on) = place.on {
            self.on.entry(on).or_default().push(task.number);
        }
    }

    fn take_out(&mut self, task: TaskId, place: Place) {
        let part = self.parts.get_mut(&place.part).expect("a part that has a task is kept");
        part.remove(&(place.keys, task));
        if part.is_empty() {
            self.parts.remove(&place.part);
        }
        let Some(on) = place.on else { return };
        let there = self.on.get_mut(&on).expect("an instance that has a task is kept");
        there.retain(|one| *one != task.number);
        if there.is_empty() {
            self.on.remove(&on);
        }
    }

    /// The best of the best of each part of the lowest rank.
    fn first(&self, rule: VictimRule<'_>, cluster: &Cluster) -> Option<TaskId> {
        let lowest = self.parts.keys().next()?.0;
        let parts = self.parts.iter().take_while(|((rank, _), _)| *rank == lowest);
        let best = parts.filter_map(|(_, part)| Some(part.last()?.1));
        best.map(|task| (keys_of(rule, task, cluster), task)).max().map(|(_, task)| task)
    }
}
