//! What is refused about a task definition, with where it stands.

use crate::workload::plain_words::in_plain_words;

/// A task definition that cannot be used: file, place, what is wrong, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EcsJsonError {
    /// The text is not JSON.
    #[error("{file}, line {line}, column {column}: {problem}; correct the JSON there")]
    Syntax {
        /// Name of the file.
        file: String,
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, from 1.
        column: usize,
        /// What the parser did not expect.
        problem: String,
    },
    /// The JSON is not a task definition, or is one that ECS would refuse.
    #[error("{file}, {path}: {problem}")]
    Value {
        /// Name of the file.
        file: String,
        /// Path of the key, such as `containerDefinitions[0].memory`.
        path: String,
        /// What is wrong, with the value and the remedy.
        problem: String,
    },
}

/// The file being read, and the part of it that holds the definition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<'a> {
    file: &'a str,
    prefix: &'static str,
}

impl<'a> Document<'a> {
    pub(super) fn new(file: &'a str) -> Document<'a> {
        Document { file, prefix: "" }
    }

    /// The same file; paths start with `prefix`.
    pub(super) fn within(self, prefix: &'static str) -> Document<'a> {
        Document { prefix, ..self }
    }

    /// An error about the key at `path`.
    pub(super) fn refuse(&self, path: &str, problem: impl Into<String>) -> EcsJsonError {
        EcsJsonError::Value {
            file: self.file.to_owned(),
            path: format!("{}{path}", self.prefix),
            problem: problem.into(),
        }
    }

    /// An error of the JSON parser.
    pub(super) fn syntax(&self, why: &serde_json::Error) -> EcsJsonError {
        let (line, column) = (why.line(), why.column());
        let position = format!(" at line {line} column {column}");
        let text = why.to_string();
        EcsJsonError::Syntax {
            file: self.file.to_owned(),
            line,
            column,
            problem: text.strip_suffix(&position).unwrap_or(&text).to_owned(),
        }
    }

    /// JSON of another shape than a task definition.
    pub(super) fn shape(
        &self,
        why: &serde_path_to_error::Error<serde_json::Error>,
    ) -> EcsJsonError {
        let path = match why.path().to_string() {
            top if top == "." => "(the whole document)".to_owned(),
            path => path,
        };
        let mut problem = in_plain_words(&why.inner().to_string());
        // Serde's own messages name no remedy; those of the quantities do.
        let of_serde = ["invalid type", "invalid value", "missing field"];
        if of_serde.iter().any(|start| problem.starts_with(start)) {
            problem.push_str("; write the shape that `aws ecs register-task-definition` takes");
        }
        self.refuse(&path, problem)
    }
}
