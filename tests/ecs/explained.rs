//! `towtank explain` names the cause in each scenario of `scenarios/ecs/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::bad_input::Attempt;

/// Scenario, what is asked about, and what the answer says: white space counts as one space.
const ASKED: [(&str, &str, &[&str]); 11] = [
    // Of eight instances the two with small tasks have no room for a large one.
    ("order-decides", "5", &["of 6 that tied", "can take it 6"]),
    ("deployment-stuck", "service:web", &["was unable to stop or start tasks during a deployment"]),
    ("deployment-no-room", "4", &["refused: RESOURCE:CPU", "RESOURCE:CPU 2 2 2 web-0 1 vCPU"]),
    ("drain-stuck", "service:web", &["was unable to stop or start tasks during a deployment"]),
    // Packing prefers the fullest instance, whatever its zone.
    ("drain-one-zone", "6", &["can take it 2", "binpack:cpu 1 b-0"]),
    ("daemon-starved", "service:logs", &["has insufficient CPU units", "RESOURCE:CPU"]),
    ("static-ports", "0", &["too many ports"]),
    (
        "eni-limit",
        "4",
        &["refused: RESOURCE:ENI", "ENI trunking on: 2 instances would have a slot"],
    ),
    ("stopping-holds-host", "4", &["On its host it waited 1m 53s", "before it there: 2 stopping"]),
    ("packed-deployment", "12", &["before it there: 2 stopping tasks and 1 waiting task"]),
    ("eni-race", "6", &["refused: RESOURCE:ENI", "ENI trunking on: 2 instances would have a slot"]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/ecs")
}

#[test]
fn explain_names_the_cause_in_each_scenario() {
    for (name, subject, says) in ASKED {
        let text = std::fs::read(folder().join(format!("{name}.toml"))).unwrap();
        let attempt = Attempt::new(text);
        attempt.succeed(&["run", "s.toml", "-q", "--out", "r"]);
        let shown = String::from_utf8(attempt.succeed(&["explain", "r", subject]).stdout).unwrap();
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        let squeezed = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in says {
            assert!(squeezed.contains(part), "{name}, {subject}: no {part:?} in\n{shown}");
        }
        let json = attempt.succeed(&["explain", "r", subject, "--format", "json"]).stdout;
        serde_json::from_slice::<serde_json::Value>(&json).unwrap();
    }
}

#[test]
fn every_scenario_is_asked_about() {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let scenarios = entries.filter(|path| path.extension().is_some_and(|one| one == "toml"));
    let there: BTreeSet<String> =
        scenarios.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let asked: BTreeSet<String> = ASKED.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(there, asked);
}
