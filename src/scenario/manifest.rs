//! `manifest.json`: all that a run followed from, written beside its results and read again to
//! repeat it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::metrics::Fingerprint;
use crate::workload::WorkloadError;

use super::files::hash;
use super::{Document, Input, Scenario, ScenarioError};

/// The file's name in a run directory.
const FILE: &str = "manifest.json";

/// What `manifest.json` holds: nothing that may differ between equal runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// What carried the tasks, where it was not simulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<String>,
    /// Hash of the journal of what happened on its hosts, where that does not follow from the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
    /// Version of towtank that ran it.
    pub engine_version: String,
    /// Name of the arm.
    pub arm: String,
    /// Its seed.
    pub seed: u64,
    /// Fingerprint of the trajectory.
    pub fingerprint: String,
    /// Fingerprint of the workload.
    pub workload_fingerprint: String,
    /// The scenario as this run saw it, with every default.
    pub scenario: serde_json::Value,
    /// The files it read, by the keys that name them.
    pub inputs: BTreeMap<String, Input>,
}

impl Manifest {
    /// The manifest of a run; the fingerprints are the trajectory's and the workload's.
    ///
    /// # Errors
    /// An input cannot be read again for its hash.
    pub fn of(
        scenario: &Scenario,
        arm: &str,
        seed: u64,
        fingerprints: [Fingerprint; 2],
        hosts: Option<&str>,
    ) -> Result<Manifest, WorkloadError> {
        Ok(Manifest {
            hosts: hosts.map(str::to_owned),
            journal: None,
            engine_version: Scenario::engine_version().to_owned(),
            arm: arm.to_owned(),
            seed,
            fingerprint: fingerprints[0].to_string(),
            workload_fingerprint: fingerprints[1].to_string(),
            scenario: resolved(scenario, seed),
            inputs: scenario.inputs(seed)?,
        })
    }

    /// Reads the manifest of a run directory.
    ///
    /// # Errors
    /// It is not there, or no manifest.
    pub fn read(directory: &Path) -> Result<Manifest, ScenarioError> {
        let path = directory.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|why| {
            let remedy = if directory.join("comparison.json").is_file() {
                "this is a comparison; name one of the run directories in it, ARM/seed-N"
            } else if directory.join("replay.json").is_file() {
                "this is a replay; name one of the run directories in it, simulated/ARM/1, or of a \
                 closed loop real/ARM/N"
            } else {
                "name a directory that `towtank run` made"
            };
            refuse(directory, "", format!("cannot be read: {why}; {remedy}"))
        })?;
        serde_json::from_str(&text)
            .map_err(|why| refuse(directory, "", format!("not the manifest of a run: {why}")))
    }

    /// The scenario of the run in `directory`. Its files are looked for in the directories of
    /// `search` in turn; what counts is that they hold what they held.
    ///
    /// # Errors
    /// The manifest is not this version's, or a file is not there or has changed.
    pub fn rebuild(&self, directory: &Path, search: &[PathBuf]) -> Result<Scenario, ScenarioError> {
        if let Some(hosts) = &self.hosts
            && self.journal.is_none()
        {
            let problem = format!(
                "'{hosts}': real hosts did what a simulated run had decided, and the manifest \
                 tells of no journal; {}",
                simulated_counterpart(directory)
            );
            return Err(refuse(directory, "hosts", problem));
        }
        let (theirs, ours) = (&self.engine_version, Scenario::engine_version());
        if theirs != ours {
            let problem = format!(
                "made by towtank {theirs}, and this is {ours}: runs repeat within one version; \
                 use that one, or run the scenario again"
            );
            return Err(refuse(directory, "engine_version", problem));
        }
        let Some(toml::Value::Table(mut table)) = toml_of(&self.scenario) else {
            return Err(refuse(directory, "scenario", "is no table; run the scenario again"));
        };
        for (key, input) in &self.inputs {
            let found = self.find(input, search);
            let found = found.map_err(|why| refuse(directory, &format!("inputs.{key}"), why))?;
            if !put(&mut table, key, &found) {
                let problem = "the scenario names no such file; run the scenario again";
                return Err(refuse(directory, &format!("inputs.{key}"), problem));
            }
        }
        let file = directory.join(FILE).display().to_string();
        Scenario::of(Document::of_table(&file, table), &[])
    }

    /// Where an input is, as an absolute path in which `{seed}` still stands for the seed.
    fn find(&self, input: &Input, search: &[PathBuf]) -> Result<String, String> {
        let seeded = input.path.replace("{seed}", &self.seed.to_string());
        let mut other = None;
        for directory in search {
            let file = directory.join(&seeded);
            if !file.is_file() {
                continue;
            }
            match hash(&file) {
                Ok(found) if found == input.xxh3 => {
                    let path = std::path::absolute(directory.join(&input.path))
                        .map_err(|why| format!("{}: {why}", directory.display()))?;
                    return Ok(path.display().to_string());
                }
                Ok(_) => other = other.or(Some(file)),
                Err(_) => {}
            }
        }
        Err(match other {
            Some(file) => format!(
                "{} has changed since the run; restore it, or name the directory of the one that \
                 was read with --inputs",
                file.display()
            ),
            None => format!(
                "'{seeded}' is not to be found; name the directory that it is relative to, mostly \
                 the scenario's, with --inputs"
            ),
        })
    }
}

/// Which run of a replay to name instead of the real one in `real/ARM/N`.
fn simulated_counterpart(real: &Path) -> String {
    let real = std::path::absolute(real).unwrap_or_else(|_| real.to_owned());
    let arm = real.parent();
    let place = arm
        .zip(arm.and_then(|arm| arm.parent()?.parent()))
        .and_then(|(arm, replay)| Some(replay.join("simulated").join(arm.file_name()?).join("1")));
    match place.filter(|place| place.join(FILE).is_file()) {
        Some(place) => format!("name the simulated run, {}", place.display()),
        None => "name a simulated run of the same scenario".to_owned(),
    }
}

fn refuse(directory: &Path, key: &str, problem: impl Into<String>) -> ScenarioError {
    let place = directory.join(FILE).display().to_string();
    ScenarioError { place, line: None, key: key.to_owned(), problem: problem.into() }
}

/// The scenario as this run saw it: with its own seed, and without `[compare]`, which no run sees.
fn resolved(scenario: &Scenario, seed: u64) -> serde_json::Value {
    let mut value = serde_json::to_value(&scenario.spec).expect("a scenario read can be written");
    value["seed"] = seed.into();
    if let Some(table) = value.as_object_mut() {
        table.remove("compare");
    }
    value
}

/// The value in TOML, where what is `null` is left out.
fn toml_of(json: &serde_json::Value) -> Option<toml::Value> {
    Some(match json {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(value) => toml::Value::Boolean(*value),
        serde_json::Value::Number(value) => match value.as_i64() {
            Some(whole) => toml::Value::Integer(whole),
            None => toml::Value::Float(value.as_f64()?),
        },
        serde_json::Value::String(text) => toml::Value::String(text.clone()),
        serde_json::Value::Array(items) => {
            toml::Value::Array(items.iter().filter_map(toml_of).collect())
        }
        serde_json::Value::Object(table) => {
            let keys = table.iter();
            let keys = keys.filter_map(|(key, value)| Some((key.clone(), toml_of(value)?)));
            toml::Value::Table(keys.collect())
        }
    })
}

/// Puts `text` at a dotted path with indices, such as `workload.a.b.tasks[0].file`; names may have
/// dots in them. Whether a text is there already, which it takes the place of.
fn put(table: &mut toml::Table, path: &str, text: &str) -> bool {
    table.iter_mut().any(|(key, value)| match path.strip_prefix(key.as_str()) {
        Some("") if value.is_str() => {
            *value = toml::Value::String(text.to_owned());
            true
        }
        Some(rest) => put_inside(value, rest, text),
        None => false,
    })
}

fn put_inside(value: &mut toml::Value, rest: &str, text: &str) -> bool {
    match value {
        toml::Value::Table(table) => {
            rest.strip_prefix('.').is_some_and(|rest| put(table, rest, text))
        }
        toml::Value::Array(items) => {
            let index = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let item = index.and_then(|(index, rest)| {
                Some((items.get_mut(index.parse::<usize>().ok()?)?, rest))
            });
            item.is_some_and(|(item, rest)| put_inside(item, rest, text))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_where_their_keys_say() {
        let text =
            "f = 'a'\n[w.'a.b']\nfile = 'b'\n[[w.a.tasks]]\n[[w.a.tasks]]\nfile = 'c'\nn = 1";
        let mut table: toml::Table = text.parse().unwrap();
        for key in ["f", "w.a.b.file", "w.a.tasks[1].file"] {
            assert!(put(&mut table, key, "new"), "{key}");
        }
        for key in ["g", "w", "w.a.tasks[0].file", "w.a.tasks[2].file", "w.a.tasks[1].n", "w.f"] {
            assert!(!put(&mut table, key, "new"), "{key}");
        }
        let expected = text.replace("'a'\n", "'new'\n").replace("'b'\n", "'new'\n");
        assert_eq!(table, expected.replace("'c'", "'new'").parse().unwrap());
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        let text = "{\"a\": 1, \"b\": 1.0, \"c\": 0.1, \"d\": null, \"e\": [true, \"x\", {}]}";
        let value = toml_of(&serde_json::from_str(text).unwrap()).unwrap();
        let expected = "a = 1\nb = 1.0\nc = 0.1\ne = [true, 'x', {}]";
        assert_eq!(value, toml::Value::Table(expected.parse().unwrap()));
    }
}
