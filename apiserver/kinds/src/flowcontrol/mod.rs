//! The kinds of the `flowcontrol.apiserver.k8s.io` group.

pub mod flow_schema;
pub mod priority_level_configuration;
mod rules;
