//! The body of a container's creation: all that keeps a container from doing harm is set here.

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};

use super::labels::Labels;
use super::message::ContainerSpec;

/// The path of the executable inside the workload image.
pub(super) const EXECUTABLE: &str = "/towtank";

/// User and group `nobody` of most systems; the workload image needs none to exist.
const NOBODY: &str = "65534:65534";

/// Period of the CFS quota, microseconds: Docker's own.
const CPU_PERIOD_MICROS: i64 = 100_000;

/// The least quota that the kernel takes, microseconds per period.
const CPU_QUOTA_MIN_MICROS: i64 = 1_000;

/// The least weight that the kernel takes.
const CPU_SHARES_MIN: u32 = 2;

/// Threads and processes: enough for the workload program, and no fork bomb.
const PIDS: i64 = 64;

/// What the engine is asked to create. Nothing but numbers of the spec reaches the command; the
/// image's name and the parent cgroup come from the configuration, not from a trace.
pub(super) fn create_body(spec: &ContainerSpec, labels: &Labels) -> ContainerCreateBody {
    let command = spec.program.as_ref().map(|program| {
        let deadline = u64::try_from(spec.deadline.as_micros()).unwrap_or(u64::MAX);
        let mut program = program.clone();
        program.deadline_micros = program.deadline_micros.min(deadline);
        let json = serde_json::to_string(&program).expect("numbers and booleans always serialise");
        vec![EXECUTABLE.to_owned(), "program".to_owned(), json]
    });
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        user: spec.program.as_ref().map(|_| NOBODY.to_owned()),
        cmd: command,
        env: None,
        labels: Some(labels.of_container(spec.task, spec.instance).into_iter().collect()),
        stop_timeout: i64::try_from(whole_seconds(spec)).ok(),
        tty: Some(false),
        open_stdin: Some(false),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    }
}

/// Engines wait whole seconds between SIGTERM and SIGKILL.
fn whole_seconds(spec: &ContainerSpec) -> u64 {
    spec.stop_grace.as_secs() + u64::from(spec.stop_grace.subsec_nanos() > 0)
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let memory = spec.memory_limit.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let quota = spec.cpu_quota_milli.map(|milli| {
        let micros = i64::from(milli) * CPU_PERIOD_MICROS / 1000;
        micros.max(CPU_QUOTA_MIN_MICROS)
    });
    HostConfig {
        cpu_shares: Some(i64::from(spec.cpu_shares.max(CPU_SHARES_MIN))),
        cpu_period: quota.map(|_| CPU_PERIOD_MICROS),
        cpu_quota: quota,
        memory,
        // Memory and swap together: swap is off.
        memory_swap: memory,
        cgroup_parent: spec.cgroup_parent.clone(),
        cpuset_cpus: (!spec.cores.is_empty()).then(|| numbers(&spec.cores)),
        network_mode: Some(spec.network.name().to_owned()),
        pids_limit: Some(PIDS),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        privileged: Some(false),
        publish_all_ports: Some(false),
        init: Some(false),
        auto_remove: Some(false),
        log_config: Some(log_config()),
        ..HostConfig::default()
    }
}

/// Numbers of cores, as engines want them.
fn numbers(cores: &[u32]) -> String {
    cores.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// One line is read back from the log; a container that talks fills no disk.
fn log_config() -> HostConfigLogConfig {
    let options = [("max-size", "16k"), ("max-file", "1")];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(options.into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::backend::docker::message::Network;
    use crate::backend::docker::program::{Phase, Program};

    fn spec() -> ContainerSpec {
        ContainerSpec {
            image: "towtank/workload:x".to_owned(),
            program: Some(Program {
                work: true,
                phases: vec![Phase { micros: 1, cpu_milli: 2, memory_kib: 3 }],
                until_stopped: false,
                memory_ramp_micros: 4,
                exit_code: 5,
                deadline_micros: 6,
            }),
            task: 7,
            instance: 8,
            cpu_shares: 0,
            cpu_quota_milli: Some(250),
            memory_limit: Some(32 << 20),
            cgroup_parent: Some("/towtank/r/8".to_owned()),
            cores: vec![0, 3],
            network: Network::None,
            stop_grace: Duration::from_millis(1500),
            deadline: Duration::from_mins(1),
        }
    }

    fn body(spec: &ContainerSpec) -> Value {
        let labels = Labels { run: "r".to_owned(), owner: "h:1:2".to_owned(), deadline_unix_s: 99 };
        serde_json::to_value(create_body(spec, &labels)).unwrap()
    }

    /// Whether there is no text in it.
    fn plain(value: &Value) -> bool {
        match value {
            Value::Number(_) | Value::Bool(_) => true,
            Value::Array(list) => list.iter().all(plain),
            Value::Object(map) => map.values().all(plain),
            Value::Null | Value::String(_) => false,
        }
    }

    /// Everything that is asked of the engine stands here: whatever is added must be added here.
    #[test]
    fn every_key_of_the_body_is_known() {
        let expected = json!({
            "Image": "towtank/workload:x",
            "User": "65534:65534",
            "Cmd": [
                "/towtank",
                "program",
                r#"{"work":true,"phases":[{"micros":1,"cpu_milli":2,"memory_kib":3}],"#.to_owned()
                    + r#""until_stopped":false,"memory_ramp_micros":4,"exit_code":5,"#
                    + r#""deadline_micros":6}"#,
            ],
            "Labels": {
                "towtank.managed": "1",
                "towtank.run": "r",
                "towtank.owner": "h:1:2",
                "towtank.deadline": "99",
                "towtank.task": "7",
                "towtank.instance": "8",
            },
            "StopTimeout": 2,
            "Tty": false,
            "OpenStdin": false,
            "HostConfig": {
                "CpuShares": 2,
                "CpuPeriod": 100_000,
                "CpuQuota": 25_000,
                "Memory": 33_554_432,
                "MemorySwap": 33_554_432,
                "CgroupParent": "/towtank/r/8",
                "CpusetCpus": "0,3",
                "NetworkMode": "none",
                "PidsLimit": 64,
                "ReadonlyRootfs": true,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Privileged": false,
                "PublishAllPorts": false,
                "Init": false,
                "AutoRemove": false,
                "LogConfig": {
                    "Type": "json-file",
                    "Config": {"max-size": "16k", "max-file": "1"},
                },
            },
        });
        assert_eq!(body(&spec()), expected);
    }

    #[test]
    fn only_numbers_reach_the_command() {
        let command = body(&spec())["Cmd"].as_array().unwrap().clone();
        assert_eq!(command.len(), 3);
        let program: BTreeMap<String, Value> =
            serde_json::from_str(command[2].as_str().unwrap()).unwrap();
        assert!(program.values().all(plain), "{program:?}");
    }

    #[test]
    fn a_users_image_runs_its_own_command_as_its_own_user_with_the_same_safety() {
        let own = body(&ContainerSpec { program: None, ..spec() });
        assert_eq!((&own["Cmd"], &own["User"]), (&Value::Null, &Value::Null));
        assert_eq!(own["HostConfig"], body(&spec())["HostConfig"]);
    }

    #[test]
    fn limits_are_clamped_to_what_kernels_take_or_left_out() {
        let tiny = ContainerSpec { cpu_quota_milli: Some(1), cpu_shares: 1024, ..spec() };
        assert_eq!(body(&tiny)["HostConfig"]["CpuQuota"], 1000);
        assert_eq!(body(&tiny)["HostConfig"]["CpuShares"], 1024);
        let none = ContainerSpec { cpu_quota_milli: None, memory_limit: None, ..spec() };
        let none = &body(&none)["HostConfig"];
        for key in ["CpuQuota", "CpuPeriod", "Memory", "MemorySwap"] {
            assert_eq!(none[key], Value::Null, "{key}");
        }
    }

    #[test]
    fn the_earlier_deadline_holds() {
        let soon = ContainerSpec { deadline: Duration::from_micros(2), ..spec() };
        let command = body(&soon)["Cmd"][2].as_str().unwrap().to_owned();
        assert!(command.contains(r#""deadline_micros":2"#), "{command}");
    }

    #[test]
    fn networks_are_the_engines_own() {
        for (network, mode) in
            [(Network::None, "none"), (Network::Bridge, "bridge"), (Network::Host, "host")]
        {
            assert_eq!(
                body(&ContainerSpec { network, ..spec() })["HostConfig"]["NetworkMode"],
                mode
            );
        }
    }
}
