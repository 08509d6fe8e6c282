//! What a law's constructor refuses, and the checks that all constructors share.

/// A law that cannot be built from the parameters given.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LawError {
    /// A parameter lies outside its range.
    #[error("{law} law: parameter `{parameter}` is {value}, but must be {requirement}; {remedy}")]
    Parameter {
        /// Name of the law, as in [`Law::name`](super::Law::name).
        law: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The value refused.
        value: f64,
        /// What the value would have to be.
        requirement: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// An element of a list lies outside its range.
    #[error(
        "{law} law: `{parameter}[{index}]` is {value}, but must be {requirement}; correct or \
         remove that element"
    )]
    Element {
        /// Name of the law, as in [`Law::name`](super::Law::name).
        law: &'static str,
        /// Name of the list.
        parameter: &'static str,
        /// Position of the element, counted from zero.
        index: usize,
        /// The value refused.
        value: f64,
        /// What the value would have to be.
        requirement: &'static str,
    },
    /// Two bounds are not in increasing order.
    #[error(
        "{law} law: `{low_name}` is {low} and `{high_name}` is {high}, but the first must be less \
         than the second; swap them, or use the constant law if they are equal"
    )]
    Order {
        /// Name of the law, as in [`Law::name`](super::Law::name).
        law: &'static str,
        /// Name of the lower bound.
        low_name: &'static str,
        /// The lower bound given.
        low: f64,
        /// Name of the upper bound.
        high_name: &'static str,
        /// The upper bound given.
        high: f64,
    },
    /// A list has no elements.
    #[error("{law} law: the list `{parameter}` is empty; give at least one element")]
    Empty {
        /// Name of the law, as in [`Law::name`](super::Law::name).
        law: &'static str,
        /// Name of the list.
        parameter: &'static str,
    },
    /// Two lists that belong together differ in length.
    #[error(
        "{law} law: `{left}` has {left_len} elements and `{right}` has {right_len}; give one of \
         each for every branch or value"
    )]
    Lengths {
        /// Name of the law, as in [`Law::name`](super::Law::name).
        law: &'static str,
        /// Name of the first list.
        left: &'static str,
        /// Length of the first list.
        left_len: usize,
        /// Name of the second list.
        right: &'static str,
        /// Length of the second list.
        right_len: usize,
    },
    /// A count lies outside its range.
    #[error("{law} law: `{parameter}` is {value}, but must be from {low} to {high}; {remedy}")]
    Count {
        /// Name of the law, as in [`Law::name`](super::Law::name).
        law: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The value refused.
        value: usize,
        /// Least value accepted.
        low: usize,
        /// Greatest value accepted.
        high: usize,
        /// What to do about it.
        remedy: &'static str,
    },
}

/// Passes a finite number.
pub(super) fn finite(
    law: &'static str,
    parameter: &'static str,
    value: f64,
) -> Result<f64, LawError> {
    if value.is_finite() {
        return Ok(value);
    }
    let (requirement, remedy) = ("a finite number", "check how it was computed");
    Err(LawError::Parameter { law, parameter, value, requirement, remedy })
}

/// Passes a finite number greater than zero.
pub(super) fn positive(
    law: &'static str,
    parameter: &'static str,
    value: f64,
    remedy: &'static str,
) -> Result<f64, LawError> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    let requirement = "a finite number greater than zero";
    Err(LawError::Parameter { law, parameter, value, requirement, remedy })
}

/// Passes two finite bounds of which the first is less.
pub(super) fn increasing(
    law: &'static str,
    (low_name, low): (&'static str, f64),
    (high_name, high): (&'static str, f64),
) -> Result<(f64, f64), LawError> {
    let (low, high) = (finite(law, low_name, low)?, finite(law, high_name, high)?);
    if low < high {
        return Ok((low, high));
    }
    Err(LawError::Order { law, low_name, low, high_name, high })
}

/// Passes a list of at least one finite number greater than zero.
pub(super) fn positive_list(
    law: &'static str,
    parameter: &'static str,
    values: &[f64],
) -> Result<(), LawError> {
    let requirement = "a finite number greater than zero";
    list(law, parameter, values, requirement, |value| value.is_finite() && value > 0.0)
}

/// Passes a list of at least one finite number.
pub(super) fn finite_list(
    law: &'static str,
    parameter: &'static str,
    values: &[f64],
) -> Result<(), LawError> {
    list(law, parameter, values, "a finite number", f64::is_finite)
}

/// Passes a list that is not empty and whose elements are all accepted.
fn list(
    law: &'static str,
    parameter: &'static str,
    values: &[f64],
    requirement: &'static str,
    accepts: impl Fn(f64) -> bool,
) -> Result<(), LawError> {
    if values.is_empty() {
        return Err(LawError::Empty { law, parameter });
    }
    match values.iter().enumerate().find(|&(_, &value)| !accepts(value)) {
        Some((index, &value)) => {
            Err(LawError::Element { law, parameter, index, value, requirement })
        }
        None => Ok(()),
    }
}

/// Passes two lists of the same length.
pub(super) fn same_length(
    law: &'static str,
    (left, left_values): (&'static str, &[f64]),
    (right, right_values): (&'static str, &[f64]),
) -> Result<(), LawError> {
    let (left_len, right_len) = (left_values.len(), right_values.len());
    if left_len == right_len {
        return Ok(());
    }
    Err(LawError::Lengths { law, left, left_len, right, right_len })
}
