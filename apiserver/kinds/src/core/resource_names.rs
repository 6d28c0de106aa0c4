//! What is known of the names of resources, and the rules of names and amounts that follow from it (upstream's
//! `helper` of the core group): for containers, quotas, limits and nodes.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Quantity, validation as meta};

use crate::validate::texts;

/// The beginning of the names of huge pages of a size, for example `hugepages-2Mi`.
pub(crate) const HUGE_PAGES: &str = "hugepages-";

/// What containers may ask for.
const OF_CONTAINERS: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
/// Objects that quotas count, in whole numbers.
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
/// What quotas limit besides.
const OF_QUOTAS: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

/// What is wrong with the name of any resource: without a domain it must be a standard one.
pub(crate) fn any(path: &Path, name: &str) -> Vec<Error> {
    let errors: Vec<Error> = texts(path, name, meta::label_key(name)).collect();
    if errors.is_empty() && !name.contains('/') && !(is_of_quota(name) || name == "storage") {
        return vec![path.invalid(name, "must be a standard resource type or fully qualified")];
    }
    errors
}

/// What is wrong with the name of a resource that a container asks for.
pub(crate) fn of_container(path: &Path, name: &str) -> Vec<Error> {
    let mut errors = any(path, name);
    if !name.contains('/') {
        if !OF_CONTAINERS.contains(&name) && !name.starts_with(HUGE_PAGES) {
            errors.push(path.invalid(name, "must be a standard resource for containers"));
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.push(path.invalid(name, "doesn't follow extended resource name standard"));
    }
    errors
}

/// What is wrong with the name of a resource in a quota.
pub(crate) fn of_quota(path: &Path, name: &str) -> Vec<Error> {
    let mut errors = any(path, name);
    if !name.contains('/') && !is_of_quota(name) {
        errors.push(path.invalid(name, "must be a standard resource for quota"));
    }
    errors
}

/// What is wrong with the amount of a resource: it is not negative, and whole where the resource comes in pieces.
pub(crate) fn amount(path: &Path, name: &str, amount: &Quantity) -> Vec<Error> {
    let mut errors = Vec::new();
    if amount.signum() < 0 {
        errors.push(path.invalid(amount.to_string(), "must be greater than or equal to 0"));
    }
    if is_whole(name) && !amount.is_integer() {
        errors.push(path.invalid(amount.to_string(), "must be an integer"));
    }
    errors
}

/// Whether quotas know the resource by itself.
pub(crate) fn is_of_quota(name: &str) -> bool {
    OF_QUOTAS.contains(&name)
        || COUNTED.contains(&name)
        || name.starts_with(HUGE_PAGES)
        || name.starts_with("requests.hugepages-")
}

/// Whether the resource belongs to Kubernetes itself.
pub(crate) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether the resource is somebody else's, of a name that quotas can count.
fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && meta::label_key(&format!("requests.{name}")).is_empty()
}

/// Whether more of the resource may be promised than there is.
pub(crate) fn is_overcommitted(name: &str) -> bool {
    is_native(name) && !name.starts_with(HUGE_PAGES)
}

fn is_whole(name: &str) -> bool {
    COUNTED.contains(&name) || is_extended(name)
}
