//! Seeded simulation of the kernel: random agents, frameworks and failures, every invariant checked after every event.
//!
//! Pure: no clock, no randomness but the seed's. The same seed gives the same events and the same hash of them; a run
//! that fails says its seed and step, which is all it takes to see it again.
//!
//! Next: `world.rs` (how a world runs), `anything.rs` (what happens at random), `liveness.rs` (how it ends), `fairness.rs` (who gets what in the long run), `scale.rs` and
//! `bin/kernel_bench.rs` (how fast).

mod anything;
mod fairness;
mod hash;
mod liveness;
mod rng;
mod scale;
mod world;

pub use fairness::{Split, split};
pub use hash::EventHash;
pub use rng::Rng;
pub use scale::{Placements, Registrations, Round, decline_offers, placements, registrations, round};
pub use world::{Failure, Outcome, run};
