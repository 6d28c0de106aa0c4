//! Short sentences on kinds and fields, for `kubectl explain`: our own, where they are worth it.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::Struct;

/// Lines of `Kind` or `Kind.field` (`*` for any kind), a tab and the sentence.
static DESCRIPTIONS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    include_str!("../../tables/descriptions.tsv").lines().filter_map(|l| l.split_once('\t')).collect()
});

/// What there is to say of a kind.
pub(super) fn of_kind(kind: &str) -> Option<&'static str> {
    DESCRIPTIONS.get(kind).copied()
}

/// What there is to say of a field that every kind has.
pub(super) fn of_every_kind(field: &str) -> Option<&'static str> {
    DESCRIPTIONS.get(format!("*.{field}").as_str()).copied()
}

/// What there is to say of a field of this struct, or of all fields of the name.
pub(super) fn of_field(item: &Struct, field: &str) -> Option<&'static str> {
    let own = DESCRIPTIONS.get(format!("{}.{field}", item.kind()).as_str());
    // What every kind has means something else elsewhere: a condition's status, a reference's kind.
    let of_kinds = matches!(field, "apiVersion" | "kind" | "spec" | "status" | "items");
    let common = if of_kinds && item.api_version.is_none() { None } else { of_every_kind(field) };
    own.copied().or(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_is_about_something() {
        for key in DESCRIPTIONS.keys() {
            let (kind, field) = key.split_once('.').unwrap_or((key, ""));
            let about = |item: &Struct| {
                (kind == "*" || item.kind() == kind) && (field.is_empty() || item.field(field).is_some())
            };
            assert!(crate::builtin().iter().any(about), "{key}");
        }
    }
}
