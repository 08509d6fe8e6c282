//! Known engines are recovered from probes drawn from them.

use super::*;
use crate::calibration::ShiftedLogNormal;
use crate::des::{Purpose, Stream};

/// Draws of this file's own.
const DRAW: Purpose = Purpose(0x4649_5454);

fn draws(law: ShiftedLogNormal, entity: u64, count: usize) -> Vec<u64> {
    let mut stream: Stream = Seed(7).stream(DRAW, entity, 0);
    (0..count).map(|_| law.quantile(stream.uniform()) as u64).collect()
}

fn known(width_milli: u32) -> EngineModel {
    let law = |shift, median: f64, sigma| {
        let law = ShiftedLogNormal { shift, mu: median.ln(), sigma };
        QuantileTable::of_samples(&draws(law, shift as u64, 4000)).unwrap()
    };
    EngineModel {
        width_milli,
        load: LoadCurve::new(vec![[1000, 250]]).unwrap(),
        start_cpu_micros: 0,
        start_throttled_micros: 0,
        start_bursts_milli: 0,
        start_weight_exponent_milli: 1000,
        start: law(150_000.0, 60_000.0, 0.4),
        stop: law(30_000.0, 20_000.0, 0.4),
        cleanup: law(20_000.0, 30_000.0, 0.5),
    }
}

/// Probes of a known engine: `count` lives at each concurrency.
fn probes(engine: &EngineModel, count: u32) -> Probes {
    let run = QuantileTable::new(vec![100_000, 130_000, 190_000]).unwrap();
    let of = |clients: u32| {
        let closed_loop = ClosedLoop { engine, run: &run, clients, lives: count };
        let starts = closed_loop.starts(Seed(1000 + u64::from(clients)));
        let mut stream = Seed(9).stream(DRAW, clients.into(), 1);
        let life = |start| Life {
            start,
            run: run.sample(stream.uniform()).micros(),
            cleanup: engine.cleanup.sample(stream.uniform()).micros(),
        };
        (clients, starts.into_iter().map(life).collect())
    };
    let idle = [1, 3, 5, 7].map(|n| engine.start.sample(f64::from(n) / 8.0).micros());
    let loaded = idle.map(|micros| micros * 5 / 4);
    Probes {
        lives: [1, 2, 4, 8].map(of).into(),
        rounds: 1,
        stops: engine.stop.micros().to_vec(),
        loaded: vec![(0, idle.to_vec()), (1000, loaded.to_vec())],
        contended: Vec::new(),
    }
}

#[test]
fn known_widths_are_recovered_within_five_percent() {
    for width_milli in [1400, 2000, 2700, 5000] {
        let engine = known(width_milli);
        let fitted = fit(&probes(&engine, 400)).unwrap();
        let ratio = f64::from(fitted.engine.width_milli) / f64::from(width_milli);
        assert!((ratio - 1.0).abs() < 0.05, "{width_milli}: {}", fitted.engine.width_milli);
        for one in &fitted.validation {
            assert!(one.median_error.abs() < 0.05 && one.p90_error.abs() < 0.1, "{one:?}");
            // The 1 % point of two sets of 200, so that none of sixteen is beyond by chance.
            assert!(one.ks < 0.163, "{one:?}");
        }
        assert_eq!(fitted.validation.iter().map(|one| one.concurrency).sum::<u32>(), 15);
    }
}

#[test]
fn few_probes_recover_a_width_within_fifteen_percent() {
    let fitted = fit(&probes(&known(2000), 24)).unwrap();
    let width = f64::from(fitted.engine.width_milli);
    assert!((width / 2000.0 - 1.0).abs() < 0.15, "{width}");
}

#[test]
fn tables_are_those_of_a_single_client_and_load_is_that_of_medians() {
    let engine = known(1500);
    let fitted = fit(&probes(&engine, 400)).unwrap().engine;
    assert_eq!(fitted.load, engine.load);
    for (fitted, known) in [(&fitted.start, &engine.start), (&fitted.stop, &engine.stop)] {
        assert_eq!(fitted.micros().len(), 101);
        assert!(fitted.micros().is_sorted());
        let median = |table: &QuantileTable| table.sample(0.5).micros() as f64;
        assert!((median(fitted) / median(known) - 1.0).abs() < 0.03);
    }
}

#[test]
fn load_makes_nothing_faster_and_needs_an_idle_engine() {
    let points = |loaded: &[(u32, Vec<u64>)]| load_curve(loaded).points().to_vec();
    assert_eq!(points(&[(0, vec![100]), (1000, vec![90])]), [[1000, 0]]);
    assert_eq!(points(&[(1000, vec![90])]), [[0; 2]; 0]);
    assert_eq!(points(&[(0, vec![]), (1000, vec![90])]), [[0; 2]; 0]);
    assert_eq!(points(&[(0, vec![0]), (1000, vec![90])]), [[0; 2]; 0]);
    let of = |loaded: [u64; 2]| {
        points(&[(0, vec![100]), (500, vec![loaded[0]]), (1000, vec![loaded[1]])])
    };
    assert_eq!(of([104, 130]), [[500, 40], [1000, 300]]);
    assert_eq!(of([104, 102]), [[500, 40], [1000, 40]]);
}

#[test]
fn degenerate_probes_are_fitted_or_refused_in_words() {
    let life = Life { start: 1000, run: 0, cleanup: 10 };
    let one = Probes {
        lives: [(1, vec![life])].into(),
        rounds: 1,
        stops: vec![5],
        loaded: Vec::new(),
        contended: Vec::new(),
    };
    let fitted = fit(&one).unwrap();
    assert_eq!(fitted.engine.start.micros(), [1000; 101]);
    assert_eq!(fitted.engine.load, LoadCurve::default());
    // Nothing is left to validate with.
    assert_eq!(fitted.validation, []);

    // Equal samples on an engine that does one thing at a time.
    let slow = |start| vec![Life { start, ..life }; 40];
    let lives = [(1, slow(1000)), (2, slow(2000)), (4, slow(4000))].into();
    let equal = fit(&Probes { lives, ..one.clone() }).unwrap();
    assert!((1000..=1050).contains(&equal.engine.width_milli), "{}", equal.engine.width_milli);

    let none = Probes { lives: [(2, vec![life])].into(), ..one.clone() };
    assert_eq!(fit(&none), Err(FitError::NoLives));
    let empty = Probes { lives: [(1, Vec::new())].into(), ..one.clone() };
    assert_eq!(fit(&empty), Err(FitError::NoLives));
    assert_eq!(fit(&Probes { stops: Vec::new(), ..one }), Err(FitError::NoStops));
}

fn equal(neighbours: u32, starts: &[u64]) -> Beside {
    Beside { neighbours, times_heavier: 1, starts: starts.to_vec() }
}

fn on(core_milli: u32, alone: &[u64], beside: Vec<Beside>) -> Contended {
    Contended { core_milli, alone: alone.to_vec(), beside }
}

fn on_host(alone: &[u64], beside: Vec<Beside>) -> StartOnHost {
    StartOnHost::of(&[on(500, alone, beside)])
}

#[test]
fn what_a_start_takes_of_its_instance_comes_from_the_slow_down_beside_neighbours() {
    // Half of 20 ms finds no quota: it takes 20 ms on half a core, and 80 ms on an eighth of one.
    let alone = [220_000, 221_000, 219_000];
    let three = || equal(3, &[280_000, 300_000, 200_000]);
    assert_eq!(on_host(&alone, vec![three()]).cpu_micros, 20_000);
    let two_points = on_host(&alone, vec![three(), equal(6, &[340_000])]);
    assert_eq!((two_points.cpu_micros, two_points.bursts_milli), (20_000, 0));
    // 25 ms more beside any number: two bursts that wait 12.5 ms each on half a core.
    let with_waits = on_host(&alone, vec![equal(3, &[305_000]), equal(6, &[365_000])]);
    assert_eq!((with_waits.cpu_micros, with_waits.bursts_milli), (20_000, 2000));
    // On a fifth of a core 16 of the 20 ms take 80 ms for each neighbour, and a burst waits 32 ms.
    let small = on(200, &[250_000], vec![equal(1, &[394_000]), equal(3, &[554_000])]);
    let half = on(500, &alone, vec![equal(3, &[305_000]), equal(6, &[365_000])]);
    let both = StartOnHost::of(&[half, small]);
    assert_eq!((both.cpu_micros, both.bursts_milli), (20_000, 2000));
    // Less beside more neighbours is noise: all of it is waits then.
    let falling = on_host(&alone, vec![equal(3, &[245_000]), equal(6, &[245_000])]);
    assert_eq!((falling.cpu_micros, falling.bursts_milli), (0, 2000));
    // A line that meets the axis below 0 is drawn through the origin instead.
    let steep = on_host(&alone, vec![equal(1, &[220_000]), equal(6, &[370_000])]);
    assert_eq!((steep.cpu_micros, steep.bursts_milli), (23_179, 0));
    assert_eq!(on_host(&alone, vec![equal(3, &[200_000])]), StartOnHost::default());
    assert_eq!(on_host(&[], vec![three()]), StartOnHost::default());
}

#[test]
fn what_is_throttled_without_neighbours_comes_from_two_instances_of_unlike_size() {
    let three = |micros: u64| vec![equal(3, &[micros])];
    let two = |half: u64, fifth: u64| {
        let probes =
            [on(500, &[half], three(half + 60_000)), on(200, &[fifth], three(fifth + 240_000))];
        let found = StartOnHost::of(&probes);
        (found.cpu_micros, found.throttled_micros)
    };
    // 20 ms of CPU. 4 ms of it take 8 ms on half a core and 20 ms on a fifth: 12 ms longer.
    assert_eq!(two(220_000, 232_000), (20_000, 4000));
    assert_eq!(two(220_000, 210_000), (20_000, 0), "less CPU makes nothing faster");
    assert_eq!(two(220_000, 420_000), (20_000, 20_000), "at most all of it");
    assert_eq!(
        on_host(&[220_000], three(280_000)).throttled_micros,
        0,
        "one instance tells nothing"
    );
}

#[test]
fn how_much_heavier_neighbours_count_comes_from_the_slow_down_beside_them() {
    // 20 ms beside three of the same weight: 60 ms longer. Two of four times the weight count as
    // four, which is 2 each: the exponent is a half.
    let exponent = |starts: &[u64]| {
        let heavy = Beside { neighbours: 2, times_heavier: 4, starts: starts.to_vec() };
        on_host(&[220_000], vec![equal(3, &[280_000]), heavy]).weight_exponent_milli
    };
    assert_eq!(exponent(&[300_000]), 500);
    assert_eq!(exponent(&[380_000]), 1000, "in proportion");
    assert_eq!(exponent(&[900_000]), 1000, "at most");
    assert_eq!(exponent(&[230_000]), 0);
    let unknown = on_host(&[220_000], vec![equal(3, &[280_000])]);
    assert_eq!(unknown.weight_exponent_milli, 1000);
}
