//! Blue/green, linear and canary deployments that something else happens in the midst of.

use super::services::run;

/// Green has the traffic and blue is gone, but green lacks tasks when the next update comes: green
/// runs beside that one, as blue did before.
#[test]
fn ecs_5_5_what_has_the_traffic_stays_though_it_is_not_complete() {
    let text = "until = \"1h\"\n[capacity.c]\nvcpus = 4\nmemory_mib = 16384\ncount = 5\n\
        start_delay = \"30s\"\n[service.web]\ndesired_count = 10\n\
        task = { cpu = 1024, memory = 256 }\ndeployment = { strategy = \"blue-green\", \
        bake_time = \"60s\", minimum_healthy_percent = 50 }\n\
        changes = [{ at = \"10m\", task = { cpu = 1024, memory = 257 } },\n\
        { at = \"640s\", desired_count = 12 },\n\
        { at = \"700s\", task = { cpu = 1024, memory = 258 } }]\n";
    let outcome = run(text);
    for at in [699.0, 701.0, 729.0, 3600.0] {
        let running = outcome.running_at(at, "web", "c");
        assert!(running >= 10, "{running} at {at} s");
    }
}

/// An instance drains while the traffic is shifted, and an update follows at once.
#[test]
fn ecs_5_5_a_drain_in_the_midst_of_a_shift_costs_no_task() {
    let text = "preset = \"ecs\"\nuntil = \"2h\"\n[capacity.c]\nvcpus = 4\n\
        memory_mib = 16384\ncount = 6\ndrain = [{ at = \"1350s\", instances = 1 }]\n\
        [service.web]\ndesired_count = 10\nload_balancer = true\n\
        task = { cpu = 512, memory = 256 }\ndeployment = { strategy = \"canary\", \
        canary_time = \"5m\", bake_time = \"5m\" }\n\
        changes = [{ at = \"10m\", task = { cpu = 512, memory = 257 } },\n\
        { at = \"1360s\", task = { cpu = 512, memory = 258 } }]\n";
    let outcome = run(text);
    let told = |words: &str| -> Vec<f64> {
        let meanwhile = |at: &f64| (1360.0..2100.0).contains(at);
        outcome.told(words).into_iter().filter(meanwhile).collect()
    };
    // The last one of blue, which has no traffic any more.
    assert_eq!((told("stopped 1 running tasks"), told("stopped").len()), (vec![1360.0], 1));
    assert_eq!(outcome.running("web", "c"), 10);
}

/// All tasks of blue end by themselves: the traffic has not been shifted because of it.
#[test]
fn ecs_5_5_the_bake_takes_its_time_though_nothing_is_left_to_replace() {
    let text = "until = \"2h\"\n[capacity.c]\nvcpus = 16\nmemory_mib = 65536\ncount = 2\n\
        start_delay = \"5s\"\n[service.web]\ndesired_count = 4\n\
        task = { cpu = 256, memory = 256, duration = \"10m\" }\n\
        deployment = { strategy = \"blue-green\", bake_time = \"30m\" }\n\
        changes = [{ at = \"9m\", task = { cpu = 256, memory = 257 } }]\n";
    // Green is up at 545 s, and blue ends at 605 s.
    assert_eq!(run(text).told("deployment completed"), [5.0, 545.0 + 1800.0]);
}
