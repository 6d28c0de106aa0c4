//! Three minutes of load leave a server as it was.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

mod harness;

#[test]
fn memory_files_threads_and_disk_stay() {
    harness::run("soak", 180);
}
