//! What instances lack, against what was worked out by hand; whole explanations of small scenarios.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::explanation::{Explanation, TieFacts};
use super::lacks::{Both, Lacks, Near, Requirement};
use super::{ExplainError, Repeat, explain};
use crate::metrics::Fingerprint;
use crate::model::query::Expression;
use crate::model::{
    AttributeSet, CapacityId, ClassId, Cluster, Cpu, GpuRequest, HostPort, InstanceId,
    InstanceSpec, NetworkMode, Placement, PlacementConstraint, Price, Protocol, RequiredAttribute,
    TaskDefinition,
};
use crate::placement::Predicate;
use crate::scenario::{Document, Manifest, Recording, Scenario};

fn machine(vcpus: u64, memory_mib: u32, gpus: u16, eni_slots: u32) -> InstanceSpec {
    InstanceSpec {
        name: "i".to_owned(),
        capacity: CapacityId(0),
        cpu: Cpu::from_vcpus(vcpus).unwrap(),
        memory_mib,
        gpus,
        eni_slots,
        attributes: AttributeSet::default(),
        price: Price(0),
        speed_milli: 1000,
        agent_version: None,
        registered_at: None,
    }
}

fn class_of(cluster: &mut Cluster, definition: TaskDefinition) -> ClassId {
    let id = cluster.register_definition(Arc::new(definition));
    cluster.intern_class(id, None)
}

fn lacks(cluster: &Cluster, class: ClassId) -> (Vec<Requirement>, Lacks) {
    let class = cluster.class(class);
    let requirements = Requirement::of(class);
    let trunks = BTreeMap::from([("trunked".to_owned(), 10)]);
    let lacks = Lacks::of(class, &requirements, cluster, None, &trunks);
    (requirements, lacks)
}

/// The place of a predicate among the requirements.
fn at(requirements: &[Requirement], predicate: Predicate) -> usize {
    requirements.iter().position(|one| one.predicate == predicate).unwrap()
}

fn near(instance: u32, missing_milli: u64) -> Near {
    Near { missing_milli, instance: InstanceId(instance) }
}

/// A task of 4 vCPUs and 4000 MiB on instances that have less of one, of both, or of neither.
#[test]
fn shortfalls_are_counted_by_hand() {
    let mut cluster = Cluster::new();
    for (vcpus, memory_mib) in [(4, 3000), (2, 8000), (4, 3900), (1, 1000), (8, 2000), (3, 3999)] {
        cluster.register(machine(vcpus, memory_mib, 0, 0));
    }
    let definition = TaskDefinition::new("web", Cpu::from_vcpus(4).unwrap(), 4000);
    let class = class_of(&mut cluster, definition);
    let (requirements, lacks) = lacks(&cluster, class);
    let [cpu, memory] = [Predicate::Cpu, Predicate::Memory].map(|one| at(&requirements, one));
    assert_eq!((lacks.instances, lacks.feasible, lacks.fewest), (6, 0, Some(1)));
    let of_cpu = &lacks.by_requirement[cpu];
    assert_eq!((of_cpu.failed, of_cpu.first, of_cpu.alone), (3, 3, 1));
    assert_eq!(of_cpu.nearest, [near(5, 1000), near(1, 2000), near(3, 3000)]);
    assert_eq!(of_cpu.nearest_alone, Some(near(1, 2000)));
    let of_memory = &lacks.by_requirement[memory];
    assert_eq!((of_memory.failed, of_memory.first, of_memory.alone), (5, 3, 3));
    let of_three = [near(5, 1_000), near(2, 100_000), near(0, 1_000_000)];
    assert_eq!(of_memory.nearest, of_three);
    assert_eq!(of_memory.nearest_alone, Some(near(2, 100_000)));
    let both = Both { instances: 2, nearest: InstanceId(5), missing_milli: [1000, 1000] };
    assert_eq!(lacks.pairs, BTreeMap::from([([cpu, memory], both)]));
}

/// Devices, shares, ports and ENI slots in use, on one instance each.
#[test]
fn what_is_in_use_is_missing() {
    let mut cluster = Cluster::new();
    let on = cluster.register(machine(8, 8000, 2, 1));
    let port = HostPort { protocol: Protocol::Tcp, port: 80 };
    let mut resident = TaskDefinition::new("resident", Cpu::VCPU, 100);
    resident.gpu = GpuRequest::share(700);
    resident.host_ports = vec![port];
    let mut member = TaskDefinition::new("member", Cpu(0), 0);
    member.network_mode = NetworkMode::Awsvpc;
    for definition in [resident, member.clone()] {
        let class = class_of(&mut cluster, definition);
        let task = cluster.create_task(class);
        let view = cluster.instance(on);
        let devices = crate::placement::tightest_devices(cluster.class(class), view);
        cluster.place(task, Placement { instance: on, devices });
    }
    let mut whole = TaskDefinition::new("whole", Cpu(0), 0);
    whole.gpu = GpuRequest::whole(2);
    let mut ports = TaskDefinition::new("ports", Cpu(0), 0);
    ports.host_ports = vec![port];
    for (definition, predicate, missing_milli) in [
        (whole, Predicate::Gpu, 1000),
        (ports, Predicate::Ports, 1000),
        (member, Predicate::Eni, 1000),
    ] {
        let class = class_of(&mut cluster, definition);
        let (requirements, lacks) = lacks(&cluster, class);
        let lack = &lacks.by_requirement[at(&requirements, predicate)];
        assert_eq!(lack.nearest_alone, Some(near(0, missing_milli)), "{predicate:?}");
    }
    let mut share = TaskDefinition::new("share", Cpu(0), 0);
    share.gpu = GpuRequest::share(400);
    let class = class_of(&mut cluster, share.clone());
    assert_eq!(lacks(&cluster, class).1.feasible, 1);
    let mut narrow = Cluster::new();
    let on = narrow.register(machine(1, 100, 1, 0));
    let resident = TaskDefinition { gpu: GpuRequest::share(700), ..share.clone() };
    let class = class_of(&mut narrow, resident);
    let task = narrow.create_task(class);
    let devices = crate::model::DeviceSet::default().with(0);
    narrow.place(task, Placement { instance: on, devices });
    let class = class_of(&mut narrow, share);
    let (requirements, lacks) = lacks(&narrow, class);
    let lack = &lacks.by_requirement[at(&requirements, Predicate::Gpu)];
    assert_eq!(lack.nearest, [near(0, 100)], "300 of 400 thousandths are left");
}

/// Each attribute and each expression is a requirement of its own.
#[test]
fn constraints_are_told_apart() {
    let mut cluster = Cluster::new();
    for zone in ["a", "b", "b"] {
        let mut spec = machine(1, 100, 0, 0);
        spec.attributes.set("zone", zone);
        cluster.register(spec);
    }
    let mut definition = TaskDefinition::new("web", Cpu(0), 0);
    let member = |text: &str| PlacementConstraint::MemberOf(Expression::parse(text).unwrap());
    definition.constraints = vec![
        member("attribute:zone == c"),
        PlacementConstraint::DISTINCT_INSTANCE,
        member("attribute:zone == a"),
    ];
    let any_of = vec!["a".to_owned(), "b".to_owned()];
    definition.required_attributes = vec![RequiredAttribute { name: "zone".to_owned(), any_of }];
    let class = class_of(&mut cluster, definition);
    let (requirements, lacks) = lacks(&cluster, class);
    let details: Vec<Option<String>> =
        requirements.iter().map(|one| one.detail(cluster.class(class))).collect();
    let position = |text: &str| details.iter().position(|one| one.as_deref() == Some(text));
    let (in_c, in_a) = (position("attribute:zone == c"), position("attribute:zone == a"));
    let (in_c, in_a) = (in_c.unwrap(), in_a.unwrap());
    assert!(position("zone in [a, b]").is_some(), "{details:?}");
    assert_eq!(lacks.by_requirement[in_c].alone, 1);
    assert_eq!(lacks.by_requirement[in_a].failed, 2);
    assert_eq!(lacks.by_requirement[in_a].alone, 0);
    assert_eq!(lacks.pairs[&[in_c, in_a]].instances, 2);
}

/// Trunking is of use where the type has it, it is off, and nothing else is missing.
#[test]
fn trunking_is_counted_where_it_helps() {
    let mut cluster = Cluster::new();
    for (kind, slots, memory) in
        [("trunked", 0, 1000), ("trunked", 0, 10), ("trunked", 10, 1000), ("plain", 0, 1000)]
    {
        let mut spec = machine(1, memory, 0, slots);
        spec.attributes.set("ecs.instance-type", kind);
        cluster.register(spec);
    }
    let mut definition = TaskDefinition::new("web", Cpu(0), 100);
    definition.network_mode = NetworkMode::Awsvpc;
    let class = class_of(&mut cluster, definition);
    let (_, lacks) = lacks(&cluster, class);
    assert_eq!((lacks.trunking, lacks.feasible), (1, 1));
}

// --- whole explanations --------------------------------------------------------------------------

/// The scenario, and the manifest of its run.
fn ran(text: &str) -> (Manifest, Scenario) {
    let scenario = Scenario::of(Document::parse("s.toml", text).unwrap(), &[]).unwrap();
    let seed = scenario.spec.seed;
    let finished = scenario.prepare(seed).unwrap().run(Recording::default(), &mut |_| true);
    let records = finished.unwrap().records;
    let fingerprints = [records.fingerprint, records.workload_fingerprint];
    let manifest = Manifest::of(&scenario, &scenario.arm(), seed, fingerprints, None).unwrap();
    let json = serde_json::to_string(&manifest).unwrap();
    let manifest: Manifest = serde_json::from_str(&json).unwrap();
    let rebuilt = manifest.rebuild(std::path::Path::new("run"), &[]).unwrap();
    (manifest, rebuilt)
}

fn repeat<'a>(manifest: &'a Manifest, scenario: &'a Scenario) -> Repeat<'a> {
    Repeat { manifest, scenario, journal: None }
}

fn explained(text: &str, task: u64) -> Explanation {
    let (manifest, scenario) = ran(text);
    explain(&repeat(&manifest, &scenario), task, &mut |_| true).unwrap()
}

/// One instance of 4 vCPUs and 8 GiB; a task each second, of so many vCPUs.
fn one_instance(queue: &str, tasks: &str) -> String {
    format!(
        "until = \"100s\"\n[placement]\nstrategy = \"binpack:memory\"\n[queue]\npolicy = \
         \"{queue}\"\n[capacity.a]\nvcpus = 4\nmemory_mib = 8192\ncount = 1\n[workload.w]\n\
         arrivals = \"regular\"\nrate = \"1/s\"\ncount = 3\nduration = \"10s\"\ntasks = {tasks}\n"
    )
}

/// Three tasks of 3 vCPUs after one another: the third waits for the second, which waits for the
/// first; tasks of one shape stand for one another.
#[test]
fn a_task_that_waited_and_was_placed() {
    let of = explained(&one_instance("ecs", "[{ cpu = 3072, memory = 1024 }]"), 2);
    let last = of.attempts.last().unwrap();
    let choice = last.choice.as_ref().unwrap();
    assert!(last.placed && choice.candidates == 1 && choice.instance == "a-0");
    assert_eq!(choice.tie_break, TieFacts::None);
    assert_eq!(choice.steps[0].strategy, "binpack:memory");
    assert_eq!(of.life.placed_s, Some(last.last_s));
    let refused: Vec<_> = of.attempts.iter().filter(|row| !row.placed).collect();
    assert!(!refused.is_empty(), "{:?}", of.attempts);
    let failed = &refused[0].refusal.as_ref().unwrap().failed;
    assert_eq!((failed.len(), failed[0].requirement), (1, "RESOURCE:CPU"));
    assert_eq!(failed[0].nearest[0].missing, Some(2.0), "1 of 4 vCPUs is left");
    let counterfactual = of.counterfactual.unwrap();
    assert_eq!(counterfactual.changes.len(), 1);
    assert_eq!(counterfactual.fit_when_empty, 1);
}

#[test]
fn a_rejected_task_was_tried_once() {
    let of = explained(&one_instance("reject", "[{ cpu = 3072, memory = 1024 }]"), 1);
    assert_eq!(of.life.outcome, "rejected");
    assert_eq!((of.attempts.len(), of.attempts[0].count), (1, 1));
    assert_eq!((of.attempts[0].first, of.attempts[0].instead), (Some(1), None));
    assert!(of.blocked.is_none() && of.host.is_none());
}

/// Two instances; a task that takes half of one, started on the second each time. The third time it
/// has no room there, and that the first is empty is of no account.
#[test]
fn a_task_that_is_started_on_an_instance_by_name() {
    let tasks = "[{ cpu = 2048, memory = 1024, start_on = [\"a-1\"] }]";
    let text = one_instance("ecs", tasks).replace("count = 1\n", "count = 2\n");
    let of = explained(&text, 0);
    assert_eq!(of.task.start_on.as_deref(), Some("a-1"));
    assert_eq!(of.life.instance.as_deref(), Some("a-1"));
    assert_eq!(of.attempts[0].choice.as_ref().unwrap().candidates, 1);
    let of = explained(&text, 2);
    assert_eq!((of.life.outcome.as_str(), of.attempts.len()), ("rejected", 1));
    let refusal = of.attempts[0].refusal.as_ref().unwrap();
    assert_eq!((refusal.instances, refusal.candidates, refusal.failed.len()), (1, 0, 1));
    assert_eq!(refusal.failed[0].nearest[0].instance, "a-1");
    assert_eq!(refusal.failed[0].nearest[0].missing, Some(2.0));
    let counterfactual = of.counterfactual.unwrap();
    assert_eq!((counterfactual.fit_when_empty, counterfactual.types_that_fit), (1, 0));
    let behind = text.replace(
        "[workload.w]",
        "[workload.a]\narrivals = \"regular\"\nrate = \
        \"1/s\"\ncount = 1\nduration = \"9s\"\ntasks = [{ cpu = 9216, memory = 1 }]\n[workload.w]",
    );
    let of = explained(&behind.replace("\"ecs\"", "\"fifo\""), 1);
    assert!(of.life.placed_s == Some(0.0) && of.blocked.is_none(), "a head blocks no StartTask");
}

/// The head of the line fits nowhere, ever; what is behind it is never tried.
#[test]
fn a_task_behind_a_blocked_head() {
    let text = "until = \"50s\"\n[queue]\npolicy = \"fifo\"\n[capacity.a]\nvcpus = 4\n\
        memory_mib = 8192\ncount = 1\n[workload.a]\narrivals = \"regular\"\nrate = \"1/s\"\n\
        count = 1\nduration = \"5s\"\ntasks = [{ cpu = 8192, memory = 9000 }]\n\
        [workload.b]\narrivals = \"regular\"\nrate = \"1/s\"\ncount = 2\nduration = \"5s\"\n\
        tasks = [{ cpu = 1024, memory = 1024 }]\n";
    let (manifest, scenario) = ran(text);
    let of = explain(&repeat(&manifest, &scenario), 2, &mut |_| true).unwrap();
    assert_eq!((of.life.outcome.as_str(), of.attempts.len()), ("pending", 0));
    let blocked = of.blocked.unwrap();
    assert_eq!((blocked.by, blocked.before_at_end), (0, Some(2)));
    let of = explain(&repeat(&manifest, &scenario), 0, &mut |_| true).unwrap();
    assert!(of.blocked.is_none(), "it is the head itself");
    let counterfactual = of.counterfactual.unwrap();
    assert!(counterfactual.changes.is_empty(), "both CPU and memory are missing");
    assert_eq!(counterfactual.fewest, Some(2));
    let [cpu, memory] = &counterfactual.pairs[0];
    assert_eq!((cpu.requirement, cpu.nearest.missing), ("RESOURCE:CPU", Some(4.0)));
    assert_eq!((memory.requirement, memory.nearest.missing), ("RESOURCE:MEMORY", Some(808.0)));
    assert_eq!(counterfactual.fit_when_empty, 0);
    assert_eq!(counterfactual.types.len(), 3);
    let types = counterfactual.types.iter();
    let prices: Vec<f64> = types.map(|one| one.usd_per_hour.unwrap()).collect();
    assert!(prices.is_sorted(), "{prices:?}");
}

/// Two of a gang of three fit; the place that the second found is given back.
#[test]
fn a_gang_is_told_as_a_whole() {
    let gang = "[{ cpu = 2048, memory = 1024, tasks_per_submission = 3, gang = true }]";
    let of = explained(&one_instance("ecs", gang), 1);
    assert_eq!(of.task.gang, Some([0, 2]));
    let row = &of.attempts[0];
    assert!(!row.placed);
    assert_eq!((row.gang_placed, row.gang_refused), (Some(2), Some(2)));
    assert_eq!(row.choice.as_ref().unwrap().instance, "a-0");
    assert_eq!(row.refusal.as_ref().unwrap().failed[0].requirement, "RESOURCE:CPU");
}

/// The first task stops for 20 s after its 10 s: its room is free to the control plane meanwhile.
#[test]
fn a_task_that_waits_on_its_host() {
    let text = one_instance("ecs", "[{ cpu = 3072, memory = 1024 }]")
        .replace("count = 1\n", "count = 1\nstop_delay = \"20s\"\n");
    let of = explained(&text, 1);
    let host = of.host.unwrap();
    assert_eq!((host.waited_s, host.stopping, host.pending), (20.0, 1, 0));
    assert!(!host.room);
    // Beside one of half the size there was room, and the wait is the host's own.
    let text = text.replace("cpu = 3072", "cpu = 1024").replace("count = 1\n", OWN_TIME);
    let host = explained(&text, 1).host.unwrap();
    assert_eq!((host.waited_s, host.room), (7.0, true));
}

/// What stops when the host gets the task holds it up, though it was placed before that.
#[test]
fn a_host_is_looked_at_when_it_gets_the_task() {
    let of = |first: &str, task: u64| {
        let text = format!(
            "until = \"10m\"\n[life_cycle]\nattach_network = \"8s\"\n[capacity.a]\nvcpus = 2\n\
             memory_mib = 8192\ncount = 1\nstart_delay = \"2s\"\n[service.a]\n\
             desired_count = 1\n{first}\n[service.b]\nstart = \"60s\"\ndesired_count = 1\n\
             task = {{ cpu = 1024, memory = 256, network_mode = \"awsvpc\" }}\n[service.c]\n\
             start = \"62s\"\ndesired_count = 1\ntask = {{ cpu = 1024, memory = 256 }}\n"
        );
        let host = explained(&text, task).host.unwrap();
        (host.waited_s, host.room, host.stopping, host.pending)
    };
    let stops = |at: &str, shutdown: &str| {
        format!(
            "task = {{ cpu = 1024, memory = 256, shutdown = \"{shutdown}\" }}\n\
             changes = [{{ at = \"{at}\", desired_count = 0 }}]"
        )
    };
    assert_eq!(of(&stops("61s", "25s"), 1), (20.0, false, 1, 0), "68 s to 88 s");
    assert_eq!(of(&stops("61s", "25s"), 2), (2.0, true, 1, 0), "the other is not there yet");
    assert_eq!(of(&stops("60s", "3s"), 1), (2.0, true, 0, 0), "gone before");
}

const OWN_TIME: &str = "count = 1\nstart_delay = \"7s\"\n";

/// Its image takes 80 s of its start, and its service stops it after 300 s.
#[test]
fn the_states_of_a_task_are_told_with_its_image_and_its_stop() {
    let text = "until = \"10m\"\n[life_cycle]\nattach_network = \"8s\"\n\
        deregistration_delay = \"30s\"\ncontainer_start = \"1s\"\n[capacity.a]\nvcpus = 4\n\
        memory_mib = 8192\ncount = 1\nawsvpc_tasks = 2\npull_mbps = 80\n[service.web]\n\
        desired_count = 1\nload_balancer = true\n\
        task = { cpu = 256, memory = 256, network_mode = \"awsvpc\", shutdown = \"20s\", \
        image = { name = \"i\", size_mb = 800 } }\n\
        changes = [{ at = \"300s\", desired_count = 0 }]\n";
    let of = explained(text, 0);
    let states = of.life.states.iter().map(|one| (one.state, one.from_s, one.until_s.unwrap()));
    let want = [
        ("PROVISIONING", 0.0, 8.0),
        ("PENDING", 8.0, 89.0),
        ("RUNNING", 89.0, 300.0),
        ("DEACTIVATING", 300.0, 330.0),
        ("STOPPING", 330.0, 350.0),
    ];
    assert_eq!(states.collect::<Vec<_>>(), want);
    assert_eq!((of.life.image_s, of.host), (Some([8.0, 88.0]), None));
    // A run that ends while it stops.
    let of = explained(&text.replace("10m", "340s"), 0);
    let last = of.life.states.last().unwrap();
    assert_eq!((last.state, last.from_s, last.until_s), ("STOPPING", 330.0, None));
}

#[test]
fn every_task_of_a_run_is_explained_under_every_placement() {
    for entry in crate::placement::STRATEGIES {
        let text = one_instance("ecs", "[{ cpu = 2048, memory = 1024 }]")
            .replace("binpack:memory", &entry.example())
            .replace("count = 1\n", "count = 2\n");
        let (manifest, scenario) = ran(&text);
        for task in 0..3 {
            let of = explain(&repeat(&manifest, &scenario), task, &mut |_| true).unwrap();
            assert!(of.attempts.last().unwrap().placed, "{}, {task}", entry.name);
            assert_eq!(of.placement, entry.example());
        }
    }
}

#[test]
fn what_cannot_be_explained() {
    let (mut manifest, scenario) = ran(&one_instance("ecs", "[{ cpu = 3072, memory = 1024 }]"));
    let refused = |manifest: &Manifest, task| {
        explain(&repeat(manifest, &scenario), task, &mut |_| true).unwrap_err()
    };
    let why = refused(&manifest, 3);
    assert!(matches!(why, ExplainError::UnknownTask { task: 3, .. }), "{why}");
    assert!(why.to_string().contains("0 to 2"), "{why}");
    manifest.fingerprint = Fingerprint(1).to_string();
    let why = refused(&manifest, 1);
    assert!(matches!(why, ExplainError::Differs { .. }), "{why}");
}
