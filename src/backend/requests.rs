//! Requests to the tasks of a service as a fluid: how much CPU they take, how long they take, and
//! how many fail.
//!
//! Below saturation response times are those of the stationary queue. At and above it a backlog
//! grows, and whoever comes then waits for it too. Of the requests as many fail as keeps the mean
//! time of the others within the timeout; they take CPU all the same, as nobody tells the task.
//!
//! Sources: processor sharing at a rate that depends on the number present is insensitive to the
//! law of service times (Kelly, "Reversibility and stochastic networks", 1979, §3.3); G/G/c by
//! Allen and Cunneen (Allen, "Probability, statistics, and queueing theory", 1990, §5.3), exact for
//! M/M/c and M/G/1.

use crate::model::Cpu;
use crate::workload::{RequestLoad, Serving};

/// From this utilisation on a stationary queue takes longer to form than it is looked at: response
/// times do not rise further by themselves, only by the backlog.
const SATURATED: f64 = 0.99;

/// Steps of the search for a rate, each of which halves what is left: the resolution of a float.
const HALVINGS: u32 = 53;

/// A weight beyond which weights are scaled down, so that they do not overflow.
const HEAVY: f64 = 1e200;

/// What a task has to serve requests with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskSize {
    /// CPU reserved.
    pub(super) cpu: Cpu,
    /// Speed of its instance, thousandths of the nominal one.
    pub(super) speed_milli: u32,
}

/// How one task serves requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Station {
    /// vCPUs of the task.
    vcpus: f64,
    /// CPU time of a request here, vCPU-seconds.
    cpu_s: f64,
    /// Requests a second at most.
    pub(super) most: f64,
    serving: Serving,
}

impl Station {
    pub(super) fn of(load: &RequestLoad, size: TaskSize) -> Station {
        let vcpus = f64::from(size.cpu.0) / f64::from(Cpu::VCPU.0);
        let cpu_s = load.cpu_s * 1000.0 / f64::from(size.speed_milli);
        let station = Station { vcpus, cpu_s, most: 0.0, serving: load.serving };
        let most = match load.serving {
            Serving::Shared => vcpus / cpu_s,
            Serving::Queue { .. } => f64::from(station.workers()) / station.alone_s(),
        };
        Station { most, ..station }
    }

    /// Time of a request that has the task for itself, seconds.
    fn alone_s(&self) -> f64 {
        self.cpu_s / self.vcpus.min(1.0)
    }

    /// Workers that can work at the same time without slowing each other down.
    fn workers(&self) -> u32 {
        let whole = (self.vcpus as u32).max(1);
        match self.serving {
            Serving::Queue { workers: Some(workers), .. } => workers.min(whole),
            Serving::Queue { workers: None, .. } | Serving::Shared => whole,
        }
    }

    /// Mean response time at so many requests a second, seconds.
    pub(super) fn response_s(&self, rate: f64) -> f64 {
        let rate = rate.min(SATURATED * self.most);
        if rate <= 0.0 {
            return self.alone_s();
        }
        match self.serving {
            Serving::Shared => self.present(rate) / rate,
            Serving::Queue { arrival_cv2, service_cv2, .. } => {
                let variability = f64::midpoint(arrival_cv2, service_cv2);
                self.alone_s() + self.erlang_wait_s(rate) * variability
            }
        }
    }

    /// Of so many requests a second as many as the stationary queue answers within the timeout, on
    /// average, and that average, seconds. O(vCPUs) where that is all.
    fn in_time(&self, rate: f64, timeout_s: f64) -> (f64, f64) {
        let response_s = self.response_s(rate);
        if response_s <= timeout_s {
            return (rate, response_s);
        }
        let (mut low, mut low_s) = (0.0, self.alone_s());
        if low_s > timeout_s {
            return (low, low_s);
        }
        // Times grow with the rate.
        let mut high = rate.min(SATURATED * self.most);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            let response_s = self.response_s(middle);
            if response_s <= timeout_s {
                (low, low_s) = (middle, response_s);
            } else {
                high = middle;
            }
        }
        (low, low_s)
    }

    /// Mean number of requests present under processor sharing: n of them are served at
    /// min(n, vCPUs).
    fn present(&self, rate: f64) -> f64 {
        let offered = rate * self.cpu_s;
        let full = libm::ceil(self.vcpus).max(1.0);
        // Weights of the states below `full`, and of all from there on, a geometric series.
        let (mut weight, mut sum, mut moment, mut n) = (1.0, 0.0, 0.0, 0.0);
        while n < full {
            sum += weight;
            moment += n * weight;
            n += 1.0;
            weight *= offered / n.min(self.vcpus);
            if weight > HEAVY {
                (sum, moment, weight) = (sum / weight, moment / weight, 1.0);
            }
        }
        let ratio = offered / self.vcpus;
        sum += weight / (1.0 - ratio);
        moment += weight * (full / (1.0 - ratio) + ratio / ((1.0 - ratio) * (1.0 - ratio)));
        moment / sum
    }

    /// Mean wait of M/M/c, seconds.
    fn erlang_wait_s(&self, rate: f64) -> f64 {
        let (workers, offered) = (f64::from(self.workers()), rate * self.alone_s());
        let blocked =
            (1..=self.workers()).fold(1.0, |b, n| offered * b / (f64::from(n) + offered * b));
        let waits = blocked / (1.0 - offered / workers * (1.0 - blocked));
        waits * self.alone_s() / (workers - offered)
    }
}

/// Tasks of one size, each with the same part of the requests.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) station: Station,
    pub(super) tasks: u32,
    /// Requests that wait beyond the stationary queue, of all tasks.
    backlog: f64,
}

/// Sums over a time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tally {
    /// Requests that came, and of these the ones that failed.
    pub(super) requests: f64,
    pub(super) failed: f64,
    /// Requests that were let in, and the sum of the response times that they met, seconds; some of
    /// these may fail later, when the tasks they wait for leave.
    pub(super) let_in: f64,
    pub(super) response_s: f64,
    /// CPU used and reserved, vCPU-seconds.
    pub(super) used: f64,
    pub(super) reserved: f64,
    /// Time of tasks that serve, seconds.
    pub(super) tasks_s: f64,
}

impl Pool {
    pub(super) fn new(station: Station) -> Pool {
        Pool { station, tasks: 0, backlog: 0.0 }
    }

    /// One task more or less. What waits when the last one goes fails.
    pub(super) fn set_tasks(&mut self, tasks: u32, tally: &mut Tally) {
        self.tasks = tasks;
        if tasks == 0 {
            tally.failed += std::mem::take(&mut self.backlog);
        }
    }

    /// Lets `seconds` pass with so many requests a second to the pool, which has a task.
    pub(super) fn advance(&mut self, rate: f64, seconds: f64, timeout_s: f64, tally: &mut Tally) {
        let tasks = f64::from(self.tasks);
        let capacity = self.station.most * tasks;
        let (each, stationary_s) = self.station.in_time(rate / tasks, timeout_s);
        let in_time = each * tasks;
        let longest = ((timeout_s - stationary_s) * capacity).max(0.0);
        // Where tasks left, the others have more to do than they can in time.
        tally.failed += (self.backlog - longest).max(0.0);
        self.backlog = self.backlog.min(longest);
        tally.reserved += self.station.vcpus * tasks * seconds;
        tally.tasks_s += tasks * seconds;
        let mut left = seconds;
        while left > 0.0 {
            let before = self.backlog;
            let Phase { seconds: step, after, failed } =
                phase(in_time - capacity, before, longest, left);
            let busy = if before > 0.0 { capacity } else { rate.min(capacity) };
            let wait_s = f64::midpoint(before, after) / capacity;
            let let_in = in_time * step - failed;
            tally.requests += rate * step;
            tally.failed += rate * step - let_in;
            tally.let_in += let_in;
            tally.response_s += let_in * (stationary_s + wait_s).min(timeout_s);
            tally.used += busy * self.station.cpu_s * step;
            self.backlog = after;
            left -= step;
        }
    }
}

/// A time in which a backlog only grows, only shrinks, or stays.
struct Phase {
    seconds: f64,
    after: f64,
    /// Requests for which there is no time any more.
    failed: f64,
}

/// The next phase of a backlog that grows by so many requests a second, in the `left` seconds.
fn phase(growth: f64, before: f64, longest: f64, left: f64) -> Phase {
    let (bound, room) = if growth > 0.0 { (longest, longest - before) } else { (0.0, before) };
    if growth > 0.0 && room <= 0.0 {
        return Phase { seconds: left, after: before, failed: growth * left };
    }
    if growth == 0.0 || room <= 0.0 {
        return Phase { seconds: left, after: before, failed: 0.0 };
    }
    let until_bound = room / growth.abs();
    if until_bound < left {
        Phase { seconds: until_bound, after: bound, failed: 0.0 }
    } else {
        Phase { seconds: left, after: before + growth * left, failed: 0.0 }
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
