//! Tests of towtank's own trace format.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::ENTRY;
use crate::des::{Seed, SimDuration, SimTime};
use crate::model::{
    CapacityId, Cpu, GpuRequest, HostPort, NetworkMode, Outcome, PlacementConstraint, Protocol,
    Submission, TaskDefinition,
};
use crate::workload::format::{Opening, TraceFormat};
use crate::workload::{Behaviour, External, Ids, UsageId, WorkloadError};

type Events = Vec<(SimTime, Submission, Behaviour)>;

fn format(keys: &str) -> Box<dyn TraceFormat> {
    (ENTRY.parse)(format!("file = \"t.csv\"\n{keys}").parse().unwrap()).unwrap()
}

fn opening(directory: &TempDir) -> Opening {
    Opening {
        workload: "w".to_owned(),
        seed: Seed(1),
        capacity: CapacityId(0),
        placer: 0,
        directory: directory.path().to_owned(),
        from_command_line: BTreeSet::new(),
    }
}

fn written(bytes: &[u8]) -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("t.csv"), bytes).unwrap();
    directory
}

fn read(bytes: &[u8], keys: &str) -> Result<(Events, Vec<TaskDefinition>), String> {
    let directory = written(bytes);
    let short = |error: WorkloadError| {
        error
            .to_string()
            .replace(&format!("{}/", directory.path().display()), "")
    };
    let mut trace = format(keys).open(&opening(&directory)).map_err(short)?;
    assert!(trace.machines.is_empty());
    let mut ids = Ids::default();
    let mut events = Vec::new();
    while let Some((at, event)) = trace.events.next_event(&mut ids).map_err(short)? {
        let External::Submit(submission, behaviour) = event else {
            panic!("no submission")
        };
        events.push((at, submission, behaviour));
    }
    let definitions = ids
        .definitions()
        .iter()
        .map(|one| TaskDefinition::clone(one))
        .collect();
    Ok((events, definitions))
}

fn error(text: &str) -> String {
    read(text.as_bytes(), "").expect_err(text)
}

/// The definition of one task with these columns besides the ones required.
fn definition(columns: &str, values: &str) -> Result<TaskDefinition, String> {
    let text = format!("submit_s,run_s,cpu,memory_mib,{columns}\n0,1,256,512,{values}\n");
    read(text.as_bytes(), "").map(|(_, mut definitions)| definitions.remove(0))
}

#[test]
fn rows_become_submissions() {
    let text = "submit_s,run_s,cpu,memory_mib,name,group,count,gang,exit\n\
        0,10.5,256,512,a,,,,\n\
        0,,256,512,b,batch,3,true,0\n\
        2.25,0,1024,2048,c,,1,false,137\n";
    let (events, definitions) = read(text.as_bytes(), "").unwrap();
    let micros: Vec<u64> = events.iter().map(|event| event.0.micros()).collect();
    assert_eq!(micros, [0, 0, 2_250_000]);
    let used: Vec<usize> = events
        .iter()
        .map(|event| event.1.definition.index())
        .collect();
    assert_eq!(used, [0, 0, 1]);
    let ids: Vec<u64> = events.iter().map(|event| event.1.id.0).collect();
    assert_eq!(ids, [0, 1, 2]);
    let counts: Vec<(u32, bool)> = events
        .iter()
        .map(|event| (event.1.count, event.1.all_or_nothing))
        .collect();
    assert_eq!(counts, [(1, false), (3, true), (1, false)]);
    assert_eq!(events[1].1.group.as_deref(), Some("batch"));
    assert_eq!(events[1].1.label.as_deref(), Some("b"));
    let run_time = SimDuration::from_micros(10_500_000);
    let behaviours: Vec<Behaviour> = events.iter().map(|event| event.2).collect();
    let expected = [
        Behaviour {
            run_time: Some(run_time),
            ends: Outcome::Completed,
            usage: UsageId::RESERVED,
        },
        Behaviour {
            run_time: None,
            ends: Outcome::Completed,
            usage: UsageId::RESERVED,
        },
        Behaviour {
            run_time: Some(SimDuration::ZERO),
            ends: Outcome::Failed,
            usage: UsageId::RESERVED,
        },
    ];
    assert_eq!(behaviours, expected);
    assert_eq!(definitions[0].family, "w-256u-512mib");
    assert_eq!(definitions[1].cpu, Cpu::VCPU);
}

#[test]
fn an_end_can_stand_for_the_run_time() {
    let text = "submit_s,end_s,cpu,memory_mib\n5,7.5,1,1\n6,,1,1\n7,7,1,1\n";
    let (events, _) = read(text.as_bytes(), "").unwrap();
    let micros = |behaviour: Behaviour| behaviour.run_time.map(SimDuration::micros);
    let found: Vec<Option<u64>> = events.iter().map(|event| micros(event.2)).collect();
    assert_eq!(found, [Some(2_500_000), None, Some(0)]);
    let before = error("submit_s,end_s,cpu,memory_mib\n5,4,1,1\n");
    assert!(before.contains("t.csv, line 2: column 'end_s': \"4\" is before submit_s 5"));
    assert!(
        error("submit_s,cpu,memory_mib\n0,1,1\n").contains("line 1: column 'run_s' is missing")
    );
    let both = error("submit_s,run_s,end_s,cpu,memory_mib\n0,1,1,1,1\n");
    assert!(both.contains("remove one of them"), "{both}");
}

#[test]
fn definitions_have_everything_the_row_says() {
    let found = definition(
        "family,gpus,gpu_milli,ports,network_mode,architecture,constraint",
        "web,1,250,443|53/udp|80/tcp,host,ARM64,\
         \"distinctInstance; attribute:note == 'a;b' ;attribute:zone exists\"",
    );
    let found = found.unwrap();
    assert_eq!(
        (found.family.as_str(), found.gpu),
        ("web", GpuRequest::share(250))
    );
    let port = |protocol, port| HostPort { protocol, port };
    let ports = [
        port(Protocol::Tcp, 80),
        port(Protocol::Tcp, 443),
        port(Protocol::Udp, 53),
    ];
    assert_eq!(found.host_ports, ports);
    assert_eq!(found.network_mode, NetworkMode::Host);
    assert_eq!(found.required_attributes[0].name, "ecs.cpu-architecture");
    assert_eq!(found.required_attributes[0].any_of, ["arm64"]);
    let sources: Vec<&str> = found.constraints.iter().map(source).collect();
    assert_eq!(
        sources,
        [
            "distinct",
            "attribute:note == 'a;b'",
            "attribute:zone exists"
        ]
    );
    assert_eq!(
        definition("gpus", "2").unwrap().family,
        "w-256u-512mib-2x1000"
    );
}

fn source(constraint: &PlacementConstraint) -> &str {
    match constraint {
        PlacementConstraint::AtMost(most) => {
            assert_eq!(most.get(), 1);
            "distinct"
        }
        PlacementConstraint::MemberOf(expression) => expression.source(),
    }
}

#[test]
fn bad_values_are_refused() {
    let cases = [
        ("ports", "80|80", "has a port twice"),
        ("ports", "0/tcp", "is no list of ports"),
        ("ports", "65536", "is no list of ports"),
        ("ports", "+80", "is no list of ports"),
        ("ports", "80/sctp", "is no list of ports"),
        ("ports,network_mode", "80,awsvpc", "leave it empty"),
        ("network_mode", "bridged", "is no network mode"),
        ("architecture", "sparc", "is no architecture"),
        ("constraint", "attribute:", "column 'constraint'"),
        ("constraint", "distinctInstance;", "the expression is empty"),
        ("count", "0", "is no task"),
        ("count", "1.5", "is not a whole number"),
        ("gang", "yes", "is neither true nor false"),
        ("exit", "-", "is no exit code"),
        ("exit", "ok", "is no exit code"),
        ("gpu_milli", "500", "is a share of no GPU"),
    ];
    for (columns, values, expected) in cases {
        let error = definition(columns, values).expect_err(values);
        assert!(error.contains("t.csv, line 2: column '"), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    for time in ["NaN", "-1", "1e400", "inf", ""] {
        let error = error(&format!("submit_s,run_s,cpu,memory_mib\n{time},1,1,1\n"));
        assert!(error.contains("line 2: column 'submit_s'"), "{error}");
    }
    assert!(error("submit_s,run_s,cpu,memory_mib\n0,1,0.25,1\n").contains("column 'cpu'"));
    assert!(error("submit_s,run_s,cpu,memory_mb\n").contains("did you mean 'memory_mib'?"));
    assert!(error("submit_s;run_s;cpu;memory_mib\n").contains("separated by semicolons"));
    assert!(definition("exit", "-0").is_ok() && definition("exit", "-9").is_ok());
}

#[test]
fn order_names_and_emptiness_are_checked() {
    let unordered = error("submit_s,run_s,cpu,memory_mib\n1,1,1,1\n3,1,1,1\n2,1,1,1\n");
    assert_eq!(
        unordered,
        "t.csv, line 4: column 'submit_s': \"2\" is before 3 at line 3: sort the rows by submit_s"
    );
    let repeated = "name,submit_s,run_s,cpu,memory_mib\na,1,1,1,1\nb,1,1,1,1\n\na,2,1,1,1\n";
    let refused = error(repeated);
    assert!(
        refused.contains("line 5: column 'name': \"a\" stands at line 2 already"),
        "{refused}"
    );
    assert_eq!(
        read(repeated.as_bytes(), "unique_names = false")
            .unwrap()
            .0
            .len(),
        3
    );
    let unnamed = "name,submit_s,run_s,cpu,memory_mib\n,1,1,1,1\n,1,1,1,1\n";
    assert_eq!(read(unnamed.as_bytes(), "").unwrap().0.len(), 2);
    assert_eq!(
        error("submit_s,run_s,cpu,memory_mib\n"),
        "t.csv: no tasks behind the header"
    );
    assert_eq!(error(""), "t.csv: no rows: the file is empty");
}

#[test]
fn a_limit_ends_the_trace() {
    let text = "submit_s,run_s,cpu,memory_mib\n1,1,1,1\n2,1,1,1\nrubbish\n";
    assert_eq!(read(text.as_bytes(), "limit = 2").unwrap().0.len(), 2);
    assert!(read(text.as_bytes(), "limit = 3").is_err());
    let keys = |text: &str| (ENTRY.parse)(text.parse().unwrap());
    assert!(
        keys("file = \"t\"\nlimit = 0")
            .unwrap_err()
            .to_string()
            .starts_with("limit: 0 rows")
    );
    assert!(keys("file = \"t\"\nlimit = -1").is_err());
    assert!(
        keys("fil = \"t\"")
            .unwrap_err()
            .to_string()
            .contains("unknown field `fil`")
    );
    let resolved = format("limit = 2").resolved();
    assert_eq!(keys(&resolved.to_string()).unwrap().resolved(), resolved);
    assert_eq!(resolved["unique_names"].as_bool(), Some(true));
}

#[test]
fn definitions_count_tasks_and_not_rows() {
    let text = "submit_s,run_s,cpu,memory_mib,count,ports\n\
        0,1,256,512,2,80\n0,2,256,512,,80/tcp\n0,3,128,512,5,\n";
    let directory = written(text.as_bytes());
    let found = format("").definitions(&opening(&directory)).unwrap();
    let counts: Vec<(u32, u64)> = found
        .iter()
        .map(|(definition, count)| (definition.cpu.0, *count))
        .collect();
    assert_eq!(counts, [(256 * 125, 3), (128 * 125, 5)]);
}

#[test]
fn a_truncated_file_fails_after_its_first_events() {
    let mut text = b"submit_s,run_s,cpu,memory_mib\n".to_vec();
    for index in 0..100_000 {
        writeln!(text, "{index},{},256,{}", index % 977, index % 7).unwrap();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&text).unwrap();
    let whole = encoder.finish().unwrap();
    assert_eq!(read(&whole, "").unwrap().0.len(), 100_000);
    let directory = written(&whole[..whole.len() - 100]);
    let mut trace = format("").open(&opening(&directory)).unwrap();
    let mut ids = Ids::default();
    let mut count = 0;
    let error = loop {
        match trace.events.next_event(&mut ids) {
            Ok(Some(_)) => count += 1,
            Ok(None) => panic!("a truncated file ended like a whole one"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(count > 50_000, "{count} events before the error");
    assert!(error.contains("truncated"), "{error}");
    assert_eq!(
        trace.events.next_event(&mut ids).unwrap_err().to_string(),
        error
    );
    assert!(format("").definitions(&opening(&directory)).is_err());
}
