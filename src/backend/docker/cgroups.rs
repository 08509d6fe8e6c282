//! Parent cgroups: what all containers of one container instance may use together. The kernel
//! enforces the budget, and tells at the end what was used and how long it held them back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::engine::EngineInfo;
use super::labels::{Owner, check_run};

/// The first part of every name: nothing outside of it is ever touched.
const PREFIX: &str = "towtank";
/// Period of the quota, microseconds.
const PERIOD_MICROS: u64 = 100_000;
/// The least quota that the kernel takes, microseconds.
const QUOTA_MIN_MICROS: u64 = 1_000;
/// Where a run's directory keeps its owner, so that what is left over can be told from what is not.
const OWNER: &str = "trusted.towtank.owner";
/// A cgroup is busy for a moment after its last process has ended.
const BUSY: (u32, Duration) = (40, Duration::from_millis(50));

/// What the containers below a parent cgroup may use together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// CPU at any time, thousandths of a core.
    pub cpu_milli: u32,
    /// Memory, bytes; swap is off.
    pub memory_bytes: u64,
}

/// What the containers below a parent cgroup have used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CgroupUsage {
    /// CPU time, nanoseconds.
    pub cpu_ns: u64,
    /// Time for which the budget (not a container's own quota) held threads back, nanoseconds.
    pub throttled_ns: u64,
    /// Periods of 100 ms in which it did.
    pub throttled_periods: u64,
    /// Most memory at a time, bytes; `None` before Linux 5.19 with cgroup v2.
    pub memory_peak_bytes: Option<u64>,
    /// Kills for lack of memory; `None` with cgroup v1, which counts them in the containers' own
    /// cgroups that go with them.
    pub oom_kills: Option<u64>,
}

/// A cgroup that cannot be made, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// A file that could not be used.
    #[error(
        "cgroup {path}: {operation}: {why}; parent cgroups need root on the engine's host: without \
         it, only the limits of single containers hold"
    )]
    File {
        /// Which.
        path: String,
        /// To do what.
        operation: &'static str,
        /// What the system said.
        why: io::Error,
    },
    /// The engine's cgroups are not this machine's.
    #[error("cgroups: {0}")]
    Layout(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hierarchy {
    /// The controllers' mounts; all of them, because engines make a parent in each.
    V1 {
        cpu: PathBuf,
        cpuacct: PathBuf,
        memory: PathBuf,
        all: Vec<PathBuf>,
    },
    V2 {
        root: PathBuf,
    },
}

/// How parent cgroups are named and where they are, for one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupLayout {
    hierarchy: Hierarchy,
    systemd: bool,
}

impl CgroupLayout {
    /// The layout that an engine on this machine uses.
    ///
    /// # Errors
    ///
    /// [`CgroupError::Layout`] if this machine has other cgroups than the engine says, and for
    /// engines without root, which cannot have parents of ours.
    pub fn of(info: &EngineInfo) -> Result<CgroupLayout, CgroupError> {
        // A socket may be forwarded from elsewhere: another kernel's cgroups are not ours.
        let ours = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        if ours.trim() != info.kernel {
            let why = format!("{} is on another machine: instances have no budget", info.endpoint);
            return Err(CgroupError::Layout(why));
        }
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        CgroupLayout::of_mounts(info, &mounts)
    }

    fn of_mounts(info: &EngineInfo, mounts: &str) -> Result<CgroupLayout, CgroupError> {
        if info.rootless || !matches!(info.cgroup_driver.as_str(), "cgroupfs" | "systemd") {
            let why = format!(
                "{} runs without root or without cgroups (driver {}): instances have no budget",
                info.endpoint, info.cgroup_driver
            );
            return Err(CgroupError::Layout(why));
        }
        let hierarchy = if info.cgroup_version == 2 { v2(mounts) } else { v1(mounts) };
        let missing = || {
            let version = info.cgroup_version;
            let why = format!("{} uses cgroup v{version}, which is not here", info.endpoint);
            CgroupError::Layout(format!("{why}: is the engine on another machine?"))
        };
        let systemd = info.cgroup_driver == "systemd";
        Ok(CgroupLayout { hierarchy: hierarchy.ok_or_else(missing)?, systemd })
    }

    /// The parent cgroup of an instance as [`ContainerSpec::cgroup_parent`] wants it.
    ///
    /// [`ContainerSpec::cgroup_parent`]: super::message::ContainerSpec::cgroup_parent
    pub fn parent_name(&self, run: &str, instance: u32) -> String {
        if self.systemd {
            format!("{PREFIX}-{run}-{instance}.slice")
        } else {
            format!("/{PREFIX}/{run}/{instance}")
        }
    }

    /// Directories from the outermost to an instance's, below a mount; with `instance` `None`, to a
    /// run's.
    fn folders(&self, run: &str, instance: Option<u32>) -> Vec<PathBuf> {
        let parts =
            [Some(PREFIX.to_owned()), Some(run.to_owned()), instance.map(|i| i.to_string())];
        let mut names: Vec<String> = Vec::new();
        let mut path = PathBuf::new();
        let mut folders = Vec::new();
        for part in parts.into_iter().flatten() {
            names.push(part.clone());
            // A slice's name has its parents' names in it.
            let folder = if self.systemd { format!("{}.slice", names.join("-")) } else { part };
            path.push(folder);
            folders.push(path.clone());
        }
        folders
    }

    fn mounts(&self) -> Vec<&Path> {
        match &self.hierarchy {
            Hierarchy::V1 { all, .. } => all.iter().map(PathBuf::as_path).collect(),
            Hierarchy::V2 { root } => vec![root],
        }
    }

    /// Makes the parent cgroup of an instance and sets its budget.
    ///
    /// # Errors
    ///
    /// [`CgroupError`] with the file that could not be written; what was made by then is left for
    /// [`CgroupLayout::remove_run`].
    pub fn create(&self, run: &str, instance: u32, budget: Budget) -> Result<Cgroup, CgroupError> {
        check_run(run).map_err(|why| CgroupError::Layout(why.to_string()))?;
        let folders = self.folders(run, Some(instance));
        let (folder, run_folder) = (&folders[2], &folders[1]);
        let quota = (u64::from(budget.cpu_milli) * PERIOD_MICROS / 1000).max(QUOTA_MIN_MICROS);
        match &self.hierarchy {
            Hierarchy::V1 { cpu, cpuacct, memory, .. } => {
                for mount in [cpu, cpuacct, memory] {
                    make(&mount.join(folder))?;
                }
                let (cpu, memory) = (cpu.join(folder), memory.join(folder));
                write(&cpu.join("cpu.cfs_period_us"), &PERIOD_MICROS.to_string())?;
                write(&cpu.join("cpu.cfs_quota_us"), &quota.to_string())?;
                let bytes = budget.memory_bytes.to_string();
                write(&memory.join("memory.limit_in_bytes"), &bytes)?;
                let with_swap = memory.join("memory.memsw.limit_in_bytes");
                if with_swap.exists() {
                    write(&with_swap, &bytes)?;
                }
            }
            Hierarchy::V2 { root } => {
                let mut above = root.clone();
                for folder in &folders {
                    write(&above.join("cgroup.subtree_control"), "+cpu +memory")?;
                    above = root.join(folder);
                    make(&above)?;
                }
                write(&above.join("cpu.max"), &format!("{quota} {PERIOD_MICROS}"))?;
                write(&above.join("memory.max"), &budget.memory_bytes.to_string())?;
                let swap = above.join("memory.swap.max");
                if swap.exists() {
                    write(&swap, "0")?;
                }
            }
        }
        self.sign(run_folder);
        let parent = self.parent_name(run, instance);
        Ok(Cgroup { layout: self.clone(), folder: folder.clone(), parent })
    }

    /// Writes this process down as the owner of a run's directory. Where that cannot be, nobody
    /// else takes the directory for left over.
    fn sign(&self, run_folder: &Path) {
        let owner = Owner::of_this_process().to_string();
        let path = self.signed().join(run_folder);
        let _ = setxattr(&path, OWNER, owner.as_bytes(), XattrFlags::empty());
    }

    /// The mount in which runs' directories have their owner.
    fn signed(&self) -> &Path {
        match &self.hierarchy {
            Hierarchy::V1 { cpu, .. } => cpu,
            Hierarchy::V2 { root } => root,
        }
    }

    /// Runs that have directories, with their owners where known; sorted.
    pub fn runs(&self) -> Vec<(String, Option<Owner>)> {
        let outermost = if self.systemd { format!("{PREFIX}.slice") } else { PREFIX.to_owned() };
        let folder = self.signed().join(outermost);
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let run = |name: String| {
            if !self.systemd {
                return Some(name);
            }
            let name = name.strip_prefix(PREFIX)?.strip_prefix('-')?.strip_suffix(".slice")?;
            Some(name.to_owned())
        };
        let mut runs: Vec<(String, Option<Owner>)> = folders
            .filter_map(|entry| {
                let run = run(entry.file_name().into_string().ok()?)?;
                check_run(&run).ok()?;
                Some((run, owner(&entry.path())))
            })
            .collect();
        runs.sort();
        runs
    }

    /// Removes all cgroups of a run, children first, by `rmdir` alone: the kernel refuses it while
    /// something runs in one. Says how many instances had one.
    ///
    /// # Errors
    ///
    /// [`CgroupError::File`] with a directory that could not be removed within 2 s.
    pub fn remove_run(&self, run: &str) -> Result<usize, CgroupError> {
        check_run(run).map_err(|why| CgroupError::Layout(why.to_string()))?;
        let folders = self.folders(run, None);
        let instances = subfolders(&self.signed().join(&folders[1])).len();
        for mount in self.mounts() {
            remove_tree(&mount.join(&folders[1]))?;
            // Other runs may still be in there, or begin just now.
            let _ = fs::remove_dir(mount.join(&folders[0]));
        }
        Ok(instances)
    }
}

/// The parent cgroup of an instance.
#[derive(Debug)]
pub struct Cgroup {
    layout: CgroupLayout,
    folder: PathBuf,
    parent: String,
}

impl Cgroup {
    /// Its name as [`ContainerSpec::cgroup_parent`](super::message::ContainerSpec::cgroup_parent).
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// The budget as the kernel has it now: systemd may set it back for slices it did not make.
    ///
    /// # Errors
    ///
    /// [`CgroupError::File`] if it cannot be read.
    pub fn budget(&self) -> Result<Option<Budget>, CgroupError> {
        let (quota, period, memory) = match &self.layout.hierarchy {
            Hierarchy::V1 { cpu, memory, .. } => {
                let cpu = cpu.join(&self.folder);
                let quota = read(&cpu.join("cpu.cfs_quota_us"))?;
                let period = read(&cpu.join("cpu.cfs_period_us"))?;
                (quota, period, read(&memory.join(&self.folder).join("memory.limit_in_bytes"))?)
            }
            Hierarchy::V2 { root } => {
                let folder = root.join(&self.folder);
                let max = read(&folder.join("cpu.max"))?;
                let (quota, period) = max.split_once(' ').unwrap_or((&max, ""));
                (quota.to_owned(), period.to_owned(), read(&folder.join("memory.max"))?)
            }
        };
        let number = |text: &str| text.parse::<u64>().ok();
        let budget = || {
            let cpu_milli = number(&quota)?.checked_mul(1000)?.checked_div(number(&period)?)?;
            let cpu_milli = u32::try_from(cpu_milli).ok()?;
            Some(Budget { cpu_milli, memory_bytes: number(&memory)? })
        };
        Ok(budget())
    }

    /// What was used since it was made.
    ///
    /// # Errors
    ///
    /// [`CgroupError::File`] if the kernel's figures cannot be read.
    pub fn usage(&self) -> Result<CgroupUsage, CgroupError> {
        match &self.layout.hierarchy {
            Hierarchy::V1 { cpu, cpuacct, memory, .. } => {
                let stat = read(&cpu.join(&self.folder).join("cpu.stat"))?;
                let used = read(&cpuacct.join(&self.folder).join("cpuacct.usage"))?;
                let peak = memory.join(&self.folder).join("memory.max_usage_in_bytes");
                Ok(CgroupUsage {
                    cpu_ns: used.parse().unwrap_or(0),
                    throttled_ns: keyed(&stat, "throttled_time").unwrap_or(0),
                    throttled_periods: keyed(&stat, "nr_throttled").unwrap_or(0),
                    memory_peak_bytes: read(&peak)?.parse().ok(),
                    oom_kills: None,
                })
            }
            Hierarchy::V2 { root } => {
                let folder = root.join(&self.folder);
                let stat = read(&folder.join("cpu.stat"))?;
                let nanos = |key| keyed(&stat, key).map_or(0, |micros| micros * 1000);
                let peak = read(&folder.join("memory.peak")).ok();
                Ok(CgroupUsage {
                    cpu_ns: nanos("usage_usec"),
                    throttled_ns: nanos("throttled_usec"),
                    throttled_periods: keyed(&stat, "nr_throttled").unwrap_or(0),
                    memory_peak_bytes: peak.and_then(|peak| peak.parse().ok()),
                    oom_kills: keyed(&read(&folder.join("memory.events"))?, "oom_kill"),
                })
            }
        }
    }

    /// Removes it; its containers must be gone.
    ///
    /// # Errors
    ///
    /// [`CgroupError::File`] with a directory that could not be removed within 2 s.
    pub fn remove(self) -> Result<(), CgroupError> {
        for mount in self.layout.mounts() {
            remove_tree(&mount.join(&self.folder))?;
        }
        Ok(())
    }
}

/// Mounts of a file system type in the text of `/proc/mounts`: path and options.
fn mounts_of<'a>(mounts: &'a str, kind: &'a str) -> impl Iterator<Item = (PathBuf, &'a str)> {
    mounts.lines().filter_map(move |line| {
        let mut fields = line.split_whitespace().skip(1);
        let (path, found, options) = (fields.next()?, fields.next()?, fields.next()?);
        // The kernel writes blanks in paths as octal numbers.
        (found == kind).then(|| (PathBuf::from(path.replace("\\040", " ")), options))
    })
}

fn v1(mounts: &str) -> Option<Hierarchy> {
    let with = |controller: &str| {
        let has = |options: &str| options.split(',').any(|option| option == controller);
        mounts_of(mounts, "cgroup").find(|(_, options)| has(options)).map(|(path, _)| path)
    };
    // A hybrid host has a second hierarchy in which engines make parents too.
    let all = mounts_of(mounts, "cgroup").chain(mounts_of(mounts, "cgroup2"));
    let mut all: Vec<PathBuf> = all.map(|(path, _)| path).collect();
    all.sort();
    all.dedup();
    Some(Hierarchy::V1 {
        cpu: with("cpu")?,
        cpuacct: with("cpuacct")?,
        memory: with("memory")?,
        all,
    })
}

fn v2(mounts: &str) -> Option<Hierarchy> {
    mounts_of(mounts, "cgroup2").next().map(|(root, _)| Hierarchy::V2 { root })
}

fn failed<'a>(
    path: &'a Path,
    operation: &'static str,
) -> impl FnOnce(io::Error) -> CgroupError + use<'a> {
    move |why| CgroupError::File { path: path.display().to_string(), operation, why }
}

fn make(path: &Path) -> Result<(), CgroupError> {
    fs::create_dir_all(path).map_err(failed(path, "cannot be made"))
}

fn write(path: &Path, text: &str) -> Result<(), CgroupError> {
    fs::write(path, text).map_err(failed(path, "cannot be written"))
}

fn read(path: &Path) -> Result<String, CgroupError> {
    let text = fs::read_to_string(path).map_err(failed(path, "cannot be read"))?;
    Ok(text.trim().to_owned())
}

/// The number after a key in lines of key and number.
fn keyed(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(found, _)| *found == key)?.1.trim().parse().ok()
}

fn owner(path: &Path) -> Option<Owner> {
    let mut value = [0_u8; 512];
    let length = getxattr(path, OWNER, &mut value[..]).ok()?;
    Owner::parse(std::str::from_utf8(value.get(..length)?).ok()?)
}

/// Directories in a directory; none where it is not there.
fn subfolders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    // No link is followed: cgroup file systems have none.
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

fn remove_tree(path: &Path) -> Result<(), CgroupError> {
    for folder in subfolders(path) {
        remove_tree(&folder)?;
    }
    let (attempts, pause) = BUSY;
    for attempt in 1.. {
        match fs::remove_dir(path) {
            Ok(()) => break,
            Err(why) if why.kind() == io::ErrorKind::NotFound => break,
            Err(why) if why.kind() == io::ErrorKind::ResourceBusy && attempt < attempts => {
                std::thread::sleep(pause);
            }
            Err(why) => return Err(failed(path, "cannot be removed")(why)),
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "cgroups_tests.rs"]
mod tests;
