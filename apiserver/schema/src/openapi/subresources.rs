//! The paths of subresources: parts of an object, questions about it, and what one connects to.

use serde_json::{Value, json};

use super::components::Components;
use super::operation::{Operation, capital};
use super::parameters::{self, LOG};
use super::paths::Place;
use super::{Resource, Subresource};

const ANY: &[&str] = &["*/*"];
const LOG_TYPES: &[&str] =
    &["text/plain", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const PROXY_METHODS: &[&str] = &["delete", "get", "head", "options", "patch", "post", "put"];
const STREAM_METHODS: &[&str] = &["get", "post"];

/// The paths of a subresource at `path`, with their operations.
pub(super) fn operations<'a>(
    components: &mut Components,
    resource: &Resource,
    subresource: &Subresource,
    place: Place<'a>,
    path: String,
) -> Vec<(String, Vec<Operation<'a>>)> {
    match subresource.name.as_str() {
        "attach" | "exec" | "portforward" => vec![(path, connections(&place, &subresource.name, STREAM_METHODS))],
        "proxy" => {
            let whole = connections(&place, "proxy", PROXY_METHODS);
            let mut below = place;
            below.suffix.push_str("WithPath");
            below.words.push(parameters::path("path"));
            let part = connections(&below, "proxy", PROXY_METHODS);
            vec![(format!("{path}/{{path}}"), part), (path, whole)]
        }
        "log" => vec![(path, vec![log(&place)])],
        _ => {
            let object = match &subresource.gvk {
                None => components.reference_to_kind(resource),
                Some(gvk) => components.reference_to_builtin_kind(gvk),
            };
            let mut operations = place.on_object(components, &subresource.verbs, &object, false);
            if subresource.verbs.iter().any(|verb| verb == "create") {
                operations.push(place.create(&object));
            }
            vec![(path, operations)]
        }
    }
}

/// The operations by which a client connects to something behind the server.
fn connections<'a>(place: &Place<'a>, subresource: &str, methods: &[&'static str]) -> Vec<Operation<'a>> {
    let connection = |method: &&'static str| Operation {
        parameters: [place.words.as_slice(), parameters::of_connection(subresource)].concat(),
        consumes: ANY,
        produces: ANY,
        answer: text(),
        ..place.operation(method, "connect", ["connect", &capital(method)])
    };
    methods.iter().map(connection).collect()
}

fn log<'a>(place: &Place<'a>) -> Operation<'a> {
    let operation = place.operation("get", "get", ["read", ""]);
    let parameters = [place.words.as_slice(), LOG].concat();
    Operation { parameters, produces: LOG_TYPES, answer: text(), ..operation }
}

fn text() -> Value {
    json!({ "type": "string" })
}
