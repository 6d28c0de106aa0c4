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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text(text in "\\PC{0,60}") {
        compile(&text);
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
