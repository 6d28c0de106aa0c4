//! The kinds of the `admissionregistration.k8s.io` group.

mod defaults;
mod expressions;
pub mod mutating_admission_policy;
pub mod mutating_admission_policy_binding;
pub mod mutating_webhook_configuration;
mod policy_rules;
pub mod validating_admission_policy;
pub mod validating_admission_policy_binding;
pub mod validating_webhook_configuration;
pub(crate) mod webhook_rules;
