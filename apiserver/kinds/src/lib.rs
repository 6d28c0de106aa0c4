//! One file per built-in kind, each exporting one static descriptor, and the registry that lists them. Pure.
//!
//! Start at [`kind`]. Adding a kind is adding a file and a line in the registry; see docs/adding-a-kind.md.

pub mod admissionregistration;
pub mod apiextensions;
pub mod apiregistration;
pub mod apiserverinternal;
pub mod apps;
pub mod authentication;
pub mod authorization;
pub mod autoscaling;
pub mod batch;
pub mod certificates;
pub mod coordination;
pub mod core;
pub mod custom;
mod descriptor;
pub mod discovery;
pub mod events;
pub mod flowcontrol;
pub mod go_form;
pub mod kernel;
pub mod kind;
pub mod networking;
pub mod node;
pub mod policy;
pub mod previews;
pub mod print;
pub mod quota;
pub mod rbac;
pub mod registry;
pub mod resource;
pub mod scheduling;
pub mod storage;
pub mod storagemigration;
pub mod strategy;
mod tree;
pub mod validate;

pub use kind::{Column, Kind, Source, StoredAs, Strategy, StrategyHandle, Subresource, Text};
