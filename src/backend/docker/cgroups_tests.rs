//! Parent cgroups in a temporary directory, and where root and an engine are here, real ones.

use super::*;
use crate::backend::docker::{Endpoint, Engine, Labels};

const BUDGET: Budget = Budget { cpu_milli: 500, memory_bytes: 64 << 20 };

fn info(driver: &str, version: u8) -> EngineInfo {
    EngineInfo {
        endpoint: "unix:///x".to_owned(),
        id: String::new(),
        version: String::new(),
        api_version: String::new(),
        kernel: String::new(),
        operating_system: String::new(),
        storage_driver: String::new(),
        cgroup_driver: driver.to_owned(),
        cgroup_version: version,
        cpus: 2,
        memory_bytes: 1 << 30,
        rootless: false,
    }
}

/// A hybrid host whose controllers are mounted in a directory.
fn v1_layout(root: &Path, driver: &str) -> CgroupLayout {
    let at = root.display();
    let mounts = format!(
        "tmpfs {at} tmpfs rw 0 0\n\
         cgroup {at}/cpu cgroup rw,relatime,cpu 0 0\n\
         cgroup {at}/cpuset cgroup rw,relatime,cpuset 0 0\n\
         cgroup {at}/cpuacct cgroup rw,relatime,cpuacct 0 0\n\
         cgroup {at}/memory cgroup rw,relatime,memory 0 0\n\
         cgroup2 {at}/unified cgroup2 rw 0 0\n"
    );
    CgroupLayout::of_mounts(&info(driver, 1), &mounts).unwrap()
}

fn v2_layout(root: &Path, driver: &str) -> CgroupLayout {
    let mounts = format!("cgroup2 {} cgroup2 rw,nsdelegate 0 0\n", root.display());
    CgroupLayout::of_mounts(&info(driver, 2), &mounts).unwrap()
}

fn text(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

#[test]
fn v1_limits_stand_in_each_controllers_files() {
    let root = tempfile::tempdir().unwrap();
    let layout = v1_layout(root.path(), "cgroupfs");
    let memory = root.path().join("memory/towtank/r1/3");
    fs::create_dir_all(&memory).unwrap();
    fs::write(memory.join("memory.memsw.limit_in_bytes"), "max").unwrap();
    let cgroup = layout.create("r1", 3, BUDGET).unwrap();
    assert_eq!(cgroup.parent(), "/towtank/r1/3");
    let cpu = root.path().join("cpu/towtank/r1/3");
    assert_eq!(text(cpu.join("cpu.cfs_quota_us")), "50000");
    assert_eq!(text(cpu.join("cpu.cfs_period_us")), "100000");
    assert_eq!(text(memory.join("memory.limit_in_bytes")), "67108864");
    assert_eq!(text(memory.join("memory.memsw.limit_in_bytes")), "67108864");
    assert_eq!(cgroup.budget().unwrap(), Some(BUDGET));

    let stat = "nr_periods 9\nnr_throttled 4\nthrottled_time 12345\n";
    fs::write(cpu.join("cpu.stat"), stat).unwrap();
    fs::write(root.path().join("cpuacct/towtank/r1/3/cpuacct.usage"), "777\n").unwrap();
    fs::write(memory.join("memory.max_usage_in_bytes"), "4096\n").unwrap();
    let expected = CgroupUsage {
        cpu_ns: 777,
        throttled_ns: 12_345,
        throttled_periods: 4,
        memory_peak_bytes: Some(4096),
        oom_kills: None,
    };
    assert_eq!(cgroup.usage().unwrap(), expected);
}

#[test]
fn v2_controllers_are_enabled_on_the_way_down() {
    let root = tempfile::tempdir().unwrap();
    let cgroup = v2_layout(root.path(), "cgroupfs").create("r1", 3, BUDGET).unwrap();
    for above in ["", "towtank", "towtank/r1"] {
        let enabled = text(root.path().join(above).join("cgroup.subtree_control"));
        assert_eq!(enabled, "+cpu +memory", "{above}");
    }
    let folder = root.path().join("towtank/r1/3");
    assert!(!folder.join("cgroup.subtree_control").exists(), "that is the engine's to do");
    assert_eq!(text(folder.join("cpu.max")), "50000 100000");
    assert_eq!(text(folder.join("memory.max")), "67108864");
    assert_eq!(cgroup.budget().unwrap(), Some(BUDGET));
    fs::write(folder.join("cpu.max"), "max 100000\n").unwrap();
    assert_eq!(cgroup.budget().unwrap(), None, "somebody has lifted it");

    fs::write(folder.join("cpu.stat"), "usage_usec 5\nnr_throttled 2\nthrottled_usec 3\n").unwrap();
    fs::write(folder.join("memory.events"), "low 0\noom 1\noom_kill 6\n").unwrap();
    let usage = cgroup.usage().unwrap();
    assert_eq!((usage.cpu_ns, usage.throttled_ns, usage.throttled_periods), (5000, 3000, 2));
    assert_eq!((usage.memory_peak_bytes, usage.oom_kills), (None, Some(6)));
}

#[test]
fn slices_are_nested_by_their_names() {
    let root = tempfile::tempdir().unwrap();
    let layout = v2_layout(root.path(), "systemd");
    let cgroup = layout.create("r1", 3, BUDGET).unwrap();
    assert_eq!(cgroup.parent(), "towtank-r1-3.slice");
    let folder = "towtank.slice/towtank-r1.slice/towtank-r1-3.slice";
    assert!(root.path().join(folder).join("cpu.max").exists());
    assert_eq!(layout.runs().len(), 1);
    assert_eq!(layout.runs()[0].0, "r1");
}

#[test]
fn the_least_quota_is_what_kernels_take() {
    let root = tempfile::tempdir().unwrap();
    let budget = Budget { cpu_milli: 1, ..BUDGET };
    v2_layout(root.path(), "cgroupfs").create("r1", 0, budget).unwrap();
    assert_eq!(text(root.path().join("towtank/r1/0/cpu.max")), "1000 100000");
}

#[test]
fn a_run_is_removed_from_every_controller_and_nothing_beside_it() {
    let root = tempfile::tempdir().unwrap();
    let layout = v1_layout(root.path(), "cgroupfs");
    // Directories only: real cgroups' files go with them.
    for mount in ["cpu", "cpuset", "memory", "unified"] {
        fs::create_dir_all(root.path().join(mount).join("towtank/r1/3/container")).unwrap();
        fs::create_dir_all(root.path().join(mount).join("docker/other")).unwrap();
    }
    fs::create_dir_all(root.path().join("cpu/towtank/r1/4")).unwrap();
    fs::create_dir_all(root.path().join("memory/towtank/r2/1")).unwrap();
    assert_eq!(layout.remove_run("r1").unwrap(), 2);
    for mount in ["cpu", "cpuset", "unified"] {
        assert!(!root.path().join(mount).join("towtank").exists(), "{mount}");
        assert!(root.path().join(mount).join("docker/other").exists(), "{mount}");
    }
    assert!(!root.path().join("memory/towtank/r1").exists());
    assert!(root.path().join("memory/towtank/r2/1").exists(), "another run's");
    assert_eq!(layout.remove_run("r1").unwrap(), 0, "once more is no error");
}

#[test]
fn names_that_would_climb_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let layout = v1_layout(root.path(), "cgroupfs");
    for run in ["..", "", "a/b", "a-b"] {
        assert!(layout.create(run, 0, BUDGET).is_err(), "{run}");
        assert!(layout.remove_run(run).is_err(), "{run}");
    }
}

#[test]
fn engines_with_other_cgroups_than_this_machine_are_refused() {
    let mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
    let why = CgroupLayout::of_mounts(&info("cgroupfs", 1), mounts).unwrap_err().to_string();
    assert!(why.contains("cgroup v1, which is not here"), "{why}");
    assert!(CgroupLayout::of_mounts(&info("none", 2), mounts).is_err());
    let rootless = EngineInfo { rootless: true, ..info("cgroupfs", 2) };
    assert!(CgroupLayout::of_mounts(&rootless, mounts).is_err());
}

#[test]
fn a_file_that_cannot_be_written_is_named_with_the_remedy() {
    let layout = v2_layout(Path::new("/proc/self/no-cgroup"), "cgroupfs");
    let why = layout.create("r1", 0, BUDGET).unwrap_err().to_string();
    assert!(why.contains("/proc/self/no-cgroup") && why.contains("root"), "{why}");
}

#[test]
fn the_real_kernel_takes_a_budget_and_gives_it_back() {
    let labels = Labels::new("cgrouptest", 0).unwrap();
    let engine = Endpoint::of_environment().and_then(|at| Engine::connect(&at, labels));
    let engine = match engine {
        Ok(engine) if engine.endpoint().is_local() => engine,
        Ok(_) => return eprintln!("skipped: the engine is on another machine"),
        Err(why) => return eprintln!("skipped: {why}"),
    };
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: parent cgroups need root");
    }
    let layout = CgroupLayout::of(engine.info()).unwrap();
    let run = format!("c{}", std::process::id());
    let cgroup = layout.create(&run, 5, BUDGET).unwrap();
    assert_eq!(cgroup.budget().unwrap(), Some(BUDGET));
    let usage = cgroup.usage().unwrap();
    assert_eq!((usage.cpu_ns, usage.throttled_ns), (0, 0));
    let own = Owner::of_this_process();
    assert!(layout.runs().contains(&(run.clone(), Some(own))), "{:?}", layout.runs());
    assert_eq!(layout.remove_run(&run).unwrap(), 1);
    assert!(layout.runs().iter().all(|(name, _)| *name != run));
}
