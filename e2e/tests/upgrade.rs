//! Servers are replaced one after the other, and no client notices: the harness of `src/bin/upgrade`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::process::Command;

use kubernel_e2e::built;

#[test]
fn no_request_fails_while_servers_are_replaced() {
    let folder = std::env::temp_dir().join(format!("kubernel-e2e/upgrade-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let kubernel = std::env::var_os("KUBERNEL_BIN").map_or_else(|| built("kubernel"), Into::into);
    let output = Command::new(built("upgrade")).arg(kubernel).arg(&folder).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}{wrong}");
    std::fs::remove_dir_all(&folder).unwrap();
}
