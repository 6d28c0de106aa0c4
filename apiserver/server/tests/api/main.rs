//! The server over a store in memory, asked as clients ask it: one program, a room for each matter.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod addresses;
mod aggregation;
mod common;
mod crds;
mod discovery;
mod flow;
mod forms;
mod health;
mod hostile;
mod identity;
mod lists;
mod malformed;
mod openapi;
mod plugins;
mod policies;
mod streams;
mod watches;
mod webhooks;
mod writes;
