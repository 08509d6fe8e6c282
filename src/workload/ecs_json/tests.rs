//! Tests of the reader of ECS task definitions.

use super::*;
use crate::des::SimDuration;
use crate::model::{HostPort, Protocol};
use crate::workload::Condition;

fn read(text: &str) -> (TaskDefinition, Vec<String>) {
    let Defined { definition, warnings, .. } = task_definition(text, "web.json").unwrap();
    (definition, warnings)
}

fn refused(text: &str) -> String {
    task_definition(text, "web.json").unwrap_err().to_string()
}

/// A definition with the given keys and containers; those without a name are given one.
fn definition(keys: &str, containers: &str) -> String {
    let mut all: Value = serde_json::from_str(&format!("[{containers}]")).unwrap();
    for (index, one) in all.as_array_mut().unwrap().iter_mut().enumerate() {
        let fields = one.as_object_mut().unwrap();
        fields.entry("name").or_insert_with(|| format!("container-{index}").into());
    }
    let all = all.to_string();
    let containers = all.trim_start_matches('[').trim_end_matches(']');
    format!("{{\"family\": \"web\", {keys} \"containerDefinitions\": [{containers}]}}")
}

const SMALL: &str = "{\"name\": \"app\", \"cpu\": 100, \"memory\": 256}";

#[test]
fn ecs_1_2_containers_are_summed_and_a_reservation_counts_before_the_limit() {
    let containers = "{\"cpu\": 100, \"memory\": 512, \"memoryReservation\": 256},\
                      {\"memory\": 128, \"essential\": false}, {\"cpu\": 28, \"memory\": 64, \
                      \"memoryReservation\": 0}";
    let (task, warnings) = read(&definition("", containers));
    assert_eq!(task.family, "web");
    assert_eq!((task.cpu, task.memory_mib), (Cpu(128 * 125), 256 + 128 + 64));
    assert_eq!(task.network_mode, NetworkMode::Bridge);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn ecs_1_2_values_of_the_task_win() {
    let (task, _) = read(&definition("\"cpu\": \"256\", \"memory\": \"2048\",", SMALL));
    assert_eq!((task.cpu, task.memory_mib), (Cpu(256 * 125), 2048));
    let (task, _) = read(&definition("\"cpu\": 512, \"memory\": 100,", "{\"cpu\": 128}"));
    assert_eq!((task.cpu, task.memory_mib), (Cpu(512 * 125), 100));
}

#[test]
fn limits_are_those_that_the_host_enforces() {
    let limits = |keys: &str, containers: &str| read(&definition(keys, containers)).0.limits;
    let soft = "{\"cpu\": 5, \"memory\": 512, \"memoryReservation\": 256}";
    let of = |cpu: Option<u32>, memory_mib| Limits {
        cpu: cpu.map(|units| Cpu(units * 125)),
        memory_mib,
    };
    assert_eq!(limits("", SMALL), of(None, Some(256)));
    assert_eq!(limits("", &format!("{SMALL}, {soft}")), of(None, Some(256 + 512)));
    let none = "{\"memoryReservation\": 64}";
    assert_eq!(limits("", &format!("{SMALL}, {none}")), of(None, None));
    assert_eq!(limits("\"cpu\": 256, \"memory\": 2048,", none), of(Some(256), Some(2048)));
    assert_eq!(limits("\"memory\": 600,", &format!("{SMALL}, {soft}")), of(None, Some(600)));
}

#[test]
fn quantities_can_have_ecs_units() {
    let quantities = [
        ("\"1 vCPU\"", "\"2 GB\"", 1024, 2048),
        ("\"1vcpu\"", "\"2GB\"", 1024, 2048),
        ("\".5 vCPU\"", "\"0.5 gb\"", 512, 512),
        ("\"192 vCPU\"", "\"1024\"", 196_608, 1024),
    ];
    for (cpu, memory, units, mib) in quantities {
        let (task, _) = read(&definition(&format!("\"cpu\": {cpu}, \"memory\": {memory},"), SMALL));
        assert_eq!((task.cpu, task.memory_mib), (Cpu(units * 125), mib), "{cpu}");
    }
}

#[test]
fn ecs_1_1_host_ports_depend_on_the_network_mode() {
    let containers = "{\"memory\": 64, \"portMappings\": [\
        {\"containerPort\": 80, \"hostPort\": 80}, {\"containerPort\": 443}, \
        {\"containerPort\": 53, \"hostPort\": 53, \"protocol\": \"udp\"},\
        {\"containerPortRange\": \"8000-8010\"}]}, \
        {\"memory\": 64, \"portMappings\": [{\"containerPort\": 8080, \"hostPort\": 0}]}";
    let ports = |mode: &str| {
        let (task, warnings) =
            read(&definition(&format!("\"networkMode\": \"{mode}\","), containers));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("portMappings[3].containerPortRange"), "{warnings:?}");
        task.host_ports
    };
    let tcp = |port| HostPort { protocol: Protocol::Tcp, port };
    let udp = |port| HostPort { protocol: Protocol::Udp, port };
    assert_eq!(ports("bridge"), [tcp(80), udp(53)]);
    assert_eq!(ports("host"), [tcp(80), tcp(443), tcp(8080), udp(53)]);
    assert_eq!(ports("awsvpc"), []);
    let (task, _) = read(&definition("\"networkMode\": \"awsvpc\",", SMALL));
    assert_eq!(task.eni_slots(), 1);
}

#[test]
fn a_port_mapped_twice_counts_once() {
    let mapping = "{\"containerPort\": 80, \"hostPort\": 80}";
    let container = format!("{{\"memory\": 64, \"portMappings\": [{mapping}, {mapping}]}}");
    let (task, warnings) = read(&definition("", &container));
    assert_eq!(task.host_ports.len(), 1);
    assert!(warnings[0].contains("host port 80 is mapped twice"), "{warnings:?}");
}

#[test]
fn ecs_1_1_gpus_are_summed() {
    let gpu = |count: u32| {
        format!(
            "{{\"memory\": 64, \"resourceRequirements\": \
             [{{\"type\": \"GPU\", \"value\": \"{count}\"}}]}}"
        )
    };
    let (task, _) = read(&definition("", &format!("{}, {}", gpu(1), gpu(3))));
    assert_eq!(task.gpu, GpuRequest::whole(4));
    let error = refused(&definition("", &gpu(33)));
    assert!(error.contains("33 GPUs; an instance has at most 32"), "{error}");
}

#[test]
fn architecture_and_constraints_become_requirements() {
    let keys = "\"runtimePlatform\": {\"cpuArchitecture\": \"ARM64\"}, \"placementConstraints\": \
                [{\"type\": \"memberOf\", \"expression\": \"attribute:stack == prod\"}],";
    let (task, _) = read(&definition(keys, SMALL));
    let required = RequiredAttribute {
        name: "ecs.cpu-architecture".to_owned(),
        any_of: vec!["arm64".to_owned()],
    };
    assert_eq!(task.required_attributes, [required]);
    let expression = Expression::parse("attribute:stack == prod").unwrap();
    assert_eq!(task.constraints, [PlacementConstraint::MemberOf(expression)]);
}

#[test]
fn a_described_definition_with_a_byte_order_mark_is_read() {
    let inner = definition("\"revision\": 3, \"status\": \"ACTIVE\",", SMALL);
    let text = format!("\u{feff}{{\"taskDefinition\": {inner}, \"tags\": []}}");
    assert_eq!(read(&text), read(&definition("", SMALL)));
    let error = refused(&format!("{{\"taskDefinition\": {}}}", definition("\"cpu\": 1,", SMALL)));
    assert!(error.starts_with("web.json, taskDefinition.cpu: 1 CPU units"), "{error}");
}

#[test]
fn fields_that_are_not_modelled_are_named() {
    let keys = "\"volumes\": [{\"name\": \"v\"}], \"tags\": [], \"colour\": \"red\", \
                \"ipcMode\": null, \"inferenceAccelerators\": [], \
                \"requiresAttributes\": [{\"name\": \"ecs.capability.task-eni\"}, \
                {\"name\": \"com.amazonaws.ecs.capability.logging-driver.awslogs\"}], \
                \"requiresCompatibilities\": [\"FARGATE\"], \
                \"runtimePlatform\": {\"operatingSystemFamily\": \"WINDOWS_SERVER_2022_CORE\"},";
    let container = "{\"name\": \"app\", \"image\": \"nginx\", \"memory\": 64, \
                     \"healthCheck\": {\"command\": [\"true\"]}, \
                     \"resourceRequirements\": \
                     [{\"type\": \"InferenceAccelerator\", \"value\": \"d\"}]}";
    let (_, warnings) = read(&definition(keys, container));
    let expected = [
        "colour: not modelled",
        "volumes: not modelled",
        "containerDefinitions[0].healthCheck: not modelled",
        "requiresAttributes: `com.amazonaws.ecs.capability.logging-driver.awslogs` is taken as \
         given everywhere",
        "requiresCompatibilities: FARGATE is not modelled; placed on instances as if EC2",
        "runtimePlatform.operatingSystemFamily: WINDOWS_SERVER_2022_CORE is not modelled; taken \
         as LINUX",
        "containerDefinitions[0].resourceRequirements: type InferenceAccelerator is not modelled",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn text_that_is_not_json_is_refused_with_its_place() {
    let error = refused("{\n  \"family\": web\n}");
    assert!(error.starts_with("web.json, line 2, column 13: expected value"), "{error}");
    assert!(refused("").contains("line 1, column 0"));
    let error = refused("[]");
    assert!(error.contains("(the whole document): invalid type: sequence"), "{error}");
    assert!(error.contains("aws ecs register-task-definition"), "{error}");
}

/// Checks that each definition is refused with an error that contains the text.
fn check_refusals(cases: &[(String, &str)]) {
    for (text, expected) in cases {
        let error = refused(text);
        assert!(error.starts_with("web.json, "), "{error}");
        assert!(error.contains(expected), "expected {expected:?}, got {error:?}");
    }
}

#[test]
fn wrong_values_of_the_task_are_refused() {
    let of = |keys: &str| definition(keys, SMALL);
    let constraint = |constraint: &str| of(&format!("\"placementConstraints\": [{constraint}],"));
    check_refusals(&[
        ("{}".to_owned(), "family: missing"),
        (of("\"cpu\": \"64\","), "cpu: 64 CPU units; ECS takes 128 to 196608"),
        (of("\"cpu\": \"200 vCPU\","), "cpu: 204800 CPU units"),
        (of("\"cpu\": \"one\","), "cpu: CPU \"one\" is neither a number of CPU units"),
        (of("\"cpu\": \"0.3 vCPU\","), "cpu: CPU \"0.3 vCPU\" is not a whole number"),
        (of("\"cpu\": -5,"), "cpu: CPU -5 is negative"),
        (of("\"cpu\": 256.5,"), "cpu: invalid type: floating point `256.5`"),
        (of("\"cpu\": \"99999999999 vCPU\","), "is more than 4294967295 CPU units"),
        (of("\"memory\": \"2 GiB\","), "memory: memory \"2 GiB\" is neither"),
        (of("\"memory\": 5,"), "memory: 5 MiB; Docker takes no less than 6"),
        (
            definition("\"cpu\": 128,", &format!("{SMALL}, {{\"cpu\": 29, \"memory\": 9}}")),
            "cpu: 128 CPU units, but its containers have 129 together",
        ),
        (of("\"memory\": 255,"), "containerDefinitions[0].memory: 256 MiB, but"),
        (
            definition("\"memory\": 9,", "{\"memoryReservation\": 10}"),
            "containerDefinitions[0].memoryReservation: 10 MiB, but",
        ),
        (of("\"networkMode\": \"nat\","), "networkMode: \"nat\" is unknown; write bridge"),
        (
            of("\"runtimePlatform\": {\"cpuArchitecture\": \"x86\"},"),
            "runtimePlatform.cpuArchitecture: \"x86\" is unknown; write X86_64 or ARM64",
        ),
        (
            constraint("{\"type\": \"distinctInstance\"}"),
            "placementConstraints[0]: type \"distinctInstance\" is not allowed",
        ),
        (constraint("{\"type\": \"memberOf\"}"), "placementConstraints[0]: no expression"),
        (
            constraint("{\"type\": \"memberOf\", \"expression\": \"attribute:x =\"}"),
            "placementConstraints[0].expression: column",
        ),
        (constraint(&["{\"type\": \"memberOf\"}"; 11].join(",")), "11 of them; ECS takes"),
    ]);
}

#[test]
fn wrong_containers_are_refused() {
    let of = |containers: &str| definition("", containers);
    check_refusals(&[
        (of(""), "containerDefinitions: no containers"),
        (of(&[SMALL; 11].join(",")), "containerDefinitions: 11 containers; ECS takes at most 10"),
        (of("{\"cpu\": 10}"), "containerDefinitions[0]: no memory; set `memory`"),
        (of("{\"memory\": 4}"), "containerDefinitions[0].memory: 4 MiB"),
        (of("{\"memory\": \"a\"}"), "containerDefinitions[0].memory: memory \"a\""),
        (
            of("{\"memory\": 64, \"memoryReservation\": 64}"),
            "containerDefinitions[0].memoryReservation: 64 MiB, but must be less than `memory`",
        ),
        (
            of("{\"memory\": 64, \"essential\": false}"),
            "containerDefinitions: no container is essential",
        ),
        (
            of("{\"memory\": 64, \"resourceRequirements\": [{\"type\": \"GPU\", \
                \"value\": \"ALL\"}]}"),
            "containerDefinitions[0].resourceRequirements: GPU value \"ALL\" is no count",
        ),
    ]);
}

#[test]
fn wrong_ports_are_refused() {
    let port = |mode: &str, mapping: &str| {
        let container = format!("{{\"memory\": 64, \"portMappings\": [{mapping}]}}");
        definition(&format!("\"networkMode\": \"{mode}\","), &container)
    };
    check_refusals(&[
        (
            port("bridge", "{\"containerPort\": 80, \"hostPort\": 65536}"),
            "containerDefinitions[0].portMappings[0].hostPort: 65536 is no port; write 0 to 65535",
        ),
        (port("bridge", "{\"containerPort\": 0}"), "containerPort: 0 is no port; write 1 to"),
        (port("bridge", "{\"hostPort\": 80}"), "portMappings[0]: no containerPort"),
        (
            port("awsvpc", "{\"containerPort\": 80, \"hostPort\": 81}"),
            "hostPort: 81, but in host and awsvpc mode it is the containerPort, 80",
        ),
        (
            port("bridge", "{\"containerPort\": 80, \"protocol\": \"sctp\"}"),
            "protocol: \"sctp\" is unknown; write tcp or udp",
        ),
    ]);
}

#[test]
fn containers_are_read_with_what_they_wait_for() {
    let containers = "{\"name\": \"app\", \"memory\": 9, \"dependsOn\": [{\"containerName\": \
        \"init\", \"condition\": \"COMPLETE\"}, {\"containerName\": \"log\", \"condition\": \
        \"HEALTHY\"}], \"restartPolicy\": {\"enabled\": true, \"ignoredExitCodes\": [0]}}, \
        {\"name\": \"init\", \"memory\": 9, \"essential\": false, \"startTimeout\": 2, \
        \"stopTimeout\": 7}, \
        {\"name\": \"log\", \"memory\": 9, \"restartPolicy\": {\"enabled\": false}}";
    let defined = task_definition(&definition("", containers), "web.json").unwrap();
    let [app, init, log] = defined.containers.as_slice() else { panic!("{defined:?}") };
    let on = |name: &str, condition| (name.to_owned(), condition);
    assert_eq!(app.depends_on, [on("init", Condition::Complete), on("log", Condition::Healthy)]);
    assert_eq!((app.restart, log.restart), (Some(SimDuration::from_secs(300)), None));
    assert_eq!((init.essential, init.start_timeout), (false, Some(SimDuration::from_secs(2))));
    assert_eq!((init.stop_timeout, log.stop_timeout), (Some(SimDuration::from_secs(7)), None));
    let ignored = "containerDefinitions[0].restartPolicy.ignoredExitCodes: not modelled";
    assert!(defined.warnings.len() == 1 && defined.warnings[0].starts_with(ignored), "{defined:?}");
}

#[test]
fn a_container_has_a_name() {
    let error = refused("{\"family\": \"f\", \"containerDefinitions\": [{\"memory\": 9}]}");
    assert!(error.starts_with("web.json, containerDefinitions[0].name: missing"), "{error}");
}

#[test]
fn containers_that_ecs_would_refuse() {
    let app = |keys: &str| format!("{{\"name\": \"app\", \"memory\": 9, {keys}}}");
    let on = |name: &str, condition: &str| {
        app(&format!(
            "\"dependsOn\": [{{\"containerName\": \"{name}\", \"condition\": \"{condition}\"}}]"
        ))
    };
    let log = "{\"name\": \"log\", \"memory\": 9}";
    for (containers, expected) in [
        (format!("{log}, {log}"), "[1].name: \"log\" is there twice"),
        (on("app", "START"), "[0].dependsOn: there is no other container \"app\""),
        (on("x", "START"), "[0].dependsOn: there is no other container \"x\""),
        (format!("{}, {log}", on("log", "STOP")), "[0].dependsOn: condition \"STOP\" is unknown"),
        (format!("{}, {log}", on("log", "SUCCESS")), "[0].dependsOn: \"log\" is to exit first"),
        (
            format!("{}, {}", on("b", "START"), on("app", "START").replacen("app", "b", 1)),
            "[0].dependsOn: it waits for itself",
        ),
        (app("\"startTimeout\": -1"), "[0].startTimeout: invalid value"),
        (app("\"startTimeout\": 1"), "[0].startTimeout: 1 s; ECS takes 2 to 120 s"),
        ("{\"name\": \"\", \"memory\": 9}".to_owned(), "[0].name: missing"),
        (
            app("\"restartPolicy\": {\"enabled\": true, \"restartAttemptPeriod\": 59}"),
            "[0].restartPolicy.restartAttemptPeriod: 59 s; ECS takes 60 to 1800 s",
        ),
    ] {
        let error = refused(&definition("", &containers));
        let expected = format!("web.json, containerDefinitions{expected}");
        assert!(error.starts_with(&expected), "expected {expected}, got {error}");
    }
}
