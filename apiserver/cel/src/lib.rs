//! The Common Expression Language as Kubernetes speaks it (cel-go's dialect with the options of
//! `k8s.io/apiserver/pkg/cel/environment`). Pure: no sockets, files, clock or randomness.
//!
//! The life of an expression:
//! 1. [`Environment`] says which variables, types and functions there are; [`Environment::base`] is what all of
//!    Kubernetes' expressions have, and `with_…` adds to it.
//! 2. [`Environment::compile`] parses ([`ast`]), checks types ([`types`]) and gives a [`Checked`] expression, or
//!    [`Issues`] in upstream's words.
//! 3. [`Checked::cost`] estimates what it may cost ([`cost`]).
//! 4. [`Checked::program`] makes a [`Program`], which [`Program::evaluate`] runs over [`value`]s: JSON trees that are
//!    looked at where they lie, by their declared types ([`declare`]).
//!
//! Functions are added through [`function::Functions`]; the language's own are in `standard`, those of libraries in
//! [`library`].

pub mod admission;
pub mod ast;
mod check;
pub mod cost;
pub mod declare;
pub mod device;
mod environment;
mod error;
pub mod escape;
mod evaluate;
pub mod function;
pub mod library;
mod parse;
pub mod pattern;
mod source;
mod standard;
pub mod types;
pub mod value;

pub use environment::{Activation, Checked, Environment, Outcome, Program};
pub use error::{EvalError, Issue, Issues};
pub use types::Type;
pub use value::Value;
