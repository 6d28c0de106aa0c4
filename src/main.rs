//! The `kubernel` binary: flags and wiring only.
fn main() {}
