//! Requests to services, from scenario to row: who serves them, and when CloudWatch knows.

use towtank::scenario::{Document, Recording, Scenario};

use crate::text::{Row, Text};

const HOST: &str = "until = \"1h\"\n\
                    [capacity.host]\nvcpus = 4\nmemory_mib = 16384\ncount = 2\n";

/// A service of tasks of one vCPU that get 10 ms requests, with more of its keys.
fn service(count: u32, keys: &str, requests: &str) -> String {
    format!(
        "[service.web]\ndesired_count = {count}\n{keys}\ntask = {{ cpu = 1024, memory = 1 }}\n\
         [service.web.requests]\ncpu = \"10ms\"\n{requests}\n"
    )
}

fn rows(scenario: &str) -> Vec<Row> {
    let document = Document::parse("s.toml", scenario).unwrap();
    let scenario = Scenario::of(document, &[]).unwrap_or_else(|why| panic!("{why}"));
    let text = Text::default();
    let service_metrics = Some(Box::new(text.clone()) as _);
    let recording = Recording { service_metrics, ..Recording::default() };
    scenario.prepare(1).unwrap().run(recording, &mut |_| true).unwrap();
    text.rows()
}

/// A column of all rows; NaN where it is empty.
fn column(rows: &[Row], name: &str) -> Vec<f64> {
    rows.iter().map(|row| row[name].parse().unwrap_or(f64::NAN)).collect()
}

#[test]
fn a_minute_of_requests_is_what_the_formula_says() {
    let rates = "rates = [{ at = \"0s\", per_second = 100 }, { at = \"90s\", per_second = 160 }]";
    let rows = rows(&format!("{HOST}{}", service(2, "", rates)));
    assert_eq!(rows.len(), 60);
    assert_eq!(column(&rows[..3], "time_s"), [60.0, 120.0, 180.0]);
    assert_eq!(column(&rows[..3], "requests"), [6000.0, 7800.0, 9600.0]);
    assert_eq!(column(&rows[..3], "cpu_utilisation"), [0.5, 0.65, 0.8]);
    // M/G/1-PS at 50 % and at 80 %, and in between both by their requests.
    assert_eq!(column(&rows[..3], "response_s"), [0.02, 0.038_462, 0.05]);
    assert_eq!(rows[0]["tasks"], "2.000");
    assert_eq!(rows[0]["failed"], "0");
}

#[test]
fn metrics_are_as_late_as_they_are_told_to_be() {
    let rates = "rates = [{ at = \"0s\", per_second = 1 }]";
    let late = "[controller]\nmetric_period = \"20s\"\nmetric_delay = \"45s\"\n";
    let found = rows(&format!("{HOST}{}{late}", service(1, "start = \"30s\"", rates)));
    assert_eq!(column(&found[..3], "since_s"), [30.0, 40.0, 60.0]);
    assert_eq!(column(&found[..3], "until_s"), [40.0, 60.0, 80.0]);
    assert_eq!(column(&found[..3], "time_s"), [85.0, 105.0, 125.0]);
    assert_eq!(column(&found[..3], "requests"), [10.0, 20.0, 20.0]);
}

#[test]
fn ecs_7_metrics_come_each_minute_a_minute_late() {
    let rates = "rates = [{ at = \"0s\", per_second = 1 }]";
    let rows = rows(&format!("preset = \"ecs\"\n{HOST}{}", service(1, "", rates)));
    assert_eq!(column(&rows[..2], "until_s"), [60.0, 120.0]);
    assert_eq!(column(&rows[..2], "time_s"), [120.0, 180.0]);
}

#[test]
fn requests_without_a_task_fail() {
    let changes = "changes = [{ at = \"90s\", desired_count = 0 }]";
    let rates = "rates = [{ at = \"0s\", per_second = 10 }]";
    let rows = rows(&format!("{HOST}{}", service(1, changes, rates)));
    assert_eq!(column(&rows[..3], "failed"), [0.0, 300.0, 600.0]);
    assert_eq!(column(&rows[..3], "tasks"), [1.0, 0.5, 0.0]);
    assert_eq!(rows[2]["cpu_utilisation"], "");
    assert_eq!(rows[2]["response_s"], "");
}

/// It serves from when the load balancer knows it until it is told to let go.
#[test]
fn a_load_balancer_sends_requests_while_it_knows_the_task() {
    let life = "[life_cycle]\nactivation = \"15s\"\nderegistration_delay = \"120s\"\n";
    let keys = "load_balancer = true\nchanges = [{ at = \"90s\", desired_count = 0 }]";
    let rates = "rates = [{ at = \"0s\", per_second = 10 }]";
    let rows = rows(&format!("{HOST}{life}{}", service(1, keys, rates)));
    assert_eq!(column(&rows[..3], "tasks"), [0.75, 0.5, 0.0]);
    assert_eq!(column(&rows[..3], "failed"), [150.0, 300.0, 600.0]);
}

#[test]
fn a_task_gets_requests_once_it_has_passed_the_checks_of_its_load_balancer() {
    let life = "[life_cycle]\nactivation = \"15s\"\ntarget_health = \"30s\"\n";
    let rates = "rates = [{ at = \"0s\", per_second = 10 }]";
    let rows = rows(&format!("{HOST}{life}{}", service(1, "load_balancer = true", rates)));
    assert_eq!(column(&rows[..2], "tasks"), [0.25, 1.0]);
}

#[test]
fn fast_instances_serve_more() {
    let fast = HOST.replace("count = 2", "count = 2\nspeed = 2");
    let rates = "rates = [{ at = \"0s\", per_second = 100 }]";
    let rows = rows(&format!("{fast}{}", service(1, "", rates)));
    assert_eq!(column(&rows[..1], "cpu_utilisation"), [0.5]);
    assert_eq!(column(&rows[..1], "response_s"), [0.01]);
}

/// 150 a second to a task that serves 100: after 10 s of it the wait is 5 s, the timeout, and from
/// then on a third fails.
#[test]
fn a_task_that_gets_too_many_requests_fails_the_rest() {
    let rates = "timeout = \"6s\"\nrates = [{ at = \"0s\", per_second = 150 }]";
    let rows = rows(&format!("{HOST}{}", service(1, "", rates)));
    assert_eq!(column(&rows[..2], "cpu_utilisation"), [1.0, 1.0]);
    // At 99 % a request takes 1 s, which leaves 5 s, or 500 requests, to wait.
    assert_eq!(column(&rows[..2], "failed"), [2500.0, 3000.0]);
    assert_eq!(rows[1]["response_s"], "6.000000");
}

/// What waits when the last task goes fails; the times of the others stay what they were.
#[test]
fn requests_that_fail_with_their_task_lengthen_no_response() {
    let rates = "timeout = \"6s\"\nrates = [{ at = \"0s\", per_second = 150 }]";
    let changes = "changes = [{ at = \"90s\", desired_count = 0 }]";
    let rows = rows(&format!("{HOST}{}", service(1, changes, rates)));
    assert_eq!(rows[1]["response_s"], "6.000000");
    // A third of 30 s, the 500 that waited, and all of the other 30 s.
    assert_eq!(rows[1]["failed"], "6500");
}

/// Less than half a request a minute: some minutes have one, and none is lost.
#[test]
fn few_requests_are_counted_over_the_minutes() {
    let rates = "rates = [{ at = \"0s\", per_second = 0.008 }]";
    let found = rows(&format!("{HOST}{}", service(1, "", rates)));
    assert_eq!(column(&found, "requests").iter().sum::<f64>(), 29.0, "0.008 a second, an hour");
    let none = rows(&format!("{HOST}{}", service(0, "", rates)));
    assert_eq!(column(&none, "failed").iter().sum::<f64>(), 29.0);
}
