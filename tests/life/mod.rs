//! What happens at one instant, and on hosts that take their time: the simulated backend, the
//! control plane and the run together, on scripts worked out by hand.

mod daemons;
mod decision_time;
mod life_cycle;
mod requests;
mod services;
mod side_by_side;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use towtank::backend::{Latency, SimulatedBackend};
use towtank::controller::{Change, Controller};
use towtank::des::{Seed, SimDuration, SimTime};
use towtank::metrics::{Observation, Recorder, Recorders};
use towtank::model::{
    AttributeSet, CapacityId, Cpu, InstanceSpec, Outcome, Price, ServiceId, ServiceSpec,
    ServiceUpdate, Submission, TaskDefinition,
};
use towtank::placement::{PlacementSpec, PlacerKind, TieBreak};
use towtank::queueing::queue_policy;
use towtank::run::{Run, Until};
use towtank::workload::law_spec::{DurationLaw, Span};
use towtank::workload::{
    Behaviour, External, Ids, Machines, ServiceBehaviour, Source, UsageId, Workload, WorkloadError,
};

/// What happens, at a second.
#[derive(Debug, Clone)]
enum Act {
    /// Tasks of so many vCPUs that run so many seconds.
    Submit { vcpus: u64, count: u32, gang: bool, run_s: u64 },
    /// A service that keeps one task of so many vCPUs, until it is stopped.
    Service { vcpus: u64 },
    /// The desired count of the so-manieth service.
    Scale(u32, u32),
}

fn task(vcpus: u64, run_s: u64) -> Act {
    Act::Submit { vcpus, count: 1, gang: false, run_s }
}

#[derive(Debug)]
struct Script {
    acts: VecDeque<(u64, Act)>,
    services: u32,
}

impl Source for Script {
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        let Some((at, act)) = self.acts.pop_front() else {
            return Ok(None);
        };
        let mut definition = |vcpus: u64| {
            let cpu = Cpu::from_vcpus(vcpus).unwrap();
            ids.definition(&TaskDefinition::new(format!("{vcpus}-vcpu"), cpu, 0))
        };
        let external = match act {
            Act::Submit { vcpus, count, gang, run_s } => {
                let definition = definition(vcpus);
                let submission = Submission {
                    id: ids.submission(),
                    definition,
                    group: None,
                    count,
                    all_or_nothing: gang,
                    start_on: None,
                    label: None,
                };
                let run_time = Some(SimDuration::from_micros(run_s * 1_000_000));
                External::Submit(
                    submission,
                    Behaviour { run_time, ends: Outcome::Completed, usage: UsageId::RESERVED },
                )
            }
            Act::Service { vcpus } => {
                let id = ServiceId(self.services);
                self.services += 1;
                let (name, definition) = (format!("service-{}", id.0), definition(vcpus));
                let spec = ServiceSpec::new(id, name, definition, 1, 0);
                External::CreateService(
                    spec,
                    Box::new(ServiceBehaviour { run_time: None, usage: UsageId::RESERVED }),
                )
            }
            Act::Scale(service, desired) => {
                External::UpdateService(ServiceId(service), ServiceUpdate::to(desired), None)
            }
        };
        Ok(Some((SimTime::from_micros(at * 1_000_000), external)))
    }
}

/// When what happened to a task, in seconds.
#[derive(Debug, Clone, PartialEq, Default)]
struct Times {
    placed: Option<f64>,
    started: Option<f64>,
    /// When the control plane took its room back.
    stopping: Option<f64>,
    ended: Option<(f64, Outcome)>,
}

/// The change's name and its task, in order.
type Order = Vec<(&'static str, u64)>;

#[derive(Debug, Default)]
struct Log(Arc<Mutex<(Vec<Times>, Order)>>);

impl Recorder for Log {
    fn record(&mut self, seen: &Observation<'_>) {
        let mut log = self.0.lock().unwrap();
        let (times, order) = &mut *log;
        let now = seen.now.as_secs_f64();
        for change in seen.changes {
            let (name, task) = match *change {
                Change::TaskCreated { task, .. } => {
                    times.push(Times::default());
                    ("created", task)
                }
                Change::TaskPlaced { task, .. } => {
                    times[task.number as usize].placed = Some(now);
                    ("placed", task)
                }
                Change::TaskStarted(task) => {
                    times[task.number as usize].started = Some(now);
                    ("started", task)
                }
                Change::TaskStopping(task) => {
                    times[task.number as usize].stopping = Some(now);
                    ("stopping", task)
                }
                Change::TaskEnded { task, outcome } => {
                    times[task.number as usize].ended = Some((now, outcome));
                    ("ended", task)
                }
                Change::InstanceJoined(_)
                | Change::InstanceDraining(_)
                | Change::Service(..)
                | Change::PlacementRefused(_)
                | Change::TaskAdvanced { .. } => continue,
            };
            order.push((name, task.number));
        }
    }
}

/// A host of so many vCPUs, and how long it takes to start and to clean up.
#[derive(Debug, Clone, Copy)]
struct Host {
    vcpus: u64,
    speed_milli: u32,
    start_s: Option<u64>,
    stop_s: Option<u64>,
    /// What the control plane takes for a decision.
    decision_ns: u64,
}

/// A host that takes no time.
fn host(vcpus: u64) -> Host {
    Host { vcpus, speed_milli: 1000, start_s: None, stop_s: None, decision_ns: 0 }
}

fn play(queue: &str, host: Host, acts: &[(u64, Act)]) -> (Vec<Times>, Order) {
    let machine = InstanceSpec {
        name: "i".to_owned(),
        capacity: CapacityId(0),
        cpu: Cpu::from_vcpus(host.vcpus).unwrap(),
        memory_mib: 1,
        gpus: 0,
        eni_slots: 0,
        attributes: AttributeSet::default(),
        price: Price(0),
        speed_milli: host.speed_milli,
        agent_version: None,
        registered_at: None,
    };
    let placer = PlacementSpec::parse("first-fit")
        .unwrap()
        .build(PlacerKind::Indexed, TieBreak::LowestId, Seed(1), None)
        .unwrap();
    let law = |seconds| DurationLaw::constant(Span::from_secs(seconds));
    let latency = Latency { start: host.start_s.map(law), stop: host.stop_s.map(law) };
    let mut recorders = Recorders::new(SimDuration::ZERO);
    let log = Arc::default();
    recorders.own.push(Box::new(Log(Arc::clone(&log))));
    let script = Script { acts: acts.iter().cloned().collect(), services: 0 };
    let controller = Controller::new(vec![placer], (queue_policy(queue).unwrap().build)());
    let run = Run {
        workload: Workload::new(vec![Box::new(script), Box::new(Machines::new([machine]))]),
        controller: controller.with_decision_time(host.decision_ns),
        backend: &mut SimulatedBackend::new(Seed(1), vec![latency]),
        recorders,
        until: Until::default(),
        audit_every: 1,
        watch: &mut |_| true,
    };
    run.run().unwrap();
    std::mem::take(&mut *log.lock().unwrap())
}

fn completed(placed: f64, started: f64, stopping: f64, ended: f64) -> Times {
    Times {
        placed: Some(placed),
        started: Some(started),
        stopping: Some(stopping),
        ended: Some((ended, Outcome::Completed)),
    }
}

#[test]
fn a_task_that_ends_makes_room_for_one_submitted_at_that_instant() {
    for queue in ["reject", "fifo", "ecs"] {
        let (times, _) = play(queue, host(1), &[(0, task(1, 10)), (10, task(1, 5))]);
        let expected = [completed(0.0, 0.0, 10.0, 10.0), completed(10.0, 10.0, 15.0, 15.0)];
        assert_eq!(times, expected, "{queue}");
    }
}

#[test]
fn all_that_is_submitted_at_an_instant_comes_before_the_pass() {
    let acts = [(0, task(2, 7)), (7, task(1, 1)), (7, task(2, 1)), (7, Act::Service { vcpus: 1 })];
    let acts = [&acts[..], &[(9, Act::Scale(0, 0))]].concat();
    let (times, order) = play("ecs", host(2), &acts);
    let at_seven = order.iter().position(|entry| *entry == ("stopping", 0)).unwrap();
    let expected = [
        ("stopping", 0),
        ("ended", 0),
        ("created", 1),
        ("created", 2),
        ("created", 3),
        ("placed", 1),
        ("placed", 3),
        ("started", 1),
        ("started", 3),
    ];
    assert_eq!(order[at_seven..at_seven + expected.len()], expected);
    // At second 9 the service is scaled to nothing, and the one that waits takes its room at once.
    assert_eq!(times[2], completed(9.0, 9.0, 10.0, 10.0));
    assert_eq!(times[3].ended, Some((9.0, Outcome::Stopped)));
}

#[test]
fn machines_of_an_instant_join_before_tasks_are_submitted() {
    // The script is the first source, and still its task is not turned away.
    let (times, _) = play("reject", host(1), &[(0, task(1, 1))]);
    assert_eq!(times, [completed(0.0, 0.0, 1.0, 1.0)]);
}

#[test]
fn tasks_of_no_duration_pass_through_all_states_one_after_the_other() {
    let many = Act::Submit { vcpus: 1, count: 3, gang: false, run_s: 0 };
    for queue in ["fifo", "ecs"] {
        let (times, order) = play(queue, host(1), &[(4, many.clone())]);
        assert!(times.iter().all(|one| *one == completed(4.0, 4.0, 4.0, 4.0)));
        let one =
            |task| ["placed", "started", "stopping", "ended"].map(|name| (name, task)).to_vec();
        assert_eq!(order[3..], [one(0), one(1), one(2)].concat(), "{queue}");
    }
    let (times, _) = play("reject", host(1), &[(4, many)]);
    let outcomes: Vec<Outcome> = times.iter().map(|one| one.ended.unwrap().1).collect();
    assert_eq!(outcomes, [Outcome::Completed, Outcome::Rejected, Outcome::Rejected]);
}

#[test]
fn a_gang_starts_together_when_all_of_it_fits() {
    let gang = Act::Submit { vcpus: 1, count: 2, gang: true, run_s: 3 };
    let acts = [(0, task(1, 5)), (1, gang), (2, task(1, 2))];
    let (times, _) = play("ecs", host(2), &acts);
    assert_eq!(times[3], completed(2.0, 2.0, 4.0, 4.0), "a small one overtakes");
    assert_eq!(times[1], completed(5.0, 5.0, 8.0, 8.0));
    assert_eq!(times[2], times[1]);
    let (times, _) = play("fifo", host(2), &acts);
    assert_eq!(times[3], completed(8.0, 8.0, 10.0, 10.0), "nothing overtakes the gang");
}

#[test]
fn a_faster_host_takes_less_time_rounded_up() {
    let fast = Host { speed_milli: 3000, ..host(1) };
    let (times, _) = play("fifo", fast, &[(0, task(1, 1))]);
    assert_eq!(times[0].ended, Some((0.333_334, Outcome::Completed)));
}

#[test]
fn starting_takes_its_time_and_holds_the_room() {
    let slow = Host { start_s: Some(2), ..host(1) };
    let (times, _) = play("fifo", slow, &[(0, task(1, 10)), (1, task(1, 1))]);
    assert_eq!(times[0], completed(0.0, 2.0, 12.0, 12.0));
    assert_eq!(times[1], completed(12.0, 14.0, 15.0, 15.0));
}

#[test]
fn the_host_frees_later_than_the_control_plane() {
    let slow = Host { start_s: Some(1), stop_s: Some(5), ..host(1) };
    let (times, _) = play("fifo", slow, &[(0, task(1, 10)), (3, task(1, 4))]);
    assert_eq!(times[0], completed(0.0, 1.0, 11.0, 16.0));
    assert_eq!(times[1], completed(11.0, 17.0, 21.0, 26.0), "placed at 11, admitted at 16");
}

#[test]
fn nothing_overtakes_the_head_on_a_host() {
    let slow = Host { stop_s: Some(5), ..host(4) };
    let acts = [(0, task(2, 10)), (1, task(3, 1)), (1, task(1, 1))];
    let (times, _) = play("fifo", slow, &acts);
    assert_eq!(times[1], completed(10.0, 15.0, 16.0, 21.0));
    assert_eq!(times[2].placed, Some(10.0));
    assert_eq!(times[2].started, Some(15.0), "one vCPU was free, but the task of three came first");
}

#[test]
fn a_task_stopped_while_it_waits_on_its_host_lets_the_next_in() {
    let slow = Host { stop_s: Some(5), ..host(4) };
    let acts =
        [(0, task(2, 10)), (1, Act::Service { vcpus: 3 }), (2, task(1, 1)), (12, Act::Scale(0, 0))];
    let (times, _) = play("fifo", slow, &acts);
    assert_eq!(times[1].placed, Some(10.0));
    assert_eq!(times[1].started, None);
    assert_eq!(times[1].ended, Some((12.0, Outcome::Stopped)), "nothing is to be cleaned up");
    assert_eq!(times[2], completed(10.0, 12.0, 13.0, 18.0));
}

#[test]
fn a_task_stopped_while_it_starts_never_runs() {
    for stop_s in [None, Some(3)] {
        let slow = Host { start_s: Some(10), stop_s, ..host(1) };
        let acts = [(0, Act::Service { vcpus: 1 }), (4, Act::Scale(0, 0)), (5, task(1, 1))];
        let (times, order) = play("fifo", slow, &acts);
        let gone = 4.0 + stop_s.unwrap_or(0) as f64;
        assert_eq!(times[0].started, None);
        assert_eq!(times[0].stopping, Some(4.0));
        assert_eq!(times[0].ended, Some((gone, Outcome::Stopped)));
        assert!(!order.contains(&("started", 0)));
        assert_eq!(times[1].placed, Some(5.0));
        assert_eq!(times[1].started, Some(gone.max(5.0) + 10.0));
    }
}

#[test]
fn a_task_stopped_at_the_instant_of_its_end_ends_once() {
    for stop_s in [None, Some(2)] {
        let acts = [(0, Act::Service { vcpus: 1 }), (6, Act::Scale(0, 0)), (6, Act::Scale(0, 1))];
        let acts = [&acts[..], &[(6, Act::Scale(0, 0))]].concat();
        let (times, _) = play("ecs", Host { stop_s, ..host(1) }, &acts);
        assert_eq!(times.len(), 2, "scaled out within the instant, and in before the pass");
        assert_eq!(times[0].ended, Some((6.0 + stop_s.unwrap_or(0) as f64, Outcome::Stopped)));
        assert_eq!(times[1].placed, None);
        assert_eq!(times[1].ended, Some((6.0, Outcome::Stopped)));
    }
}
