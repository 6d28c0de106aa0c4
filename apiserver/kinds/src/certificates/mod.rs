//! The kinds of the `certificates.k8s.io` group.

pub mod certificate_signing_request;
pub mod cluster_trust_bundle;
mod der;
pub(crate) mod key_pair;
mod pem;
pub mod pod_certificate_request;
mod pod_certificate_rules;
mod rules;
mod trust_rules;
