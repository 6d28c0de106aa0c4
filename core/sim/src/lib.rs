//! Seeded simulation of the kernel: random agents, frameworks and failures, every invariant checked after every event.
//!
//! Pure: no clock, no randomness but the seed's. The same seed gives the same events and the same hash of them; a run
//! that fails says its seed and step, which is all it takes to see it again.
//!
//! Two kinds of worlds: in `world.rs` any input comes at any time (`anything.rs`, and `liveness.rs` for how it ends); in
//! `cluster/` masters, agents and frameworks speak over a bad network and lose what they had not written down.
//!
//! Next: `fairness.rs` (who gets what in the long run), `scale.rs` and `bin/kernel_bench.rs` (how fast).

mod anything;
mod cluster;
mod fairness;
mod hash;
mod liveness;
mod rng;
mod scale;
mod world;

pub use cluster::{ClusterOutcome, run_cluster};
pub use fairness::{Split, split};
pub use hash::EventHash;
pub use rng::Rng;
pub use scale::{
    Launches, Placements, Registrations, Round, decline_offers, launches, placements, registrations, round,
};
pub use world::{Failure, Kind, Outcome, run};
