//! Whether a machine can carry a scenario, judged by its simulation before anything is started.

use super::observed::ObservedRun;
use super::witness::Notes;

/// What a machine offers a replay; every figure is of wall-clock time and real amounts.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// Cores, thousandths.
    pub cores_milli: u32,
    /// CPU that budgets may have in all, thousandths of a core.
    pub budgets_milli_max: u32,
    /// Memory that budgets may have in all, KiB.
    pub memory_kib_max: u64,
    /// Containers at one time.
    pub containers_max: u32,
    /// Wall-clock time of one repetition, seconds.
    pub wall_s_max: f64,
    /// Containers that the engine starts and removes in a second; `None` if it was not measured.
    pub lives_per_second: Option<f64>,
    /// Start latency that 99 % do not exceed, seconds; `None` if it was not measured.
    pub start_p99_s: Option<f64>,
}

/// What a scenario asks of the machine, after scaling.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Demand {
    /// CPU of all instances, thousandths of a core.
    pub budgets_milli: u64,
    /// Memory of all instances, KiB.
    pub memory_kib: u64,
    /// Most containers at one time.
    pub containers_peak: u32,
    /// Most starts in any ten seconds, per second.
    pub starts_per_second: f64,
    /// Shortest run of a task that ends by itself, seconds; infinite without any.
    pub shortest_run_s: f64,
    /// Wall-clock time of a repetition, seconds.
    pub wall_s: f64,
}

/// Window over which the rate of starts is taken, seconds.
const WINDOW_S: f64 = 10.0;

/// Memory that a container costs beside its own, KiB (measured: 3.8 MB for 150 idle ones).
const CONTAINER_KIB: u64 = 4096;

/// Share of the engine's throughput that starts may take.
const START_SHARE: f64 = 0.5;

/// A task must last this many times the start latency that 99 % do not exceed.
const SHORTEST_TO_START: f64 = 10.0;

impl Demand {
    /// Takes in a simulated run. Times of notes are simulated ones, `time_scale` of which pass in a
    /// wall-clock second.
    pub fn add(&mut self, notes: &Notes, run: &ObservedRun, time_scale: f64) {
        let mut edges: Vec<(f64, i32)> = Vec::new();
        let mut starts: Vec<f64> = Vec::new();
        let mut last: f64 = 0.0;
        for task in notes.tasks.values() {
            let Some((placed, _)) = task.placed else { continue };
            let placed = placed / time_scale;
            let ended = task.ended_s.map_or(f64::INFINITY, |at| at / time_scale);
            edges.push((placed, 1));
            edges.push((ended, -1));
            starts.push(placed);
            if ended.is_finite() {
                last = last.max(ended);
            }
            if let (Some(started), Some(ended)) = (task.started_s, task.ended_s) {
                self.shortest_run_s = self.shortest_run_s.min((ended - started) / time_scale);
            }
        }
        edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut now = 0;
        for (_, step) in edges {
            now += step;
            self.containers_peak = self.containers_peak.max(now.unsigned_abs());
        }
        starts.sort_by(f64::total_cmp);
        let mut first = 0;
        for (index, at) in starts.iter().enumerate() {
            while at - starts[first] > WINDOW_S {
                first += 1;
            }
            let rate = (index + 1 - first) as f64 / WINDOW_S;
            self.starts_per_second = self.starts_per_second.max(rate);
        }
        let makespan = run.makespan_s.map_or(0.0, |s| s / time_scale);
        self.wall_s = self.wall_s.max(last).max(makespan);
    }
}

/// Every reason why the machine cannot carry the demand, with its remedy; none if it can.
pub fn refusals(demand: &Demand, room: &Room) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut refuse = |holds: bool, why: String| {
        if !holds {
            reasons.push(why);
        }
    };
    let (asked, offered) = (demand.budgets_milli, u64::from(room.budgets_milli_max));
    refuse(
        asked <= offered,
        format!(
            "CPU: the instances have {} cores in all, and {} of the machine's {} may be used; \
             raise replay.cpu_scale (--set replay.cpu_scale=…) to {:.2} times what it is, or \
             --max-cpu",
            milli(asked),
            milli(offered),
            milli(u64::from(room.cores_milli)),
            asked as f64 / offered.max(1) as f64
        ),
    );
    let memory = demand.memory_kib + u64::from(demand.containers_peak) * CONTAINER_KIB;
    refuse(
        memory <= room.memory_kib_max,
        format!(
            "memory: instances and containers take {} MiB, and {} may be used; raise \
             replay.memory_scale or --max-memory",
            memory / 1024,
            room.memory_kib_max / 1024
        ),
    );
    refuse(
        demand.containers_peak <= room.containers_max,
        format!(
            "containers: {} at one time, and at most {} are allowed; raise --max-containers",
            demand.containers_peak, room.containers_max
        ),
    );
    refuse(
        demand.wall_s <= room.wall_s_max,
        format!(
            "time: one repetition takes {:.0} s, and at most {:.0} s are allowed; raise \
             replay.time_scale or --max-wall",
            demand.wall_s, room.wall_s_max
        ),
    );
    if let Some(lives) = room.lives_per_second {
        refuse(
            demand.starts_per_second <= START_SHARE * lives,
            format!(
                "start rate: {:.2} containers a second, and half of the {lives:.2} this engine \
                 was measured to manage is allowed; lower replay.time_scale",
                demand.starts_per_second
            ),
        );
    }
    if let Some(start) = room.start_p99_s {
        refuse(
            demand.shortest_run_s >= SHORTEST_TO_START * start,
            format!(
                "noise: the shortest task runs {:.2} s, less than {SHORTEST_TO_START} times the \
                 start latency of {start:.2} s (p99); lower replay.time_scale, or allow it with \
                 --short-tasks",
                demand.shortest_run_s
            ),
        );
    }
    reasons
}

fn milli(amount: u64) -> String {
    format!("{}.{:03}", amount / 1000, amount % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        Room {
            cores_milli: 2000,
            budgets_milli_max: 1000,
            memory_kib_max: 1024 * 1024,
            containers_max: 64,
            wall_s_max: 600.0,
            lives_per_second: Some(5.0),
            start_p99_s: Some(0.5),
        }
    }

    fn demand() -> Demand {
        Demand {
            budgets_milli: 1000,
            memory_kib: 512 * 1024,
            containers_peak: 64,
            starts_per_second: 2.5,
            shortest_run_s: 5.0,
            wall_s: 600.0,
        }
    }

    #[test]
    fn what_just_fits_is_carried() {
        assert_eq!(refusals(&demand(), &room()), Vec::<String>::new());
    }

    #[test]
    fn each_reason_is_given_with_a_remedy() {
        let too_much = [
            ("replay.cpu_scale", Demand { budgets_milli: 1001, ..demand() }),
            ("replay.memory_scale", Demand { memory_kib: 1024 * 1024, ..demand() }),
            ("--max-containers", Demand { containers_peak: 65, ..demand() }),
            ("replay.time_scale", Demand { starts_per_second: 2.6, ..demand() }),
            ("--short-tasks", Demand { shortest_run_s: 4.9, ..demand() }),
            ("--max-wall", Demand { wall_s: 601.0, ..demand() }),
        ];
        for (remedy, demand) in too_much {
            let reasons = refusals(&demand, &room());
            assert_eq!(reasons.len(), 1, "{reasons:?}");
            assert!(reasons[0].contains(remedy), "{reasons:?}");
        }
    }
}
