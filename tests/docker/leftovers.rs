//! What a killed run leaves, and who removes it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use towtank::backend::docker::cgroups::{Budget, Cgroup, CgroupLayout};
use towtank::backend::docker::clock;
use towtank::backend::docker::message::{ContainerSpec, Request};
use towtank::backend::docker::reaper::Reaper;
use towtank::backend::docker::sweep::{LeftOver, gc};

use super::{PATIENCE, TestRun, alone, is_root_here, layout, noop, server, towtank};

fn start_servers(run: &mut TestRun, count: usize, cgroup_parent: Option<&str>) {
    for _ in 0..count {
        let cgroup_parent = cgroup_parent.map(str::to_owned);
        let spec = ContainerSpec { cgroup_parent, ..run.spec(server()) };
        run.begin(spec);
    }
    for _ in 0..2 * count {
        run.engine.next_report(PATIENCE).expect("created and started");
    }
}

/// A process that stands for a run, and the reaper whose pipe only that process holds.
fn harness(run: &TestRun) -> (Child, Child) {
    let mut holder = Command::new("sleep").arg("600").stdout(Stdio::piped()).spawn().unwrap();
    let pipe = holder.stdout.take().unwrap();
    let reaper = Command::new(towtank())
        .args(["reaper", &run.run, run.engine.endpoint().as_str()])
        .stdin(pipe)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (holder, reaper)
}

fn signal(process: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn a_killed_run_is_cleaned_up_within_ten_seconds_whoever_was_interrupted_before() {
    let Some(mut run) = TestRun::start("killed") else { return };
    let layout = CgroupLayout::of(run.engine.info()).ok().filter(|_| is_root_here(&run));
    let budget = Budget { cpu_milli: 500, memory_bytes: 256 << 20 };
    let cgroup = layout.as_ref().map(|layout| layout.create(&run.run, 1, budget).unwrap());
    start_servers(&mut run, 3, cgroup.as_ref().map(Cgroup::parent));
    let (mut holder, mut reaper) = harness(&run);
    std::thread::sleep(Duration::from_millis(500));
    for deaf in [Signal::INT, Signal::TERM, Signal::HUP] {
        signal(&reaper, deaf);
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(reaper.try_wait().unwrap().is_none(), "it is there for the run");
    assert_eq!(run.engine.containers(Some(&run.run)).unwrap().len(), 3);

    signal(&holder, Signal::KILL);
    let killed = clock::now();
    while !run.engine.containers(Some(&run.run)).unwrap().is_empty() {
        assert!(killed.elapsed() < Duration::from_secs(10), "still there");
        std::thread::sleep(Duration::from_millis(50));
    }
    holder.wait().unwrap();
    let output = reaper.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("removed 3 containers"), "{said}");
    if let Some(layout) = layout {
        assert!(layout.runs().iter().all(|(name, _)| *name != run.run), "cgroups are left");
    }
}

#[test]
fn a_run_that_is_done_keeps_what_it_has() {
    let Some(mut run) = TestRun::start("done") else { return };
    let endpoints = [run.engine.endpoint().clone()];
    let reaper = Reaper::start_from(towtank(), &run.run, &endpoints).unwrap();
    start_servers(&mut run, 1, None);
    reaper.done().unwrap();
    assert_eq!(run.engine.containers(Some(&run.run)).unwrap().len(), 1);
}

#[test]
fn a_reaper_that_is_dropped_cleans_up() {
    let Some(mut run) = TestRun::start("dropped") else { return };
    let endpoints = [run.engine.endpoint().clone()];
    let reaper = Reaper::start_from(towtank(), &run.run, &endpoints).unwrap();
    start_servers(&mut run, 1, None);
    drop(reaper);
    let dropped = clock::now();
    while !run.engine.containers(Some(&run.run)).unwrap().is_empty() {
        assert!(dropped.elapsed() < Duration::from_secs(10), "still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn sweeping_removes_what_nobody_answers_for_and_leaves_what_is_alive() {
    let _alone = alone();
    let (Some(mut alive), Some(mut gone)) =
        (TestRun::start("alive"), TestRun::start_of_gone_owner("gone"))
    else {
        return;
    };
    start_servers(&mut alive, 1, None);
    start_servers(&mut gone, 2, None);
    let sweep = gc(&alive.engine, false).unwrap();
    let swept = sweep.removed.iter().find(|swept| swept.run == gone.run).expect("it is gone");
    assert_eq!((swept.containers, swept.why), (2, LeftOver::OwnerGone));
    assert!(sweep.kept.contains(&alive.run), "{sweep:?}");
    assert_eq!(alive.engine.containers(Some(&alive.run)).unwrap().len(), 1);
    assert!(gone.engine.containers(Some(&gone.run)).unwrap().is_empty());
    assert!(gc(&alive.engine, false).unwrap().removed.iter().all(|swept| swept.run != gone.run));
}

#[test]
fn a_stopped_noop_leaves_no_cgroup_in_the_way() {
    let Some(mut run) = TestRun::start("busy") else { return };
    let Some(layout) = layout(&run) else { return };
    let budget = Budget { cpu_milli: 1000, memory_bytes: 256 << 20 };
    let cgroup = layout.create(&run.run, 3, budget).unwrap();
    let parent = Some(cgroup.parent().to_owned());
    let spec = ContainerSpec { cgroup_parent: parent, ..run.spec(noop()) };
    let token = run.begin(spec);
    run.engine.begin(Request::Remove(token));
    for _ in 0..4 {
        run.engine.next_report(PATIENCE).expect("a whole life");
    }
    assert_eq!(layout.remove_run(&run.run).unwrap(), 1);
}
