//! Instance attributes, interned: instances with the same attributes share one set, so that what
//! depends on attributes alone is worked out once per set and not once per instance.

use std::collections::BTreeMap;

use super::{GroupId, InstanceId};

/// The attribute that carries an instance's availability zone.
pub(super) const AVAILABILITY_ZONE: &str = "ecs.availability-zone";

/// Attributes of an instance: name → value, an empty value where an attribute has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AttributeSet(pub BTreeMap<String, String>);

impl AttributeSet {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds or replaces an attribute.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }
}

/// An interned [`AttributeSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeSetId(pub u32);

/// What `spread` spreads over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpreadField {
    /// `instanceId` (or `host`): each instance is a group of its own.
    InstanceId,
    /// `attribute:NAME`: instances with the same value are one group; those without the attribute
    /// are one group too (ECS does not say).
    Attribute(String),
}

impl SpreadField {
    /// Reads `instanceId`, `host` or `attribute:NAME`.
    pub fn parse(text: &str) -> Option<SpreadField> {
        match text {
            "instanceId" | "host" => Some(SpreadField::InstanceId),
            _ => {
                let name = text.strip_prefix("attribute:")?;
                (!name.is_empty()).then(|| SpreadField::Attribute(name.to_owned()))
            }
        }
    }

    /// `spread` over availability zones.
    pub fn availability_zone() -> SpreadField {
        SpreadField::Attribute(AVAILABILITY_ZONE.to_owned())
    }
}

impl std::fmt::Display for SpreadField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SpreadField::InstanceId => write!(f, "instanceId"),
            SpreadField::Attribute(name) => write!(f, "attribute:{name}"),
        }
    }
}

/// An attribute whose values are counted per task group, by [`super::Cluster::track_field`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u32);

/// A value of a tracked field; value 0 is "has no such attribute".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

/// A tracked attribute: the value of each attribute set, and the tasks per group and value.
#[derive(Debug)]
struct Field {
    name: String,
    values: BTreeMap<String, ValueId>,
    value_of_set: Vec<ValueId>,
    /// `[group][value]`, grown as needed.
    tasks: Vec<Vec<u32>>,
}

impl Field {
    fn add_set(&mut self, set: &AttributeSet) {
        let value = match set.get(&self.name) {
            None => ValueId(0),
            Some(text) => {
                let next = ValueId(self.values.len() as u32 + 1);
                *self.values.entry(text.to_owned()).or_insert(next)
            }
        };
        self.value_of_set.push(value);
    }

    fn count_mut(&mut self, group: GroupId, value: ValueId) -> &mut u32 {
        if self.tasks.len() <= group.index() {
            self.tasks.resize_with(group.index() + 1, Vec::new);
        }
        let row = &mut self.tasks[group.index()];
        if row.len() <= value.0 as usize {
            row.resize(value.0 as usize + 1, 0);
        }
        &mut row[value.0 as usize]
    }
}

/// The sets of attributes in use, and the fields tracked over them.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    sets: Vec<AttributeSet>,
    index: BTreeMap<AttributeSet, AttributeSetId>,
    /// The set of each instance, by instance id.
    set_of: Vec<AttributeSetId>,
    fields: Vec<Field>,
}

impl Attributes {
    /// Adds the next instance; returns its set and whether the set is new.
    pub(super) fn add_instance(&mut self, attributes: &AttributeSet) -> (AttributeSetId, bool) {
        let next = AttributeSetId(self.sets.len() as u32);
        let id = *self.index.entry(attributes.clone()).or_insert(next);
        if id == next {
            self.sets.push(attributes.clone());
            self.fields.iter_mut().for_each(|field| field.add_set(attributes));
        }
        self.set_of.push(id);
        (id, id == next)
    }

    pub(super) fn sets(&self) -> &[AttributeSet] {
        &self.sets
    }

    pub(super) fn set_of(&self, instance: InstanceId) -> AttributeSetId {
        self.set_of[instance.index()]
    }

    pub(super) fn of(&self, instance: InstanceId) -> &AttributeSet {
        &self.sets[self.set_of(instance).0 as usize]
    }

    /// Starts to track a field, once; tasks placed before must be added by the caller.
    pub(super) fn track(&mut self, name: &str) -> (FieldId, bool) {
        if let Some(known) = self.fields.iter().position(|field| field.name == name) {
            return (FieldId(known as u32), false);
        }
        let mut field = Field {
            name: name.to_owned(),
            values: BTreeMap::new(),
            value_of_set: Vec::new(),
            tasks: Vec::new(),
        };
        self.sets.iter().for_each(|set| field.add_set(set));
        self.fields.push(field);
        (FieldId(self.fields.len() as u32 - 1), true)
    }

    pub(super) fn value(&self, field: FieldId, instance: InstanceId) -> ValueId {
        self.fields[field.0 as usize].value_of_set[self.set_of(instance).0 as usize]
    }

    /// Number of values of a field seen so far, the missing one included.
    pub(super) fn value_count(&self, field: FieldId) -> usize {
        self.fields[field.0 as usize].values.len() + 1
    }

    pub(super) fn tasks(&self, field: FieldId, value: ValueId, group: GroupId) -> u32 {
        let rows = &self.fields[field.0 as usize].tasks;
        rows.get(group.index()).and_then(|row| row.get(value.0 as usize)).copied().unwrap_or(0)
    }

    /// Adds `count` tasks of `group` on `instance` to one field.
    pub(super) fn add(&mut self, field: FieldId, instance: InstanceId, group: GroupId, count: u32) {
        let value = self.value(field, instance);
        *self.fields[field.0 as usize].count_mut(group, value) += count;
    }

    /// Counts a task placed on `instance` in every field.
    pub(super) fn placed(&mut self, instance: InstanceId, group: GroupId) {
        for index in 0..self.fields.len() {
            self.add(FieldId(index as u32), instance, group, 1);
        }
    }

    /// Takes a released task out of every field.
    pub(super) fn released(&mut self, instance: InstanceId, group: GroupId) {
        for index in 0..self.fields.len() {
            let value = self.value(FieldId(index as u32), instance);
            let count = self.fields[index].count_mut(group, value);
            *count = count.checked_sub(1).expect("a released task was counted when placed");
        }
    }

    pub(super) fn field_ids(&self) -> impl Iterator<Item = FieldId> + use<> {
        (0..self.fields.len() as u32).map(FieldId)
    }
}
