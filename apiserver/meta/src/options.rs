//! The options of requests, already parsed and checked (metav1.ListOptions, DeleteOptions, …).

use crate::{FieldSelector, LabelSelector};

/// `resourceVersionMatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceVersionMatch {
    /// Any state that is no older.
    NotOlderThan,
    /// That very state.
    Exact,
}

/// What a list or watch asks for.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// Only objects whose labels match.
    pub labels: LabelSelector,
    /// Only objects whose fields match.
    pub fields: FieldSelector,
    /// `resourceVersion` as sent; `None` where it was not.
    pub resource_version: Option<String>,
    /// `resourceVersionMatch`.
    pub resource_version_match: Option<ResourceVersionMatch>,
    /// At most this many objects; 0 is no limit.
    pub limit: u64,
    /// The token of the page before.
    pub continue_token: String,
    /// `watch`.
    pub watch: bool,
    /// `allowWatchBookmarks`.
    pub allow_watch_bookmarks: bool,
    /// `sendInitialEvents`, where it was sent.
    pub send_initial_events: Option<bool>,
    /// `timeoutSeconds`.
    pub timeout_secs: Option<u64>,
}

/// What happens to dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropagationPolicy {
    /// They stay, without the owner reference.
    Orphan,
    /// They go after the owner, in the background.
    Background,
    /// They go before the owner.
    Foreground,
}

/// What must be true of the object that is about to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// Its uid.
    pub uid: Option<String>,
    /// Its resourceVersion.
    pub resource_version: Option<String>,
}

/// `metav1.DeleteOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// `gracePeriodSeconds`.
    pub grace_secs: Option<i64>,
    /// `preconditions`.
    pub preconditions: Preconditions,
    /// `propagationPolicy`.
    pub propagation_policy: Option<PropagationPolicy>,
    /// `orphanDependents`, the older form of the policy.
    pub orphan_dependents: Option<bool>,
    /// `dryRun: [All]`.
    pub dry_run: bool,
}

/// What to do about unknown and duplicate fields of a request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// Drop them silently.
    Ignore,
    /// Drop them and send a `Warning` header each.
    #[default]
    Warn,
    /// Refuse the request.
    Strict,
}

/// The options of create, update and patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// `dryRun=All`: everything but the write.
    pub dry_run: bool,
    /// `fieldManager`; empty where not sent.
    pub field_manager: String,
    /// `fieldValidation`.
    pub field_validation: FieldValidation,
    /// `force`, of server-side apply only.
    pub force: Option<bool>,
}
