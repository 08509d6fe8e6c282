//! The files of a replay's runs, simulated and real: the same event log.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::backend::docker::ContainerObservation;
use crate::backend::journal::{JOURNAL_FILE, Journal};
use crate::des::SimTime;
use crate::metrics::Fingerprint;
use crate::replay::repetition::RealRun;
use crate::replay::simulate::SimulatedRun;
use crate::replay::witness::Notes;
use crate::scenario::{Manifest, Scenario};

use super::output::OutputError;
use super::run_directory::{write_json, write_text};

/// Writes the simulated run that an open loop carries out.
///
/// # Errors
/// A file cannot be written, or an input cannot be read again for its hash.
pub fn write_simulated_run(
    directory: &Path,
    scenario: &Scenario,
    arm: &str,
    seed: u64,
    run: &SimulatedRun,
) -> Result<(), OutputError> {
    fs::create_dir_all(directory).map_err(|why| OutputError::write(directory, why))?;
    let records = &run.finished.records;
    let fingerprints = [records.fingerprint, records.workload_fingerprint];
    write_origin(directory, scenario, (arm, seed, fingerprints, None), &run.notes)?;
    let summary = scenario.summary(arm, seed, &run.finished);
    write_json(&directory.join("summary.json"), &summary)?;
    write_text(&directory.join("tasks.csv"), &run.notes.tasks_csv())
}

/// Writes what a run can be made again from: its manifest, and the journal, as that knows neither
/// what real hosts did nor what an engine was measured to take that day.
fn write_origin(
    directory: &Path,
    scenario: &Scenario,
    (arm, seed, fingerprints, hosts): (&str, u64, [Fingerprint; 2], Option<&str>),
    notes: &Notes,
) -> Result<(), OutputError> {
    let manifest = Manifest::of(scenario, arm, seed, fingerprints, hosts)
        .map_err(|why| OutputError::write(directory, why))?;
    let journal = notes.journal.is_whole().then(|| notes.journal.csv());
    if let Some(text) = &journal {
        write_text(&directory.join(JOURNAL_FILE), text)?;
    }
    let manifest = Manifest { journal: journal.as_deref().map(Journal::hash), ..manifest };
    write_json(&directory.join("manifest.json"), &manifest)
}

/// Writes a run on real containers: what a simulated one has, and `containers.csv`. A run that
/// carried out another's decisions has no summary: there was no control plane to sum up.
///
/// # Errors
/// A file cannot be written, or an input cannot be read again for its hash.
pub fn write_real_run(
    directory: &Path,
    scenario: &Scenario,
    arm: &str,
    seed: u64,
    run: &RealRun,
) -> Result<(), OutputError> {
    fs::create_dir_all(directory).map_err(|why| OutputError::write(directory, why))?;
    let tasks = run.notes.tasks_csv();
    let of_tasks = Fingerprint(xxh3_128(tasks.as_bytes()));
    let records = run.finished.as_ref().map(|finished| &finished.records);
    let fingerprints = records.map_or([of_tasks, of_tasks], |records| {
        [records.fingerprint, records.workload_fingerprint]
    });
    write_origin(directory, scenario, (arm, seed, fingerprints, Some("docker")), &run.notes)?;
    if let Some(finished) = &run.finished {
        let summary = scenario.summary(arm, seed, finished);
        write_json(&directory.join("summary.json"), &summary)?;
    }
    write_text(&directory.join("tasks.csv"), &tasks)?;
    write_text(&directory.join("containers.csv"), &containers_csv(&run.containers))
}

/// What was seen of each container. Times are simulated seconds since the start of the run; those
/// of the engine's own clock are Unix time in nanoseconds.
fn containers_csv(containers: &[ContainerObservation]) -> String {
    let mut text = "task,instance,cgroup_parent,placed_s,requested_s,created_s,started_s,exited_s,\
                    removed_s,exit_code,oom,engine_started_ns,engine_finished_ns,wall_s,cpu_s,\
                    max_rss_kib\n"
        .to_owned();
    let time = |at: Option<SimTime>| at.map_or(String::new(), |at| at.to_string());
    for one in containers {
        let exit = one.exit.clone().unwrap_or_default();
        let said = exit.said.map_or(",,".to_owned(), |said| {
            format!("{:.6},{:.6},{}", said.wall_s, said.cpu_s, said.max_rss_kib)
        });
        let steps = [one.requested, one.created, one.started, one.exited, one.removed].map(time);
        writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{said}",
            one.task.number,
            one.instance.0,
            exit.cgroup_parent,
            one.placed,
            steps.join(","),
            exit.code,
            exit.oom,
            exit.engine_started_ns,
            exit.engine_finished_ns,
        )
        .expect("a string takes any text");
    }
    text
}
