//! The kinds of the `resource.k8s.io` group.

mod claim_rules;
mod defaults;
pub mod device_class;
pub mod device_taint_rule;
mod disabled;
pub mod resource_claim;
pub mod resource_claim_template;
pub mod resource_pool_status_request;
pub mod resource_slice;
mod rules;
mod slice_rules;
mod status_rules;
