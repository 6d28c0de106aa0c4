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
/// Named resources besides the four that every cluster has.
pub const EXTENDED_RESOURCES_MAX: usize = 4_096;
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
