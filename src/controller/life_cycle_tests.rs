//! The states of a task by hand: every transition takes time, and is over when the test says so.

use std::sync::Arc;

use super::tests::Plane;
use super::*;
use crate::model::{
    AttributeSet, CapacityId, Cpu, DefinitionId, InstanceId, NetworkMode, Price, TaskStatus,
};

const ALL: [Transition; 5] = [
    Transition::AttachNetwork,
    Transition::Register,
    Transition::PassChecks,
    Transition::Deregister,
    Transition::DetachNetwork,
];

/// An instance of two vCPUs with one ENI slot, a definition of one vCPU in `awsvpc` mode, and a
/// control plane for which some transitions take time.
fn plane(timed: &[Transition]) -> Plane {
    let mut plane = Plane::new("first-fit", "ecs", &[]);
    plane.controller.timed = timed.iter().copied().collect();
    let spec = InstanceSpec {
        name: "i".to_owned(),
        capacity: CapacityId(0),
        cpu: Cpu::from_vcpus(2).unwrap(),
        memory_mib: 1000,
        gpus: 0,
        eni_slots: 1,
        attributes: AttributeSet::default(),
        price: Price(0),
        speed_milli: 1000,
        agent_version: None,
        registered_at: None,
    };
    let mut definition = TaskDefinition::new("web", Cpu::VCPU, 0);
    definition.network_mode = NetworkMode::Awsvpc;
    plane.at_once(&[
        Event::InstanceRegistered(Box::new(spec)),
        Event::DefinitionRegistered(Arc::new(definition)),
    ]);
    plane.look();
    plane
}

const WEB: DefinitionId = DefinitionId(0);

impl Plane {
    fn status(&self, task: TaskId) -> Option<TaskStatus> {
        self.controller.cluster().task(task).map(|one| one.status)
    }

    /// CPU in vCPUs, and ENI slots, that the control plane holds to be in use.
    fn held(&self) -> (u32, u32) {
        let on = self.controller.cluster().instance(InstanceId(0));
        let cpu = on.cpu_total().0 - on.cpu_free().0;
        (cpu / Cpu::VCPU.0, on.spec().eni_slots - on.eni_free())
    }

    fn made(&mut self, task: TaskId, transition: Transition) {
        self.at_once(&[Event::TransitionMade(task, transition)]);
    }

    /// What was begun and ordered since the last look.
    fn ordered(&mut self) -> Vec<&'static str> {
        let word = |command: &Command| match command {
            Command::StartTask { .. } => "start",
            Command::StopTask(_) => "stop",
            Command::Begin { transition: Transition::AttachNetwork, .. } => "attach",
            Command::Begin { transition: Transition::Register, .. } => "register",
            Command::Begin { transition: Transition::PassChecks, .. } => "checks",
            Command::Begin { transition: Transition::Deregister, .. } => "deregister",
            Command::Begin { transition: Transition::DetachNetwork, .. } => "detach",
            Command::Forget(_) => "forget",
            Command::WakeAt(..) => "wake",
        };
        self.look().1.iter().map(word).collect()
    }

    fn scale(&mut self, desired: u32) {
        let update = crate::model::ServiceUpdate::to(desired);
        self.at_once(&[Event::ServiceUpdated(crate::model::ServiceId(0), update)]);
    }
}

#[test]
fn ecs_4_a_task_passes_through_all_states_and_holds_what_it_must() {
    let mut plane = plane(&ALL);
    plane.create_service_with(WEB, 1, true);
    let task = plane.task(0);
    assert_eq!(plane.status(task), Some(TaskStatus::Provisioning));
    assert_eq!((plane.held(), plane.ordered()), ((1, 1), vec!["attach"]));
    plane.made(task, Transition::AttachNetwork);
    assert_eq!(plane.status(task), Some(TaskStatus::Pending));
    assert_eq!(plane.ordered(), ["start"]);
    plane.at_once(&[Event::TaskStarted(task)]);
    assert_eq!(plane.status(task), Some(TaskStatus::Activating));
    assert_eq!(plane.ordered(), ["register"]);
    plane.made(task, Transition::Register);
    assert_eq!(plane.status(task), Some(TaskStatus::Running));
    assert_eq!(plane.ordered(), ["checks"]);
    plane.made(task, Transition::PassChecks);
    plane.scale(0);
    assert_eq!(plane.status(task), Some(TaskStatus::Deactivating));
    assert_eq!((plane.held(), plane.ordered()), ((1, 1), vec!["deregister"]));
    plane.made(task, Transition::Deregister);
    assert_eq!(plane.status(task), Some(TaskStatus::Stopping));
    assert_eq!((plane.held(), plane.ordered()), ((0, 1), vec!["stop"]));
    plane.at_once(&[Event::TaskStopped(task, Outcome::Stopped)]);
    assert_eq!(plane.status(task), Some(TaskStatus::Deprovisioning));
    assert_eq!((plane.held(), plane.ordered()), ((0, 1), vec!["detach"]));
    plane.made(task, Transition::DetachNetwork);
    assert_eq!((plane.status(task), plane.held()), (None, (0, 0)));
}

#[test]
fn ecs_4_states_that_take_no_time_are_passed_over_without_a_word() {
    let mut plane = plane(&[]);
    plane.create_service_with(WEB, 1, true);
    let task = plane.task(0);
    plane.at_once(&[Event::TaskStarted(task)]);
    plane.scale(0);
    plane.at_once(&[Event::TaskStopped(task, Outcome::Stopped)]);
    let (changes, commands) = plane.look();
    assert!(!changes.iter().any(|change| matches!(change, Change::TaskAdvanced { .. })));
    assert_eq!(commands.len(), 2, "{commands:?}");
}

#[test]
fn only_tasks_that_have_a_network_interface_or_a_load_balancer_wait_for_one() {
    let mut plane = plane(&ALL);
    let bridge = TaskDefinition::new("bridge", Cpu::VCPU, 0);
    plane.at_once(&[Event::DefinitionRegistered(Arc::new(bridge))]);
    plane.create_service_with(DefinitionId(1), 1, false);
    assert_eq!(plane.ordered(), ["start"]);
    let task = plane.task(0);
    plane.at_once(&[Event::TaskStarted(task)]);
    assert_eq!(plane.status(task), Some(TaskStatus::Running));
    plane.scale(0);
    assert_eq!(plane.status(task), Some(TaskStatus::Stopping));
    plane.at_once(&[Event::TaskStopped(task, Outcome::Stopped)]);
    assert_eq!(plane.status(task), None);
    assert_eq!(plane.ordered(), ["stop"]);
}

#[test]
fn ecs_2_an_eni_slot_is_free_for_another_task_when_the_interface_is_detached() {
    let mut plane = plane(&ALL);
    plane.submit(WEB, 2, false);
    let (first, second) = (plane.task(0), plane.task(1));
    plane.made(first, Transition::AttachNetwork);
    plane.at_once(&[Event::TaskStarted(first)]);
    plane.at_once(&[Event::TaskExited(first, Outcome::Completed)]);
    plane.at_once(&[Event::TaskStopped(first, Outcome::Completed)]);
    assert!(plane.controller.cluster().task(second).unwrap().is_unplaced(), "no ENI slot is left");
    plane.made(first, Transition::DetachNetwork);
    assert!(!plane.controller.cluster().task(second).unwrap().is_unplaced());
    let (changes, _) = plane.look();
    let outcome = Outcome::Completed;
    assert!(changes.contains(&Change::TaskEnded { task: first, outcome }), "{changes:?}");
}

#[test]
fn a_task_stopped_while_its_network_is_attached_never_comes_to_its_host() {
    let mut plane = plane(&ALL);
    plane.create_service_with(WEB, 1, true);
    let task = plane.task(0);
    plane.ordered();
    plane.scale(0);
    assert_eq!((plane.status(task), plane.held()), (Some(TaskStatus::Stopping), (0, 1)));
    assert_eq!(plane.ordered(), ["stop", "forget"]);
    // What was begun before may still be reported.
    plane.made(task, Transition::AttachNetwork);
    assert_eq!(plane.status(task), Some(TaskStatus::Stopping));
    plane.at_once(&[Event::TaskStopped(task, Outcome::Stopped)]);
    assert_eq!(plane.ordered(), ["detach"]);
}

#[test]
fn a_task_stopped_while_activating_is_deregistered_too() {
    let mut plane = plane(&[Transition::Register, Transition::Deregister]);
    plane.create_service_with(WEB, 1, true);
    let task = plane.task(0);
    plane.at_once(&[Event::TaskStarted(task)]);
    plane.scale(0);
    assert_eq!(plane.status(task), Some(TaskStatus::Deactivating));
    plane.made(task, Transition::Register);
    assert_eq!(plane.status(task), Some(TaskStatus::Deactivating), "too late");
    assert_eq!(plane.ordered(), ["start", "register", "deregister"]);
}

#[test]
fn a_deactivating_task_that_exits_by_itself_turns_stopping_as_it_was_told_to() {
    let mut plane = plane(&[Transition::Deregister]);
    plane.create_service_with(WEB, 1, true);
    let task = plane.task(0);
    plane.at_once(&[Event::TaskStarted(task)]);
    plane.scale(0);
    plane.at_once(&[Event::TaskExited(task, Outcome::Completed)]);
    let held = (plane.status(task), plane.held());
    assert_eq!(held, (Some(TaskStatus::Stopping), (0, 1)), "its network interface is there yet");
    plane.at_once(&[Event::TaskStopped(task, Outcome::Completed)]);
    let (changes, _) = plane.look();
    let outcome = Outcome::Stopped;
    assert_eq!(changes.last(), Some(&Change::TaskEnded { task, outcome }));
    // The load balancer lets go of a task that is gone.
    plane.made(task, Transition::Deregister);
    assert_eq!(plane.look().0, []);
}

#[test]
fn ecs_4_outcomes_have_ecs_stop_codes() {
    use crate::model::{Origin, ServiceId, StopCode, SubmissionId};
    let alone = Origin::Submission { submission: SubmissionId(0), ordinal: 0 };
    let of_service = Origin::Service { service: ServiceId(0), ordinal: 0 };
    for (outcome, origin, code) in [
        (Outcome::Completed, alone, Some(StopCode::EssentialContainerExited)),
        (Outcome::Failed, of_service, Some(StopCode::EssentialContainerExited)),
        (Outcome::OutOfMemory, alone, Some(StopCode::EssentialContainerExited)),
        (Outcome::FailedToStart, of_service, Some(StopCode::TaskFailedToStart)),
        (Outcome::Stopped, alone, Some(StopCode::UserInitiated)),
        (Outcome::Stopped, of_service, Some(StopCode::ServiceSchedulerInitiated)),
        (Outcome::Lost, alone, Some(StopCode::InfrastructureHealth)),
        (Outcome::Rejected, alone, None),
    ] {
        assert_eq!(outcome.stop_code(origin), code, "{outcome:?}");
    }
}
