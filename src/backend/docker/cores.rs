//! Which cores of its engine's machine an instance gets.
//!
//! The kernel weighs tasks against each other core by core, and hands out a CPU quota to those who
//! run first. So tasks share a budget by weight only if they run on no more cores than the budget
//! is worth: an instance is pinned to that many.

/// How much of each core of a machine is given to instances, thousandths.
#[derive(Debug, Clone)]
pub(super) struct Cores(Vec<u32>);

impl Cores {
    /// A machine of so many cores, none of which is given away.
    pub(super) fn new(count: u32) -> Cores {
        Cores(vec![0; count as usize])
    }

    /// The cores for a budget: as many as it fills, those that least is given of, of equals the
    /// first; ascending. All of them for a budget larger than the machine.
    pub(super) fn assign(&mut self, core_milli: u32) -> Vec<u32> {
        let wanted = core_milli.div_ceil(1000).max(1).min(self.0.len() as u32);
        let mut chosen: Vec<u32> = Vec::new();
        for _ in 0..wanted {
            let free = (0..self.0.len() as u32).filter(|core| !chosen.contains(core));
            let core = free.min_by_key(|core| self.0[*core as usize]);
            chosen.extend(core);
        }
        for &core in &chosen {
            self.0[core as usize] += core_milli / wanted;
        }
        chosen.sort_unstable();
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_go_where_least_is_given_away() {
        let mut cores = Cores::new(4);
        assert_eq!(cores.assign(500), [0]);
        assert_eq!(cores.assign(250), [1]);
        assert_eq!(cores.assign(1500), [2, 3]);
        assert_eq!(cores.assign(100), [1]);
        assert_eq!(cores.assign(9000), [0, 1, 2, 3]);
        assert_eq!(Cores::new(0).assign(500), Vec::<u32>::new());
    }
}
