//! The kinds of the `discovery.k8s.io` group.

pub mod endpoint_slice;
mod endpoint_slice_rules;
