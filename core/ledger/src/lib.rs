//! The one resource kernel of a control plane: behind one lock, on one clock, for all who act on it.
//!
//! The scheduler claims on it, the Mesos door answers offers on it, the API server shows it. Whoever takes a step
//! ([`Ledger::act`]), what the kernel has to say to frameworks that take offers, and to agents for them, goes on one
//! queue in order ([`Deliveries`]); what concerns those who claim goes to them ([`Books::take_claims`]); and the kernel's
//! timers are kept ([`Ledger::keep_time`]). It must not decide anything, nor know Pods or Mesos' messages.
//!
//! Where to go next: `ledger.rs` (the lock and the clock), `books.rs` (the kernel and its post), `view.rs` (Offers and
//! Agents as objects of the API).

pub mod amounts;
mod books;
mod ledger;
mod post;
mod view;

pub use books::Books;
pub use ledger::Ledger;
pub use post::{Deliveries, Delivery};
