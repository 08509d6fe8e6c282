//! Tests that a trace from a cache, or read ahead, is the trace.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::ENTRY;
use crate::des::{Seed, SimTime};
use crate::model::{CapacityId, TaskDefinition};
use crate::workload::format::{Opening, Reading};
use crate::workload::trace::TraceCache;
use crate::workload::{External, Ids};

const HEADER: &str = "submit_s,run_s,name,cpu,memory_mib,family,group,count,gang,exit,gpus,ports,\
                      network_mode,architecture,constraint\n";

/// Everything a row can say, some of it in quotes.
const ROWS: &str = "0,1.5,a,256,512,,,,,,,80|443/tcp,,,\n\
    0,,\"b, \"\"x\"\"\",256,512,web,batch,3,true,1,,,,,\n\
    1,2,\"c\nd\",256,512,web,batch,1,,,2,,,ARM64,\"distinctInstance; attribute:z == 'a;b'\"\n\
    1,2,é,256,512,\"w\n\"\"w\",,1,,0,1,,awsvpc,,\n\
    9,2,,0256,512,,,1,false,-1,,443/tcp|80,bridge,,\n";

/// A trace `t.csv` in a directory of its own.
struct Place {
    directory: TempDir,
    keys: &'static str,
}

/// What a trace yields: events, definitions, the error at its end, and notes.
type Outcome = (Vec<(SimTime, External)>, Vec<TaskDefinition>, Option<String>);

impl Place {
    fn new(text: &str) -> Place {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("t.csv"), text).unwrap();
        Place { directory, keys: "" }
    }

    fn read(&self, how: &Reading) -> (Outcome, Vec<String>) {
        let keys = format!("file = \"t.csv\"\n{}", self.keys);
        let at = Opening {
            workload: "w".to_owned(),
            seed: Seed(1),
            capacity: CapacityId(0),
            placer: 0,
            directory: self.directory.path().to_owned(),
            from_command_line: BTreeSet::new(),
        };
        let mut trace = (ENTRY.parse)(keys.parse().unwrap()).unwrap().open_with(&at, how).unwrap();
        let mut ids = Ids::default();
        let mut events = Vec::new();
        let error = loop {
            match trace.events.next_event(&mut ids) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break None,
                Err(why) => break Some(why.0),
            }
        };
        let definitions = ids.definitions().iter().map(|one| TaskDefinition::clone(one)).collect();
        ((events, definitions, error), trace.warnings)
    }

    fn plain(&self) -> Outcome {
        self.read(&Reading::default()).0
    }

    fn cached(&self) -> (Outcome, Vec<String>) {
        let cache = TraceCache::new(self.directory.path().join("cache"));
        self.read(&Reading { ahead: true, cache: Some(Arc::new(cache)) })
    }

    /// Files of the cache, temporary ones too.
    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.directory.path().join("cache")) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// More rows than one batch has.
fn long() -> String {
    let row = |row| format!("{row},1,n{row},{},512,f{},,,,,,,,,\n", 1 + row % 7, row % 3000);
    HEADER.to_owned() + &(0..10_000).map(row).collect::<String>()
}

#[test]
fn a_cached_trace_is_the_trace() {
    for text in [format!("{HEADER}{ROWS}"), long()] {
        let place = Place::new(&text);
        let plain = place.plain();
        assert!(plain.0.len() >= 5 && plain.2.is_none());
        assert_eq!(place.cached(), (plain.clone(), Vec::new()), "made");
        let made = place.files();
        assert_eq!(made.len(), 1, "{made:?}");
        let bytes = fs::read(&made[0]).unwrap();
        assert_eq!(place.cached(), (plain.clone(), Vec::new()), "found");
        assert_eq!(fs::read(&made[0]).unwrap(), bytes);
        let ahead = place.read(&Reading { ahead: true, cache: None });
        assert_eq!(ahead, (plain, Vec::new()), "ahead");
    }
}

#[test]
fn another_trace_or_another_way_to_read_it_is_another_file() {
    let mut place = Place::new(&long());
    place.cached();
    place.keys = "limit = 3";
    assert_eq!(place.cached().0.0.len(), 3);
    assert_eq!(place.files().len(), 2);
    fs::write(place.directory.path().join("t.csv"), format!("{HEADER}{ROWS}")).unwrap();
    assert_eq!(place.cached().0, place.plain());
    assert_eq!(place.files().len(), 3);
}

#[test]
fn a_damaged_file_is_made_again() {
    let place = Place::new(&format!("{HEADER}{ROWS}"));
    let plain = place.plain();
    place.cached();
    let path = place.files().remove(0);
    let whole = fs::read(&path).unwrap();
    let mut wrong: Vec<Vec<u8>> = (0..whole.len()).map(|at| whole[..at].to_vec()).collect();
    wrong.push([&whole[..], b"x"].concat());
    wrong.push([&whole[..], &whole[64..]].concat());
    wrong.extend((0..whole.len()).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    }));
    for bytes in wrong {
        fs::write(&path, &bytes).unwrap();
        let (read, notes) = place.cached();
        assert_eq!(read, plain);
        assert!(notes.len() == 1 && notes[0].contains("it was made again"), "{notes:?}");
        assert!(fs::read(&path).unwrap() == whole, "it is not as it was");
    }
    assert_eq!(place.files().len(), 1, "temporary files are left");
}

#[test]
fn a_trace_with_an_error_is_not_kept() {
    let place = Place::new(&format!("{}10000,oops,n,1,1,,,,,,,,,,\n", long()));
    let plain = place.plain();
    assert!(plain.2.as_ref().unwrap().contains("line 10002"), "{plain:?}");
    assert_eq!(place.cached(), (plain, Vec::new()));
    assert!(place.files().is_empty(), "{:?}", place.files());
}

#[test]
fn a_directory_that_cannot_be_used_costs_nothing_but_a_note() {
    let place = Place::new(&format!("{HEADER}{ROWS}"));
    fs::write(place.directory.path().join("cache"), "a file").unwrap();
    let (read, notes) = place.cached();
    assert_eq!(read, place.plain());
    assert!(notes.len() == 1 && notes[0].contains("cannot be used"), "{notes:?}");
}
