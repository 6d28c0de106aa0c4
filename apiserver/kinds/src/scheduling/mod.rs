//! The kinds of the `scheduling.k8s.io` group.

mod gang_rules;
pub mod pod_group;
pub mod priority_class;
pub mod workload;
