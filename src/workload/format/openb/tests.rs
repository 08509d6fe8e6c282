//! Tests of the openb format, on small files and, where they are, on the published ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::ENTRY;
use crate::des::{Seed, SimDuration, SimTime};
use crate::model::{CapacityId, Cpu, GpuRequest, InstanceSpec, Outcome, TaskDefinition};
use crate::workload::format::{Opening, Trace, TraceFormat};
use crate::workload::{Behaviour, External, Ids, UsageId, Submission};

const NODES: &str = "sn,cpu_milli,memory_mib,gpu,model
n0,64000,262144,2,P100
n1,96000,393216,8,T4
n2,32000,131072,0,
";

const PODS: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,\
creation_time,deletion_time,scheduled_time
p0,12000,16384,1,1000,,LS,Running,40,100,45
p1,6000,12288,1,460,T4|P100|T4,LS,Failed,10,10,10
p2,4000,8192,0,0,T4,BE,Pending,10,12.5,
p3,12000,16384,1,1000,,BE,Succeeded,0,,0
p4,8000,1024,4,1000,P100,BE,Succeeded,20,30,20
";

const ORDER: &str = "kind,rank,name
pod,1,p1
node,2,n0
node,0,n1
node,1,n2
pod,0,p4
pod,3,p0
pod,2,p1
";

/// A scenario's directory with files, and its keys.
struct Case {
    directory: TempDir,
    keys: String,
}

impl Case {
    fn new(files: &[(&str, &str)], more_keys: &str) -> Case {
        let directory = TempDir::new().unwrap();
        let mut keys = more_keys.to_owned();
        for (key, text) in files {
            fs::write(directory.path().join(key), text).unwrap();
            keys = format!("{key} = \"{key}\"\n{keys}");
        }
        Case { directory, keys }
    }

    fn format(&self) -> Box<dyn TraceFormat> {
        (ENTRY.parse)(self.keys.parse().unwrap()).unwrap()
    }

    fn at(&self, seed: u64) -> Opening {
        opening(self.directory.path().to_owned(), seed)
    }

    fn open(&self, seed: u64) -> Trace {
        self.format().open(&self.at(seed)).unwrap()
    }

    fn error(&self) -> String {
        let error = self.format().open(&self.at(1)).unwrap_err().to_string();
        error.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

fn opening(directory: PathBuf, seed: u64) -> Opening {
    Opening {
        workload: "w".to_owned(),
        seed: Seed(seed),
        capacity: CapacityId(3),
        placer: 0,
        directory,
        from_command_line: BTreeSet::new(),
    }
}

/// All submissions of a trace.
fn events(trace: &mut Trace) -> (Vec<(SimTime, Submission, Behaviour)>, Vec<TaskDefinition>) {
    let mut ids = Ids::default();
    let mut events = Vec::new();
    while let Some((at, event)) = trace.events.next_event(&mut ids).unwrap() {
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
    (events, definitions)
}

fn labels(trace: &mut Trace) -> Vec<String> {
    let label = |(_, submission, _): (_, Submission, _)| submission.label.unwrap().into_string();
    events(trace).0.into_iter().map(label).collect()
}

fn names(machines: &[InstanceSpec]) -> Vec<&str> {
    machines
        .iter()
        .map(|machine| machine.name.as_str())
        .collect()
}

fn refused_keys(keys: &str) -> String {
    (ENTRY.parse)(keys.parse().unwrap())
        .unwrap_err()
        .to_string()
}

fn seconds(micros: u64) -> SimDuration {
    SimDuration::from_micros(micros)
}

#[test]
fn an_order_file_ranks_machines_and_pods() {
    let case = Case::new(&[("nodes", NODES), ("pods", PODS), ("order", ORDER)], "");
    let mut trace = case.open(1);
    assert_eq!(names(&trace.machines), ["n1", "n2", "n0"]);
    let machine = &trace.machines[0];
    assert_eq!(
        (machine.cpu, machine.memory_mib),
        (Cpu::from_milli(96_000).unwrap(), 393_216)
    );
    assert_eq!((machine.gpus, machine.capacity), (8, CapacityId(3)));
    assert_eq!(machine.attributes.get("gpu-model"), Some("T4"));
    assert_eq!(trace.machines[1].attributes.get("gpu-model"), None);
    assert_eq!(trace.events.len_hint(), Some(4));
    let (events, definitions) = events(&mut trace);
    let stays = Behaviour {
        run_time: None,
        ends: Outcome::Completed,
            usage: UsageId::RESERVED,
    };
    let mut found = Vec::new();
    for (at, submission, behaviour) in &events {
        assert_eq!((*behaviour, submission.count), (stays, 1));
        found.push((
            at.micros() / 1_000_000,
            submission.label.as_deref().unwrap(),
        ));
    }
    assert_eq!(found, [(1, "p4"), (2, "p1"), (3, "p1"), (4, "p0")]);
    let used: Vec<usize> = events
        .iter()
        .map(|event| event.1.definition.index())
        .collect();
    assert_eq!(used, [0, 1, 1, 2]);
    let ids: Vec<u64> = events.iter().map(|event| event.1.id.0).collect();
    assert_eq!(ids, [0, 1, 2, 3]);
    assert_eq!(definitions[0].gpu, GpuRequest::whole(4));
    assert_eq!(definitions[1].gpu, GpuRequest::share(460));
    assert_eq!(definitions[1].required_attributes[0].name, "gpu-model");
    assert_eq!(definitions[1].required_attributes[0].any_of, ["T4", "P100", "T4"]);
    assert_eq!(definitions[1].family, "w-6000m-12288mib-1x460-T4_P100_T4");
    assert_eq!(definitions[2].family, "w-12000m-16384mib-1x1000");
}

#[test]
fn definitions_count_the_pods_of_the_list() {
    let case = Case::new(&[("nodes", NODES), ("pods", PODS), ("order", ORDER)], "");
    let definitions = case.format().definitions(&case.at(1)).unwrap();
    let counts: Vec<u64> = definitions.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [2, 1, 1, 1]);
    assert_eq!(definitions[2].0.gpu, GpuRequest::default());
    assert!(
        definitions[2].0.required_attributes.is_empty(),
        "no GPU, so any model"
    );
    let files = case.format().files(&case.at(1));
    let keys: Vec<&str> = files.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["nodes", "pods", "order"]);
}

#[test]
fn timed_pods_come_and_go_as_in_the_trace() {
    let case = Case::new(&[("nodes", NODES), ("pods", PODS)], "arrivals = \"timed\"");
    let (events, _) = events(&mut case.open(1));
    let mut found = Vec::new();
    for (at, submission, behaviour) in events {
        let label = submission.label.unwrap().into_string();
        found.push((
            at.micros() / 1_000_000,
            label,
            behaviour.run_time,
            behaviour.ends,
        ));
    }
    let expected = [
        (0, "p3", None, Outcome::Completed),
        (10, "p1", Some(seconds(0)), Outcome::Failed),
        (10, "p2", Some(seconds(2_500_000)), Outcome::Completed),
        (20, "p4", Some(seconds(10_000_000)), Outcome::Completed),
        (40, "p0", Some(seconds(55_000_000)), Outcome::Completed),
    ];
    let expected = expected.map(|(at, name, run, ends)| (at, name.to_owned(), run, ends));
    assert_eq!(found, expected);
}

#[test]
fn without_an_order_the_seed_shuffles() {
    let rows: Vec<String> = (0..50).map(|n| format!("m{n},1000,1024,0,")).collect();
    let nodes = format!("sn,cpu_milli,memory_mib,gpu,model\n{}", rows.join("\n"));
    let case = Case::new(&[("nodes", &nodes), ("pods", PODS)], "");
    let order = |seed| {
        let mut trace = case.open(seed);
        let machines: Vec<String> = names(&trace.machines)
            .into_iter()
            .map(str::to_owned)
            .collect();
        (machines, labels(&mut trace))
    };
    assert_eq!(order(1), order(1));
    assert_ne!(order(1).0, order(2).0);
    let mut pod_orders: BTreeMap<Vec<String>, u32> = BTreeMap::new();
    for seed in 0..40 {
        let (mut machines, mut pods) = order(seed);
        *pod_orders.entry(pods.clone()).or_default() += 1;
        pods.sort_unstable();
        machines.sort_unstable();
        machines.dedup();
        assert_eq!(pods, ["p0", "p1", "p2", "p3", "p4"]);
        assert_eq!(machines.len(), 50);
    }
    assert!(
        pod_orders.len() > 20,
        "40 draws of 120 orders gave {}",
        pod_orders.len()
    );
}

#[test]
fn inflation_stops_before_the_first_copy_beyond_the_limit() {
    let nodes = "sn,cpu_milli,memory_mib,gpu,model\nn0,1,1,10,T4\n";
    let pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\nshare,1,1,1,300\nnone,1,1,0,0\n";
    // 300 of 10 000 are asked for; 40 more shares fit below 12 300, and the 41st does not.
    for (multiple, shares) in [("1.23", 41), ("1.229", 40), ("\"1.23\"", 41), ("2", 66)] {
        let keys = format!("inflate_to = {multiple}");
        let case = Case::new(&[("nodes", nodes), ("pods", pods)], &keys);
        for seed in 0..5 {
            let labels = labels(&mut case.open(seed));
            let count = labels.iter().filter(|label| *label == "share").count();
            assert_eq!(count, shares, "inflate_to = {multiple}");
            assert!(
                labels.len() > shares + 5,
                "copies of pods without GPU are drawn too"
            );
        }
    }
    // Of several GPUs only one is counted for the copy that is tried: 4 + 8 GPUs of 10.
    let pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\nfour,1,1,4,1000\n";
    let case = Case::new(&[("nodes", nodes), ("pods", pods)], "order = \"\"\ninflate_to = 0.9");
    assert_eq!(labels(&mut case.open(1)).len(), 3);
    let none = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\nnone,1,1,0,0\n";
    let case = Case::new(&[("nodes", nodes), ("pods", none)], "inflate_to = 1.3");
    assert!(
        case.error().contains("no pod asks for a GPU"),
        "{}",
        case.error()
    );
}

#[test]
fn keys_are_checked() {
    let files = "nodes = \"n\"\npods = \"p\"\n";
    assert!(refused_keys("nodes = \"n\"").contains("missing field `pods`"));
    assert!(refused_keys(&format!("{files}node = \"n\"")).contains("unknown field `node`"));
    assert!(refused_keys(&format!("{files}arrivals = \"timely\"")).contains("one-by-one"));
    for wrong in [
        "nan", "inf", "-1.3", "0", "0.0", "1.2345", "101", "\"1e2\"", "\"\"", "true",
    ] {
        let error = refused_keys(&format!("{files}inflate_to = {wrong}"));
        assert!(
            error.contains("inflate_to") && error.contains("such as 1.3"),
            "{error}"
        );
    }
    let both = refused_keys(&format!("{files}inflate_to = 1.3\norder = \"o\""));
    assert!(
        both.contains("inflate_to: the order has its copies"),
        "{both}"
    );
    let timed = refused_keys(&format!("{files}inflate_to = 1.3\narrivals = \"timed\""));
    assert!(timed.contains("cannot be inflated"), "{timed}");
}

#[test]
fn resolved_keys_read_back_the_same() {
    for more in [
        "inflate_to = 1.30",
        "order = \"o\"",
        "arrivals = \"timed\"",
        "inflate_to = 2",
    ] {
        let keys = format!("nodes = \"n\"\npods = \"p\"\n{more}");
        let resolved = (ENTRY.parse)(keys.parse().unwrap()).unwrap().resolved();
        assert!(resolved.contains_key("arrivals"));
        assert_eq!(
            (ENTRY.parse)(resolved.clone()).unwrap().resolved(),
            resolved
        );
    }
    let keys = "nodes = \"n\"\npods = \"p\"\ninflate_to = 1.30";
    let resolved = (ENTRY.parse)(keys.parse().unwrap()).unwrap().resolved();
    assert_eq!(resolved["inflate_to"].as_str(), Some("1.3"));
}

#[test]
fn bad_nodes_are_refused() {
    let header = "sn,cpu_milli,memory_mib,gpu,model\n";
    let error = |rows: &str| {
        Case::new(&[("nodes", &format!("{header}{rows}")), ("pods", PODS)], "").error()
    };
    assert_eq!(
        error("a,1,1,0,\nb,1,1,0,\na,1,1,0,\n"),
        "nodes, line 4: column 'sn': \"a\" stands at line 2 already: remove or rename one"
    );
    assert!(error("").contains("nodes: no nodes behind the header"));
    assert!(error("a,1,1,33,T4\n").contains("at most 32 GPUs"));
    assert!(error("a,1,1,2,\n").contains("column 'model': \"\" is no value"));
    assert!(error("a,-1,1,2,T4\n").contains("column 'cpu_milli': \"-1\" is not a whole number"));
    assert!(error(",1,1,2,T4\n").contains("column 'sn'"));
}

#[test]
fn bad_pods_are_refused() {
    let header = PODS.lines().next().unwrap();
    let error = |rows: &str| {
        let pods = format!("{header}\n{rows}\n");
        let files = [("nodes", NODES), ("pods", pods.as_str())];
        Case::new(&files, "arrivals = \"timed\"").error()
    };
    let good = "p,1,1,0,0,,,Running,0,1,0\n";
    assert!(error(&format!("{good}{good}")).contains("pods, line 3: column 'name': \"p\" stands"));
    assert!(error("").contains("pods: no tasks behind the header"));
    assert!(error("p,1,1,0,0,,,Running,5,4,5").contains("\"4\" is before the start at 5"));
    assert!(error("p,1,1,0,0,,,Running,5,9,4").contains("\"4\" is before creation_time 5"));
    assert!(error("p,1,1,0,0,,,Runing,0,1,0").contains("is no phase"));
    assert!(error("p,1,1,0,0,,,Running,-1,1,0").contains("column 'creation_time': \"-1\""));
    assert!(error("p,1,1,1,500,T4||P100,,Running,0,1,0").contains("has an empty model"));
    assert!(error("p,1,1,2,500,,,Running,0,1,0").contains("only a single GPU can be shared"));
    let short = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1,1,0,0\n";
    let case = Case::new(&[("nodes", NODES), ("pods", short)], "arrivals = \"timed\"");
    assert!(
        case.error()
            .starts_with("pods, line 1: arrivals = \"timed\" needs the columns")
    );
}

#[test]
fn bad_orders_are_refused() {
    let error = |from: &str, to: &str| {
        let order = ORDER.replacen(from, to, 1);
        assert_ne!(order, ORDER);
        Case::new(&[("nodes", NODES), ("pods", PODS), ("order", &order)], "").error()
    };
    assert!(error("p4", "p9").starts_with("order, line 6: column 'name': \"p9\" is not in"));
    assert!(error("node,2,n0\n", "").contains("order: node \"n0\" has no rank"));
    let twice = error("node,2,n0\n", "node,2,n0\nnode,3,n0\n");
    assert!(
        twice.contains("line 4: the node is ranked at line 3 already"),
        "{twice}"
    );
    assert!(error("pod,1,p1\n", "").contains("rank 1 of kind \"pod\" is missing"));
    let repeated = error("pod,3,p0", "pod,2,p0");
    assert!(
        repeated.contains("line 8: rank 2 of kind \"pod\" stands at line 7"),
        "{repeated}"
    );
    assert!(error("pod,", "Pod,").contains("column 'kind': \"Pod\" is no kind"));
}

/// The directory of published traces, if it is there.
fn published() -> Option<PathBuf> {
    let set = std::env::var_os("TOWTANK_TRACES").map(PathBuf::from);
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let directory = set.unwrap_or_else(default).join("openb");
    if !directory.is_dir() {
        eprintln!("skipped: no {}; set TOWTANK_TRACES", directory.display());
        return None;
    }
    Some(directory)
}

fn published_format(list: &str, more: &str) -> Box<dyn TraceFormat> {
    let keys = format!(
        "nodes = \"openb_node_list_gpu_node.csv.gz\"\npods = \"openb_pod_list_{list}.csv.gz\"\n\
         {more}"
    );
    (ENTRY.parse)(keys.parse().unwrap()).unwrap()
}

#[test]
fn published_orders_have_the_published_sizes() {
    let Some(directory) = published() else { return };
    let sizes = [10_866, 10_793, 10_863, 10_813, 10_814, 10_831, 10_805];
    for (seed, size) in (42..).zip(sizes) {
        let format = published_format(
            "default",
            &format!("order = \"order_default_{seed}.csv.gz\""),
        );
        let trace = format.open(&opening(directory.clone(), seed)).unwrap();
        assert_eq!(trace.events.len_hint(), Some(size), "seed {seed}");
        assert_eq!(trace.machines.len(), 1213);
        let total = |unit: fn(&InstanceSpec) -> u64| trace.machines.iter().map(unit).sum::<u64>();
        assert_eq!(total(|machine| u64::from(machine.gpus)), 6212);
        assert_eq!(
            total(|machine| u64::from(machine.cpu.0)),
            107_018 * u64::from(Cpu::VCPU.0)
        );
        assert_eq!(total(|machine| u64::from(machine.memory_mib)), 503_828_480);
    }
}

#[test]
fn published_lists_are_read_through() {
    let Some(directory) = published() else { return };
    let at = opening(directory.clone(), 1);
    let definitions = published_format("default", "").definitions(&at).unwrap();
    assert_eq!(
        definitions.iter().map(|(_, count)| count).sum::<u64>(),
        8152
    );
    let demand = |(definition, count): &(TaskDefinition, u64)| {
        u64::from(definition.gpu.total_milli()) * count
    };
    assert_eq!(definitions.iter().map(demand).sum::<u64>(), 6_086_800);
    for file in fs::read_dir(&directory).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let Some(list) = name.strip_prefix("openb_pod_list_") else {
            continue;
        };
        let list = list.strip_suffix(".csv.gz").unwrap();
        published_format(list, "").open(&at).unwrap();
        let timed = published_format(list, "arrivals = \"timed\"").open(&at);
        assert_eq!(timed.is_ok(), !list.starts_with("multigpu"), "{list}");
    }
}

#[test]
fn published_inflation_is_of_the_published_size() {
    let Some(directory) = published() else { return };
    let format = published_format("default", "inflate_to = 1.3");
    for seed in 1..6 {
        let at = opening(directory.clone(), seed);
        let (events, definitions) = events(&mut format.open(&at).unwrap());
        assert!(
            (10_700..10_950).contains(&events.len()),
            "{} pods",
            events.len()
        );
        let of = |submission: &Submission| {
            u64::from(definitions[submission.definition.index()].gpu.total_milli())
        };
        let demand: u64 = events.iter().map(|(_, submission, _)| of(submission)).sum();
        // 1.3 × 6 212 000, missed by less than a GPU or exceeded by less than a node's GPUs.
        assert!((8_074_600..8_083_600).contains(&demand), "{demand}");
    }
}
