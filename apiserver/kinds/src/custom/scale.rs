//! Where a custom resource's scale subresource finds its numbers, and what those may be.

use kubernel_meta::{Object, field};
use serde_json::Value;

/// The three paths of `subresources.scale`, each as JSON map keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalePaths {
    /// `specReplicasPath` as it is written.
    pub spec_replicas_text: String,
    /// The desired replicas.
    pub spec_replicas: Vec<String>,
    /// The actual replicas.
    pub status_replicas: Vec<String>,
    /// The selector in its text form, where the CRD names one.
    pub selector: Option<Vec<String>>,
}

impl ScalePaths {
    /// Reads `subresources.scale`.
    pub(super) fn read(scale: &Value) -> Option<Self> {
        let text = |name: &str| scale.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let path = |text: &str| text.trim_start_matches('.').split('.').map(str::to_owned).collect::<Vec<String>>();
        Some(Self {
            spec_replicas_text: text("specReplicasPath")?.to_owned(),
            spec_replicas: path(text("specReplicasPath")?),
            status_replicas: path(text("statusReplicasPath")?),
            selector: text("labelSelectorPath").map(path),
        })
    }

    /// What is wrong with the numbers and the selector of an object: of its desired state, of its status, or of both.
    pub(super) fn validate(&self, object: &Object, spec: bool, status: bool) -> Vec<field::Error> {
        let mut wrong = Vec::new();
        if spec {
            wrong.extend(replicas(object, &self.spec_replicas));
        }
        if status {
            wrong.extend(replicas(object, &self.status_replicas));
        }
        if status
            && let Some(path) = &self.selector
            && let Some(value) = find(object, path).filter(|value| !value.is_string() && !value.is_null())
        {
            let why = accessor_error(path, value, "string");
            wrong.push(root(path).invalid("", why));
        }
        wrong
    }
}

/// The value at a path of owned keys.
pub(super) fn find<'a>(object: &'a Object, path: &[String]) -> Option<&'a Value> {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    object.at(&keys)
}

fn replicas(object: &Object, path: &[String]) -> Option<field::Error> {
    let value = find(object, path).filter(|value| !value.is_null())?;
    let at = root(path);
    match value.as_i64() {
        None => Some(at.invalid(0, accessor_error(path, value, "int64"))),
        Some(number) if number < 0 => Some(at.invalid(number, "should be a non-negative integer")),
        Some(number) if number > i64::from(i32::MAX) => {
            Some(at.invalid(number, format!("should be less than or equal to {}", i32::MAX)))
        }
        Some(_) => None,
    }
}

/// Upstream names the whole path, leading dot and all, as one field.
fn root(path: &[String]) -> field::Path {
    field::Path::root(&format!(".{}", path.join(".")))
}

/// What upstream's accessors of untyped trees say of another type.
fn accessor_error(path: &[String], value: &Value, wanted: &str) -> String {
    let (shown, found) = match value {
        Value::String(text) => (text.clone(), "string"),
        Value::Bool(flag) => (flag.to_string(), "bool"),
        Value::Number(number) if number.is_f64() => (number.to_string(), "float64"),
        Value::Number(number) => (number.to_string(), "int64"),
        Value::Array(_) => (value.to_string(), "[]interface {}"),
        Value::Object(_) => (value.to_string(), "map[string]interface {}"),
        Value::Null => ("<nil>".to_owned(), "<nil>"),
    };
    format!(".{} accessor error: {shown} is of the type {found}, expected {wanted}", path.join("."))
}
