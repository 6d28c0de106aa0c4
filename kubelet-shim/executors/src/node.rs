//! The node protocol: how the cluster's side launches, kills and acknowledges, and hears.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use futures::stream;
use kubernel_mesos_proto::node::{CALLS_PATH, Call, CallType, EVENTS_PATH, Event, EventType};
use kubernel_volumes::persistent;
use tokio::sync::broadcast::error::RecvError;

use crate::book::framework_id;
use crate::http::{self, Form, Refusal, bad};
use crate::{Error, Executors};

/// How often the other side hears that we are there.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(crate) fn routes(executors: Executors) -> Router {
    Router::new().route(EVENTS_PATH, get(events)).route(CALLS_PATH, post(calls)).with_state(executors)
}

/// First all there is, then what happens. Whoever is too slow has to come again.
async fn events(State(executors): State<Executors>) -> Response {
    let (first, receiver) = executors.follow();
    let records = stream::unfold((first.into_iter(), receiver), |(mut first, mut receiver)| async move {
        let event = match first.next() {
            Some(event) => event,
            None => match tokio::time::timeout(HEARTBEAT, receiver.recv()).await {
                Ok(Ok(event)) => event,
                Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => return None,
                Err(_) => Event { r#type: EventType::Heartbeat, ..Event::default() },
            },
        };
        let record: Bytes = Form::Json.record(&event);
        Some((Ok(record), (first, receiver)))
    });
    http::stream(Form::Json, records)
}

async fn calls(State(executors): State<Executors>, request: Request) -> Result<StatusCode, Refusal> {
    let (call, _) = http::read::<Call>(request, "node.Call").await?;
    let missing = || bad("the call lacks what it is about");
    match call.r#type {
        CallType::Launch => {
            let launch = call.launch.ok_or_else(missing)?;
            let key = (framework_id(&launch.framework), launch.executor.executor_id.value.clone());
            executors.step(|book| book.launch(launch)).map_err(failed)?;
            executors.launched(&key);
        }
        CallType::Kill => {
            let kill = call.kill.ok_or_else(missing)?;
            let (framework, task) = (kill.framework_id.value, kill.task_id.value);
            executors.step(|book| book.kill(&framework, &task, kill.kill_policy)).map_err(failed)?;
        }
        CallType::Shutdown => {
            let shutdown = call.shutdown.ok_or_else(missing)?;
            let (framework, executor) = (shutdown.framework_id.value, shutdown.executor_id.value);
            if let Some(deed) = executors.step(|book| book.shutdown(&framework, &executor)) {
                executors.carry_out(deed);
            }
        }
        CallType::Message => {
            let message = call.message.ok_or_else(missing)?;
            let (framework, executor) = (message.framework_id.value, message.executor_id.value);
            executors.step(|book| book.message(&framework, &executor, message.data));
        }
        CallType::Over => {
            let over = call.over.ok_or_else(missing)?;
            let key = (over.framework_id.value, over.executor_id.value);
            // How its process ended may not have been heard of yet.
            executors.look_at(&key);
            executors.step(|book| book.pod_is_over(&key, &over.pod_uid)).map_err(failed)?;
        }
        CallType::Acknowledge => {
            let done = call.acknowledge.ok_or_else(missing)?;
            let (framework, task) = (done.framework_id.value, done.task_id.value);
            executors.step(|book| book.acknowledge(&framework, &task, &done.uuid)).map_err(failed)?;
        }
        CallType::Destroy => {
            let destroy = call.destroy.ok_or_else(missing)?;
            persistent::destroy(&executors.inner.config.volumes_dir, &destroy.uid)
                .map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        }
        CallType::Unknown => return Err(bad("the call says not what it is")),
    }
    Ok(StatusCode::ACCEPTED)
}

fn failed(error: Error) -> Refusal {
    let status = match &error {
        Error::Call(_) => StatusCode::NOT_FOUND,
        Error::File { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refusal(status, error.to_string())
}
