//! The expressions of admission: what compiles, what is seen, what is spent, and what type checking says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use kubernel_cel::admission::typed::{self, Kind};
use kubernel_cel::admission::{
    Bindings, Budget, Compiler, Features, POLICY_COST_MAX, Purpose, Scope, check_type_names,
};
use kubernel_cel::value::from_json;
use kubernel_schema::{Schema, builtin};
use serde_json::{Value as Json, json};

const ALL: Features = Features { params: true, patches: true };

fn scope_value(variables: &[(&str, &str)], expression: &str, purpose: Purpose, budget: u64) -> Result<Json, String> {
    let mut compiler = Compiler::new(ALL);
    let variables: Vec<_> =
        variables.iter().map(|(name, text)| ((*name).to_owned(), compiler.variable(name, text))).collect();
    let object = json!({ "metadata": { "name": "a", "labels": { "x": "1" } }, "spec": { "replicas": 3 } });
    let params = json!({ "data": { "max": "5" } });
    let bindings =
        Bindings { object: Some(from_json(&object)), params: Some(from_json(&params)), ..Bindings::default() };
    let scope = Scope::new(bindings, &variables);
    let compiled = compiler.compile(expression, purpose);
    let value = scope.evaluate(&compiled, &mut Budget::new(budget)).map_err(|spent| spent.to_string())??;
    check_type_names(&value)?;
    Ok(value.to_json().unwrap_or_default())
}

#[test]
fn what_compiles_for_which_purpose() {
    let refused = |text: &str, purpose: Purpose| Compiler::new(Features::default()).compile(text, purpose).err();
    let rows = [
        ("object.spec.replicas < 3", Purpose::Condition, None),
        ("object.spec.flag", Purpose::Condition, Some("must evaluate to bool but got dyn")),
        ("1", Purpose::Message, Some("must evaluate to string but got int")),
        ("[1]", Purpose::Audit, Some("must evaluate to one of [string null_type] but got list(int)")),
        ("null", Purpose::Audit, None),
        ("authorizer.path('/healthz').check('get').allowed()", Purpose::Condition, None),
        ("request.kind.group == 'apps' && namespaceObject.metadata.name == 'x'", Purpose::Condition, None),
    ];
    for (text, purpose, expected) in rows {
        assert_eq!(refused(text, purpose).as_deref(), expected, "{text}");
    }
    for (text, purpose) in [("params.x", Purpose::Variable), ("authorizer.group('')", Purpose::Message)] {
        assert!(refused(text, purpose).unwrap().contains("undeclared reference to"), "{text}");
    }
}

#[test]
fn variables_are_worked_out_when_asked_for() {
    let rows = [
        (vec![("max", "int(params.data.max)")], "object.spec.replicas <= variables.max", Ok(json!(true))),
        (vec![("a", "1"), ("b", "variables.a + 1")], "variables.b == 2", Ok(json!(true))),
        (vec![("bad", "object.spec.nothing")], "true || variables.bad == 1", Ok(json!(true))),
        (
            vec![("bad", "object.spec.nothing")],
            "variables.bad == 1",
            Err(
                "expression 'variables.bad == 1' resulted in error: composited variable \"bad\" fails to evaluate: no such \
                 key: nothing",
            ),
        ),
    ];
    for (variables, text, expected) in rows {
        let found = scope_value(&variables, text, Purpose::Condition, POLICY_COST_MAX);
        assert_eq!(found, expected.map_err(str::to_owned), "{text}");
    }
}

#[test]
fn variables_are_charged_to_the_budget() {
    let costly = vec![("list", "[1, 2, 3, 4, 5, 6, 7, 8, 9].map(x, x * 2)")];
    let spent = "validation failed due to running out of cost budget, no further validation rules will be run";
    assert_eq!(scope_value(&costly, "variables.list.size() == 9", Purpose::Condition, 10), Err(spent.to_owned()));
}

#[test]
fn patches_are_made() {
    let made = |text: &str, purpose: Purpose| scope_value(&[], text, purpose, POLICY_COST_MAX);
    assert_eq!(
        made("Object{metadata: Object.metadata{labels: {'a.b/c': object.metadata.name}}}", Purpose::Apply),
        Ok(json!({ "metadata": { "labels": { "a.b/c": "a" } } }))
    );
    assert_eq!(
        made(
            "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'x'}], ?y: optional.none()}}",
            Purpose::Apply
        ),
        Ok(json!({ "spec": { "containers": [{ "name": "x" }] } }))
    );
    assert_eq!(
        made("Object{spec: Object.other{}}", Purpose::Apply),
        Err(
            "unexpected type name \"Object.other\", expected \"Object.spec\", which matches field name path from root \
             Object type"
                .to_owned()
        )
    );
    assert_eq!(
        made(
            "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b~c'), value: {'x': 1}}]",
            Purpose::JsonPatch
        ),
        Ok(json!([{ "op": "add", "path": "/metadata/labels/a~1b~0c", "value": { "x": 1 } }]))
    );
}

#[test]
fn expressions_are_checked_against_types() {
    let types = builtin();
    let kind = |definition: &str, name: &str| {
        let root = types.find(definition).unwrap();
        Kind { name: name.to_owned(), ty: typed::of_schema(&Schema { types: types.clone(), root }) }
    };
    let deployment = kind("io.k8s.api.apps.v1.Deployment", "apps/v1, Kind=Deployment");
    let pod = kind("io.k8s.api.core.v1.Pod", "/v1, Kind=Pod");
    let spec = json!({
        "variables": [{ "name": "n", "expression": "object.spec.replicas" }],
        "validations": [
            { "expression": "object.spec.replicas > 1 && object.metadata.creationTimestamp < timestamp('2030-01-01T00:00:00Z')" },
            { "expression": "object.foo == 1" },
            { "expression": "variables.n == 1", "messageExpression": "variables.n" },
            { "expression": "object.metadata.labels.exists(k, k == 'a') && object.spec.template.spec.containers.all(c, c.image != '')" },
        ],
    });
    let warnings = typed::warnings(&spec, std::slice::from_ref(&deployment), None);
    let foo = "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'foo'\n | object.foo == 1\n | ......^\n";
    assert_eq!(warnings, [typed::Warning { field: "spec.validations[1].expression".to_owned(), text: foo.to_owned() }]);
    let of_both = typed::warnings(&spec, &[pod, deployment], None);
    assert_eq!(of_both.len(), 3);
    assert!(
        of_both[1].text.starts_with("/v1, Kind=Pod: ERROR")
            && of_both[1].text.contains("\n\napps/v1, Kind=Deployment: ")
    );
}
