//! Admission policies: expressions, kept as objects, that refuse or change writes (ValidatingAdmissionPolicy and
//! MutatingAdmissionPolicy with their bindings).
//!
//! Policies are read and compiled when they change ([`index`]); a request for which there is none costs a look at an
//! empty list. [`request`] says which policies a write concerns and what their expressions see, [`validating`] and
//! [`mutating`] what comes of it.

pub(super) mod authorizer;
mod compiled;
mod index;
mod mutating;
mod parameters;
mod request;
mod validating;

use kubernel_kinds::{Kind, Source};

pub(crate) use index::Policies;
pub(crate) use mutating::{Reinvocation, mutate};
pub(crate) use validating::validate;

/// Kinds that no policy concerns: policies and their bindings, so that none can lock itself in, and questions that are
/// answered at once.
fn is_exempt(kind: &Kind) -> bool {
    let policies = ["validatingadmissionpolicies", "mutatingadmissionpolicies"];
    let bindings = ["validatingadmissionpolicybindings", "mutatingadmissionpolicybindings"];
    let plural = &*kind.plural;
    kind.source == Source::Review
        || (kind.group == "admissionregistration.k8s.io" && (policies.contains(&plural) || bindings.contains(&plural)))
}
