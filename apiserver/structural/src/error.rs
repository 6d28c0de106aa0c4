//! Why a schema cannot be parsed.

use thiserror::Error;

/// Why a schema cannot be parsed. Definitions that passed [`crate::check`] never give one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Something that is to be a schema is no JSON object.
    #[error("a schema must be an object")]
    NoObject,
    /// The schema nests deeper than [`crate::DEPTH_MAX`].
    #[error("the schema nests deeper than {} levels", crate::DEPTH_MAX)]
    TooDeep,
    /// A pattern is no regular expression.
    #[error("{0}")]
    Pattern(String),
}
