//! The 409 of an apply that would take fields from their owners.

use kubernel_meta::{ApiError, Cause, Details, Reason};

use super::managed::{Identity, Operation};
use super::set::Set;

/// A manager and the fields that an apply would take from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) owner: Identity,
    pub(super) set: Set,
}

/// The error for these conflicts, sorted by manager.
pub(super) fn conflict_error(mut conflicts: Vec<Conflict>) -> ApiError {
    conflicts.sort_by(|left, right| left.owner.cmp(&right.owner));
    let mut causes = Vec::new();
    let mut groups = String::new();
    for conflict in &conflicts {
        let owner = describe(&conflict.owner);
        groups.push_str(&format!("{}conflicts with {owner}:", if groups.is_empty() { "" } else { "\n" }));
        conflict.set.for_each_path(&mut |path| {
            groups.push_str(&format!("\n- {path}"));
            causes.push(Cause {
                reason: "FieldManagerConflict".to_owned(),
                message: format!("conflict with {owner}"),
                field: path,
            });
        });
    }
    let message = match causes.as_slice() {
        [one] => format!("Apply failed with 1 conflict: {}: {}", one.message, one.field),
        many => format!("Apply failed with {} conflicts: {groups}", many.len()),
    };
    ApiError::new(409, Reason::Conflict, message).with_details(Details { causes, ..Details::default() })
}

fn describe(owner: &Identity) -> String {
    let mut text = format!("{:?}", owner.manager);
    if !owner.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", owner.subresource));
    }
    if owner.operation == Operation::Update {
        text.push_str(&format!(" using {}", owner.api_version));
    }
    text
}
