//! A second engine of the test's own: several endpoints, and an engine that is stopped in mid-run.
//! Starting one takes root and `dockerd`, and leaves traces of a machine's own engine alone; it is
//! done where `TOWTANK_SECOND_ENGINE` is set, as the full tier does.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use towtank::backend::docker::{Endpoint, Engine, Labels, clock};

use super::alone;
use super::replay::{SMOKE, command, replay, scenario};

/// A daemon with roots of its own below a folder; stopped when it is dropped.
struct Daemon {
    process: Child,
    endpoint: String,
}

impl Daemon {
    fn start(folder: &Path) -> Option<Daemon> {
        if std::env::var_os("TOWTANK_SECOND_ENGINE").is_none() {
            eprintln!("skipped: set TOWTANK_SECOND_ENGINE to start a second engine (needs root)");
            return None;
        }
        let below = |name: &str| folder.join(name).display().to_string();
        let endpoint = format!("unix://{}", below("socket"));
        // What the machine's own engine is configured with is none of this one's.
        std::fs::write(folder.join("daemon.json"), "{}").unwrap();
        // A network of its own: engines see to the bridge "docker0", and take each other's away.
        let process = Command::new("unshare")
            .args(["--net", "dockerd"])
            .args(["--config-file", &below("daemon.json")])
            .args(["--data-root", &below("data"), "--exec-root", &below("exec")])
            .args(["--pidfile", &below("pid"), "--host", &endpoint])
            .arg("--iptables=false")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = process.expect("dockerd is installed where a second engine is asked for");
        let daemon = Daemon { process, endpoint };
        let began = clock::now();
        while !daemon.answers() {
            assert!(clock::now() - began < Duration::from_secs(30), "the second engine starts");
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(daemon)
    }

    fn answers(&self) -> bool {
        let labels = Labels::new("secondengine", clock::unix_seconds()).unwrap();
        Engine::connect(&Endpoint::parse(&self.endpoint).unwrap(), labels).is_ok()
    }

    fn terminate(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        let _ = kill_process(pid, Signal::TERM);
        let _ = self.process.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.terminate();
    }
}

#[test]
fn instances_are_spread_over_two_engines() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let Some(daemon) = Daemon::start(folder.path()) else { return };
    let file = scenario(folder.path(), SMOKE);
    let first = std::env::var("DOCKER_HOST").unwrap_or(Endpoint::DEFAULT.to_owned());
    let endpoints = ["--endpoint", &first, "--endpoint", &daemon.endpoint];
    let arguments = [&[file.as_str(), "--format", "json", "--out", "out"], &endpoints[..]].concat();
    let (code, verdict, errors) = replay(folder.path(), &arguments);
    assert!(code == 0 || errors.contains("too busy"), "{errors}");
    let verdict: serde_json::Value = serde_json::from_str(&verdict).unwrap();
    assert_eq!(verdict["arms"][0]["placement_agreement"], 1.0);
    assert!(verdict["conditions"]["engine 2"].is_string(), "both are in the report");
}

#[test]
fn an_engine_that_is_stopped_in_mid_run_ends_the_replay_and_says_so() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let Some(mut daemon) = Daemon::start(folder.path()) else { return };
    let file = scenario(folder.path(), SMOKE);
    let arguments = [file.as_str(), "--out", "out", "--endpoint", &daemon.endpoint];
    let mut child = command(folder.path(), &arguments).spawn().unwrap();
    let labels = Labels::new("secondengine", clock::unix_seconds()).unwrap();
    let engine = Engine::connect(&Endpoint::parse(&daemon.endpoint).unwrap(), labels).unwrap();
    while engine.containers(None).unwrap().is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it runs until it has containers");
        std::thread::sleep(Duration::from_millis(50));
    }
    daemon.terminate();
    let done = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{errors}");
    assert!(errors.contains("lost") || errors.contains("could not"), "{errors}");
    assert!(!folder.path().join("out").exists(), "nothing half-written stays");
}
