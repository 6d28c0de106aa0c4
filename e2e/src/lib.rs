//! End-to-end tests and benchmarks that drive real clients.
