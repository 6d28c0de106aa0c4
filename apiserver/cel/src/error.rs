//! What can go wrong: issues of an expression that does not compile, and errors of one that is evaluated.

use std::borrow::Cow;

use thiserror::Error;

/// Why an evaluation has no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvalError {
    /// The expression failed, for instance `no such key: x`. `&&`, `||` and their kin absorb it.
    #[error("{0}")]
    Failed(Cow<'static, str>),
    /// The evaluation cost more than it may.
    #[error("operation cancelled: actual cost limit exceeded")]
    CostLimit,
}

impl EvalError {
    /// A failure with this message.
    pub fn new(message: impl Into<Cow<'static, str>>) -> EvalError {
        EvalError::Failed(message.into())
    }

    /// The operands' types do not go together.
    #[must_use]
    pub fn no_such_overload() -> EvalError {
        EvalError::new("no such overload")
    }
}

/// One complaint about an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 0 (messages count from 1).
    pub column: usize,
    /// The complaint.
    pub message: String,
}

/// Why an expression does not compile. Displays as cel-go prints its issues: message, line and a caret under it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct Issues {
    /// In the order of their places.
    pub issues: Vec<Issue>,
    text: String,
}

impl Issues {
    pub(crate) fn new(issues: Vec<Issue>, text: String) -> Issues {
        Issues { issues, text }
    }
}
