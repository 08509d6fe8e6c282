//! Programs performed in this process: small figures, wide bounds where the machine is shared.

use super::*;

fn program(phases: Vec<Phase>) -> Program {
    Program {
        work: false,
        phases,
        until_stopped: false,
        memory_ramp_micros: 0,
        exit_code: 0,
        deadline_micros: 60_000_000,
    }
}

fn phase(millis: u64, cpu_milli: u32) -> Phase {
    Phase { micros: millis * 1000, cpu_milli, memory_kib: 0 }
}

/// Performs it and says how it went, its exit code, the wall-clock time and the CPU time of this
/// process meanwhile, which other tests add to.
fn timed(program: &Program, stop: &StopFlag) -> (Said, u8, Duration) {
    let began = clock::now();
    let (said, code) = perform(program, stop);
    (said, code, began.elapsed())
}

#[test]
fn no_phases_end_at_once_with_the_programs_own_code() {
    let program = Program { exit_code: 9, ..program(Vec::new()) };
    let (said, code, wall) = timed(&program, &StopFlag::default());
    assert!(code == 9 && !said.stopped && wall < Duration::from_secs(1), "{said:?} {wall:?}");
    assert!(said.max_rss_kib > 100, "{said:?}");
}

#[test]
fn a_phase_of_time_lasts_for_its_time() {
    for milli in [0, 200, 1000] {
        let (said, code, wall) = timed(&program(vec![phase(120, milli)]), &StopFlag::default());
        assert!(code == 0 && wall >= Duration::from_millis(120), "{milli}: {wall:?}");
        assert!((said.wall_s - wall.as_secs_f64()).abs() < 0.1, "{said:?} {wall:?}");
    }
}

#[test]
fn a_thread_gets_no_more_than_it_wants_and_not_much_less() {
    let stop = StopFlag::default();
    let program = program(Vec::new());
    let deadline = clock::now() + Duration::from_mins(1);
    let run = Run { program: &program, stop: &stop, deadline };
    let wall = Duration::from_millis(500);
    let used = std::thread::spawn(move || cpu_time(ClockId::ThreadCPUTime)).join().unwrap();
    let got = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let started = clock::now();
            let stint = Stint { started, ends: Some(started + wall), done_at: Duration::ZERO };
            run.burn(&stint, 200, |_| Ok(false)).unwrap();
            cpu_time(ClockId::ThreadCPUTime)
        });
        thread.join().unwrap()
    });
    // A fifth of half a second, up to the last slice; a busy machine gives less.
    assert!(used < Duration::from_millis(20));
    assert!(got <= Duration::from_millis(115), "{got:?}");
    assert!(got >= Duration::from_millis(30), "{got:?}");
}

#[test]
fn work_lasts_until_its_cpu_time_is_got() {
    let program = Program { work: true, ..program(vec![phase(60, 1000), phase(40, 500)]) };
    let before = cpu_time(ClockId::ProcessCPUTime);
    let (_, code, _) = timed(&program, &StopFlag::default());
    let used = cpu_time(ClockId::ProcessCPUTime).saturating_sub(before);
    assert!(code == 0 && used >= Duration::from_millis(80), "{used:?}");
}

#[test]
fn more_than_a_core_takes_several_threads() {
    // The deadline is for a machine that has no second core to give.
    let program = Program { work: true, ..program(vec![phase(50, 2500)]) };
    let before = cpu_time(ClockId::ProcessCPUTime);
    let (_, code, _) = timed(&program, &StopFlag::default());
    let used = cpu_time(ClockId::ProcessCPUTime).saturating_sub(before);
    assert!(code == 0 && used >= Duration::from_millis(125), "{used:?}");
}

#[test]
fn memory_is_taken_and_given_back_in_whole_pages() {
    const BLOCK: usize = 1 << 20;
    let mut memory = Memory::default();
    for (bytes, held) in [
        (10, 0),
        (PAGE, PAGE),
        (3 * BLOCK + PAGE + 1, 3 * BLOCK + PAGE),
        (BLOCK, BLOCK),
        (BLOCK + PAGE, BLOCK + PAGE),
        (0, 0),
    ] {
        memory.hold(bytes, || Ok(())).unwrap();
        let blocks: usize = memory.blocks.iter().map(Vec::len).sum();
        assert_eq!((memory.bytes, blocks), (held, held), "{bytes}");
    }
    assert_eq!(memory.hold(BLOCK, || Err(Cut::Stopped)), Err(Cut::Stopped));
}

#[test]
fn touched_memory_is_resident() {
    let before = max_rss_kib();
    let phase = Phase { micros: 1000, cpu_milli: 0, memory_kib: before + (32 << 10) };
    let (said, ..) = timed(&program(vec![phase]), &StopFlag::default());
    assert!(said.max_rss_kib >= before + (32 << 10), "{before} {said:?}");
}

#[test]
fn a_ramp_takes_its_time_and_the_memory_is_all_there_at_its_end() {
    let phase = Phase { micros: 100_000, cpu_milli: 100, memory_kib: 4096 };
    let program = Program { memory_ramp_micros: 50_000, ..program(vec![phase]) };
    let (_, code, wall) = timed(&program, &StopFlag::default());
    assert!(code == 0 && wall >= Duration::from_millis(100));
}

#[test]
fn being_told_to_stop_ends_every_kind_of_program_at_once() {
    let server = Program { until_stopped: true, ..program(Vec::new()) };
    let busy = program(vec![phase(60_000, 2000)]);
    let idle = program(vec![phase(60_000, 0)]);
    let work = Program { work: true, ..program(vec![phase(60_000, 300)]) };
    for program in [server, busy, idle, work] {
        let stop = StopFlag::default();
        let flag = stop.clone();
        let teller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            flag.set();
            clock::now()
        });
        let (said, code) = perform(&program, &stop);
        let late = teller.join().unwrap().elapsed();
        assert!((said.stopped, code) == (true, STOPPED), "{program:?}");
        assert!(late < Duration::from_millis(500), "{late:?} {program:?}");
    }
}

#[test]
fn the_deadline_ends_every_kind_of_program() {
    let server = Program { until_stopped: true, ..program(Vec::new()) };
    for program in [server, program(vec![phase(60_000, 500)]), program(vec![phase(60_000, 0)])] {
        let program = Program { deadline_micros: 60_000, ..program };
        let (said, code, wall) = timed(&program, &StopFlag::default());
        assert!((said.stopped, code) == (false, DEADLINE), "{program:?}");
        assert!(wall < Duration::from_secs(5), "{wall:?}");
    }
}

#[test]
fn shares_do_not_overflow() {
    assert_eq!(share(1_000_000, 250), 250_000);
    assert_eq!(share(u64::MAX, u32::MAX), u64::MAX);
}
