//! The executor API: what executors call, and the stream on which they hear.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use kubernel_mesos_proto::executor::{Call, call};
use kubernel_mesos_proto::v1::{TaskState, TaskStatusSource};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::Executors;
use crate::book::{Key, REGISTRATION};
use crate::http::{self, Refusal, bad};

/// The length of an update's identifier.
const UUID_BYTES: usize = 16;

/// `/api/v1/executor`
pub(crate) async fn executor(State(executors): State<Executors>, request: Request) -> Result<Response, Refusal> {
    let (call, headers) = http::read::<Call>(request, "Call").await?;
    check(&call).map_err(|text| bad(format!("Failed to validate Executor::Call: {text}")))?;
    let form = http::accepted(&headers)?;
    authenticate(&executors, &headers, &call)?;
    let key = (call.framework_id.value.clone(), call.executor_id.value.clone());
    match call.r#type {
        Some(call::Type::Heartbeat) => Ok(StatusCode::ACCEPTED.into_response()),
        Some(call::Type::Subscribe) => {
            let events = subscribe(&executors, &key, call.subscribe.unwrap_or_default()).await?;
            let records = UnboundedReceiverStream::new(events).map(move |event| Ok(form.record(&event)));
            Ok(http::stream(form, records))
        }
        Some(call::Type::Update) => {
            known(&executors, &key)?;
            if let Some(update) = call.update {
                executors.step(|book| book.update(&key, update.status)).map_err(failed)?;
            }
            Ok(StatusCode::ACCEPTED.into_response())
        }
        Some(call::Type::Message) => {
            known(&executors, &key)?;
            if let Some(message) = call.message {
                executors.step(|book| book.message_from(&key, message.data));
            }
            Ok(StatusCode::ACCEPTED.into_response())
        }
        _ => Err(Refusal(StatusCode::NOT_IMPLEMENTED, String::new())),
    }
}

/// An executor may show that it is one; if it does, it must be the one it says.
fn authenticate(executors: &Executors, headers: &HeaderMap, call: &Call) -> Result<(), Refusal> {
    let Some(header) = headers.get(header::AUTHORIZATION) else { return Ok(()) };
    let token = header.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
    let Some(claims) = executors.inner.tokens.read(token.trim()) else {
        return Err(Refusal(StatusCode::UNAUTHORIZED, "Invalid JWT".to_owned()));
    };
    if (&claims.fid, &claims.eid) == (&call.framework_id.value, &call.executor_id.value) {
        return Ok(());
    }
    let text = "the token is of another executor";
    Err(Refusal(StatusCode::FORBIDDEN, text.to_owned()))
}

fn failed(error: crate::Error) -> Refusal {
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

async fn subscribe(
    executors: &Executors,
    key: &Key,
    call: call::Subscribe,
) -> Result<mpsc::UnboundedReceiver<kubernel_mesos_proto::executor::Event>, Refusal> {
    // One that was faster than its first task waits as long as it itself might have taken.
    let waited = tokio::time::timeout(REGISTRATION, async {
        loop {
            // Asked for before the look: news between both are not missed.
            let news = executors.inner.news.notified();
            let (line, events) = mpsc::unbounded_channel();
            if executors.step(|book| book.subscribe(key, call.clone(), line)).map_err(failed)? {
                return Ok(events);
            }
            if !executors.inner.book.lock().is_early(key) {
                return Err(unknown(executors, key));
            }
            news.await;
        }
    });
    waited.await.unwrap_or_else(|_| Err(unknown(executors, key)))
}

fn unknown(executors: &Executors, key: &Key) -> Refusal {
    let known = executors.inner.book.lock().executors.keys().any(|(framework, _)| *framework == key.0);
    bad(if known { "Executor cannot be found" } else { "Framework cannot be found" })
}

fn known(executors: &Executors, key: &Key) -> Result<(), Refusal> {
    let subscribed = executors.inner.book.lock().executors.get(key).map(|executor| executor.has_subscribed());
    match subscribed {
        None => Err(unknown(executors, key)),
        Some(false) => Err(Refusal(StatusCode::FORBIDDEN, "Executor is not subscribed".into())),
        Some(true) => Ok(()),
    }
}

/// What a call must have.
fn check(call: &Call) -> Result<(), String> {
    let present =
        |there: bool, name: &str| if there { Ok(()) } else { Err(format!("Expecting '{name}' to be present")) };
    present(call.r#type.is_some(), "type")?;
    match call.r#type {
        Some(call::Type::Subscribe) => present(call.subscribe.is_some(), "subscribe"),
        Some(call::Type::Message) => present(call.message.is_some(), "message"),
        Some(call::Type::Update) => {
            let status = call.update.as_ref().map(|update| &update.status);
            let Some(status) = status else { return present(false, "update") };
            let uuid = status.uuid.as_ref();
            present(uuid.is_some(), "uuid")?;
            if uuid.is_none_or(|uuid| uuid.len() != UUID_BYTES) {
                return Err("Not a valid UUID".into());
            }
            if let Some(named) = status.executor_id.as_ref().filter(|named| **named != call.executor_id) {
                let (wrong, right) = (&named.value, &call.executor_id.value);
                return Err(format!("ExecutorID in Call: {right} does not match ExecutorID in TaskStatus: {wrong}"));
            }
            if status.source != Some(TaskStatusSource::Executor) {
                let source = "Received Call from executor with a source other than 'SOURCE_EXECUTOR'";
                return Err(source.into());
            }
            if status.state == TaskState::Staging {
                return Err("Received TASK_STAGING from executor which is not allowed".into());
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
