//! Exact results: closed formulas, and loss systems over several instances as Markov chains.

use std::cmp::Reverse;

/// Erlang's B formula: the share of tasks lost by `servers` servers under a load of `load` Erlang.
pub(crate) fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |lost, n| load * lost / (f64::from(n) + load * lost))
}

/// Erlang's C formula: the share of tasks that wait.
pub(crate) fn erlang_c(servers: u32, load: f64) -> f64 {
    let lost = erlang_b(servers, load);
    let free = 1.0 - load / f64::from(servers);
    lost / (free + (1.0 - free) * lost)
}

/// Mean waiting time of M/M/c with mean service time 1.
pub(crate) fn erlang_wait(servers: u32, load: f64) -> f64 {
    erlang_c(servers, load) / (f64::from(servers) - load)
}

/// Mean waiting time of M/G/1 with mean service time 1 (Pollaczek-Khinchine).
pub(crate) fn single_server_wait(load: f64, squared_variation: f64) -> f64 {
    load / (1.0 - load) * (1.0 + squared_variation) / 2.0
}

/// Probability that a Poisson variate is at least `least`.
pub(crate) fn poisson_tail(mean: f64, least: u32) -> f64 {
    let (mut term, mut below) = ((-mean).exp(), 0.0);
    for n in 0..least {
        below += term;
        term *= mean / f64::from(n + 1);
    }
    1.0 - below
}

/// Kaufman-Roberts: blocking of each class (load in Erlang, units per task) that share `units`
/// units, and the mean number of units used.
pub(crate) fn kaufman_roberts(units: usize, classes: &[(f64, usize)]) -> (Vec<f64>, f64) {
    let mut used = vec![1.0];
    for n in 1..=units {
        let fits = classes.iter().filter(|(_, size)| *size <= n);
        let sum: f64 = fits.map(|&(load, size)| load * size as f64 * used[n - size]).sum();
        used.push(sum / n as f64);
    }
    let total: f64 = used.iter().sum();
    let blocked = |size: usize| used[units + 1 - size..].iter().sum::<f64>() / total;
    let mean = used.iter().enumerate().map(|(n, weight)| n as f64 * weight / total).sum();
    (classes.iter().map(|&(_, size)| blocked(size)).collect(), mean)
}

/// An instance as a decision rule sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) index: usize,
    pub(crate) free: usize,
    pub(crate) tasks: usize,
}

/// Chooses among the feasible instances (ascending, not empty): instances with probabilities.
pub(crate) type Rule = fn(&[Slot]) -> Vec<(usize, f64)>;

/// The first feasible instance.
pub(crate) fn first(feasible: &[Slot]) -> Vec<(usize, f64)> {
    vec![(feasible[0].index, 1.0)]
}

fn first_by<K: Ord>(feasible: &[Slot], key: impl Fn(&Slot) -> K) -> Vec<(usize, f64)> {
    // The first of several minima, so ties go to the lowest index.
    let best = feasible.iter().min_by_key(|slot| key(slot)).unwrap();
    vec![(best.index, 1.0)]
}

/// Least free, ties to the lowest index.
pub(crate) fn least_free(feasible: &[Slot]) -> Vec<(usize, f64)> {
    first_by(feasible, |slot| slot.free)
}

/// Most free, ties to the lowest index.
pub(crate) fn most_free(feasible: &[Slot]) -> Vec<(usize, f64)> {
    first_by(feasible, |slot| Reverse(slot.free))
}

/// Fewest tasks, ties to the lowest index: ECS's `spread(instanceId)` within one task group.
pub(crate) fn fewest_tasks(feasible: &[Slot]) -> Vec<(usize, f64)> {
    first_by(feasible, |slot| slot.tasks)
}

/// Fewest tasks, then least free.
pub(crate) fn fewest_tasks_least_free(feasible: &[Slot]) -> Vec<(usize, f64)> {
    first_by(feasible, |slot| (slot.tasks, slot.free))
}

/// Any, uniformly.
pub(crate) fn uniform(feasible: &[Slot]) -> Vec<(usize, f64)> {
    feasible.iter().map(|slot| (slot.index, 1.0 / feasible.len() as f64)).collect()
}

/// Any of those with fewest tasks, uniformly.
pub(crate) fn uniform_of_fewest(feasible: &[Slot]) -> Vec<(usize, f64)> {
    let fewest = feasible.iter().map(|slot| slot.tasks).min();
    let kept: Vec<Slot> =
        feasible.iter().copied().filter(|slot| Some(slot.tasks) == fewest).collect();
    uniform(&kept)
}

/// Of two draws with replacement the one with more free, the first draw where equal.
pub(crate) fn two_choices(feasible: &[Slot]) -> Vec<(usize, f64)> {
    let share = 1.0 / (feasible.len() * feasible.len()) as f64;
    let pairs = feasible.iter().flat_map(|one| feasible.iter().map(move |two| (one, two)));
    let better = |(one, two): (&Slot, &Slot)| {
        if two.free > one.free { two.index } else { one.index }
    };
    pairs.map(|pair| (better(pair), share)).collect()
}

/// Instances of equal size that lose what does not fit; service times exponential with mean 1.
#[derive(Debug, Clone)]
pub(crate) struct LossSystem {
    pub(crate) instances: usize,
    pub(crate) units: usize,
    /// Arrival rate and size of each class.
    pub(crate) classes: Vec<(f64, usize)>,
}

/// What is known of a loss system in the long run.
#[derive(Debug, Clone)]
pub(crate) struct LongRun {
    /// By class.
    pub(crate) blocked: Vec<f64>,
    /// Share of the units in use.
    pub(crate) utilisation: f64,
    /// Mean number of empty instances.
    pub(crate) empty: f64,
    /// Number of states of the chain.
    pub(crate) states: usize,
}

/// Tasks of each class on one instance.
type Content = Vec<usize>;

impl LossSystem {
    fn used(&self, content: &Content) -> usize {
        content.iter().zip(&self.classes).map(|(count, (_, size))| count * size).sum()
    }

    /// Everything one instance can hold.
    fn contents(&self) -> Vec<Content> {
        let mut all: Vec<Content> = vec![Vec::new()];
        for _ in &self.classes {
            let longer = |content: &Content| {
                let content = content.clone();
                (0..=self.units).map(move |count| [content.clone(), vec![count]].concat())
            };
            all = all.iter().flat_map(longer).collect();
        }
        all.retain(|content| self.used(content) <= self.units);
        all
    }

    fn slots(&self, state: &[Content], size: usize) -> Vec<Slot> {
        let slot = |(index, content): (usize, &Content)| {
            let (free, tasks) = (self.units - self.used(content), content.iter().sum());
            Slot { index, free, tasks }
        };
        state.iter().enumerate().map(slot).filter(|slot| slot.free >= size).collect()
    }

    /// Solves the balance equations under a rule, by Gauss-Seidel to 1e-15.
    pub(crate) fn solve(&self, rule: Rule) -> LongRun {
        let contents = self.contents();
        let mut states: Vec<Vec<Content>> = vec![Vec::new()];
        for _ in 0..self.instances {
            let longer = |state: &Vec<Content>| {
                let state = state.clone();
                contents.iter().map(move |content| [state.clone(), vec![content.clone()]].concat())
            };
            states = states.iter().flat_map(longer).collect();
        }
        states.sort();
        // Rates into each state, and the rate out of it.
        let mut inflow: Vec<Vec<(usize, f64)>> = vec![Vec::new(); states.len()];
        let mut outflow = vec![0.0; states.len()];
        for (from, state) in states.iter().enumerate() {
            for (next, rate) in self.transitions(state, rule) {
                let to = states.binary_search(&next).unwrap();
                inflow[to].push((from, rate));
                outflow[from] += rate;
            }
        }
        self.long_run(&states, &stationary(&inflow, &outflow))
    }

    fn transitions(&self, state: &[Content], rule: Rule) -> Vec<(Vec<Content>, f64)> {
        let mut all = Vec::new();
        for (class, &(rate, size)) in self.classes.iter().enumerate() {
            let feasible = self.slots(state, size);
            let chosen = if feasible.is_empty() { Vec::new() } else { rule(&feasible) };
            for (index, share) in chosen {
                let mut next = state.to_vec();
                next[index][class] += 1;
                all.push((next, rate * share));
            }
            for index in 0..state.len() {
                if state[index][class] > 0 {
                    let mut next = state.to_vec();
                    next[index][class] -= 1;
                    all.push((next, state[index][class] as f64));
                }
            }
        }
        all
    }

    fn long_run(&self, states: &[Vec<Content>], share: &[f64]) -> LongRun {
        let mean = |of: &dyn Fn(&Vec<Content>) -> f64| -> f64 {
            states.iter().zip(share).map(|(state, share)| of(state) * share).sum()
        };
        let full = |size| {
            let lost =
                |state: &Vec<Content>| f64::from(u8::from(self.slots(state, size).is_empty()));
            mean(&lost)
        };
        let used = |state: &Vec<Content>| -> f64 {
            state.iter().map(|content| self.used(content) as f64).sum()
        };
        let empty = |state: &Vec<Content>| {
            state.iter().filter(|content| content.iter().all(|&count| count == 0)).count() as f64
        };
        LongRun {
            blocked: self.classes.iter().map(|&(_, size)| full(size)).collect(),
            utilisation: mean(&used) / (self.instances * self.units) as f64,
            empty: mean(&empty),
            states: states.len(),
        }
    }
}

/// The distribution in which flows into and out of every state balance.
fn stationary(inflow: &[Vec<(usize, f64)>], outflow: &[f64]) -> Vec<f64> {
    let mut share = vec![1.0 / outflow.len() as f64; outflow.len()];
    for _ in 0..100_000 {
        let mut change = 0.0_f64;
        for to in 0..share.len() {
            let into: f64 = inflow[to].iter().map(|&(from, rate)| share[from] * rate).sum();
            let new = into / outflow[to];
            change = change.max((new - share[to]).abs());
            share[to] = new;
        }
        let total: f64 = share.iter().sum();
        for one in &mut share {
            *one /= total;
        }
        if change < 1e-15 {
            return share;
        }
    }
    panic!("the balance equations did not converge");
}

#[test]
fn formulas_give_the_published_constants() {
    let close = |value: f64, published: f64, digits: i32| {
        let error = (value - published).abs();
        assert!(error <= 0.51 * 10f64.powi(-digits), "{value} is not {published}");
    };
    close(erlang_b(10, 8.0), 0.121_661_06, 8);
    close(erlang_b(100, 90.0), 0.026_957_38, 8);
    close(erlang_b(6, 3.0), 0.052_157_12, 8);
    close(erlang_c(10, 8.0), 0.409_180, 6);
    close(erlang_wait(10, 8.0), 0.204_590, 6);
    close(erlang_wait(10, 9.0), 0.668_732, 6);
    close(erlang_c(100, 95.0), 0.506_457, 6);
    close(erlang_wait(100, 95.0), 0.101_291, 6);
    close(erlang_wait(1, 0.8), 4.0, 9);
    close(single_server_wait(0.8, 0.0), 2.0, 9);
    close(single_server_wait(0.8, 4.0), 10.0, 9);
    close(poisson_tail(30.0, 45), 0.006_268_61, 8);
    let (blocked, used) = kaufman_roberts(64, &[(16.0, 1), (8.0, 2), (2.0, 8)]);
    close(blocked[0], 0.014_319_6, 7);
    close(blocked[1], 0.029_859_3, 7);
    close(blocked[2], 0.150_814_3, 7);
    close(used, 44.880_11, 5);
}
