//! Labels of everything that is made on an engine: whose it is, and until when.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use super::endpoint::EngineError;

/// Marks containers and images as towtank's.
pub(super) const MANAGED: &str = "towtank.managed";
/// The run a container belongs to.
pub(super) const RUN: &str = "towtank.run";
/// The process that made it: see [`Owner`].
pub(super) const OWNER: &str = "towtank.owner";
/// After which it is left over, Unix time in seconds.
pub(super) const DEADLINE: &str = "towtank.deadline";
/// The task it stands for.
pub(super) const TASK: &str = "towtank.task";
/// The container instance it is on.
pub(super) const INSTANCE: &str = "towtank.instance";

/// A process, so that others can tell whether it still runs: pids are used again, but not with the
/// same start time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Name of its host.
    pub host: String,
    /// Its pid.
    pub pid: u32,
    /// When it started, in clock ticks since the host's start.
    pub start_ticks: u64,
}

impl Owner {
    /// This process.
    pub fn of_this_process() -> Owner {
        let pid = std::process::id();
        Owner { host: host_name(), pid, start_ticks: start_ticks(pid).unwrap_or(0) }
    }

    /// Reads the value of the label, `<host>:<pid>:<start time>`.
    pub fn parse(text: &str) -> Option<Owner> {
        let mut parts = text.rsplitn(3, ':');
        let start_ticks = parts.next()?.parse().ok()?;
        let pid = parts.next()?.parse().ok()?;
        Some(Owner { host: parts.next()?.to_owned(), pid, start_ticks })
    }

    /// Whether it is a process of this host.
    pub fn is_here(&self) -> bool {
        self.host == host_name()
    }

    /// Whether it is known to run no more. Of other hosts, nothing is known.
    pub fn is_gone(&self) -> bool {
        self.is_here() && start_ticks(self.pid) != Some(self.start_ticks)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.host, self.pid, self.start_ticks)
    }
}

fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// Field 22 of `/proc/<pid>/stat`; the second field is a name that may hold blanks and brackets.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let state = after_name.split_whitespace().next()?;
    // A zombie holds its pid, but it does nothing any more.
    if state == "Z" || state == "X" {
        return None;
    }
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// Labels of a run's containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The run.
    pub run: String,
    /// The process that answers for it, as [`Owner`] writes it.
    pub owner: String,
    /// After which its containers are left over, Unix time in seconds.
    pub deadline_unix_s: u64,
}

impl Labels {
    /// Labels of a run of this process.
    ///
    /// # Errors
    ///
    /// [`EngineError::Run`] for a name that could not name cgroups.
    pub fn new(run: &str, deadline_unix_s: u64) -> Result<Labels, EngineError> {
        check_run(run)?;
        let owner = Owner::of_this_process().to_string();
        Ok(Labels { run: run.to_owned(), owner, deadline_unix_s })
    }

    /// As key and value, with those of one container.
    pub fn of_container(&self, task: u64, instance: u32) -> BTreeMap<String, String> {
        let pairs = [
            (MANAGED, "1".to_owned()),
            (RUN, self.run.clone()),
            (OWNER, self.owner.clone()),
            (DEADLINE, self.deadline_unix_s.to_string()),
            (TASK, task.to_string()),
            (INSTANCE, instance.to_string()),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

/// Names of runs are parts of cgroup paths and of systemd's slices, where a dash means nesting.
pub(super) fn check_run(run: &str) -> Result<(), EngineError> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let right = (1..=32).contains(&run.len()) && run.bytes().all(good);
    if right { Ok(()) } else { Err(EngineError::Run(run.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_back_and_known_to_be_alive() {
        let own = Owner::of_this_process();
        assert!(own.start_ticks > 0 && !own.host.is_empty(), "{own}");
        assert_eq!(Owner::parse(&own.to_string()), Some(own.clone()));
        assert!(!own.is_gone());
        let other = Owner { start_ticks: own.start_ticks + 1, ..own.clone() };
        assert!(other.is_gone(), "another process had the pid");
        assert!(!Owner { host: "elsewhere".to_owned(), ..other }.is_gone(), "nothing is known");
        assert_eq!(Owner::parse("host:1"), None);
        assert_eq!(Owner::parse("host:x:1"), None);
        assert_eq!(Owner::parse("a:b:7:9").map(|owner| owner.host), Some("a:b".to_owned()));
    }

    #[test]
    fn a_child_that_ended_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let start_ticks = start_ticks(child.id()).unwrap_or(0);
        let owner = Owner { host: host_name(), pid: child.id(), start_ticks };
        child.wait().unwrap();
        assert!(owner.is_gone());
    }

    #[test]
    fn names_that_would_climb_or_nest_are_refused() {
        for run in ["", "a-b", "../x", "A", "a/b", "a.b", &"x".repeat(33)] {
            assert!(Labels::new(run, 0).is_err(), "{run}");
        }
        assert_eq!(Labels::new("r2026", 7).unwrap().of_container(1, 2)["towtank.deadline"], "7");
    }
}
