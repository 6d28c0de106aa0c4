//! The kinds of the `resource.k8s.io` group.

mod defaults;
pub mod device_class;
pub mod resource_claim;
pub mod resource_claim_template;
pub mod resource_slice;
mod rules;
