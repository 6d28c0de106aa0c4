//! Expressions: compiling one ends, running it costs no more than it may.

#![no_main]

use kubernel_cel::value::from_json;
use kubernel_cel::{Environment, Type};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const COST_MAX: u64 = 10_000;

fuzz_target!(|text: &str| {
    let environment = Environment::base().with_variable("a", Type::Dyn).with_variable("b", Type::list(Type::Dyn));
    let Ok(checked) = environment.compile(text) else { return };
    let Ok(program) = checked.program() else { return };
    let (first, second) = (json!({"x": [1, "y", null]}), json!([1, 2]));
    let variables = [("a", from_json(&first)), ("b", from_json(&second))];
    let outcome = program.evaluate(&variables, COST_MAX);
    assert!(outcome.value.is_err() || outcome.cost <= COST_MAX);
});
