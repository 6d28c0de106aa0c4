//! Server-side apply: one manager after the other applies a part of the input; the last one's second time changes nothing.

#![no_main]

use kubernel_meta::Object;
use kubernel_schema::apply::{OneVersion, Write, apply};
use kubernel_schema::{Schema, builtin, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Vec<&[u8]>| {
    let Some(root) = builtin().find_kind("apps/v1", "Deployment") else { return };
    let schema = Schema { types: builtin().clone(), root };
    let mut live: Option<Object> = None;
    for (at, body) in input.into_iter().take(4).enumerate() {
        let Ok(decoded) = decode::json(&schema, body) else { continue };
        let mut config = decoded.object;
        config.remove(&["metadata", "managedFields"]);
        let write = Write {
            manager: &format!("m{at}"),
            api_version: "apps/v1",
            kind: "Deployment",
            subresource: "",
            now: "2026-01-01T00:00:00Z",
            reset: &[],
            only: &[],
        };
        let Ok(once) = apply(&schema, &OneVersion, live.as_ref(), &config, &write, true) else { continue };
        let twice = apply(&schema, &OneVersion, Some(&once), &config, &write, false);
        assert_eq!(twice.ok().as_ref(), Some(&once));
        live = Some(once);
    }
});
