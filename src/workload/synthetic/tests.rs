//! Tests of the generator.

use super::*;
use crate::des::SimDuration;
use crate::model::{Cpu, GpuRequest, NetworkMode};
use crate::workload::ecs_json::{Defined, task_definition};
use crate::workload::law_spec::DurationLaw;

const HOUR: f64 = 3600.0;

/// A workload that a test changes by keys before and after the sizes.
fn spec(keys: &str) -> SyntheticSpec {
    let text = format!(
        "{keys}\nduration = {{ lognormal = {{ median = \"176s\", sigma = 1.75 }} }}\n\
         [[tasks]]\nweight = 5\ncpu = 1024\nmemory = 1792\n\
         [[tasks]]\nweight = 3\ncpu = \"2 vCPU\"\nmemory = \"3.5 GB\"\n\
         [[tasks]]\ncpu = 4096\nmemory = 7168\n"
    );
    toml::from_str(&text).unwrap()
}

fn resolve(spec: &SyntheticSpec) -> Result<Vec<ResolvedKind>, SpecError> {
    spec.resolve("batch", &|path| Err(format!("{} is not there", path.display())))
}

#[derive(Debug, PartialEq)]
struct Row {
    at: SimTime,
    definition: usize,
    count: u32,
    run_time: SimDuration,
    ends: Outcome,
}

fn rows_of(spec: &SyntheticSpec, seed: u64, workload: &str) -> Vec<Row> {
    let kinds = resolve(spec).unwrap();
    let mut source = Synthetic::new(spec, kinds, Seed(seed), workload_id(workload));
    let mut ids = Ids::default();
    let mut rows = Vec::new();
    while let Some((at, event)) = source.next_event(&mut ids).unwrap() {
        let External::Submit(submission, behaviour) = event else { panic!("{event:?}") };
        assert_eq!(submission.id.0, rows.len() as u64);
        let run_time = behaviour.run_time.unwrap();
        let (definition, count) = (submission.definition.index(), submission.count);
        rows.push(Row { at, definition, count, run_time, ends: behaviour.ends });
    }
    assert!(rows.is_sorted_by_key(|row| row.at));
    rows
}

fn rows(keys: &str) -> Vec<Row> {
    rows_of(&spec(keys), 42, "batch")
}

fn hash(rows: &[Row]) -> u64 {
    let mut bytes = Vec::new();
    for row in rows {
        let failed = u64::from(row.ends == Outcome::Failed);
        let fields = [row.at.micros(), row.definition as u64, u64::from(row.count)];
        for field in fields.into_iter().chain([row.run_time.micros(), failed]) {
            bytes.extend(field.to_le_bytes());
        }
    }
    xxh3_64(&bytes)
}

/// Events in each of `slots` intervals of `seconds`.
fn counts(rows: &[Row], seconds: f64, slots: usize) -> Vec<f64> {
    let mut counts = vec![0.0; slots];
    for row in rows {
        counts[(row.at.as_secs_f64() / seconds) as usize] += 1.0;
    }
    counts
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, squares / (values.len() - 1) as f64)
}

#[test]
fn the_same_seed_gives_the_same_events() {
    let keys = "rate = \"3/s\"\ncount = 1000\nfailures = 0.015";
    assert_eq!(rows(keys), rows(keys));
    assert_ne!(rows(keys), rows_of(&spec(keys), 43, "batch"));
    assert_ne!(rows(keys), rows_of(&spec(keys), 42, "other"));
}

#[test]
fn the_first_thousand_events_do_not_change_between_versions() {
    let keys = "rate = \"3/s\"\ncount = 1000\nfailures = 0.015\n\
                arrivals = { clustered = { batch = { zipf = { n = 100, exponent = 1.8 } } } }\n\
                daily = [1,1,1,1,1,2,3,5,8,9,9,9,8,8,9,9,8,7,5,4,3,2,1,1]";
    assert_eq!(format!("{:016x}", hash(&rows(keys))), "57d4d59f4dfabcdf");
}

#[test]
fn another_law_of_durations_changes_durations_only() {
    let before = spec("rate = \"3/s\"\ncount = 2000\nfailures = 0.1");
    let mut after = before.clone();
    after.duration = Some(DurationLaw::constant("90s".parse().unwrap()));
    let rest = |spec: &SyntheticSpec| -> Vec<(SimTime, usize, Outcome)> {
        rows_of(spec, 42, "batch").iter().map(|row| (row.at, row.definition, row.ends)).collect()
    };
    assert_eq!(rest(&before), rest(&after));
    assert!(rows_of(&after, 42, "batch").iter().all(|row| row.run_time.as_secs_f64() == 90.0));
}

#[test]
fn a_share_of_failures_changes_outcomes_only() {
    let few = rows("rate = \"3/s\"\ncount = 5000\nfailures = 0.02");
    let more = rows("rate = \"3/s\"\ncount = 5000\nfailures = 0.04");
    let failed = |rows: &[Row]| rows.iter().filter(|row| row.ends == Outcome::Failed).count();
    // 4 standard errors of a binomial count.
    assert!((failed(&few) as f64 - 100.0).abs() < 4.0 * (100.0_f64 * 0.98).sqrt());
    for (left, right) in few.iter().zip(&more) {
        assert_eq!((left.at, left.run_time), (right.at, right.run_time));
        assert!(left.ends == right.ends || right.ends == Outcome::Failed);
    }
    assert_eq!(failed(&rows("rate = \"3/s\"\ncount = 100\nfailures = 1.0")), 100);
    assert_eq!(failed(&rows("rate = \"3/s\"\ncount = 100")), 0);
}

#[test]
fn poisson_arrivals_have_poisson_counts() {
    let minutes = 4000;
    let rows = rows(&format!("rate = \"20/m\"\nuntil = \"{minutes}m\""));
    let (mean, variance) = mean_and_variance(&counts(&rows, 60.0, minutes));
    assert!((mean - 20.0).abs() < 4.0 * (20.0 / minutes as f64).sqrt(), "mean {mean}");
    // The index of dispersion has variance 2 / (n - 1) about 1.
    let dispersion = variance / mean;
    assert!((dispersion - 1.0).abs() < 4.0 * (2.0 / minutes as f64).sqrt(), "{dispersion}");
}

#[test]
fn hours_get_their_share_of_the_day() {
    let weights: Vec<f64> = (0..24).map(|hour: i32| f64::from((hour - 12).abs() % 11)).collect();
    let days = 40;
    let rows = rows(&format!("rate = \"60/m\"\nuntil = \"{days}d\"\ndaily = {weights:?}"));
    let expected = 86_400.0 * days as f64;
    assert!((rows.len() as f64 - expected).abs() < 4.0 * expected.sqrt(), "{}", rows.len());
    let by_hour = counts(&rows, HOUR, 24 * days);
    let total: f64 = weights.iter().sum();
    for (hour, weight) in weights.iter().enumerate() {
        let count: f64 = by_hour.iter().skip(hour).step_by(24).sum();
        let mean = expected * weight / total;
        assert!((count - mean).abs() <= 4.0 * mean.sqrt(), "hour {hour}: {count} not {mean}");
    }
}

#[test]
fn days_get_their_share_of_the_week() {
    let rows = rows("rate = \"600/h\"\nuntil = \"28d\"\nweekly = [1, 1, 1, 1, 1, 0.5, 0]");
    let by_day = counts(&rows, 24.0 * HOUR, 28);
    for (day, count) in by_day.iter().enumerate() {
        let weight = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0][day % 7];
        let mean = 14_400.0 * weight * 7.0 / 5.5;
        assert!((count - mean).abs() <= 4.0 * mean.sqrt(), "day {day}: {count} not {mean}");
    }
}

#[test]
fn a_rate_profile_keeps_kinds_and_durations() {
    let flat = rows("rate = \"3/s\"\ncount = 500");
    let weekly = rows("rate = \"3/s\"\ncount = 500\nweekly = [1, 2, 3, 4, 5, 6, 7]");
    for (left, right) in flat.iter().zip(&weekly) {
        assert_eq!((left.definition, left.run_time), (right.definition, right.run_time));
    }
    // Day 0 has a quarter of the mean rate, and the draws are the same.
    for (left, right) in flat.iter().zip(&weekly) {
        let stretched = left.at.as_secs_f64() * 4.0;
        assert!((right.at.as_secs_f64() / stretched - 1.0).abs() < 1e-5);
    }
}

#[test]
fn regular_arrivals_are_evenly_spaced_without_drift() {
    let rows = rows("rate = \"3/s\"\nuntil = \"1000s\"\narrivals = \"regular\"");
    assert_eq!(rows.len(), 3000);
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row.at.micros(), number as u64 * 1_000_000 / 3);
    }
}

#[test]
fn regular_arrivals_fill_each_hour_of_a_profile_exactly() {
    let rows = rows(
        "rate = \"60/h\"\nuntil = \"2d\"\narrivals = \"regular\"\n\
         daily = [0,0,0,0,0,0,1,1,1,1,1,1,1,1,1,1,1,1,2,2,2,2,2,2]",
    );
    let by_hour = counts(&rows, HOUR, 48);
    for (hour, count) in by_hour.iter().enumerate() {
        let expected = [0.0, 60.0, 60.0, 120.0][hour % 24 / 6];
        assert_eq!(*count, expected, "hour {hour}");
    }
}

#[test]
fn the_start_comes_before_all_arrivals() {
    let rows = rows("rate = \"1/s\"\ncount = 3\nstart = \"1h30m\"\narrivals = \"regular\"");
    let times: Vec<u64> = rows.iter().map(|row| row.at.micros()).collect();
    assert_eq!(times, [5_400_000_000, 5_401_000_000, 5_402_000_000]);
}

#[test]
fn batches_arrive_together_and_are_of_one_kind() {
    let rows = rows("rate = \"1/s\"\ncount = 10001\narrivals = { clustered = { batch = 4 } }");
    assert_eq!(rows.len(), 10_001);
    for batch in rows.chunks(4) {
        assert!(batch.iter().all(|row| row.at == batch[0].at));
        assert!(batch.iter().all(|row| row.definition == batch[0].definition));
        assert!(batch.len() == 1 || batch[0].run_time != batch[1].run_time);
    }
    // A single submission follows the same arrivals.
    let single = self::rows("rate = \"1/s\"\ncount = 2501");
    for (batch, single) in rows.chunks(4).zip(&single) {
        assert_eq!((batch[0].at, batch[0].definition), (single.at, single.definition));
        assert_eq!(batch[0].run_time, single.run_time);
    }
}

#[test]
fn heavy_tailed_batches_are_far_from_poisson() {
    let rows = rows(
        "rate = \"10/m\"\nuntil = \"3000m\"\n\
         arrivals = { clustered = { batch = { bounded-pareto = \
         { low = 1, high = 1000, shape = 1.2 } } } }",
    );
    let (mean, variance) = mean_and_variance(&counts(&rows, 60.0, 3000));
    // Index of dispersion of a compound Poisson count: E[B^2] / E[B], over 40 for this law.
    assert!(variance / mean > 20.0, "{mean} and {variance}");
}

#[test]
fn kinds_come_by_their_weights() {
    let rows = rows("rate = \"3/s\"\ncount = 90000");
    let expected = [50_000.0, 30_000.0, 10_000.0];
    let chi_square: f64 = (0..3)
        .map(|kind| {
            let count = rows.iter().filter(|row| row.definition == kind).count() as f64;
            (count - expected[kind]).powi(2) / expected[kind]
        })
        .sum();
    // Two degrees of freedom: exceeded with probability exp(-x / 2), here 0.0001.
    assert!(chi_square < 18.4, "{chi_square}");
}

#[test]
fn draws_are_independent_of_each_other() {
    let rows = rows("rate = \"3/s\"\ncount = 20000\nfailures = 0.5");
    let within = |count: usize, share: f64, of: usize| {
        let (mean, of) = (share * of as f64, of as f64);
        let deviation = (of * share * (1.0 - share)).sqrt();
        assert!((count as f64 - mean).abs() < 4.0 * deviation, "{count}, not {mean}");
    };
    let repeats = rows.windows(2).filter(|pair| pair[0].definition == pair[1].definition);
    within(repeats.count(), (25.0 + 9.0 + 1.0) / 81.0, 19_999);
    let is_long = |row: &Row| row.run_time.as_secs_f64() > 176.0;
    let failed_and_long = |row: &&Row| row.ends == Outcome::Failed && is_long(row);
    within(rows.iter().filter(failed_and_long).count(), 0.25, 20_000);
    let first_and_long = |row: &&Row| row.definition == 0 && is_long(row);
    within(rows.iter().filter(first_and_long).count(), 2.5 / 9.0, 20_000);
}

#[test]
fn durations_follow_their_law() {
    let rows = rows("rate = \"3/s\"\ncount = 20000");
    let below = rows.iter().filter(|row| row.run_time.as_secs_f64() < 176.0).count() as f64;
    assert!((below - 10_000.0).abs() < 4.0 * 5000.0_f64.sqrt(), "{below} below the median");
}

#[test]
fn the_end_is_not_reached_and_the_number_is_known() {
    let rows = rows("rate = \"3/s\"\nuntil = \"100s\"");
    assert!(rows.last().unwrap().at < SimTime::from_micros(100_000_000));
    let both = self::rows("rate = \"3/s\"\nuntil = \"100s\"\ncount = 10");
    assert_eq!(both, rows[..10]);
    let hint = |keys: &str| {
        let spec = spec(keys);
        let kinds = resolve(&spec).unwrap();
        Synthetic::new(&spec, kinds, Seed(1), 1).len_hint()
    };
    assert_eq!(hint("rate = \"3/s\"\ncount = 7"), Some(7));
    assert_eq!(hint("rate = \"3/s\"\nuntil = \"7s\""), None);
    assert_eq!(hint("rate = \"3/s\"\nuntil = \"7s\"\ncount = 7"), None);
}

#[test]
fn a_rate_too_low_for_its_count_is_an_error() {
    let spec = spec("rate = \"0.000000001/d\"\ncount = 5");
    let kinds = resolve(&spec).unwrap();
    let mut source = Synthetic::new(&spec, kinds, Seed(1), 1);
    let error = source.next_event(&mut Ids::default()).unwrap_err().to_string();
    assert!(error.contains("submission 1 would arrive later than 100 years"), "{error}");
    assert_eq!(rows("rate = \"0.000000001/d\"\nuntil = \"100d\""), []);
}

#[test]
fn a_kind_says_everything_about_its_tasks() {
    let text = "rate = \"3/s\"\ncount = 200\nduration = \"90s\"\n[[tasks]]\nfamily = \"db\"\n\
                cpu = \"0.25 vCPU\"\nmemory = \"2 GB\"\ngpus = 2\nports = [80, \"53/udp\"]\n\
                network_mode = \"host\"\narchitecture = \"arm64\"\ngroup = \"data\"\ngang = true\n\
                constraints = [\"distinctInstance\", \"attribute:stack == prod\"]\n\
                tasks_per_submission = { uniform = { low = 2, high = 4 } }\n\
                [[tasks]]\ncpu = 0\nmemory = 1\ngpu_milli = 460\nduration = \"5s\"\n";
    let spec: SyntheticSpec = toml::from_str(text).unwrap();
    let kinds = resolve(&spec).unwrap();
    let first = &kinds[0].definition;
    assert_eq!((first.family.as_str(), first.cpu, first.memory_mib), ("db", Cpu(32_000), 2048));
    assert_eq!((first.gpu, first.host_ports.len()), (GpuRequest::whole(2), 2));
    assert_eq!(first.network_mode, NetworkMode::Host);
    assert_eq!(first.required_attributes[0].any_of, ["arm64"]);
    assert_eq!(first.constraints.len(), 2);
    let second = &kinds[1].definition;
    assert_eq!((second.family.as_str(), second.gpu), ("batch-1", GpuRequest::share(460)));
    let mut source = Synthetic::new(&spec, kinds.clone(), Seed(1), 1);
    let mut ids = Ids::default();
    let mut sizes = std::collections::BTreeSet::new();
    while let Some((_, event)) = source.next_event(&mut ids).unwrap() {
        let External::Submit(submission, behaviour) = event else { panic!("{event:?}") };
        let is_first = submission.definition.index() == 0;
        assert_eq!(submission.all_or_nothing, is_first);
        assert_eq!(submission.group.as_deref(), is_first.then_some("data"));
        let seconds = if is_first { 90 } else { 5 };
        assert_eq!(behaviour.run_time, Some(SimDuration::from_secs(seconds)));
        sizes.insert((is_first, submission.count));
    }
    assert_eq!(Vec::from_iter(sizes), [(false, 1), (true, 2), (true, 3), (true, 4)]);
    let weights: Vec<u64> = weights(&kinds).into_iter().map(|(_, weight)| weight).collect();
    assert_eq!(weights, [3000, 1000]);
}

#[test]
fn a_real_task_definition_can_be_a_kind() {
    let read = |keys: &str| -> Result<Vec<ResolvedKind>, SpecError> {
        let text = format!(
            "rate = \"3/s\"\ncount = 2\nduration = \"90s\"\n\
             [[tasks]]\ntask_definition = \"web.json\"\n{keys}"
        );
        let spec: SyntheticSpec = toml::from_str(&text).unwrap();
        spec.resolve("batch", &|path| match path.to_str() {
            Some("web.json") => Ok(Defined {
                definition: TaskDefinition::new("web", Cpu::VCPU, 512),
                containers: Vec::new(),
                warnings: Vec::new(),
            }),
            _ => Err("web.json, line 1, column 1: expected value".to_owned()),
        })
    };
    assert_eq!(read("").unwrap()[0].definition.family, "web");
    assert_eq!(read("family = \"x\"").unwrap()[0].definition.family, "x");
    let constrained = read("constraints = [\"distinctInstance\"]").unwrap();
    assert_eq!(constrained[0].definition.constraints.len(), 1);
    let error = read("cpu = 1").unwrap_err().to_string();
    assert!(error.starts_with("tasks[0].cpu: set although `task_definition` says it"), "{error}");
}

/// The file says which containers there are and what they wait for, the scenario how long they
/// take.
#[test]
fn ecs_1_1_containers_of_a_task_definition_start_in_their_order() {
    let json = "{\"family\": \"web\", \"memory\": \"512\", \"containerDefinitions\": [\
        {\"name\": \"app\", \"stopTimeout\": 9, \"dependsOn\": [{\"containerName\": \"migrate\", \
        \"condition\": \"SUCCESS\"}]}, {\"name\": \"migrate\", \"essential\": false, \
        \"startTimeout\": 60, \"stopTimeout\": 7}]}";
    let read = |keys: &str| -> Result<ResolvedKind, SpecError> {
        let head = "rate = \"3/s\"\ncount = 2\nduration = \"90s\"\n[[tasks]]\n";
        let text = format!("{head}task_definition = \"web.json\"\n{keys}");
        let spec: SyntheticSpec = toml::from_str(&text).unwrap();
        let read =
            |_: &std::path::Path| task_definition(json, "web.json").map_err(|why| why.to_string());
        Ok(spec.resolve("batch", &read)?.remove(0))
    };
    let start = |kind: &ResolvedKind| {
        let containers = kind.conduct.containers.as_ref().unwrap();
        let course = containers.course(&containers.timetable(1000, &mut || 0.5));
        (course.start, course.fails)
    };
    let seconds = SimDuration::from_secs;
    let plain = read("").unwrap();
    assert!(plain.conduct.containers.is_none() && plain.warnings.len() == 1, "it is told");
    assert_eq!(plain.conduct.stop_timeout, Some(seconds(9)));
    let app = "{ name = \"app\", start = \"5s\" }";
    let unknown = read(&format!("containers = [{app}]")).unwrap();
    assert_eq!(start(&unknown), (seconds(5), false));
    let [warning] = unknown.warnings.as_slice() else { panic!("{:?}", unknown.warnings) };
    assert!(warning.starts_with("workload.batch.tasks[0]: others wait for container 'migrate'"));
    let of = |run: &str| {
        read(&format!("containers = [{app}, {{ name = \"migrate\", run = \"{run}\" }}]")).unwrap()
    };
    assert_eq!((start(&of("60s")), start(&of("61s"))), ((seconds(65), false), (seconds(60), true)));
    for (containers, expected) in [
        ("[{ name = \"x\" }]", "containers[0].name: `task_definition` has no container 'x'"),
        ("[{ name = \"app\", essential = true }]", "containers[0].essential: set although"),
        ("[{ name = \"app\", start_timeout = \"9s\" }]", "containers[0].start_timeout: set alth"),
        ("[{ name = \"app\", stop_timeout = \"9s\" }]", "containers[0].stop_timeout: set alth"),
        ("[{ name = \"app\", shutdown = \"9s\" }]\nshutdown = \"1s\"", "shutdown: set although"),
        ("[{ name = \"app\" }, { name = \"app\" }]", "containers[1].name: 'app' is there twice"),
    ] {
        let error = read(&format!("containers = {containers}")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("tasks[0].{expected}")), "{error}");
    }
}

#[test]
fn weights_count_tasks() {
    let spec = spec("rate = \"3/s\"\ncount = 1");
    let mut kinds = resolve(&spec).unwrap();
    let of = |kinds: &[ResolvedKind]| -> Vec<u64> {
        weights(kinds).into_iter().map(|(_, weight)| weight).collect()
    };
    assert_eq!(of(&kinds), [5, 3, 1]);
    kinds[2].tasks = NumberLaw::constant(100).unwrap();
    assert_eq!(of(&kinds), [5, 3, 100]);
}
