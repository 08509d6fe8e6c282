//! The machine that wall-clock measurements are made on.

use std::fs;

use crate::report::bench_files::Machine;

/// Where Linux describes its processors, and its release.
const CPU_INFO: &str = "/proc/cpuinfo";
const OS_RELEASE: &str = "/proc/sys/kernel/osrelease";

/// This machine, as far as it tells.
pub(super) fn machine() -> Machine {
    let release = fs::read_to_string(OS_RELEASE).unwrap_or_default();
    Machine {
        cpu: fs::read_to_string(CPU_INFO).ok().and_then(|text| cpu_model(&text)),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        os: format!("{} {}", std::env::consts::OS, release.trim()).trim_end().to_owned(),
        architecture: std::env::consts::ARCH,
        debug_assertions: cfg!(debug_assertions),
    }
}

/// The first model named in the text of `/proc/cpuinfo`.
fn cpu_model(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    let (_, model) = line.split_once(':')?;
    Some(model.trim().to_owned()).filter(|model| !model.is_empty())
}

#[cfg(test)]
mod tests {
    use super::cpu_model;

    #[test]
    fn the_first_processors_model_is_read_where_there_is_one() {
        let text = "processor\t: 0\nmodel name\t: Fast: 9000\n\nmodel name\t: Slow\n";
        assert_eq!(cpu_model(text).as_deref(), Some("Fast: 9000"));
        assert_eq!(cpu_model("model name\t: \n"), None);
        assert_eq!(cpu_model("processor\t: 0\n"), None);
    }
}
