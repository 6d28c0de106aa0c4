//! Operations: which paths a resource has, what each takes and answers.

use kubernel_meta::{GroupVersion, Gvk};
use serde_json::{Map, Value, json};

use super::components::Components;
use super::{Dialect, Resource, Subresource};

const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
const ANSWER_TYPES: [&str; 3] = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const LIST_TYPES: [&str; 5] = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];
const PATCH_TYPES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
/// Name and type of the query parameters that several operations share.
type Parameters = &'static [(&'static str, &'static str)];
const WRITE: Parameters = &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")];
const PATCH: Parameters =
    &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"), ("force", "boolean")];
const DELETE: Parameters = &[
    ("dryRun", "string"),
    ("gracePeriodSeconds", "integer"),
    ("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"),
    ("orphanDependents", "boolean"),
    ("propagationPolicy", "string"),
];
const LIST: Parameters = &[
    ("allowWatchBookmarks", "boolean"),
    ("continue", "string"),
    ("fieldSelector", "string"),
    ("labelSelector", "string"),
    ("limit", "integer"),
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"),
    ("timeoutSeconds", "integer"),
    ("watch", "boolean"),
];

/// One operation before it is written down.
struct Operation<'a> {
    method: &'static str,
    action: &'static str,
    /// How the operation's id begins, before and after group and version: `delete` and `Collection`.
    id: (&'static str, &'static str),
    gvk: &'a Gvk,
    parameters: Vec<(&'static str, &'static str)>,
    /// Content types and schema of the body.
    body: Option<(Vec<&'static str>, Value)>,
    answers: &'static [u16],
    answer: Value,
    /// The content types of the answer.
    produces: &'static [&'static str],
}

/// Adds the paths of a resource and of its subresources.
pub(super) fn add(components: &mut Components, resource: &Resource, paths: &mut Map<String, Value>) {
    let version = GroupVersion::new(resource.gvk.group.as_str(), resource.gvk.version.as_str());
    let root = if version.group.is_empty() { format!("/api/{version}") } else { format!("/apis/{version}") };
    let base = if resource.namespaced {
        format!("{root}/namespaces/{{namespace}}/{}", resource.plural)
    } else {
        format!("{root}/{}", resource.plural)
    };
    let has = |verb: &str| resource.verbs.iter().any(|v| v == verb);
    let reference = components.reference(&resource.schema);
    let list = list_reference(components, resource);
    let scope = if resource.namespaced { "Namespaced" } else { "" };
    let name = Naming { version: &version, scope, kind: &resource.gvk.kind, suffix: "" };

    let mut collection = Map::new();
    if has("list") {
        name.put(components, &mut collection, list_operation(&resource.gvk, &list));
    }
    if has("create") {
        let operation = Operation {
            method: "post",
            action: "post",
            id: ("create", ""),
            gvk: &resource.gvk,
            parameters: WRITE.to_vec(),
            body: Some((vec!["*/*"], reference.clone())),
            answers: &[200, 201, 202],
            answer: reference.clone(),
            produces: &ANSWER_TYPES,
        };
        name.put(components, &mut collection, operation);
    }
    if has("deletecollection") {
        let mut parameters = DELETE.to_vec();
        parameters.extend(LIST.iter().filter(|(name, _)| !matches!(*name, "allowWatchBookmarks" | "watch")));
        parameters.sort_unstable();
        let operation = Operation {
            method: "delete",
            action: "deletecollection",
            id: ("delete", "Collection"),
            gvk: &resource.gvk,
            parameters,
            body: Some((vec!["*/*"], components.reference_to_builtin(DELETE_OPTIONS))),
            answers: &[200],
            answer: components.reference_to_builtin(STATUS),
            produces: &ANSWER_TYPES,
        };
        name.put(components, &mut collection, operation);
    }
    insert_path(components, paths, base.clone(), collection, resource.namespaced, false);

    let item = item_operations(components, &resource.gvk, &resource.verbs, &reference, &name);
    insert_path(components, paths, format!("{base}/{{name}}"), item, resource.namespaced, true);

    if resource.namespaced && has("list") {
        let everywhere = Naming { version: &version, scope: "", kind: &resource.gvk.kind, suffix: "ForAllNamespaces" };
        let mut all = Map::new();
        everywhere.put(components, &mut all, list_operation(&resource.gvk, &list));
        insert_path(components, paths, format!("{root}/{}", resource.plural), all, false, false);
    }
    for subresource in &resource.subresources {
        add_subresource(components, resource, subresource, &base, &version, paths);
    }
}

fn add_subresource(
    components: &mut Components,
    resource: &Resource,
    subresource: &Subresource,
    base: &str,
    version: &GroupVersion,
    paths: &mut Map<String, Value>,
) {
    let suffix = capital(&subresource.name);
    let scope = if resource.namespaced { "Namespaced" } else { "" };
    let name = Naming { version, scope, kind: &resource.gvk.kind, suffix: &suffix };
    let gvk = subresource.gvk.as_ref().unwrap_or(&resource.gvk);
    let reference = match &subresource.gvk {
        None => components.reference(&resource.schema),
        Some(gvk) => {
            let types = crate::builtin();
            match types.find_kind(&gvk.api_version(), &gvk.kind) {
                Some(root) => components.reference(&crate::Schema { types: types.clone(), root }),
                None => json!({ "type": "string" }),
            }
        }
    };
    let connects = matches!(subresource.name.as_str(), "exec" | "attach" | "portforward" | "proxy" | "log");
    let mut item = Map::new();
    if connects {
        let action = if subresource.name == "log" { "get" } else { "connect" };
        for verb in &subresource.verbs {
            let method = match verb.as_str() {
                "create" => "post",
                "get" => "get",
                _ => continue,
            };
            let operation = Operation {
                method,
                action,
                id: match (action, method) {
                    ("get", _) => ("read", ""),
                    (_, "get") => ("connect", "Get"),
                    _ => ("connect", "Post"),
                },
                gvk,
                parameters: Vec::new(),
                body: None,
                answers: &[200],
                answer: json!({ "type": "string" }),
                produces: &["*/*"],
            };
            name.put(components, &mut item, operation);
        }
    } else {
        item = item_operations(components, gvk, &subresource.verbs, &reference, &name);
        if subresource.verbs.iter().any(|verb| verb == "create") {
            let operation = Operation {
                method: "post",
                action: "post",
                id: ("create", ""),
                gvk,
                parameters: WRITE.to_vec(),
                body: Some((vec!["*/*"], reference.clone())),
                answers: &[200, 201, 202],
                answer: reference,
                produces: &ANSWER_TYPES,
            };
            name.put(components, &mut item, operation);
        }
    }
    let path = format!("{base}/{{name}}/{}", subresource.name);
    insert_path(components, paths, path, item, resource.namespaced, true);
}

/// The operations on one object.
fn item_operations(
    components: &mut Components,
    gvk: &Gvk,
    verbs: &[String],
    reference: &Value,
    name: &Naming<'_>,
) -> Map<String, Value> {
    let mut out = Map::new();
    for verb in verbs {
        let operation = |method, action, id| Operation {
            method,
            action,
            id: (id, ""),
            gvk,
            parameters: Vec::new(),
            body: None,
            answers: &[200],
            answer: reference.clone(),
            produces: &ANSWER_TYPES,
        };
        let operation = match verb.as_str() {
            "get" => operation("get", "get", "read"),
            "update" => Operation {
                parameters: WRITE.to_vec(),
                body: Some((vec!["*/*"], reference.clone())),
                answers: &[200, 201],
                ..operation("put", "put", "replace")
            },
            "patch" => Operation {
                parameters: PATCH.to_vec(),
                body: Some((PATCH_TYPES.to_vec(), components.reference_to_patch())),
                answers: &[200, 201],
                ..operation("patch", "patch", "patch")
            },
            "delete" => Operation {
                parameters: DELETE.to_vec(),
                body: Some((vec!["*/*"], components.reference_to_builtin(DELETE_OPTIONS))),
                answers: &[200, 202],
                answer: components.reference_to_builtin(STATUS),
                ..operation("delete", "delete", "delete")
            },
            _ => continue,
        };
        name.put(components, &mut out, operation);
    }
    out
}

fn list_operation<'a>(gvk: &'a Gvk, list: &Value) -> Operation<'a> {
    Operation {
        method: "get",
        action: "list",
        id: ("list", ""),
        gvk,
        parameters: LIST.to_vec(),
        body: None,
        answers: &[200],
        answer: list.clone(),
        produces: &LIST_TYPES,
    }
}

/// The list kind of a resource, where there is one.
fn list_reference(components: &mut Components, resource: &Resource) -> Value {
    let name = format!("{}List", resource.schema.root().name);
    match resource.schema.types.find(&name) {
        Some(root) => components.reference(&crate::Schema { types: resource.schema.types.clone(), root }),
        None => json!({ "type": "object" }),
    }
}

fn insert_path(
    components: &Components,
    paths: &mut Map<String, Value>,
    path: String,
    mut operations: Map<String, Value>,
    namespaced: bool,
    named: bool,
) {
    if operations.is_empty() {
        return;
    }
    let mut parameters = Vec::new();
    for (wanted, name) in [(named, "name"), (namespaced, "namespace")] {
        if wanted {
            parameters.push(parameter(components.dialect, name, "path", "string"));
        }
    }
    parameters.push(parameter(components.dialect, "pretty", "query", "string"));
    operations.insert("parameters".to_owned(), Value::Array(parameters));
    paths.insert(path, Value::Object(operations));
}

fn parameter(dialect: Dialect, name: &str, place: &str, kind: &str) -> Value {
    let mut out = match dialect {
        Dialect::V2 => json!({ "name": name, "in": place, "type": kind, "uniqueItems": true }),
        Dialect::V3 => json!({ "name": name, "in": place, "schema": { "type": kind, "uniqueItems": true } }),
    };
    if place == "path" {
        out["required"] = json!(true);
    }
    out
}

/// How the operations of one path are named: `patchAppsV1NamespacedDeploymentStatus`.
struct Naming<'a> {
    version: &'a GroupVersion,
    scope: &'static str,
    kind: &'a str,
    suffix: &'a str,
}

impl Naming<'_> {
    fn put(&self, components: &Components, out: &mut Map<String, Value>, operation: Operation<'_>) {
        let method = operation.method.to_owned();
        let written = self.operation(components.dialect, operation);
        out.insert(method, written);
    }

    fn operation(&self, dialect: Dialect, operation: Operation<'_>) -> Value {
        let group = if self.version.group.is_empty() { "core" } else { self.version.group.as_str() };
        let (begin, middle) = operation.id;
        let (group_name, version) = (capital(&short_tag(group)), capital(&self.version.version));
        let id = format!("{begin}{group_name}{version}{middle}{}{}{}", self.scope, self.kind, self.suffix);
        let mut parameters: Vec<Value> =
            operation.parameters.iter().map(|(name, kind)| parameter(dialect, name, "query", kind)).collect();
        let types = operation.produces;
        let mut responses = Map::new();
        for code in operation.answers {
            let description = match code {
                200 => "OK",
                201 => "Created",
                _ => "Accepted",
            };
            let answer = match dialect {
                Dialect::V2 => json!({ "description": description, "schema": operation.answer }),
                Dialect::V3 => json!({ "description": description, "content": content(types, &operation.answer) }),
            };
            responses.insert(code.to_string(), answer);
        }
        responses.insert("401".to_owned(), json!({ "description": "Unauthorized" }));
        let mut out = json!({
            "tags": [format!("{}_{}", short_tag(group), self.version.version)],
            "operationId": id,
            "responses": responses,
            "x-kubernetes-action": operation.action,
            "x-kubernetes-group-version-kind":
                { "group": operation.gvk.group, "version": operation.gvk.version, "kind": operation.gvk.kind },
        });
        if let Some((body_types, schema)) = operation.body {
            // A deletion may come without options.
            let required = operation.method != "delete";
            match dialect {
                Dialect::V2 => {
                    let mut body = json!({ "name": "body", "in": "body", "schema": schema });
                    if required {
                        body["required"] = json!(true);
                    }
                    parameters.insert(0, body);
                    out["consumes"] = json!(body_types);
                }
                Dialect::V3 => {
                    out["requestBody"] = json!({ "content": content(&body_types, &schema) });
                    if required {
                        out["requestBody"]["required"] = json!(true);
                    }
                }
            }
        }
        if dialect == Dialect::V2 {
            out["produces"] = json!(types);
            out["schemes"] = json!(["https"]);
        }
        if !parameters.is_empty() {
            out["parameters"] = Value::Array(parameters);
        }
        out
    }
}

fn content(types: &[&str], schema: &Value) -> Value {
    Value::Object(types.iter().map(|name| ((*name).to_owned(), json!({ "schema": schema }))).collect())
}

/// `rbacAuthorization` for `rbac.authorization.k8s.io`, as upstream's tags have it.
fn short_tag(group: &str) -> String {
    let mut parts = group.trim_end_matches(".k8s.io").split('.');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &capital(part))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
