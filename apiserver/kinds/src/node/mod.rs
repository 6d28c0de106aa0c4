//! The kinds of the `node.k8s.io` group.

mod rules;
pub mod runtime_class;
