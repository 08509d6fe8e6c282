//! The Docker backend on real containers: skipped, with the reason, where no engine answers.

use std::time::Duration;

use towtank::backend::docker::cgroups::{Budget, Cgroup, CgroupLayout};
use towtank::backend::docker::message::Token;
use towtank::backend::docker::{DockerBackend, Hosting, InstanceSize, Scale};
use towtank::des::Seed;

use super::fake::rules;
use super::{CASES, Subject, seconds};
use crate::docker::{TestRun, towtank};

/// Parent cgroups of a test.
struct Parents<'r> {
    layout: CgroupLayout,
    run: &'r str,
    cgroups: Vec<Cgroup>,
}

impl Hosting for Parents<'_> {
    fn set_up(&mut self, instance: u32, size: InstanceSize) -> Result<Option<String>, String> {
        let budget = Budget { cpu_milli: size.core_milli, memory_bytes: size.memory_kib * 1024 };
        let cgroup = self.layout.create(self.run, instance, budget);
        let cgroup = cgroup.map_err(|why| why.to_string())?;
        let parent = cgroup.parent().to_owned();
        self.cgroups.push(cgroup);
        Ok(Some(parent))
    }
}

#[test]
fn the_docker_backend_conforms_on_real_containers() {
    let Some(real) = TestRun::start("conformance") else { return };
    let layout = match CgroupLayout::of(real.engine.info()) {
        Ok(layout) => layout,
        Err(why) => return eprintln!("skipped: {why}"),
    };
    let image = real.engine.ensure_image_of(towtank()).unwrap();
    let mut first = Token(0);
    for (name, case) in CASES {
        eprintln!("{name}");
        // An instance of one vCPU is half a core.
        let scale = Scale { cpu_milli: 2000, ..Scale::default() };
        let mut hosting = Parents { layout: layout.clone(), run: &real.run, cgroups: Vec::new() };
        let mut watch = |_| true;
        let rules = rules(&image, scale);
        let engines: Vec<&dyn towtank::backend::docker::Containers> = vec![&real.engine];
        let mut backend =
            DockerBackend::new(engines, &mut hosting, rules, Seed(1), None, first, &mut watch);
        // Generous: other tests start and stop containers meanwhile.
        case(&mut Subject { backend: &mut backend, noise: seconds(2.5) });
        backend.tear_down(Duration::from_secs(30)).unwrap();
        first = backend.next_token();
        for cgroup in hosting.cgroups {
            cgroup.remove().unwrap();
        }
    }
}
