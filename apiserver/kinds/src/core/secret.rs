//! `v1` Secret.

use super::data_map;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::certificates::key_pair;
use crate::descriptor::kind;
use crate::{Kind, Strategy, print};
use crate::{strategy, tree, validate};

kind! {
    /// The descriptor of Secret.
    pub static KIND = "", "v1", "Secret";
    names: "secrets", "secret", short [], categories [];
    definition: "io.k8s.api.core.v1.Secret";
    namespaced: true, source: Store, hash: "S6u1pOWzb84=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Type" string, "Data" string, "Age" string,
    ];
    strategy: SecretStrategy;
}

/// What only Secrets know.
#[derive(Debug)]
pub struct SecretStrategy;

impl Strategy for SecretStrategy {
    /// `stringData` is for writing only: it goes into `data`.
    fn default(&self, _kind: &Kind, object: &mut Object) {
        tree::default_text(object.map_mut(), "type", "Opaque");
        if let Some(Value::Object(texts)) = object.map_mut().remove("stringData") {
            for (key, value) in texts {
                let encoded = BASE64_STANDARD.encode(value.as_str().unwrap_or_default());
                object.set(&["data", &key], encoded);
            }
        }
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        strategy::prepare_update(kind, new, old);
        if new.str_at(&["type"]).is_empty() {
            strategy::copy_field(new, old, "type");
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let mut errors = data_map::keys(object, "data", None);
        errors.extend(data_map::size(object, &["data"], &["data"]));
        errors.extend(of_type(object));
        errors
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let path = field::Path::root("type");
        let mut errors: Vec<_> = validate::immutable(&path, new.at(&["type"]), old.at(&["type"])).into_iter().collect();
        errors.extend(data_map::immutable(new, old, &["data"]));
        errors.extend(self.validate(kind, new));
        errors
    }

    fn warnings(&self, _kind: &Kind, object: &Object, _old: Option<&Object>) -> Vec<String> {
        if object.str_at(&["type"]) != TLS {
            return Vec::new();
        }
        let [certificate, key] = TLS_KEYS.map(|key| data_map::bytes(object, key));
        key_pair::error(&certificate, &key).into_iter().collect()
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let count = object.map_at(&["data"]).map_or(0, |map| map.len());
        vec![json!(object.name()), json!(object.str_at(&["type"])), json!(count), json!(print::age(object, now))]
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["type"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        vec![object.str_at(&["type"]).to_owned()]
    }
}

/// The type of Secrets with a certificate and its key.
const TLS: &str = "kubernetes.io/tls";
/// Where they are.
const TLS_KEYS: [&str; 2] = ["tls.crt", "tls.key"];

/// What the type of a Secret demands of its data.
fn of_type(object: &Object) -> Vec<field::Error> {
    let path = field::Path::root("data");
    let missing = |key: &str| object.at(&["data", key]).is_none();
    match object.str_at(&["type"]) {
        "kubernetes.io/service-account-token" => {
            let annotation = "kubernetes.io/service-account.name";
            let absent = object.str_at(&["metadata", "annotations", annotation]).is_empty();
            let at = field::Path::root("metadata").child("annotations").key(annotation);
            absent.then(|| at.required("")).into_iter().collect()
        }
        "kubernetes.io/dockercfg" => json_data(object, ".dockercfg").into_iter().collect(),
        "kubernetes.io/dockerconfigjson" => json_data(object, ".dockerconfigjson").into_iter().collect(),
        "kubernetes.io/basic-auth" if missing("username") && missing("password") => {
            vec![path.key("username").required(""), path.key("password").required("")]
        }
        "kubernetes.io/ssh-auth" if data_map::bytes(object, "ssh-privatekey").is_empty() => {
            vec![path.key("ssh-privatekey").required("")]
        }
        TLS => {
            let absent = TLS_KEYS.into_iter().filter(|key| missing(key));
            absent.map(|key| path.key(key).required("")).collect()
        }
        _ => Vec::new(),
    }
}

/// Data of this key must be there and be JSON. The message never shows the content.
fn json_data(object: &Object, key: &str) -> Option<field::Error> {
    let at = field::Path::root("data").key(key);
    if object.at(&["data", key]).is_none() {
        return Some(at.required(""));
    }
    let bytes = data_map::bytes(object, key);
    let wrong = match kubernel_schema::decode::Document::json(&bytes) {
        Ok(_) => not_a_map(&bytes)?,
        Err(error) => error.to_string(),
    };
    Some(at.invalid("<secret contents redacted>", wrong))
}

/// What Go says of JSON that is not a map.
fn not_a_map(bytes: &[u8]) -> Option<String> {
    let kind = match serde_json::from_slice(bytes).unwrap_or_default() {
        Value::Object(_) | Value::Null => return None,
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
    };
    Some(format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"))
}
