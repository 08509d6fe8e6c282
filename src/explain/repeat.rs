//! A run, made once more.

use std::path::Path;

use crate::backend::journal::{JOURNAL_FILE, Journal, JournalBackend};
use crate::des::Seed;
use crate::metrics::Recorder;
use crate::placement::Placer;
use crate::run::{Finished, Progress, RunError};
use crate::scenario::{Manifest, Recording, Scenario};
use crate::workload::WorkloadError;

use super::ExplainError;

/// What a run is made again from.
#[derive(Debug)]
pub struct Repeat<'a> {
    /// All that it followed from.
    pub manifest: &'a Manifest,
    /// Its scenario, rebuilt.
    pub scenario: &'a Scenario,
    /// What its hosts did, where that does not follow from the manifest.
    pub journal: Option<Journal>,
}

impl<'a> Repeat<'a> {
    /// The run in a directory.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn of(
        directory: &Path,
        manifest: &'a Manifest,
        scenario: &'a Scenario,
    ) -> Result<Repeat<'a>, WorkloadError> {
        let file = directory.join(JOURNAL_FILE);
        let read = |hash: &String| Journal::read(&file, hash);
        let journal = manifest.journal.as_ref().map(read).transpose()?;
        Ok(Repeat { manifest, scenario, journal })
    }

    /// Makes the run once more, shown to a recorder; it must come out the same.
    pub(super) fn run(
        &self,
        placers: Vec<Box<dyn Placer>>,
        recorder: Box<dyn Recorder>,
        watch: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Finished, ExplainError> {
        let seed = self.manifest.seed;
        let prepared = self.scenario.prepare_with(seed, placers)?;
        let recording = Recording { own: vec![recorder], ..Recording::default() };
        let finished = match &self.journal {
            None => prepared.run(recording, watch)?,
            Some(journal) => {
                let (ready, _) = prepared.split();
                let mut hosts = JournalBackend::new(journal, Seed(seed));
                ready.run_on(&mut hosts, recording, watch).map_err(|why| match why {
                    RunError::Backend(why) => ExplainError::Journal(why),
                    why => why.into(),
                })?
            }
        };
        let Manifest { fingerprint, workload_fingerprint, .. } = self.manifest;
        let records = &finished.records;
        for (then, now) in [
            (workload_fingerprint, records.workload_fingerprint),
            (fingerprint, records.fingerprint),
        ] {
            let now = now.to_string();
            if *then != now {
                return Err(ExplainError::Differs { then: then.clone(), now });
            }
        }
        Ok(finished)
    }
}
