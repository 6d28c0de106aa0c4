//! Structural schemas of custom resources: what a CustomResourceDefinition's `openAPIV3Schema` says of values. Pure.
//!
//! [`Structural`] is one schema, read once; `prune` drops what it does not know, `default` fills in what is missing, `ir`
//! makes the form in which server-side apply and patches walk it, `publish` what OpenAPI shows.

mod default;
mod ir;
mod prune;
mod publish;
mod schema;
#[cfg(test)]
mod tests;

pub use schema::{Additional, Error, ListType, Node, Structural, Type};
