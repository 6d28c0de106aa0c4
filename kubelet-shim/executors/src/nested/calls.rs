//! The operator API's calls about nested containers.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kubernel_mesos_proto::agent::{Call, Response as Answer, call, response};
use kubernel_mesos_proto::v1::{CommandInfo, ContainerID, ContainerInfo};

use super::{End, io};
use crate::Executors;
use crate::http::{self, Form, Refusal, bad};

/// The media type of records.
pub(crate) const RECORDIO: &str = "application/recordio";
const MESSAGE_CONTENT_TYPE: &str = "Message-Content-Type";

/// What a call wants.
enum Wish<'a> {
    Session(&'a call::LaunchNestedContainerSession),
    Launch(Option<&'a CommandInfo>, Option<&'a ContainerInfo>),
    /// `nested`: in the words of the calls that are only for nested containers.
    Wait {
        nested: bool,
    },
    Kill,
    Remove,
    Output,
}

/// Answers a call; `None` if it is about something else.
pub(crate) async fn answer(
    executors: &Executors,
    call: &Call,
    headers: &HeaderMap,
) -> Result<Option<Response>, Refusal> {
    let Some((name, found)) = wish(call) else { return Ok(None) };
    let lacks = |field: &str| bad(format!("Failed to validate agent::Call: Expecting '{field}' to be present"));
    let (id, wish) = found.ok_or_else(|| lacks(name))?;
    if id.parent.is_none() && !matches!(wish, Wish::Output) {
        return Err(lacks(&format!("{name}.container_id.parent")));
    }
    authorize(executors, headers.get(header::AUTHORIZATION), id).await?;
    let nested = &executors.inner.nested;
    let answer = match wish {
        Wish::Session(session) => {
            let tty = session.container.as_ref().is_some_and(|container| container.tty_info.is_some());
            let command = session.command.clone().unwrap_or_default();
            let form = message_form(headers)?;
            let records = executors.start_session(id, &command, tty, form).await?;
            let headers = [(header::CONTENT_TYPE.as_str(), RECORDIO), (MESSAGE_CONTENT_TYPE, form.content_type())];
            (headers, io::body(records)).into_response()
        }
        Wish::Launch(command, container) => {
            if container.is_some_and(|container| container.mesos.is_some() || container.docker.is_some()) {
                return Err(bad("The provided ContainerInfo is not supported: a nested container has no image"));
            }
            executors.start_quietly(id, &command.cloned().unwrap_or_default()).await?;
            StatusCode::OK.into_response()
        }
        Wish::Wait { nested: true } => {
            let End { wait_status: exit_status, message } = nested.find(id)?.end().await;
            let wait = response::WaitNestedContainer { exit_status, message, ..Default::default() };
            let (kind, wait) = (Some(response::Type::WaitNestedContainer), Some(wait));
            let answer = Answer { r#type: kind, wait_nested_container: wait, ..Answer::default() };
            http::answer(http::accepted(headers)?, &answer)
        }
        Wish::Wait { nested: false } => {
            let End { wait_status: exit_status, message } = nested.find(id)?.end().await;
            let wait = response::WaitContainer { exit_status, message, ..Default::default() };
            let (kind, wait) = (Some(response::Type::WaitContainer), Some(wait));
            let answer = Answer { r#type: kind, wait_container: wait, ..Answer::default() };
            http::answer(http::accepted(headers)?, &answer)
        }
        Wish::Kill => {
            nested.find(id)?.stop.cancel();
            StatusCode::OK.into_response()
        }
        Wish::Remove => {
            nested.remove(id)?;
            StatusCode::OK.into_response()
        }
        Wish::Output => {
            // A session has its output from the call that began it.
            let text = "I/O switchboard server was disabled for this container";
            return Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, text.to_owned()));
        }
    };
    Ok(Some(answer))
}

/// What a call is called, and what it wants of which container; `None` for calls about something else.
fn wish(call: &Call) -> Option<(&'static str, Option<(&ContainerID, Wish<'_>)>)> {
    use call::Type;
    Some(match call.r#type? {
        Type::LaunchNestedContainerSession => {
            let session = call.launch_nested_container_session.as_ref();
            ("launch_nested_container_session", session.map(|one| (&one.container_id, Wish::Session(one))))
        }
        Type::LaunchNestedContainer => {
            let launch = call.launch_nested_container.as_ref();
            let wish = launch.map(|one| Wish::Launch(one.command.as_ref(), one.container.as_ref()));
            ("launch_nested_container", launch.map(|one| &one.container_id).zip(wish))
        }
        Type::LaunchContainer => {
            let launch = call.launch_container.as_ref();
            let wish = launch.map(|one| Wish::Launch(one.command.as_ref(), one.container.as_ref()));
            ("launch_container", launch.map(|one| &one.container_id).zip(wish))
        }
        Type::WaitNestedContainer => {
            let wait = call.wait_nested_container.as_ref();
            ("wait_nested_container", wait.map(|one| (&one.container_id, Wish::Wait { nested: true })))
        }
        Type::WaitContainer => {
            let wait = call.wait_container.as_ref();
            ("wait_container", wait.map(|one| (&one.container_id, Wish::Wait { nested: false })))
        }
        Type::KillNestedContainer => {
            let kill = call.kill_nested_container.as_ref();
            ("kill_nested_container", kill.map(|one| (&one.container_id, Wish::Kill)))
        }
        Type::KillContainer => {
            ("kill_container", call.kill_container.as_ref().map(|one| (&one.container_id, Wish::Kill)))
        }
        Type::RemoveNestedContainer => {
            let remove = call.remove_nested_container.as_ref();
            ("remove_nested_container", remove.map(|one| (&one.container_id, Wish::Remove)))
        }
        Type::RemoveContainer => {
            ("remove_container", call.remove_container.as_ref().map(|one| (&one.container_id, Wish::Remove)))
        }
        Type::AttachContainerOutput => {
            let output = call.attach_container_output.as_ref();
            ("attach_container_output", output.map(|one| (&one.container_id, Wish::Output)))
        }
        _ => return None,
    })
}

/// How the records of an answer are to be written.
fn message_form(headers: &HeaderMap) -> Result<Form, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let takes = text(header::ACCEPT.as_str()).split(',').map(str::trim).any(|range| [RECORDIO, "*/*"].contains(&range));
    if !takes {
        return Err(Refusal(StatusCode::NOT_ACCEPTABLE, format!("Expecting 'Accept' to allow {RECORDIO}")));
    }
    match text("Message-Accept") {
        "*/*" => Ok(Form::Json),
        wanted => Form::of(wanted).ok_or_else(|| {
            let text = "Expecting 'Message-Accept' to allow application/json or application/x-protobuf";
            Refusal(StatusCode::NOT_ACCEPTABLE, text.to_owned())
        }),
    }
}

/// Lets executors into what is below their own container, and those whom the cluster lets run commands on its nodes into
/// all: a command in a container may do whatever that may.
pub(super) async fn authorize(
    executors: &Executors,
    header: Option<&HeaderValue>,
    id: &ContainerID,
) -> Result<(), Refusal> {
    let Some(token) = header.and_then(|value| value.to_str().ok()).and_then(token) else {
        let text = "Expecting a token in 'Authorization', an executor's own or one of the cluster: as bearer token, or as \
                    the secret of any principal";
        return Err(Refusal(StatusCode::UNAUTHORIZED, text.to_owned()));
    };
    if let Some(claims) = executors.inner.tokens.read(&token) {
        let own = claims.cid == executors.within(id);
        return if own { Ok(()) } else { Err(Refusal(StatusCode::FORBIDDEN, String::new())) };
    }
    let host = executors.inner.host.get();
    let host =
        host.ok_or_else(|| Refusal(StatusCode::SERVICE_UNAVAILABLE, "Agent has not finished recovery".into()))?;
    host.may_run(&token).await.map_err(|(status, text)| Refusal(status, text))
}

/// The token in a header. Mesos' own tools know principals and secrets only: there, the secret is the token.
fn token(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(rest.trim().to_owned()),
        "basic" => {
            let pair = String::from_utf8(BASE64.decode(rest.trim()).ok()?).ok()?;
            pair.split_once(':').map(|(_, secret)| secret.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_in_two_schemes() {
        for (header, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic bWU6YTpi", Some("a:b")),
            ("Basic bWU=", None),
            ("Basic ?", None),
            ("Digest abc", None),
            ("abc", None),
        ] {
            assert_eq!(token(header).as_deref(), expected, "{header}");
        }
    }
}
