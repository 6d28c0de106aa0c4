//! What may change in a Pod that exists.

use kubernel_meta::{Object, field};

/// What is wrong with a write to the Pod itself.
pub fn update(new: &Object, _old: &Object) -> Vec<field::Error> {
    super::create(new)
}

/// What is wrong with a write to `status`, `ephemeralcontainers` or `resize`.
pub fn subresource_update(_subresource: &str, _new: &Object, _old: &Object) -> Vec<field::Error> {
    Vec::new()
}
