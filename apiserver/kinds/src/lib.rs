//! One file per built-in kind, each exporting one static descriptor, and the registry that lists them. Pure.
//!
//! Start at [`kind`]. Adding a kind is adding a file and a line in the registry; see docs/adding-a-kind.md.

pub mod kind;
pub mod strategy;

pub use kind::{Column, Kind, Source, Strategy, Subresource, Text};
