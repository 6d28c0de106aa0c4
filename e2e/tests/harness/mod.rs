//! The harness of `src/bin/faults`, for as long as a test may take.

use std::process::Command;

use kubernel_e2e::built;

/// Runs it; fails with what it says.
pub(crate) fn run(engine: &str, seconds: u32) {
    let folder = std::env::temp_dir().join(format!("kubernel-e2e/faults-{engine}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let kubernel = std::env::var_os("KUBERNEL_BIN").map_or_else(|| built("kubernel"), Into::into);
    // Another seed every day; the one that fails is told.
    let day = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let mut command = Command::new(built("faults"));
    command.arg(kubernel).arg(&folder).args([engine, &seconds.to_string(), &day.to_string()]);
    let output = command.output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}{wrong}");
    std::fs::remove_dir_all(&folder).unwrap();
}
