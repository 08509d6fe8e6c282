//! The catalogue: EC2 instance types and Fargate sizes, with prices.
//!
//! Both are built into the binary as small dated tables (`ec2.csv`, `fargate.csv` and
//! `fargate_prices.csv` beside this file). A user's file in the format of `ec2.csv` replaces the
//! built-in instance types; see [`Catalogue::from_csv`]. All money is in billionths of a dollar.

mod ec2;
mod error;
pub mod fargate;
mod money;
mod reader;
#[cfg(test)]
mod tests;

pub use ec2::{
    AS_OF, DEFAULT_MEMORY_OVERHEAD_THOUSANDTHS, InstanceType, MAX_MEMORY_MIB, MAX_VCPUS,
};
pub use error::CatalogueError;
pub use money::{NANO_PER_USD, parse_usd_nano};

/// The built-in table of instance types.
const BUILT_IN: &str = include_str!("ec2.csv");

/// What messages call the built-in table.
const BUILT_IN_NAME: &str = "the built-in catalogue";

/// Instance types by name. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// In the order of the file.
    types: Vec<InstanceType>,
    /// Positions in `types`, sorted by name.
    by_name: Vec<usize>,
    /// What messages call this catalogue.
    source: String,
}

impl Catalogue {
    /// The catalogue built into the binary: about 120 instance types that ECS users run, with
    /// on-demand prices of us-east-1 as of [`AS_OF`].
    ///
    /// Parses its table anew at every call: keep the result.
    pub fn built_in() -> Catalogue {
        let types = reader::read(BUILT_IN, "ec2.csv").expect("a test reads the built-in table");
        Catalogue::new(types, BUILT_IN_NAME)
    }

    /// Reads a user's catalogue from CSV text; `file_name` is only for messages.
    ///
    /// The first line that is neither blank nor a comment (`#`) names the columns, in any order.
    /// `instance_type`, `architecture`, `vcpus`, `memory_mib` and `enis` must be there. Columns
    /// that may be missing, or blank in a row, and what they then count as: `gpus` 0,
    /// `awsvpc_tasks` `enis` - 1, and `gpu_model`, `network_mbps`, `awsvpc_tasks_trunking` and
    /// `usd_per_hour` none. A byte order mark and either kind of line end are accepted, white
    /// space around values is ignored, and the architecture may be in any case.
    ///
    /// # Errors
    ///
    /// The first thing wrong with the file, with its line, column, value and remedy: an empty
    /// file; a column that is unknown, repeated or missing; a row with too many or too few
    /// fields; a value that is not what its column means; an instance type given twice.
    pub fn from_csv(text: &str, file_name: &str) -> Result<Catalogue, CatalogueError> {
        Ok(Catalogue::new(reader::read(text, file_name)?, file_name))
    }

    fn new(types: Vec<InstanceType>, source: &str) -> Catalogue {
        assert!(!types.is_empty(), "a catalogue has at least one instance type");
        let mut by_name: Vec<usize> = (0..types.len()).collect();
        by_name.sort_by(|&a, &b| types[a].name.cmp(&types[b].name));
        Catalogue { types, by_name, source: source.to_owned() }
    }

    /// The instance type of this name (case matters), in O(log n).
    ///
    /// # Errors
    ///
    /// [`CatalogueError::UnknownType`] with up to three similar names.
    pub fn get(&self, name: &str) -> Result<&InstanceType, CatalogueError> {
        match self.by_name.binary_search_by(|&at| self.types[at].name.as_str().cmp(name)) {
            Ok(found) => Ok(&self.types[self.by_name[found]]),
            Err(_) => Err(CatalogueError::UnknownType {
                name: name.to_owned(),
                catalogue: self.source.clone(),
                suggestion: error::did_you_mean(name, self.iter().map(|known| &*known.name)),
            }),
        }
    }

    /// All instance types in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, InstanceType> {
        self.types.iter()
    }
}

impl<'a> IntoIterator for &'a Catalogue {
    type Item = &'a InstanceType;
    type IntoIter = std::slice::Iter<'a, InstanceType>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
