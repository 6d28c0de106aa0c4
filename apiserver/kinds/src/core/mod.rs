//! The kinds of the `core` group (no group name on the wire).

pub mod binding;
pub mod component_status;
pub mod config_map;
mod data_map;
pub mod endpoints;
pub(crate) mod endpoints_rules;
pub mod event;
pub mod limit_range;
mod limit_range_rules;
pub mod namespace;
pub mod node;
mod node_rules;
pub mod persistent_volume;
pub mod persistent_volume_claim;
mod persistent_volume_claim_rules;
mod persistent_volume_rules;
pub mod pod;
pub mod pod_template;
pub mod replication_controller;
pub mod resource_quota;
mod resource_quota_rules;
pub mod secret;
pub mod service;
pub mod service_account;
