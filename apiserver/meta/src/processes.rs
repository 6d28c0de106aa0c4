//! What marks Pods and nodes of processes that need no container runtime: names on which server, scheduler, bridge and
//! node agree.

/// The RuntimeClass, and the handler, of Pods whose containers are processes of their node.
pub const RUNTIME_CLASS: &str = "process";
/// The taint of a node without a container runtime. Pods of [`RUNTIME_CLASS`] tolerate it, by their class.
pub const ONLY_TAINT: &str = "kernel.kubernel.io/processes-only";
