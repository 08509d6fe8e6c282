//! Tests of the control plane as a state machine: events in by hand, commands and changes out.

use super::*;
use crate::des::Seed;
use crate::model::query::Expression;
use crate::model::{
    AttributeSet, CapacityId, Cpu, DefinitionId, InstanceId, PlacementConstraint, Price, ServiceId,
    ServiceSpec, ServiceUpdate, SubmissionId, TaskStatus,
};
use crate::placement::{PlacementSpec, PlacerKind, TieBreak};
use crate::queueing::queue_policy;

/// A control plane whose timers go off at the end of each instant.
pub(super) struct Plane {
    pub(super) controller: Controller,
    now: SimTime,
    definitions: u32,
    submissions: u64,
    /// All there was since the last look.
    changes: Vec<Change>,
    commands: Vec<Command>,
}

impl Plane {
    pub(super) fn new(placement: &str, queue: &str, vcpus: &[u64]) -> Plane {
        let spec = PlacementSpec::parse(placement).unwrap();
        let placer = spec.build(PlacerKind::Indexed, TieBreak::LowestId, Seed(1), None).unwrap();
        let queue = (queue_policy(queue).unwrap().build)();
        let mut plane = Plane {
            controller: Controller::new(vec![placer], queue),
            now: SimTime::ZERO,
            definitions: 0,
            submissions: 0,
            changes: Vec::new(),
            commands: Vec::new(),
        };
        for &vcpus in vcpus {
            plane.join(vcpus);
        }
        plane.look();
        plane
    }

    /// Handles events of one instant, then the placement pass if one was asked for.
    pub(super) fn at_once(&mut self, events: &[Event]) {
        let mut out = Reaction::default();
        for event in events {
            self.controller.handle(self.now, event, &mut out);
        }
        let timer = Command::WakeAt(self.now, Timer::PlacementPass);
        let timers = out.commands.iter().filter(|&command| *command == timer).count();
        assert!(timers <= 1, "one pass per instant");
        if timers == 1 {
            out.commands.retain(|command| *command != timer);
            self.controller.handle(self.now, &Event::Woken(Timer::PlacementPass), &mut out);
        }
        self.controller.audit().unwrap();
        self.changes.append(&mut out.changes);
        self.commands.append(&mut out.commands);
        self.now = SimTime::from_micros(self.now.micros() + 1);
    }

    /// What has happened since the last look.
    pub(super) fn look(&mut self) -> (Vec<Change>, Vec<Command>) {
        (std::mem::take(&mut self.changes), std::mem::take(&mut self.commands))
    }

    fn join(&mut self, vcpus: u64) {
        let spec = InstanceSpec {
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
        };
        self.at_once(&[Event::InstanceRegistered(Box::new(spec))]);
    }

    fn define(&mut self, family: &str, vcpus: u64, member_of: Option<&str>) -> DefinitionId {
        let mut definition = TaskDefinition::new(family, Cpu::from_vcpus(vcpus).unwrap(), 0);
        let expression = member_of.map(|text| Expression::parse(text).unwrap());
        definition.constraints.extend(expression.map(PlacementConstraint::MemberOf));
        self.at_once(&[Event::DefinitionRegistered(Arc::new(definition))]);
        self.definitions += 1;
        DefinitionId(self.definitions - 1)
    }

    fn submission(&mut self, definition: DefinitionId, count: u32, gang: bool) -> Event {
        self.submissions += 1;
        let id = SubmissionId(self.submissions - 1);
        let (group, label) = (None, None);
        Event::TaskSubmitted(Submission {
            id,
            definition,
            group,
            count,
            all_or_nothing: gang,
            start_on: None,
            label,
        })
    }

    pub(super) fn submit(&mut self, definition: DefinitionId, count: u32, gang: bool) {
        let event = self.submission(definition, count, gang);
        self.at_once(&[event]);
    }

    fn create_service(&mut self, definition: DefinitionId, desired_count: u32) {
        self.create_service_with(definition, desired_count, false);
    }

    pub(super) fn create_service_with(
        &mut self,
        definition: DefinitionId,
        desired_count: u32,
        load_balanced: bool,
    ) {
        let spec = ServiceSpec::new(ServiceId(0), "web", definition, desired_count, 0);
        let spec = ServiceSpec { load_balanced, ..spec };
        self.at_once(&[Event::ServiceCreated(spec)]);
    }

    /// Starts all that is pending.
    fn start(&mut self) {
        let pending = |(id, task): (TaskId, &crate::model::Task)| {
            (task.status == TaskStatus::Pending).then_some(id)
        };
        let ids: Vec<TaskId> = self.controller.cluster.tasks().filter_map(pending).collect();
        let events: Vec<Event> = ids.into_iter().map(Event::TaskStarted).collect();
        self.at_once(&events);
    }

    /// Where each task that holds resources is, in order of creation.
    fn places(&self) -> Vec<(u64, u32)> {
        let held = |status| matches!(status, TaskStatus::Pending | TaskStatus::Running);
        let tasks = self.controller.cluster.tasks().filter(|(_, task)| held(task.status));
        let mut places: Vec<(u64, u32)> =
            tasks.map(|(_, task)| (task.number, task.placement.unwrap().instance.0)).collect();
        places.sort_unstable();
        places
    }

    pub(super) fn task(&self, number: u64) -> TaskId {
        let mut tasks = self.controller.cluster.tasks().map(|(id, _)| id);
        tasks.find(|id| id.number == number).expect("the task has not ended")
    }

    fn end(&mut self, number: u64) {
        let task = self.task(number);
        self.at_once(&[Event::TaskStopped(task, Outcome::Completed)]);
    }
}

fn refusals(changes: &[Change]) -> usize {
    changes.iter().filter(|change| matches!(change, Change::PlacementRefused(_))).count()
}

fn ended(changes: &[Change]) -> Vec<(u64, Outcome)> {
    let end = |change: &Change| match *change {
        Change::TaskEnded { task, outcome } => Some((task.number, outcome)),
        _ => None,
    };
    changes.iter().filter_map(end).collect()
}

fn stops(commands: &[Command]) -> Vec<u64> {
    let stop = |command: &Command| match command {
        Command::StopTask(task) => Some(task.number),
        _ => None,
    };
    commands.iter().filter_map(stop).collect()
}

/// A FIFO queue is blocked by its head; `StartTask` passes it by, and does not wait.
#[test]
fn ecs_3_1_start_task_names_its_instances_and_does_not_wait() {
    let mut plane = Plane::new("first-fit", "fifo", &[1, 1, 2]);
    let [large, one] = [plane.define("large", 8, None), plane.define("one", 1, None)];
    plane.submit(large, 1, false);
    plane.look();
    let Event::TaskSubmitted(submission) = plane.submission(one, 3, false) else {
        unreachable!("a submission is one");
    };
    let on = [2, 1, 1].map(InstanceId);
    let submission = Submission { start_on: Some(on.into()), ..submission };
    plane.at_once(&[Event::TaskSubmitted(submission)]);
    assert_eq!(plane.places(), [(1, 2), (2, 1)]);
    let (changes, commands) = plane.look();
    assert_eq!((refusals(&changes), ended(&changes)), (1, vec![(3, Outcome::Rejected)]));
    let origin = Origin::Submission { submission: SubmissionId(1), ordinal: 2 };
    assert!(commands.contains(&Command::Forget(origin)), "{commands:?}");
    assert_eq!(plane.controller.waiting().tasks(), 1);
}

/// A task that wants the company of a group is tried again when one of that is started by name.
#[test]
fn start_task_is_company_for_those_that_wait() {
    let mut plane = Plane::new("first-fit", "ecs", &[2]);
    let waits = plane.define("web", 1, Some("task:group == family:db"));
    let db = plane.define("db", 1, None);
    plane.submit(waits, 1, false);
    assert_eq!(plane.places(), []);
    let Event::TaskSubmitted(submission) = plane.submission(db, 1, false) else {
        unreachable!("a submission is one");
    };
    let submission = Submission { start_on: Some([InstanceId(0)].into()), ..submission };
    plane.at_once(&[Event::TaskSubmitted(submission)]);
    assert_eq!(plane.places(), [(0, 0), (1, 0)]);
}

#[test]
fn a_task_passes_through_its_states_in_order() {
    let mut plane = Plane::new("first-fit", "ecs", &[1]);
    let one = plane.define("one", 1, None);
    plane.submit(one, 1, false);
    plane.start();
    let task = plane.task(0);
    plane.at_once(&[Event::TaskExited(task, Outcome::Failed)]);
    assert_eq!(plane.controller.cluster().totals().cpu_used, 0, "free once STOPPING");
    plane.at_once(&[Event::TaskStopped(task, Outcome::Failed)]);
    let (changes, commands) = plane.look();
    let (class, placement) = match (changes[0], changes[1]) {
        (Change::TaskCreated { class, .. }, Change::TaskPlaced { placement, .. }) => {
            (class, placement)
        }
        other => panic!("{other:?}"),
    };
    let origin = Origin::Submission { submission: SubmissionId(0), ordinal: 0 };
    let expected = [
        Change::TaskCreated { task, class, origin },
        Change::TaskPlaced { task, placement },
        Change::TaskStarted(task),
        Change::TaskStopping(task),
        Change::TaskEnded { task, outcome: Outcome::Failed },
    ];
    assert_eq!(changes, expected);
    let start = Command::StartTask { task, origin, definition: one, placement };
    assert_eq!(commands, [start]);
    assert!(plane.controller.cluster().task(task).is_none());
}

#[test]
fn all_submissions_of_an_instant_come_before_its_pass() {
    let mut plane = Plane::new("first-fit", "fifo", &[2]);
    let (one, two) = (plane.define("one", 1, None), plane.define("two", 2, None));
    let events = [plane.submission(two, 1, false), plane.submission(one, 2, false)];
    plane.at_once(&events);
    let (changes, _) = plane.look();
    let created = changes.iter().take_while(|one| matches!(one, Change::TaskCreated { .. }));
    assert_eq!(created.count(), 3);
    assert_eq!(plane.places(), [(0, 0)]);
}

#[test]
fn a_gang_is_placed_whole_or_not_at_all() {
    let mut plane = Plane::new("first-fit", "ecs", &[1, 1]);
    let one = plane.define("one", 1, None);
    plane.submit(one, 3, true);
    assert_eq!(plane.places(), []);
    assert_eq!(plane.controller.cluster().totals().cpu_used, 0, "what had a place is put back");
    let (changes, commands) = plane.look();
    assert_eq!((refusals(&changes), commands.len()), (1, 0));
    assert!(!changes.iter().any(|change| matches!(change, Change::TaskPlaced { .. })));
    plane.submit(one, 3, false);
    assert_eq!(plane.places(), [(3, 0), (4, 1)], "each for itself");
    plane.join(1);
    assert_eq!(plane.places(), [(3, 0), (4, 1), (5, 2)], "two more are missing for the gang");
    for number in 3..6 {
        plane.end(number);
    }
    assert_eq!(plane.places(), [(0, 0), (1, 1), (2, 2)]);
    assert!(plane.controller.waiting().is_empty());
}

#[test]
fn a_class_known_not_to_fit_is_not_tried_until_room_is_made() {
    let mut plane = Plane::new("first-fit", "ecs", &[2]);
    let (huge, one) = (plane.define("huge", 4, None), plane.define("one", 1, None));
    plane.submit(one, 1, false);
    for _ in 0..20 {
        plane.submit(huge, 5, false);
    }
    plane.submit(one, 1, false);
    assert_eq!(refusals(&plane.look().0), 1);
    plane.end(0);
    assert_eq!(refusals(&plane.look().0), 1, "room for one more try");
    plane.join(4);
    assert_eq!(refusals(&plane.look().0), 1, "one is placed, the next refused");
    assert_eq!(plane.controller.waiting().tasks(), 99);
}

#[test]
fn a_task_that_waits_for_company_is_placed_once_it_has_come() {
    let mut plane = Plane::new("first-fit", "ecs", &[4]);
    let near = plane.define("near", 1, Some("task:group == family:db"));
    let (db, web) = (plane.define("db", 1, None), plane.define("web", 1, None));
    plane.submit(near, 1, false);
    plane.submit(db, 1, false);
    plane.submit(web, 1, false);
    assert_eq!(plane.places(), [(0, 0), (1, 0), (2, 0)]);
}

/// Nobody is left waiting beside room: what a placement makes possible is tried in the same pass.
#[test]
fn company_that_comes_last_is_enough() {
    let mut plane = Plane::new("first-fit", "ecs", &[4]);
    let near = plane.define("near", 1, Some("task:group == family:db"));
    let db = plane.define("db", 1, None);
    plane.submit(near, 1, false);
    plane.submit(db, 1, false);
    assert_eq!(plane.places(), [(0, 0), (1, 0)]);
}

#[test]
fn what_is_turned_away_is_forgotten() {
    let mut plane = Plane::new("first-fit", "reject", &[1]);
    let one = plane.define("one", 1, None);
    plane.submit(one, 2, false);
    let (changes, commands) = plane.look();
    assert_eq!(ended(&changes), [(1, Outcome::Rejected)]);
    let origin = Origin::Submission { submission: SubmissionId(0), ordinal: 1 };
    assert_eq!(commands[1..], [Command::Forget(origin)]);
    plane.submit(one, 2, true);
    let rejected: Vec<u64> = ended(&plane.look().0).iter().map(|(number, _)| *number).collect();
    assert_eq!(rejected, [2, 3], "a gang goes whole");
}

#[test]
fn ecs_5_1_a_replica_service_keeps_its_desired_count() {
    let mut plane = Plane::new("first-fit", "ecs", &[2, 2]);
    let one = plane.define("one", 1, None);
    plane.create_service(one, 3);
    assert_eq!(plane.places(), [(0, 0), (1, 0), (2, 1)]);
    plane.start();
    plane.end(1);
    assert_eq!(plane.places(), [(0, 0), (2, 1), (3, 0)], "another takes its place");
    let task = plane.task(0);
    plane.at_once(&[Event::TaskExited(task, Outcome::Failed)]);
    assert_eq!(plane.places(), [(2, 1), (3, 0), (4, 0)], "as soon as it is STOPPING");
    plane.at_once(&[Event::TaskStopped(task, Outcome::Failed)]);
    assert_eq!(plane.places().len(), 3, "and not once more when it is gone");
    let (changes, _) = plane.look();
    let ordinals = changes.iter().filter_map(|change| match change {
        Change::TaskCreated { origin: Origin::Service { ordinal, .. }, .. } => Some(*ordinal),
        _ => None,
    });
    assert_eq!(ordinals.collect::<Vec<u32>>(), [0, 1, 2, 3, 4]);
    let class = plane.controller.cluster().classes()[0].group;
    assert_eq!(plane.controller.cluster().group_name(class), "service:web");
}

/// What turns submissions away keeps a service's tasks: ECS goes on trying to start them.
#[test]
fn tasks_of_a_service_are_never_turned_away() {
    let mut plane = Plane::new("first-fit", "reject", &[1]);
    let one = plane.define("one", 1, None);
    plane.create_service(one, 3);
    plane.submit(one, 1, false);
    let (changes, _) = plane.look();
    assert_eq!(ended(&changes), [(3, Outcome::Rejected)]);
    assert_eq!(plane.controller.waiting().tasks(), 2);
    plane.join(1);
    assert_eq!(plane.places(), [(0, 0), (1, 1)]);
    plane.look();
    plane.at_once(&[Event::ServiceUpdated(ServiceId(0), ServiceUpdate::to(0))]);
    let (changes, commands) = plane.look();
    assert_eq!(ended(&changes), [(2, Outcome::Stopped)]);
    assert_eq!(stops(&commands), [1, 0]);
}

#[test]
fn ecs_3_3_waiting_tasks_go_first_the_youngest_before_others() {
    let mut plane = Plane::new("first-fit", "ecs", &[2]);
    let one = plane.define("one", 1, None);
    plane.create_service(one, 5);
    assert_eq!(plane.controller.waiting().tasks(), 3);
    plane.look();
    plane.at_once(&[Event::ServiceUpdated(ServiceId(0), ServiceUpdate::to(3))]);
    let (changes, commands) = plane.look();
    assert_eq!(ended(&changes), [(4, Outcome::Stopped), (3, Outcome::Stopped)]);
    assert!(commands.is_empty(), "they were never started");
    plane.at_once(&[Event::ServiceUpdated(ServiceId(0), ServiceUpdate::to(0))]);
    let (changes, commands) = plane.look();
    assert_eq!(ended(&changes), [(2, Outcome::Stopped)]);
    assert_eq!(stops(&commands), [1, 0]);
    assert_eq!(plane.controller.cluster().totals().cpu_used, 0);
    for number in [0, 1] {
        plane.end(number);
    }
    assert_eq!(
        ended(&plane.look().0),
        [(0, Outcome::Stopped), (1, Outcome::Stopped)],
        "told to stop, however they end"
    );
    plane.at_once(&[Event::ServiceUpdated(ServiceId(0), ServiceUpdate::to(1))]);
    assert_eq!(plane.places(), [(5, 0)], "it can come back from zero");
}

#[test]
fn scale_in_stops_whom_the_strategy_names() {
    type Places = &'static [(u64, u32)];
    let spread: Places = &[(1, 1), (2, 2), (3, 0), (4, 1), (5, 0)];
    let packed: Places = &[(1, 2), (2, 2), (3, 0), (4, 0), (5, 2)];
    for (placement, places, victims) in
        [("spread:instanceId", spread, [5, 4]), ("binpack:cpu", packed, [4, 3])]
    {
        let mut plane = Plane::new(placement, "ecs", &[4, 4, 3]);
        let one = plane.define("one", 1, None);
        plane.create_service(one, 5);
        plane.start();
        plane.end(0);
        plane.start();
        assert_eq!(plane.places(), places, "{placement}");
        plane.look();
        plane.at_once(&[Event::ServiceUpdated(ServiceId(0), ServiceUpdate::to(3))]);
        assert_eq!(stops(&plane.look().1), victims, "{placement}");
    }
}

#[test]
fn a_task_told_to_stop_starts_in_vain() {
    let mut plane = Plane::new("first-fit", "ecs", &[1]);
    let one = plane.define("one", 1, None);
    plane.create_service(one, 1);
    let task = plane.task(0);
    plane.at_once(&[Event::ServiceUpdated(ServiceId(0), ServiceUpdate::to(0))]);
    plane.look();
    plane.at_once(&[Event::TaskStarted(task)]);
    plane.at_once(&[Event::TaskExited(task, Outcome::Completed)]);
    assert!(plane.look().0.is_empty(), "it is STOPPING already");
    plane.at_once(&[Event::TaskStopped(task, Outcome::Completed)]);
    assert_eq!(ended(&plane.look().0), [(0, Outcome::Stopped)]);
}

#[test]
fn a_service_and_a_submission_share_the_queue_in_order_of_arrival() {
    let mut plane = Plane::new("first-fit", "fifo", &[1]);
    let (one, two) = (plane.define("one", 1, None), plane.define("two", 1, None));
    plane.submit(one, 1, false);
    plane.create_service(two, 1);
    plane.submit(one, 1, false);
    assert_eq!(plane.places(), [(0, 0)]);
    plane.end(0);
    assert_eq!(plane.places(), [(1, 0)], "the service's came before the second submission");
}

#[test]
fn an_instance_may_join_late() {
    let mut plane = Plane::new("spread:instanceId", "fifo", &[]);
    let one = plane.define("one", 1, None);
    plane.submit(one, 2, false);
    assert_eq!(plane.places(), []);
    plane.join(1);
    plane.join(4);
    assert_eq!(plane.places(), [(0, 0), (1, 1)]);
    let (changes, _) = plane.look();
    let joined = |change: &&Change| matches!(change, Change::InstanceJoined(_));
    assert_eq!(changes.iter().filter(joined).count(), 2);
    assert_eq!(plane.controller.cluster().instance(InstanceId(1)).task_count(), 1);
}
