//! Expressions without variables, and what they come to: facts of the language's conformance tests.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use kubernel_cel::value::show;
use kubernel_cel::{Environment, Value};

const COST_MAX: u64 = 1_000_000;

/// The value of an expression, or `!` and why there is none.
fn evaluate(text: &str) -> String {
    let checked = match Environment::base().compile(text) {
        Ok(checked) => checked,
        Err(issues) => return format!("? {issues}"),
    };
    let program = match checked.program() {
        Ok(program) => program,
        Err(error) => return format!("! {error}"),
    };
    let variables: [(&str, Value<'_>); 0] = [];
    match program.evaluate(&variables, COST_MAX).value {
        Ok(value) => print(&value),
        Err(error) => format!("! {error}"),
    }
}

fn print(value: &Value<'_>) -> String {
    match value {
        Value::String(text) => format!("{:?}", &**text),
        Value::Uint(number) => format!("{number}u"),
        Value::Bytes(bytes) => format!("b{bytes:?}"),
        Value::Optional(None) => "optional.none()".to_owned(),
        Value::Optional(Some(value)) => format!("optional.of({})", print(value)),
        Value::List(list) => {
            format!("[{}]", list.iter().map(|item| print(&item)).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let entries = map.keys().into_iter().map(|key| {
                let value = map.get(&key).unwrap().unwrap();
                format!("{}: {}", print(&key), print(&value))
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => show(other),
    }
}

#[track_caller]
fn check(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(evaluate(text), *expected, "{text}");
    }
}

#[test]
fn literals() {
    check(&[
        ("0", "0"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("0x55555555", "1431655765"),
        ("-0x5", "-5"),
        ("42u", "42u"),
        ("0xFFu", "255u"),
        ("-2.3e+1", "-23"),
        (".5", "0.5"),
        ("''", r#""""#),
        (r#""It's \"fun\"""#, r#""It's \"fun\"""#),
        (r"r'\n'", r#""\\n""#),
        ("'''a\n'b'\n'''", r#""a\n'b'\n""#),
        (r"'\u00A2\x41\101\U0001F431'", "\"¢AA🐱\""),
        (r"b'ÿ'", "b[195, 191]"),
        (r"b'\377\xff'", "b[255, 255]"),
        ("null", "null"),
        ("[1, 2, 3,]", "[1, 2, 3]"),
        ("{'a': 1, 'b': 2,}", r#"{"a": 1, "b": 2}"#),
        ("// a comment\n1 // another", "1"),
    ]);
}

#[test]
fn operators() {
    check(&[
        ("1 + 2 * 3 - 4 / 2 % 3", "5"),
        ("-(1 + 2)", "-3"),
        ("!!true && !false", "true"),
        ("--1", "1"),
        ("1 < 2 == true", "true"),
        ("true ? 1 : 2", "1"),
        ("false ? 1 : true ? 2 : 3", "2"),
        ("(-7) / 2", "-3"),
        ("-7 % 2", "-1"),
        ("9223372036854775807 + 1", "! integer overflow"),
        ("-9223372036854775808 / -1", "! integer overflow"),
        ("0u - 1u", "! unsigned integer overflow"),
        ("1 / 0", "! division by zero"),
        ("1u % 0u", "! modulus by zero"),
        ("1.0 / 0.0", "+Inf"),
        ("0.0 / 0.0 == 0.0 / 0.0", "false"),
        ("'a' + 'b'", r#""ab""#),
        ("b'a' + b'b'", "b[97, 98]"),
        ("[1] + [2]", "[1, 2]"),
        ("'b' > 'a' && b'a' < b'b' && true > false", "true"),
        ("true || 1 / 0 == 0", "true"),
        ("1 / 0 == 0 || true", "true"),
        ("1 / 0 == 0 && false", "false"),
        ("1 / 0 == 0 || false", "! division by zero"),
        ("dyn(1) + dyn('a')", "! no such overload"),
        ("dyn(1) && true", "! no such overload"),
        ("dyn('a') ? 1 : 2", "! no such overload"),
        ("1 in [1, 2]", "true"),
        ("3 in [1, 2]", "false"),
        ("'a' in {'a': 1}", "true"),
        ("1 in []", "false"),
    ]);
}

#[test]
fn numbers_across_types() {
    check(&[
        ("dyn(1) == dyn(1.0)", "true"),
        ("dyn(1) == 1u", "true"),
        ("dyn(-1) == dyn(18446744073709551615u)", "false"),
        ("1 < 1.1 && 2u > 1 && 1.5 <= 2u", "true"),
        ("9223372036854775807 < 9223372036854775808.0", "true"),
        ("dyn(1) == 'a'", "false"),
        (
            "[1, 2] == [1.0, 2.0]",
            "? ERROR: <input>:1:8: found no matching overload for '_==_' applied to '(list(int), list(double))'\n | [1, 2] == [1.0, 2.0]\n | .......^",
        ),
        ("dyn([1, 2]) == [1.0, 2.0]", "true"),
        ("{'a': dyn(1)} == {'a': dyn(1u)}", "true"),
        ("{1: 'a'}[dyn(1.0)]", r#""a""#),
        ("{1u: 'a'}[dyn(1)]", r#""a""#),
        ("1 in dyn([1.0])", "true"),
        ("null == null", "true"),
        ("dyn(null) == 1", "false"),
    ]);
}

#[test]
fn lists_and_maps() {
    check(&[
        ("[7, 8, 9][0]", "7"),
        ("[7, 8, 9][dyn(1u)]", "8"),
        ("[7, 8, 9][3]", "! index out of bounds: 3"),
        ("[7, 8, 9][-1]", "! index out of bounds: -1"),
        ("[7][dyn(0.1)]", "! unsupported index value 0.1 in list"),
        ("{'k': 1}['k']", "1"),
        ("{'k': 1}.k", "1"),
        ("{'k': 1}['x']", "! no such key: x"),
        ("{'k': 1}.x", "! no such key: x"),
        ("{'k': 1, 'k': 2}", "! insert failed: key k already exists"),
        ("has({'k': 1}.k) && !has({'k': 1}.x)", "true"),
        ("size([1, 2]) + [1].size() + size({'a': 1}) + 'åé'.size() + size(b'abc')", "9"),
        ("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"),
        ("dyn(1).foo", "! no such key: foo"),
    ]);
}

#[test]
fn macros() {
    check(&[
        ("[1, 2, 3].all(x, x > 0)", "true"),
        ("[1, 2, 3].all(x, x > 1)", "false"),
        ("[].all(x, x > 1)", "true"),
        ("[1, 0].all(x, 2 / x > 5)", "false"),
        ("[0, 2].all(x, 2 / x > 0)", "! division by zero"),
        ("[0, 1].exists(x, 1 / x == 1)", "true"),
        ("{'a': 1}.exists(k, k == 'a')", "true"),
        ("[1, 2, 1].exists_one(x, x == 2)", "true"),
        ("[1, 2, 1].exists_one(x, x == 1)", "false"),
        ("[1, 2].map(x, x * 2)", "[2, 4]"),
        ("[1, 2, 3].map(x, x > 1, x * 2)", "[4, 6]"),
        ("{'a': 1}.map(k, k + 'b')", r#"["ab"]"#),
        ("[1, 2, 3].filter(x, x % 2 == 1)", "[1, 3]"),
        ("[[1, 2], [3]].map(x, x.map(y, y + x[0]))", "[[2, 3], [6]]"),
        ("[1, 0].map(x, 1 / x)", "! division by zero"),
        ("[1, 2].all(i, v, i + 1 == v)", "true"),
        ("{'a': 1}.exists(k, v, k == 'a' && v == 1)", "true"),
        ("['a', 'b'].existsOne(i, v, v == 'b' && i == 1)", "true"),
        ("[1, 2].transformList(i, v, i * v)", "[0, 2]"),
        ("[1, 2].transformList(i, v, v > 1, v)", "[2]"),
        ("{'a': 1}.transformMap(k, v, v + 1)", r#"{"a": 2}"#),
        ("{'a': 1, 'b': 2}.transformMap(k, v, k == 'b', v)", r#"{"b": 2}"#),
        ("{'a': 'x'}.transformMapEntry(k, v, {v: k})", r#"{"x": "a"}"#),
        ("['x', 'x'].transformMapEntry(i, v, {v: i})", "! insert failed: key x already exists"),
    ]);
}

#[test]
fn optionals() {
    check(&[
        ("{'a': 1}.?a", "optional.of(1)"),
        ("{'a': 1}.?b", "optional.none()"),
        ("{'a': {'b': 2}}.?a.b", "optional.of(2)"),
        ("dyn({'a': {'b': 2}}).?x.b.c", "optional.none()"),
        ("{'a': 1}[?'a'].orValue(5) + [1][?4].orValue(7)", "8"),
        ("optional.none().or(optional.of(1)).value()", "1"),
        ("optional.none().value()", "! optional.none() dereference"),
        ("optional.ofNonZeroValue('').hasValue()", "false"),
        ("optional.of(1).optMap(x, x + 1)", "optional.of(2)"),
        ("optional.none().optMap(x, x + 1)", "optional.none()"),
        ("optional.of(1).optFlatMap(x, optional.of(x + 1))", "optional.of(2)"),
        ("[?optional.none(), ?optional.of(1), 2]", "[1, 2]"),
        ("{?'a': optional.none(), ?'b': optional.of(1)}", r#"{"b": 1}"#),
        ("has({'a': {'b': 1}}.?a.b) && !has({'a': {'b': 1}}.?x.b)", "true"),
        ("{}.?key.optFlatMap(k, k.?subkey).hasValue()", "false"),
        ("{'key': {'subkey': 'v'}}.?key.optFlatMap(k, k.?subkey).value()", r#""v""#),
        ("{'n': dyn(null)}.?n.hasValue()", "true"),
        ("{'n': dyn(null)}.?n.invalid.hasValue()", "false"),
        ("{true: dyn(0)}[?true].absent.hasValue()", "false"),
        ("has(dyn(1).absent)", "false"),
        ("dyn([1]).absent", "! unsupported index type 'string' in list"),
        ("{true: dyn(0)}[?false].absent.hasValue()", "false"),
        ("has({}.?x.y)", "false"),
        ("type(optional.none()) == optional_type", "true"),
        ("optional.of({'c': {'i': 'bye'}}).c.i.orValue('default')", r#""bye""#),
        ("optional.of({'c': {}}).c.missing.or(optional.none()[0]).orValue('default')", r#""default""#),
        ("optional.of({'c': {}}).c.missing.or(optional.of(['x'])[0]).orValue('default')", r#""x""#),
        ("optional.of({'c': {'i': 1}}).c['i'].orValue(2) + optional.of([5])[?0].value()", "6"),
        ("{?'m': optional.ofNonZeroValue({?'x': {}.?c}), 's': {'x': 1}}", r#"{"s": {"x": 1}}"#),
        ("[][?0].hasValue()", "false"),
        ("optional.of(1) == optional.of(1) && optional.none() != optional.of(1)", "true"),
        ("[1, 2].first().value() + [1, 2].last().value()", "3"),
        ("optional.unwrap([optional.of(1), optional.none()])", "[1]"),
    ]);
}

#[test]
fn conversions() {
    check(&[
        ("int('-5')", "-5"),
        ("int(5u) + int(5.9)", "10"),
        ("int('x')", "! type conversion error from 'string' to 'int'"),
        ("int(1e99)", "! integer overflow"),
        ("uint(-1)", "! unsigned integer overflow"),
        ("uint('7')", "7u"),
        ("double('1.5') + double(1)", "2.5"),
        ("string(1) + string(2u) + string(1.5) + string(true) + string(b'x')", r#""121.5truex""#),
        ("string(1e6)", r#""1e+06""#),
        ("string(b'\\xff')", "! invalid UTF-8 in bytes, cannot convert to string"),
        ("bytes('é')", "b[195, 169]"),
        ("bool('true') && !bool('F')", "true"),
        ("type(1) == int && type(int) == type", "true"),
        ("type([]) == list && type({}) == map && type(null) == null_type", "true"),
        ("type(timestamp(0)) == google.protobuf.Timestamp", "true"),
        ("string(timestamp('2009-02-13T23:31:30.5Z'))", r#""2009-02-13T23:31:30.5Z""#),
        ("string(duration('1h30m1.5s'))", r#""5401.5s""#),
        ("int(timestamp('2009-02-13T23:31:30Z'))", "1234567890"),
    ]);
}

#[test]
fn times() {
    let date = "timestamp('2009-02-13T23:31:30.123Z')";
    for (part, expected) in [
        ("getFullYear()", "2009"),
        ("getMonth()", "1"),
        ("getDate()", "13"),
        ("getDayOfMonth()", "12"),
        ("getDayOfYear()", "43"),
        ("getDayOfWeek()", "5"),
        ("getHours()", "23"),
        ("getHours('Asia/Kolkata')", "5"),
        ("getHours('-02:30')", "21"),
        ("getDate('Australia/Sydney')", "14"),
        ("getMinutes('+05:30')", "1"),
        ("getSeconds()", "30"),
        ("getMilliseconds()", "123"),
        ("getHours('Nowhere/None')", "! unknown time zone Nowhere/None"),
    ] {
        assert_eq!(evaluate(&format!("{date}.{part}")), expected, "{part}");
    }
    check(&[
        ("timestamp('2009-02-13T23:00:00Z') + duration('24h') == timestamp('2009-02-14T23:00:00Z')", "true"),
        ("timestamp('2009-02-14T00:00:00+01:00') - timestamp('2009-02-13T22:00:00Z') == duration('1h')", "true"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "! timestamp overflow"),
        ("duration('10000s').getHours()", "2"),
        ("duration('1h') > duration('59m')", "true"),
        ("duration('1.5s').getMilliseconds()", "1500"),
    ]);
}

#[test]
fn texts() {
    check(&[
        ("'hello'.contains('ell') && 'hello'.startsWith('he') && 'hello'.endsWith('lo')", "true"),
        ("'hubba'.matches('ubb')", "true"),
        ("'abc'.matches('^[a-z]+$')", "true"),
        ("matches('αβ', '^\\\\w+$')", "false"),
        ("'a'.find(')') == ''", "! error parsing regexp: unexpected ): `)`"),
        ("'a'.matches(dyn('('))", "! error parsing regexp: missing closing ): `(`"),
    ]);
}
