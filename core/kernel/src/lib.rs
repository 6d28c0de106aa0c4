//! The resource kernel: who may use how much of which machine.
//!
//! It knows agents (machines), roles (who shares fairly with whom), frameworks (who asks), offers and tasks. It does not
//! know Pods, sockets, files or the time: [`Kernel::step`] takes `now` and an [`Input`] and answers with [`Step`]:
//! the [`Event`]s that happened, the messages to send and when to be called again. [`State::apply`] is total and the
//! only thing that changes a state, so that the events of a run replayed on an empty [`State`] give the same state.
//!
//! Two ways to get resources:
//! * **Offers**, as in Mesos: a round hands the free part of an agent to the framework whose turn it is; it accepts
//!   (launching tasks on it) or declines (with a filter that keeps the like of it away for a while).
//! * **Claims**: a framework that says how many slots a role wants ([`Input::Demand`]) is told when it is that role's
//!   [`Turn`], chooses the agent itself and claims exactly what one task needs: an offer made to measure and accepted
//!   in advance. Thus fairness is decided task by task, even on a cluster of one machine.
//!
//! Every kind of resource (plain, reserved, a volume, revocable, items such as ports) has a number, and one ledger counts
//! them all (`kind.rs`, `names.rs`, `resources.rs`). What agents are to do comes out of a step as [`Order`]s.
//!
//! Turns follow guarantees of roles (`quota.rs`), then weighted dominant resource fairness over the tree of roles, then over a role's frameworks
//! (`allocator/`). What must always hold is in [`invariants`].
//!
//! Why somebody has no offer is answered by [`State::why_no_offer`].
//!
//! Where to go next: `input.rs` and `event.rs` (everything that can happen), `decide/` (what an input leads to),
//! `apply/` (what an event changes), `allocator/` (whose turn it is), `invariants.rs`.

mod agent;
mod allocator;
mod apply;
mod constraints;
mod decide;
mod event;
mod explain;
mod framework;
mod ids;
mod input;
pub mod invariants;
mod kind;
pub mod limits;
mod names;
mod offer;
mod operation;
mod quota;
mod ranges;
mod refusal;
mod resources;
mod role;
mod settings;
mod share;
mod state;
mod status;
mod task;
mod task_names;
mod timer;
mod traits;

pub use agent::{Absent, Agent, Availability, Drain, Unavailability};
pub use constraints::{Constraint, Constraints, Pattern, Predicate, Selector};
pub use decide::Kernel;
pub use event::{Closed, Event, NewTask};
pub use explain::Obstacle;
pub use framework::{Filter, Framework, Mode, Subscription};
pub use ids::{AgentId, FrameworkId, Millis, OfferId, ResourceId, RoleId, TaskId};
pub use input::{Config, Deed, Input, Message, Order, Running, Send, Step, Turn, Update};
pub use kind::{Disk, Kind, Reservation, Shape, Source as DiskSource, SourceForm, Volume};
pub use names::Names;
pub use offer::{InverseOffer, Offer};
pub use operation::{Action, Conversion, Operation};
pub use quota::Quota;
pub use ranges::Ranges;
pub use refusal::Refusal;
pub use resources::Resources;
pub use role::{Role, Roles, Sorter};
pub use settings::{Capabilities, Settings};
pub use share::Share;
pub use state::State;
pub use status::{Reason, Source, Status, TaskState};
pub use task::{Executor, ExecutorSpec, Task, TaskSpec, Unacknowledged};
pub use traits::{Attribute, Domain, Lacks, Traits};
