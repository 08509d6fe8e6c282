//! Progress of long work on stderr, and the interrupt key.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::failure::Failure;

/// Set by the interrupt key.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Catches the interrupt key: the work stops at the next look, and nothing half-written stays.
pub(super) fn catch_interrupts() -> Result<(), Failure> {
    let handler = || INTERRUPTED.store(true, Ordering::Relaxed);
    ctrlc::set_handler(handler).map_err(|why| Failure::failed(format!("signals: {why}")))
}

/// Whether the user wants to stop.
pub(super) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// A bar over `total` pieces of work; without a terminal, or if not wanted, it draws nothing.
pub(super) fn bar(total: Option<u64>, what: &'static str, wanted: bool) -> ProgressBar {
    let target =
        if wanted { ProgressDrawTarget::stderr_with_hz(4) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(total, target);
    let template = match total {
        Some(_) => "{msg} {bar:30} {pos}/{len}, {elapsed} elapsed, {eta} left",
        None => "{msg} {pos}, {elapsed} elapsed",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
