//! What goes into a step and what comes out of it.

use std::sync::Arc;

use crate::{
    AgentId, Availability, Event, FrameworkId, Millis, Mode, OfferId, Refusal, Resources, RoleId, TaskId, TaskState,
};

/// What a kernel is told when it is made.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long an offer stays open; `None`: until it is answered (as in Mesos).
    pub offer_ms_max: Option<u64>,
    /// The free part of an agent is worth an offer if it has at least one of these amounts.
    pub offer_min: Resources,
}

/// What somebody wants of the kernel.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the objects in question")]
pub enum Input {
    /// Timers are due or a round is: to be given when [`Step::wake_at`] has come.
    Tick,
    /// A machine came.
    AddAgent { name: Arc<str>, total: Resources, availability: Availability },
    /// A machine has changed.
    UpdateAgent { agent: AgentId, total: Resources, availability: Availability },
    /// A machine is gone: its offers are rescinded, its tasks lost.
    RemoveAgent { agent: AgentId },
    /// A role and those above it shall be there, with this weight.
    SetRole { path: Arc<str>, weight_milli: u32 },
    /// Nobody keeps the weight of a role any more: it is the default again, and the role goes with its last user.
    ForgetRole { role: RoleId },
    /// A new framework.
    Subscribe { name: Arc<str>, mode: Mode, roles: Vec<Arc<str>>, failover_ms: Option<u64> },
    /// A framework that was there before listens again, in these roles.
    Resubscribe { framework: FrameworkId, roles: Vec<Arc<str>> },
    /// One more role for a framework.
    JoinRole { framework: FrameworkId, role: Arc<str> },
    /// One role less: its offers there are rescinded; its tasks stay.
    LeaveRole { framework: FrameworkId, role: RoleId },
    /// Nobody listens any more.
    Disconnect { framework: FrameworkId },
    /// A framework is to go with all its tasks.
    RemoveFramework { framework: FrameworkId },
    /// How many slots a role wants now ([`Mode::Claims`]); 0 also gives a turn away.
    Demand { framework: FrameworkId, role: RoleId, slots: u32 },
    /// Takes exactly this much of an agent for a task, in one's turn.
    Claim { framework: FrameworkId, role: RoleId, agent: AgentId, task: TaskSpec },
    /// Writes down a task that runs already (recovery, or placed by somebody else). Needs no turn and no free place.
    Adopt { framework: FrameworkId, role: RoleId, agent: AgentId, task: TaskSpec, state: TaskState },
    /// Launches tasks on offers of one agent in one role; declines the rest, with a filter of this many milliseconds.
    Accept { framework: FrameworkId, offers: Vec<OfferId>, tasks: Vec<TaskSpec>, filter_ms: u64 },
    /// Wants none of these offers, nor the like for so many milliseconds (0: no filter).
    Decline { framework: FrameworkId, offers: Vec<OfferId>, filter_ms: u64 },
    /// Wants offers again, in these roles (none: in all).
    Revive { framework: FrameworkId, roles: Vec<RoleId> },
    /// Wants no offers, in these roles (none: in all).
    Suppress { framework: FrameworkId, roles: Vec<RoleId> },
    /// A task came to a state; a terminal one ends it.
    UpdateTask { task: TaskId, state: TaskState },
}

/// A task that somebody wants to run.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSpec {
    /// The framework's name for it.
    pub name: Arc<str>,
    /// What it needs.
    pub resources: Resources,
}

/// What a step led to.
#[derive(Debug, Default)]
pub struct Step {
    /// What happened, in order; already applied.
    pub events: Vec<Event>,
    /// What frameworks are to be told, in order.
    pub sends: Vec<Send>,
    /// When to give [`Input::Tick`]; a time that has passed means as soon as the inputs at hand have been given.
    pub wake_at: Option<Millis>,
    /// Who may claim now.
    pub turn: Option<Turn>,
    /// Why the input was refused.
    pub refused: Option<Refusal>,
}

/// A message to a framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// To whom.
    pub to: FrameworkId,
    /// What.
    pub message: Message,
}

/// What a framework is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Offers, to be looked up in the state.
    Offers(Vec<OfferId>),
    /// An offer is void.
    Rescinded(OfferId),
    /// A task came to a state that the framework did not report itself.
    Task {
        /// The framework's name for it.
        name: Arc<str>,
        /// Its state now.
        state: TaskState,
    },
    /// The framework was removed.
    Removed,
}

/// The right to claim, until the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Whose it is.
    pub framework: FrameworkId,
    /// For which role.
    pub role: RoleId,
}

impl Default for Config {
    fn default() -> Self {
        Self { offer_ms_max: None, offer_min: Resources::new(10, 32 << 20, 0, 0) }
    }
}
