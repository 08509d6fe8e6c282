//! How much is probed.

use std::time::Duration;

use super::{QUOTAS, Setting};

/// Before each life of a single client.
pub(super) const PAUSE: Duration = Duration::from_millis(600);

/// Numbers of containers, and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Closed loops take turns so often, so that a machine that drifts does so for all of them.
    pub rounds: u32,
    /// Clients, and lives of theirs in each round.
    pub lives: Vec<(u32, u32)>,
    /// Before each life of a single client.
    pub pause: Duration,
    /// First starts after the image was imported.
    pub cold: u32,
    /// Lives with each other network.
    pub networks: u32,
    /// Stops, and as many kills.
    pub endings: u32,
    /// Starts in each round: under each load, and in each small instance alone and beside each
    /// crowd.
    pub contended: u32,
    /// Containers that exceed their memory.
    pub ooms: u32,
    /// How long a busy container runs.
    pub busy: Duration,
}

impl Plan {
    /// `probes` lives of a single client, and of more in proportion; at least 4.
    pub fn of(probes: u32, quick: bool) -> Plan {
        let probes = probes.max(4);
        let rounds = if quick { 2 } else { 4 };
        let lives = [(1, probes), (2, probes), (4, probes + probes / 2), (8, 2 * probes)];
        let lives = lives
            .map(|(clients, lives): (u32, u32)| (clients, lives.div_ceil(rounds).max(clients)));
        Plan {
            rounds,
            lives: lives.to_vec(),
            pause: PAUSE,
            cold: 5,
            networks: (probes / 4).max(2),
            endings: (probes * 2 / 5).max(2),
            contended: (probes / 4).max(2),
            ooms: if quick { 2 } else { 5 },
            busy: Duration::from_secs(if quick { 1 } else { 2 }),
        }
    }

    /// Containers in all.
    pub(super) fn containers(&self, setting: &Setting) -> u64 {
        let lives: u32 = self.lives.iter().map(|(_, lives)| lives).sum();
        let cold = if setting.imported { self.cold } else { 0 };
        let loads = super::LOADS.len() as u32;
        let busy = (loads - 1) * super::LOADED_CORES;
        let loaded =
            if setting.cpus < super::LOADED_CORES { 0 } else { loads * self.contended + busy };
        let shares = if setting.instances.is_empty() { 0 } else { 2 };
        let quotas = QUOTAS.len() as u32;
        let networks = setting.networks.len() as u32 * self.networks;
        let others = networks + 2 * self.endings + quotas + self.ooms;
        let neighbours: u32 = super::CROWDS.iter().map(|(neighbours, _)| neighbours).sum();
        let contended = (super::CROWDS.len() as u32 + 1) * self.contended + neighbours;
        let contended = setting.instances.len() as u32 * contended;
        u64::from(self.rounds * (lives + loaded + contended) + cold + shares + others)
    }
}
