//! How much of everything a kernel holds at most. Beyond a limit an input is refused; nothing grows without bound.

/// Agents.
pub const AGENTS_MAX: usize = 100_000;
/// Roles, counting the inner nodes of the tree.
pub const ROLES_MAX: usize = 100_000;
/// How deep a role may be nested: `a/b/c` is 3.
pub const ROLE_DEPTH_MAX: usize = 16;
/// Bytes of a role's path.
pub const ROLE_PATH_BYTES_MAX: usize = 1024;
/// Frameworks, connected or not.
pub const FRAMEWORKS_MAX: usize = 10_000;
/// Roles of one framework.
pub const FRAMEWORK_ROLES_MAX: usize = 50_000;
/// Tasks that have not ended.
pub const TASKS_MAX: usize = 5_000_000;
/// Filters of all frameworks together; what is declined beyond may be offered again at once.
pub const FILTERS_MAX: usize = 4_000_000;
/// Kinds of resources: names, and for each name its reservations and volumes.
pub const KINDS_MAX: usize = 1_000_000;
/// Items of sets.
pub const ITEMS_MAX: usize = 1_000_000;
/// The largest and default weight of a role in thousandths; a weight is never below one thousandth.
pub const WEIGHT_MILLI_MAX: u32 = 1_000_000_000;
/// The weight of a role of which nobody said anything.
pub const WEIGHT_MILLI_DEFAULT: u32 = 1_000;
/// The longest time for which a declined offer stays away: a year, as in Mesos.
pub const FILTER_MS_MAX: u64 = 365 * 24 * 3_600 * 1_000;
/// Filters end at multiples of this, so that one look per subscription and second finds all that ended.
pub const FILTER_GRAIN_MS: u64 = 1_000;
/// How long a framework may keep a turn without claiming anything.
pub const TURN_MS_MAX: u64 = 1_000;
/// How long an offer that was declined without a filter stays away from who declined it: others get the chance.
pub const DECLINED_MS_MIN: u64 = 1_000;
/// Agents that are away and remembered; beyond, the one that has been away for longest is forgotten (as in Mesos).
pub const ABSENT_MAX: usize = 102_400;
/// Ends of tasks that one framework has not acknowledged; beyond, the oldest is not told again.
pub const UNACKNOWLEDGED_MAX: usize = 1_000;
/// Offers and operations in one answer.
pub const ANSWER_MAX: usize = 10_000;
/// Attributes of an agent.
pub const ATTRIBUTES_MAX: usize = 1_024;
/// The size of a compiled pattern of an offer constraint.
pub const PATTERN_BYTES_MAX: usize = 100 << 10;
/// How long a framework is left alone that was asked to leave an agent and did not say for how long.
pub const INVERSE_MS: u64 = 5_000;
/// The longest notice of a task that is asked back.
pub const NOTICE_MS_MAX: u64 = 600_000;
