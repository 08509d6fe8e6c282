//! The probes against an engine that is none: what is asked, counted and reported.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::*;
use crate::backend::docker::clock;
use crate::backend::docker::message::{ContainerSpec, Report, Request, Step, Token};
use crate::backend::docker::program::Said;

/// Every step takes a millisecond on its own clock, which goes ahead of the real one.
#[derive(Default)]
struct Fake {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    reports: VecDeque<Report>,
    specs: BTreeMap<Token, ContainerSpec>,
    alive: u32,
    most_alive: u32,
    /// The container whose start fails, if any.
    fails: Option<u64>,
    lost: bool,
}

impl State {
    fn report(&mut self, token: Token, step: Step) {
        let at = clock::now() + Duration::from_millis(1);
        self.reports.push_back(Report::Container { token, at, step });
    }

    fn exit(&mut self, token: Token, code: i64) {
        let spec = &self.specs[&token];
        let phase = spec.program.as_ref().unwrap().phases[0];
        let limit = spec.memory_limit.unwrap();
        let oom = phase.memory_kib * 1024 > limit;
        let quota = f64::from(spec.cpu_quota_milli.unwrap_or(333)) / 1000.0;
        let said = Said { wall_s: 2.0, cpu_s: 2.0 * quota, max_rss_kib: 900, stopped: false };
        let exit = Exit { code, oom, said: Some(said), ..Exit::default() };
        self.report(token, Step::Exited(exit));
    }
}

impl Probed for Fake {
    fn begin(&self, request: Request) {
        let state = &mut *self.state.borrow_mut();
        match request {
            Request::Start(token, _) if state.fails == Some(token.0) => {
                let why = "no space left".to_owned();
                state.report(token, Step::Failed { operation: "start", why });
            }
            Request::Start(token, spec) => {
                // Neighbours have work for longer than any probe.
                let program = spec.program.as_ref().unwrap();
                let endless = Duration::from_mins(10).as_micros() as u64;
                let goes_on = program.until_stopped || program.phases[0].micros >= endless;
                state.specs.insert(token, *spec);
                state.alive += 1;
                state.most_alive = state.most_alive.max(state.alive);
                state.report(token, Step::Created);
                state.report(token, Step::Started);
                if !goes_on {
                    state.exit(token, 0);
                }
            }
            Request::Stop(token) | Request::Kill(token) => state.exit(token, 137),
            Request::Remove(token) => {
                state.alive -= 1;
                state.report(token, Step::Removed);
            }
        }
    }

    fn next_report(&self, _wait: Duration) -> Option<Report> {
        let mut state = self.state.borrow_mut();
        if state.lost {
            return Some(Report::Lost { why: "unix:///x: its stream of events ended".to_owned() });
        }
        state.reports.pop_front()
    }
}

fn setting() -> Setting {
    let parent = Some("/towtank/a".to_owned());
    let instances = vec![(500, "/towtank/b".to_owned()), (200, "/towtank/c".to_owned())];
    let image = "towtank/workload:x".to_owned();
    let networks = vec![Network::Bridge, Network::Host];
    Setting { image, imported: true, networks, cpus: 2, parent, instances }
}

fn plan(probes: u32) -> Plan {
    Plan { pause: Duration::from_millis(1), ..Plan::of(probes, true) }
}

#[test]
fn every_container_planned_is_probed_and_none_is_left() {
    for setting in [
        setting(),
        Setting {
            imported: false,
            networks: Vec::new(),
            cpus: 1,
            parent: None,
            instances: Vec::new(),
            ..setting()
        },
    ] {
        let engine = Fake::default();
        let mut last = None;
        let plan = plan(8);
        let findings = probe(&engine, &setting, &plan, &mut |progress| {
            assert!(progress.done <= progress.total);
            last = Some(progress);
            true
        });
        let findings = findings.unwrap();
        let state = engine.state.borrow();
        assert_eq!((state.alive, state.most_alive), (0, 8));
        assert_eq!(state.specs.len() as u64, last.unwrap().total);
        let lives: Vec<(u32, usize)> =
            findings.probes.lives.iter().map(|(&n, lives)| (n, lives.len())).collect();
        assert_eq!(lives, [(1, 8), (2, 8), (4, 12), (8, 16)]);
        assert_eq!((findings.probes.stops.len(), findings.kills.len()), (3, 3));
        assert_eq!(findings.memory_floor_kib, 900);
        assert_eq!(findings.oom.killed, 2);
        let got: Vec<u32> = findings.quota.iter().map(|step| step.got_milli).collect();
        assert_eq!(got, QUOTAS);
        assert_eq!(findings.shares.is_some(), !setting.instances.is_empty());
        assert_eq!(findings.probes.contended.len(), setting.instances.len());
        assert_eq!(findings.load.len(), if setting.cpus < 2 { 0 } else { 3 });
        assert_eq!(findings.measured.iter().any(|table| table.cold), setting.imported);
        for spec in state.specs.values() {
            assert!(spec.memory_limit.is_some());
            // The kernel refuses a quota above the one of the parent.
            assert!(spec.cgroup_parent.is_none() || spec.cpu_quota_milli.is_none());
        }
    }
}

#[test]
fn latencies_are_counted_from_the_order_to_the_report() {
    let engine = Fake::default();
    let findings = probe(&engine, &setting(), &plan(4), &mut |_| true).unwrap();
    let table = |operation| {
        let is = |table: &&MeasuredTable| table.operation == operation && table.concurrency == 8;
        findings.measured.iter().find(is)
    };
    let starts = table(Operation::Start).unwrap();
    assert_eq!((starts.samples, starts.network.as_str(), starts.cold), (16, "none", false));
    // A millisecond, and what the machine needed in between.
    assert!(starts.micros.micros()[0] >= 1000, "{starts:?}");
    assert!(table(Operation::Cleanup).is_some() && table(Operation::Create).is_some());
    assert!(table(Operation::Stop).is_none());
}

#[test]
fn what_does_not_exit_in_time_is_killed() {
    let engine = Fake::default();
    let (setting, mut watch) = (setting(), |_: ProbeProgress| true);
    let mut driver = Driver::new(&engine, &setting, 1, &mut watch);
    let spec = driver.spec(Program { until_stopped: true, ..busy(RUN) });
    let history = driver.one_within("memory exceeded", spec, Duration::ZERO).unwrap();
    assert_eq!((history.removed.is_some(), history.exit.unwrap().code), (true, 137));
    assert_eq!(engine.state.borrow().alive, 0);
}

#[test]
fn an_interrupt_a_failure_and_a_loss_end_it_in_words() {
    let plan = plan(4);
    let mut looks = 0;
    let interrupted = probe(&Fake::default(), &setting(), &plan, &mut |_| {
        looks += 1;
        looks < 20
    });
    assert_eq!(interrupted, Err(ProbeError::Interrupted));

    let engine = Fake::default();
    engine.state.borrow_mut().fails = Some(7);
    let why = probe(&engine, &setting(), &plan, &mut |_| true).unwrap_err().to_string();
    assert!(why.contains("starts: start: no space left"), "{why}");

    let engine = Fake::default();
    engine.state.borrow_mut().lost = true;
    let why = probe(&engine, &setting(), &plan, &mut |_| true).unwrap_err().to_string();
    assert!(why.contains("unix:///x") && why.contains("start the engine"), "{why}");
}
