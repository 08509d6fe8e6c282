//! `towtank compare RUN RUN...`: finished runs as the arms of a comparison.

use std::path::{Path, PathBuf};

use crate::experiment::comparison::{ArmRuns, Comparison};
use crate::experiment::grid::SCALING;
use crate::experiment::same_arm::first_difference;
use crate::metrics::Summary;
use crate::report::kind::ResultKind;
use crate::report::output::Output;
use crate::report::run_directory::{read_summary, write_comparison};
use crate::report::table::comparison_table;
use crate::scenario::Manifest;

use super::compare::{CompareArgs, metric, print_comparison};
use super::failure::Failure;

/// A finished run, as its directory has it.
struct FinishedRun<'a> {
    place: &'a Path,
    summary: Summary,
    manifest: Manifest,
}

/// Compares the runs in these directories, two or more.
pub(super) fn compare_runs(args: &CompareArgs, paths: &[PathBuf]) -> Result<(), Failure> {
    refuse_scenario_flags(args)?;
    let runs = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    for run in &runs[1..] {
        measured_alike(&runs[0], run)?;
    }
    let arms = arms(&runs)?;
    let metric = metric(args.metric.as_deref().unwrap_or("wait_s.mean"))?;
    let comparison = Comparison::of(&arms, metric)?;
    if let Some(place) = &args.output.out {
        refuse_place(place, paths)?;
        let output = Output::begin(place, ResultKind::Comparison)?;
        let table = comparison_table(&comparison, 80);
        write_comparison(output.path(), &comparison, &table, &[])?;
        output.finish()?;
    }
    print_comparison(args.output.format, &comparison)
}

fn read(place: &Path) -> Result<FinishedRun<'_>, Failure> {
    let summary = read_summary(place).map_err(Failure::bad_input)?;
    Ok(FinishedRun { place, summary, manifest: Manifest::read(place)? })
}

/// Refuses two runs whose figures do not mean the same.
fn measured_alike(first: &FinishedRun<'_>, run: &FinishedRun<'_>) -> Result<(), Failure> {
    let (path, other) = (run.place.display(), first.place.display());
    let [known, version] = [first, run].map(|run| &run.manifest.engine_version);
    if version != known {
        return Err(Failure::bad_input(format!(
            "{path}: made by towtank {version}, and {other} by towtank {known}: runs compare \
             within one version; run the scenario of one again"
        )));
    }
    let [known, warm_up] = [first, run].map(|run| run.summary.warm_up_s);
    if warm_up != known {
        return Err(Failure::bad_input(format!(
            "{path}: its warm-up is {warm_up} s and not {known} s; compare runs measured alike"
        )));
    }
    Ok(())
}

/// Runs with the same placement, queue and scenario are one arm.
fn arms(runs: &[FinishedRun<'_>]) -> Result<Vec<ArmRuns>, Failure> {
    let mut sides: Vec<Vec<&FinishedRun<'_>>> = Vec::new();
    for run in runs {
        match sides.iter_mut().find(|side| names(&side[0].summary) == names(&run.summary)) {
            Some(side) => {
                same_scenario(side[0], run)?;
                side.push(run);
            }
            None => sides.push(vec![run]),
        }
    }
    let mut arms: Vec<ArmRuns> = sides.iter().map(|side| arm_of(side)).collect();
    tell_apart(&mut arms);
    Ok(arms)
}

/// Refuses runs that would be pooled though more than the seed differs.
fn same_scenario(first: &FinishedRun<'_>, run: &FinishedRun<'_>) -> Result<(), Failure> {
    let Some(key) = first_difference(&first.manifest, &run.manifest) else {
        return Ok(());
    };
    Err(Failure::bad_input(format!(
        "{} and {}: runs of one arm, '{}', that differ in {key}; give the scenarios names of \
         their own (`name`), or compare the values with --axis",
        first.place.display(),
        run.place.display(),
        run.summary.arm
    )))
}

/// What makes two runs runs of one arm.
fn names(summary: &Summary) -> [&str; 4] {
    [&summary.arm, &summary.placement, &summary.queue, &summary.scenario]
}

fn arm_of(side: &[&FinishedRun<'_>]) -> ArmRuns {
    let first = &side[0].summary;
    let mut runs: Vec<Summary> = side.iter().map(|run| run.summary.clone()).collect();
    runs.sort_by_key(|run| run.seed);
    ArmRuns {
        name: first.arm.clone(),
        placement: first.placement.clone(),
        queue: first.queue.clone(),
        scaling: SCALING.to_owned(),
        runs,
    }
}

/// Adds the queue and the scenario to names that several arms have.
fn tell_apart(arms: &mut [ArmRuns]) {
    let names: Vec<String> = arms.iter().map(|arm| arm.name.clone()).collect();
    for arm in arms {
        if names.iter().filter(|name| **name == arm.name).count() > 1 {
            arm.name = format!("{}, queue={}, {}", arm.name, arm.queue, arm.runs[0].scenario);
        }
    }
}

/// Finished runs are compared as they are: flags that would change the scenario have no use.
fn refuse_scenario_flags(args: &CompareArgs) -> Result<(), Failure> {
    let own = [
        ("--seeds", args.seeds.is_some()),
        ("--strategies", !args.strategies.is_empty()),
        ("--axis", !args.axis.is_empty()),
        ("--threads", args.threads.is_some()),
        ("--trace-cache", args.output.trace_cache.is_some()),
    ];
    let own = own.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag);
    match args.changes.given().into_iter().chain(own).next() {
        None => Ok(()),
        Some(flag) => Err(Failure::bad_input(format!(
            "{flag}: finished runs cannot be changed; leave it out, or compare a scenario"
        ))),
    }
}

/// Refuses to put the comparison where it would replace a run that it was made from.
fn refuse_place(place: &Path, runs: &[PathBuf]) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let place_is = real(place);
    let touches = |run: &&PathBuf| {
        let run = real(run);
        run.starts_with(&place_is) || place_is.starts_with(&run)
    };
    match runs.iter().find(touches) {
        None => Ok(()),
        Some(run) => Err(Failure::bad_input(format!(
            "{}: would replace the run {} that is compared; name another directory with --out",
            place.display(),
            run.display()
        ))),
    }
}
