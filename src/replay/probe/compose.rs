//! Findings as a calibration.

use crate::calibration::{
    Calibration, Contended, ContendedStep, FORMAT_VERSION, FitError, FittedLaw, Host, Operation,
    QuantileTable, ShiftedLogNormal, fit,
};

use super::Findings;

/// Fits the model and puts everything together; `measured_at` is text of the caller's.
///
/// # Errors
/// Too little was found to fit a model.
pub fn calibration(
    findings: Findings,
    host: Host,
    measured_at: Option<String>,
) -> Result<Calibration, FitError> {
    let fitted = fit(&findings.probes)?;
    let contended = findings.probes.contended.iter().flat_map(contended_steps).collect();
    let law = |operation, table: &QuantileTable| {
        FittedLaw::new(operation, ShiftedLogNormal::of_table(table))
    };
    let engine = &fitted.engine;
    let mut laws = vec![
        law(Operation::Start, &engine.start),
        law(Operation::Cleanup, &engine.cleanup),
        law(Operation::Stop, &engine.stop),
    ];
    for (operation, samples) in
        [(Operation::Overrun, &findings.overruns), (Operation::Kill, &findings.kills)]
    {
        laws.extend(QuantileTable::of_samples(samples).map(|table| law(operation, &table)));
    }
    Ok(Calibration {
        format_version: FORMAT_VERSION,
        towtank_version: env!("CARGO_PKG_VERSION").to_owned(),
        measured_at,
        memory_floor_kib: findings.memory_floor_kib,
        host,
        engine: fitted.engine,
        validation: fitted.validation,
        laws,
        quota: findings.quota,
        load: findings.load,
        contended,
        shares: findings.shares,
        oom: findings.oom,
        measured: findings.measured,
    })
}

/// The medians of one small instance, alone first.
fn contended_steps(probes: &Contended) -> Vec<ContendedStep> {
    let beside = probes.beside.iter().map(|one| (one.neighbours, one.times_heavier, &one.starts));
    let all = std::iter::once((0, 1, &probes.alone)).chain(beside);
    let step = |(neighbours, times_heavier, starts): (u32, u32, &Vec<u64>)| {
        Some(ContendedStep {
            core_milli: probes.core_milli,
            neighbours,
            times_heavier,
            samples: starts.len() as u32,
            start_median_micros: QuantileTable::sorted(starts)?.sample(0.5).micros(),
        })
    };
    all.filter_map(step).collect()
}
