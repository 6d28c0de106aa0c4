//! Metadata that the server sets or that names the object: never owned.

use std::sync::LazyLock;

use super::set::Set;

static NEVER_OWNED: LazyLock<Set> = LazyLock::new(|| {
    Set::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
});

/// The set without what is never owned.
pub(super) fn without_meta(set: Set) -> Set {
    set.difference(&NEVER_OWNED)
}
