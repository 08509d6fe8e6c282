//! Removes what runs have left behind that nobody answers for any more.

use std::collections::{BTreeMap, BTreeSet};

use super::cgroups::CgroupLayout;
use super::clock;
use super::endpoint::EngineError;
use super::engine::{Engine, FoundContainer};
use super::labels::{Owner, check_run};

/// Why a run is left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOver {
    /// The process that answered for it runs no more.
    OwnerGone,
    /// It should have ended by itself before now.
    DeadlinePassed,
}

/// A run that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweptRun {
    /// Its name.
    pub run: String,
    /// Why it was left over.
    pub why: LeftOver,
    /// Containers removed.
    pub containers: usize,
    /// Instances whose cgroups were removed.
    pub instances: usize,
}

/// What was removed and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sweep {
    /// Runs that were left over, by name.
    pub removed: Vec<SweptRun>,
    /// Runs that are alive, as far as is known.
    pub kept: Vec<String>,
    /// Workload images removed.
    pub images: Vec<String>,
}

/// Removes the containers and cgroups of runs that are left over, and with `images` the workload
/// images that no container uses, if no run is alive that may be about to use one. A run is left
/// over when its owner, a process of this host, is gone, or when an owner elsewhere has let its
/// deadline pass. What is not known to be left over is not touched.
///
/// # Errors
///
/// [`EngineError`] if the engine could not remove something.
pub fn gc(engine: &Engine, images: bool) -> Result<Sweep, EngineError> {
    let mut sweep = Sweep::default();
    let layout = engine.endpoint().is_local().then(|| CgroupLayout::of(engine.info()).ok());
    let layout = layout.flatten();
    let mut left: BTreeMap<String, LeftOver> = BTreeMap::new();
    let mut alive: BTreeSet<String> = BTreeSet::new();
    let now = clock::unix_seconds();
    for (run, containers) in by_run(engine.containers(None)?) {
        match verdict(&containers, now) {
            Some(why) => drop(left.insert(run, why)),
            None => drop(alive.insert(run)),
        }
    }
    for (run, owner) in layout.iter().flat_map(CgroupLayout::runs) {
        let known = alive.contains(&run) || left.contains_key(&run);
        if !known && owner.is_some_and(|owner| owner.is_gone()) {
            left.insert(run, LeftOver::OwnerGone);
        } else if !known {
            alive.insert(run);
        }
    }
    for (run, why) in left {
        let containers = engine.remove_all(&run)?;
        let instances = match &layout {
            Some(layout) if check_run(&run).is_ok() => {
                let removed = layout.remove_run(&run);
                removed.map_err(|why| cgroup_error(engine, &why))?
            }
            Some(_) | None => 0,
        };
        sweep.removed.push(SweptRun { run, why, containers, instances });
    }
    sweep.kept = alive.into_iter().collect();
    if images && sweep.kept.is_empty() {
        sweep.images = engine.remove_workload_images()?;
    }
    Ok(sweep)
}

fn cgroup_error(engine: &Engine, why: &dyn std::fmt::Display) -> EngineError {
    EngineError::Call {
        endpoint: engine.endpoint().to_string(),
        operation: "removal of a run's cgroups",
        why: why.to_string(),
    }
}

fn by_run(found: Vec<FoundContainer>) -> BTreeMap<String, Vec<FoundContainer>> {
    let mut runs: BTreeMap<String, Vec<FoundContainer>> = BTreeMap::new();
    for container in found {
        runs.entry(container.run().to_owned()).or_default().push(container);
    }
    runs
}

/// Why a run is left over; `None` while one of its containers may still be in use.
fn verdict(containers: &[FoundContainer], now: u64) -> Option<LeftOver> {
    let each = containers.iter().map(|container| {
        let owner: Option<Owner> = container.owner();
        let gone = owner.as_ref().is_some_and(Owner::is_gone);
        // An owner that lives here removes what it has; its deadline is for those who cannot ask.
        let lives = owner.is_some_and(|owner| owner.is_here() && !owner.is_gone());
        let passed = container.deadline_unix_s().is_some_and(|deadline| deadline < now);
        match (gone, passed) {
            (true, _) => Some(LeftOver::OwnerGone),
            (false, true) if !lives => Some(LeftOver::DeadlinePassed),
            (false, _) => None,
        }
    });
    each.reduce(Option::and).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::docker::labels::{DEADLINE, OWNER};

    fn container(owner: &str, deadline: &str) -> FoundContainer {
        let labels = [(OWNER, owner), (DEADLINE, deadline)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        FoundContainer {
            id: "x".to_owned(),
            state: "running".to_owned(),
            labels: labels.into_iter().collect(),
        }
    }

    #[test]
    fn a_run_is_left_over_when_nobody_can_be_using_any_of_it() {
        let own = Owner::of_this_process();
        let alive = own.to_string();
        let gone = Owner { start_ticks: own.start_ticks + 1, ..own.clone() }.to_string();
        let far = Owner { host: "elsewhere".to_owned(), ..own }.to_string();
        let verdict = |all: &[(&str, &str)]| {
            let all: Vec<_> = all.iter().map(|(owner, end)| container(owner, end)).collect();
            verdict(&all, 100)
        };
        assert_eq!(verdict(&[(&alive, "101")]), None);
        assert_eq!(verdict(&[(&alive, "99")]), None, "who lives removes it itself");
        assert_eq!(verdict(&[(&gone, "101")]), Some(LeftOver::OwnerGone));
        assert_eq!(verdict(&[(&far, "101")]), None);
        assert_eq!(verdict(&[(&far, "99")]), Some(LeftOver::DeadlinePassed));
        assert_eq!(verdict(&[(&gone, "101"), (&alive, "101")]), None);
        assert_eq!(verdict(&[("?", "?")]), None, "what is not understood is not touched");
        assert_eq!(verdict(&[]), None);
    }
}
