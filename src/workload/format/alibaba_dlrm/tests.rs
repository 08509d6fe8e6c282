//! Tests of the format on small tables; `tests/dlrm.rs` reads the published one.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::ENTRY;
use crate::des::{Seed, SimDuration, SimTime};
use crate::model::{
    CapacityId, Cpu, GpuRequest, Limits, Outcome, PlacementConstraint, RequiredAttribute,
    Submission, TaskDefinition,
};
use crate::workload::format::{Opening, Trace, TraceFormat};
use crate::workload::{
    Behaviour, External, Ids, ServiceChange, ServicePlan, ServiceTasks, UsageId,
};

const HEADER: &str = "instance_sn,role,app_name,cpu_request,cpu_limit,gpu_request,gpu_limit,\
    rdma_request,rdma_limit,memory_request,memory_limit,disk_request,disk_limit,\
    max_instance_per_node,creation_time,scheduled_time,deletion_time\n";

/// Two instances of a group exist before the start; the third is created while the first is there.
const ROWS: &str = "\
    a,HN,x,12,12,1,1,25,25,120.0,120.0,640.0,800.0,2,,,100.0\n\
    b,HN,x,12,12,1,1,25,25,120.0,120.0,680.0,800.0,2,,,\n\
    c,CN,x,64,64,0,0,1,1,937.5,1000,255.0,300.0,-1,50.0,60.000000000000007,250\n\
    d,HN,x,12,12,1,1,25,25,120.0,120.0,640.0,800.0,2,40.0,90,200\n\
    e,HN,y,12,12,1,1,25,25,120.0,120.0,640.0,800.0,2,40.0,40,\n";

/// A directory with a trace, and the keys to read it with.
struct Case {
    directory: TempDir,
    keys: String,
}

impl Case {
    fn new(trace: impl AsRef<[u8]>, more_keys: &str) -> Case {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("t.csv"), trace).unwrap();
        Case { directory, keys: format!("file = \"t.csv\"\n{more_keys}") }
    }

    fn of_rows(rows: &str, more_keys: &str) -> Case {
        Case::new(format!("{HEADER}{rows}"), more_keys)
    }

    fn format(&self) -> Box<dyn TraceFormat> {
        (ENTRY.parse)(self.keys.parse().unwrap()).unwrap()
    }

    fn at(&self) -> Opening {
        Opening {
            workload: "w".to_owned(),
            seed: Seed(1),
            capacity: CapacityId(0),
            placer: 3,
            directory: self.directory.path().to_owned(),
            from_command_line: BTreeSet::new(),
        }
    }

    fn open(&self) -> Trace {
        self.format().open(&self.at()).unwrap()
    }

    fn error(&self) -> String {
        let error = self.format().open(&self.at()).unwrap_err().to_string();
        error.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

/// All submissions of a trace, and the definitions by id.
fn submissions(mut trace: Trace) -> (Vec<(SimTime, Submission, Behaviour)>, Vec<String>) {
    let mut ids = Ids::default();
    let mut events = Vec::new();
    assert!(trace.services.is_empty());
    while let Some((at, event)) = trace.events.next_event(&mut ids).unwrap() {
        let External::Submit(submission, behaviour) = event else { panic!("no submission") };
        events.push((at, submission, behaviour));
    }
    (events, ids.definitions().iter().map(|one| one.family.clone()).collect())
}

fn secs(seconds: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(seconds)
}

const HN_X: &str = "w-x-HN-12vcpu-122880mib-1gpu-most2";
const HN_Y: &str = "w-y-HN-12vcpu-122880mib-1gpu-most2";
const CN_X: &str = "w-x-CN-64vcpu-960000mib-0gpu-to-64vcpu-1024000mib";

/// A change of a desired count and of nothing else.
fn count(change: &ServiceChange) -> (SimTime, u32) {
    assert!(change.tasks.is_none());
    (change.at, change.desired_count.unwrap())
}

#[test]
fn groups_become_services_whose_counts_follow_the_trace() {
    let case = Case::of_rows(ROWS, "");
    assert!(case.format().brings_services(), "by default");
    let mut trace = case.open();
    assert!(trace.machines.is_empty());
    assert!(trace.events.next_event(&mut Ids::default()).unwrap().is_none());
    let counts = |plan: &ServicePlan| {
        let ServiceTasks { definition, run_time, usage, .. } = &plan.tasks;
        let is_plain = run_time.is_none() && usage.is_none();
        assert_eq!((plan.spec.placer, is_plain), (3, true));
        assert_eq!(definition.family, plan.spec.name);
        let first = (plan.start, plan.spec.desired_count);
        let all = std::iter::once(first).chain(plan.changes.iter().map(count));
        (plan.spec.name.clone(), all.collect::<Vec<_>>())
    };
    let plans: Vec<_> = trace.services.iter().map(counts).collect();
    let expected = [
        (HN_X, vec![(secs(0), 2), (secs(40), 3), (secs(100), 2), (secs(200), 1)]),
        (CN_X, vec![(secs(50), 1), (secs(250), 0)]),
        (HN_Y, vec![(secs(40), 1)]),
    ];
    assert_eq!(plans, expected.map(|(name, counts)| (name.to_owned(), counts)));
}

#[test]
fn services_that_are_there_are_updated_after_what_else_changes_then() {
    let services = Case::of_rows(ROWS, "rolling_update_at = \"40s\"").open().services;
    let changes = |plan: &ServicePlan| {
        let change = |one: &ServiceChange| {
            let revision = one.tasks.as_ref().map(|tasks| tasks.definition.revision);
            (one.at, one.desired_count, revision)
        };
        plan.changes.iter().map(change).collect::<Vec<_>>()
    };
    let update = (secs(40), None, Some(1));
    let to = |at, count| (secs(at), Some(count), None);
    assert_eq!(changes(&services[0]), [to(40, 3), update, to(100, 2), to(200, 1)]);
    assert_eq!(changes(&services[1]), [to(250, 0)], "it is not there yet");
    assert_eq!(changes(&services[2]), [update]);
}

#[test]
fn instances_become_tasks_that_run_as_long_as_they_existed() {
    let case = Case::of_rows(ROWS, "as = \"tasks\"");
    assert!(!case.format().brings_services());
    let trace = case.open();
    assert_eq!(trace.events.len_hint(), Some(5));
    let (events, families) = submissions(trace);
    let seen: Vec<_> = events
        .iter()
        .map(|(at, submission, behaviour)| {
            assert_eq!((submission.count, submission.all_or_nothing), (1, false));
            assert_eq!(behaviour.ends, Outcome::Completed);
            assert_eq!(behaviour.usage, UsageId::RESERVED);
            let family = families[submission.definition.index()].as_str();
            let (group, label) = (submission.group.as_deref(), submission.label.as_deref());
            (*at, label.unwrap(), group.unwrap(), family, behaviour.run_time)
        })
        .collect();
    let ran = |seconds| Some(SimDuration::from_secs(seconds));
    // From creation, not from when the trace's scheduler got round to it.
    let expected = [
        (secs(0), "a", "x", HN_X, ran(100)),
        (secs(0), "b", "x", HN_X, None),
        (secs(40), "d", "x", HN_X, ran(160)),
        (secs(40), "e", "y", HN_Y, None),
        (secs(50), "c", "x", CN_X, ran(200)),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn what_an_instance_asks_for_is_what_the_definition_says() {
    let definitions = |keys: &str| {
        let case = Case::of_rows(ROWS, keys);
        case.format().definitions(&case.at()).unwrap()
    };
    let vcpus = |count| Cpu::from_vcpus(count).unwrap();
    let limits = |count, memory_mib| Limits {
        cpu: Some(vcpus(count)),
        memory_mib: Some(memory_mib),
    };
    let most = PlacementConstraint::AtMost(2.try_into().unwrap());
    let hn = TaskDefinition {
        gpu: GpuRequest::whole(1),
        constraints: vec![most],
        limits: limits(12, 122_880),
        ..TaskDefinition::new(HN_X, vcpus(12), 122_880)
    };
    let cn = TaskDefinition {
        limits: limits(64, 1_024_000),
        ..TaskDefinition::new(CN_X, vcpus(64), 960_000)
    };
    let y = TaskDefinition { family: HN_Y.to_owned(), ..hn.clone() };
    assert_eq!(definitions(""), [(hn.clone(), 3), (cn.clone(), 1), (y, 1)]);
    let role = |value: &str| {
        vec![RequiredAttribute { name: "node".to_owned(), any_of: vec![value.to_owned()] }]
    };
    let with_roles = definitions("role_attribute = \"node\"");
    assert_eq!(with_roles[0].0, TaskDefinition { required_attributes: role("HN"), ..hn });
    assert_eq!(with_roles[1].0, TaskDefinition { required_attributes: role("CN"), ..cn });
}

#[test]
fn a_limit_of_one_is_distinct_instance() {
    let rows = "a,HN,x,1,1,0,0,0,0,1,1,0,0,1,,,\n";
    let definition = &Case::of_rows(rows, "").open().services[0].tasks.definition;
    assert_eq!(definition.constraints, [PlacementConstraint::DISTINCT_INSTANCE]);
}

#[test]
fn what_is_dropped_is_told() {
    let told = |rows: &str, keys: &str| Case::of_rows(rows, keys).open().warnings;
    let columns = "rdma_request, rdma_limit, disk_request, disk_limit are not modelled: 5 \
        instances are placed without regard to them";
    assert_eq!(told(ROWS, ""), [columns]);
    assert_eq!(told(ROWS, "as = \"tasks\""), [columns]);
    let more = "f,HN,y,16,16,1,1,25,25,120.0,120.0,640.0,800.0,-1,40.0,40,40.0\n";
    let told_more = told(&format!("{ROWS}{more}"), "");
    assert_eq!(told_more.len(), 3);
    assert!(told_more[1].starts_with("1 instances were deleted at the time of their creation"));
    assert!(told_more[2].starts_with("1 of 3 pairs of app and role are several services"));
    let without = "instance_sn,role,app_name,cpu_request,cpu_limit,gpu_request,gpu_limit,\
        memory_request,memory_limit,max_instance_per_node,creation_time,scheduled_time,\
        deletion_time\na,CN,x,1,1,0,0,1,1,-1,,,\n";
    assert!(Case::new(without, "").open().warnings.is_empty());
}

#[test]
fn an_instance_that_never_was_leaves_a_service_without_tasks() {
    let services = Case::of_rows("a,CN,x,1,1,0,0,0,0,1,1,0,0,-1,7,7,7\n", "").open().services;
    let [plan] = services.as_slice() else { panic!("one service") };
    assert_eq!((plan.start, plan.spec.desired_count, plan.changes.len()), (secs(7), 0, 0));
}

#[test]
fn a_count_that_stays_is_no_change() {
    let rows = "a,CN,x,1,1,0,0,0,0,1,1,0,0,-1,,,7\nb,CN,x,1,1,0,0,0,0,1,1,0,0,-1,7,7,9\n";
    let plan = &Case::of_rows(rows, "").open().services[0];
    assert_eq!(plan.spec.desired_count, 1);
    assert_eq!(plan.changes.iter().map(count).collect::<Vec<_>>(), [(secs(9), 0)]);
}

#[test]
fn a_compressed_file_is_the_same() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(format!("{HEADER}{ROWS}").as_bytes()).unwrap();
    let compressed = Case::new(encoder.finish().unwrap(), "as = \"tasks\"").open();
    let plain = Case::of_rows(ROWS, "as = \"tasks\"").open();
    assert_eq!(submissions(compressed), submissions(plain));
}

/// A good row with one value changed.
fn with(column: &str, value: &str) -> Case {
    let good = "a,HN,x,12,12,1,1,25,25,120.0,120.0,640.0,800.0,2,10,20,30";
    let names: Vec<&str> = HEADER.trim_end().split(',').collect();
    let place = names.iter().position(|name| *name == column).unwrap();
    let mut values: Vec<&str> = good.split(',').collect();
    values[place] = value;
    Case::of_rows(&format!("{good}\n{}\n", values.join(",").replacen('a', "b", 1)), "")
}

#[test]
fn bad_values_are_refused_with_line_and_remedy() {
    for (column, value, problem) in [
        ("role", "XN", "\"XN\" is no role: write CN or HN"),
        ("role", "", "write CN or HN"),
        ("app_name", "", "is no value: fill it in"),
        ("cpu_request", "1.5", "is not a whole number"),
        ("cpu_request", "40000", "is too large: at most 33554"),
        ("cpu_request", "13", "column 'cpu_limit': \"12\" is below cpu_request"),
        ("cpu_limit", "11", "is below cpu_request"),
        ("memory_request", "120.5", "column 'memory_limit': \"120.0\" is below memory_request"),
        ("memory_request", "120.1", "is a whole number of MiB"),
        ("memory_request", "1e2", "write GiB as a decimal such as 40 or 937.5"),
        ("memory_request", "-1", "without sign"),
        ("memory_request", "", "is not an amount of memory"),
        ("memory_request", "1.", "is not an amount of memory"),
        ("memory_limit", "4194304", "is not an amount of memory"),
        ("memory_limit", "0.12345678901", "is not an amount of memory"),
        ("gpu_request", "33", "is too large: at most 32 GPUs"),
        ("gpu_request", "0.5", "is not a whole number"),
        ("gpu_limit", "2", "is not gpu_request"),
        ("max_instance_per_node", "0", "is no limit: write 1 or more, or -1"),
        ("max_instance_per_node", "-2", "is no limit"),
        ("max_instance_per_node", "+2", "is no limit"),
        ("max_instance_per_node", "", "is no limit"),
        ("creation_time", "NaN", "is not a time in seconds"),
        ("creation_time", "", "column 'scheduled_time': \"20\" is there although creation_time"),
        ("creation_time", "21", "column 'scheduled_time': \"20\" is before creation_time 21"),
        ("scheduled_time", "9.5", "is before creation_time 10: correct or remove the row"),
        ("deletion_time", "19", "is before 20, when the instance was created or scheduled"),
    ] {
        let error = with(column, value).error();
        assert!(error.starts_with("t.csv, line 3: column '"), "{column} {value}: {error}");
        assert!(error.contains(problem), "{column} {value}: {error}");
    }
    let never_scheduled = with("scheduled_time", "").open();
    assert_eq!(never_scheduled.services.len(), 1);
}

#[test]
fn bad_files_are_refused() {
    let twice = ROWS.replace("\nb,", "\na,");
    let error = Case::of_rows(&twice, "").error();
    let problem = "column 'instance_sn': \"a\" stands at line 2 already: remove or rename one";
    assert_eq!(error, format!("t.csv, line 3: {problem}"));
    let empty = Case::of_rows("", "").error();
    assert_eq!(empty, "t.csv: no instances behind the header");
    let other = Case::new("role,app_nam\nHN,x\n", "").error();
    assert!(other.starts_with("t.csv, line 1: "), "{other}");
    assert!(other.contains("did you mean 'app_name'?"), "{other}");
    assert!(Case::of_rows("a,HN\n", "").error().contains("2 fields where the header has 17"));
}

#[test]
fn bad_keys_are_refused_and_the_others_resolved() {
    let refused = |keys: &str| (ENTRY.parse)(keys.parse().unwrap()).unwrap_err().to_string();
    assert!(refused("as = \"tasks\"").contains("missing field `file`"));
    assert!(refused("file = \"t\"\nas = \"task\"").contains("expected `services` or `tasks`"));
    assert!(refused("file = \"t\"\norder = \"o\"").contains("unknown field `order`"));
    let resolved = Case::of_rows(ROWS, "").format().resolved();
    let expected = "file = \"t.csv\"\nas = \"services\"\nrole_attribute = \"\"";
    assert_eq!(resolved, expected.parse().unwrap());
    assert!((ENTRY.parse)(resolved).is_ok());
    let case = Case::of_rows(ROWS, "");
    let path = case.directory.path().join("t.csv");
    assert_eq!(case.format().files(&case.at()), [("file", path)]);
}
