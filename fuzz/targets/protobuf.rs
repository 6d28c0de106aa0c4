//! Decoding of protobuf: what a message says, the message that is made of it says as well.

#![no_main]

use kubernel_schema::{Schema, builtin, protobuf};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(once) = protobuf::decode(builtin(), body) else { return };
    let Some(root) = builtin().find_kind(once.api_version(), once.kind()) else { return };
    let schema = Schema { types: builtin().clone(), root };
    let bytes = protobuf::encode(&schema, &once);
    assert_eq!(protobuf::decode(builtin(), &bytes).ok(), Some(once));
});
