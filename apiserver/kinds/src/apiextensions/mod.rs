//! The kinds of the `apiextensions.k8s.io` group.

mod conversion;
pub mod custom_resource_definition;
mod validation;
mod versions;
