//! The doors to exec, attach and port-forward. What goes through them is the business of `kubernel-streams`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use kubernel_runtime::{Streams, cri};
use kubernel_streams::containerd::PreparedStream;
use kubernel_streams::local::LocalCommand;
use kubernel_streams::port_forward::{self, PodDialer, PodNetwork};
use kubernel_streams::remote_command::{self, ExecTarget, StreamOptions};

use super::{Refusal, pods};
use crate::node::NodeContext;
use crate::pod::View;

type Answer = Result<Response, Refusal>;

/// `/exec/NAMESPACE/POD/CONTAINER?command=…&input=1&output=1&error=1&tty=1`
pub(crate) async fn exec(
    State(node): State<Arc<NodeContext>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    request: Request,
) -> Answer {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let command: Vec<String> =
        super::pairs(Some(&query)).into_iter().filter(|(key, _)| key == "command").map(|(_, value)| value).collect();
    if command.is_empty() {
        return Err((StatusCode::BAD_REQUEST, "you must specify at least one command for the container\n".into()));
    }
    let container_id = running(&node, &namespace, &pod, &container)?;
    let options = options(&query);
    let StreamOptions { stdin, stdout, stderr, tty } = options;
    let prepared = cri::ExecRequest { container_id, cmd: command, stdin, stdout, stderr, tty };
    let streams = node.runtime.exec(prepared).await.map_err(failed)?;
    Ok(remote_command::serve(request, options, target(streams)).map(Body::new))
}

/// `/attach/NAMESPACE/POD/CONTAINER?input=1&output=1&error=1&tty=1`
pub(crate) async fn attach(
    State(node): State<Arc<NodeContext>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    request: Request,
) -> Answer {
    let container_id = running(&node, &namespace, &pod, &container)?;
    let options = options(request.uri().query().unwrap_or_default());
    let StreamOptions { stdin, stdout, stderr, tty } = options;
    let prepared = cri::AttachRequest { container_id, stdin, stdout, stderr, tty };
    let streams = node.runtime.attach(prepared).await.map_err(failed)?;
    Ok(remote_command::serve(request, options, target(streams)).map(Body::new))
}

/// `/portForward/NAMESPACE/POD`
pub(crate) async fn port_forward(
    State(node): State<Arc<NodeContext>>,
    Path((namespace, pod)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let view = pods::find(&node, &namespace, &pod)?;
    let network = if view.object["spec"]["hostNetwork"] == true {
        PodNetwork::Host
    } else {
        let sandbox = view.sandbox_id.as_deref();
        let sandbox = sandbox.ok_or((StatusCode::NOT_FOUND, format!("pod \"{pod}\" is not running\n")))?;
        let path = node.runtime.network_namespace(sandbox).await.map_err(failed)?;
        PodNetwork::Namespace(path)
    };
    let dialer = PodDialer { network, name: format!("{namespace}/{pod}") };
    Ok(port_forward::serve(request, Arc::new(dialer)).map(Body::new))
}

/// The same paths with the Pod's uid in them.
pub(crate) mod with_uid {
    use super::{Answer, Arc, NodeContext, Path, Request, State, check_uid};

    /// `/exec/NAMESPACE/POD/UID/CONTAINER`
    pub(crate) async fn exec(
        state: State<Arc<NodeContext>>,
        Path((namespace, pod, uid, container)): Path<(String, String, String, String)>,
        request: Request,
    ) -> Answer {
        check_uid(&state, &namespace, &pod, &uid)?;
        super::exec(state, Path((namespace, pod, container)), request).await
    }

    /// `/attach/NAMESPACE/POD/UID/CONTAINER`
    pub(crate) async fn attach(
        state: State<Arc<NodeContext>>,
        Path((namespace, pod, uid, container)): Path<(String, String, String, String)>,
        request: Request,
    ) -> Answer {
        check_uid(&state, &namespace, &pod, &uid)?;
        super::attach(state, Path((namespace, pod, container)), request).await
    }

    /// `/portForward/NAMESPACE/POD/UID`
    pub(crate) async fn port_forward(
        state: State<Arc<NodeContext>>,
        Path((namespace, pod, uid)): Path<(String, String, String)>,
        request: Request,
    ) -> Answer {
        check_uid(&state, &namespace, &pod, &uid)?;
        super::port_forward(state, Path((namespace, pod)), request).await
    }
}

fn check_uid(node: &NodeContext, namespace: &str, pod: &str, uid: &str) -> Result<(), Refusal> {
    let view: View = pods::find(node, namespace, pod)?;
    if view.object["metadata"]["uid"] == uid {
        return Ok(());
    }
    Err((StatusCode::NOT_FOUND, format!("pod \"{pod}\" with uid {uid} not found\n")))
}

fn running(node: &NodeContext, namespace: &str, pod: &str, container: &str) -> Result<String, Refusal> {
    let (view, container) = pods::find_container(node, namespace, pod, container.to_owned())?;
    match view.container(&container) {
        Some((id, true)) => Ok(id.to_owned()),
        _ => Err((StatusCode::NOT_FOUND, format!("container not found (\"{container}\")\n"))),
    }
}

/// Where the streams of a prepared command are had.
pub(super) fn target(streams: Streams) -> Box<dyn ExecTarget> {
    match streams {
        Streams::Url(url) => Box::new(PreparedStream { url }),
        Streams::Command(words) => Box::new(LocalCommand { words }),
    }
}

/// A terminal has one output; the runtime refuses a second.
fn options(query: &str) -> StreamOptions {
    let mut options = StreamOptions::from_query(query);
    options.stderr &= !options.tty;
    options
}

fn failed(error: kubernel_runtime::RuntimeError) -> Refusal {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))
}
