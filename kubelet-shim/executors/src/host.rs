//! What the node's agent does for us.

use axum::http::StatusCode;
use futures::future::BoxFuture;
use kubernel_runtime::cri::ExecRequest;
use kubernel_streams::remote_command::ExecTarget;

/// The node as the tools of Mesos' operators need it.
pub trait Host: Send + Sync + 'static {
    /// What the runtime calls a container of a Pod: the one with this name, or the first where none has it; `None` where
    /// there is no such Pod, or nothing runs in it.
    fn container(&self, pod_uid: &str, name: Option<&str>) -> Option<String>;

    /// Prepares a command in a container; the error is a text for whoever asked.
    fn exec(&self, request: ExecRequest) -> BoxFuture<'_, Result<Box<dyn ExecTarget>, String>>;

    /// Whether whoever has this bearer token of the cluster may run commands on the node; if not, with what that is
    /// answered.
    fn may_run<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), (StatusCode, String)>>;
}
