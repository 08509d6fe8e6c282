//! Decisions that take time, on scripts worked out by hand: one server, one decision after the
//! other, each on the cluster as it stands at its end.

use towtank::model::Outcome;
use towtank::scenario::{Document, Recording, Scenario};

use super::{Act, Host, Times, completed, host, play, task};

/// A host whose control plane takes so many seconds for a decision.
fn slow(vcpus: u64, decision_s: u64) -> Host {
    Host { decision_ns: decision_s * 1_000_000_000, ..host(vcpus) }
}

fn placed(times: &[Times]) -> Vec<Option<f64>> {
    times.iter().map(|one| one.placed).collect()
}

/// Decisions end at 3, 6 and 9; the third finds no room. Task 0 ends at 13 and the head is tried
/// again; at the end of that decision, 16, task 1 has just ended too.
#[test]
fn decisions_are_made_one_after_the_other() {
    let acts = [(0, task(1, 10)), (0, task(1, 10)), (1, task(1, 1))];
    for queue in ["fifo", "ecs"] {
        let (times, _) = play(queue, slow(2, 3), &acts);
        let expected = [
            completed(3.0, 3.0, 13.0, 13.0),
            completed(6.0, 6.0, 16.0, 16.0),
            completed(16.0, 16.0, 17.0, 17.0),
        ];
        assert_eq!(times, expected, "{queue}");
    }
    let (times, _) = play("reject", slow(2, 3), &acts);
    assert_eq!(times[2].ended, Some((9.0, Outcome::Rejected)), "turned away when it was decided");
}

/// The decision about task 1 begins at 11, when there is no room, and ends at 14, when there is.
#[test]
fn a_decision_sees_the_cluster_at_its_end() {
    let (times, _) = play("fifo", slow(1, 3), &[(0, task(1, 10)), (11, task(1, 1))]);
    assert_eq!(times[1], completed(14.0, 14.0, 15.0, 15.0));
    // Task 1 is placed at 4, when its decision ends, although there was room from 3 on.
    let acts = [(0, task(2, 2)), (3, task(2, 9)), (4, task(1, 1))];
    let (times, _) = play("ecs", slow(2, 1), &acts);
    assert_eq!(placed(&times), [Some(1.0), Some(4.0), Some(14.0)]);
}

/// The gang runs from 6 to 11; the decision that begins at 6 finds no room at 9, the next at 14.
#[test]
fn a_gang_takes_the_time_once_per_task() {
    let gang = Act::Submit { vcpus: 1, count: 2, gang: true, run_s: 5 };
    let (times, _) = play("ecs", slow(2, 3), &[(0, gang), (1, task(1, 1))]);
    assert_eq!(placed(&times), [Some(6.0), Some(6.0), Some(14.0)]);
}

/// Task 0 is scaled in at 1: what is left of the time for it, until 3, is spent in vain.
#[test]
fn a_task_stopped_while_it_is_decided_on_takes_its_time_all_the_same() {
    let acts = [(0, Act::Service { vcpus: 1 }), (1, Act::Scale(0, 0)), (1, task(1, 1))];
    let (times, _) = play("ecs", slow(1, 3), &acts);
    assert_eq!(times[0].placed, None);
    assert_eq!(times[0].ended, Some((1.0, Outcome::Stopped)));
    assert_eq!(times[1], completed(6.0, 6.0, 7.0, 7.0));
}

/// Room made during a sweep brings back those that the sweep has passed already.
#[test]
fn a_sweep_goes_on_and_another_follows_where_room_was_made() {
    // Task 1 is refused at 2. Task 0 ends at 3, during the decision on task 2, which takes its room
    // at 3 as it is next; task 1 is tried again at 4 in vain, and once task 2 has ended.
    let acts = [(0, task(2, 2)), (0, task(2, 5)), (0, task(1, 4))];
    let (times, _) = play("ecs", slow(2, 1), &acts);
    assert_eq!(placed(&times), [Some(1.0), Some(8.0), Some(3.0)]);
}

#[test]
fn nanoseconds_of_decisions_in_a_row_add_up() {
    let many = Act::Submit { vcpus: 1, count: 3, gang: false, run_s: 1 };
    let fast = Host { decision_ns: 350, ..host(3) };
    let (times, _) = play("ecs", fast, &[(5, many.clone()), (6, many)]);
    let starts = [5.0, 5.0, 5.000_001, 6.0, 6.000_000_5, 6.000_001];
    let micros = |at: f64| (at * 1e6).floor() / 1e6;
    // Tasks 3 to 5 find the room that 0 to 2 leave: at 6 s two are gone, the third 1 µs later.
    let expected: Vec<Option<f64>> = starts.iter().map(|&at| Some(micros(at))).collect();
    assert_eq!(placed(&times), expected);
}

#[test]
fn no_time_is_no_time() {
    let acts = [(0, task(2, 7)), (7, task(1, 1)), (7, task(2, 1)), (7, Act::Service { vcpus: 1 })];
    let acts = [&acts[..], &[(9, Act::Scale(0, 0))]].concat();
    for queue in ["fifo", "ecs", "reject"] {
        assert_eq!(play(queue, slow(2, 0), &acts), play(queue, host(2), &acts));
    }
}

/// Poisson arrivals, decisions of 100 ms, room for everyone: M/D/1. By Pollaczek and Khinchine a
/// task waits ρ/(2 (1 − ρ)) decisions for its own on average, with ρ the share of the time in
/// which decisions are made; its own is one more.
#[test]
fn waiting_for_decisions_is_an_m_d_1_queue() {
    for (per_second, load) in [(2, 0.2), (5, 0.5), (8, 0.8)] {
        let text = format!(
            "[capacity.a]\nvcpus = 16\nmemory_mib = 65536\ncount = 10\n\
             [controller]\ndecision_time = \"100ms\"\n[record]\ntasks = false\n\
             [workload.w]\nrate = \"{per_second}/s\"\ncount = 100000\nduration = \"1s\"\n\
             tasks = [{{ cpu = 256, memory = 64 }}]\n"
        );
        let scenario = Scenario::of(Document::parse("t.toml", &text).unwrap(), &[]).unwrap();
        let run = scenario.prepare(1).unwrap().run(Recording::default(), &mut |_| true).unwrap();
        let expected = 0.1 * (1.0 + load / (2.0 * (1.0 - load)));
        let mean = run.records.wait_s.mean.unwrap();
        assert!((mean / expected - 1.0).abs() < 0.03, "load {load}: {mean} s, not {expected} s");
    }
}
