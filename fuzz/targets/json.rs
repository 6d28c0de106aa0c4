//! Strict decoding of JSON: what it makes of a body, it makes of that again.

#![no_main]

use kubernel_schema::{Schema, builtin, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Some(root) = builtin().find_kind("v1", "Pod") else { return };
    let schema = Schema { types: builtin().clone(), root };
    let Ok(once) = decode::json(&schema, body) else { return };
    let twice = decode::value(&schema, once.object.clone().into());
    assert_eq!(twice.map(|twice| twice.object).ok(), Some(once.object));
});
