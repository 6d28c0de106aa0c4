//! What others may not do to an object's metadata while it is admitted: owners of fields that cannot be read are put back
//! as they were, owners of the object that are named twice are named once. Both with a warning.

use std::collections::HashSet;

use kubernel_meta::Object;
use kubernel_schema::apply::ManagedFields;
use serde_json::Value;

/// Takes the request's own word for `managedFields`, before others see the object.
pub(super) fn managed_fields(object: &Object) -> Option<Value> {
    object.at(&["metadata", "managedFields"]).cloned()
}

/// Mends what others have changed; `managed` is what [`managed_fields`] said before. The texts for `Warning` headers.
pub(super) fn mend(object: &mut Object, managed: Option<Value>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Err(error) = ManagedFields::decode(object.list_at(&["metadata", "managedFields"])) {
        match managed {
            Some(managed) => object.set(&["metadata", "managedFields"], managed),
            None => drop(object.remove(&["metadata", "managedFields"])),
        }
        warnings.push(format!(
            ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating \
             admission controller; please fix your requests: {error}"
        ));
    }
    warnings.extend(name_owners_once(object, true));
    warnings
}

/// Drops owner references that are named twice; the warning says whose fault it is: the request's, or that of admission.
pub(crate) fn name_owners_once(object: &mut Object, admitted: bool) -> Option<String> {
    let owners = object.list_at(&["metadata", "ownerReferences"]);
    let mut kept: HashSet<&Value> = HashSet::with_capacity(owners.len());
    let again = owners.iter().filter(|owner| !kept.insert(owner));
    let twice: Vec<&str> = again.map(|owner| owner.get("uid").and_then(Value::as_str).unwrap_or_default()).collect();
    if twice.is_empty() {
        return None;
    }
    let kept: Vec<Value> = owners.iter().filter(|owner| kept.remove(owner)).cloned().collect();
    let warning = format!(
        ".metadata.ownerReferences contains duplicate entries{}; API server dedups owner references in 1.20+, and may \
         reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
        if admitted { " after mutating admission happens" } else { "" },
        twice.join(", ")
    );
    object.set(&["metadata", "ownerReferences"], kept);
    Some(warning)
}
