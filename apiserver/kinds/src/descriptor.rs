//! The notation in which the built-in kinds' files write their static descriptors. It adds nothing to
//! [`crate::Kind`]'s fields but brevity; custom resources build the same struct at run time.

/// Declares the static descriptor of one built-in kind.
macro_rules! kind {
    (
        $(#[$doc:meta])*
        pub static $name:ident = $group:literal, $version:literal, $kind:literal;
        names: $plural:literal, $singular:literal, short [$($short:literal),*], categories [$($category:literal),*];
        definition: $definition:literal;
        namespaced: $namespaced:literal, source: $source:ident, hash: $hash:literal;
        verbs: $verbs:tt;
        subresources: [$($sub:literal $(as ($sub_group:literal, $sub_version:literal, $sub_kind:literal))? : $sub_verbs:tt),* $(,)?];
        columns: [$($column:literal $type:ident $($wide:ident)?),* $(,)?];
        $(stored: $stored:expr;)?
        strategy: $strategy:expr;
    ) => {
        $(#[$doc])*
        pub static $name: $crate::Kind = $crate::Kind {
            group: std::borrow::Cow::Borrowed($group),
            version: std::borrow::Cow::Borrowed($version),
            kind: std::borrow::Cow::Borrowed($kind),
            list_kind: std::borrow::Cow::Borrowed(""),
            plural: std::borrow::Cow::Borrowed($plural),
            singular: std::borrow::Cow::Borrowed($singular),
            short_names: std::borrow::Cow::Borrowed(&[$(std::borrow::Cow::Borrowed($short)),*]),
            categories: std::borrow::Cow::Borrowed(&[$(std::borrow::Cow::Borrowed($category)),*]),
            namespaced: $namespaced,
            verbs: $crate::descriptor::verbs!($verbs),
            subresources: std::borrow::Cow::Borrowed(&[$($crate::Subresource {
                name: std::borrow::Cow::Borrowed($sub),
                kind: $crate::descriptor::sub_kind!($($sub_group, $sub_version, $sub_kind)?),
                verbs: $crate::descriptor::verbs!($sub_verbs),
            }),*]),
            storage_version_hash: std::borrow::Cow::Borrowed($hash),
            definition: std::borrow::Cow::Borrowed($definition),
            columns: std::borrow::Cow::Borrowed(&[$($crate::descriptor::column!($column, $type $(, $wide)?)),*]),
            source: $crate::Source::$source,
            stored_as: $crate::descriptor::stored!($($stored)?),
            strategy: $crate::StrategyHandle::BuiltIn(&$strategy),
        };
    };
}

/// Verbs in full, or `ALL` (of a stored resource), `READ` (of a live one), `STATUS` (of a subresource with the parent's kind).
macro_rules! verbs {
    (ALL) => {
        $crate::descriptor::verbs!([
            "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"
        ])
    };
    (READ) => { $crate::descriptor::verbs!(["get", "list", "watch"]) };
    (STATUS) => { $crate::descriptor::verbs!(["get", "patch", "update"]) };
    ([$($verb:literal),*]) => { std::borrow::Cow::Borrowed(&[$(std::borrow::Cow::Borrowed($verb)),*]) };
}

/// The kind of a subresource where it differs from its parent's.
macro_rules! sub_kind {
    () => {
        None
    };
    ($group:literal, $version:literal, $kind:literal) => {
        Some((
            std::borrow::Cow::Borrowed($group),
            std::borrow::Cow::Borrowed($version),
            std::borrow::Cow::Borrowed($kind),
        ))
    };
}

/// One column: `name` is a string with the format `name`; `wide` shows it with `-o wide` only.
macro_rules! column {
    ($column:literal, name) => { $crate::descriptor::column!(@ $column, "string", "name", 0) };
    ($column:literal, name, wide) => { $crate::descriptor::column!(@ $column, "string", "name", 1) };
    ($column:literal, $type:ident) => { $crate::descriptor::column!(@ $column, stringify!($type), "", 0) };
    ($column:literal, $type:ident, wide) => { $crate::descriptor::column!(@ $column, stringify!($type), "", 1) };
    (@ $column:literal, $type:expr, $format:literal, $priority:literal) => {
        $crate::Column {
            name: std::borrow::Cow::Borrowed($column),
            type_: std::borrow::Cow::Borrowed($type),
            format: std::borrow::Cow::Borrowed($format),
            description: std::borrow::Cow::Borrowed(""),
            priority: $priority,
        }
    };
}

/// Whose stored objects the kind shows.
macro_rules! stored {
    () => {
        None
    };
    ($stored:expr) => {
        Some(&$stored)
    };
}

pub(crate) use {column, kind, stored, sub_kind, verbs};
