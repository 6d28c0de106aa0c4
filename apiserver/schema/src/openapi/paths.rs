//! The paths of a resource: which operations each has, what they take and answer.

use kubernel_meta::{GroupVersion, Gvk};
use serde_json::{Map, Value};

use super::components::Components;
use super::operation::{Body, Operation, capital, group_name, path_item, tag};
use super::parameters::{self, DELETE, FORCE, PRETTY, Parameter, SELECT, VERSION, WATCH, WRITE};
use super::{META, Resource, subresources};

/// What clients may send and get, of built-in kinds and of custom resources.
const ANY: &[&str] = &["*/*"];
const BUILTIN_TYPES: &[&str] = &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const CUSTOM_TYPES: &[&str] = &["application/json", "application/yaml"];
const LIST_TYPES: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];
const BUILTIN_PATCHES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];
const CUSTOM_PATCHES: &[&str] =
    &["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

/// What the operations on one path have in common.
pub(super) struct Place<'a> {
    pub(super) version: &'a GroupVersion,
    /// Whether the path has a namespace, which the operations' names say.
    pub(super) namespaced: bool,
    /// The kind that names the operations.
    pub(super) named_for: &'a str,
    /// How the operations' names end.
    pub(super) suffix: String,
    /// The kind that requests and answers carry.
    pub(super) gvk: &'a Gvk,
    pub(super) custom: bool,
    /// The words of the path that are parameters.
    pub(super) words: Vec<Parameter>,
}

/// `/api/v1`, `/apis/apps/v1`.
pub(super) fn root(version: &GroupVersion) -> String {
    if version.group.is_empty() { format!("/api/{version}") } else { format!("/apis/{version}") }
}

/// Adds the paths of a resource and of its subresources.
pub(super) fn add(components: &mut Components, resource: &Resource, paths: &mut Map<String, Value>) {
    let version = GroupVersion::new(resource.gvk.group.as_str(), resource.gvk.version.as_str());
    let (root, plural) = (root(&version), &resource.plural);
    let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
    let base = format!("{root}{scope}/{plural}");
    let has = |verb: &str| resource.verbs.iter().any(|v| v == verb);
    let object = components.reference_to_kind(resource);
    let list = components.reference_to_list(resource);
    let place = |namespaced: bool, named: bool, suffix: &'static str| Place {
        version: &version,
        namespaced,
        named_for: &resource.gvk.kind,
        suffix: suffix.to_owned(),
        gvk: &resource.gvk,
        custom: resource.is_custom(),
        words: words(namespaced, named),
    };
    let mut add = |components: &mut Components, path: String, operations: Vec<Operation<'_>>| {
        if !operations.is_empty() {
            paths.insert(path, path_item(components, operations));
        }
    };

    let of_scope = place(resource.namespaced, false, "");
    let mut operations = Vec::new();
    if has("list") {
        operations.push(of_scope.list(&list));
    }
    if has("create") {
        operations.push(of_scope.create(&object));
    }
    if has("deletecollection") {
        operations.push(of_scope.delete_collection(components));
    }
    add(components, base.clone(), operations);

    let of_object = place(resource.namespaced, true, "");
    let operations = of_object.on_object(components, &resource.verbs, &object, resource.deletion_shows_object);
    add(components, format!("{base}/{{name}}"), operations);

    if resource.namespaced && has("list") {
        let operation = place(false, false, "ForAllNamespaces").list(&list);
        add(components, format!("{root}/{plural}"), vec![operation]);
    }
    if has("watch") && !resource.is_custom() {
        let event = components.reference_to_builtin(&format!("{META}.WatchEvent"));
        let watched = format!("{root}/watch{scope}/{plural}");
        let operation = place(resource.namespaced, false, "List").watch("watchlist", &event);
        add(components, watched.clone(), vec![operation]);
        add(components, format!("{watched}/{{name}}"), vec![of_object.watch("watch", &event)]);
        if resource.namespaced {
            let operation = place(false, false, "ListForAllNamespaces").watch("watchlist", &event);
            add(components, format!("{root}/watch/{plural}"), vec![operation]);
        }
    }
    for subresource in &resource.subresources {
        let gvk = subresource.gvk.as_ref().unwrap_or(&resource.gvk);
        let place = Place { suffix: capital(&subresource.name), gvk, ..place(resource.namespaced, true, "") };
        let path = format!("{base}/{{name}}/{}", subresource.name);
        for (path, operations) in subresources::operations(components, resource, subresource, place, path) {
            add(components, path, operations);
        }
    }
}

fn words(namespaced: bool, named: bool) -> Vec<Parameter> {
    let words = [(named, "name"), (namespaced, "namespace")];
    words.into_iter().filter(|(has, _)| *has).map(|(_, name)| parameters::path(name)).collect()
}

impl<'a> Place<'a> {
    /// An operation without a body whose id begins with this: `patch` and then group, version, this place's kind.
    pub(super) fn operation(&self, method: &'static str, action: &'static str, id: [&str; 2]) -> Operation<'a> {
        let [begin, middle] = id;
        let (group, version) = (capital(&group_name(&self.version.group)), capital(&self.version.version));
        let scope = if self.namespaced { "Namespaced" } else { "" };
        let (kind, suffix) = (self.named_for, &self.suffix);
        Operation {
            method,
            id: format!("{begin}{group}{version}{middle}{scope}{kind}{suffix}"),
            tag: tag(self.version),
            about: Some((action, self.gvk)),
            parameters: [self.words.as_slice(), PRETTY].concat(),
            body: None,
            consumes: if self.custom { CUSTOM_TYPES } else { ANY },
            produces: self.types(),
            codes: &[200],
            answer: Value::Null,
        }
    }

    /// The content types of an object.
    pub(super) fn types(&self) -> &'static [&'static str] {
        if self.custom { CUSTOM_TYPES } else { BUILTIN_TYPES }
    }

    fn list(&self, list: &Value) -> Operation<'a> {
        let operation = self.operation("get", "list", ["list", ""]);
        Operation {
            produces: if self.custom { CUSTOM_TYPES } else { LIST_TYPES },
            answer: list.clone(),
            ..operation.with(&[SELECT, WATCH])
        }
    }

    fn watch(&self, action: &'static str, event: &Value) -> Operation<'a> {
        let operation = self.operation("get", action, ["watch", ""]);
        Operation { produces: LIST_TYPES, answer: event.clone(), ..operation.with(&[SELECT, WATCH]) }
    }

    /// A POST of an object.
    pub(super) fn create(&self, object: &Value) -> Operation<'a> {
        let operation = self.operation("post", "post", ["create", ""]).with(&[WRITE]);
        Operation { body: Some(Body::of(object)), codes: &[200, 201, 202], answer: object.clone(), ..operation }
    }

    fn delete_collection(&self, components: &mut Components) -> Operation<'a> {
        let operation = self.operation("delete", "deletecollection", ["delete", "Collection"]);
        Operation {
            body: Some(delete_options(components)),
            answer: components.reference_to_builtin(&format!("{META}.Status")),
            ..operation.with(&[DELETE, SELECT])
        }
    }

    /// The operations on one object that these verbs stand for.
    pub(super) fn on_object(
        &self,
        components: &mut Components,
        verbs: &[String],
        object: &Value,
        deletion_shows_object: bool,
    ) -> Vec<Operation<'a>> {
        let answered = |operation: Operation<'a>| Operation { answer: object.clone(), ..operation };
        let operation = |verb: &String| {
            Some(match verb.as_str() {
                "get" => {
                    let version = if self.custom { VERSION } else { &[] };
                    answered(self.operation("get", "get", ["read", ""]).with(&[version]))
                }
                "update" => Operation {
                    body: Some(Body::of(object)),
                    codes: &[200, 201],
                    ..answered(self.operation("put", "put", ["replace", ""]).with(&[WRITE]))
                },
                "patch" => Operation {
                    body: Some(Body { schema: components.reference_to_patch(), required: true, shared: true }),
                    consumes: if self.custom { CUSTOM_PATCHES } else { BUILTIN_PATCHES },
                    codes: if self.custom { &[200] } else { &[200, 201] },
                    ..answered(self.operation("patch", "patch", ["patch", ""]).with(&[WRITE, FORCE]))
                },
                "delete" => {
                    let status = components.reference_to_builtin(&format!("{META}.Status"));
                    Operation {
                        body: Some(delete_options(components)),
                        codes: &[200, 202],
                        answer: if deletion_shows_object { object.clone() } else { status },
                        ..self.operation("delete", "delete", ["delete", ""]).with(&[DELETE])
                    }
                }
                _ => return None,
            })
        };
        verbs.iter().filter_map(operation).collect()
    }
}

impl Operation<'_> {
    fn with(mut self, parameters: &[&[Parameter]]) -> Self {
        self.parameters.extend(parameters.concat());
        self
    }
}

impl Body {
    /// An object, which must come.
    pub(super) fn of(object: &Value) -> Self {
        Self { schema: object.clone(), required: true, shared: false }
    }
}

/// A deletion may come without options.
fn delete_options(components: &mut Components) -> Body {
    let schema = components.reference_to_builtin(&format!("{META}.DeleteOptions"));
    Body { schema, required: false, shared: true }
}
