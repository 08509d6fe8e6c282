//! Requests as a fluid: formulas known exactly, and backlogs worked out by hand.

use super::*;

fn load(cpu_s: f64, serving: Serving) -> RequestLoad {
    RequestLoad { rates: Vec::new(), cpu_s, serving, timeout_s: 60.0 }
}

fn size(vcpus: f64) -> TaskSize {
    TaskSize { cpu: Cpu((vcpus * f64::from(Cpu::VCPU.0)) as u32), speed_milli: 1000 }
}

fn station(vcpus: f64, cpu_s: f64, serving: Serving) -> Station {
    Station::of(&load(cpu_s, serving), size(vcpus))
}

fn near(found: f64, exact: f64) {
    assert!((found - exact).abs() <= 1e-9 * exact.abs().max(1.0), "{found}, not {exact}");
}

const POISSON: Serving = Serving::Queue { workers: None, arrival_cv2: 1.0, service_cv2: 1.0 };

#[test]
fn sharing_one_vcpu_or_less_is_m_g_1_ps() {
    for vcpus in [0.25, 0.5, 1.0] {
        let one = station(vcpus, 0.01, Serving::Shared);
        near(one.most, vcpus / 0.01);
        for load in [0.1, 0.5, 0.9] {
            near(one.response_s(load * one.most), 0.01 / vcpus / (1.0 - load));
        }
    }
}

/// The mean number present in M/M/c is the same whether requests share or queue.
#[test]
fn sharing_whole_vcpus_is_as_long_as_m_m_c() {
    for vcpus in [2.0, 4.0, 16.0] {
        let (shared, queued) =
            (station(vcpus, 0.02, Serving::Shared), station(vcpus, 0.02, POISSON));
        near(shared.most, queued.most);
        for load in [0.3, 0.8, 0.95] {
            near(shared.response_s(load * shared.most), queued.response_s(load * queued.most));
        }
    }
}

/// 1.5 vCPUs: the chain solved state by state.
#[test]
fn sharing_a_part_of_a_vcpu_solves_its_chain() {
    let one = station(1.5, 1.0, Serving::Shared);
    let (rate, mut weight, mut sum, mut moment) = (1.2, 1.0, 0.0, 0.0);
    for n in 0..2000 {
        sum += weight;
        moment += f64::from(n) * weight;
        weight *= rate / f64::from(n + 1).min(1.5);
    }
    near(one.response_s(rate), moment / sum / rate);
}

#[test]
fn one_worker_waits_as_pollaczek_and_khinchine_say() {
    let serving = Serving::Queue { workers: Some(1), arrival_cv2: 1.0, service_cv2: 4.0 };
    let one = station(1.0, 1.0, serving);
    near(one.response_s(0.8), 1.0 + 0.8 / 0.2 * 2.5);
    let constant = Serving::Queue { workers: Some(1), arrival_cv2: 1.0, service_cv2: 0.0 };
    near(station(1.0, 1.0, constant).response_s(0.8), 1.0 + 0.8 / 0.2 / 2.0);
}

#[test]
fn two_workers_wait_as_erlang_says() {
    // M/M/2 at 0.75: C = 9/14, Wq = C / (2 - 1.5).
    near(station(2.0, 1.0, POISSON).response_s(1.5), 1.0 + 9.0 / 14.0 / 0.5);
}

#[test]
fn fast_instances_serve_faster_and_idle_ones_at_once() {
    let fast = TaskSize { speed_milli: 2000, ..size(1.0) };
    let one = Station::of(&load(0.01, Serving::Shared), fast);
    near(one.most, 200.0);
    near(one.response_s(0.0), 0.005);
}

fn pool(tasks: u32, serving: Serving) -> Pool {
    Pool { tasks, ..Pool::new(station(1.0, 0.1, serving)) }
}

#[test]
fn ecs_7_cpu_utilisation_is_used_over_reserved() {
    let (mut two, mut tally) = (pool(2, Serving::Shared), Tally::default());
    two.advance(10.0, 60.0, 60.0, &mut tally);
    near(tally.requests, 600.0);
    near(tally.used, 60.0);
    near(tally.reserved, 120.0);
    near(tally.response_s / tally.requests, 0.2);
    assert_eq!(tally.failed, 0.0);
}

/// 30 requests a second to one that does 10: 20 a second wait, until the wait is the timeout.
#[test]
fn above_saturation_a_backlog_grows_to_the_timeout_and_then_requests_fail() {
    let (mut one, mut tally) = (pool(1, Serving::Shared), Tally::default());
    let stationary = one.station.response_s(30.0);
    let longest = (60.0 - stationary) * 10.0;
    one.advance(30.0, 10.0, 60.0, &mut tally);
    near(one.backlog, 200.0);
    near(tally.response_s / tally.requests, stationary + 10.0);
    near(tally.used, 10.0);
    one.advance(30.0, 50.0, 60.0, &mut tally);
    near(one.backlog, longest);
    near(tally.failed, 60.0 * 20.0 - longest);
    let requests = tally.requests;
    one.advance(0.0, 100.0, 60.0, &mut tally);
    near(tally.requests, requests);
    near(one.backlog, 0.0);
    near(tally.used, 60.0 + longest * 0.1);
}

/// However a time is cut into parts, it comes to the same.
#[test]
fn parts_add_up() {
    let (mut whole, mut all) = (pool(1, Serving::Shared), Tally::default());
    whole.advance(15.0, 40.0, 5.0, &mut all);
    let (mut cut, mut parts) = (pool(1, Serving::Shared), Tally::default());
    for seconds in [3.0, 0.5, 6.5, 0.25, 29.75] {
        cut.advance(15.0, seconds, 5.0, &mut parts);
    }
    near(cut.backlog, whole.backlog);
    for of in [
        |tally: &Tally| tally.requests,
        |tally: &Tally| tally.failed,
        |tally: &Tally| tally.response_s,
        |tally: &Tally| tally.used,
    ] {
        near(of(&parts), of(&all));
    }
}

#[test]
fn what_waits_for_the_last_task_fails_with_it() {
    let (mut one, mut tally) = (pool(1, Serving::Shared), Tally::default());
    one.advance(20.0, 10.0, 60.0, &mut tally);
    let mean = tally.response_s / tally.let_in;
    one.set_tasks(0, &mut tally);
    near(tally.failed, 100.0);
    near(tally.response_s / tally.let_in, mean);
    near(one.backlog, 0.0);
}

/// M/G/1-PS takes 1 / (1 - ρ) seconds: 4 of them at 75 %.
#[test]
fn what_would_take_too_long_fails_though_the_task_is_not_saturated() {
    let sharing = |cpu_s| Pool { tasks: 1, ..Pool::new(station(1.0, cpu_s, Serving::Shared)) };
    let (mut one, mut tally) = (sharing(1.0), Tally::default());
    one.advance(0.9, 100.0, 4.0, &mut tally);
    near(tally.requests, 90.0);
    near(tally.failed, 15.0);
    near(tally.response_s / tally.let_in, 4.0);
    near(tally.used, 90.0);
    // Not even one by itself is answered in time.
    let (mut slow, mut tally) = (sharing(10.0), Tally::default());
    slow.advance(0.05, 100.0, 5.0, &mut tally);
    near(tally.failed, 5.0);
    near(tally.let_in, 0.0);
    near(tally.used, 50.0);
}

#[test]
fn the_largest_tasks_near_saturation_take_some_time() {
    for vcpus in [700.0, 5000.0, 33_000.0] {
        let large = station(vcpus, 1.0, Serving::Shared);
        let queued = station(vcpus, 1.0, POISSON);
        let rate = 0.99 * large.most;
        let ratio = large.response_s(rate) / queued.response_s(rate);
        assert!((ratio - 1.0).abs() < 1e-6, "{vcpus}: {ratio}");
    }
}
