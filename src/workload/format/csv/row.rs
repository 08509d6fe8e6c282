//! What a row of a `csv` trace says.

use crate::des::SimTime;
use crate::model::query::Expression;
use crate::model::{
    Architecture, Cpu, HostPort, NetworkMode, Outcome, PlacementConstraint, Protocol,
    RESERVED_PORTS_MAX, RequiredAttribute, TaskDefinition,
};
use crate::workload::format::reader::{Column, Rows};
use crate::workload::law_spec::COUNT_MAX;
use crate::workload::trace::Batch;
use crate::workload::{Behaviour, UsageId, WorkloadError};

/// Columns that every file has.
pub(super) const REQUIRED: [&str; 3] = ["submit_s", "cpu", "memory_mib"];

/// Columns that a file may have.
pub(super) const OPTIONAL: [&str; 14] = [
    "run_s",
    "end_s",
    "name",
    "family",
    "group",
    "count",
    "gang",
    "gpus",
    "gpu_milli",
    "ports",
    "network_mode",
    "architecture",
    "constraint",
    "exit",
];

/// The attribute that says what an instance's processor is.
const ARCHITECTURE_ATTRIBUTE: &str = "ecs.cpu-architecture";

/// The columns that say what a task definition is.
pub(super) const SHAPE: [&str; 9] = [
    "cpu",
    "memory_mib",
    "family",
    "gpus",
    "gpu_milli",
    "ports",
    "network_mode",
    "architecture",
    "constraint",
];

/// Ends every value in the key of a shape; it is in no UTF-8 text.
pub(super) const KEY_END: u8 = 0xff;

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    submit: Column,
    cpu: Column,
    memory: Column,
    run: Column,
    end: Column,
    name: Column,
    family: Column,
    group: Column,
    count: Column,
    gang: Column,
    gpus: Column,
    gpu_milli: Column,
    ports: Column,
    network_mode: Column,
    architecture: Column,
    constraint: Column,
    exit: Column,
    /// Those of [`SHAPE`] that the file has.
    shape: Vec<Column>,
}

impl Columns {
    pub(super) fn of(rows: &Rows) -> Result<Columns, WorkloadError> {
        let [submit, cpu, memory] = REQUIRED.map(|name| rows.column(name));
        let [
            run,
            end,
            name,
            family,
            group,
            count,
            gang,
            gpus,
            gpu_milli,
            ports,
            network_mode,
            architecture,
            constraint,
            exit,
        ] = OPTIONAL.map(|name| rows.column(name));
        let has = |column: &Column| rows.has(*column);
        match (has(&run), has(&end)) {
            (false, false) => Err(rows.error(
                "column 'run_s' is missing: add it (or 'end_s'); leave its values empty where \
                 tasks run until they are stopped",
            )),
            (true, true) => {
                Err(rows.error("columns 'run_s' and 'end_s' say the same: remove one of them"))
            }
            _ => Ok(Columns {
                submit,
                cpu,
                memory,
                run,
                end,
                name,
                family,
                group,
                count,
                gang,
                gpus,
                gpu_milli,
                ports,
                network_mode,
                architecture,
                constraint,
                exit,
                shape: SHAPE.map(|name| rows.column(name)).into_iter().filter(has).collect(),
            }),
        }
    }

    /// Everything a row says of its task definition, as one key: rows with equal keys have equal
    /// definitions.
    pub(super) fn shape(&self, rows: &Rows, key: &mut Vec<u8>) {
        key.clear();
        for column in &self.shape {
            key.extend_from_slice(rows.bytes(*column));
            key.push(KEY_END);
        }
    }

    pub(super) fn submitted(&self, rows: &Rows) -> Result<SimTime, WorkloadError> {
        rows.seconds(self.submit).map(|span| SimTime::ZERO + span)
    }

    pub(super) fn out_of_order(&self, rows: &Rows, before: SimTime, line: u64) -> WorkloadError {
        let problem = format!("is before {before} at line {line}: sort the rows by submit_s");
        rows.wrong(self.submit, problem)
    }

    pub(super) fn name<'a>(&self, rows: &'a Rows) -> Option<&'a str> {
        rows.optional(self.name)
    }

    pub(super) fn repeated_name(&self, rows: &Rows, line: u64) -> WorkloadError {
        let remedy = "rename one, or set unique_names = false";
        rows.wrong(
            self.name,
            format!("stands at line {line} already: {remedy}"),
        )
    }

    /// Number of tasks.
    pub(super) fn count(&self, rows: &Rows) -> Result<u32, WorkloadError> {
        match rows.optional_u32(self.count)? {
            Some(0) => Err(rows.wrong(self.count, "is no task: write at least 1")),
            Some(many) if many > COUNT_MAX => {
                let problem = format!("is too many tasks for one row: write at most {COUNT_MAX}");
                Err(rows.wrong(self.count, problem))
            }
            count => Ok(count.unwrap_or(1)),
        }
    }

    /// Adds the row to a batch, with the number of its definition.
    pub(super) fn add_to(
        &self,
        batch: &mut Batch,
        rows: &Rows,
        at: SimTime,
        definition: u32,
    ) -> Result<(), WorkloadError> {
        let behaviour = self.behaviour(rows, at)?;
        let all_or_nothing = match rows.bytes(self.gang) {
            b"true" => true,
            b"false" | b"" => false,
            _ => return Err(rows.wrong(self.gang, "is neither true nor false: write one")),
        };
        let count = self.count(rows)?;
        let texts = [rows.optional(self.group), self.name(rows)];
        batch.push(at, behaviour, definition, count, all_or_nothing, texts);
        Ok(())
    }

    fn behaviour(&self, rows: &Rows, at: SimTime) -> Result<Behaviour, WorkloadError> {
        let run_time = match rows.optional_seconds(self.end)? {
            None => rows.optional_seconds(self.run)?,
            Some(end) => {
                let submit = at - SimTime::ZERO;
                let run_time = end.checked_sub(submit).ok_or_else(|| {
                    let problem = format!("is before submit_s {submit}: correct one of them");
                    rows.wrong(self.end, problem)
                })?;
                Some(run_time)
            }
        };
        let exit = rows.bytes(self.exit);
        let digits = exit.strip_prefix(b"-").unwrap_or(exit);
        let is_code = digits.iter().all(u8::is_ascii_digit);
        if !exit.is_empty() && (digits.is_empty() || !is_code) {
            let problem = "is no exit code: write a whole number, 0 for success";
            return Err(rows.wrong(self.exit, problem));
        }
        let failed = digits.iter().any(|digit| *digit != b'0');
        let ends = if failed {
            Outcome::Failed
        } else {
            Outcome::Completed
        };
        Ok(Behaviour { run_time, ends, usage: UsageId::RESERVED })
    }

    pub(super) fn definition(
        &self,
        rows: &Rows,
        workload: &str,
    ) -> Result<TaskDefinition, WorkloadError> {
        let cpu = rows.cpu(self.cpu, Cpu::ECS_UNIT)?;
        let memory_mib = rows.u32(self.memory)?;
        let gpu = rows.gpu(self.gpus, self.gpu_milli)?;
        let family = rows.optional(self.family).map_or_else(
            || {
                // Finding a definition takes time linear in those of its family: so many families.
                let units = cpu.0 / Cpu::ECS_UNIT.0;
                let base = format!("{workload}-{units}u-{memory_mib}mib");
                if gpu.devices == 0 {
                    base
                } else {
                    format!("{base}-{}x{}", gpu.devices, gpu.milli)
                }
            },
            str::to_owned,
        );
        let network_mode = self.network_mode(rows)?;
        Ok(TaskDefinition {
            gpu,
            host_ports: self.host_ports(rows, network_mode)?,
            network_mode,
            required_attributes: self.required_attributes(rows)?,
            constraints: self.constraints(rows)?,
            ..TaskDefinition::new(family, cpu, memory_mib)
        })
    }

    fn network_mode(&self, rows: &Rows) -> Result<NetworkMode, WorkloadError> {
        match rows.text(self.network_mode) {
            "bridge" | "" => Ok(NetworkMode::Bridge),
            "host" => Ok(NetworkMode::Host),
            "awsvpc" => Ok(NetworkMode::Awsvpc),
            "none" => Ok(NetworkMode::None),
            _ => {
                let problem = "is no network mode: write bridge, host, awsvpc or none";
                Err(rows.wrong(self.network_mode, problem))
            }
        }
    }

    fn host_ports(&self, rows: &Rows, mode: NetworkMode) -> Result<Vec<HostPort>, WorkloadError> {
        let Some(text) = rows.optional(self.ports) else {
            return Ok(Vec::new());
        };
        let wrong = |problem: String| rows.wrong(self.ports, problem);
        if matches!(mode, NetworkMode::Awsvpc | NetworkMode::None) {
            let problem = "reserves host ports, which tasks without the host's network (modes \
                awsvpc and none) do not have: leave it empty";
            return Err(wrong(problem.to_owned()));
        }
        let parsed: Option<Vec<HostPort>> = text.split('|').map(host_port).collect();
        let mut ports = parsed.ok_or_else(|| {
            wrong("is no list of ports: write 1 to 65535 each, as in 80/tcp|53/udp".to_owned())
        })?;
        ports.sort_unstable();
        if ports.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(wrong("has a port twice: remove one".to_owned()));
        }
        if ports.len() > RESERVED_PORTS_MAX {
            return Err(wrong(format!(
                "has more than {RESERVED_PORTS_MAX} ports: remove some"
            )));
        }
        Ok(ports)
    }

    fn required_attributes(&self, rows: &Rows) -> Result<Vec<RequiredAttribute>, WorkloadError> {
        let Some(text) = rows.optional(self.architecture) else {
            return Ok(Vec::new());
        };
        let Some(architecture) = Architecture::parse(text) else {
            let problem = "is no architecture: write X86_64 or ARM64";
            return Err(rows.wrong(self.architecture, problem));
        };
        Ok(vec![RequiredAttribute {
            name: ARCHITECTURE_ATTRIBUTE.to_owned(),
            any_of: vec![architecture.attribute_value().to_owned()],
        }])
    }

    fn constraints(&self, rows: &Rows) -> Result<Vec<PlacementConstraint>, WorkloadError> {
        let Some(text) = rows.optional(self.constraint) else {
            return Ok(Vec::new());
        };
        let parsed = split_outside_quotes(text)
            .into_iter()
            .map(|part| match part.trim() {
                "distinctInstance" => Ok(PlacementConstraint::DISTINCT_INSTANCE),
                expression => Expression::parse(expression).map(PlacementConstraint::MemberOf),
            });
        let parsed: Result<_, _> = parsed.collect();
        parsed.map_err(|error| rows.wrong(self.constraint, format!("is wrong in {error}")))
    }
}

/// Makes task definitions again from the keys of their shapes.
#[derive(Debug)]
pub(super) struct Definer {
    /// Those of [`SHAPE`] that the file has.
    pub(super) columns: Vec<&'static str>,
    /// Name of the workload.
    pub(super) workload: String,
}

impl Definer {
    /// The definitions of these keys: the keys are written as rows, which say the same again.
    ///
    /// # Errors
    /// A key that is not of these columns, or of no row that was ever accepted.
    pub(super) fn definitions(&self, keys: &[&[u8]]) -> Result<Vec<TaskDefinition>, WorkloadError> {
        let unwritten = |why: csv::Error| WorkloadError(why.to_string());
        let mut table = csv::Writer::from_writer(Vec::new());
        let header = ["submit_s", "run_s"].into_iter().chain(self.columns.iter().copied());
        table.write_record(header).map_err(unwritten)?;
        for key in keys {
            let values = key.strip_suffix(&[KEY_END]).unwrap_or(key).split(|byte| *byte == KEY_END);
            let row = [&b"0"[..], b""].into_iter().chain(values);
            table.write_record(row).map_err(unwritten)?;
        }
        let table = table.into_inner().map_err(|why| WorkloadError(why.to_string()))?;
        let input = Box::new(std::io::Cursor::new(table));
        let mut rows = Rows::new("definitions".to_owned(), input, &REQUIRED, &OPTIONAL)?;
        let columns = Columns::of(&rows)?;
        let mut definitions = Vec::new();
        while rows.advance()? {
            definitions.push(columns.definition(&rows, &self.workload)?);
        }
        Ok(definitions)
    }
}

/// Reads `80`, `80/tcp` or `80/udp`.
fn host_port(text: &str) -> Option<HostPort> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = number.parse().ok().filter(|port| *port > 0)?;
    Some(HostPort { protocol, port })
}

/// Splits at `;`, except within the quotes of the cluster query language.
fn split_outside_quotes(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, character) in text.char_indices() {
        match (character, quote) {
            ('\'' | '"', None) => quote = Some(character),
            (_, Some(open)) if character == open => quote = None,
            (';', None) => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
