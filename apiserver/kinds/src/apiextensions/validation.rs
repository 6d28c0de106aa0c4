//! What is wrong with a CustomResourceDefinition, in upstream's words and order; its schemas are looked at by
//! `kubernel_structural::check`, its versions' other parts in [`super::versions`].
//!
//! Upstream validates its internal form: what all versions say alike (schema, subresources, columns, selectable fields)
//! stands in `spec` itself there, and `schema` is called `validation`.

use kubernel_meta::field::{Error, Path, go_quoted};
use kubernel_meta::{Object, validation};
use kubernel_structural::check;
use serde_json::Value;

use super::conversion::conversion_errors;
use super::versions::{Part, errors_of, has_status};
use crate::tree::flag;

const APPROVAL: &str = "api-approved.kubernetes.io";
const APPROVAL_PAGE: &str = "see https://github.com/kubernetes/enhancements/pull/1111";

/// What is wrong with a new definition.
pub(super) fn create(object: &Object) -> Vec<Error> {
    let mut errors = Vec::from_iter(name_error(object));
    errors.extend(spec_errors(object));
    errors.extend(status_errors(object));
    errors.extend(approval_errors(object, None));
    errors.extend(preserving_errors(object, None));
    errors
}

/// What is wrong with a change of a definition.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let mut errors = spec_errors(new);
    let is_established = old.list_at(&["status", "conditions"]).iter().any(|condition| {
        condition.get("type").is_some_and(|kind| kind == "Established")
            && condition.get("status").is_some_and(|status| status == "True")
    });
    let always: [&[&str]; 2] = [&["spec", "group"], &["spec", "names", "plural"]];
    let established: [&[&str]; 2] = [&["spec", "scope"], &["spec", "names", "kind"]];
    for field in established.into_iter().filter(|_| is_established).chain(always) {
        let path = field[1..].iter().fold(Path::root(field[0]), |path, name| path.child(name));
        errors.extend(validation::immutable_field(new.at(field), old.at(field), &path));
    }
    errors.extend(status_errors(new));
    errors.extend(approval_errors(new, Some(old)));
    errors.extend(preserving_errors(new, Some(old)));
    errors
}

/// Formats that no value is checked against and that were not there before, each once.
pub(super) fn warnings(object: &Object, old: Option<&Object>) -> Vec<String> {
    let known = old.map(unknown_formats).unwrap_or_default();
    let mut added: Vec<String> = Vec::new();
    for format in unknown_formats(object) {
        if !known.contains(&format) && !added.contains(&format) {
            added.push(format);
        }
    }
    added.iter().map(|format| format!("unrecognized format {}", go_quoted(format))).collect()
}

fn unknown_formats(object: &Object) -> Vec<String> {
    let schemas = object.list_at(&["spec", "versions"]).iter().filter_map(schema_of);
    schemas.flat_map(check::unknown_formats).collect()
}

/// What is wrong with a change of a definition's status.
pub(super) fn status_update(new: &Object) -> Vec<Error> {
    names_errors(new, "status", "acceptedNames")
}

fn name_error(object: &Object) -> Option<Error> {
    let (plural, group) = (object.str_at(&["spec", "names", "plural"]), object.str_at(&["spec", "group"]));
    let name = object.name();
    let path = Path::root("metadata").child("name");
    (!name.is_empty() && name != format!("{plural}.{group}"))
        .then(|| path.invalid(name, "must be spec.names.plural+\".\"+spec.group"))
}

fn spec_errors(object: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let mut errors = Vec::new();
    let group = object.str_at(&["spec", "group"]);
    let wrong = validation::dns1123_subdomain(group);
    if group.is_empty() {
        errors.push(path.child("group").required(""));
    } else if !wrong.is_empty() {
        errors.push(path.child("group").invalid(group, wrong.join(",")));
    } else if !group.contains('.') {
        errors.push(path.child("group").invalid(group, "should be a domain with at least one dot"));
    }
    errors.extend(one_of(&path.child("scope"), object.str_at(&["spec", "scope"]), &["Cluster", "Namespaced"]));
    let versions = object.list_at(&["spec", "versions"]);
    for (index, version) in versions.iter().enumerate() {
        if schema_of(version).is_none() {
            errors.push(path.child("versions").index(index).child("schema").child("openAPIV3Schema").required(""));
        }
    }
    let preserves = object.at(&["spec", "preserveUnknownFields"]) == Some(&Value::Bool(true));
    if preserves && versions.iter().filter_map(schema_of).any(check::has_default) {
        let detail = "must be false in order to use defaults in the schema";
        errors.push(path.child("preserveUnknownFields").invalid(true, detail));
    }
    let lifted = Lifted::of(versions);
    let mut names: Vec<&str> = Vec::with_capacity(versions.len());
    let mut unique = true;
    for (index, version) in versions.iter().enumerate() {
        let path = path.child("versions").index(index);
        let name = word(version, "name");
        unique &= !names.contains(&name);
        names.push(name);
        errors.extend(label(&path.child("name"), name, ""));
        errors.extend(deprecation(&path.child("deprecationWarning"), version));
        for part in lifted.own() {
            errors.extend(errors_of(part, version, &path, false, has_status(version)));
        }
    }
    let all = || {
        path.child("versions").invalid(Value::Null, "").shown_as(match object.at(&["spec", "versions"]) {
            Some(Value::Array(_)) => shown_versions(versions, &lifted),
            _ => "null".to_owned(),
        })
    };
    let says = |detail: &str| Error { detail: detail.to_owned(), ..all() };
    if !unique {
        errors.push(says("must contain unique version names"));
    }
    if versions.iter().filter(|version| flag(version, "storage")).count() != 1 {
        errors.push(says("must have exactly one version marked as storage version"));
    }
    if let Some(first) = names.first().filter(|name| !name.is_empty()) {
        errors.extend(label(&path.child("version"), first, ""));
    }
    for name in ["plural", "singular", "kind", "listKind"] {
        if object.str_at(&["spec", "names", name]).is_empty() {
            errors.push(path.child("names").child(name).required(""));
        }
    }
    errors.extend(names_errors(object, "spec", "names"));
    if let Some(first) = versions.first() {
        for part in lifted.shared() {
            errors.extend(errors_of(part, first, &path, true, versions.iter().any(has_status)));
        }
    }
    let strategy = object.str_at(&["spec", "conversion", "strategy"]);
    if preserves && object.at(&["spec", "conversion"]).is_some() && strategy != "None" {
        let at = path.child("conversion").child("strategy");
        errors.push(at.invalid(strategy, "must be None if spec.preserveUnknownFields is true"));
    }
    errors.extend(conversion_errors(object.at(&["spec", "conversion"]), &path.child("conversion")));
    errors
}

fn status_errors(object: &Object) -> Vec<Error> {
    let path = Path::root("status").child("storedVersions");
    let mut errors = names_errors(object, "status", "acceptedNames");
    let stored = object.list_at(&["status", "storedVersions"]);
    let value = || Value::from(stored.to_vec());
    if stored.is_empty() {
        errors.push(path.invalid(Value::Null, "must have at least one stored version"));
        return errors;
    }
    let versions = object.list_at(&["spec", "versions"]);
    for version in versions.iter().filter(|version| flag(version, "storage")) {
        let name = word(version, "name");
        if !stored.iter().any(|stored| stored == name) {
            errors.push(path.invalid(value(), format!("must have the storage version {name}")));
        }
    }
    for (index, name) in stored.iter().enumerate() {
        if !versions.iter().any(|version| version.get("name") == Some(name)) {
            let shown = name.as_str().unwrap_or_default();
            let detail = format!(
                "missing from spec.versions; {shown} was previously a storage version, and must remain in \
                 spec.versions until a storage migration ensures no data remains persisted in {shown} and removes \
                 {shown} from status.storedVersions"
            );
            errors.push(path.index(index).invalid(name.clone(), detail));
        }
    }
    errors
}

fn names_errors(object: &Object, parent: &str, key: &str) -> Vec<Error> {
    const MIXED: &str = "may have mixed case, but should otherwise match: ";
    let path = Path::root(parent).child(key);
    let text = |name: &str| object.str_at(&[parent, key, name]);
    let mut errors = Vec::new();
    for (name, before) in [("plural", ""), ("singular", ""), ("kind", MIXED), ("listKind", MIXED)] {
        if !text(name).is_empty() {
            errors.extend(label(&path.child(name), text(name), before));
        }
    }
    let list = |name: &'static str| {
        let path = path.child(name);
        let texts = object.list_at(&[parent, key, name]).iter().filter_map(Value::as_str).enumerate();
        texts.flat_map(move |(index, text)| label(&path.index(index), text, ""))
    };
    errors.extend(list("shortNames"));
    if !text("kind").is_empty() && text("kind") == text("listKind") {
        errors.push(path.child("listKind").invalid(text("listKind"), "kind and listKind may not be the same"));
    }
    errors.extend(list("categories"));
    errors
}

/// What is wrong with a DNS label; with `before`, a text before the message, it may have mixed case.
fn label(path: &Path, text: &str, before: &str) -> Option<Error> {
    let lower = text.to_lowercase();
    let wrong = validation::dns1035_label(if before.is_empty() { text } else { &lower });
    (!wrong.is_empty()).then(|| path.invalid(text, format!("{before}{}", wrong.join(","))))
}

fn deprecation(path: &Path, version: &Value) -> Vec<Error> {
    const LENGTH_MAX: usize = 256;
    let Some(text) = version.get("deprecationWarning").and_then(Value::as_str) else { return Vec::new() };
    let mut errors = Vec::new();
    if !flag(version, "deprecated") {
        errors.push(path.invalid(text, "can only be set for deprecated versions"));
    }
    let long = text.len() > LENGTH_MAX;
    if long {
        errors.push(path.invalid(text, format!("must be <= {LENGTH_MAX} characters long")));
    }
    if text.is_empty() {
        errors.push(path.invalid(text, "must not be an empty string"));
    }
    let odd = text.char_indices().find(|(_, c)| !kubernel_meta::field::is_printed(*c));
    if let Some((index, _)) = odd {
        let detail =
            format!("must only contain printable UTF-8 characters; non-printable character found at index {index}");
        errors.push(path.invalid(text, detail));
    }
    errors
}

/// Groups of the community need somebody's word that they may be used.
fn approval_errors(new: &Object, old: Option<&Object>) -> Option<Error> {
    let group = new.str_at(&["spec", "group"]);
    let protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.')));
    let state = Approval::of(new);
    if !protected || old.is_some_and(|old| Approval::of(old) == state) {
        return None;
    }
    let path = Path::root("metadata").child("annotations").key(APPROVAL);
    let needs = format!("protected groups must have approval annotation \"{APPROVAL}\"");
    match state {
        Approval::Given => None,
        Approval::Missing => Some(path.required(format!("{needs}, {APPROVAL_PAGE}"))),
        Approval::Invalid => {
            let detail = format!("{needs} with either a URL or a reason starting with \"unapproved\", {APPROVAL_PAGE}");
            Some(path.invalid(new.str_at(&["metadata", "annotations", APPROVAL]), detail))
        }
    }
}

#[derive(PartialEq, Eq)]
enum Approval {
    Missing,
    Invalid,
    Given,
}

impl Approval {
    fn of(object: &Object) -> Self {
        let text = object.str_at(&["metadata", "annotations", APPROVAL]);
        let is_url = text
            .split_once("://")
            .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.split('/').next().unwrap_or_default().is_empty());
        if text.is_empty() {
            Self::Missing
        } else if is_url || text.starts_with("unapproved") {
            Self::Given
        } else {
            Self::Invalid
        }
    }
}

fn preserving_errors(new: &Object, old: Option<&Object>) -> Option<Error> {
    const FIELD: [&str; 2] = ["spec", "preserveUnknownFields"];
    let is_set = |object: &Object| object.at(&FIELD) == Some(&Value::Bool(true));
    let detail =
        "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
    (is_set(new) && !old.is_some_and(is_set)).then(|| Path::root(FIELD[0]).child(FIELD[1]).invalid(true, detail))
}

/// Which parts all versions say alike.
struct Lifted([bool; 4]);

impl Lifted {
    fn of(versions: &[Value]) -> Self {
        let same = |part: Part| {
            let of = |version: &Value| version.get(part.key()).filter(|value| !value.is_null()).cloned();
            let first = versions.first().and_then(of);
            versions.iter().all(|version| of(version) == first)
        };
        Self(Part::ALL.map(same))
    }

    fn shared(&self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().zip(self.0).filter_map(|(part, lifted)| lifted.then_some(part))
    }

    fn own(&self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().zip(self.0).filter_map(|(part, lifted)| (!lifted).then_some(part))
    }

    fn is_own(&self, wanted: Part) -> bool {
        self.own().any(|part| part == wanted)
    }
}

/// The versions as upstream prints its internal structs.
fn shown_versions(versions: &[Value], lifted: &Lifted) -> String {
    let one = |version: &Value| {
        let shown = |key: &str| version.get(key).unwrap_or(&Value::Null).to_string();
        let part = |part: Part| if lifted.is_own(part) { shown(part.key()) } else { "null".to_owned() };
        format!(
            "{{\"Name\":{},\"Served\":{},\"Storage\":{},\"Deprecated\":{},\"DeprecationWarning\":{},\"Schema\":{},\
             \"Subresources\":{},\"AdditionalPrinterColumns\":{},\"SelectableFields\":{}}}",
            shown("name"),
            flag(version, "served"),
            flag(version, "storage"),
            flag(version, "deprecated"),
            shown("deprecationWarning"),
            part(Part::Schema),
            part(Part::Subresources),
            part(Part::Columns),
            part(Part::SelectableFields),
        )
    };
    format!("[{}]", versions.iter().map(one).collect::<Vec<_>>().join(","))
}

/// What is wrong with a word of a fixed choice that must be said.
pub(super) fn one_of(path: &Path, text: &str, known: &[&str]) -> Option<Error> {
    match text {
        "" => Some(path.required("")),
        _ if known.contains(&text) => None,
        _ => Some(path.not_supported(text, known)),
    }
}

pub(super) fn schema_of(version: &Value) -> Option<&Value> {
    version.get("schema")?.get("openAPIV3Schema").filter(|schema| schema.is_object())
}

pub(super) fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
