//! `towtank calibrate`: measures a Docker Engine, so that simulated ones behave like it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;

use crate::backend::docker::{EngineInfo, Scale, clock};
use crate::calibration::{Calibration, FILE_BEGIN, Host};
use crate::replay::probe::{Plan, ProbeError, ProbeProgress, calibration, probe};
use crate::replay::venue::{Budgets, Venue, VenueSettings};
use crate::report::calibration_table::calibration_table;
use crate::report::run_directory::json_text;

use super::failure::Failure;
use super::progress;
use super::wall;

/// Lives of a single client where `--probes` is not given: by default, and with `--quick`.
const PROBES: (u32, u32) = (40, 16);

/// After which a container ends by itself, should this process not remove it.
const LEFT_OVER: Duration = Duration::from_hours(1);

/// Arguments of `towtank calibrate`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct CalibrateArgs {
    /// Address of the Docker Engine [default: `DOCKER_HOST`, or `unix:///var/run/docker.sock`]
    #[arg(long, value_name = "E")]
    endpoint: Option<String>,
    /// File for what was measured
    #[arg(long, value_name = "FILE", default_value = "calibration.toml")]
    out: PathBuf,
    /// Containers started alone; of others in proportion [default: 40, with --quick 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=1000))]
    probes: Option<u32>,
    /// Fewer and shorter probes: under three minutes
    #[arg(long)]
    quick: bool,
    /// Allow an engine on another machine
    #[arg(long)]
    allow_remote: bool,
    /// What is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Shown,
    /// No progress bar
    #[arg(long)]
    no_progress: bool,
    /// Errors only on stderr
    #[arg(short, long)]
    quiet: bool,
}

/// How the calibration is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// A table to read
    Table,
    /// JSON
    Json,
}

/// Measures the engine that the arguments name.
pub(super) fn calibrate(args: &CalibrateArgs) -> Result<(), Failure> {
    let endpoints = super::replay::endpoints(args.endpoint.as_slice(), args.allow_remote)?;
    let file = OutFile::begin(&args.out)?;
    progress::catch_interrupts()?;
    let settings = VenueSettings {
        endpoints,
        budgets: Budgets::WherePossible,
        image: None,
        scale: Scale::default(),
        wall: LEFT_OVER,
    };
    let mut venue = Venue::open(&settings)?;
    let wanted = !args.quiet && !args.no_progress;
    let made = measure(&mut venue, args.quick, args.probes, wanted);
    let closed = venue.close();
    let made = made?;
    closed?;
    file.finish(&made)?;
    if !args.quiet {
        super::say(&format!("the calibration is in {}", args.out.display()));
    }
    match args.format {
        Shown::Table => super::print(&calibration_table(&made, super::columns())),
        Shown::Json => super::print(&json_text(&made)),
    }
}

/// Measures the first engine of a venue; everything is taken down again.
pub(super) fn measure(
    venue: &mut Venue,
    quick: bool,
    probes: Option<u32>,
    wanted: bool,
) -> Result<Calibration, Failure> {
    let setting = venue.setting()?;
    let default = if quick { PROBES.1 } else { PROBES.0 };
    let plan = Plan::of(probes.unwrap_or(default), quick);
    let bar = progress::bar(Some(1), "containers", wanted);
    let engine = venue.engine();
    let found = probe(engine, &setting, &plan, &mut |progress| show(&bar, progress));
    bar.finish_and_clear();
    let host = host(engine.info());
    let endpoint = engine.endpoint().clone();
    venue.strike()?;
    let found = found.map_err(|why| match why {
        ProbeError::Interrupted => Failure::interrupted(),
        why => Failure::failed(format!("{endpoint}: {why}")),
    })?;
    let made = calibration(found, host, Some(wall::date(clock::unix_seconds())));
    made.map_err(|why| Failure::failed(format!("{endpoint}: {why}")))
}

fn show(bar: &ProgressBar, progress: ProbeProgress) -> bool {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    bar.set_message(progress.what);
    !progress::interrupted()
}

/// An engine and its machine, as a calibration names them.
pub(super) fn host(info: &EngineInfo) -> Host {
    let kind = info.endpoint.split("://").next().unwrap_or_default();
    Host {
        cpus: info.cpus,
        memory_bytes: info.memory_bytes,
        kernel: info.kernel.clone(),
        operating_system: info.operating_system.clone(),
        engine_version: info.version.clone(),
        api_version: info.api_version.clone(),
        storage_driver: info.storage_driver.clone(),
        cgroup_driver: info.cgroup_driver.clone(),
        cgroup_version: info.cgroup_version,
        endpoint_kind: kind.to_owned(),
    }
}

// --- the file -----------------------------------------------------------------------------------

/// A file written beside its place and put there whole. It is made before anything is measured, so
/// that a place that cannot be written to is known at once.
struct OutFile {
    place: PathBuf,
    temporary: tempfile::NamedTempFile,
}

impl OutFile {
    /// Refuses a place that holds something else than a calibration: a device would become a file,
    /// and so would a link to nowhere.
    fn begin(place: &Path) -> Result<OutFile, Failure> {
        let refuse = |why: String| Failure::bad_input(format!("{}: {why}", place.display()));
        let is_there = place.symlink_metadata().is_ok();
        if is_there && !place.is_file() {
            return Err(refuse("is no file; name another one with --out".to_owned()));
        }
        match std::fs::read(place) {
            Ok(bytes) if bytes.is_empty() || bytes.starts_with(FILE_BEGIN.as_bytes()) => {}
            Ok(_) => {
                let why = "is no calibration, so it is not replaced; name another file with --out";
                return Err(refuse(why.to_owned()));
            }
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {}
            Err(why) => return Err(refuse(format!("{why}; name another file with --out"))),
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".towtank-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let temporary = builder.tempfile_in(folder).map_err(|why| {
            refuse(format!("cannot be written: {why}; name another file with --out"))
        })?;
        Ok(OutFile { place: place.to_owned(), temporary })
    }

    fn finish(mut self, calibration: &Calibration) -> Result<(), Failure> {
        let shown = self.place.display().to_string();
        let failed = |why: std::io::Error| Failure::failed(format!("{shown}: {why}"));
        self.temporary.write_all(calibration.to_toml().as_bytes()).map_err(failed)?;
        self.temporary.persist(&self.place).map_err(|why| failed(why.error))?;
        Ok(())
    }
}
