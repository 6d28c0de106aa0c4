//! The kinds of the `networking.k8s.io` group.

mod address_rules;
pub mod ingress;
pub mod ingress_class;
mod ingress_rules;
pub mod ip_address;
pub mod network_policy;
mod network_policy_rules;
pub mod service_cidr;
