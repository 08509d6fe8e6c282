//! Tests of what a kind says of the use of its tasks.

use super::super::{ResolvedKind, SyntheticSpec};
use super::*;

fn resolve(keys: &str) -> Result<ResolvedKind, String> {
    let text = format!(
        "rate = \"1/s\"\ncount = 1\n[[tasks]]\nduration = \"9s\"\ncpu = 512\nmemory = 64\n{keys}"
    );
    let spec: SyntheticSpec = toml::from_str(&text).map_err(|why| why.to_string())?;
    let table = toml::Table::try_from(&spec).unwrap();
    assert_eq!(table.try_into::<SyntheticSpec>().unwrap(), spec, "it is read as it is written");
    let none = |_: &std::path::Path| Err("no files here".to_owned());
    let mut kinds = spec.resolve("w", &none).map_err(|why| why.to_string())?;
    Ok(kinds.remove(0))
}

#[test]
fn without_a_word_nothing_is_limited() {
    let kind = resolve("").unwrap();
    assert_eq!((kind.usage, kind.definition.limits), (None, Limits::default()));
}

#[test]
fn what_is_missing_is_what_is_reserved() {
    let kind = resolve("use = {}").unwrap();
    let (cpu, memory_ramp) = (Cpu::from_milli(500).unwrap(), SimDuration::ZERO);
    let (pace, memory_mib, steps) = (Pace::Time, 64, Vec::new());
    assert_eq!(kind.usage, Some(Usage { pace, cpu, memory_mib, memory_ramp, steps }));
    assert_eq!(kind.definition.limits, Limits { cpu: None, memory_mib: Some(64) });
    let kind = resolve("cpu_limit = \"2 vCPU\"\nmemory_limit = \"1 GB\"").unwrap();
    let limits = Limits { cpu: Cpu::from_vcpus(2), memory_mib: Some(1024) };
    assert_eq!((kind.usage, kind.definition.limits), (None, limits));
}

#[test]
fn everything_can_be_written() {
    let kind = resolve("use = { cpu = 1024, pace = \"work\", memory = 9, memory_ramp = \"3s\" }");
    let usage = kind.unwrap().usage.unwrap();
    assert_eq!((usage.pace, usage.cpu, usage.memory_mib), (Pace::Work, Cpu::VCPU, 9));
    assert_eq!(usage.memory_ramp, SimDuration::from_secs(3));
    let kind = resolve("use = { steps = [{ share = 0.3, cpu = 0 }, { share = 0.7, memory = 5 }] }");
    let steps = kind.unwrap().usage.unwrap().steps;
    let half = Cpu::from_milli(500).unwrap();
    let first = UsageStep { milli: 300, cpu: Cpu(0), memory_mib: 64 };
    assert_eq!(steps, [first, UsageStep { milli: 700, cpu: half, memory_mib: 5 }]);
}

#[test]
fn what_contradicts_is_refused_with_its_key() {
    let steps = "steps = [{ share = 1.0 }]";
    let cases = [
        ("cpu_limit = 511", "tasks[0].cpu_limit: 0.4990234375 vCPU, but 0.5 vCPU are reserved"),
        ("memory_limit = 63", "tasks[0].memory_limit: 63 MiB are less than `memory`, 64"),
        ("use = { cpu = 0, pace = \"work\" }", "tasks[0].use.cpu: 0 CPU never get work done"),
        ("use = { memory = 0, memory_ramp = \"1s\" }", "tasks[0].use.memory_ramp: there is no"),
        (&format!("use = {{ pace = \"work\", {steps} }}"), "tasks[0].use.steps: steps are parts"),
        (&format!("use = {{ cpu = 1, {steps} }}"), "tasks[0].use.cpu: set although `steps`"),
        (&format!("use = {{ memory = 1, {steps} }}"), "tasks[0].use.memory: set although"),
        ("use = { steps = [{ share = 0.9 }] }", "tasks[0].use.steps: shares add up to 900"),
        ("use = { steps = [{ share = 0.0005 }] }", "tasks[0].use.steps[0].share: 0.0005 is no"),
        ("use = { steps = [{ share = 0.0 }] }", "tasks[0].use.steps[0].share: 0 is no share"),
        ("use = { cpu = 4294967295 }", "tasks[0].use.cpu: 4294967295 CPU units are more than"),
    ];
    for (keys, expected) in cases {
        let why = resolve(keys).expect_err(keys);
        assert!(why.starts_with(expected), "{keys}: {why}");
    }
    for keys in ["use = { cup = 1 }", "use = { pace = \"slow\" }", "use = { steps = [{}] }"] {
        assert!(resolve(keys).is_err(), "{keys}");
    }
}

#[test]
fn what_runs_until_it_is_stopped_has_no_parts() {
    let definition = TaskDefinition::new("s", Cpu::VCPU, 1);
    let refused = |text: &str| {
        let kind: KindSpec = toml::from_str(text).unwrap();
        assert!(kind.usage(&definition, true).is_ok());
        kind.usage(&definition, false).unwrap_err().key
    };
    assert_eq!(refused("use = { pace = \"work\" }"), "use.pace");
    assert_eq!(refused("use = { steps = [{ share = 1.0 }] }"), "use.steps");
}
