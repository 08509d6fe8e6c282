//! Performs a [`Program`]: burns CPU, touches memory, waits, and ends as it is told.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::clock;
use super::program::{Phase, Program, Said};

/// Exit code of a program that was told to stop: 128 and the number of SIGTERM.
const STOPPED: u8 = 143;
/// Exit code of a program that ran into its deadline, as of `timeout(1)`.
const DEADLINE: u8 = 124;

/// CPU wanted below a core is got in turns of burning and sleeping this long.
const SLICE: Duration = Duration::from_millis(10);
/// What a slice lacked because it ran late is made up for up to so much, a period of the kernel's
/// quota; what was refused for longer is lost, as the demand of a server is.
const CARRIED: Duration = Duration::from_millis(100);
/// CPU after which another thread of the host may go first. The kernel switches at its ticks, some
/// milliseconds apart. A whole core has plenty of them; a fifth of one, which stands for an
/// instance, has five in a period of its quota, and the last in the queue gets what is left. An
/// instance on a scale has its turns on the same scale.
const TURN: Duration = Duration::from_micros(500);
/// Between two looks at the clocks, multiplications: some ten microseconds.
const BURN: u32 = 10_000;
/// Threads that burn: containers are limited to 64 in all.
const THREADS_MAX: u32 = 48;
/// Memory that grows does so in so many steps.
const RAMP_STEPS: f64 = 64.0;
const PAGE: usize = 4096;

/// Why a program ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Stopped,
    Deadline,
}

/// The flag that ends all threads of a program; sleepers wake when it is set.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<(Mutex<bool>, Condvar)>);

impl StopFlag {
    /// Tells the program to stop.
    pub fn set(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    fn is_set(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until a time or until it is set.
    fn sleep_until(&self, until: Instant) {
        let mut stop = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stop {
            let rest = until.saturating_duration_since(clock::now());
            if rest.is_zero() {
                return;
            }
            let woken = self.0.1.wait_timeout(stop, rest);
            stop = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Performs a program until its end, its deadline, or until it is told to stop; says how it went,
/// and the exit code: its own, 124 at the deadline, 143 if it was stopped.
pub fn perform(program: &Program, stop: &StopFlag) -> (Said, u8) {
    let start = clock::now();
    // What it took until here is part of starting a container, not of what it does.
    let before = cpu_time(ClockId::ProcessCPUTime);
    let run =
        Run { program, stop, deadline: start + Duration::from_micros(program.deadline_micros) };
    let ended = run.phases().and_then(|()| run.linger());
    let (code, stopped) = match ended {
        Ok(()) => (program.exit_code, false),
        Err(Cut::Stopped) => (STOPPED, true),
        Err(Cut::Deadline) => (DEADLINE, false),
    };
    let said = Said {
        wall_s: start.elapsed().as_secs_f64(),
        cpu_s: cpu_time(ClockId::ProcessCPUTime).saturating_sub(before).as_secs_f64(),
        max_rss_kib: max_rss_kib(),
        stopped,
    };
    (said, code)
}

struct Run<'a> {
    program: &'a Program,
    stop: &'a StopFlag,
    deadline: Instant,
}

/// A phase that has begun.
struct Stint {
    started: Instant,
    /// When it ends, of a phase that lasts for its time.
    ends: Option<Instant>,
    /// CPU time of the process at which it ends, of a phase that is work.
    done_at: Duration,
}

impl Run<'_> {
    fn phases(&self) -> Result<(), Cut> {
        let mut memory = Memory::default();
        let mut ramp = Duration::from_micros(self.program.memory_ramp_micros);
        for phase in &self.program.phases {
            self.phase(phase, &mut memory, ramp)?;
            ramp = Duration::ZERO;
        }
        Ok(())
    }

    /// Until it is told to stop, if it is to run on.
    fn linger(&self) -> Result<(), Cut> {
        if self.program.until_stopped {
            self.stop.sleep_until(self.deadline);
            // Whichever woke it: it has been stopped, or the deadline is there.
            self.check()?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Cut> {
        if self.stop.is_set() {
            return Err(Cut::Stopped);
        }
        if clock::now() >= self.deadline { Err(Cut::Deadline) } else { Ok(()) }
    }

    fn phase(&self, phase: &Phase, memory: &mut Memory, ramp: Duration) -> Result<(), Cut> {
        let work = self.program.work && phase.cpu_milli > 0;
        let length = Duration::from_micros(phase.micros);
        let started = clock::now();
        let stint = Stint {
            started,
            ends: if work { None } else { Some(started + length) },
            done_at: cpu_time(ClockId::ProcessCPUTime)
                + Duration::from_micros(share(phase.micros, phase.cpu_milli)),
        };
        let bytes = usize::try_from(phase.memory_kib.saturating_mul(1024)).unwrap_or(usize::MAX);
        let threads = phase.cpu_milli.div_ceil(1000).clamp(1, THREADS_MAX);
        let demand =
            |thread: u32| phase.cpu_milli / threads + u32::from(thread < phase.cpu_milli % threads);
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                .map(|thread| {
                    let (stint, milli) = (&stint, demand(thread));
                    scope.spawn(move || self.burn(stint, milli, |_| Ok(false)))
                })
                .collect();
            let own = self.burn(&stint, demand(0), |elapsed| {
                let part =
                    if elapsed < ramp { elapsed.as_secs_f64() / ramp.as_secs_f64() } else { 1.0 };
                let part = (part * RAMP_STEPS).round() / RAMP_STEPS;
                memory.hold((bytes as f64 * part) as usize, || self.check())?;
                Ok(elapsed < ramp)
            });
            let others = others.into_iter().map(|other| other.join().unwrap_or(Ok(())));
            others.fold(own, Result::and)
        })
    }

    /// Uses `milli` thousandths of a core until the phase is over; `each_slice` is called with the
    /// time that has passed, what it uses counts, and it says whether it has more to do.
    fn burn(
        &self,
        stint: &Stint,
        milli: u32,
        mut each_slice: impl FnMut(Duration) -> Result<bool, Cut>,
    ) -> Result<(), Cut> {
        let whole_core = milli >= 1000;
        let mut slice_start = stint.started;
        let mut wanted = cpu_time(ClockId::ThreadCPUTime);
        let mut turn_ends = wanted + TURN;
        let part = |time: Duration| {
            Duration::from_nanos(share(time.as_nanos().try_into().unwrap_or(u64::MAX), milli))
        };
        loop {
            let more = each_slice(stint.started.elapsed())?;
            if let (0, false, Some(ends)) = (milli, more, stint.ends) {
                self.stop.sleep_until(ends.min(self.deadline));
            }
            wanted += part(SLICE);
            let slice_end = slice_start + SLICE;
            loop {
                self.check()?;
                if stint.is_over() {
                    // What was due by then, even if the machine had no time for it before.
                    return each_slice(stint.started.elapsed()).map(|_| ());
                }
                let had = cpu_time(ClockId::ThreadCPUTime);
                let late = clock::now() >= slice_end;
                if if whole_core { late } else { had >= wanted || late } {
                    break;
                }
                if had >= turn_ends {
                    std::thread::yield_now();
                    turn_ends = had + TURN;
                }
                spin();
            }
            let now = clock::now();
            if now < slice_end {
                let end = stint.ends.map_or(slice_end, |ends| ends.min(slice_end));
                self.stop.sleep_until(end.min(self.deadline));
                slice_start = slice_end;
            } else {
                // The time beyond the slice is a longer slice: what it wanted is wanted still.
                wanted += part(now - slice_end);
                slice_start = now;
            }
            let had = cpu_time(ClockId::ThreadCPUTime);
            let most = had + part(CARRIED);
            wanted = wanted.min(most);
        }
    }
}

impl Stint {
    fn is_over(&self) -> bool {
        match self.ends {
            Some(ends) => clock::now() >= ends,
            None => cpu_time(ClockId::ProcessCPUTime) >= self.done_at,
        }
    }
}

/// Thousandths of a whole, saturating.
fn share(whole: u64, milli: u32) -> u64 {
    u64::try_from(u128::from(whole) * u128::from(milli) / 1000).unwrap_or(u64::MAX)
}

/// A little work that no compiler removes.
fn spin() {
    let mut value = black_box(1_u64);
    for _ in 0..BURN {
        value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
    black_box(value);
}

fn cpu_time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// Most memory this process ever had resident.
fn max_rss_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Memory that is really there: every page of it has been written to, by the kernel. Were it
/// written to here, a program that reaches its memory limit would now and then not be killed for
/// minutes: the kernel makes room by taking the very pages that this program runs from, which are
/// then read again, and so on for ever. Within a single call of it nothing needs to be read again.
#[derive(Debug, Default)]
struct Memory {
    blocks: Vec<Vec<u8>>,
    bytes: usize,
}

impl Memory {
    /// Takes or gives back until it holds `bytes`, or a little less.
    fn hold(&mut self, bytes: usize, check: impl Fn() -> Result<(), Cut>) -> Result<(), Cut> {
        let bytes = bytes / PAGE * PAGE;
        while self.bytes > bytes {
            let Some(last) = self.blocks.pop() else {
                break;
            };
            self.bytes -= last.len();
        }
        if self.bytes < bytes {
            check()?;
            let mut block = vec![0_u8; bytes - self.bytes];
            write_to(&mut block);
            self.bytes = bytes;
            self.blocks.push(black_box(block));
        }
        Ok(())
    }
}

/// Has every page of a block written to.
fn write_to(block: &mut [u8]) {
    let by_kernel = File::open("/dev/zero").and_then(|mut zeros| zeros.read_exact(block));
    if by_kernel.is_err() {
        for page in block.chunks_mut(PAGE) {
            page[0] = 1;
        }
    }
}

#[cfg(test)]
#[path = "perform_tests.rs"]
mod tests;
