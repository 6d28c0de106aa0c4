//! Real clients on one cluster that all tests here share, a namespace each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

mod bad_input;
mod helm;
mod kubectl;
mod operators;
mod pods;
mod python;
mod services;
