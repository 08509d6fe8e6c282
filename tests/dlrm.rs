//! Alibaba's DLRM trace read as a whole, and its month replayed, where the file is present.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use towtank::des::{Seed, SimDuration, SimTime};
use towtank::metrics::summary::TaskCounts;
use towtank::model::{CapacityId, Submission};
use towtank::scenario::{Override, Recording, Scenario, value_of};
use towtank::workload::format::{FORMATS, Opening, Trace, TraceFormat};
use towtank::workload::{Behaviour, External, Ids, ServiceChange, ServicePlan};

use crate::openb::traces;

const INSTANCES: u64 = 23_871;
const BEFORE_THE_START: usize = 7_280;
const ALIVE_AT_THE_END: u64 = 8_878;
const APPS: usize = 156;

/// The trace's file.
fn file() -> Option<PathBuf> {
    Some(traces("alibaba-dlrm-2025")?.join("disaggregated_DLRM_trace.csv.gz"))
}

fn format(file: &Path, read_as: &str) -> Box<dyn TraceFormat> {
    let entry = FORMATS.iter().find(|entry| entry.name == "alibaba-dlrm").unwrap();
    let mut keys = toml::Table::new();
    keys.insert("file".to_owned(), file.display().to_string().into());
    keys.insert("as".to_owned(), read_as.into());
    (entry.parse)(keys).unwrap()
}

fn opening() -> Opening {
    Opening {
        workload: "dlrm".to_owned(),
        seed: Seed(1),
        capacity: CapacityId(0),
        placer: 0,
        directory: PathBuf::new(),
        from_command_line: BTreeSet::new(),
    }
}

fn submissions(mut trace: Trace) -> Vec<(SimTime, Submission, Behaviour)> {
    let mut ids = Ids::default();
    let mut submissions = Vec::new();
    while let Some((at, event)) = trace.events.next_event(&mut ids).unwrap() {
        let External::Submit(submission, behaviour) = event else { panic!("{event:?}") };
        submissions.push((at, submission, behaviour));
    }
    submissions
}

#[test]
fn every_instance_is_read() {
    let Some(file) = file() else { return };
    let counted = format(&file, "services").definitions(&opening()).unwrap();
    assert_eq!(counted.iter().map(|(_, count)| count).sum::<u64>(), INSTANCES);
    let trace = format(&file, "tasks").open(&opening()).unwrap();
    let submissions = submissions(trace);
    assert_eq!(submissions.len() as u64, INSTANCES);
    assert!(submissions.is_sorted_by_key(|(at, ..)| at));
    let first = submissions.iter().filter(|(at, ..)| *at == SimTime::ZERO).count();
    assert_eq!(first, BEFORE_THE_START);
    let stay = submissions.iter().filter(|(.., behaviour)| behaviour.run_time.is_none());
    assert_eq!(stay.count() as u64, ALIVE_AT_THE_END);
    let apps: BTreeSet<_> = submissions.iter().map(|(_, one, _)| one.group.clone()).collect();
    assert_eq!(apps.len(), APPS);
}

/// What a service should keep running from a time on.
fn desired_at(plan: &ServicePlan, time: SimTime) -> u32 {
    let first = (plan.start, plan.spec.desired_count);
    let change = |one: &ServiceChange| (one.at, one.desired_count.unwrap());
    let counts = std::iter::once(first).chain(plan.changes.iter().map(change));
    counts.take_while(|(at, _)| *at <= time).last().map_or(0, |(_, desired)| desired)
}

/// Instances that exist at a time in seconds, by app and role, counted in the text of the file.
fn existing(text: &str, time: f64) -> BTreeMap<String, u32> {
    let mut existing = BTreeMap::new();
    for line in text.lines().skip(1) {
        let values: Vec<&str> = line.split(',').collect();
        let (created, deleted) = (values[14], values[16]);
        let is_there = created.is_empty() || created.parse::<f64>().unwrap() <= time;
        let is_gone = !deleted.is_empty() && deleted.parse::<f64>().unwrap() <= time;
        if is_there && !is_gone {
            *existing.entry(format!("dlrm-{}-{}", values[2], values[1])).or_default() += 1;
        }
    }
    existing
}

#[test]
fn desired_counts_follow_the_trace() {
    let Some(file) = file() else { return };
    let mut text = String::new();
    let compressed = std::fs::File::open(&file).unwrap();
    flate2::read::MultiGzDecoder::new(compressed).read_to_string(&mut text).unwrap();
    let services = format(&file, "services").open(&opening()).unwrap().services;
    for hour in [0, 1, 100, 250, 500, 600, 743, 744] {
        let seconds = hour * 3600;
        let time = SimTime::ZERO + SimDuration::from_secs(seconds);
        let mut desired: BTreeMap<String, u32> = BTreeMap::new();
        for plan in &services {
            let role: Vec<&str> = plan.spec.name.splitn(4, '-').take(3).collect();
            *desired.entry(role.join("-")).or_default() += desired_at(plan, time);
        }
        desired.retain(|_, count| *count > 0);
        assert_eq!(desired, existing(&text, seconds as f64), "{hour} h");
        let all: u32 = desired.values().sum();
        match hour {
            0 => assert_eq!(all as usize, BEFORE_THE_START),
            744 => assert_eq!(u64::from(all), ALIVE_AT_THE_END),
            _ => {}
        }
    }
}

/// The month of `scenarios/traces/dlrm.toml`.
fn month(file: &Path, read_as: &str) -> TaskCounts {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/traces/dlrm.toml");
    let set = |key: &str, value: &str| Override::flag("--set", key, value_of(value));
    let changes = [
        set("workload.dlrm.file", &file.display().to_string()),
        set("workload.dlrm.as", read_as),
        set("placement.strategy", "binpack:cpu"),
    ];
    let scenario = Scenario::load(&path, &changes).unwrap();
    let prepared = scenario.prepare(1).unwrap();
    prepared.run(Recording::default(), &mut |_| true).unwrap().records.tasks
}

#[test]
fn a_month_of_services_runs() {
    let Some(file) = file() else { return };
    let tasks = month(&file, "services");
    assert_eq!((tasks.running_at_end, tasks.pending_at_end), (ALIVE_AT_THE_END, 0));
    assert_eq!(tasks.submitted, tasks.stopped + ALIVE_AT_THE_END);
}

#[test]
fn a_month_of_tasks_runs() {
    let Some(file) = file() else { return };
    let tasks = month(&file, "tasks");
    assert_eq!((tasks.running_at_end, tasks.pending_at_end), (ALIVE_AT_THE_END, 0));
    assert_eq!((tasks.submitted, tasks.completed), (INSTANCES, INSTANCES - ALIVE_AT_THE_END));
}
