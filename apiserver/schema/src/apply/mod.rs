//! Server-side apply and field ownership: sets of field paths, `metadata.managedFields`, typed merge and conflicts.
//!
//! [`track_update`] goes with every create, update and patch; [`apply()`] is the apply patch. Both are pure: the caller
//! passes the time. The place of [`track_update`] in a write is upstream's: after decoding and defaulting, before
//! admission and before the kind prepares the object; what those set is nobody's. Nothing here decodes, defaults or validates; what [`apply()`] returns must take the same way through
//! decoding and defaulting as any request body. Types are looked up in [`types`], sets live in
//! [`set`]; who wrote in another version than the request's is [`versions`]' business.

mod check;
mod collect;
mod compare;
mod configuration;
mod conflict;
mod fields_v1;
mod last_applied;
mod managed;
mod merge;
mod path;
mod reconcile;
mod remove;
pub mod scale;
mod server_side;
mod set;
mod strip;
mod track;
mod types;
mod versions;
mod violation;
mod zero;

pub use configuration::lay_over;
pub use managed::{Entry, Identity, ManagedFields, Operation};
pub use path::PathElement;
pub use server_side::apply;
pub use set::{Node, Set};
pub use track::{keep_times, track_update};
pub use versions::{OneVersion, Version, Versions};

/// Who writes, and how: what every write tells this module.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The field manager: the request's `fieldManager`, else the User-Agent's name ([`default_manager`]).
    pub manager: &'a str,
    /// The `apiVersion` of the request.
    pub api_version: &'a str,
    /// The kind of the request.
    pub kind: &'a str,
    /// The subresource, for example `status`; empty for the object itself.
    pub subresource: &'a str,
    /// The time of the write, RFC 3339 in seconds.
    pub now: &'a str,
    /// Fields that this write resets: nobody comes to own them or what is below them.
    pub reset: &'a [&'a [&'a str]],
    /// Where not empty, only what is at or below these patterns can be owned; `*` stands for any step.
    pub only: &'a [&'a [&'a str]],
}

impl Write<'_> {
    fn filter(&self, set: Set) -> Set {
        let set = set.recursive_difference(&Set::of_fields(self.reset));
        if self.only.is_empty() { set } else { set.only(self.only) }
    }
}

const MANAGER_CHARS_MAX: usize = 128;

/// The manager of a write that names none: the User-Agent up to its first `/`, at most 128 printable characters.
pub fn default_manager(user_agent: &str) -> String {
    let name = user_agent.split('/').next().unwrap_or_default();
    let printable = name.chars().filter(|c| !c.is_control());
    let mut out = String::new();
    for c in printable {
        if out.len() + c.len_utf8() > MANAGER_CHARS_MAX {
            break;
        }
        out.push(c);
    }
    out
}
