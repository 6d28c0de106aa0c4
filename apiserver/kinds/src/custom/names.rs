//! Which names of a CRD are free in its group, and what its `NamesAccepted` and `Established` conditions say of it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The names that a CRD asks for, or those that it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The resource in paths.
    pub plural: String,
    /// What it is called on the command line.
    pub singular: String,
    /// Shorter names for the command line.
    pub short_names: Vec<String>,
    /// The kind.
    pub kind: String,
    /// The kind of lists.
    pub list_kind: String,
    /// The groups in which the command line shows it.
    pub categories: Vec<String>,
}

/// The names that the CRDs of a group hold.
#[derive(Clone, Debug, Default)]
pub struct NamesInUse {
    resources: BTreeSet<String>,
    kinds: BTreeSet<String>,
}

impl Names {
    /// Reads `spec.names` or `status.acceptedNames`.
    pub fn read(value: Option<&Value>) -> Self {
        let text = |name: &str| value.and_then(|v| v.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned();
        let list = |name: &str| {
            let items = value.and_then(|v| v.get(name)).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        Self {
            plural: text("plural"),
            singular: text("singular"),
            short_names: list("shortNames"),
            kind: text("kind"),
            list_kind: text("listKind"),
            categories: list("categories"),
        }
    }

    /// As `status.acceptedNames` has them: plural and kind always, the others where there are any.
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        out.insert("plural".to_owned(), json!(self.plural));
        out.insert("kind".to_owned(), json!(self.kind));
        for (name, text) in [("singular", &self.singular), ("listKind", &self.list_kind)] {
            if !text.is_empty() {
                out.insert(name.to_owned(), json!(text));
            }
        }
        for (name, texts) in [("shortNames", &self.short_names), ("categories", &self.categories)] {
            if !texts.is_empty() {
                out.insert(name.to_owned(), json!(texts));
            }
        }
        Value::Object(out)
    }
}

impl NamesInUse {
    /// Adds what a CRD of the group was given.
    pub fn add(&mut self, accepted: &Names) {
        self.resources.extend([accepted.plural.clone(), accepted.singular.clone()]);
        self.resources.extend(accepted.short_names.iter().cloned());
        self.kinds.extend([accepted.kind.clone(), accepted.list_kind.clone()]);
    }
}

/// The names that a CRD is given, of those that it wants and those that it has; and why not all, as the condition's
/// reason and message (the last conflict is the one that is told).
pub fn accept(wanted: &Names, has: &Names, in_use: &NamesInUse) -> (Names, Option<(&'static str, String)>) {
    let mut given = has.clone();
    let mut conflict = None;
    let taken = |name: &str, own: &str, used: &BTreeSet<String>| {
        (name != own && used.contains(name)).then(|| format!("{name:?} is already in use"))
    };
    let mut one =
        |reason, want: &str, have: &str, used: &BTreeSet<String>, give: &mut String| match taken(want, have, used) {
            Some(message) => conflict = Some((reason, message)),
            None => want.clone_into(give),
        };
    one("PluralConflict", &wanted.plural, &has.plural, &in_use.resources, &mut given.plural);
    one("SingularConflict", &wanted.singular, &has.singular, &in_use.resources, &mut given.singular);
    let mut short: Vec<String> = Vec::new();
    for name in wanted.short_names.iter().filter(|name| !has.short_names.contains(*name)) {
        let own = **name == has.plural || **name == has.singular;
        let message = taken(name, "", &in_use.resources).filter(|message| !own && !short.contains(message));
        short.extend(message);
    }
    match short.as_slice() {
        [] => given.short_names.clone_from(&wanted.short_names),
        [message] => conflict = Some(("ShortNamesConflict", message.clone())),
        messages => conflict = Some(("ShortNamesConflict", format!("[{}]", messages.join(", ")))),
    }
    let mut one = |reason, want: &str, have: &str, give: &mut String| match taken(want, have, &in_use.kinds) {
        Some(message) => conflict = Some((reason, message)),
        None => want.clone_into(give),
    };
    one("KindConflict", &wanted.kind, &has.kind, &mut given.kind);
    one("ListKindConflict", &wanted.list_kind, &has.list_kind, &mut given.list_kind);
    given.categories.clone_from(&wanted.categories);
    (given, conflict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(plural: &str, singular: &str, short: &[&str], kind: &str) -> Names {
        Names {
            plural: plural.to_owned(),
            singular: singular.to_owned(),
            short_names: short.iter().map(|name| (*name).to_owned()).collect(),
            kind: kind.to_owned(),
            list_kind: if kind.is_empty() { String::new() } else { format!("{kind}List") },
            categories: Vec::new(),
        }
    }

    #[test]
    fn names_are_given_once() {
        let mut in_use = NamesInUse::default();
        in_use.add(&names("ws", "w", &["dub"], "W"));
        let none = Names::default();
        let cases = [
            (names("xs", "x", &[], "X"), &none, names("xs", "x", &[], "X"), None),
            (names("xs", "w", &[], "X"), &none, names("xs", "", &[], "X"), Some(("SingularConflict", "\"w\""))),
            (names("xs", "w", &[], "W"), &none, names("xs", "", &[], ""), Some(("ListKindConflict", "\"WList\""))),
            (names("xs", "y", &["ws"], "Y"), &none, names("xs", "y", &[], "Y"), Some(("ShortNamesConflict", "\"ws\""))),
            (names("ws", "v", &[], "V"), &none, names("", "v", &[], "V"), Some(("PluralConflict", "\"ws\""))),
            (names("ws", "w", &["dub"], "W"), &names("ws", "w", &["dub"], "W"), names("ws", "w", &["dub"], "W"), None),
            (names("ws", "w", &["ws"], "W"), &names("ws", "w", &[], "W"), names("ws", "w", &["ws"], "W"), None),
        ];
        for (wanted, has, given, conflict) in cases {
            let conflict = conflict.map(|(reason, name)| (reason, format!("{name} is already in use")));
            assert_eq!(accept(&wanted, has, &in_use), (given, conflict), "{wanted:?}");
        }
        let (_, conflict) = accept(&names("a", "b", &["ws", "w"], "C"), &none, &in_use);
        let message = "[\"ws\" is already in use, \"w\" is already in use]";
        assert_eq!(conflict, Some(("ShortNamesConflict", message.to_owned())));
    }
}
