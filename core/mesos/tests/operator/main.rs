//! A master as operators and their tools meet it: `calls.rs` asks and settles, `access.rs` knocks at the door.

mod access;
mod calls;
mod world;
