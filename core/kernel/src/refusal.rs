//! Why the kernel said no to an input; nothing has changed then.

/// Why an input was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such agent.
    #[error("no such agent")]
    UnknownAgent,
    /// No such framework.
    #[error("no such framework")]
    UnknownFramework,
    /// The framework is not subscribed to the role.
    #[error("the framework is not subscribed to the role")]
    UnknownRole,
    /// No such task.
    #[error("no such task")]
    UnknownTask,
    /// An offer is not there (any more), is another framework's, or differs from the others in agent or role.
    #[error("the offers are no longer valid")]
    InvalidOffers,
    /// The framework is not connected, or it takes resources in the other way.
    #[error("the framework may not do this now")]
    WrongMode,
    /// Somebody else is to be served first.
    #[error("it is not this role's turn")]
    NotYourTurn,
    /// The agent takes nothing new.
    #[error("the agent is draining")]
    AgentDraining,
    /// The agent has not that much free.
    #[error("not enough is free on the agent")]
    Insufficient,
    /// The role may not have that much, or guarantees of others need it.
    #[error("the quota of the role or the guarantees of others leave no room")]
    OverQuota,
    /// A quota cannot be: why.
    #[error("{0}")]
    InvalidQuota(String),
    /// An operation cannot be done: why, in Mesos' words.
    #[error("{0}")]
    InvalidOperation(String),
    /// An operator said that the agent does not come back.
    #[error("the agent was marked gone")]
    AgentGone,
    /// The framework has a task of that name.
    #[error("a task of that name exists")]
    DuplicateTask,
    /// An agent of that name exists.
    #[error("an agent of that name exists")]
    DuplicateAgent,
    /// A role's path is not one (Mesos' rules).
    #[error("{0:?} is not the path of a role")]
    InvalidRole(String),
    /// A limit of [`crate::limits`] is reached.
    #[error("the kernel holds as many {0} as it can")]
    TooMany(&'static str),
    /// A sum of amounts does not fit in 64 bits.
    #[error("the amounts are too large")]
    TooLarge,
}
