//! Services as a state machine, with hosts that start and stop tasks at once unless told otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::controller::{Change, Event};
use crate::des::{Seed, SimDuration};
use crate::model::{
    AttributeSet, CapacityId, CircuitBreaker, Cpu, DeploymentConfiguration, DeploymentStrategy,
    FailureThreshold, Health, InstanceSpec, Outcome, PlacementConstraint, Price, TaskDefinition,
};
use crate::model::{DefinitionId, InstanceId, SchedulingStrategy};
use crate::placement::{PlacementSpec, PlacerKind, TieBreak};
use crate::queueing::queue_policy;

/// A cluster whose hosts take no time, and whose timers go off when they are due.
struct World {
    controller: Controller,
    now: SimTime,
    timers: BTreeMap<(SimTime, u64), Timer>,
    timers_set: u64,
    /// Definitions whose tasks fail to start.
    broken: Vec<DefinitionId>,
    /// Whether definitions have health checks.
    checked: bool,
    told: Vec<(u64, ServiceEvent)>,
    /// The most tasks at once that were not STOPPING.
    most: u32,
}

const SECOND: u64 = 1_000_000;

impl World {
    fn new(rules: ServiceRules, instances: &[(u64, &str)]) -> World {
        let spec = PlacementSpec::parse("ecs-service").unwrap();
        let placer = spec.build(PlacerKind::Indexed, TieBreak::LowestId, Seed(1), None).unwrap();
        let queue = (queue_policy("ecs").unwrap().build)();
        let mut world = World {
            controller: Controller::new(vec![placer], queue).with_service_rules(rules),
            now: SimTime::ZERO,
            timers: BTreeMap::new(),
            timers_set: 0,
            broken: Vec::new(),
            checked: false,
            told: Vec::new(),
            most: 0,
        };
        for &(vcpus, zone) in instances {
            world.join(vcpus, zone);
        }
        world
    }

    fn join(&mut self, vcpus: u64, zone: &str) {
        let mut attributes = AttributeSet::default();
        attributes.set("ecs.availability-zone", zone);
        self.event(&Event::InstanceRegistered(Box::new(InstanceSpec {
            name: "i".to_owned(),
            capacity: CapacityId(0),
            cpu: Cpu::from_vcpus(vcpus).unwrap(),
            memory_mib: 1000,
            gpus: 0,
            eni_slots: 0,
            attributes,
            price: Price(0),
            speed_milli: 1000,
            agent_version: None,
            registered_at: None,
        })));
    }

    fn define(&mut self, revision: u32, constraints: Vec<PlacementConstraint>) -> DefinitionId {
        let definition = TaskDefinition::new("web", Cpu::VCPU, 0);
        let has_health_check = self.checked;
        let definition = TaskDefinition { revision, has_health_check, constraints, ..definition };
        self.event(&Event::DefinitionRegistered(Arc::new(definition)));
        DefinitionId(revision)
    }

    /// A service of the first definition, one vCPU a task.
    fn service(&mut self, desired: u32, change: impl FnOnce(&mut ServiceSpec)) {
        let mut spec = ServiceSpec::new(ServiceId(0), "web", DefinitionId(0), desired, 0);
        change(&mut spec);
        self.event(&Event::ServiceCreated(spec));
    }

    fn deploy(&mut self, revision: u32) {
        let definition = Some(DefinitionId(revision));
        let update = ServiceUpdate { desired_count: None, definition };
        self.event(&Event::ServiceUpdated(ServiceId(0), update));
    }

    fn event(&mut self, event: &Event) {
        let mut events = vec![event.clone()];
        while let Some(event) = events.pop() {
            let mut out = Reaction::default();
            self.controller.handle(self.now, &event, &mut out);
            self.controller.audit().unwrap();
            for change in out.changes {
                if let Change::Service(_, event) = change {
                    self.told.push((self.now.micros() / SECOND, event));
                }
            }
            let service = self.controller.services.all.first();
            let tasks = service.map_or(0, |service| service.tasks.len() as u32);
            self.most = self.most.max(tasks);
            for command in out.commands {
                match command {
                    Command::StartTask { task, definition, .. } => {
                        events.insert(
                            0,
                            if self.broken.contains(&definition) {
                                Event::TaskStopped(task, Outcome::Failed)
                            } else {
                                Event::TaskStarted(task)
                            },
                        );
                    }
                    Command::StopTask(task) => {
                        events.retain(|one| !is_about(one, task));
                        events.insert(0, Event::TaskStopped(task, Outcome::Stopped));
                    }
                    Command::WakeAt(at, timer) => {
                        self.timers_set += 1;
                        self.timers.insert((at, self.timers_set), timer);
                    }
                    Command::Begin { .. } | Command::Forget(_) => {}
                }
            }
        }
        self.run_until(self.now);
    }

    /// Lets timers go off up to a time, that included.
    fn run_until(&mut self, until: SimTime) {
        while let Some((&(at, number), &timer)) = self.timers.first_key_value() {
            if at > until {
                break;
            }
            self.timers.remove(&(at, number));
            self.now = at;
            self.event(&Event::Woken(timer));
        }
        self.now = self.now.max(until);
    }

    fn run_to(&mut self, second: u64) {
        self.run_until(SimTime::from_micros(second * SECOND));
    }

    /// What was told since the last look.
    fn look(&mut self) -> Vec<(u64, ServiceEvent)> {
        std::mem::take(&mut self.told)
    }

    /// Tasks by deployment: those that are not STOPPING.
    fn by_deployment(&self) -> BTreeMap<u32, u32> {
        let mut counts = BTreeMap::new();
        for held in self.controller.services.tasks_of(ServiceId(0)) {
            *counts.entry(held.deployment).or_default() += 1;
        }
        counts
    }

    fn on_instances(&self) -> Vec<u32> {
        self.controller.cluster.instances().map(crate::model::InstanceView::task_count).collect()
    }
}

/// Whether an event tells of a task's start or end.
fn is_about(event: &Event, task: TaskId) -> bool {
    matches!(event, Event::TaskStarted(one) | Event::TaskStopped(one, _) if *one == task)
}

fn instant() -> ServiceRules {
    ServiceRules::default()
}

fn settled_after_40_s() -> ServiceRules {
    ServiceRules { settled_after: SimDuration::from_secs(40), ..ServiceRules::default() }
}

fn percents(minimum_healthy_percent: u32, maximum_percent: u32) -> DeploymentConfiguration {
    DeploymentConfiguration {
        minimum_healthy_percent,
        maximum_percent,
        ..DeploymentConfiguration::default()
    }
}

fn breaker(rollback: bool) -> Option<CircuitBreaker> {
    let threshold = FailureThreshold::BoundedPercent(50);
    Some(CircuitBreaker { threshold, rollback, reset_on_healthy_task: true })
}

#[test]
fn ecs_5_2_a_rolling_update_keeps_to_both_bounds() {
    let mut world = World::new(settled_after_40_s(), &[(16, "a")]);
    world.define(0, Vec::new());
    world.service(4, |spec| spec.deployment = percents(50, 150));
    assert_eq!(
        world.look(),
        [(0, ServiceEvent::DeploymentStarted(0)), (0, ServiceEvent::TasksStarted(4)),]
    );
    world.run_to(40);
    let completed = [(40, ServiceEvent::DeploymentCompleted(0)), (40, ServiceEvent::SteadyState)];
    assert_eq!(world.look(), completed, "healthy 40 s after RUNNING");
    world.define(1, Vec::new());
    world.deploy(1);
    // Two of four may go at once, and then there is room for four new ones within six.
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 2), (1, 4)]));
    assert_eq!(world.most, 6);
    world.run_to(80);
    assert_eq!(world.by_deployment(), BTreeMap::from([(1, 4)]));
    let last: Vec<ServiceEvent> = world.look().into_iter().map(|(_, event)| event).collect();
    assert_eq!(
        last[last.len() - 2..],
        [ServiceEvent::DeploymentCompleted(1), ServiceEvent::SteadyState]
    );
    assert_eq!(world.most, 6);
}

#[test]
fn ecs_5_2_one_task_between_100_and_150_percent_says_why_it_is_stuck() {
    let mut world = World::new(instant(), &[(16, "a")]);
    world.define(0, Vec::new());
    world.service(1, |spec| spec.deployment = percents(100, 150));
    world.define(1, Vec::new());
    world.look();
    world.deploy(1);
    let expected = [(0, ServiceEvent::DeploymentStarted(1)), (0, ServiceEvent::Blocked)];
    assert_eq!(world.look(), expected);
    world.run_to(3600);
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 1)]));
}

#[test]
fn ecs_5_2_a_full_cluster_has_no_room_for_new_tasks_beside_all_old_ones() {
    let mut world = World::new(instant(), &[(2, "a")]);
    world.define(0, Vec::new());
    world.service(2, |_| ());
    world.define(1, Vec::new());
    world.look();
    world.deploy(1);
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 2), (1, 2)]));
    let told = world.look();
    assert!(told.iter().any(|(_, event)| matches!(event, ServiceEvent::UnableToPlace(..))));
    world.join(1, "a");
    assert_eq!(world.by_deployment(), BTreeMap::from([(1, 2)]), "one more was enough to go on");
}

#[test]
fn only_what_was_placed_is_told_to_be_started() {
    let mut world = World::new(instant(), &[(2, "a")]);
    world.define(0, Vec::new());
    world.service(4, |_| ());
    let started = |world: &mut World| -> Vec<ServiceEvent> {
        let told = world.look().into_iter().map(|(_, event)| event);
        told.filter(|event| matches!(event, ServiceEvent::TasksStarted(_))).collect()
    };
    assert_eq!(started(&mut world), [ServiceEvent::TasksStarted(2)]);
    world.join(1, "a");
    assert_eq!(started(&mut world), [ServiceEvent::TasksStarted(1)]);
    world.run_to(86_400);
    assert_eq!(started(&mut world), []);
}

#[test]
fn ecs_5_3_the_circuit_breaker_rolls_back_to_what_ran() {
    let mut world = World::new(instant(), &[(16, "a")]);
    world.define(0, Vec::new());
    world.service(4, |spec| spec.deployment.circuit_breaker = breaker(true));
    world.define(1, Vec::new());
    world.broken = vec![DefinitionId(1)];
    world.look();
    world.deploy(1);
    let told: Vec<ServiceEvent> = world.look().into_iter().map(|(_, event)| event).collect();
    let failed = told.iter().position(|one| *one == ServiceEvent::DeploymentFailed(1)).unwrap();
    assert_eq!(told[failed + 1], ServiceEvent::RollingBack(0));
    assert!(told.contains(&ServiceEvent::DeploymentCompleted(0)));
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 4)]));
    let ever = world.controller.services.all[0].created;
    assert!((7..=11).contains(&ever), "4 old and about as many new as the threshold: {ever}");
}

#[test]
fn ecs_5_3_without_rollback_a_failed_deployment_starts_nothing_more() {
    let mut world = World::new(instant(), &[(16, "a")]);
    world.define(0, Vec::new());
    world.service(4, |spec| spec.deployment.circuit_breaker = breaker(false));
    world.define(1, Vec::new());
    world.broken = vec![DefinitionId(1)];
    world.deploy(1);
    let ever = world.controller.services.all[0].created;
    world.run_to(86_400);
    assert_eq!(world.controller.services.all[0].created, ever);
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 4)]));
}

#[test]
fn ecs_5_4_what_fails_to_start_is_tried_ever_more_rarely() {
    let mut world = World::new(instant(), &[(16, "a")]);
    world.define(0, Vec::new());
    world.broken = vec![DefinitionId(0)];
    world.service(1, |_| ());
    let created = |world: &World| world.controller.services.all[0].created;
    assert_eq!(created(&world), 10, "ten in a row before the first delay");
    let impaired = world.look().iter().filter(|one| one.1 == ServiceEvent::StartImpaired).count();
    assert_eq!(impaired, 1);
    world.run_to(10);
    assert_eq!(created(&world), 11);
    world.run_to(29);
    assert_eq!(created(&world), 11);
    world.run_to(30);
    assert_eq!(created(&world), 12);
    // 10 + 20 + 40 + 80 + 160 + 320 + 640 = 1270, then 900 each.
    world.run_to(1270 + 900);
    assert_eq!(created(&world), 10 + 8);
    world.broken.clear();
    world.define(1, Vec::new());
    world.deploy(1);
    assert_eq!(world.by_deployment(), BTreeMap::from([(1, 1)]), "a new definition starts at once");
}

#[test]
fn ecs_5_4_tasks_that_fail_together_wait_once() {
    let mut world = World::new(instant(), &[(16, "a")]);
    world.define(0, Vec::new());
    world.broken = vec![DefinitionId(0)];
    world.service(10, |_| ());
    let created = |world: &World| world.controller.services.all[0].created;
    let first = created(&world);
    let mut times = Vec::new();
    for second in 1..=160 {
        let before = created(&world);
        world.run_to(second);
        if created(&world) > before {
            times.push(second);
        }
    }
    assert_eq!(times, [10, 30, 70, 150], "10 s, 20 s, 40 s, 80 s");
    assert_eq!(created(&world), first + 40, "all ten each time");
}

#[test]
fn a_task_whose_checks_pass_again_is_kept() {
    let mut world = World::new(instant(), &[(16, "a")]);
    world.checked = true;
    world.define(0, Vec::new());
    world.service(1, |_| ());
    let task = world.controller.cluster.tasks().next().unwrap().0;
    world.event(&Event::TaskHealthChanged(task, Health::Healthy));
    world.event(&Event::TaskHealthChanged(task, Health::Unhealthy));
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 2)]), "its replacement comes first");
    world.event(&Event::TaskHealthChanged(task, Health::Healthy));
    let kept = &world.controller.services.all[0].tasks;
    assert!(kept.iter().eq([&task]), "it is wanted, its replacement is not");
}

#[test]
fn ecs_5_5_blue_green_runs_both_in_full_until_it_has_baked() {
    let mut world = World::new(instant(), &[(16, "a")]);
    world.define(0, Vec::new());
    let bake_micros = 300 * SECOND;
    world.service(4, |spec| {
        spec.deployment.strategy = DeploymentStrategy::BlueGreen { bake_micros };
        spec.deployment.maximum_percent = 100;
    });
    world.define(1, Vec::new());
    world.deploy(1);
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 4), (1, 4)]));
    world.run_to(299);
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 4), (1, 4)]));
    world.run_to(300);
    assert_eq!(world.by_deployment(), BTreeMap::from([(1, 4)]));
}

#[test]
fn ecs_5_6_tasks_move_to_the_emptiest_zone_the_new_one_first() {
    let mut world = World::new(settled_after_40_s(), &[(8, "a"), (8, "b")]);
    world.define(0, Vec::new());
    world.service(6, |spec| spec.zone_rebalancing = true);
    world.run_to(40);
    assert_eq!(world.on_instances(), [3, 3]);
    world.look();
    world.join(8, "c");
    assert_eq!(world.on_instances(), [3, 3, 1], "one more than desired at first");
    assert_eq!(world.look()[0], (40, ServiceEvent::ZonesUnbalanced));
    world.run_to(200);
    assert_eq!(world.on_instances(), [2, 2, 2]);
    assert!(world.look().iter().any(|(_, event)| *event == ServiceEvent::ZonesBalanced));
    assert_eq!(world.most, 7);
}

#[test]
fn ecs_5_7_protected_tasks_are_not_stopped() {
    let mut world = World::new(instant(), &[(16, "a")]);
    world.define(0, Vec::new());
    world.service(4, |spec| spec.protection_micros = 7200 * SECOND);
    world.look();
    world.event(&Event::ServiceUpdated(ServiceId(0), ServiceUpdate::to(1)));
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 4)]));
    assert!(world.look().contains(&(0, ServiceEvent::Protected(4))));
    world.run_to(7200);
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 1)]));
}

#[test]
fn ecs_5_7_failing_checks_are_ignored_in_the_grace_period() {
    let mut world = World::new(instant(), &[(16, "a")]);
    world.checked = true;
    world.define(0, Vec::new());
    world.service(1, |spec| spec.grace_period_micros = 60 * SECOND);
    let task = world.controller.cluster.tasks().next().unwrap().0;
    world.event(&Event::TaskHealthChanged(task, Health::Unhealthy));
    world.run_to(59);
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 1)]));
    world.look();
    world.run_to(60);
    assert_eq!(world.look()[0], (60, ServiceEvent::Unhealthy(task)));
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 2)]), "its replacement comes first");
}

#[test]
fn ecs_5_8_a_service_starts_500_tasks_a_minute() {
    let mut world = World::new(ServiceRules::ecs(), &[(2000, "a")]);
    world.define(0, Vec::new());
    world.service(1100, |_| ());
    let created = |world: &World| world.controller.services.all[0].created;
    assert_eq!(created(&world), 500);
    world.run_to(60);
    assert_eq!(created(&world), 1000);
    world.run_to(72);
    assert_eq!(created(&world), 1100);
}

#[test]
fn ecs_5_1_a_daemon_runs_once_on_each_instance_and_before_others() {
    let mut world = World::new(instant(), &[(1, "a"), (2, "b")]);
    world.define(0, Vec::new());
    world.service(0, |spec| {
        spec.scheduling = SchedulingStrategy::Daemon;
        spec.deployment = percents(0, 100);
    });
    assert_eq!(world.on_instances(), [1, 1]);
    let web = ServiceSpec::new(ServiceId(1), "other", DefinitionId(0), 3, 0);
    world.event(&Event::ServiceCreated(web));
    assert_eq!(world.on_instances(), [1, 2]);
    // A new instance takes the daemon before the tasks that wait.
    world.join(1, "a");
    assert_eq!(world.on_instances(), [1, 2, 1]);
    let daemons = world.by_deployment();
    assert_eq!(daemons, BTreeMap::from([(0, 3)]));
    // What a daemon leaves behind is its own successor's.
    let task = *world.controller.services.all[0].tasks.first().unwrap();
    world.event(&Event::TaskStopped(task, Outcome::Failed));
    assert_eq!(world.on_instances(), [1, 2, 1]);
    assert_eq!(world.by_deployment(), BTreeMap::from([(0, 3)]));
}

#[test]
fn ecs_2_draining_replaces_running_tasks_within_the_bounds() {
    let mut world = World::new(settled_after_40_s(), &[(4, "a"), (4, "a")]);
    world.define(0, Vec::new());
    world.service(4, |_| ());
    world.run_to(40);
    assert_eq!(world.on_instances(), [2, 2]);
    world.event(&Event::InstanceDraining(InstanceId(0)));
    assert_eq!(world.on_instances(), [2, 4], "replacements first");
    world.run_to(80);
    assert_eq!(world.on_instances(), [0, 4]);
}

#[test]
fn ecs_2_an_instance_never_drains_between_100_and_100_percent() {
    let mut world = World::new(instant(), &[(4, "a"), (4, "a")]);
    world.define(0, Vec::new());
    world.service(4, |spec| spec.deployment = percents(100, 100));
    world.look();
    world.event(&Event::InstanceDraining(InstanceId(0)));
    world.run_to(86_400);
    assert_eq!(world.on_instances(), [2, 2]);
    assert_eq!(world.look(), [(0, ServiceEvent::Blocked)]);
}

#[test]
fn ecs_4_what_no_instance_took_is_tried_again_after_minutes() {
    let mut world = World::new(ServiceRules::ecs(), &[]);
    world.define(0, Vec::new());
    world.service(2, |_| ());
    world.run_to(30);
    world.join(4, "a");
    assert_eq!(world.on_instances(), [0], "60 s after the first try");
    world.run_to(59);
    assert_eq!(world.on_instances(), [0]);
    world.run_to(60);
    assert_eq!(world.on_instances(), [2]);
}

#[test]
fn ecs_4_waits_between_tries_double_up_to_five_minutes() {
    let mut world = World::new(ServiceRules::ecs(), &[]);
    world.define(0, Vec::new());
    world.service(2, |_| ());
    // Tried at 0, 60, 180, 420, 720 and 1020 s.
    world.run_to(721);
    world.join(4, "a");
    world.run_to(1019);
    assert_eq!(world.on_instances(), [0]);
    world.run_to(1020);
    assert_eq!(world.on_instances(), [2]);
}
