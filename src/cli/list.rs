//! `towtank list`: what can be named in a scenario, and prices.

use clap::{Args, ValueEnum};

use crate::catalogue::{AS_OF, Catalogue, InstanceType, NANO_PER_USD, fargate};
use crate::model::Architecture;
use crate::placement::STRATEGIES;
use crate::queueing::QUEUES;
use crate::report::table::plain_table;
use crate::workload::format::FORMATS;

use super::failure::Failure;

/// Arguments of `towtank list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// What to list
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Placement strategies
    Strategies,
    /// Queue policies
    Queues,
    /// Workload formats
    Formats,
    /// EC2 instance types and prices
    InstanceTypes,
    /// Sizes of Fargate tasks and prices
    FargateSizes,
}

/// Prints the table asked for.
pub(super) fn list(args: &ListArgs) -> Result<(), Failure> {
    let text = match args.what {
        What::Strategies => strategies(),
        What::Queues => {
            let rows =
                QUEUES.iter().map(|entry| vec![entry.name.to_owned(), entry.summary.to_owned()]);
            plain_table(&["queue", "what it does"], rows, super::columns())
        }
        What::Formats => formats(),
        What::InstanceTypes => instance_types(),
        What::FargateSizes => fargate_sizes(),
    };
    super::print(&text)
}

fn strategies() -> String {
    let rows = STRATEGIES.iter().map(|entry| {
        let name = match entry.parameter {
            Some(parameter) => format!("{}:<{parameter}>", entry.name),
            None => entry.name.to_owned(),
        };
        let chains = if entry.chains { "yes" } else { "" };
        vec![name, chains.to_owned(), entry.summary.to_owned()]
    });
    plain_table(&["strategy", "chains", "what it does"], rows, super::columns())
}

fn formats() -> String {
    let synthetic = ("synthetic", "drawn from laws: arrivals, sizes, durations");
    let traces = FORMATS.iter().map(|entry| (entry.name, entry.summary));
    let rows = std::iter::once(synthetic).chain(traces);
    let rows = rows.map(|(name, summary)| vec![name.to_owned(), summary.to_owned()]);
    plain_table(&["format", "what it reads"], rows, super::columns())
}

/// A price per hour in US dollars.
fn dollars(nano: u64) -> String {
    format!("{:.4}", nano as f64 / NANO_PER_USD as f64)
}

fn fargate_sizes() -> String {
    let row = |size: fargate::FargateSize| {
        let price = |architecture| dollars(fargate::usd_nano_per_hour(size, architecture));
        vec![
            size.cpu_units.to_string(),
            size.memory_mib.to_string(),
            price(Architecture::X86_64),
            price(Architecture::Arm64),
        ]
    };
    let headings = ["CPU units", "MiB", "USD/h X86_64", "USD/h ARM64"];
    let table = plain_table(&headings, fargate::sizes().map(row), super::columns());
    format!("{table}us-east-1, Linux, on demand, as of {}\n", fargate::AS_OF)
}

fn instance_types() -> String {
    let catalogue = Catalogue::built_in();
    let row = |one: &InstanceType| {
        let price = one.usd_per_hour_nano.map_or(String::new(), dollars);
        let gpus = match (&one.gpu_model, one.gpus) {
            (_, 0) => String::new(),
            (Some(model), count) => format!("{count} {model}"),
            (None, count) => count.to_string(),
        };
        let trunk = one.awsvpc_tasks_trunking.map_or(String::new(), |tasks| tasks.to_string());
        vec![
            one.name.clone(),
            one.architecture.as_str().to_owned(),
            one.vcpus.to_string(),
            one.memory_mib.to_string(),
            gpus,
            one.awsvpc_tasks.to_string(),
            trunk,
            price,
        ]
    };
    let headings = ["type", "arch", "vCPU", "MiB", "GPU", "awsvpc", "trunk", "USD/h"];
    let table = plain_table(&headings, catalogue.iter().map(row), super::columns());
    format!("{table}us-east-1, Linux, on demand, as of {AS_OF}\n")
}
