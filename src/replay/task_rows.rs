//! The tasks of a run without a control plane of its own, as `tasks.csv` has them.

use std::fmt::Write as _;

use crate::metrics::{TASK_COLUMNS, csv_text};
use crate::model::{Origin, StopCode};

use super::observed::ObservedTask;
use super::witness::Notes;

impl Notes {
    /// Text of `tasks.csv`: the columns of a simulated run's, one row per task that was placed, in
    /// order of their numbers, then those that were not.
    pub fn tasks_csv(&self) -> String {
        let mut text = TASK_COLUMNS.join(",");
        text.push('\n');
        let placed = self.origins().iter().map(|(number, origin)| (Some(*number), origin));
        let unplaced = self.tasks.iter().filter(|(_, task)| task.placed.is_none());
        for (number, origin) in placed.chain(unplaced.map(|(origin, _)| (None, origin))) {
            if let Some(task) = self.tasks.get(origin) {
                self.row(&mut text, number, task);
            }
        }
        text
    }

    fn row(&self, text: &mut String, number: Option<u64>, task: &ObservedTask) {
        let number = number.map_or(String::new(), |number| number.to_string());
        let (name, submission, service) = match task.origin {
            Origin::Submission { submission, .. } => {
                (self.label(submission), submission.0.to_string(), String::new())
            }
            Origin::Service { service, .. } => {
                (String::new(), String::new(), service.0.to_string())
            }
        };
        let (group, family) = self.group_and_family(task.origin);
        let time = |at: Option<f64>| at.map_or(String::new(), |at| format!("{at:.6}"));
        let outcome = match (task.outcome, task.placed) {
            (Some(outcome), _) => outcome.as_str(),
            (None, Some(_)) => "running",
            (None, None) => "pending",
        };
        let stop_code = task.outcome.and_then(|outcome| outcome.stop_code(task.origin));
        let instance = task.placed.map_or("", |(_, instance)| self.instance(instance));
        let cells = [
            number,
            quoted(&name),
            submission,
            service,
            quoted(&group),
            quoted(&family),
            time(Some(task.submitted_s)),
            time(task.placed.map(|(at, _)| at)),
            time(task.started_s),
            time(task.ended_s),
            outcome.to_owned(),
            quoted(instance),
            stop_code.map_or("", StopCode::as_str).to_owned(),
        ];
        // Real hosts tell no further times.
        let further = TASK_COLUMNS.len() - cells.len();
        let cells = cells.into_iter().chain(std::iter::repeat_n(String::new(), further));
        let cells: Vec<String> = cells.collect();
        writeln!(text, "{}", cells.join(",")).expect("a string takes any text");
    }
}

/// A cell that no spreadsheet takes for a formula, in quotes where CSV wants them.
fn quoted(text: &str) -> String {
    let text = csv_text(text);
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into_owned()
    }
}
