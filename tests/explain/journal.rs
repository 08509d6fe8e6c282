//! Runs whose hosts did what no manifest tells, explained from their journals.

use towtank::explain::{ExplainError, Repeat, explain};
use towtank::replay::witness::Witness;
use towtank::scenario::{Document, Manifest, Recording, Scenario};

/// Hosts that take 7 s to start a task, which the manifest knows nothing of: what happened on them
/// happens again.
#[test]
fn a_run_on_other_hosts_is_explained_from_its_journal() {
    let text = |delay: u32| {
        format!(
            "until = \"100s\"\n[capacity.a]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\n\
             start_delay = \"{delay}s\"\n[workload.w]\narrivals = \"regular\"\n\
             rate = \"1/s\"\ncount = 3\nduration = \"10s\"\n\
             tasks = [{{ cpu = 2048, memory = 1024 }}]\n[service.web]\n\
             desired_count = 1\ntask = {{ cpu = 1024, memory = 512 }}\n\
             changes = [{{ at = \"50s\", desired_count = 0 }}]\n"
        )
    };
    let scenario_of =
        |text: &str| Scenario::of(Document::parse("s.toml", text).unwrap(), &[]).unwrap();
    let (scenario, other) = (scenario_of(&text(1)), scenario_of(&text(7)));
    let seed = scenario.spec.seed;
    let (ready, mut hosts) = other.prepare(seed).unwrap().split();
    let mut witness = Witness::of(&mut hosts);
    let ran = ready.run_on(&mut witness, Recording::default(), &mut |_| true).unwrap();
    let fingerprints = [ran.records.fingerprint, ran.records.workload_fingerprint];
    let manifest = Manifest::of(&scenario, &scenario.arm(), seed, fingerprints, None).unwrap();
    let journal = witness.notes().journal;
    assert!(journal.is_whole());
    let mut repeat = Repeat { manifest: &manifest, scenario: &scenario, journal: Some(journal) };
    for task in 0..ran.controller.cluster().tasks_created() {
        let life = explain(&repeat, task, &mut |_| true).unwrap().life;
        assert_eq!(life.started_s, life.placed_s.map(|at| at + 7.0), "{task}");
    }
    repeat.journal = None;
    let why = explain(&repeat, 0, &mut |_| true).unwrap_err();
    assert!(matches!(why, ExplainError::Differs { .. }), "{why}");
}
