//! One operation, and how it and its path are written down in both versions of OpenAPI.

use kubernel_meta::{GroupVersion, Gvk};
use serde_json::{Map, Value, json};

use super::components::Components;
use super::parameters::Parameter;
use super::{Dialect, hash};

/// The name of v2's parameter that is the body.
pub(super) const BODY: &str = "body";
/// How many characters of a parameter's hash tell it from others of its name.
const HASH_CHARS: usize = 8;

/// One operation before it is written down.
pub(super) struct Operation<'a> {
    /// `get`, `put`, …
    pub(super) method: &'static str,
    /// The operation's id, which clients take as the name of a function.
    pub(super) id: String,
    pub(super) tag: String,
    /// What it does, and to which kind, where it is about objects.
    pub(super) about: Option<(&'static str, &'a Gvk)>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) consumes: &'static [&'static str],
    pub(super) produces: &'static [&'static str],
    /// The codes of good answers.
    pub(super) codes: &'static [u16],
    /// The schema of good answers.
    pub(super) answer: Value,
}

/// What a request brings.
#[derive(Clone)]
pub(super) struct Body {
    pub(super) schema: Value,
    pub(super) required: bool,
    /// Whether v2 writes it once, to be referred to.
    pub(super) shared: bool,
}

/// All operations of a path. What all of them take is said once for the path.
pub(super) fn path_item(components: &mut Components, operations: Vec<Operation<'_>>) -> Value {
    let everywhere = |one: &Parameter| operations.iter().all(|operation| operation.parameters.contains(one));
    let mut of_path: Vec<Parameter> = operations.first().map_or_else(Vec::new, |first| first.parameters.clone());
    of_path.retain(everywhere);
    of_path.sort_unstable();
    let mut out = Map::new();
    for mut operation in operations {
        operation.parameters.retain(|one| !of_path.contains(one));
        operation.parameters.sort_unstable();
        let method = operation.method.to_owned();
        out.insert(method, operation.written(components));
    }
    if !of_path.is_empty() {
        out.insert("parameters".to_owned(), of_path.iter().map(|one| parameter(components, one)).collect());
    }
    Value::Object(out)
}

impl Operation<'_> {
    fn written(self, components: &mut Components) -> Value {
        let dialect = components.dialect;
        let mut responses = Map::new();
        for code in self.codes {
            let description = match code {
                200 => "OK",
                201 => "Created",
                _ => "Accepted",
            };
            let answer = match dialect {
                Dialect::V2 => json!({ "description": description, "schema": self.answer }),
                Dialect::V3 => json!({ "description": description, "content": content(self.produces, &self.answer) }),
            };
            responses.insert(code.to_string(), answer);
        }
        responses.insert("401".to_owned(), json!({ "description": "Unauthorized" }));
        let mut out = json!({ "tags": [self.tag], "operationId": self.id, "responses": responses });
        if let Some((action, gvk)) = self.about {
            out["x-kubernetes-action"] = json!(action);
            out["x-kubernetes-group-version-kind"] =
                json!({ "group": gvk.group, "version": gvk.version, "kind": gvk.kind });
        }
        let mut parameters: Vec<Value> = self.parameters.iter().map(|one| parameter(components, one)).collect();
        match (self.body, dialect) {
            (None, _) => {}
            (Some(body), Dialect::V2) => parameters.insert(0, body_parameter(components, body)),
            (Some(body), Dialect::V3) => {
                out["requestBody"] = json!({ "content": content(self.consumes, &body.schema) });
                if body.required {
                    out["requestBody"]["required"] = json!(true);
                }
            }
        }
        if dialect == Dialect::V2 {
            if !self.consumes.is_empty() {
                out["consumes"] = json!(self.consumes);
            }
            out["produces"] = json!(self.produces);
            out["schemes"] = json!(["https"]);
        }
        if !parameters.is_empty() {
            out["parameters"] = Value::Array(parameters);
        }
        out
    }
}

fn parameter(components: &mut Components, one: &Parameter) -> Value {
    let written = one.written(components.dialect);
    if components.dialect == Dialect::V2 && one.is_shared() { shared(components, one.name, written) } else { written }
}

fn body_parameter(components: &mut Components, body: Body) -> Value {
    let mut written = json!({ "name": BODY, "in": "body", "schema": body.schema });
    if body.required {
        written["required"] = json!(true);
    }
    if body.shared { shared(components, BODY, written) } else { written }
}

/// Puts the parameter among those that are written once.
fn shared(components: &mut Components, name: &str, written: Value) -> Value {
    let hash: String = hash(written.to_string().as_bytes()).chars().take(HASH_CHARS).collect();
    let key = format!("{name}-{hash}");
    let reference = json!({ "$ref": format!("#/parameters/{key}") });
    components.parameters.entry(key).or_insert(written);
    reference
}

fn content(types: &[&str], schema: &Value) -> Value {
    Value::Object(types.iter().map(|name| ((*name).to_owned(), json!({ "schema": schema }))).collect())
}

/// The tag of a group and version: `apps_v1`.
pub(super) fn tag(version: &GroupVersion) -> String {
    format!("{}_{}", group_name(&version.group), version.version)
}

/// `rbacAuthorization` for `rbac.authorization.k8s.io`, as upstream's tags have it.
pub(super) fn group_name(group: &str) -> String {
    let group = if group.is_empty() { "core" } else { group };
    let mut parts = group.trim_end_matches(".k8s.io").split('.');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &capital(part))
}

/// The text with a capital first letter.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
