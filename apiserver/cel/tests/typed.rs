//! Expressions over JSON trees whose types are declared, as those of custom resources are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::sync::Arc;

use kubernel_cel::declare::{DeclField, DeclShape, DeclType, Object, Topology};
use kubernel_cel::value::{LazyFields, Map, from_typed_json, show};
use kubernel_cel::{Activation, Environment, EvalError, Type, Value};
use serde_json::{Value as Json, json};

fn ty(shape: DeclShape) -> Arc<DeclType> {
    Arc::new(DeclType::unbounded(shape, 0))
}

fn object(name: &str, fields: Vec<(&str, &str, DeclShape)>) -> DeclShape {
    let fields = fields
        .into_iter()
        .map(|(name, json, shape)| (name.into(), DeclField { json: json.into(), ty: ty(shape), required: false }));
    DeclShape::Object(Object { name: name.into(), fields: fields.collect() })
}

fn list(element: DeclShape, topology: Topology) -> DeclShape {
    DeclShape::List { element: ty(element), topology }
}

fn declared() -> Arc<DeclType> {
    let port =
        object("selfType.ports.@idx", vec![("name", "name", DeclShape::String), ("port", "port", DeclShape::Int)]);
    let texts = DeclShape::Map { key: ty(DeclShape::String), value: ty(DeclShape::String) };
    ty(object(
        "selfType",
        vec![
            ("replicas", "replicas", DeclShape::Int),
            ("ratio", "ratio", DeclShape::Double),
            ("target", "target", DeclShape::Dyn),
            ("at", "at", DeclShape::Timestamp),
            ("after", "after", DeclShape::Duration),
            ("data", "data", DeclShape::Bytes),
            ("nothing", "nothing", DeclShape::String),
            ("__namespace__", "namespace", DeclShape::String),
            ("a__dash__b", "a-b", DeclShape::String),
            ("labels", "labels", texts),
            ("set", "set", list(DeclShape::String, Topology::Set)),
            ("atoms", "atoms", list(DeclShape::String, Topology::Atomic)),
            ("known", "known", list(object("known", vec![("a", "a", DeclShape::Int)]), Topology::Atomic)),
            ("ports", "ports", list(port, Topology::Map(["name".into()].into()))),
        ],
    ))
}

fn tree() -> Json {
    json!({
        "replicas": 3, "ratio": 2, "target": "80%", "at": "2024-01-02T03:04:05Z", "after": "90m", "data": "aGk=",
        "nothing": null, "namespace": "ns", "a-b": "ab", "labels": {"app": "web"}, "set": ["a", "b"],
        "atoms": ["a", "b"], "known": [{"a": 1, "x!": 2}, {"a": 1, "x!": 3}, {"a": 1, "x!": 3}], "ports": [{"name": "x", "port": 1}, {"name": "y", "port": 2}],
    })
}

fn evaluate(text: &str) -> String {
    let declared = declared();
    let checked = match Environment::base().with_declared("self", &declared).compile(text) {
        Ok(checked) => checked,
        Err(issues) => return issues.issues[0].message.clone(),
    };
    let (program, tree) = (checked.program().unwrap(), tree());
    let variables = [("self", from_typed_json(&tree, Some(&declared)))];
    match program.evaluate(&variables, 1_000_000).value {
        Ok(value) => show(&value),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn by_declared_types() {
    for (text, expected) in [
        ("self.replicas + 1", "4"),
        ("self.ratio + 0.5", "2.5"),
        ("self.ratio + 1", "found no matching overload for '_+_' applied to '(double, int)'"),
        ("type(self.target) == string && self.target == '80%'", "true"),
        ("self.at.getFullYear()", "2024"),
        ("self.after == duration('1h30m')", "true"),
        ("self.data == b'hi'", "true"),
        ("has(self.nothing)", "false"),
        ("self.nothing", "! no such key: nothing"),
        ("self.__namespace__ + self.a__dash__b", "nsab"),
        ("self.namespace", "undefined field 'namespace'"),
        ("self.labels.app + self.labels['app']", "webweb"),
        ("self.labels.all(k, self.labels[k] == 'web')", "true"),
        ("self.labels.none", "! no such key: none"),
        ("self.?labels.other.orValue('-')", "-"),
        ("self.set == ['b', 'a']", "true"),
        // The list on the left says how lists are compared.
        ("['b', 'a'] == self.set", "false"),
        ("self.set == ['b', 'b']", "true"),
        ("self.atoms == ['b', 'a']", "false"),
        ("self.set + ['b', 'c'] == ['c', 'b', 'a']", "true"),
        ("(self.set + ['b', 'c']).size()", "3"),
        ("self.ports == self.ports + self.ports", "true"),
        ("self.ports[1].port + self.ports.map(p, p.port)[0]", "3"),
        ("self.known[0] == self.known[1]", "false"),
        ("self.known[1] == self.known[2]", "true"),
        ("'a' in self.set && !('c' in self.set)", "true"),
        // A null field is absent, and so not equal to itself.
        ("self == self", "false"),
        ("type(self) == map", "true"),
        ("self.ports.exists_one(p, p.name == 'x' && p.port == 1)", "true"),
        ("self.ports.filter(p, p.port > 1).size()", "1"),
    ] {
        assert_eq!(evaluate(text), expected, "{text}");
    }
}

/// Variables that are computed when an expression asks for them.
#[derive(Debug)]
struct Computed;

impl LazyFields for Computed {
    fn field(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        match name {
            "five" => Some(Ok(Value::Int(5))),
            "broken" => Some(Err(EvalError::new("broken"))),
            _ => None,
        }
    }

    fn names(&self) -> Vec<&str> {
        vec!["five", "broken"]
    }
}

struct Variables(Computed);

impl Activation for Variables {
    fn resolve(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        (name == "variables").then(|| Ok(Value::Map(Map::Lazy(&self.0))))
    }
}

#[test]
fn variables_that_are_computed() {
    let fields =
        object("kubernetes.variables", vec![("five", "five", DeclShape::Int), ("broken", "broken", DeclShape::Int)]);
    let environment = Environment::base().with_declared("variables", &ty(fields)).with_variable("missing", Type::Int);
    for (text, expected) in [
        ("variables.five + 1", Ok("6")),
        ("variables.five == 5 || variables.broken == 1", Ok("true")),
        ("variables.broken", Err("broken")),
        ("missing", Err("no such attribute(s): missing")),
    ] {
        let program = environment.compile(text).unwrap().program().unwrap();
        let variables = Variables(Computed);
        let value = program.evaluate(&variables, 100).value;
        let actual = value.map(|value| show(&value)).map_err(|error| error.to_string());
        assert_eq!(actual.as_deref().map_err(String::as_str), expected, "{text}");
    }
}
