//! **towtank** is a discrete-event simulator of Amazon ECS cluster scheduling: it replays synthetic
//! or traced workloads through interchangeable placement and queueing strategies on simulated
//! capacity, and says which strategy serves a workload best, and how sure that is.
//!
//! # The layers, in reading order
//!
//! | Module | What it is |
//! |---|---|
//! | [`des`] | event queue, clock, keyed random streams, probability laws; knows no ECS |
//! | [`model`] | the nouns of ECS, and the ledger of the cluster's capacity |
//! | [`catalogue`] | EC2 instance types, Fargate sizes, prices |
//! | [`placement`], [`queueing`] | pure decisions over a read-only cluster |
//! | [`workload`] | traces and generators: what happens from outside |
//! | [`controller`] | the control plane as a state machine |
//! | [`calibration`] | what was measured of a Docker Engine |
//! | [`backend`] | where commands take effect and time passes: simulated, or Docker |
//! | [`metrics`] | what is recorded |
//! | [`run`] | the loop |
//! | [`scenario`] | files to validated objects |
//! | [`benchmark`], [`experiment`] | what decisions cost on this machine; many runs |
//! | [`explain`] | why a task was placed where it was, or not at all |
//! | [`replay`] | the same scenario on real containers: how wrong was the simulation |
//! | [`report`] | what people read |
//! | [`cli`] | the `towtank` command |
//!
//! Dependencies point down this list reversed, from the command to the engine, and a test enforces
//! it. `ARCHITECTURE.md` in the repository is the map.
//!
//! # Running a scenario
//!
//! ```
//! use towtank::scenario::{Document, Recording, Scenario};
//!
//! let text = r#"
//!     [capacity.web]
//!     instance_type = "m6i.large"
//!     count = 3
//!
//!     [workload.batch]
//!     rate = "2/m"
//!     count = 100
//!     duration = "90s"
//!     tasks = [{ cpu = 512, memory = 1024 }]
//! "#;
//! let scenario = Scenario::of(Document::parse("example.toml", text)?, &[])?;
//! let finished = scenario.prepare(42)?.run(Recording::default(), &mut |_| true)?;
//! assert_eq!(finished.records.tasks.completed, 100);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A strategy of your own
//!
//! A strategy scores every instance that could take a task; the highest score wins. Implement
//! [`placement::PlacementStrategy`], say what the score depends on, and run it. (To give it a name
//! on the command line, it takes a file in `src/placement/strategy/` and one line in the table
//! there.)
//!
//! ```
//! use towtank::des::Seed;
//! use towtank::model::{InstanceView, TaskClass};
//! use towtank::placement::{Chain, IndexedPlacer, PlacementStrategy, Reads, Score, TieBreak};
//! use towtank::scenario::{Document, Recording, Scenario};
//!
//! /// The instance with the fewest tasks of any kind.
//! #[derive(Debug)]
//! struct FewestTasks;
//!
//! impl PlacementStrategy for FewestTasks {
//!     fn reads(&self) -> Reads {
//!         Reads::Instance
//!     }
//!
//!     fn score(&self, _class: &TaskClass, on: InstanceView<'_>) -> Score {
//!         -Score::from(on.task_count())
//!     }
//! }
//!
//! let text = r#"
//!     [capacity.web]
//!     instance_type = "m6i.large"
//!     count = 4
//!
//!     [workload.batch]
//!     arrivals = "regular"
//!     rate = "1/s"
//!     count = 4
//!     duration = "1h"
//!     tasks = [{ cpu = 256, memory = 512 }]
//! "#;
//! let scenario = Scenario::of(Document::parse("example.toml", text)?, &[])?;
//! let seed = 42;
//! let chain = Chain {
//!     strategies: vec![Box::new(FewestTasks)],
//!     tie_break: TieBreak::LowestId,
//!     seed: Seed(seed),
//! };
//! let placer = Box::new(IndexedPlacer::new(chain));
//! let prepared = scenario.prepare_with(seed, vec![placer])?;
//! let finished = prepared.run(Recording::default(), &mut |_| true)?;
//! assert_eq!(finished.records.placements, 4);
//! // Each of the four tasks went to an instance of its own: none was ever empty at the peak.
//! assert_eq!(finished.records.tasks.completed, 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod backend;
pub mod benchmark;
pub mod calibration;
pub mod catalogue;
pub mod cli;
pub mod controller;
pub mod des;
pub mod experiment;
pub mod explain;
pub mod metrics;
pub mod model;
pub mod placement;
pub mod queueing;
pub mod replay;
pub mod report;
pub mod run;
pub mod scenario;
pub mod workload;
