//! Real containers: skipped, with the reason, where no Docker Engine answers.

mod budgets;
mod calibrate;
mod leftovers;
mod lifecycle;
mod replay;
mod second_engine;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use towtank::backend::docker::cgroups::CgroupLayout;
use towtank::backend::docker::message::{
    ContainerSpec, Exit, Network, Report, Request, Step, Token,
};
use towtank::backend::docker::program::{Phase, Program};
use towtank::backend::docker::{Endpoint, Engine, Labels, clock};

/// Held by tests that sweep an engine, as every replay does when it begins: what one of them made
/// for its own sweep to find must not be found by another's.
static SWEEPING: Mutex<()> = Mutex::new(());

/// Until the guard goes, no other test sweeps.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    SWEEPING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The executable that the containers run.
pub(crate) fn towtank() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_towtank"))
}

/// Tests that use the workload image now; the last one removes it.
static USERS: Mutex<usize> = Mutex::new(0);

/// A run of a test, whose containers are removed at its end, whatever happens.
pub(crate) struct TestRun {
    pub(crate) engine: Engine,
    pub(crate) run: String,
    next: u64,
}

impl TestRun {
    /// Connects, or says why this test is skipped.
    pub(crate) fn start(name: &str) -> Option<TestRun> {
        TestRun::connect(name, |labels| labels)
    }

    /// The same, of a process that does not run any more.
    pub(crate) fn start_of_gone_owner(name: &str) -> Option<TestRun> {
        TestRun::connect(name, |labels| Labels { owner: format!("{}0", labels.owner), ..labels })
    }

    fn connect(name: &str, change: fn(Labels) -> Labels) -> Option<TestRun> {
        let run = format!("t{name}{}", std::process::id());
        let labels = change(Labels::new(&run, clock::unix_seconds() + 300).unwrap());
        match Endpoint::of_environment().and_then(|endpoint| Engine::connect(&endpoint, labels)) {
            Ok(engine) => {
                *USERS.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                Some(TestRun { engine, run, next: 0 })
            }
            Err(why) => {
                eprintln!("skipped: {why}");
                None
            }
        }
    }

    /// A container of the workload image without limits.
    pub(crate) fn spec(&self, program: Program) -> ContainerSpec {
        ContainerSpec {
            image: self.engine.ensure_image_of(towtank()).unwrap(),
            program: Some(program),
            task: 7,
            instance: 3,
            cpu_shares: 128,
            cpu_quota_milli: None,
            memory_limit: Some(256 << 20),
            cgroup_parent: None,
            cores: Vec::new(),
            network: Network::None,
            stop_grace: Duration::from_secs(10),
            deadline: Duration::from_mins(2),
        }
    }

    pub(crate) fn begin(&mut self, spec: ContainerSpec) -> Token {
        self.next += 1;
        let token = Token(self.next);
        self.engine.begin(Request::Start(token, Box::new(spec)));
        token
    }

    /// The next step of a container, which must be the only one that reports.
    #[track_caller]
    pub(crate) fn step(&self, of: Token) -> Step {
        match self.engine.next_report(PATIENCE).expect("a step within the time") {
            Report::Container { token, step, .. } => {
                assert_eq!(token, of, "{step:?}");
                step
            }
            Report::Lost { why } => panic!("{why}"),
        }
    }

    #[track_caller]
    pub(crate) fn until_started(&self, of: Token) {
        assert_eq!(self.step(of), Step::Created);
        assert_eq!(self.step(of), Step::Started);
    }

    #[track_caller]
    pub(crate) fn exit(&self, of: Token) -> Exit {
        match self.step(of) {
            Step::Exited(exit) => exit,
            step => panic!("no exit but {step:?}"),
        }
    }

    /// The whole life of a container that ends by itself.
    #[track_caller]
    pub(crate) fn live(&mut self, spec: ContainerSpec) -> Exit {
        let token = self.begin(spec);
        self.until_started(token);
        let exit = self.exit(token);
        self.engine.begin(Request::Remove(token));
        assert_eq!(self.step(token), Step::Removed);
        exit
    }
}

impl Drop for TestRun {
    fn drop(&mut self) {
        let removed = self.engine.remove_all(&self.run);
        if is_root_here(self)
            && let Ok(layout) = CgroupLayout::of(self.engine.info())
        {
            let cgroups = layout.remove_run(&self.run);
            assert!(cgroups.is_ok() || std::thread::panicking(), "{cgroups:?}");
        }
        let mut users = USERS.lock().unwrap_or_else(PoisonError::into_inner);
        *users -= 1;
        if *users == 0
            && let Ok(image) = self.engine.ensure_image_of(towtank())
        {
            let _ = self.engine.remove_workload_image(&image);
        }
        assert!(removed.is_ok() || std::thread::panicking(), "{removed:?}");
    }
}

/// A program that exits at once.
pub(crate) fn noop() -> Program {
    Program {
        work: false,
        phases: Vec::new(),
        until_stopped: false,
        memory_ramp_micros: 0,
        exit_code: 0,
        deadline_micros: 60_000_000,
    }
}

/// A program that sleeps until it is stopped.
pub(crate) fn server() -> Program {
    Program { until_stopped: true, ..noop() }
}

/// A program of one phase.
pub(crate) fn phase(millis: u64, cpu_milli: u32, memory_kib: u64) -> Program {
    Program { phases: vec![Phase { micros: millis * 1000, cpu_milli, memory_kib }], ..noop() }
}

/// Whether parent cgroups can be made for the engine.
pub(crate) fn is_root_here(run: &TestRun) -> bool {
    run.engine.endpoint().is_local() && rustix::process::geteuid().is_root()
}

/// Where parent cgroups are made for the engine; where none can be, the test is told to be skipped.
pub(crate) fn layout(run: &TestRun) -> Option<CgroupLayout> {
    if !is_root_here(run) {
        eprintln!("skipped: parent cgroups need root and a local engine");
        return None;
    }
    Some(CgroupLayout::of(run.engine.info()).unwrap())
}
