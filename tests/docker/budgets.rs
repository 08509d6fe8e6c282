//! What the tasks of an instance get of its budget.

use std::time::Duration;

use towtank::backend::docker::cgroups::Budget;
use towtank::backend::docker::message::ContainerSpec;

use super::{PATIENCE, TestRun, layout, phase};

#[test]
fn a_budget_holds_and_what_was_held_back_is_told() {
    let Some(mut run) = TestRun::start("budget") else { return };
    let Some(layout) = layout(&run) else { return };
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

/// CPU time of each container of an instance, nanoseconds, in either version of cgroups.
fn cpu_times(parent: &str) -> Vec<u64> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let of = |folder: std::fs::DirEntry| {
        let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).ok();
        let first = |text: String| number(text.strip_prefix("usage_usec ")?.lines().next()?);
        let v2 = || read("cpu.stat").and_then(first).map(|micros| micros * 1000);
        read("cpuacct.usage").and_then(|text| number(&text)).or_else(v2)
    };
    let places = ["/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"].map(|root| format!("{root}{parent}"));
    let found = places.iter().find_map(|place| std::fs::read_dir(place).ok());
    let folders = found.expect("an instance has its cgroup").flatten();
    let mut folders: Vec<_> = folders.filter(|folder| folder.path().is_dir()).collect();
    folders.sort_by_key(std::fs::DirEntry::path);
    folders.into_iter().filter_map(of).collect()
}

#[test]
fn six_on_a_fifth_of_a_core_get_a_like_part_each() {
    let Some(mut run) = TestRun::start("turns") else { return };
    let Some(layout) = layout(&run) else { return };
    let budget = Budget { cpu_milli: 200, memory_bytes: 256 << 20 };
    let cgroup = layout.create(&run.run, 3, budget).unwrap();
    for _ in 0..6 {
        let cgroup_parent = Some(cgroup.parent().to_owned());
        let program = phase(60_000, 1000, 0);
        run.begin(ContainerSpec { cgroup_parent, cores: vec![0], ..run.spec(program) });
    }
    for _ in 0..12 {
        run.engine.next_report(PATIENCE).expect("created and started");
    }
    std::thread::sleep(Duration::from_secs(1));
    let before = cpu_times(cgroup.parent());
    std::thread::sleep(Duration::from_secs(4));
    let after = cpu_times(cgroup.parent());
    let got: Vec<u64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
    assert_eq!(got.len(), 6, "{got:?}");
    let mean = got.iter().sum::<u64>() / 6;
    // Who is the last in the kernel's queue would get a third without taking turns.
    assert!(got.iter().all(|one| (mean * 6 / 10..mean * 14 / 10).contains(one)), "{got:?}");
}
