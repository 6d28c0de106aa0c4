//! The life of a Pod as a state machine: observations in, actions and status out (pure).
//!
//! [`PodLife::step`] takes the time and one [`Input`]; afterwards [`PodLife::take_actions`] tells what to do,
//! [`PodLife::status`] what to report and [`PodLife::wake_at`] when to come back with [`Input::Tick`]. Whoever drives
//! it (the agent's actor) carries out actions in its own time and reports each outcome as an input.
//!
//! No clock, no I/O, no randomness: the same inputs give the same life. What things are called, how long they wait
//! and which texts they show is upstream's kubelet, because clients compare them.
//!
//! Where to go: [`spec`] what of a Pod matters here, [`input`] everything that can happen, `container` one container,
//! `plan` what happens next, `phase` and `conditions` what it all adds up to, `report` its JSON.

mod backoff;
mod conditions;
mod container;
pub mod input;
mod life;
mod phase;
mod plan;
mod probe;
mod qos;
mod report;
pub mod spec;
mod terminate;

pub use input::{Action, Input, Outcome, Restored, RestoredContainer, StartFailure, Terminated};
pub use life::PodLife;
pub use probe::ProbeKind;
pub use qos::{Qos, qos_class};
pub use spec::PodView;
