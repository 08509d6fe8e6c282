//! Tests of the queue policies on one instance: what is tried, in which order, and how often.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use smallvec::SmallVec;

use super::*;
use crate::model::query::Expression;
use crate::model::{
    AttributeSet, CapacityId, ClassId, Cpu, DeviceSet, InstanceId, InstanceSpec, Placement,
    PlacementConstraint, Price, TaskDefinition, TaskId,
};

/// One instance, a queue, and what was tried.
pub(super) struct Yard {
    pub(super) cluster: Cluster,
    pub(super) waiting: Waiting,
    pub(super) policy: Box<dyn QueuePolicy>,
    /// Tickets tried, and whether they fitted.
    pub(super) tried: Vec<(u64, bool)>,
    pub(super) running: Vec<TaskId>,
}

impl Yard {
    pub(super) fn new(policy: &str, vcpus: u64) -> Yard {
        let mut yard = Yard {
            cluster: Cluster::new(),
            waiting: Waiting::default(),
            policy: (queue_policy(policy).unwrap().build)(),
            tried: Vec::new(),
            running: Vec::new(),
        };
        yard.register(vcpus);
        yard
    }

    fn register(&mut self, vcpus: u64) {
        self.cluster.register(InstanceSpec {
            name: "i".to_owned(),
            capacity: CapacityId(0),
            cpu: Cpu::from_vcpus(vcpus).unwrap(),
            memory_mib: 1000,
            gpus: 0,
            eni_slots: 0,
            attributes: AttributeSet::default(),
            price: Price(0),
            speed_milli: 1000,
            agent_version: None,
            registered_at: None,
        });
    }

    /// A class of tasks of so many vCPUs, which may ask for company.
    pub(super) fn class(&mut self, family: &str, vcpus: u64, member_of: Option<&str>) -> ClassId {
        let mut definition = TaskDefinition::new(family, Cpu::from_vcpus(vcpus).unwrap(), 0);
        let expression = member_of.map(|text| Expression::parse(text).unwrap());
        definition.constraints.extend(expression.map(PlacementConstraint::MemberOf));
        let id = self.cluster.register_definition(Arc::new(definition));
        self.cluster.intern_class(id, None)
    }

    /// Adds a submission; its ticket.
    pub(super) fn submit(&mut self, class: ClassId, tasks: usize) -> u64 {
        let tasks = (0..tasks).map(|_| self.cluster.create_task(class)).collect();
        self.waiting.push(Entry { class, placer: 0, tasks, attempts: 0 }).number
    }

    fn room(&self, class: ClassId) -> Option<InstanceId> {
        let definition = &self.cluster.class(class).definition;
        let fits = |on: &crate::model::InstanceView<'_>| {
            on.cpu_free() >= definition.cpu
                && definition.constraints.iter().all(|constraint| match constraint {
                    PlacementConstraint::MemberOf(expression) => expression.matches(on),
                    PlacementConstraint::AtMost(_) => true,
                })
        };
        self.cluster.instances().find(fits).map(crate::model::InstanceView::id)
    }

    /// Places the tasks of an entry, all or none.
    fn attempt(&mut self, ticket: Ticket) -> bool {
        let entry = self.waiting.get(ticket).expect("a waiting entry is named").clone();
        let mut placed: SmallVec<[TaskId; 4]> = SmallVec::new();
        for &task in &entry.tasks {
            let Some(instance) = self.room(entry.class) else {
                placed.iter().rev().for_each(|&task| self.cluster.unplace(task));
                return false;
            };
            self.cluster.place(task, Placement { instance, devices: DeviceSet::default() });
            placed.push(task);
        }
        self.running.extend(placed);
        true
    }

    /// One pass; what it tried.
    fn pass(&mut self) -> Vec<(u64, bool)> {
        let before = self.tried.len();
        self.policy.begin();
        while let Some(ticket) = self.policy.next(&self.waiting, &self.cluster) {
            self.decide(ticket);
        }
        self.tried[before..].to_vec()
    }

    /// Tries one entry.
    pub(super) fn decide(&mut self, ticket: Ticket) {
        let fitted = self.attempt(ticket);
        self.tried.push((ticket.number, fitted));
        let gone = fitted
            || self.policy.refused(ticket, &self.waiting, &self.cluster) == OnRefusal::Reject;
        if gone {
            self.waiting.remove(ticket);
        }
    }

    /// Ends the task that has run longest.
    pub(super) fn end_first(&mut self) {
        let task = self.running.remove(0);
        self.cluster.release(task);
        self.cluster.remove_task(task);
    }
}

#[test]
fn the_head_of_a_fifo_blocks_those_behind_it() {
    let mut yard = Yard::new("fifo", 3);
    let (big, small) = (yard.class("big", 3, None), yard.class("small", 1, None));
    for class in [small, big, small, small] {
        yard.submit(class, 1);
    }
    assert_eq!(yard.pass(), [(0, true), (1, false)]);
    assert_eq!(yard.pass(), [], "nothing has changed since the head was refused");
    yard.submit(small, 1);
    assert_eq!(yard.pass(), []);
    yard.end_first();
    assert_eq!(yard.pass(), [(1, true), (2, false)]);
    yard.end_first();
    assert_eq!(yard.pass(), [(2, true), (3, true), (4, true)]);
    assert!(yard.waiting.is_empty());
}

#[test]
fn ecs_lets_what_fits_overtake_and_retries_in_order_of_arrival() {
    let mut yard = Yard::new("ecs", 3);
    let (big, small) = (yard.class("big", 3, None), yard.class("small", 1, None));
    for class in [small, big, small, big, small, small] {
        yard.submit(class, 1);
    }
    // The second big one is passed over: its like was refused and no room was made since.
    assert_eq!(yard.pass(), [(0, true), (1, false), (2, true), (4, true), (5, false)]);
    assert_eq!(yard.pass(), []);
    yard.end_first();
    assert_eq!(yard.pass(), [(1, false), (5, true)]);
    for _ in 0..3 {
        yard.end_first();
    }
    assert_eq!(yard.pass(), [(1, true), (3, false)]);
}

#[test]
fn ecs_tries_a_refused_class_again_only_when_room_is_made() {
    let mut yard = Yard::new("ecs", 2);
    let (huge, small) = (yard.class("huge", 9, None), yard.class("small", 1, None));
    for _ in 0..50 {
        yard.submit(huge, 1);
        yard.submit(small, 1);
        yard.pass();
    }
    let tries = |yard: &Yard| yard.tried.iter().filter(|(ticket, _)| ticket % 2 == 0).count();
    assert_eq!(tries(&yard), 1, "placements make no room");
    yard.end_first();
    yard.pass();
    assert_eq!(tries(&yard), 2);
    yard.register(9);
    yard.pass();
    assert_eq!(tries(&yard), 4, "one fits the new instance, the next does not");
}

#[test]
fn affinity_is_tried_again_after_a_placement() {
    let mut yard = Yard::new("ecs", 4);
    let near = yard.class("near", 1, Some("task:group == family:db"));
    let (db, web) = (yard.class("db", 1, None), yard.class("web", 1, None));
    yard.submit(near, 1);
    assert_eq!(yard.pass(), [(0, false)]);
    assert_eq!(yard.pass(), [], "the cluster is the same");
    yard.submit(web, 1);
    assert_eq!(yard.pass()[..1], [(1, true)]);
    yard.submit(db, 1);
    yard.pass();
    assert!(yard.cluster.task(yard.running[1]).is_some());
    yard.submit(web, 1);
    yard.pass();
    let fitted = yard.tried.iter().find(|(ticket, fitted)| *ticket == 0 && *fitted);
    assert!(fitted.is_some(), "{:?}", yard.tried);
}

#[test]
fn a_gang_is_another_shape_than_its_tasks() {
    let mut yard = Yard::new("ecs", 2);
    let small = yard.class("small", 1, None);
    yard.submit(small, 3);
    yard.submit(small, 1);
    yard.submit(small, 2);
    yard.submit(small, 1);
    assert_eq!(yard.pass(), [(0, false), (1, true), (2, false), (3, true)]);
    assert_eq!(yard.waiting.tasks(), 5);
    yard.cluster.audit().unwrap();
    yard.end_first();
    yard.end_first();
    assert_eq!(yard.pass(), [(0, false), (2, true)]);
}

#[test]
fn reject_turns_away_what_does_not_fit_at_once() {
    let mut yard = Yard::new("reject", 3);
    let (big, small) = (yard.class("big", 3, None), yard.class("small", 1, None));
    for class in [small, big, small, big, small] {
        yard.submit(class, 1);
    }
    assert_eq!(yard.pass(), [(0, true), (1, false), (2, true), (3, false), (4, true)]);
    assert!(yard.waiting.is_empty());
}

#[test]
fn the_queue_keeps_the_order_of_arrival() {
    let mut waiting = Waiting::default();
    let entry = |class: u32, tasks: u64| Entry {
        class: ClassId(class),
        placer: 0,
        tasks: (0..tasks).map(|number| TaskId { number, slot: 0 }).collect(),
        attempts: 0,
    };
    let tickets: Vec<Ticket> =
        [(0, 1), (1, 2), (0, 1), (0, 2)].map(|(class, n)| waiting.push(entry(class, n))).into();
    assert_eq!(waiting.tasks(), 6);
    assert_eq!(waiting.first(), Some(tickets[0]));
    let single = waiting.shape_of(tickets[0]).unwrap();
    assert_eq!(waiting.first_of(single, 1), Some(tickets[2]));
    assert_eq!(waiting.first_of(single, 3), None, "a gang of the class is another shape");
    assert_eq!(waiting.shapes().count(), 3);
    assert_eq!(waiting.count_attempt(tickets[2]), 0);
    assert_eq!(waiting.count_attempt(tickets[2]), 1);
    assert_eq!(waiting.remove(tickets[0]).map(|entry| entry.attempts), Some(0));
    assert!(waiting.remove(tickets[0]).is_none(), "gone already");
    assert_eq!(waiting.first_of(single, 0), Some(tickets[2]));
    waiting.remove(tickets[2]);
    assert_eq!(waiting.shapes().count(), 2);
    let left: Vec<Ticket> = waiting.iter().map(|(ticket, _)| ticket).collect();
    assert_eq!(left, [tickets[1], tickets[3]]);
    assert_eq!(waiting.tasks(), 4);
}

#[test]
fn policies_are_known_by_name() {
    for entry in QUEUES {
        assert_eq!(queue_policy(entry.name).unwrap().name, entry.name);
    }
    let error = queue_policy("fifi").unwrap_err();
    assert!(error.contains("did you mean 'fifo'?") && error.contains("known: ecs, fifo, reject"));
    assert!(!queue_policy("priority").unwrap_err().contains("did you mean"));
}

#[derive(Debug, Clone)]
enum Step {
    /// So many tasks of a class of so many vCPUs.
    Submit(usize, usize),
    End,
    Register(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_usize, 1..=3_usize).prop_map(|(class, tasks)| Step::Submit(class, tasks)),
        4 => Just(Step::End),
        1 => (0..=3_u64).prop_map(Step::Register),
    ];
    prop::collection::vec(step, 1..60)
}

/// Tries every waiting entry in order of arrival: what `ecs` does without its short cuts.
#[derive(Debug)]
struct EveryOne(u64);

impl QueuePolicy for EveryOne {
    fn begin(&mut self) {
        self.0 = 0;
    }

    fn next(&mut self, waiting: &Waiting, _: &Cluster) -> Option<Ticket> {
        let (next, _) = waiting.iter().find(|&(ticket, _)| ticket.number >= self.0)?;
        self.0 = next.number + 1;
        Some(next)
    }

    fn refused(&mut self, _: Ticket, _: &Waiting, _: &Cluster) -> OnRefusal {
        OnRefusal::Wait
    }
}

/// Stops at the first entry that does not fit, and always tries it.
#[derive(Debug)]
struct HeadOnly(bool);

impl QueuePolicy for HeadOnly {
    fn begin(&mut self) {
        self.0 = false;
    }

    fn next(&mut self, waiting: &Waiting, _: &Cluster) -> Option<Ticket> {
        waiting.first().filter(|_| !self.0)
    }

    fn refused(&mut self, _: Ticket, _: &Waiting, _: &Cluster) -> OnRefusal {
        self.0 = true;
        OnRefusal::Wait
    }
}

fn places_like(steps: &[Step], policy: &str, slow: Box<dyn QueuePolicy>) {
    let mut fast = Yard::new(policy, 4);
    let mut plain = Yard { policy: slow, ..Yard::new(policy, 4) };
    let classes = |yard: &mut Yard| [0, 1, 2, 4].map(|vcpus| yard.class("class", vcpus, None));
    let (of_fast, of_plain) = (classes(&mut fast), classes(&mut plain));
    for step in steps {
        match *step {
            Step::Submit(class, tasks) => {
                fast.submit(of_fast[class], tasks);
                plain.submit(of_plain[class], tasks);
            }
            Step::End if fast.running.is_empty() => {}
            Step::End => {
                fast.end_first();
                plain.end_first();
            }
            Step::Register(vcpus) => {
                fast.register(vcpus);
                plain.register(vcpus);
            }
        }
        fast.pass();
        plain.pass();
        assert_eq!(fast.running, plain.running, "{policy} after {step:?}");
        assert!(fast.tried.len() <= plain.tried.len());
        fast.cluster.audit().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(500),
        rng_seed: RngSeed::Fixed(47),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn short_cuts_change_no_decision(steps in steps()) {
        places_like(&steps, "ecs", Box::new(EveryOne(0)));
        places_like(&steps, "fifo", Box::new(HeadOnly(false)));
    }
}
