//! What is wrong with a value by the schema, with the path to it.

use std::fmt;

use super::path::PathElement;

/// One mistake; `Display` gives upstream's `.spec.a: text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    path: String,
    text: String,
}

impl Violation {
    /// A mistake of the value itself.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { path: String::new(), text: text.into() }
    }

    /// A list item that has no identity.
    pub(super) fn element(index: usize, text: &str) -> Self {
        Self::new(format!("element {index}: {text}"))
    }

    /// The same mistake seen from one step above.
    #[must_use]
    pub(super) fn under(mut self, step: &PathElement) -> Self {
        self.path.insert_str(0, &step.to_string());
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.text) } else { write!(f, "{}: {}", self.path, self.text) }
    }
}

/// Several mistakes in upstream's form: one as it is, more as an indented list.
pub(super) fn describe(violations: &[Violation]) -> String {
    match violations {
        [one] => one.to_string(),
        many => many.iter().fold("errors:".to_owned(), |text, violation| format!("{text}\n  {violation}")),
    }
}
