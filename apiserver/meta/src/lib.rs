//! Objects, names, selectors, quantities and Status errors of the Kubernetes API.
//!
//! This crate is what every other room of the API server has in common. It is pure: no sockets, files, clock or
//! randomness. It knows no kind by name; kinds live in `kubernel-kinds`, their shapes in `kubernel-schema`.

pub mod field;
pub mod mesos;
mod name;
mod object;
mod options;
pub mod processes;
mod quantity;
mod selector;
mod status;
pub mod time;
pub mod validation;

pub use name::{GroupVersion, Gvk, Gvr};
pub use object::{Object, OwnerReference};
pub use options::{
    DeleteOptions, FieldValidation, ListOptions, Preconditions, PropagationPolicy, ResourceVersionMatch, WriteOptions,
};
pub use quantity::{Format as QuantityFormat, Quantity, QuantityError};
pub use selector::{FieldSelector, LabelSelector, Operator, Requirement, SelectorError};
pub use status::{ApiError, Cause, Details, Reason};
