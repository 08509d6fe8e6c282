//! Order files: the rank of every node and the order in which pods arrive.

use std::path::Path;

use crate::workload::WorkloadError;
use crate::workload::format::reader::{Names, Rows, shown};

/// Nodes and pods by their numbers.
#[derive(Debug)]
pub(super) struct Order {
    /// Every node once.
    pub(super) nodes: Vec<usize>,
    /// Pods; one that is there again is a copy.
    pub(super) pods: Vec<usize>,
}

/// What a row ranks.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    rank: u64,
    line: u64,
    number: usize,
}

impl Order {
    pub(super) fn read(path: &Path, nodes: &Names, pods: &Names) -> Result<Order, WorkloadError> {
        let required = ["kind", "rank", "name"];
        let mut rows = Rows::open(path, &required, &[])?;
        let [kind, rank, name] = required.map(|name| rows.column(name));
        let (mut ranked_nodes, mut ranked_pods) = (Vec::new(), Vec::new());
        while rows.advance()? {
            let (names, ranked, list) = match rows.text(kind) {
                "node" => (nodes, &mut ranked_nodes, "nodes"),
                "pod" => (pods, &mut ranked_pods, "pods"),
                _ => return Err(rows.wrong(kind, "is no kind: write node or pod")),
            };
            let Some(number) = names.number(rows.text(name)) else {
                let problem = format!("is not in the list of {list}: use the list it belongs to");
                return Err(rows.wrong(name, problem));
            };
            ranked.push(Ranked {
                rank: rows.u64(rank)?,
                line: rows.line(),
                number,
            });
        }
        each_once(rows.file(), &ranked_nodes, nodes)?;
        if ranked_pods.is_empty() {
            return Err(WorkloadError(format!(
                "{}: no pods are ranked",
                rows.file()
            )));
        }
        Ok(Order {
            nodes: by_rank(rows.file(), "node", ranked_nodes)?,
            pods: by_rank(rows.file(), "pod", ranked_pods)?,
        })
    }
}

impl Order {
    /// What to say if pods of the list have no place in the order.
    pub(super) fn left_out(&self, pods: &Names) -> Option<String> {
        let mut ranked = vec![false; pods.len()];
        for &number in &self.pods {
            ranked[number] = true;
        }
        let missing = ranked.iter().filter(|ranked| !**ranked).count();
        (missing > 0).then(|| {
            let all = pods.len();
            format!("the order leaves out {missing} of {all} pods of the list: they never arrive")
        })
    }
}

/// Checks that every node has one rank.
fn each_once(file: &str, ranked: &[Ranked], nodes: &Names) -> Result<(), WorkloadError> {
    let mut line_of: Vec<Option<u64>> = vec![None; nodes.len()];
    for Ranked { line, number, .. } in ranked {
        if let Some(before) = line_of[*number].replace(*line) {
            let problem = format!("the node is ranked at line {before} already: remove one");
            return Err(WorkloadError::at(file, *line, problem));
        }
    }
    match nodes.first(|number| line_of[number].is_none()) {
        None => Ok(()),
        Some(name) => Err(WorkloadError(format!(
            "{file}: node {name} has no rank: use the list of nodes that the order was made for"
        ))),
    }
}

/// The numbers in order of their ranks, which are 0, 1, 2 and so on: a gap is a row that got lost.
fn by_rank(file: &str, kind: &str, mut ranked: Vec<Ranked>) -> Result<Vec<usize>, WorkloadError> {
    ranked.sort_by_key(|row| (row.rank, row.line));
    for (expected, row) in ranked.iter().enumerate() {
        if row.rank == expected as u64 {
            continue;
        }
        let name = shown(kind);
        let problem = if row.rank > expected as u64 {
            format!("rank {expected} of kind {name} is missing: fetch the file again")
        } else {
            let before = ranked[expected - 1].line;
            format!(
                "rank {} of kind {name} stands at line {before} already",
                row.rank
            )
        };
        return Err(WorkloadError::at(file, row.line, problem));
    }
    Ok(ranked.into_iter().map(|row| row.number).collect())
}
