//! What every backend does, whatever its hosts are: one body of tests, run against the simulated
//! backend always, and against real containers where a Docker Engine answers.
//!
//! Each case is a small script of what comes from outside and a control plane that reacts to events
//! by commands. `noise` is how much later than asked a backend may be: nothing in simulation.

#[cfg(feature = "docker")]
mod docker;
#[cfg(feature = "docker")]
mod fake;
mod simulated;

use std::sync::Arc;

use towtank::backend::Backend;
use towtank::controller::{Command, Event, Timer};
use towtank::des::{SimDuration, SimTime};
use towtank::model::{
    AttributeSet, CapacityId, Cpu, DefinitionId, DeviceSet, InstanceId, InstanceSpec, Limits,
    Origin, Outcome, Placement, Price, Submission, SubmissionId, TaskDefinition, TaskId,
};
use towtank::workload::{Behaviour, External, Pace, Usage, UsageId};

const MEMORY_MIB: u32 = 256;

fn seconds(seconds: f64) -> SimDuration {
    SimDuration::from_secs_f64_checked(seconds).unwrap()
}

fn at(time: f64) -> SimTime {
    SimTime::ZERO + seconds(time)
}

/// A backend, and what its hosts are known to lack.
pub(crate) struct Subject<'a> {
    pub(crate) backend: &'a mut dyn Backend,
    /// How much later than asked things may happen.
    pub(crate) noise: SimDuration,
}

/// A task of a script: when it comes, what it does.
#[derive(Debug, Clone)]
struct Job {
    at: SimTime,
    definition: TaskDefinition,
    run_time: Option<SimDuration>,
    ends: Outcome,
    usage: Option<Usage>,
}

impl Job {
    fn new(time: f64, run_time: f64) -> Job {
        Job {
            at: at(time),
            definition: TaskDefinition::new("job", Cpu(Cpu::VCPU.0 / 16), 64),
            run_time: Some(seconds(run_time)),
            ends: Outcome::Completed,
            usage: None,
        }
    }
}

/// What happened, in order.
#[derive(Debug)]
struct Seen(Vec<(SimTime, Event)>);

impl Seen {
    fn time(&self, is: impl Fn(&Event) -> bool) -> Option<SimTime> {
        self.0.iter().find(|(_, event)| is(event)).map(|(at, _)| *at)
    }

    fn started(&self, number: u64) -> Option<SimTime> {
        self.time(|event| matches!(event, Event::TaskStarted(task) if task.number == number))
    }

    /// When and how a task's containers were gone.
    fn gone(&self, number: u64) -> (SimTime, Outcome) {
        let gone = self.0.iter().filter_map(|(at, event)| match event {
            Event::TaskStopped(task, outcome) if task.number == number => Some((*at, *outcome)),
            _ => None,
        });
        let gone: Vec<_> = gone.collect();
        assert_eq!(gone.len(), 1, "task {number} is gone once: {:?}", self.0);
        gone[0]
    }

    /// When a task's process ended, as the control plane heard of it.
    fn ended(&self, number: u64) -> SimTime {
        let exited =
            |event: &Event| matches!(event, Event::TaskExited(task, _) if task.number == number);
        self.time(exited).unwrap_or_else(|| self.gone(number).0)
    }
}

/// Runs the jobs on one instance, each placed when it is submitted; `react` says what else the
/// control plane does.
fn drive(
    subject: &mut Subject<'_>,
    jobs: &[Job],
    mut react: impl FnMut(SimTime, &Event) -> Vec<Command>,
) -> Seen {
    let backend = &mut *subject.backend;
    let instance = InstanceSpec {
        name: "i-0".to_owned(),
        capacity: CapacityId(0),
        cpu: Cpu::VCPU,
        memory_mib: MEMORY_MIB,
        gpus: 0,
        eni_slots: 0,
        attributes: AttributeSet::default(),
        price: Price(0),
        speed_milli: 1000,
        agent_version: None,
        registered_at: None,
    };
    backend.submit(SimTime::ZERO, External::MachineUp(Box::new(instance))).unwrap();
    let mut usages = 0;
    for (index, job) in jobs.iter().enumerate() {
        let definition = Arc::new(job.definition.clone());
        backend.submit(job.at, External::RegisterDefinition(definition)).unwrap();
        let usage = job.usage.as_ref().map_or(UsageId::RESERVED, |usage| {
            let known = External::RegisterUsage(Arc::new(usage.clone()));
            backend.submit(job.at, known).unwrap();
            usages += 1;
            UsageId::of_index(usages - 1)
        });
        let submission = Submission {
            id: SubmissionId(index as u64),
            definition: DefinitionId(index as u32),
            group: None,
            count: 1,
            all_or_nothing: false,
            start_on: None,
            label: None,
        };
        let behaviour = Behaviour { run_time: job.run_time, ends: job.ends, usage };
        backend.submit(job.at, External::Submit(submission, behaviour)).unwrap();
    }
    let mut seen = Vec::new();
    while let Some((now, event)) = backend.next_event().unwrap() {
        if let Event::TaskSubmitted(submission) = &event {
            backend.execute(start(submission.id.0)).unwrap();
        }
        for command in react(now, &event) {
            backend.execute(command).unwrap();
        }
        seen.push((now, event));
    }
    let ascending = seen.windows(2).all(|pair| pair[0].0 <= pair[1].0);
    assert!(ascending, "time goes on: {seen:?}");
    Seen(seen)
}

fn task(number: u64) -> TaskId {
    TaskId { number, slot: number as u32 }
}

fn start(number: u64) -> Command {
    let placement = Placement { instance: InstanceId(0), devices: DeviceSet::default() };
    let origin = Origin::Submission { submission: SubmissionId(number), ordinal: 0 };
    let definition = DefinitionId(number as u32);
    Command::StartTask { task: task(number), origin, definition, placement }
}

fn nothing(_: SimTime, _: &Event) -> Vec<Command> {
    Vec::new()
}

fn assert_about(what: &str, got: SimDuration, asked: SimDuration, noise: SimDuration) {
    assert!(got + noise >= asked, "{what}: {got} s, {asked} s were asked for");
    assert!(got <= asked + noise, "{what}: {got} s, {asked} s were asked for");
}

// --- the body -----------------------------------------------------------------------------------

/// A case, by name.
pub(crate) type Case = (&'static str, fn(&mut Subject<'_>));

/// Every case, each for a backend of its own.
pub(crate) const CASES: [Case; 9] = [
    ("a task starts, runs for its time and is gone", runs_for_its_time),
    ("what comes from outside comes at its time", comes_at_its_time),
    ("a task that fails says so", fails),
    ("a task that never ends is stopped", is_stopped),
    ("a task can be stopped before it runs", is_stopped_early),
    ("timers go off at their time, in order", wakes),
    ("a task that outgrows its limit is killed", outgrows_its_limit),
    ("fixed work takes longer when it is shared", shares),
    ("each task has one life", one_life),
];

fn runs_for_its_time(subject: &mut Subject<'_>) {
    let seen = drive(subject, &[Job::new(0.0, 2.0)], nothing);
    let started = seen.started(0).expect("it starts");
    assert_about("start", started - SimTime::ZERO, SimDuration::ZERO, subject.noise);
    assert_about("run", seen.ended(0) - started, seconds(2.0), subject.noise);
    assert_eq!(seen.gone(0).1, Outcome::Completed);
}

fn comes_at_its_time(subject: &mut Subject<'_>) {
    let jobs = [Job::new(0.25, 0.5), Job::new(1.5, 0.5)];
    let seen = drive(subject, &jobs, nothing);
    for (index, job) in jobs.iter().enumerate() {
        let submitted =
            |event: &Event| matches!(event, Event::TaskSubmitted(one) if one.id.0 == index as u64);
        assert_eq!(seen.time(submitted), Some(job.at));
    }
}

fn fails(subject: &mut Subject<'_>) {
    let job = Job { ends: Outcome::Failed, ..Job::new(0.0, 0.5) };
    assert_eq!(drive(subject, &[job], nothing).gone(0).1, Outcome::Failed);
}

fn is_stopped(subject: &mut Subject<'_>) {
    let job = Job { run_time: None, ..Job::new(0.0, 0.0) };
    let seen = drive(subject, &[job], |_, event| match event {
        Event::TaskStarted(task) => vec![Command::StopTask(*task)],
        _ => Vec::new(),
    });
    let started = seen.started(0).expect("it starts");
    let gone = seen.gone(0);
    assert_about("stop", gone.0 - started, SimDuration::ZERO, subject.noise);
    assert_eq!(gone.1, Outcome::Stopped);
}

fn is_stopped_early(subject: &mut Subject<'_>) {
    let seen = drive(subject, &[Job::new(0.0, 60.0)], |_, event| match event {
        Event::TaskSubmitted(_) => vec![Command::StopTask(task(0))],
        _ => Vec::new(),
    });
    let gone = seen.gone(0);
    assert_about("stop", gone.0 - SimTime::ZERO, SimDuration::ZERO, subject.noise);
    assert_eq!(gone.1, Outcome::Stopped);
    assert_eq!(seen.started(0), None, "the control plane hears of no start");
}

fn wakes(subject: &mut Subject<'_>) {
    let mut first = true;
    let seen = drive(subject, &[Job::new(0.0, 1.5)], |_, _| {
        let commands = [at(1.0), at(0.5)].map(|at| Command::WakeAt(at, Timer::PlacementPass));
        if std::mem::take(&mut first) { commands.to_vec() } else { Vec::new() }
    });
    let woken = seen.0.iter().filter(|(_, event)| matches!(event, Event::Woken(_)));
    let woken: Vec<SimTime> = woken.map(|(at, _)| *at).collect();
    assert_eq!(woken, [at(0.5), at(1.0)]);
}

fn outgrows_its_limit(subject: &mut Subject<'_>) {
    let mut job = Job::new(0.0, 30.0);
    job.definition.limits = Limits { cpu: None, memory_mib: Some(64) };
    job.usage = Some(Usage {
        pace: Pace::Time,
        cpu: job.definition.cpu,
        memory_mib: 128,
        memory_ramp: seconds(4.0),
        steps: Vec::new(),
    });
    let seen = drive(subject, &[job], nothing);
    let started = seen.started(0).expect("it starts");
    assert_eq!(seen.gone(0).1, Outcome::OutOfMemory);
    assert_about("kill", seen.ended(0) - started, seconds(2.0), subject.noise);
}

fn shares(subject: &mut Subject<'_>) {
    // Both want twice what the instance has; the second comes when the first has got half of it.
    let mut job = Job::new(0.0, 1.0);
    let usage = Usage {
        pace: Pace::Work,
        cpu: Cpu(2 * Cpu::VCPU.0),
        memory_mib: 8,
        memory_ramp: SimDuration::ZERO,
        steps: Vec::new(),
    };
    job.usage = Some(usage);
    let second = Job { at: at(1.0), ..job.clone() };
    let seen = drive(subject, &[job, second], nothing);
    let whole = seen.gone(0).0.max(seen.gone(1).0) - SimTime::ZERO;
    let noise = subject.noise + subject.noise;
    assert_about("both", whole, seconds(4.0), noise);
    let first = seen.ended(0) - SimTime::ZERO;
    assert_about("first", first, seconds(3.0), noise);
}

fn one_life(subject: &mut Subject<'_>) {
    let jobs: Vec<Job> = (0..4).map(|index| Job::new(f64::from(index) * 0.25, 1.0)).collect();
    let seen = drive(subject, &jobs, nothing);
    for number in 0..4 {
        let starts = seen.0.iter().filter(
            |(_, event)| matches!(event, Event::TaskStarted(task) if task.number == number),
        );
        assert_eq!(starts.count(), 1);
        let (gone, outcome) = seen.gone(number);
        assert_eq!(outcome, Outcome::Completed);
        assert!(seen.started(number).unwrap() < seen.ended(number));
        assert!(seen.ended(number) <= gone);
    }
}
