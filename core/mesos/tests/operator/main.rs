//! A master as operators and their tools meet it: `calls.rs` asks and settles, `access.rs` knocks at the door.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

mod access;
mod calls;
mod world;
