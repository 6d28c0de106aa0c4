//! Expressions that do not compile, and what is said about them: facts of cel-go's tests and of a v1.36.2 server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::sync::Arc;

use kubernel_cel::declare::{DeclField, DeclShape, DeclType, Object};
use kubernel_cel::{Environment, Type};

const FIRST: &str = "'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, \
                     BYTES, IDENTIFIER}";

fn field(name: &str, shape: DeclShape) -> (Arc<str>, DeclField) {
    let field = DeclField { json: name.into(), ty: Arc::new(DeclType::unbounded(shape, 0)), required: false };
    (name.into(), field)
}

fn environment() -> Environment {
    let item = DeclShape::Object(Object {
        name: "selfType.items.@idx".into(),
        fields: [field("name", DeclShape::String)].into(),
    });
    let fields = [
        field("a", DeclShape::Int),
        field("s", DeclShape::String),
        field(
            "items",
            DeclShape::List { element: Arc::new(DeclType::unbounded(item, 0)), topology: Default::default() },
        ),
    ];
    let object = DeclShape::Object(Object { name: "selfType".into(), fields: fields.into() });
    Environment::base()
        .with_declared("self", &Arc::new(DeclType::unbounded(object, 0)))
        .with_variable("object", Type::Dyn)
}

/// The complaints, each as `line:column message`.
fn complaints(text: &str) -> Vec<String> {
    match environment().compile(text) {
        Ok(_) => Vec::new(),
        Err(issues) => {
            issues.issues.iter().map(|issue| format!("{}:{} {}", issue.line, issue.column + 1, issue.message)).collect()
        }
    }
}

#[track_caller]
fn check(rows: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (text, expected) in rows {
        let expected: Vec<String> = expected.iter().map(|line| line.replace("FIRST", FIRST)).collect();
        let actual = complaints(text);
        if actual != expected {
            wrong.push(format!("{text}\n  expected {expected:#?}\n  actual {actual:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn types() {
    check(&[
        ("nope", &["1:1 undeclared reference to 'nope' (in container '')"]),
        ("foo.a", &["1:1 undeclared reference to 'foo' (in container '')"]),
        ("foo(1)", &["1:4 undeclared reference to 'foo' (in container '')"]),
        ("self.foo(1)", &["1:9 undeclared reference to 'foo' (in container '')"]),
        ("self.q", &["1:5 undefined field 'q'"]),
        ("has(self.q)", &["1:4 undefined field 'q'"]),
        ("self.items[0].q", &["1:14 undefined field 'q'"]),
        ("self.a == 'x'", &["1:8 found no matching overload for '_==_' applied to '(int, string)'"]),
        ("self.s.startsWith(1)", &["1:18 found no matching overload for 'startsWith' applied to 'string.(int)'"]),
        ("size(1)", &["1:5 found no matching overload for 'size' applied to '(int)'"]),
        ("self.a.b", &["1:7 type 'int' does not support field selection"]),
        ("[1, 'a']", &["1:5 expected type 'int' but found 'string'"]),
        ("{1: 1, 'a': 2}", &["1:8 expected type 'int' but found 'string'"]),
        ("self == 1", &["1:6 found no matching overload for '_==_' applied to '(selfType, int)'"]),
        ("self.a ? 1 : 2", &["1:8 found no matching overload for '_?_:_' applied to '(int, int, int)'"]),
        ("!self.a", &["1:1 found no matching overload for '!_' applied to '(int)'"]),
        (
            "self.a.all(x, x)",
            &["1:5 expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)"],
        ),
        ("[1].all(x, x)", &["1:8 found no matching overload for '_&&_' applied to '(bool, int)'"]),
        ("[1].map(x, y)", &["1:12 undeclared reference to 'y' (in container '')"]),
        ("duration('x')", &["1:10 invalid duration argument"]),
        ("timestamp('x')", &["1:11 invalid timestamp argument"]),
        ("self.s.matches('[')", &["1:16 invalid matches argument"]),
        ("selfType{a: 1} == self", &[]),
        ("selfType{a: 'x'}", &["1:11 expected type of field 'a' is 'int' but provided type is 'string'"]),
        ("self{a: 1}", &["1:5 'selfType' is not a type"]),
        ("int{a: 1}", &["1:4 'int' is not a message type"]),
        ("self == null || object.x.y == 1 || null == object", &[]),
        (
            "self.items.exists(i, i.name == 1)",
            &["1:29 found no matching overload for '_==_' applied to '(string, int)'"],
        ),
        ("type(self.a) == string", &[]),
        (
            "nope1 + nope2",
            &[
                "1:1 undeclared reference to 'nope1' (in container '')",
                "1:9 undeclared reference to 'nope2' (in container '')",
            ],
        ),
    ]);
}

#[test]
fn syntax() {
    check(&[
        ("1 +", &["1:4 Syntax error: mismatched input '<EOF>' expecting {FIRST"]),
        (
            "1 + +",
            &[
                "1:5 Syntax error: mismatched input '+' expecting {FIRST",
                "1:6 Syntax error: mismatched input '<EOF>' expecting {FIRST",
            ],
        ),
        ("object.", &["1:8 Syntax error: no viable alternative at input '.'"]),
        ("self.true == 1", &["1:6 Syntax error: mismatched input 'true' expecting IDENTIFIER"]),
        ("{\"a\": 1}.\"a\"", &["1:10 Syntax error: no viable alternative at input '.\"a\"'"]),
        (
            "*@a | b",
            &[
                "1:1 Syntax error: extraneous input '*' expecting {FIRST",
                "1:2 Syntax error: token recognition error at: '@'",
                "1:5 Syntax error: token recognition error at: '| '",
                "1:7 Syntax error: extraneous input 'b' expecting <EOF>",
            ],
        ),
        (
            "1 + $",
            &[
                "1:5 Syntax error: token recognition error at: '$'",
                "1:6 Syntax error: mismatched input '<EOF>' expecting {FIRST",
            ],
        ),
        ("1 + 2\n3 +", &["2:1 Syntax error: mismatched input '3' expecting <EOF>"]),
        ("TestAllTypes(){}", &["1:15 Syntax error: mismatched input '{' expecting <EOF>"]),
        ("TestAllTypes{}()", &["1:15 Syntax error: mismatched input '(' expecting <EOF>"]),
        (
            "{",
            &["1:2 Syntax error: mismatched input '<EOF>' expecting {'[', '{', '}', '(', '.', ',', '-', '!', '?', \
               'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"],
        ),
        ("{a}", &["1:3 Syntax error: mismatched input '}' expecting ':'"]),
        (
            "{:a}",
            &[
                "1:2 Syntax error: extraneous input ':' expecting {'[', '{', '}', '(', '.', ',', '-', '!', '?', 'true', \
             'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
                "1:4 Syntax error: mismatched input '}' expecting ':'",
            ],
        ),
        ("{1:305 2:569}", &["1:8 Syntax error: mismatched input '2' expecting {'}', ','}"]),
        (
            "func{{a}}",
            &[
                "1:6 Syntax error: extraneous input '{' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}",
                "1:8 Syntax error: mismatched input '}' expecting ':'",
                "1:9 Syntax error: extraneous input '}' expecting <EOF>",
            ],
        ),
        (
            "msg{:a}",
            &[
                "1:5 Syntax error: extraneous input ':' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}",
                "1:7 Syntax error: mismatched input '}' expecting ':'",
            ],
        ),
        ("ind[a{b}]", &["1:8 Syntax error: mismatched input '}' expecting ':'"]),
        ("x{.", &["1:3 Syntax error: mismatched input '.' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}"]),
        (
            "-",
            &[
                "1:2 Syntax error: no viable alternative at input '-'",
                "1:2 Syntax error: mismatched input '<EOF>' expecting {FIRST",
            ],
        ),
        (
            "--",
            &[
                "1:3 Syntax error: no viable alternative at input '-'",
                "1:3 Syntax error: mismatched input '<EOF>' expecting {FIRST",
            ],
        ),
        ("-!x", &["1:2 Syntax error: no viable alternative at input '-!'"]),
        ("!-x", &["1:3 Syntax error: no viable alternative at input '-x'"]),
        ("!-42", &["1:1 found no matching overload for '!_' applied to '(int)'"]),
        (
            "a.in",
            &[
                "1:3 Syntax error: no viable alternative at input '.in'",
                "1:5 Syntax error: mismatched input '<EOF>' expecting {FIRST",
            ],
        ),
        ("object.x in [1, 2, ", &["1:20 Syntax error: missing ']' at '<EOF>'"]),
        ("'asdf'.contains('x'", &["1:20 Syntax error: missing ')' at '<EOF>'"]),
        ("(object.b){}", &["1:11 Syntax error: mismatched input '{' expecting <EOF>"]),
        ("(object).b{}", &["1:11 Syntax error: mismatched input '{' expecting <EOF>"]),
        (
            "has(a.`$b`)",
            &[
                "1:7 Syntax error: token recognition error at: '`$'",
                "1:10 Syntax error: token recognition error at: '`)'",
                "1:12 Syntax error: missing ')' at '<EOF>'",
            ],
        ),
        (
            "Msg{`$b`: 1}",
            &[
                "1:5 Syntax error: token recognition error at: '`$'",
                "1:8 Syntax error: token recognition error at: '`:'",
                "1:11 Syntax error: missing ':' at '1'",
            ],
        ),
        (
            "\"\"\"hello\nworld",
            &[
                "1:3 Syntax error: token recognition error at: '\"hello\n'",
                "2:1 Syntax error: extraneous input 'world' expecting <EOF>",
            ],
        ),
        (
            "r'hello\nworld'",
            &[
                "1:2 Syntax error: token recognition error at: ''hello\n'",
                "2:1 Syntax error: extraneous input 'world' expecting <EOF>",
                "2:6 Syntax error: token recognition error at: '''",
            ],
        ),
        (
            "?",
            &[
                "1:1 Syntax error: mismatched input '?' expecting {FIRST",
                "1:2 Syntax error: mismatched input '<EOF>' expecting {FIRST",
            ],
        ),
        (
            "in",
            &[
                "1:1 Syntax error: mismatched input 'in' expecting {FIRST",
                "1:3 Syntax error: mismatched input '<EOF>' expecting {FIRST",
            ],
        ),
        (
            "(lin self.a)",
            &[
                "1:6 Syntax error: mismatched input 'self' expecting ')'",
                "1:12 Syntax error: extraneous input ')' expecting <EOF>",
            ],
        ),
        ("size(self.s]", &["1:12 Syntax error: mismatched input ']' expecting ')'"]),
        ("'a'.contains('b'])", &["1:17 Syntax error: extraneous input ']' expecting ')'"]),
        ("(1 + 2", &["1:7 Syntax error: missing ')' at '<EOF>'"]),
        (
            "\"\\xFh\"",
            &[
                "1:1 Syntax error: token recognition error at: '\"\\xFh'",
                "1:6 Syntax error: token recognition error at: '\"'",
                "1:7 Syntax error: mismatched input '<EOF>' expecting {FIRST",
            ],
        ),
        (
            "'😁' in ['😁']\n\t\t\t&& in.😁",
            &[
                "2:7 Syntax error: extraneous input 'in' expecting {FIRST",
                "2:10 Syntax error: token recognition error at: '😁'",
                "2:11 Syntax error: no viable alternative at input '.'",
            ],
        ),
        ("`b-c`", &["1:1 Syntax error: mismatched input '`b-c`' expecting {FIRST"]),
        ("self.`in`", &["1:6 unsupported syntax: '`'"]),
        ("0xFFFFFFFFFFFFFFFFF", &["1:1 invalid int literal"]),
        ("0xFFFFFFFFFFFFFFFFFu", &["1:1 invalid uint literal"]),
        ("1.99e90000009", &["1:1 invalid double literal"]),
        ("'\\udead' == '\\ufffd'", &["1:1 invalid unicode code point"]),
        ("break", &["1:1 reserved identifier: break"]),
        (
            "[1, 2, 3].map(var, var * var)",
            &[
                "1:15 reserved identifier: var",
                "1:15 argument is not an identifier",
                "1:20 reserved identifier: var",
                "1:26 reserved identifier: var",
            ],
        ),
        ("1.all(2, 3)", &["1:7 argument must be a simple name"]),
        ("self.items.filter(a.b, false)", &["1:20 argument is not an identifier"]),
        ("self.items.filter(__result__, false)", &["1:19 iteration variable overwrites accumulator variable"]),
        ("has(self)", &["1:5 invalid argument to has() macro"]),
    ]);
}

#[test]
fn shown_with_the_line() {
    for (text, expected) in [
        ("nope", "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^"),
        ("1 +\n\tx", "ERROR: <input>:2:2: undeclared reference to 'x' (in container '')\n |  x\n | .^"),
        ("'é' + y", "ERROR: <input>:1:7: undeclared reference to 'y' (in container '')\n | 'é' + y\n | .．....^"),
    ] {
        assert_eq!(environment().compile(text).err().unwrap().to_string(), expected, "{text}");
    }
}

/// The stack of a thread in an unoptimized build, in bytes.
const STACK_BYTES: usize = 8 << 20;

#[test]
fn too_deep() {
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(check_depths).unwrap().join().unwrap();
}

fn check_depths() {
    let deep = |count: usize| format!("{}1{}", "[".repeat(count), "]".repeat(count));
    let rows = [
        (deep(249), None),
        (deep(250), Some("ERROR: <input>:-1:0: expression recursion limit exceeded: 250")),
        (deep(10_000), Some("ERROR: <input>:-1:0: expression recursion limit exceeded: 250")),
        (format!("0{}", " + 1".repeat(250)), None),
        (format!("0{}", " + 1".repeat(251)), Some("ERROR: <input>:-1:0: max recursion depth exceeded")),
        (format!("object{}", ".a".repeat(20_000)), Some("ERROR: <input>:-1:0: max recursion depth exceeded")),
        (format!("true{}", " || true".repeat(5_000)), None),
        (format!("!{}", "!(".repeat(20_000)), Some("ERROR: <input>:-1:0: expression recursion limit exceeded: 250")),
        (
            "a".repeat(100_001),
            Some("ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100001, limit 100000"),
        ),
    ];
    for (text, expected) in rows {
        let actual = Environment::base().with_variable("object", Type::Dyn).compile(&text).err();
        let actual = actual.map(|issues| issues.to_string());
        assert_eq!(actual.as_deref(), expected, "{}", &text[..40.min(text.len())]);
    }
}

#[test]
fn types_are_deduced() {
    for (text, expected) in [
        ("[1]", "list(int)"),
        ("{'abc': 123}", "map(string, int)"),
        ("{'abc': 123}['abc']", "int"),
        ("[[], [[]], [[[]]], [[[[]]]]]", "list(list(list(list(list(dyn)))))"),
        ("[[[[[]]]], [], [[[]]]]", "list(list(list(list(list(dyn)))))"),
        ("self.items.map(x, x).map(y, y.name)", "list(string)"),
        ("([] + self.items + [])[0].name", "string"),
        ("([].map(x,x))[0].foo", "dyn"),
        ("[optional.none(), optional.of(1)]", "list(optional_type(int))"),
        ("[optional.of(1), optional.none()]", "list(optional_type(int))"),
        ("[optional.of(1), optional.of(dyn(1))]", "list(optional_type(dyn))"),
        ("[optional.of(dyn(1)), optional.of(1)]", "list(optional_type(dyn))"),
        ("true ? optional.of(dyn(1)) : optional.of(1)", "optional_type(dyn)"),
        ("self.?items[0].name", "optional_type(string)"),
        ("type(self.a)", "type(int)"),
        ("timestamp(0) - timestamp(1)", "duration"),
        ("object.a + object.b", "dyn"),
        ("self.items.transformMap(i, x, x.name)", "map(int, string)"),
    ] {
        assert_eq!(environment().compile(text).unwrap().output().to_string(), expected, "{text}");
    }
}
