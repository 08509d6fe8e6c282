//! `towtank replay gc`: removes what killed replays left.

use clap::Args;

use crate::backend::docker::sweep::{LeftOver, Sweep, gc as sweep};
use crate::backend::docker::{Engine, Labels, clock};

use super::failure::Failure;
use super::replay::EndpointFlags;

/// Arguments of `towtank replay gc`.
#[derive(Debug, Args)]
pub(super) struct GcArgs {
    #[command(flatten)]
    engine: EndpointFlags,
    /// Remove the workload images too
    #[arg(long)]
    images: bool,
}

/// Sweeps every engine named.
pub(super) fn gc(args: &GcArgs) -> Result<(), Failure> {
    for endpoint in args.engine.endpoints()? {
        let now = clock::unix_seconds();
        let labels = Labels::new(&format!("gc{now}p{}", std::process::id()), now)?;
        let engine = Engine::connect(&endpoint, labels)?;
        super::print(&told(endpoint.as_str(), &sweep(&engine, args.images)?))?;
    }
    Ok(())
}

fn told(endpoint: &str, swept: &Sweep) -> String {
    let mut lines = Vec::new();
    for run in &swept.removed {
        let why = match run.why {
            LeftOver::OwnerGone => "its process is gone",
            LeftOver::DeadlinePassed => "its time is over",
        };
        let (name, containers, instances) = (&run.run, run.containers, run.instances);
        lines.push(format!(
            "removed run {name} ({why}): {containers} containers, {instances} instances"
        ));
    }
    lines.extend(swept.images.iter().map(|image| format!("removed image {image}")));
    lines.extend(swept.kept.iter().map(|run| format!("kept run {run}: it is alive")));
    if lines.is_empty() {
        lines.push("nothing is left over".to_owned());
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("{endpoint}: {line}")).collect();
    lines.join("\n")
}
