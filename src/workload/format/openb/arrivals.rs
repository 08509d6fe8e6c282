//! Arrivals: which pod comes when.

use crate::des::{Purpose, Seed, SimDuration, SimTime, pick};
use crate::model::{DefinitionId, Outcome, Submission};
use crate::workload::{Behaviour, External, Ids, Source, UsageId, WorkloadError};

use super::nodes::shuffle;
use super::pods::Pods;

/// Order in which pods arrive where no file gives one.
const POD_ORDER: Purpose = Purpose(0x4f42_504f);

/// Pods that are copied to inflate the demand.
const INFLATION: Purpose = Purpose(0x4f42_494e);

/// The pods in an order drawn from the seed.
pub(super) fn shuffled_pods(pods: &Pods, seed: Seed) -> Vec<usize> {
    shuffle(pods.list.len(), seed, POD_ORDER)
}

/// Appends copies of uniformly drawn pods until the first copy with which the demand would exceed
/// `limit`, in millionths of a GPU (thousandths of a multiple of thousandths of a GPU). That copy
/// is left out; as in the study, it is counted with what it takes of one of its GPUs.
///
/// # Errors
/// No pod asks for a GPU, so that copies never would.
pub(super) fn inflate(
    arriving: &mut Vec<usize>,
    pods: &Pods,
    seed: Seed,
    limit: u128,
) -> Result<(), WorkloadError> {
    let total = |pod: usize| u128::from(pods.definition(pod).gpu.total_milli());
    let mut demand: u128 = arriving.iter().map(|&pod| total(pod)).sum();
    if demand == 0 {
        let problem = "no pod asks for a GPU, so demand for GPUs cannot be inflated: \
            remove inflate_to";
        return Err(WorkloadError(problem.to_owned()));
    }
    for copy in 0.. {
        let pod = pick(seed.uniform(INFLATION, copy, 0), pods.list.len());
        let of_one_gpu = u128::from(pods.definition(pod).gpu.milli);
        if (demand + of_one_gpu) * 1000 > limit {
            break;
        }
        demand += total(pod);
        arriving.push(pod);
    }
    Ok(())
}

/// Submissions of pods, one task each.
#[derive(Debug)]
pub(super) struct Arrivals {
    pods: Pods,
    /// Pods in the order in which they arrive, with the time and what they do.
    arriving: Vec<(usize, SimTime, Behaviour)>,
    next: usize,
    /// By definition of the list: its id in the run.
    ids: Vec<Option<DefinitionId>>,
}

impl Arrivals {
    /// One pod each second, from second 1, and none leaves.
    pub(super) fn one_by_one(pods: Pods, arriving: Vec<usize>) -> Arrivals {
        let stays = Behaviour {
            run_time: None,
            ends: Outcome::Completed,
            usage: UsageId::RESERVED,
        };
        let second = |index: usize| SimTime::ZERO + SimDuration::from_secs(index as u64 + 1);
        let arriving = arriving.into_iter().enumerate();
        let arriving = arriving
            .map(|(index, pod)| (pod, second(index), stays))
            .collect();
        Arrivals::new(pods, arriving)
    }

    /// Pods when they came in the trace; those that came at the same time in order of the file.
    pub(super) fn timed(pods: Pods) -> Arrivals {
        let timed = |(number, pod): (usize, &super::pods::Pod)| {
            let (at, behaviour) = pod.timed.expect("the list was read with its times");
            (number, at, behaviour)
        };
        let mut arriving: Vec<_> = pods.list.iter().enumerate().map(timed).collect();
        arriving.sort_by_key(|&(number, at, _)| (at, number));
        Arrivals::new(pods, arriving)
    }

    fn new(pods: Pods, arriving: Vec<(usize, SimTime, Behaviour)>) -> Arrivals {
        let ids = vec![None; pods.definitions.len()];
        Arrivals {
            pods,
            arriving,
            next: 0,
            ids,
        }
    }
}

impl Source for Arrivals {
    fn next_event(&mut self, ids: &mut Ids) -> Result<Option<(SimTime, External)>, WorkloadError> {
        let Some(&(number, at, behaviour)) = self.arriving.get(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        let pod = &self.pods.list[number];
        let definition = *self.ids[pod.definition]
            .get_or_insert_with(|| ids.definition(&self.pods.definitions[pod.definition]));
        let submission = Submission {
            id: ids.submission(),
            definition,
            group: None,
            count: 1,
            all_or_nothing: false,
            start_on: None,
            label: Some(pod.name.clone()),
        };
        Ok(Some((at, External::Submit(submission, behaviour))))
    }

    fn len_hint(&self) -> Option<u64> {
        Some(self.arriving.len() as u64)
    }
}
