//! `towtank replay` as users call it.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use towtank::backend::docker::clock;

use super::{TestRun, alone, towtank};

/// A scenario of four short tasks on two instances of a quarter of a core.
pub(super) const SMOKE: &str = r#"
    name = "smoke"
    [placement]
    strategy = "spread:instanceId"
    [capacity.shared]
    vcpus = 1
    memory_mib = 256
    count = 2
    sharing = "cfs"
    [workload.batch]
    arrivals = "regular"
    rate = "1/s"
    count = 4
    duration = "1s"
    tasks = [{ cpu = 128, memory = 32, use = { cpu = 4096, pace = "work", memory = 12 } }]
    [replay]
    cpu_scale = 4.0
    repetitions = 2
"#;

pub(super) fn scenario(folder: &Path, text: &str) -> String {
    let path = folder.join("smoke.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

pub(super) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(towtank());
    command.current_dir(folder).arg("replay").args(arguments).args(["--no-progress"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(super) fn replay(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command(folder, arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Containers of a run of this very process, and its cgroups.
fn left(test: &TestRun, child: u32) -> usize {
    let of_child = |run: &str| run.starts_with("replay") && run.ends_with(&format!("p{child}"));
    let containers = test.engine.containers(None).unwrap();
    let containers = containers.iter().filter(|one| of_child(one.run())).count();
    let cgroups = ["/sys/fs/cgroup/cpu/towtank", "/sys/fs/cgroup/towtank"];
    let folders = cgroups.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let names = folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    containers + names.filter(|name| of_child(name)).count()
}

/// Waits until the child has containers; `false` if it ends first.
fn runs(test: &TestRun, child: &mut Child) -> bool {
    let end = format!("p{}", child.id());
    while child.try_wait().unwrap().is_none() {
        let containers = test.engine.containers(None).unwrap();
        if containers.iter().any(|one| one.run().ends_with(&end)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn a_scenario_is_replayed_and_judged() {
    let _alone = alone();
    let Some(test) = TestRun::start("replaysmoke") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    let arguments = [file.as_str(), "--format", "json", "--out", "out"];
    let child = command(folder.path(), &arguments).spawn().unwrap();
    let id = child.id();
    let done = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    // On a machine too busy to tell, the repetitions are invalid, which is told, and not hidden.
    let busy = errors.contains("too busy");
    assert!(done.status.success() || busy, "{errors}");
    let verdict: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(verdict["calibrated"], false);
    let arm = &verdict["arms"][0];
    assert_eq!(arm["placement_agreement"], 1.0);
    // Four tasks in each of two repetitions.
    assert_eq!(arm["tasks"]["ended_in_both"], 8);
    assert_eq!(left(&test, id), 0);
    let log = |run: &str| {
        let path = folder.path().join("out").join(run).join("tasks.csv");
        std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    };
    let [simulated, real] = ["simulated", "real"].map(|which| {
        log(&format!("{which}/spread_instanceId/1")).lines().next().unwrap().to_owned()
    });
    assert_eq!(simulated, real, "both event logs have the same columns");
}

/// What happened on real hosts does not follow from the manifest: it is in the journal.
#[test]
fn what_was_decided_on_real_containers_is_explained() {
    let _alone = alone();
    let Some(_test) = TestRun::start("replayexplained") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    let arguments = [file.as_str(), "--mode", "closed", "--repetitions", "1", "--out", "out"];
    let (code, _, errors) = replay(folder.path(), &arguments);
    assert!(code == 0 || errors.contains("too busy"), "{errors}");
    for hosts in ["real", "simulated"] {
        let run = format!("out/{hosts}/spread_instanceId/1");
        let mut command = Command::new(towtank());
        let explained = command.current_dir(&folder).args(["explain", &run, "3"]).output().unwrap();
        let [told, errors] =
            [explained.stdout, explained.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(explained.status.success(), "{hosts}: {errors}");
        assert!(told.contains("completed: submitted at"), "{told}");
    }
}

/// As a limit on the size of files: the containers have run when the results cannot be written.
#[test]
fn a_full_disk_leaves_no_container_and_nothing_that_looks_whole() {
    let _alone = alone();
    let Some(test) = TestRun::start("replayfull") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    let script = "trap '' XFSZ; ulimit -f 1; \
                  exec \"$0\" replay \"$1\" --repetitions 1 --no-progress --out out";
    let mut command = Command::new("sh");
    command.current_dir(folder.path()).arg("-c").arg(script).arg(towtank()).arg(file);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let done = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{errors}");
    assert!(errors.contains("File too large"), "{errors}");
    assert_eq!(left(&test, id), 0);
    assert!(!folder.path().join("out").exists());
}

#[test]
fn what_the_machine_cannot_carry_is_refused_with_every_reason() {
    let _alone = alone();
    let Some(test) = TestRun::start("replayrefused") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    let much = ["--set", "capacity.shared.count=64", "--max-containers", "1"];
    let (code, plan, errors) =
        replay(folder.path(), &[&[file.as_str(), "--dry-run"], &much[..]].concat());
    assert_eq!(code, 1, "a dry run ends as the run would: {errors}");
    assert!(plan.contains("containers   ") && !plan.contains("can carry it"), "{plan}");
    assert!(errors.contains("replay.cpu_scale") && errors.contains("--max-containers"), "{errors}");
    let (code, _, errors) = replay(folder.path(), &[&[file.as_str()], &much[..]].concat());
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("CPU:") && errors.contains("containers:"), "{errors}");
    assert!(!folder.path().join("results").exists(), "nothing half-written stays");
    drop(test);
}

#[test]
fn without_an_engine_it_says_what_to_start() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    let began = clock::now();
    let socket = format!("unix://{}/none.sock", folder.path().display());
    let (code, _, errors) = replay(folder.path(), &[file.as_str(), "--endpoint", &socket]);
    assert!(clock::now() - began < Duration::from_secs(5));
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("none.sock") && errors.contains("start"), "{errors}");
}

#[test]
fn an_engine_named_twice_is_refused() {
    let _alone = alone();
    let Some(test) = TestRun::start("replaytwice") else { return };
    let Some(socket) = test.engine.endpoint().as_str().strip_prefix("unix://") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    let other = folder.path().join("other.sock");
    std::os::unix::fs::symlink(socket, &other).unwrap();
    let [one, other] =
        [socket.to_owned(), other.display().to_string()].map(|at| format!("unix://{at}"));
    let (code, _, errors) =
        replay(folder.path(), &[&file, "--dry-run", "--endpoint", &one, "--endpoint", &other]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("are one engine"), "{errors}");
}

#[test]
fn what_is_not_allowed_is_refused() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    let (code, _, errors) =
        replay(folder.path(), &[file.as_str(), "--endpoint", "tcp://192.0.2.1:2375"]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("--allow-remote"), "{errors}");
    let image = ["--set", "replay.image=busybox"];
    let (code, _, errors) = replay(folder.path(), &[&[file.as_str()], &image[..]].concat());
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("--allow-image busybox"), "{errors}");
    let (code, _, errors) = replay(folder.path(), &[]);
    assert_eq!(code, 2, "{errors}");
}

#[test]
fn an_image_that_is_not_there_ends_the_replay_and_says_so() {
    let _alone = alone();
    let Some(_engine) = TestRun::start("replayimage") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    let flags = [file.as_str(), "--out", "out", "--short-tasks", "--allow-image", "towtank/none"];
    let image = ["--set", "replay.image=towtank/none"];
    let began = clock::now();
    let (code, _, errors) = replay(folder.path(), &[&flags[..], &image[..]].concat());
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("could not create") && errors.contains("towtank/none"), "{errors}");
    assert!(clock::now() - began < Duration::from_secs(30), "nobody waits for what never was");
    assert!(!folder.path().join("out").exists());
}

#[test]
fn an_interrupted_replay_leaves_nothing() {
    let _alone = alone();
    let Some(test) = TestRun::start("replayinterrupted") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    let mut child = command(folder.path(), &[file.as_str(), "--out", "out"]).spawn().unwrap();
    assert!(runs(&test, &mut child), "it starts containers before it ends");
    let id = i32::try_from(child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(id).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(left(&test, child.id()), 0);
    assert!(!folder.path().join("out").exists());
}

/// Kills: one here, as many as `TOWTANK_KILLS` says in the full tier.
#[test]
fn a_killed_replay_is_cleaned_up_after() {
    let _alone = alone();
    let Some(test) = TestRun::start("replaykilled") else { return };
    let kills = std::env::var("TOWTANK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMOKE);
    for kill in 0..kills {
        let mut child = command(folder.path(), &[file.as_str(), "--out", "out"]).spawn().unwrap();
        assert!(runs(&test, &mut child), "it starts containers before it ends");
        // Spread over a run by the golden ratio: creation, start, run, removal.
        let share = (f64::from(kill) * 0.618).fract();
        std::thread::sleep(Duration::from_secs_f64(4.0 * share));
        let began = clock::now();
        child.kill().unwrap();
        child.wait().unwrap();
        while left(&test, child.id()) > 0 {
            assert!(clock::now() - began < Duration::from_secs(10), "kill {kill}");
            std::thread::sleep(Duration::from_millis(100));
        }
        eprintln!("kill {kill}: nothing left after {:?}", clock::now() - began);
    }
}
