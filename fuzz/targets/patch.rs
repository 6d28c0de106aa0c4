//! The three patches, over a Deployment: the first half of the input is laid over what the second half says.

#![no_main]

use kubernel_schema::{Schema, builtin, patch};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|input: (&[u8], &[u8])| {
    let (body, target) = input;
    let Some(root) = builtin().find_kind("apps/v1", "Deployment") else { return };
    let schema = Schema { types: builtin().clone(), root };
    let target: Map<String, Value> = serde_json::from_slice(target).unwrap_or_default();
    let _ = patch::strategic::apply(&schema, target.clone(), body);
    let _ = patch::json::apply(target.clone(), body);
    let mut once = target;
    if patch::merge::apply(&mut once, body).is_ok() {
        let mut twice = once.clone();
        assert!(patch::merge::apply(&mut twice, body).is_ok());
        assert_eq!(once, twice);
    }
});
