//! Real clients on one cluster that all tests here share, a namespace each.

mod bad_input;
mod helm;
mod kubectl;
mod pods;
mod services;
