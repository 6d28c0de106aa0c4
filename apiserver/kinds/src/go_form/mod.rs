//! Objects as upstream's internal Go structs print: what its messages show of values and of what changed.
//!
//! Internal structs have no JSON tags: Go's own field names, every field, in the order of the declaration. What the
//! schema tables say (order, which fields are pointers) holds for them too, but for what [`names`] lists. A change is
//! shown as a unified diff of the two texts ([`diff`]).

mod diff;
mod names;

use kubernel_meta::field::{self, Error, Path};
use kubernel_schema::{Field, ListShape, Presence, Shape, Struct, Types};
use serde_json::{Map, Value, json};

use names::Spelling;

/// A value in Go's order.
enum Node {
    /// A scalar as JSON.
    Leaf(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// The definition of selectors by labels.
pub const LABEL_SELECTOR: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector";

/// The value of the struct of this definition name in one line, as `Invalid value:` shows it.
pub fn compact(definition: &str, value: &Value) -> String {
    let mut out = String::new();
    write_compact(&node(definition, value), &mut out);
    out
}

/// The error about a struct of this definition name.
pub fn invalid(path: &Path, definition: &str, value: &Value, detail: impl Into<String>) -> Error {
    path.invalid(value.clone(), detail).shown_as(compact(definition, value))
}

/// The error about a list of such structs.
pub fn invalid_list(path: &Path, definition: &str, items: &[Value], detail: impl Into<String>) -> Error {
    let nodes = items.iter().map(|item| node(definition, item)).collect();
    let mut shown = String::new();
    write_compact(&Node::List(nodes), &mut shown);
    path.invalid(items.to_vec(), detail).shown_as(shown)
}

/// What changes from `old` to `new`, as a unified diff.
pub fn changes(definition: &str, old: &Value, new: &Value) -> String {
    diff::unified(&pretty(definition, old), &pretty(definition, new))
}

/// The same for some fields of the struct, in the order given: those of a struct that is embedded in it.
pub fn field_changes(definition: &str, fields: &[&str], old: &Value, new: &Value) -> String {
    let shown = |value: &Value| shown(&fields_node(definition, fields, value));
    diff::unified(&shown(old), &shown(new))
}

fn pretty(definition: &str, value: &Value) -> String {
    shown(&node(definition, value))
}

fn shown(node: &Node) -> String {
    let mut out = String::new();
    write_pretty(node, 0, &mut out);
    out
}

fn fields_node(definition: &str, fields: &[&str], value: &Value) -> Node {
    let types = kubernel_schema::builtin();
    let Some(item) = types.find(definition).map(|id| types.get(id)) else { return plain(value) };
    let chosen = fields.iter().filter_map(|name| item.fields.iter().find(|field| &*field.name == *name));
    Node::Map(chosen.filter_map(|field| field_entries(types, short_name(item), field, value)).flatten().collect())
}

fn node(definition: &str, value: &Value) -> Node {
    let types = kubernel_schema::builtin();
    match types.find(definition) {
        Some(id) => struct_node(types, types.get(id), value),
        None => plain(value),
    }
}

fn short_name(item: &Struct) -> &str {
    item.name.rsplit('.').next().unwrap_or_default()
}

fn struct_node(types: &Types, item: &Struct, value: &Value) -> Node {
    let short = short_name(item);
    if item.name.starts_with("io.k8s.apimachinery.") {
        return Node::Map(tagged(types, item, value));
    }
    let fields = item.fields.iter();
    let mut entries: Vec<(&str, Vec<(String, Node)>)> =
        fields.filter_map(|field| Some((&*field.name, field_entries(types, short, field, value)?))).collect();
    if short == "PodSpec" {
        move_host_fields(value, &mut entries);
    }
    names::arrange(short, &mut entries);
    Node::Map(entries.into_iter().flat_map(|(_, shown)| shown).collect())
}

/// What a field of a struct shows: itself, or the fields of the struct that is embedded there.
fn field_entries(types: &Types, short: &str, field: &Field, value: &Value) -> Option<Vec<(String, Node)>> {
    let inner = value.get(&*field.name).filter(|inner| !inner.is_null());
    match names::spelling(short, &field.name) {
        Spelling::Absent => None,
        Spelling::Inlined => {
            let Shape::Struct(id) = &field.shape else { return None };
            Some(tagged(types, types.get(*id), inner.unwrap_or(&Value::Null)))
        }
        Spelling::Named(name) => {
            let by_value = !matches!(field.presence, Presence::Pointer | Presence::NullPointer);
            Some(vec![(name, shape_node(types, &field.shape, inner, by_value))])
        }
    }
}

/// Internally the Pod's security context holds what v1 has beside it.
fn move_host_fields(spec: &Value, entries: &mut [(&str, Vec<(String, Node)>)]) {
    let Some((_, shown)) = entries.iter_mut().find(|(name, _)| *name == "securityContext") else { return };
    let Some((_, Node::Map(fields))) = shown.first_mut() else { return };
    let flag = |field: &str| Node::Leaf(json!(spec.get(field) == Some(&Value::Bool(true))).to_string());
    let optional = |field: &str| Node::Leaf(spec.get(field).unwrap_or(&Value::Null).to_string());
    let moved = [
        ("HostNetwork", flag("hostNetwork")),
        ("HostPID", flag("hostPID")),
        ("HostIPC", flag("hostIPC")),
        ("ShareProcessNamespace", optional("shareProcessNamespace")),
        ("HostUsers", optional("hostUsers")),
    ];
    fields.splice(0..0, moved.map(|(name, node)| (name.to_owned(), node)));
}

/// The types of apimachinery keep their JSON tags: names as in JSON, and what is empty is left out.
fn tagged(types: &Types, item: &Struct, value: &Value) -> Vec<(String, Node)> {
    let present = item.fields.iter().filter_map(|field| {
        let inner = value.get(&*field.name).filter(|inner| !inner.is_null())?;
        Some((field.name.to_string(), shape_node(types, &field.shape, Some(inner), true)))
    });
    present.collect()
}

fn shape_node(types: &Types, shape: &Shape, value: Option<&Value>, by_value: bool) -> Node {
    match (shape, value) {
        (Shape::Struct(id), Some(value)) => struct_node(types, types.get(*id), value),
        (Shape::Struct(id), None) if by_value => struct_node(types, types.get(*id), &Value::Null),
        (Shape::List(list), Some(Value::Array(items))) => Node::List(list_nodes(types, list, items)),
        (Shape::Map(map), Some(Value::Object(entries))) => {
            let entry =
                |(key, value): (&String, &Value)| (key.clone(), shape_node(types, &map.value, Some(value), true));
            Node::Map(entries.iter().map(entry).collect())
        }
        (_, Some(value)) => plain(value),
        (Shape::Bool, None) if by_value => Node::Leaf("false".to_owned()),
        (Shape::Int32 | Shape::Int64 | Shape::Double | Shape::IntOrString, None) if by_value => {
            Node::Leaf("0".to_owned())
        }
        (Shape::Text, None) if by_value => Node::Leaf("\"\"".to_owned()),
        (Shape::Quantity, None) if by_value => Node::Leaf("\"0\"".to_owned()),
        (_, None) => Node::Leaf("null".to_owned()),
    }
}

fn list_nodes(types: &Types, list: &ListShape, items: &[Value]) -> Vec<Node> {
    items.iter().map(|item| shape_node(types, &list.item, Some(item), true)).collect()
}

fn plain(value: &Value) -> Node {
    match value {
        Value::Array(items) => Node::List(items.iter().map(plain).collect()),
        Value::Object(map) => Node::Map(entries(map)),
        scalar => Node::Leaf(field::html_safe(&scalar.to_string())),
    }
}

fn entries(map: &Map<String, Value>) -> Vec<(String, Node)> {
    map.iter().map(|(key, value)| (key.clone(), plain(value))).collect()
}

fn quoted(key: &str) -> String {
    field::html_safe(&Value::from(key).to_string())
}

fn write_compact(node: &Node, out: &mut String) {
    match node {
        Node::Leaf(text) => out.push_str(text),
        Node::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_compact(item, out);
            }
            out.push(']');
        }
        Node::Map(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(&quoted(key));
                out.push(':');
                write_compact(value, out);
            }
            out.push('}');
        }
    }
}

fn write_pretty(node: &Node, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&" ".repeat(depth));
    };
    match node {
        Node::Leaf(text) => out.push_str(text),
        Node::List(items) if items.is_empty() => out.push_str("[]"),
        Node::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Node::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(depth + 1, out);
                write_pretty(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Node::Map(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                line(depth + 1, out);
                out.push_str(&quoted(key));
                out.push_str(": ");
                write_pretty(value, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
    }
}
