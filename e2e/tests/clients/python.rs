//! The official Python client. What it does and expects is in `e2e/python/client.py`.

use kubernel_e2e::{SAMPLE_V1, cluster};

fn check(case: &str) {
    let user = cluster().user(&format!("python-{case}"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/client.py");
    user.ok(&format!("SAMPLE_IMAGE={SAMPLE_V1} PYTHONPATH=\"$TOOLS/python\" python3 {script} {case} \"$NAMESPACE\""));
}

#[test]
fn typed_objects_are_written_read_and_refused() {
    check("typed");
}

#[test]
fn lists_come_in_pages_and_watches_go_on_from_them() {
    check("pages");
}

#[test]
fn the_dynamic_client_discovers_and_applies() {
    check("discovered");
}

#[test]
fn streams_reach_into_containers() {
    check("streams");
}
