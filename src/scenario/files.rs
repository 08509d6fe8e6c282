//! The files that a run reads besides its scenario, each with the key that names it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::des::Seed;
use crate::metrics::Fingerprint;
use crate::workload::WorkloadError;
use crate::workload::trace::hash_file;

use super::spec::ScenarioSpec;
use super::workloads::{WorkloadKind, WorkloadPlan};
use super::{CALIBRATION, Document, Scenario};

/// The key that names a catalogue.
pub(super) const INSTANCE_TYPES: &str = "instance_types";

/// An input file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Path as written in the scenario.
    pub path: String,
    /// 128-bit hash of its bytes, XXH3, 32 hexadecimal digits.
    pub xxh3: String,
}

/// A file that the scenario itself names; those of traces depend on the seed.
#[derive(Debug)]
pub(super) struct NamedFile {
    key: String,
    written: String,
    path: PathBuf,
}

/// The files named by a scenario, traces apart.
pub(super) fn named_files(
    document: &Document,
    spec: &ScenarioSpec,
    workloads: &[WorkloadPlan],
) -> Vec<NamedFile> {
    let mut files = Vec::new();
    // `set` is the key by which a path given on the command line would be known.
    let mut add = |key: String, set: &str, path: &Path| {
        let (written, path) = (path.display().to_string(), document.path(set, path));
        files.push(NamedFile { key, written, path });
    };
    if let Some(path) = &spec.instance_types {
        add(INSTANCE_TYPES.to_owned(), INSTANCE_TYPES, path);
    }
    if let Some(table) = &spec.engine {
        add(CALIBRATION.to_owned(), CALIBRATION, &table.calibration);
    }
    for plan in workloads {
        let WorkloadKind::Synthetic(synthetic, _) = &plan.kind else { continue };
        let set = format!("workload.{}.task_definition", plan.name);
        for (index, kind) in synthetic.tasks.iter().enumerate() {
            if let Some(path) = &kind.task_definition {
                let key = format!("workload.{}.tasks[{index}].task_definition", plan.name);
                add(key, &set, path);
            }
        }
    }
    for (path, kind) in spec.kinds_of_services() {
        if let Some(file) = &kind.task_definition {
            let key = format!("{path}.task_definition");
            add(key.clone(), &key, file);
        }
    }
    for (name, table) in &spec.service {
        if let Some(path) = table.requests.as_ref().and_then(|one| one.rates_file.as_ref()) {
            let key = format!("service.{name}.requests.rates_file");
            add(key.clone(), &key, path);
        }
    }
    files
}

impl Scenario {
    /// Hashes of the files a run with this seed reads, by the keys that name them, such as
    /// `workload.NAME.file`.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn inputs(&self, seed: u64) -> Result<BTreeMap<String, Input>, WorkloadError> {
        let mut inputs = BTreeMap::new();
        for NamedFile { key, written, path } in &self.files {
            inputs.insert(key.clone(), input(written.clone(), path)?);
        }
        for plan in &self.workloads {
            let WorkloadKind::Trace(format) = &plan.kind else { continue };
            for (key, path) in format.files(&self.opening(plan, Seed(seed))) {
                let written = self.spec.workload[&plan.name].get(key).and_then(|one| one.as_str());
                let written = written.map_or_else(|| path.display().to_string(), str::to_owned);
                inputs.insert(format!("workload.{}.{key}", plan.name), input(written, &path)?);
            }
        }
        Ok(inputs)
    }
}

/// An input file and the hash of what it holds now.
fn input(written: String, path: &Path) -> Result<Input, WorkloadError> {
    let xxh3 = hash(path)
        .map_err(|why| WorkloadError(format!("{}: cannot be read: {why}", path.display())))?;
    Ok(Input { path: written, xxh3 })
}

/// The hash of a file as manifests have it.
pub(super) fn hash(path: &Path) -> std::io::Result<String> {
    Ok(Fingerprint(hash_file(path)?).to_string())
}
