//! The Docker backend on an engine that only keeps time: what it makes of reports, without Docker.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use towtank::backend::docker::message::{Exit, Network, Report, Request, Step, Token};
use towtank::backend::docker::{
    ContainerRules, Containers, DockerBackend, Scale, WithoutBudgets, clock,
};
use towtank::des::Seed;

use super::{CASES, Subject, seconds};

/// What each operation takes.
const OPERATION: Duration = Duration::from_millis(2);

/// Cases that need a kernel to share CPU and kill.
const OF_THE_KERNEL: [&str; 2] =
    ["a task that outgrows its limit is killed", "fixed work takes longer when it is shared"];

/// Reports by the instant they are due at; of equals in the order in which they were planned.
#[derive(Debug, Default)]
struct Plans {
    due: BTreeMap<(Instant, u64), (Token, Step)>,
    /// The exit that each running container will come to by itself.
    exits: BTreeMap<Token, (Instant, u64)>,
    planned: u64,
}

#[derive(Debug, Default)]
struct FakeEngine(RefCell<Plans>);

impl Plans {
    fn plan(&mut self, token: Token, at: Instant, step: Step) -> (Instant, u64) {
        self.planned += 1;
        self.due.insert((at, self.planned), (token, step));
        (at, self.planned)
    }

    fn end(&mut self, token: Token, at: Instant, code: i64) {
        if let Some(own) = self.exits.remove(&token) {
            self.due.remove(&own);
        }
        self.plan(token, at, Step::Exited(Exit { code, ..Exit::default() }));
    }
}

impl Containers for FakeEngine {
    fn begin(&self, request: Request) {
        let now = clock::now();
        let mut plans = self.0.borrow_mut();
        match request {
            Request::Start(token, container) => {
                let program = container.program.expect("tasks run the workload image");
                plans.plan(token, now + OPERATION, Step::Created);
                let started = now + 2 * OPERATION;
                plans.plan(token, started, Step::Started);
                if !program.until_stopped {
                    let micros = program.phases.iter().map(|phase| phase.micros).sum();
                    let exit = Exit { code: i64::from(program.exit_code), ..Exit::default() };
                    let at = started + Duration::from_micros(micros);
                    let exit = plans.plan(token, at, Step::Exited(exit));
                    plans.exits.insert(token, exit);
                }
            }
            Request::Stop(token) => plans.end(token, now + OPERATION, 143),
            Request::Kill(token) => plans.end(token, now + OPERATION, 137),
            Request::Remove(token) => {
                plans.plan(token, now + OPERATION, Step::Removed);
            }
        }
    }

    fn next_report(&self, wait: Duration) -> Option<Report> {
        let deadline = clock::now() + wait;
        let next = self.0.borrow().due.keys().next().copied();
        let Some(key) = next.filter(|(at, _)| *at <= deadline) else {
            std::thread::sleep(deadline.saturating_duration_since(clock::now()));
            return None;
        };
        std::thread::sleep(key.0.saturating_duration_since(clock::now()));
        let (token, step) = self.0.borrow_mut().due.remove(&key).expect("it was found");
        Some(Report::Container { token, at: key.0, step })
    }
}

/// How tasks become containers in these tests.
pub(super) fn rules(image: &str, scale: Scale) -> ContainerRules {
    ContainerRules {
        image: image.to_owned(),
        programmed: true,
        scale,
        network: Network::None,
        stop_grace: Duration::from_secs(5),
        deadline: Duration::from_mins(2),
        memory_floor_kib: 4096,
    }
}

#[test]
fn the_docker_backend_conforms_on_an_engine_that_keeps_time() {
    for (name, case) in CASES.into_iter().filter(|(name, _)| !OF_THE_KERNEL.contains(name)) {
        eprintln!("{name}");
        let engine = FakeEngine::default();
        // Twenty simulated seconds in one: the noise of an operation is 40 simulated milliseconds.
        let scale = Scale { time_milli: 20_000, ..Scale::default() };
        let mut hosting = WithoutBudgets;
        let mut watch = |_| true;
        let mut backend = DockerBackend::new(
            vec![&engine],
            &mut hosting,
            rules("none", scale),
            Seed(1),
            None,
            Token(0),
            &mut watch,
        );
        // Generous: a busy machine may wake a sleeper late.
        case(&mut Subject { backend: &mut backend, noise: seconds(1.0) });
    }
}
