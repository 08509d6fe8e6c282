//! What the tasks of an instance get of its budget.

use std::collections::BTreeMap;

use towtank::backend::docker::cgroups::{Budget, CgroupLayout};
use towtank::backend::docker::message::{ContainerSpec, Report, Step};

use super::{PATIENCE, TestRun, is_root_here, phase};

#[test]
fn a_budget_holds_and_what_was_held_back_is_told() {
    let Some(mut run) = TestRun::start("budget") else { return };
    if !is_root_here(&run) {
        return eprintln!("skipped: parent cgroups need root and a local engine");
    }
    let layout = CgroupLayout::of(run.engine.info()).unwrap();
    let budget = Budget { cpu_milli: 300, memory_bytes: 256 << 20 };
    let cgroup = layout.create(&run.run, 3, budget).unwrap();
    let parent = Some(cgroup.parent().to_owned());
    let spec = ContainerSpec { cgroup_parent: parent, ..run.spec(phase(1500, 1000, 0)) };
    let exit = run.live(spec);
    assert_eq!(exit.cgroup_parent, cgroup.parent());
    let said = exit.said.expect("it says how it went");
    let usage = cgroup.usage().unwrap();
    assert!(said.cpu_s < 0.3 * said.wall_s + 0.1, "{said:?}");
    assert!(usage.cpu_ns as f64 / 1e9 >= said.cpu_s, "{usage:?} {said:?}");
    // On a busy machine the others hold it back before the budget does.
    assert!(usage.throttled_ns > 0 && usage.throttled_periods > 0, "{usage:?}");
    assert!(usage.memory_peak_bytes.is_none_or(|bytes| bytes > 100_000), "{usage:?}");
    cgroup.remove().unwrap();
    assert_eq!(layout.remove_run(&run.run).unwrap(), 0);
}

#[test]
fn six_on_a_fifth_of_a_core_get_a_like_part_each() {
    let Some(mut run) = TestRun::start("turns") else { return };
    if !is_root_here(&run) {
        return eprintln!("skipped: parent cgroups need root and a local engine");
    }
    let layout = CgroupLayout::of(run.engine.info()).unwrap();
    let budget = Budget { cpu_milli: 200, memory_bytes: 256 << 20 };
    let cgroup = layout.create(&run.run, 3, budget).unwrap();
    for _ in 0..6 {
        let cgroup_parent = Some(cgroup.parent().to_owned());
        let spec =
            ContainerSpec { cgroup_parent, cores: vec![0], ..run.spec(phase(6000, 1000, 0)) };
        run.begin(spec);
    }
    let mut got = BTreeMap::new();
    while got.len() < 6 {
        let report = run.engine.next_report(PATIENCE).expect("all of them end");
        let Report::Container { token, step, .. } = report else { panic!("{report:?}") };
        if let Step::Exited(exit) = step {
            got.insert(token, exit.said.expect("it says how it went").cpu_s);
        }
    }
    let mean = got.values().sum::<f64>() / 6.0;
    // Who is the last in the kernel's queue would get a third without taking turns.
    assert!(got.values().all(|cpu_s| (0.65..1.5).contains(&(cpu_s / mean))), "{got:?}");
}
