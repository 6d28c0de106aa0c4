//! Text that is borrowed from a tree or from the program, or was made by an expression.

use std::ops::Deref;
use std::sync::Arc;

/// Text; cheap to clone.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// Borrowed.
    Borrowed(&'a str),
    /// Made.
    Owned(Arc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Owned(text) => text,
        }
    }
}
