//! Requests to services in simulation: which tasks serve them, and what CloudWatch tells of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::controller::Event;
use crate::des::{SimDuration, SimTime};
use crate::model::{Origin, ServiceId, ServiceMetrics};
use crate::workload::RequestLoad;

use super::super::requests::{Pool, Station, Tally, TaskSize};
use super::{Due, SimulatedBackend, phase};

/// How metrics reach whoever acts on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricTiming {
    /// What one datum is about; more than no time.
    pub period: SimDuration,
    /// From its end until it is there.
    pub delay: SimDuration,
}

impl Default for MetricTiming {
    /// A minute, at once.
    fn default() -> MetricTiming {
        MetricTiming { period: SimDuration::from_secs(60), delay: SimDuration::ZERO }
    }
}

/// All services that get requests.
#[derive(Debug, Default)]
pub(super) struct Requests {
    timing: MetricTiming,
    services: BTreeMap<ServiceId, Served>,
    /// The tasks that serve, by slot.
    serving: BTreeMap<u32, (ServiceId, TaskSize)>,
}

/// The requests of one service.
#[derive(Debug)]
struct Served {
    load: Arc<RequestLoad>,
    /// The rates to come, and the one that holds.
    coming: usize,
    rate: f64,
    pools: BTreeMap<TaskSize, Pool>,
    /// Of the period that began at `since`, until `seen`.
    tally: Tally,
    since: SimTime,
    seen: SimTime,
    /// Requests that were counted in part: they come to whole ones over the periods.
    rest: Rest,
    /// Data on their way.
    sent: VecDeque<ServiceMetrics>,
}

/// What rounding left of requests, of failed ones, and of those let in.
#[derive(Debug, Default)]
struct Rest {
    requests: f64,
    failed: f64,
    let_in: f64,
}

/// As many whole ones as there are with the rest of before, which keeps what is left.
fn whole_of(amount: f64, rest: &mut f64) -> u64 {
    let all = amount + *rest;
    let whole = libm::round(all).max(0.0);
    *rest = all - whole;
    whole as u64
}

impl Served {
    /// Lets time pass: the requests are split evenly among the tasks.
    fn advance(&mut self, now: SimTime) {
        let seconds = (now - self.seen).as_secs_f64();
        self.seen = now;
        let tasks: u32 = self.pools.values().map(|pool| pool.tasks).sum();
        if tasks == 0 {
            self.tally.requests += self.rate * seconds;
            self.tally.failed += self.rate * seconds;
            return;
        }
        for pool in self.pools.values_mut().filter(|pool| pool.tasks > 0) {
            let rate = self.rate * f64::from(pool.tasks) / f64::from(tasks);
            pool.advance(rate, seconds, self.load.timeout_s, &mut self.tally);
        }
    }

    fn change_tasks(&mut self, now: SimTime, size: TaskSize, by: i32) {
        self.advance(now);
        let load = &self.load;
        let pool = self.pools.entry(size).or_insert_with(|| Pool::new(Station::of(load, size)));
        pool.set_tasks(pool.tasks.saturating_add_signed(by), &mut self.tally);
    }

    /// Takes the rate that holds from now on.
    fn change_rate(&mut self, now: SimTime) {
        while let Some(&(_, rate)) = self.load.rates.get(self.coming).filter(|(at, _)| *at <= now) {
            self.rate = rate;
            self.coming += 1;
        }
    }

    /// When the rate changes next, or the period ends.
    fn next(&self, period: SimDuration) -> SimTime {
        let ends = period_end(self.seen, period);
        let changes = self.load.rates.get(self.coming).map(|(at, _)| *at);
        changes.map_or(ends, |at| at.min(ends))
    }

    fn end_period(&mut self, now: SimTime, service: ServiceId) {
        let tally = std::mem::take(&mut self.tally);
        let seconds = (now - self.since).as_secs_f64();
        let whole = |value: f64| libm::round(value) as u64;
        let let_in = whole_of(tally.let_in, &mut self.rest.let_in);
        self.sent.push_back(ServiceMetrics {
            service,
            since_micros: std::mem::replace(&mut self.since, now).micros(),
            until_micros: now.micros(),
            requests: whole_of(tally.requests, &mut self.rest.requests),
            failed: whole_of(tally.failed, &mut self.rest.failed),
            let_in,
            tasks_milli: whole(tally.tasks_s / seconds * 1000.0),
            cpu_ppm: (tally.reserved > 0.0).then(|| whole(tally.used / tally.reserved * 1e6)),
            response_micros: (let_in > 0 && tally.let_in > 0.0)
                .then(|| whole(tally.response_s / tally.let_in * 1e6)),
        });
    }
}

/// The end of the period that a time is in; periods begin at 0.
fn period_end(at: SimTime, period: SimDuration) -> SimTime {
    let periods = at.micros() / period.micros() + 1;
    SimTime::from_micros(periods.saturating_mul(period.micros()))
}

impl SimulatedBackend {
    /// Lets metrics of services take time. Before the first event. Panics without a period.
    #[must_use]
    pub fn with_metric_timing(mut self, timing: MetricTiming) -> SimulatedBackend {
        assert!(timing.period > SimDuration::ZERO, "a datum is about some time");
        self.requests.timing = timing;
        self
    }

    /// A service that is created at a time gets requests from then on.
    pub(super) fn expect_requests(
        &mut self,
        at: SimTime,
        service: ServiceId,
        load: &Arc<RequestLoad>,
    ) {
        let served = Served {
            load: Arc::clone(load),
            coming: 0,
            rate: 0.0,
            pools: BTreeMap::new(),
            tally: Tally::default(),
            rest: Rest::default(),
            since: at,
            seen: at,
            sent: VecDeque::new(),
        };
        self.requests.services.insert(service, served);
        self.queue.schedule(at, phase::TIMERS, Due::Requests(service));
    }

    /// The rate of the requests to a service changes, or a period ends.
    pub(super) fn requests_due(&mut self, service: ServiceId) {
        let now = self.queue.now();
        let MetricTiming { period, delay } = self.requests.timing;
        let served = self.requests.services.get_mut(&service).expect("it gets requests");
        served.advance(now);
        served.change_rate(now);
        let ends = now > served.since && now.micros().is_multiple_of(period.micros());
        if ends {
            served.end_period(now, service);
        }
        let next = served.next(period);
        if ends {
            self.queue.schedule(now + delay, phase::TIMERS, Due::Metrics(service));
        }
        self.queue.schedule(next, phase::TIMERS, Due::Requests(service));
    }

    /// A datum has arrived.
    pub(super) fn metrics_due(&mut self, service: ServiceId) -> Event {
        let served = self.requests.services.get_mut(&service).expect("it gets requests");
        Event::MetricsPublished(served.sent.pop_front().expect("a datum is on its way"))
    }

    /// The containers of a task run, or a load balancer knows it now: it serves requests, if its
    /// service gets any. One that a load balancer has to be told of does not before that.
    pub(super) fn serves(&mut self, slot: u32) {
        if self.requests.services.is_empty() || self.requests.serving.contains_key(&slot) {
            return;
        }
        let live = self.live[slot as usize].as_ref().expect("a running task is live");
        let Origin::Service { service, .. } = live.origin else { return };
        let Some(served) = self.requests.services.get_mut(&service) else { return };
        let cpu = self.nature.definition(live.definition).cpu;
        let speed_milli = self.hosts[live.placement.instance.index()].speed_milli;
        let size = TaskSize { cpu, speed_milli };
        served.change_tasks(self.queue.now(), size, 1);
        self.requests.serving.insert(slot, (service, size));
    }

    /// A task gets no more requests, if it ever did.
    pub(super) fn serves_no_more(&mut self, slot: u32) {
        let Some((service, size)) = self.requests.serving.remove(&slot) else { return };
        let served = self.requests.services.get_mut(&service).expect("it gets requests");
        served.change_tasks(self.queue.now(), size, -1);
    }
}
