//! The simulated backend conforms exactly.

use towtank::backend::{Latency, Sharing, SimulatedBackend};
use towtank::des::{Seed, SimDuration};

use super::{CASES, Subject};

#[test]
fn the_simulated_backend_conforms() {
    for (name, case) in CASES {
        eprintln!("{name}");
        let backend = SimulatedBackend::new(Seed(1), vec![Latency::default()]);
        let mut backend = backend.with_sharing(vec![Sharing::Cfs]);
        case(&mut Subject { backend: &mut backend, noise: SimDuration::ZERO });
    }
}
