//! Clients that start, run and remove one container after the other on a modelled engine: the
//! probes of `towtank calibrate` over again, in simulation.

use crate::des::{Purpose, Seed, Stream};

use super::{EngineModel, QuantileTable};

/// Service times and run times of one life.
const LIFE_DRAW: Purpose = Purpose(0x4341_4c49);

/// A closed loop: each client has one container at a time.
#[derive(Debug, Clone, Copy)]
pub struct ClosedLoop<'m> {
    /// The engine.
    pub engine: &'m EngineModel,
    /// From the start to the exit of a container.
    pub run: &'m QuantileTable,
    /// Clients, at least one.
    pub clients: u32,
    /// Containers in all; a client that finds none left to begin ends.
    pub lives: u32,
}

/// A client's state. Service that is left is counted on a clock that goes at the engine's rate per
/// operation, on which every operation proceeds alike.
#[derive(Debug, Clone, Copy)]
enum Client {
    /// Starting since, until the service clock says.
    Starts(f64, f64),
    /// Running until, on the clock of the wall.
    Runs(f64),
    /// Removing, until the service clock says.
    CleansUp(f64),
    Done,
}

/// Both clocks, microseconds, and the clients.
struct State {
    now: f64,
    service: f64,
    clients: Vec<Client>,
    /// What a client draws the rest of its life from.
    streams: Vec<Option<Stream>>,
    begun: u32,
    starts: Vec<u64>,
}

impl ClosedLoop<'_> {
    /// Start latencies of the lives, microseconds, in order of their starts. Equal `seed`s draw
    /// equal lives whatever the engine's width is.
    pub fn starts(&self, seed: Seed) -> Vec<u64> {
        let clients = self.clients as usize;
        let mut state = State {
            now: 0.0,
            service: 0.0,
            clients: vec![Client::Done; clients],
            streams: vec![None; clients],
            begun: 0,
            starts: Vec::with_capacity(self.lives as usize),
        };
        for index in 0..clients {
            self.begin(&mut state, seed, index);
        }
        while let Some((index, rate, left)) = self.next(&state) {
            state.now += left;
            state.service += left * rate;
            self.step(&mut state, seed, index);
        }
        state.starts
    }

    /// The client that takes the next step, the service that each operation gets per time until
    /// then, and the time until then.
    fn next(&self, state: &State) -> Option<(usize, f64, f64)> {
        let busy = state.clients.iter();
        let busy = busy.filter(|one| matches!(one, Client::Starts(..) | Client::CleansUp(_)));
        let width = f64::from(self.engine.width_milli) / 1000.0;
        let rate = (width / busy.count().max(1) as f64).min(1.0);
        let left = |client: &Client| match *client {
            Client::Starts(_, until) | Client::CleansUp(until) => {
                Some((until - state.service).max(0.0) / rate)
            }
            Client::Runs(until) => Some((until - state.now).max(0.0)),
            Client::Done => None,
        };
        let steps = state.clients.iter().enumerate();
        let steps = steps.filter_map(|(index, client)| Some((index, rate, left(client)?)));
        steps.min_by(|a, b| a.2.total_cmp(&b.2))
    }

    fn step(&self, state: &mut State, seed: Seed, index: usize) {
        match state.clients[index] {
            Client::Starts(since, _) => {
                state.starts.push(libm::round(state.now - since) as u64);
                let run = draw(self.run, &mut state.streams[index]);
                state.clients[index] = Client::Runs(state.now + run);
            }
            Client::Runs(_) => {
                let service = draw(&self.engine.cleanup, &mut state.streams[index]);
                state.clients[index] = Client::CleansUp(state.service + service);
            }
            Client::CleansUp(_) | Client::Done => self.begin(state, seed, index),
        }
    }

    fn begin(&self, state: &mut State, seed: Seed, index: usize) {
        if state.begun == self.lives {
            state.clients[index] = Client::Done;
            return;
        }
        state.streams[index] = Some(seed.stream(LIFE_DRAW, state.begun.into(), 0));
        state.begun += 1;
        let service = draw(&self.engine.start, &mut state.streams[index]);
        state.clients[index] = Client::Starts(state.now, state.service + service);
    }
}

fn draw(table: &QuantileTable, stream: &mut Option<Stream>) -> f64 {
    let u = stream.as_mut().map_or(0.5, Stream::uniform);
    table.sample(u).micros() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::LoadCurve;

    fn constant(micros: u64) -> QuantileTable {
        QuantileTable::new(vec![micros]).unwrap()
    }

    fn engine(width_milli: u32, start: u64, cleanup: u64) -> EngineModel {
        let (start, cleanup) = (constant(start), constant(cleanup));
        EngineModel {
            width_milli,
            load: LoadCurve::default(),
            start_cpu_micros: 0,
            start_throttled_micros: 0,
            start_bursts_milli: 0,
            start_weight_exponent_milli: 1000,
            stop: constant(1),
            start,
            cleanup,
        }
    }

    #[test]
    fn a_wide_engine_slows_nobody_down_and_a_narrow_one_shares() {
        let run = constant(50);
        let starts = |width_milli, clients| {
            let engine = engine(width_milli, 100, 10);
            ClosedLoop { engine: &engine, run: &run, clients, lives: 12 }.starts(Seed(1))
        };
        assert_eq!(starts(4000, 4), [100; 12]);
        assert_eq!(starts(1000, 1), [100; 12]);
        // Four at once on a server for two, in step with each other.
        assert_eq!(starts(2000, 4), [200; 12]);
    }

    #[test]
    fn an_operation_that_joins_midway_slows_both_by_what_is_shared() {
        // Client 1 runs 50 beside client 0's next start. By hand, at width 1: both start, 200;
        // both clean up for 10 at half the rate. Nothing is out of step until lives run out: three
        // lives leave the last one alone.
        let (engine, run) = (engine(1000, 100, 10), constant(50));
        let starts = ClosedLoop { engine: &engine, run: &run, clients: 2, lives: 3 };
        assert_eq!(starts.starts(Seed(1)), [200, 200, 100]);
        // Removal overlaps a start only where the runs differ; a table with two values makes them.
        let run = QuantileTable::new(vec![0, 1_000_000]).unwrap();
        let uneven = ClosedLoop { engine: &engine, run: &run, clients: 2, lives: 2000 };
        let starts = uneven.starts(Seed(1));
        let between = starts.iter().filter(|&&one| one > 100 && one < 200).count();
        assert_eq!(starts.len(), 2000);
        assert!(starts.iter().all(|one| (100..=200).contains(one)));
        assert!(between > 0);
    }

    #[test]
    fn saturated_throughput_is_width_over_service() {
        let (engine, run) = (engine(2500, 200_000, 50_000), constant(0));
        let (clients, lives) = (8, 4000);
        let starts = ClosedLoop { engine: &engine, run: &run, clients, lives }.starts(Seed(1));
        // Little: 8 clients = throughput (2.5 / 0.25 s) x cycle, of which starts are four fifths.
        let mean = starts.iter().sum::<u64>() as f64 / starts.len() as f64;
        assert!((mean / 640_000.0 - 1.0).abs() < 0.01, "{mean}");
    }
}
