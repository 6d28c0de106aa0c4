//! What goes into a step and what comes out of it.

use std::sync::Arc;

use crate::{
    AgentId, Availability, Event, FrameworkId, Millis, Mode, OfferId, Operation, Quota, Reason, Refusal, ResourceId,
    Resources, RoleId, Settings, Sorter, Source, Status, TaskId, TaskSpec, TaskState, Traits, Unavailability,
};

/// What a kernel is told when it is made.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long an offer stays open; `None`: until it is answered (as in Mesos).
    pub offer_ms_max: Option<u64>,
    /// The free part of an agent is worth an offer if it has at least one of these amounts.
    pub offer_min: Resources,
    /// How long after one agent is marked unreachable the next one is, at the earliest: a failure of the network must
    /// not take all agents away at once. 0: at once.
    pub removal_ms_min: u64,
    /// The kernel's own region: agents in others are for those who understand it.
    pub region: Option<Arc<str>>,
    /// Offers are counted from here. A kernel that follows another, whose offers somebody may still answer, must not use
    /// their numbers again.
    pub offers_after: u64,
}

/// What somebody wants of the kernel.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the objects in question")]
pub enum Input {
    /// Timers are due or a round is: to be given when [`Step::wake_at`] has come.
    Tick,
    /// Who is served first is to be found in this way.
    SetSorter { sorter: Sorter },
    /// A machine came.
    AddAgent { name: Arc<str>, total: Resources, availability: Availability },
    /// A machine has changed.
    UpdateAgent { agent: AgentId, total: Resources, availability: Availability },
    /// What a machine says of itself.
    DescribeAgent { agent: AgentId, traits: Arc<Traits> },
    /// A machine does not answer: nothing of it is offered until it does.
    DisconnectAgent { agent: AgentId },
    /// A machine answers again.
    ReconnectAgent { agent: AgentId },
    /// A machine has not answered for too long: it is marked unreachable when its turn has come.
    LoseAgent { agent: AgentId },
    /// A machine comes, or comes back, with what runs on it.
    RegisterAgent { name: Arc<str>, total: Resources, traits: Arc<Traits>, tasks: Vec<Running> },
    /// An operator says that a machine, there or away, does not come back.
    MarkGone { name: Arc<str> },
    /// A machine will not be there at some time.
    ScheduleAgent { agent: AgentId, unavailability: Option<Unavailability> },
    /// A machine is to be emptied.
    DrainAgent { agent: AgentId, grace_ms: Option<u64>, mark_gone: bool },
    /// A machine is not to be emptied any more.
    ReactivateAgent { agent: AgentId },
    /// An operator does something with what is free on a machine; open offers of it are taken back for that.
    Operate { agent: AgentId, operation: Operation },
    /// A machine is gone: its offers are rescinded, its tasks lost.
    RemoveAgent { agent: AgentId },
    /// A role and those above it shall be there, with this weight.
    SetRole { path: Arc<str>, weight_milli: u32 },
    /// Something is settled for a role; `None`: nothing any more. Unless forced it must be possible now.
    SetQuota { path: Arc<str>, quota: Option<Quota>, force: bool },
    /// Nobody keeps the weight of a role any more: it is the default again, and the role goes with its last user.
    ForgetRole { role: RoleId },
    /// A new framework.
    Subscribe { name: Arc<str>, mode: Mode, roles: Vec<Arc<str>>, failover_ms: Option<u64> },
    /// A framework that was there before the kernel was: it has not come back yet.
    RecoverFramework { framework: FrameworkId, name: Arc<str>, mode: Mode, failover_ms: Option<u64> },
    /// What a framework says of itself.
    Configure { framework: FrameworkId, settings: Arc<Settings>, failover_ms: Option<u64> },
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
    /// How much a role wants now ([`Mode::Offers`]): offers hold no more; nothing: whatever comes.
    Request { framework: FrameworkId, role: RoleId, wish: Resources },
    /// Takes exactly this much of an agent for a task, in one's turn.
    Claim { framework: FrameworkId, role: RoleId, agent: AgentId, task: TaskSpec },
    /// Writes down a task that runs already (recovery, or placed by somebody else). Needs no turn and no free place.
    Adopt { framework: FrameworkId, role: RoleId, agent: AgentId, task: TaskSpec, state: TaskState },
    /// Does something with offers of one agent in one role; declines the rest, with a filter of this many milliseconds.
    Accept { framework: FrameworkId, offers: Vec<OfferId>, operations: Vec<Operation>, filter_ms: u64 },
    /// Wants none of these offers, nor the like for so many milliseconds (0: until others had the chance).
    Decline { framework: FrameworkId, offers: Vec<OfferId>, filter_ms: u64 },
    /// Says to inverse offers whether the framework will leave; it is asked again after so many milliseconds.
    AnswerInverse { framework: FrameworkId, offers: Vec<OfferId>, accept: bool, filter_ms: u64 },
    /// Wants offers again, in these roles (none: in all).
    Revive { framework: FrameworkId, roles: Vec<RoleId> },
    /// Wants no offers, in these roles (none: in all).
    Suppress { framework: FrameworkId, roles: Vec<RoleId> },
    /// A task came to a state; a terminal one ends it. Nobody is told: who says it knows it.
    UpdateTask { task: TaskId, state: TaskState },
    /// An agent says that a task came to a state; the framework is told. With a `uuid` its end is told until it is
    /// acknowledged.
    Report { agent: AgentId, framework: FrameworkId, name: Arc<str>, update: Update },
    /// A framework knows of an update.
    Acknowledge { framework: FrameworkId, agent: AgentId, name: Arc<str>, uuid: u128 },
    /// A task is to end.
    Kill { framework: FrameworkId, name: Arc<str>, agent: Option<AgentId>, grace_ms: Option<u64> },
    /// An executor is to end with its tasks.
    Shutdown { framework: FrameworkId, agent: AgentId, executor: Arc<str> },
    /// An executor ended; `status` is as wait(2) says.
    ExecutorExited { framework: FrameworkId, agent: AgentId, executor: Arc<str>, status: i32 },
    /// A framework asks how its tasks are: these, or all.
    Reconcile { framework: FrameworkId, tasks: Vec<(Arc<str>, Option<Arc<str>>)> },
    /// Somebody needs room for a task of this priority in this role: tasks that have less of a right to their place are
    /// asked back, and ended when the notice has run out.
    Reclaim { role: RoleId, agent: AgentId, needs: Resources, priority: i32, notice_ms: u64 },
}

/// A task that an agent says it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// Whose it is.
    pub framework: FrameworkId,
    /// The role it counts in.
    pub role: Arc<str>,
    /// What it is.
    pub task: TaskSpec,
    /// How far it is.
    pub state: TaskState,
}

/// What an agent says of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// How far it is.
    pub state: TaskState,
    /// Who says so.
    pub source: Source,
    /// Why.
    pub reason: Option<Reason>,
    /// The words for people.
    pub message: Option<Arc<str>>,
    /// To be acknowledged.
    pub uuid: Option<u128>,
}

/// What a step led to.
#[derive(Debug, Default)]
pub struct Step {
    /// What happened, in order; already applied.
    pub events: Vec<Event>,
    /// What frameworks are to be told, in order.
    pub sends: Vec<Send>,
    /// What agents are to do, in order.
    pub orders: Vec<Order>,
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
    /// Agents are asked back; the inverse offers are to be looked up in the state.
    InverseOffers(Vec<OfferId>),
    /// An agent is not asked back any more.
    InverseRescinded(OfferId),
    /// A task came to a state that the framework did not report itself.
    Task(Box<Status>),
    /// An operation with an id was done, or why it was not.
    Operation {
        /// The framework's name for it.
        id: Arc<str>,
        /// Why it was not done.
        error: Option<Arc<str>>,
    },
    /// A task is asked back: it is ended at that time if it has not ended before.
    AskedBack {
        /// The framework's name for it.
        name: Arc<str>,
        /// When.
        until: Millis,
    },
    /// An agent is not there any more.
    AgentLost(AgentId),
    /// An executor is not there any more.
    ExecutorLost {
        /// Where it was.
        agent: AgentId,
        /// Which.
        executor: Arc<str>,
        /// As wait(2) says.
        status: i32,
    },
    /// The framework was removed.
    Removed,
}

/// Something that an agent is to do for a framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Which agent.
    pub agent: AgentId,
    /// For whom.
    pub framework: FrameworkId,
    /// What.
    pub deed: Deed,
}

/// What an agent is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Run these tasks, to be looked up in the state; together or none of them if it is a group.
    Launch {
        /// Which.
        tasks: Vec<TaskId>,
        /// Together.
        group: bool,
    },
    /// End a task.
    Kill {
        /// The framework's name for it.
        name: Arc<str>,
        /// How long it may take; `None`: as it was launched.
        grace_ms: Option<u64>,
        /// Why, if the framework did not ask for it.
        reason: Option<Reason>,
    },
    /// End an executor.
    ShutdownExecutor(Arc<str>),
    /// End all of the framework.
    ShutdownFramework,
    /// An update has come to who was to be told.
    Acknowledge {
        /// The framework's name for the task.
        name: Arc<str>,
        /// Which.
        uuid: u128,
    },
    /// Write down what the agent has to give now: reservations and volumes have changed.
    Checkpoint {
        /// Volumes whose contents go, even if others of the same kind were made since.
        destroyed: Vec<ResourceId>,
    },
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
        Self {
            offer_ms_max: None,
            offer_min: Resources::new(10, 32 << 20, 0, 0),
            removal_ms_min: 0,
            region: None,
            offers_after: 0,
        }
    }
}
