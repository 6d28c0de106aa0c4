//! What can go wrong in this crate.

/// Why bytes are no object. `Display` is upstream's text, for the end of
/// `Pod in version "v1" cannot be handled as a Pod: …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not JSON at all, in the words of Go's decoder: `unexpected end of JSON input`.
    #[error("{0}")]
    Syntax(String),
    /// Not YAML, or YAML that JSON cannot say.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Yaml(String),
    /// A value of the wrong type, or one that its type cannot read.
    #[error("{0}")]
    Value(String),
    /// Deeper than [`crate::DEPTH_MAX`].
    #[error("exceeded max depth")]
    Depth,
    /// No protobuf body at all, or not that of the type that it should be.
    #[error("{0}")]
    Protobuf(&'static str),
    /// No kind of that name, or one that has no protobuf form.
    #[error(
        "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/api/legacyscheme/scheme.go:30\""
    )]
    UnknownKind {
        /// `apiVersion`.
        api_version: String,
        /// `kind`.
        kind: String,
    },
}
