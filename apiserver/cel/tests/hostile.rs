//! Whatever the text, compiling it ends, and says something.

use kubernel_cel::value::from_json;
use kubernel_cel::{Environment, Type};
use proptest::prelude::*;
use serde_json::json;

/// Pieces that make expressions which nearly fit.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b",
        "1",
        "1u",
        "0x",
        "1.5",
        "'t'",
        "b'\\x",
        "\"",
        "'''",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        ".",
        ",",
        "?",
        ":",
        "+",
        "-",
        "!",
        "*",
        "==",
        "&&",
        "||",
        "in",
        " ",
        "\n",
        ".all(x,",
        ".map(x, y,",
        "has(",
        "size(",
        ".optMap(v,",
        "optional.of(",
        ".?",
        "[?",
        "true",
        "null",
        "`a-b`",
        "é",
        "//",
        "@",
        ".exists(",
        "Msg{",
        "f:",
        "duration('",
    ])
}

/// Texts of the kinds that the libraries read, and such as are nearly of them.
fn library_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,30}",
        "[0-9]{0,3}(\\.[0-9]{1,3}){0,4}(/[0-9]{1,3})?",
        "[0-9a-f:]{0,40}(/[0-9]{1,3})?",
        "v?[0-9]{1,3}(\\.[0-9]{1,20}){0,3}([-+][0-9a-zA-Z.-]{0,10}){0,2}",
        "[+-]?[0-9.]{0,24}(e-?[0-9]{1,3}|[EPTGMk]i?|[mun])?",
        "-?([0-9]{1,12}(\\.[0-9]{0,3})?(h|m|s|ms|us|ns)){0,4}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,10})?(Z|[+-][0-9]{2}:[0-9]{2})",
        "[a-z]{0,5}:?/{0,2}[a-z:@\\[\\]%0-9.]{0,12}[/?#a-z%=&]{0,12}",
        "[%a-z0-9.{}()\\[\\]|*+?^$\\\\]{0,24}",
    ]
}

/// What each library makes of a text `a`: true, or an error.
const LIBRARIES: [&str; 16] = [
    "isQuantity(a) == (quantity(a).compareTo(quantity(a)) == 0)",
    "quantity(a).isInteger() ? quantity(a).asInteger() == quantity(a).asInteger() : true",
    "!isSemver(a) || semver(a).compareTo(semver(a)) == 0 && semver(a).major() >= 0",
    "!isURL(a) || url(a) == url(a) && url(a).getHost().size() >= url(a).getHostname().size()",
    "!isIP(a) || ip(string(ip(a))) == ip(a)",
    "!isCIDR(a) || cidr(string(cidr(a))) == cidr(a) && cidr(a).containsIP(cidr(a).masked().ip())",
    "duration(string(duration(a))) == duration(a)",
    "timestamp(string(timestamp(a))) == timestamp(a)",
    "int(string(int(a))) == int(a)",
    "double(a) >= 0.0 || double(a) < 0.0 || double(a) != double(a)",
    "a.matches(a) || !a.matches(a)",
    "a.find(a).size() <= a.size() && a.findAll(a, 3).size() <= 3",
    "a.format([dyn(1), dyn('x'), dyn(2.5), dyn(true), dyn(null)]).size() >= 0",
    "a.split('a').join('a') == a && a.replace('a', 'a') == a",
    "a.upperAscii().lowerAscii() == a.lowerAscii() && a.charAt(a.size()) == '' && a.substring(0) == a",
    "bytes(a).size() >= a.size() && string(bytes(a)) == a",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_text(text in "\\PC{0,60}") {
        compile(&text);
    }

    #[test]
    fn any_text_in_a_library(text in library_text(), index in any::<prop::sample::Index>()) {
        let environment = Environment::base().with_variable("a", Type::String);
        let expression = index.get(&LIBRARIES);
        let program = environment.compile(expression).unwrap().program().unwrap();
        let value = json!(text);
        let variables = [("a", from_json(&value))];
        let outcome = program.evaluate(&variables, 100_000);
        prop_assert!(outcome.cost <= 100_000);
        // Each row says of a text that it takes what must be true of it then.
        if let Ok(holds) = outcome.value {
            prop_assert_eq!(holds.as_bool(), Some(true), "{} of {:?}", expression, text);
        }
    }

    #[test]
    fn nearly_expressions(pieces in prop::collection::vec(piece(), 0..40)) {
        compile(&pieces.concat());
    }
}

fn compile(text: &str) {
    let environment = Environment::base().with_variable("a", Type::Dyn).with_variable("b", Type::list(Type::Dyn));
    match environment.compile(text) {
        Err(issues) => assert!(issues.to_string().starts_with("ERROR: <input>:"), "{text:?}"),
        Ok(checked) => {
            let (first, second) = (json!({"x": [1, "y", null]}), json!([1, 2]));
            if let Ok(program) = checked.program() {
                let variables = [("a", from_json(&first)), ("b", from_json(&second))];
                let outcome = program.evaluate(&variables, 10_000);
                // Every unit is counted before it is spent, but for the last.
                assert!(outcome.value.is_err() || outcome.cost <= 10_000, "{text:?}");
            }
        }
    }
}
