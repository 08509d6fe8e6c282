//! Flags: unknown, contradictory, out of range.

use super::{Attempt, SCENARIO, none};

/// Every try on the right scenario is refused.
fn refused(table: &[(&[&str], &[&str])]) {
    let attempt = Attempt::new(SCENARIO);
    none(table.iter().map(|(arguments, says)| attempt.refused(arguments, says)));
}

#[test]
fn scenarios_that_are_no_files() {
    let attempt = Attempt::new(SCENARIO);
    let table: [(&[&str], &[&str]); 6] = [
        (&["run", "no.toml"], &["no.toml", "no such file", "check the path"]),
        (&["check", "no.toml"], &["no.toml", "no such file"]),
        (&["compare", "no.toml"], &["no.toml", "no such file"]),
        (&["run", "."], &["is a directory", ".toml"]),
        (&["run", ""], &["<SCENARIO>"]),
        (&["run", "\u{1b}[31m.toml"], &["no such file"]),
    ];
    none(table.map(|(arguments, says)| attempt.complaint(2, arguments, says)));
}

#[test]
fn flags_that_are_none() {
    refused(&[
        (&["run", "--sed", "1"], &["--sed", "--seed"]),
        (&["run", "--seed", "x"], &["--seed"]),
        (&["run", "--seed=-1"], &["--seed"]),
        (&["run", "--seed", "18446744073709551616"], &["--seed"]),
        (&["run", "--seed", "18446744073709551615"], &["--seed", "2^63"]),
        (&["run", "--seed", "1", "--seed", "2"], &["--seed", "multiple"]),
        (&["run", "--placer", "x"], &["--placer", "indexed", "naive"]),
        (&["run", "--format", "x"], &["--format", "json"]),
        (&["run", "-q", "-v"], &["--quiet", "--verbose"]),
        (&["run", "--strategy", "fg"], &["'fgd'?"]),
        (&["run", "--queue", "fif"], &["'fifo'?"]),
        (&["compare", "--threads", "0"], &["--threads", "at least 1"]),
        (&["compare", "--seeds", "0"], &["1 to"]),
        (&["compare", "--seeds", "100001"], &["1 to 100000"]),
        (&["compare", "--seed", "9223372036854775807", "--seeds", "2"], &["--seed", "2^63 - 1"]),
        (&["compare", "--metric", "wait_s.p98"], &["wait_s.p99"]),
        (&["compare", "--strategies", "random,randm"], &["'random'?"]),
        (&["compare", "--strategies", "random,random"], &["'random'", "twice"]),
    ]);
}

#[test]
fn set_without_meaning() {
    refused(&[
        (&["run", "--set", ""], &["--set", "KEY=VALUE"]),
        (&["run", "--set", "=1"], &["--set", "KEY=VALUE"]),
        (&["run", "--set", "capacity.a.count"], &["--set", "KEY=VALUE"]),
        (&["run", "--set", "capacity.a.count="], &["--set capacity.a.count"]),
        (&["run", "--set", "capacity.a.count=x"], &["--set capacity.a.count"]),
        (&["run", "--set", "capacity.a.count=[3]"], &["--set capacity.a.count"]),
        (&["run", "--set", "capacity.a.count=1\nb=2"], &["--set capacity.a.count"]),
        (&["run", "--set", "capacity.a.count.x=3"], &["'count' is a value, not a table"]),
        (&["run", "--set", "workload.w.rat=3/s"], &["--set workload.w.rat", "`rate`?"]),
        (&["run", "--set", "workload.w=3"], &["--set workload.w"]),
        (&["run", "--set", "workload.w.tasks=[]"], &["--set workload.w.tasks"]),
        (&["run", "--set", "seed=-1"], &["--set seed"]),
        (&["run", "--set", "name=../x"], &["--set name", "letters, digits"]),
        (&["run", "--set", "capacity={b={vcpu=1}}"], &["--set capacity", "`vcpus`?"]),
        (&["run", "--set", "capacity.b.count=2"], &["--set capacity.b.count, capacity.b.vcpus"]),
    ]);
}

/// One of the two values would be lost.
#[test]
fn what_is_set_twice() {
    refused(&[
        (&["run", "--set", "seed=1", "--set", "seed = 2"], &["--set seed: given twice"]),
        (&["run", "--seed", "1", "--set", "seed=2"], &["--seed: --set seed sets seed too"]),
        (&["run", "--strategy", "random", "--set", "placement.strategy=fgd"], &["keep one"]),
        (&["compare", "--seeds", "3", "--set", "compare.seeds=2"], &["--seeds", "keep one"]),
        (&["compare", "--axis", "queue=fifo,ecs", "--axis", "queue=ecs"], &["of the same"]),
        (&["compare", "--axis", "queue=fifo", "--axis", "queue.policy=ecs"], &["of the same"]),
        (
            &["compare", "--strategies", "random,fgd", "--axis", "placement=first-fit,fgd"],
            &["--axis placement: --strategies is an axis of the same", "in one"],
        ),
    ]);
    let axes = "[compare.axes]\nplacement = [\"random\", \"first-fit\"]";
    let twice = Attempt::new(super::edited("seeds = 2", axes));
    none([twice.refused(&["compare"], &["line 15", "compare.strategies is an axis of the same"])]);
}

#[test]
fn set_with_every_kind_of_value() {
    let values = [
        "capacity.a.count=3",
        " capacity.a.count = 3 ",
        "capacity.a.count=0x3",
        "until=[\"1h\", \"drained\"]",
        "until=1h",
        "workload.w.rate=3/h",
        "placement.strategy=[\"spread:instanceId\", \"binpack:cpu\"]",
        "capacity={b={vcpus=1,memory_mib=9999,count=1}}",
    ];
    let attempt = Attempt::new(SCENARIO);
    for value in values {
        attempt.succeed(&["run", "s.toml", "-q", "--set", value]);
    }
}

#[test]
fn axes_without_meaning() {
    let many: Vec<String> = (1..=1001).map(|count| count.to_string()).collect();
    let many = format!("capacity.a.count={}", many.join(","));
    refused(&[
        (&["compare", "--axis", "queue"], &["--axis", "NAME=V1,V2"]),
        (&["compare", "--axis", "queue="], &["--axis", "NAME=V1,V2"]),
        (&["compare", "--axis", "=1"], &["unknown key"]),
        (&["compare", "--axis", "queue=fifo,,ecs"], &["queue", "known:"]),
        (&["compare", "--axis", "queue=fifo,fifo"], &["queue=fifo", "twice"]),
        (&["compare", "--axis", "queu=fifo,ecs"], &["queu", "`queue`?"]),
        (&["compare", "--axis", "capacity.a.count=2,-2"], &["capacity.a.count", "-2"]),
        (&["compare", "--axis", "workload.w.rate.x=1,2"], &["'rate' is a value"]),
        (&["compare", "--axis", &many], &["--axis", "2002 arms", "1000 are the most", "fewer"]),
    ]);
    let empty = Attempt::new(super::edited("seeds = 2", "[compare.axes]\nqueue = []"));
    none([empty.refused(&["compare"], &["line 15", "compare.axes.queue", "without values"])]);
}

#[test]
fn nothing_to_compare() {
    let lonely = super::edited("strategies = [\"binpack:memory\", \"random\"]\n", "");
    none([Attempt::new(lonely).refused(&["compare"], &["nothing to compare", "--strategies"])]);
}

/// What compare decides itself would make arms that differ in name only.
#[test]
fn axes_that_change_nothing() {
    refused(&[
        (&["compare", "--axis", "seed=1,2"], &["seed"]),
        (&["compare", "--axis", "name=a,b"], &["name"]),
        (&["compare", "--axis", "description=a,b"], &["description"]),
        (&["compare", "--axis", "compare.seeds=1,2"], &["compare.seeds"]),
    ]);
}

#[test]
fn flags_that_contradict_each_other() {
    refused(&[
        (&["compare", "--strategy", "fgd", "--strategies", "random,fgd"], &["--strategy"]),
        (&["compare", "--queue", "ecs", "--axis", "queue=ecs,fifo"], &["--queue"]),
    ]);
}

/// A message names what the user wrote, not what it was turned into.
#[test]
fn messages_name_the_flag_or_the_line() {
    refused(&[
        (&["run", "--strategy", "fg"], &["--strategy:"]),
        (&["run", "--queue", "fif"], &["--queue:"]),
        (&["compare", "--strategies", "random,randm"], &["--strategies"]),
        (&["compare", "--axis", "queue=fifo,esc"], &["--axis queue"]),
        (&["compare", "--seeds", "0"], &["--seeds"]),
        (&["compare", "--metric", "x"], &["--metric"]),
        (&["run", "--set", "foo.bar.baz=1"], &["--set foo.bar.baz"]),
        (&["run", "--set", "workload.w.tasks[0].cpu=1"], &["--set workload.w.tasks[0].cpu"]),
    ]);
    let typo = Attempt::new(super::edited("\"random\"]", "\"randm\"]"));
    none([typo.refused(&["compare"], &["s.toml", "line 13", "'random'?"])]);
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written() {
    let mut command = assert_cmd::Command::new("sh");
    let script = "exec \"$0\" --help >/dev/full";
    let output = command.args(["-c", script, env!("CARGO_BIN_EXE_towtank")]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: standard output"), "{said}");
}
