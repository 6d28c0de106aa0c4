//! What expressions cost, estimated and charged: facts of cel-go's tests (with the presence of fields at no cost, and
//! constants folded, as in Kubernetes).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::sync::Arc;

use kubernel_cel::cost::{DeclSizes, Range, SizeEstimator};
use kubernel_cel::declare::{DeclField, DeclShape, DeclType, Object};
use kubernel_cel::value::from_json;
use kubernel_cel::{Environment, EvalError, Type, Value};
use serde_json::{Value as Json, json};

/// The greatest sizes of paths.
type Sizes = &'static [(&'static str, u64)];

struct Hints(Sizes);

impl SizeEstimator for Hints {
    fn size(&self, path: &[&str]) -> Option<Range> {
        let path = path.join(".");
        self.0.iter().find(|(known, _)| *known == path).map(|(_, max)| Range { min: 0, max: *max })
    }
}

fn environment() -> Environment {
    let (text, list) = (Type::String, Type::list(Type::Int));
    let map = Type::map(Type::String, Type::map(Type::String, Type::Int));
    [
        ("text", text.clone()),
        ("text2", text),
        ("data", Type::Bytes),
        ("list", list.clone()),
        ("list2", list.clone()),
        ("lists", Type::list(list)),
        ("texts", Type::list(Type::String)),
        ("map", map.clone()),
        ("maps", Type::map(Type::String, map)),
        ("x", Type::Int),
        ("a", Type::Bool),
        ("b", Type::Bool),
        ("any", Type::Dyn),
        ("time", Type::Timestamp),
    ]
    .into_iter()
    .fold(Environment::base(), |environment, (name, ty)| environment.with_variable(name, ty))
}

#[test]
fn estimated() {
    const UNBOUNDED: u64 = u64::MAX;
    let rows: &[(&str, Sizes, (u64, u64))] = &[
        ("'Hello World!'", &[], (0, 0)),
        ("list", &[], (1, 1)),
        ("map['key']", &[], (2, 2)),
        ("map.key", &[], (2, 2)),
        ("list[0]", &[], (2, 2)),
        ("has(map.key)", &[], (1, 1)),
        ("has(map.key.other)", &[], (2, 2)),
        ("time.getFullYear()", &[], (2, 2)),
        ("[1, 2, 3]", &[], (10, 10)),
        ("{'a': 1, 'b': 2}", &[], (30, 30)),
        ("list.all(y, true)", &[("list", 100)], (2, 302)),
        ("lists.all(y, y.all(z, true))", &[("lists", 50), ("lists.@items", 10)], (2, 1752)),
        ("[1, 2, 3].all(y, true)", &[], (20, 20)),
        ("text.matches('[0-9]')", &[("text", 500)], (3, 103)),
        ("'123'.matches('[0-9]')", &[], (2, 2)),
        ("true || false", &[], (0, 0)),
        ("a && b || a", &[], (1, 3)),
        ("1 < 2", &[], (1, 1)),
        ("1 == 2", &[], (1, 1)),
        ("2 in [1, 2, 3]", &[], (13, 13)),
        ("1 + 1", &[], (1, 1)),
        ("true ? 1 : 2", &[], (0, 0)),
        ("a ? x : x + x", &[], (2, 4)),
        ("size('123')", &[], (1, 1)),
        ("string(data)", &[("data", 500)], (1, 51)),
        ("bytes(text)", &[("text", 500)], (1, 51)),
        ("string(1)", &[], (1, 1)),
        ("text.contains(text2)", &[("text", 500), ("text2", 500)], (2, 2502)),
        ("text.startsWith(text2)", &[("text2", 500)], (2, 52)),
        ("text.size()", &[], (2, 2)),
        ("(x > 2 ? list : list2).all(y, true)", &[("list", 1), ("list2", 1)], (4, 7)),
        ("map.all(k, map[k].size() > 3)", &[("map", 10)], (2, 82)),
        ("maps.all(k, maps[k].all(z, true))", &[("maps", 5), ("maps.@values", 10)], (2, 187)),
        ("map.all(k, k.contains(k))", &[("map", 5), ("map.@keys", 10)], (2, 32)),
        ("(list + list2).all(y, true)", &[("list", 10), ("list2", 10)], (4, 64)),
        ("'abcdefg'.contains(text + text2)", &[("text", 10), ("text2", 10)], (2, 6)),
        ("text == 'abc'", &[], (2, 2)),
        ("text == text2", &[("text", 100), ("text2", 40)], (3, 6)),
        ("text < text2", &[], (3, 1844674407370955266)),
        ("list.map(y, y + 1)", &[("list", 10)], (12, 152)),
        ("list.filter(y, y > 1)", &[("list", 10)], (12, 162)),
        ("texts.exists(t, t == 'a')", &[("texts", 10), ("texts.@items", 20)], (2, 62)),
        ("texts.all(t, t.startsWith('a'))", &[("texts", 10), ("texts.@items", 20)], (2, 52)),
        ("list.all(y, true)", &[], (2, UNBOUNDED)),
        ("list.all(i, v, i > v)", &[("list", 10)], (2, 62)),
        ("[text, text2].map(t, t + t).exists(t, t == 'abc')", &[("text", 10), ("text2", 10)], (60, 68)),
    ];
    let mut wrong = Vec::new();
    for (text, hints, (min, max)) in rows {
        let checked = environment().compile(text).unwrap();
        let actual = checked.cost(&Hints(hints));
        if actual != (Range { min: *min, max: *max }) {
            wrong.push(format!("{text}: ({}, {}), not ({min}, {max})", actual.min, actual.max));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn charged() {
    let long = "x".repeat(500);
    let variables = json!({
        "text": long, "text2": long, "list": [1, 2], "list2": [3], "lists": [[1], [2, 3]], "texts": ["a", "b"],
        "map": {"key": {"other": 1}}, "maps": {}, "x": 1, "a": true, "b": false,
        "any": {"name": "n", "items": [{"name": "a"}]},
    });
    let rows = [
        ("'Hello World!'", 0),
        ("list", 1),
        ("map['key']", 2),
        ("list[0]", 2),
        ("map['ke' + 'y']", 3),
        ("list[3 - 3]", 3),
        ("list[x]", 2),
        ("list[lists[0][0]]", 4),
        ("has(map.key)", 1),
        ("has(map.key.other)", 2),
        ("any.?name.orValue('x')", 2),
        ("[1, 2, 3]", 0),
        ("[x, 2, 3]", 11),
        ("{'a': x}", 31),
        ("list.all(y, true)", 8),
        ("lists.all(y, y.all(z, true))", 21),
        ("[1, 2, 3].all(y, true)", 10),
        ("text.matches('[0-9]')", 103),
        ("'123'.matches('[0-9]')", 2),
        ("false || false", 0),
        ("b || b || b || b", 4),
        ("a && a && a && a", 4),
        ("a || b", 1),
        ("1 == 2", 1),
        ("x in [1, 2, 3]", 1),
        ("x in list", 4),
        ("size('123')", 1),
        ("'12345678901234567890' == '123456789012345678901234567890'", 2),
        ("bytes(text)", 51),
        ("string(1)", 0),
        ("string(x)", 2),
        ("text.contains(text2)", 2502),
        ("'idc'.startsWith(text2)", 2),
        ("(x > 2 ? list : list2).all(y, true)", 6),
        ("(x > 2 ? list : list2)[0]", 3),
        ("true ? false : 1 > 3", 0),
        ("false ? false : 1 > 3", 1),
        ("map.all(k, map[k].other > 3)", 9),
        ("any.items.all(i, i.name == 'a')", 9),
        ("list.map(y, y + 1)", 30),
        ("list.filter(y, y > 1)", 19),
        ("list + list2 == [1, 2, 3]", 4),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in rows {
        let program = environment().compile(text).unwrap().program().unwrap();
        let activation: Vec<(&str, Value<'_>)> =
            variables.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), from_json(value))).collect();
        let outcome = program.evaluate(&activation, 1_000_000);
        if outcome.cost != expected || outcome.value.is_err() {
            wrong.push(format!("{text}: {}, not {expected} ({:?})", outcome.cost, outcome.value.err()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn limited() {
    let list = Json::from((0..1000).collect::<Vec<_>>());
    let variables = [("list", from_json(&list))];
    for (text, cost_max, fits) in [
        ("list.all(y, y >= 0)", 10_000, true),
        ("list.all(y, y >= 0)", 1_000, false),
        ("list.map(y, y).size() == 0 || true", 1_000, false),
        ("list.map(y, list.map(z, z)).size() == 1000", 1_000_000, false),
    ] {
        let program = environment().compile(text).unwrap().program().unwrap();
        let value = program.evaluate(&variables, cost_max).value;
        assert_eq!(!matches!(value, Err(EvalError::CostLimit)), fits, "{text}");
    }
}

/// A text may be as long as a request, less its quotes; a declared character counts four octets.
const TEXT_MAX: u64 = 3 * 1024 * 1024 - 2;
const SPAN_MAX: u64 = 32;

fn sized(shape: DeclShape, elements_max: u64) -> Arc<DeclType> {
    Arc::new(DeclType { shape, elements_max, serialized_min: 0 })
}

fn list_of(element: Arc<DeclType>, max: u64) -> Arc<DeclType> {
    sized(DeclShape::List { element, topology: Default::default() }, max)
}

fn map_of(value: Arc<DeclType>, max: u64) -> Arc<DeclType> {
    sized(DeclShape::Map { key: text(TEXT_MAX), value }, max)
}

fn object_of(fields: &[(&str, &Arc<DeclType>)]) -> Arc<DeclType> {
    let fields = fields
        .iter()
        .map(|(name, ty)| ((*name).into(), DeclField { json: (*name).into(), ty: (*ty).clone(), required: false }));
    sized(DeclShape::Object(Object { name: "object".into(), fields: fields.collect() }), 0)
}

fn text(max: u64) -> Arc<DeclType> {
    sized(DeclShape::String, max)
}

/// Rules of custom resources: the greatest cost with types as their schemas make them.
#[test]
fn estimated_for_custom_resources() {
    let number = sized(DeclShape::Double, 0);
    let numbers = list_of(number.clone(), 1_572_863);
    let (texts, ten) = (list_of(text(TEXT_MAX), 1_048_575), list_of(text(4 * 10), 10));
    let (short, long) = (text(4 * 10), text(TEXT_MAX));
    let parts = |max| object_of(&[("str", &text(max)), ("before", &text(4 * 2)), ("after", &text(4 * 4))]);
    let separated = |max| object_of(&[("str", &text(max)), ("separator", &text(max))]);
    let rows = [
        (numbers.clone(), "self.all(x, true)", 4_718_591),
        (list_of(number.clone(), 10), "self.all(x, true)", 32),
        (list_of(number.clone(), 10), "self.all(x, self.all(y, true))", 352),
        (list_of(number.clone(), 10), "self.all(x, self.all(y, self.all(z, true)))", 3552),
        (numbers.clone(), "self[1] == 0.0", 2),
        (list_of(number.clone(), 3 * 1024 * 2048), "self.all(x, x == 0.0)", 25_165_826),
        (texts.clone(), "self[1] == self[1]", 314_577),
        (map_of(number.clone(), 100), "has(self.x)", 1),
        (map_of(number.clone(), 0), "self['x'] == 0.0", 2),
        (long.clone(), "self.contains('test')", 314_574),
        (short.clone(), "self.contains('test')", 5),
        (long.clone(), "self.startsWith('test')", 2),
        (long.clone(), "size(self + 'hello') > size('hello')", 314_578),
        (text(4 * 4), "size(self + 'hello') > size('hello')", 7),
        (long.clone(), "self.matches('x')", 314_574),
        (text(4 * 50), "self.matches('x')", 22),
        (short.clone(), "''.matches('(((((((((())))))))))[0-9]')", 7),
        (long.clone(), "self.matches('')", 1),
        (text(0), "self == 'x'", 1),
        (sized(DeclShape::Bytes, 0), "self == b'x'", 1),
        (list_of(sized(DeclShape::Dyn, TEXT_MAX), 10), "self[0] == 5", 3),
        (list_of(sized(DeclShape::Bool, 0), 25), "self[0] == false", 2),
        (list_of(object_of(&[("required", &long)]), 422), "self[0] == null", 2),
        (list_of(map_of(number.clone(), 5), 12), "self.all(x, x.y == 25.2)", 74),
        (list_of(map_of(number.clone(), 5), 12), "self[0].x > 2.0", 4),
        (list_of(map_of(object_of(&[("required", &long)]), 10), 10), "self.all(x, x['y'].required == 'z')", 72),
        (list_of(sized(DeclShape::Duration, SPAN_MAX), 5), "self[0].getHours() == 2", 4),
        (map_of(sized(DeclShape::Duration, SPAN_MAX), 5), "self['c'] == self['d']", 8),
        (map_of(sized(DeclShape::Int, 0), 10), "self.size() == self.size()", 5),
        (long.clone(), "self.find('[0-9]+') == ''", 629_147),
        (short.clone(), "self.find('[0-9]+') == ''", 11),
        (texts.clone(), "self.join(' ') == 'aa bb'", 329_853_068_905),
        (ten.clone(), "self.join(' ') == 'aa bb'", 43),
        (texts, "self.isSorted() == true", 329_854_432_052),
        (ten, "self.isSorted() == true", 52),
        (parts(TEXT_MAX), "self.str.replace(self.before, self.after) == 'does not matter'", 629_154),
        (parts(4 * 4), "self.str.replace(self.before, self.after) == 'does not matter'", 12),
        (separated(TEXT_MAX), "self.str.split(self.separator) == []", 629_160),
        (separated(4 * 10), "self.str.split(self.separator) == []", 22),
        (long, "self.lowerAscii() == 'lower!'", 314_575),
        (short, "self.lowerAscii() == 'lower!'", 6),
    ];
    let mut wrong = Vec::new();
    for (declared, rule, max) in rows {
        let checked = Environment::base().with_declared("self", &declared).compile(rule).unwrap();
        let sizes = DeclSizes { variables: [("self", &*declared)].into() };
        let actual = checked.cost(&sizes).max;
        if actual != max {
            wrong.push(format!("{rule}: {actual}, not {max}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
