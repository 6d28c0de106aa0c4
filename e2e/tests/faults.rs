//! What breaks a cluster loses nothing: the harness of `src/bin/faults`, for as long as a test may take.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

mod harness;

#[test]
fn three_servers_on_three_members_of_etcd() {
    harness::run("etcd", 45);
}

#[test]
fn one_server_on_its_files() {
    harness::run("embedded", 20);
}
