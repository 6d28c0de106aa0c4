//! Structural schemas: what a CustomResourceDefinition says about its objects, and all that is done with it.
//! Pure: no sockets, files, clock or randomness.
//!
//! Two readings of the same JSON (`openAPIV3Schema`):
//! * [`Structural`] is the parsed form that serves requests: [`Structural::prune`], [`Structural::default`],
//!   [`Structural::validate`], [`Structural::schema`] for server-side apply. Parsed once per version of a definition.
//! * [`check`] looks at the schema itself when a definition is written, in upstream's words.
//!
//! How a node looks is in [`node`]; values are validated in `value`, `x-kubernetes-validations` in [`rules`].

pub mod check;
mod default;
mod embedded;
mod error;
mod ir;
mod lists;
pub mod node;
mod parse;
mod prune;
mod publish;
pub mod rules;
mod structural;
#[cfg(test)]
mod tests;
mod trail;
mod value;

pub use error::Error;
pub use structural::Structural;

/// How deep a schema may nest: far more than any real one, far less than the stack holds.
pub const DEPTH_MAX: usize = 100;
