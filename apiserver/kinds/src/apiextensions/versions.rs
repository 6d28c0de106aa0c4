//! What is wrong with the parts of a version: its schema, subresources, columns and selectable fields.

use kubernel_meta::field::{Error, Path};
use kubernel_structural::{Structural, check, rules};
use serde_json::Value;

use super::validation::{schema_of, word};

const COLUMN_TYPES: &str = "boolean,date,integer,number,string";
const COLUMN_FORMATS: &str = "byte,date,date-time,double,float,int32,int64,password";
const SELECTABLE_FIELDS_MAX: usize = 8;

/// A part of a version that upstream's internal form has in `spec` where all versions say the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Schema,
    Subresources,
    Columns,
    SelectableFields,
}

impl Part {
    pub(super) const ALL: [Self; 4] = [Self::Schema, Self::Subresources, Self::Columns, Self::SelectableFields];

    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Subresources => "subresources",
            Self::Columns => "additionalPrinterColumns",
            Self::SelectableFields => "selectableFields",
        }
    }
}

/// Whether a version has a `status` subresource.
pub(super) fn has_status(version: &Value) -> bool {
    version.pointer("/subresources/status").is_some_and(|status| !status.is_null())
}

/// What is wrong with a part of a version; `path` is the version's, or `spec` for a part that is `shared`. `has_status`
/// says whether whoever has the schema has a `status` subresource.
pub(super) fn errors_of(part: Part, version: &Value, path: &Path, shared: bool, has_status: bool) -> Vec<Error> {
    let path = path.child(if shared && part == Part::Schema { "validation" } else { part.key() });
    let said = version.get(part.key()).filter(|value| !value.is_null());
    let list = || said.and_then(Value::as_array).into_iter().flatten().enumerate();
    match part {
        Part::Schema => {
            let schema = schema_of(version);
            schema.map(|schema| check::schema(schema, &path.child("openAPIV3Schema"), has_status)).unwrap_or_default()
        }
        Part::Subresources => {
            said.and_then(|said| said.get("scale")).map_or_else(Vec::new, |scale| scale_errors(scale, &path))
        }
        Part::Columns => list().flat_map(|(index, column)| column_errors(column, &path.index(index))).collect(),
        Part::SelectableFields => match said.and_then(Value::as_array) {
            Some(fields) if !fields.is_empty() => selectable_errors(fields, schema_of(version), &path),
            _ => Vec::new(),
        },
    }
}

fn scale_errors(scale: &Value, path: &Path) -> Vec<Error> {
    let required = |key: &str, under: &str| {
        let (at, text) = (path.child("scale").child(key), word(scale, key));
        if text.is_empty() {
            return Some(at.required(""));
        }
        json_path_error(text, &at).or_else(|| {
            let fits = text.strip_prefix(under).is_some_and(|rest| rest.starts_with('.'));
            (!fits).then(|| at.invalid(text, format!("should be a json path under {under}")))
        })
    };
    let mut errors = Vec::new();
    errors.extend(required("specReplicasPath", ".spec"));
    errors.extend(required("statusReplicasPath", ".status"));
    let selector = word(scale, "labelSelectorPath");
    if !selector.is_empty() {
        let at = path.child("scale").child("labelSelectorPath");
        let fits = selector.starts_with(".spec.") || selector.starts_with(".status.");
        errors.extend(
            json_path_error(selector, &at).or_else(|| {
                (!fits).then(|| at.invalid(selector, "should be a json path under either .spec or .status"))
            }),
        );
    }
    errors
}

fn column_errors(column: &Value, path: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    if word(column, "name").is_empty() {
        errors.push(path.child("name").required(""));
    }
    let among = |known: &str, text: &str| known.split(',').any(|known| known == text);
    let kind = word(column, "type");
    let types = format!("must be one of {COLUMN_TYPES}");
    if kind.is_empty() {
        errors.push(path.child("type").required(types));
    } else if !among(COLUMN_TYPES, kind) {
        errors.push(path.child("type").invalid(kind, types));
    }
    let format = word(column, "format");
    if !format.is_empty() && !among(COLUMN_FORMATS, format) {
        errors.push(path.child("format").invalid(format, format!("must be one of {COLUMN_FORMATS}")));
    }
    let at = path.child("JSONPath");
    match word(column, "jsonPath") {
        "" => errors.push(at.required("")),
        text => errors.extend(json_path_error(text, &at)),
    }
    errors
}

fn selectable_errors(fields: &[Value], schema: Option<&Value>, path: &Path) -> Vec<Error> {
    // A schema that does not parse is told where it stands.
    let Some(structural) = schema.and_then(|schema| Structural::parse(schema).ok()) else { return Vec::new() };
    let mut errors = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let (at, text) = (path.index(index).child("jsonPath"), word(field, "jsonPath"));
        if text.is_empty() {
            errors.push(at.required(""));
            continue;
        }
        let found = match rules::field_path(text, structural.root(), false) {
            Ok(found) => found,
            Err(why) => {
                errors.push(at.invalid(text, format!("is an invalid path: {why}")));
                continue;
            }
        };
        if found.path == "metadata" || found.path.starts_with("metadata.") {
            errors.push(at.invalid(text, "must not point to fields in metadata"));
        }
        use kubernel_structural::node::Kind::{Boolean, Integer, String};
        if !matches!(found.node.kind, Some(Boolean | Integer | String)) {
            let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings \
                          with formats are allowed.";
            errors.push(at.invalid(text, detail));
        }
        if seen.contains(&found.path) {
            errors.push(at.duplicate(text));
        } else {
            seen.push(found.path);
        }
    }
    if seen.len() > SELECTABLE_FIELDS_MAX {
        errors.push(path.too_many(seen.len(), SELECTABLE_FIELDS_MAX));
    }
    errors
}

fn json_path_error(text: &str, path: &Path) -> Option<Error> {
    (!text.starts_with('.')).then(|| path.invalid(text, "must be a simple json path starting with ."))
}
