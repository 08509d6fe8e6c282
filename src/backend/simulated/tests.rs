//! Shared hosts and engines on scripts worked out by hand, without a control plane.

use std::sync::Arc;

use super::*;
use crate::backend::HostUsage;
use crate::calibration::{EngineModel, LoadCurve, QuantileTable};
use crate::model::{
    AttributeSet, Cpu, DeviceSet, Limits, Price, Submission, SubmissionId, TaskDefinition,
};
use crate::workload::{Pace, Usage, UsageId, UsageStep};

const S: u64 = 1_000_000;

fn at(micros: u64) -> SimTime {
    SimTime::from_micros(micros)
}

/// A task as these tests write it.
#[derive(Clone)]
struct Job {
    reserved: Cpu,
    limits: Limits,
    usage: Option<Usage>,
    run_s: Option<u64>,
}

/// Wants a whole core and no memory, by work, on so many ECS units.
fn work(units: u64, seconds: u64) -> Job {
    let usage = Usage {
        pace: Pace::Work,
        cpu: Cpu::VCPU,
        memory_mib: 0,
        memory_ramp: SimDuration::ZERO,
        steps: Vec::new(),
    };
    let reserved = Cpu::from_ecs_units(units).unwrap();
    Job { reserved, limits: Limits::default(), usage: Some(usage), run_s: Some(seconds) }
}

/// Sleeps and uses so much memory.
fn memory(mib: u32, ramp_s: u64, seconds: u64) -> Job {
    let mut job = work(0, seconds);
    let usage = job.usage.as_mut().unwrap();
    (usage.pace, usage.cpu, usage.memory_mib) = (Pace::Time, Cpu(0), mib);
    usage.memory_ramp = SimDuration::from_secs(ramp_s);
    job
}

enum Act {
    Start(Job),
    /// Stops the so-manieth task.
    Stop(u32),
}

struct Script {
    backend: SimulatedBackend,
    acts: Vec<(u64, Act)>,
    /// Kinds of use made known so far.
    usages: usize,
    /// What was told: time in µs, word, task.
    told: Vec<(u64, &'static str, u64)>,
}

impl Script {
    fn on(cpu: Cpu, memory_mib: u32, speed_milli: u32) -> Script {
        let backend = SimulatedBackend::new(Seed(1), Vec::new()).with_sharing(vec![Sharing::Cfs]);
        Script { backend, acts: Vec::new(), usages: 0, told: Vec::new() }.machine(
            cpu,
            memory_mib,
            speed_milli,
        )
    }

    fn machine(mut self, cpu: Cpu, memory_mib: u32, speed_milli: u32) -> Script {
        let machine = InstanceSpec {
            name: "i".to_owned(),
            capacity: CapacityId(0),
            cpu,
            memory_mib,
            gpus: 0,
            eni_slots: 0,
            attributes: AttributeSet::default(),
            price: Price(0),
            speed_milli,
            agent_version: None,
            registered_at: None,
        };
        self.backend.submit(at(0), External::MachineUp(Box::new(machine))).unwrap();
        self
    }

    fn start(mut self, micros: u64, job: Job) -> Script {
        self.acts.push((micros, Act::Start(job)));
        self
    }

    fn stop(mut self, micros: u64, slot: u32) -> Script {
        self.acts.push((micros, Act::Stop(slot)));
        self
    }

    fn act(&mut self, slot: &mut u32, act: &Act) {
        let backend = &mut self.backend;
        let Act::Start(job) = act else {
            let Act::Stop(slot) = *act else { return };
            let task = TaskId { number: u64::from(slot), slot };
            return backend.execute(Command::StopTask(task)).unwrap();
        };
        let now = backend.queue.now();
        let mut definition = TaskDefinition::new("t", job.reserved, 1);
        definition.limits = job.limits;
        backend.submit(now, External::RegisterDefinition(Arc::new(definition))).unwrap();
        let usage = job.usage.clone().map_or(UsageId::RESERVED, |usage| {
            backend.submit(now, External::RegisterUsage(Arc::new(usage))).unwrap();
            self.usages += 1;
            UsageId::of_index(self.usages - 1)
        });
        let (submission, ordinal) = (SubmissionId(u64::from(*slot)), 0);
        let id = DefinitionId(*slot);
        let of = Submission {
            id: submission,
            definition: id,
            group: None,
            count: 1,
            all_or_nothing: false,
            start_on: None,
            label: None,
        };
        let run_time = job.run_s.map(SimDuration::from_secs);
        let behaviour = Behaviour { run_time, ends: Outcome::Completed, usage };
        backend.submit(now, External::Submit(of, behaviour)).unwrap();
        let task = TaskId { number: u64::from(*slot), slot: *slot };
        let origin = Origin::Submission { submission, ordinal };
        let placement = Placement { instance: InstanceId(0), devices: DeviceSet::default() };
        let definition = id;
        let start = Command::StartTask { task, origin, definition, placement };
        backend.execute(start).unwrap();
        *slot += 1;
    }

    /// Everything that is told, without what comes from outside.
    fn play(mut self) -> Script {
        let mut acts = std::mem::take(&mut self.acts);
        acts.sort_by_key(|(micros, _)| *micros);
        for (micros, _) in &acts {
            let wake = Command::WakeAt(at(*micros), Timer::PlacementPass);
            self.backend.execute(wake).unwrap();
        }
        let (mut slot, mut acts) = (0, acts.into_iter());
        while let Some((now, event)) = self.backend.next_event().unwrap() {
            let (word, task) = match event {
                Event::Woken(_) => {
                    let (_, act) = acts.next().expect("there is a timer for each");
                    self.act(&mut slot, &act);
                    continue;
                }
                Event::TaskStarted(task) => ("started", task),
                Event::TaskExited(task, outcome) => {
                    let oom = outcome == Outcome::OutOfMemory;
                    (if oom { "oom" } else { "exited" }, task)
                }
                Event::TaskStopped(task, Outcome::OutOfMemory) => ("oom", task),
                Event::TaskStopped(task, _) => ("ended", task),
                _ => continue,
            };
            self.told.push((now.micros(), word, task.number));
        }
        self
    }

    /// When something was told of a task.
    fn when(&self, word: &str, task: u64) -> u64 {
        let found = self.told.iter().find(|one| one.1 == word && one.2 == task);
        found.unwrap_or_else(|| panic!("no {word} of {task} in {:?}", self.told)).0
    }

    fn usage(&self, micros: u64) -> HostUsage {
        self.backend.host_usage(at(micros))[0]
    }
}

#[test]
fn weights_of_two_to_one_on_half_a_core() {
    let half = Cpu(Cpu::VCPU.0 / 2);
    let script = Script::on(half, 64, 1000).start(0, work(1024, 10)).start(0, work(512, 10));
    let script = script.play();
    // A third of a core until the first is done after 30 s, a sixth and then a half for the other.
    assert_eq!(script.when("ended", 0), 30 * S);
    assert_eq!(script.when("ended", 1), 40 * S);
    let usage = script.usage(50 * S);
    assert_eq!(usage.cpu_used, 20 * u128::from(S) * u128::from(Cpu::VCPU.0));
    let denied = 30 * 3 + 10;
    assert_eq!(usage.cpu_denied, denied * u128::from(S) * u128::from(half.0));
}

#[test]
fn a_quota_holds_while_the_host_is_idle() {
    let mut job = work(512, 10);
    job.limits.cpu = Some(Cpu(Cpu::VCPU.0 / 4));
    let script = Script::on(Cpu::VCPU, 64, 1000).start(0, job).start(0, work(512, 3)).play();
    assert_eq!(script.when("ended", 0), 40 * S);
    assert_eq!(script.when("ended", 1), 4 * S, "three quarters were left for it");
    assert_eq!(script.usage(40 * S).cpu_denied, u128::from(S) * u128::from(Cpu::VCPU.0));
}

#[test]
fn who_keeps_time_is_not_stretched_and_who_says_nothing_wants_what_it_reserved() {
    let mut server = work(512, 5);
    server.usage.as_mut().unwrap().pace = Pace::Time;
    let plain = Job { usage: None, ..work(512, 6) };
    let script = Script::on(Cpu::VCPU, 64, 2000);
    let script = script.start(0, server).start(0, plain).start(0, work(512, 1)).play();
    assert_eq!(script.when("ended", 0), 5 * S / 2, "the host is twice as fast");
    assert_eq!(script.when("ended", 1), 6 * S / 2);
    // A third of the host each, hence half a second of a core after one and a half.
    assert_eq!(script.when("ended", 2), 3 * S / 2);
}

#[test]
fn steps_change_what_a_task_wants() {
    let mut steps = work(1024, 10);
    let usage = steps.usage.as_mut().unwrap();
    usage.pace = Pace::Time;
    let step = |milli, cpu, memory_mib| UsageStep { milli, cpu, memory_mib };
    usage.steps = vec![step(300, Cpu::VCPU, 10), step(700, Cpu(0), 30)];
    let script = Script::on(Cpu::VCPU, 64, 1000).start(0, steps.clone()).start(0, work(1024, 5));
    let script = script.play();
    assert_eq!(script.when("ended", 0), 10 * S);
    assert_eq!(script.when("ended", 1), 3 * S + 7 * S / 2, "half a core for 3 s, then a whole");
    assert_eq!(script.usage(10 * S).memory_peak_mib, 30);
    steps.limits.memory_mib = Some(20);
    let script = Script::on(Cpu::VCPU, 64, 1000).start(0, steps).play();
    assert_eq!(script.told, [(0, "started", 0), (3 * S, "oom", 0)]);
}

#[test]
fn a_task_that_passes_its_own_limit_is_killed() {
    let mut slow = memory(100, 9, 20);
    slow.limits.memory_mib = Some(70);
    let mut fits = memory(70, 9, 20);
    fits.limits.memory_mib = Some(70);
    let mut at_once = memory(71, 0, 20);
    at_once.limits.memory_mib = Some(70);
    let script = Script::on(Cpu::VCPU, 1000, 1000).start(0, slow).start(0, fits).start(S, at_once);
    let script = script.play();
    assert_eq!(script.when("oom", 0), 6_300_000);
    assert_eq!(script.when("ended", 1), 20 * S);
    assert_eq!((script.when("started", 2), script.when("oom", 2)), (S, S));
    assert_eq!(script.usage(20 * S).oom_kills, 2);
    assert_eq!(script.told.len(), 6, "each ends once: {:?}", script.told);
}

#[test]
fn pressure_on_the_host_kills_the_greatest_and_of_equals_the_youngest() {
    let script = Script::on(Cpu::VCPU, 100, 1000);
    let script = script.start(0, memory(40, 0, 50)).start(0, memory(60, 30, 50));
    let script = script.start(10 * S, memory(40, 0, 50)).play();
    // 40 + 2/s, and 40 more from 10 s on: full at once, as 2 MiB/s go on. Equals are 0 and 2.
    assert_eq!(script.when("oom", 2), 10 * S);
    // 40 and 60 are all there is, and just fit.
    assert_eq!(script.when("ended", 0), 50 * S);
    assert_eq!(script.when("ended", 1), 50 * S);
    assert_eq!(script.usage(50 * S).memory_peak_mib, 100);
    let script = Script::on(Cpu::VCPU, 99, 1000);
    let script = script.start(0, memory(40, 0, 50)).start(0, memory(60, 30, 50)).play();
    assert_eq!(script.when("oom", 1), 29_500_000);
    assert_eq!(script.usage(50 * S).oom_kills, 1);
}

#[test]
fn one_that_asks_for_all_memory_may_take_several_kills() {
    let script = Script::on(Cpu::VCPU, 100, 1000);
    let script = script.start(0, memory(50, 0, 9)).start(0, memory(45, 0, 9));
    let script = script.start(S, memory(60, 0, 9)).play();
    assert_eq!(script.when("oom", 2), S);
    let script = Script::on(Cpu::VCPU, 100, 1000).start(0, memory(300, 0, 9)).play();
    assert_eq!(script.told, [(0, "started", 0), (0, "oom", 0)]);
}

fn table(micros: u64) -> QuantileTable {
    QuantileTable::new(vec![micros]).unwrap()
}

/// One engine of so many servers: a start takes 1 s, a stop 2 s, a cleanup 4 s.
fn engine(width_milli: u32, load_slope_milli: u32) -> EngineSetup {
    let (start, stop, cleanup) = (table(S), table(2 * S), table(4 * S));
    let model = EngineModel {
        width_milli,
        load: LoadCurve::new(vec![[1000, load_slope_milli]]).unwrap(),
        start_cpu_micros: 0,
        start_throttled_micros: 0,
        start_bursts_milli: 0,
        start_weight_exponent_milli: 1000,
        start,
        stop,
        cleanup,
    };
    EngineSetup { model, engines: 1, cores_milli: None, core_milli: 1000, replication: 0 }
}

fn engined(setup: EngineSetup, cpu: Cpu) -> Script {
    let backend = SimulatedBackend::new(Seed(1), Vec::new()).with_sharing(vec![Sharing::Cfs]);
    let backend = backend.with_engines(setup);
    Script { backend, acts: Vec::new(), usages: 0, told: Vec::new() }.machine(cpu, 64, 1000)
}

#[test]
fn an_engine_shares_itself_among_operations() {
    let two = Cpu::from_vcpus(8).unwrap();
    let script = engined(engine(1500, 0), two);
    let script = script.start(0, work(0, 10)).start(0, work(0, 10)).start(0, work(0, 10)).play();
    let all = |word| [0, 1, 2].map(|task| script.when(word, task));
    assert_eq!(all("started"), [2 * S; 3]);
    assert_eq!(all("exited"), [12 * S; 3]);
    assert_eq!(all("ended"), [20 * S; 3]);
}

#[test]
fn a_busy_machine_slows_operations_down() {
    let script = engined(engine(9000, 500), Cpu::from_vcpus(2).unwrap());
    let script = script.start(0, work(0, 10)).start(5 * S, work(0, 1)).play();
    assert_eq!(script.when("started", 1), 5 * S + 3 * S / 2, "one core was in use");
    let mut setup = engine(9000, 500);
    setup.cores_milli = Some(500);
    let script = engined(setup, Cpu::from_vcpus(2).unwrap());
    let script = script.start(0, work(0, 10)).start(5 * S, work(0, 1)).play();
    assert_eq!(script.when("started", 1), 5 * S + 5 * S / 4, "there is no more than half of one");
}

#[test]
fn a_start_competes_for_cpu_on_its_host() {
    let mut setup = engine(9000, 0);
    setup.model.start_cpu_micros = 100_000;
    let half = Cpu(Cpu::VCPU.0 / 2);
    // Half the time there is no quota: it competes for half of its CPU. Alone it takes what was
    // measured: 0.9 s of the engine, and 50 ms of a core on half of one.
    let script = engined(setup.clone(), half).start(0, work(128, 100));
    // The second gets a quarter of a core, and its start takes 0.2 s of it.
    let script = script.start(5 * S, work(128, 100)).play();
    assert_eq!([0, 1].map(|task| script.when("started", task)), [S, 5 * S + 11 * S / 10]);
    // Beside a neighbour of four times the weight it gets a fifth of it, and its start 0.5 s; where
    // that one counts as two of the same weight, a third and 0.3 s.
    for (exponent_milli, start) in [(1000, 14 * S / 10), (500, 12 * S / 10)] {
        setup.model.start_weight_exponent_milli = exponent_milli;
        let script = engined(setup.clone(), half).start(0, work(128, 100));
        let script = script.start(5 * S, work(32, 100)).play();
        assert_eq!(script.when("started", 1), 5 * S + start);
    }
    setup.model.start_weight_exponent_milli = 1000;
    // 40 ms of its CPU are throttled: on half a core it takes 40 ms longer than measured.
    setup.model.start_throttled_micros = 40_000;
    let script = engined(setup.clone(), half).start(0, work(128, 100));
    let script = script.start(5 * S, work(128, 100)).play();
    let starts = [0, 1].map(|task| script.when("started", task));
    assert_eq!(starts, [S + S / 25, 5 * S + 11 * S / 10 + S / 25]);
    let whole = engined(setup.clone(), Cpu::VCPU).start(0, work(128, 100)).play();
    assert_eq!(whole.when("started", 0), S);
    setup.model.start_throttled_micros = 0;
    // Two bursts wait 12.5 ms each where the other uses all there is, and nobody waits alone.
    setup.model.start_bursts_milli = 2000;
    let script = engined(setup.clone(), half).start(0, work(128, 100));
    let script = script.start(5 * S, work(128, 100)).play();
    let starts = [0, 1].map(|task| script.when("started", task));
    assert_eq!(starts, [S, 5 * S + 11 * S / 10 + S / 40]);
    // A whole core has quota at all times: nothing that starts waits for its neighbours.
    let script = engined(setup.clone(), Cpu::VCPU).start(0, work(128, 100));
    let script = script.start(5 * S, work(128, 100)).play();
    assert_eq!([0, 1].map(|task| script.when("started", task)), [S, 6 * S]);
    // Told to stop meanwhile, it starts in vain.
    let script = engined(setup, half).start(0, work(128, 9)).stop(9 * S / 10, 0).play();
    assert_eq!(script.told, [(S, "started", 0), (3 * S, "exited", 0), (7 * S, "ended", 0)]);
}

#[test]
fn stopping_goes_through_the_engine() {
    let cores = Cpu::from_vcpus(4).unwrap();
    let forever = Job { run_s: None, ..work(0, 0) };
    let script = engined(engine(9000, 0), cores).start(0, forever.clone()).stop(10 * S, 0).play();
    let expected = [(S, "started", 0), (12 * S, "exited", 0), (16 * S, "ended", 0)];
    assert_eq!(script.told, expected);
    let used = script.usage(20 * S).cpu_used;
    assert_eq!(used, 11 * u128::from(S) * u128::from(Cpu::VCPU.0), "it runs until it exits");
    // Told while it starts: the start is carried through.
    let script = engined(engine(9000, 0), cores).start(0, forever).stop(S / 2, 0).play();
    assert_eq!(script.told, [(S, "started", 0), (3 * S, "exited", 0), (7 * S, "ended", 0)]);
    // It ends by itself before it is stopped.
    let script = engined(engine(9000, 0), cores).start(0, work(0, 5)).stop(5 * S, 0).play();
    assert_eq!(script.told, [(S, "started", 0), (6 * S, "exited", 0), (10 * S, "ended", 0)]);
}

#[test]
fn what_waits_for_room_or_for_its_latency_is_not_known_to_the_engine() {
    let law = |seconds| {
        let span = crate::workload::law_spec::Span::from_secs(seconds);
        Some(DurationLaw::constant(span))
    };
    let latency = Latency { start: law(3), stop: law(1) };
    let backend = SimulatedBackend::new(Seed(1), vec![latency]).with_engines(engine(9000, 0));
    let script = Script { backend, acts: Vec::new(), usages: 0, told: Vec::new() };
    let script = script.machine(Cpu::VCPU, 64, 1000);
    let job = Job { usage: None, ..work(1024, 5) };
    // The second waits for the room of the first, which is stopped before it starts.
    let script = script.start(0, job.clone()).start(0, job).stop(2 * S, 0).play();
    let expected =
        [(2 * S, "ended", 0), (6 * S, "started", 1), (11 * S, "exited", 1), (16 * S, "ended", 1)];
    assert_eq!(script.told, expected);
    assert_eq!(script.backend.host_usage(at(20 * S)), [], "nothing is known of reserved hosts");
}

#[test]
fn replications_differ_and_repeat() {
    let started = |replication| {
        let law = QuantileTable::new(vec![0, 10 * S]).unwrap();
        let setup = engine(1000, 0);
        let model = EngineModel { start: law, ..setup.model };
        let script = engined(EngineSetup { model, replication, ..setup }, Cpu::VCPU);
        script.start(0, work(0, 1)).play().when("started", 0)
    };
    assert_eq!(started(0), started(0));
    assert_ne!(started(0), started(1));
}

#[test]
fn nothing_that_brings_no_event_happens_after_the_end() {
    let mut steps = work(1024, 10);
    let usage = steps.usage.as_mut().unwrap();
    usage.pace = Pace::Time;
    let step = |milli, memory_mib| UsageStep { milli, cpu: Cpu(0), memory_mib };
    usage.steps = vec![step(500, 10), step(500, 30)];
    let mut script = Script::on(Cpu::VCPU, 64, 1000);
    while script.backend.next_event().unwrap().is_some() {}
    script.act(&mut 0, &Act::Start(steps));
    while script.backend.next_event_until(Some(at(4 * S))).unwrap().is_some() {}
    assert_eq!(script.usage(4 * S).memory_peak_mib, 10);
    while script.backend.next_event_until(Some(at(6 * S))).unwrap().is_some() {}
    assert_eq!(script.usage(6 * S).memory_peak_mib, 30);
    assert!(script.backend.peek_time() == Some(at(10 * S)));
}
