//! The kinds of the `events.k8s.io` group, and what both versions of Events share.

pub(crate) mod cells;
pub mod event;
pub(crate) mod rules;
