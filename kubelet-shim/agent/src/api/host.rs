//! What the tools of Mesos' operators need of the node: commands in containers, for those who may use its kubelet API.

use axum::http::StatusCode;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kubernel_executors::Host;
use kubernel_runtime::cri::ExecRequest;
use kubernel_streams::remote_command::ExecTarget;

use super::auth::{self, Peer, Question};
use super::streams;
use crate::node::NodeContext;

impl Host for NodeContext {
    fn container(&self, pod_uid: &str, name: Option<&str>) -> Option<String> {
        let pods = self.pods.lock();
        let view = pods.get(pod_uid)?.view.borrow();
        let running = |(known, id, running): &(String, String, bool)| running.then(|| (known.clone(), id.clone()));
        let mut all = view.containers.iter().filter_map(running).collect::<Vec<_>>();
        let at = all.iter().position(|(known, _)| name == Some(known)).unwrap_or(0);
        (at < all.len()).then(|| all.swap_remove(at).1)
    }

    fn exec(&self, request: ExecRequest) -> BoxFuture<'_, Result<Box<dyn ExecTarget>, String>> {
        async move {
            let streams = self.runtime.exec(request).await.map_err(|error| error.to_string())?;
            Ok(streams::target(streams))
        }
        .boxed()
    }

    fn may_run<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), (StatusCode, String)>> {
        async move { auth::check(self, &Peer::default(), &Question::to_exec(token)).await }.boxed()
    }
}
