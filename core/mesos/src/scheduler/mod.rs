//! `POST /api/v1/scheduler`: what frameworks say, checked in Mesos' order and words.
//!
//! `check.rs` looks at a call by itself, `subscribe.rs` opens streams, `calls.rs` does what needs no offer, `accept.rs` and
//! `prepare.rs` answer offers, `task.rs` says what is wrong with a task.

mod accept;
mod calls;
mod check;
mod prepare;
mod subscribe;
mod task;

use axum::{body::Body, http::HeaderMap};
use http::{Response, StatusCode, header};
use kubernel_mesos_proto::{
    Message,
    scheduler::{Call, call::Type},
};

use crate::{
    Door, Principal,
    http::{Answer, answer, refuse},
    stream::Encoding,
};

/// The header that ties calls to the stream they belong to.
pub const STREAM_ID: &str = "Mesos-Stream-Id";

impl Door {
    /// Does what a call says. The method and the leader were looked at before.
    pub async fn scheduler(&self, headers: &HeaderMap, body: &[u8], principal: Option<&Principal>) -> Response<Body> {
        let call = match read(headers, body, principal) {
            Ok(call) => call,
            Err(answer) => return answer,
        };
        match call.r#type {
            Some(Type::Subscribe) => self.subscribe(call, headers, principal).await,
            Some(of) => self.call(of, call, headers, principal).await,
            None => refuse(StatusCode::BAD_REQUEST, "Expecting 'type' to be present"),
        }
    }

    async fn call(&self, of: Type, call: Call, headers: &HeaderMap, principal: Option<&Principal>) -> Response<Body> {
        if of == Type::UpdateFramework {
            return match self.connected(&call, headers, principal) {
                Ok(id) => match self.throttle(&id).await {
                    Ok(()) => self.update_framework(call.framework_id, call.update_framework).await,
                    Err(answer) => answer,
                },
                Err(answer) => answer,
            };
        }
        let encoding = match of {
            Type::ReconcileOperations => match accepted(headers) {
                Some(encoding) => encoding,
                None => return not_acceptable(),
            },
            _ => Encoding::Json,
        };
        let id = match self.connected(&call, headers, principal) {
            Ok(id) => id,
            Err(answer) => return answer,
        };
        if let Err(answer) = self.throttle(&id).await {
            return answer;
        }
        self.done(&id, of, call, encoding)
    }

    /// The framework of a call, if it is the one that is connected and this is its own connection.
    #[expect(clippy::result_large_err, reason = "an answer is made once for a request")]
    fn connected(
        &self,
        call: &Call,
        headers: &HeaderMap,
        principal: Option<&Principal>,
    ) -> Result<String, Response<Body>> {
        let id = call.framework_id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
        self.read(|book| {
            let found = book.framework(id).ok_or_else(|| bad("Framework cannot be found"))?;
            let own = found.record.info.principal.as_deref().unwrap_or_default();
            if let Some(Principal(principal)) = principal.filter(|principal| principal.0 != own) {
                return Err(bad(&format!(
                    "Authenticated principal '{principal}' does not match principal '{own}' set in `FrameworkInfo`"
                )));
            }
            let Some(stream) = &found.stream else {
                return Err(refuse(StatusCode::FORBIDDEN, "Framework is not subscribed"));
            };
            let Some(named) = headers.get(STREAM_ID) else {
                return Err(bad("All non-subscribe calls should include the 'Mesos-Stream-Id' header"));
            };
            if named.as_bytes() != stream.id.as_bytes() {
                let named = String::from_utf8_lossy(named.as_bytes());
                return Err(bad(&format!(
                    "The stream ID '{named}' included in this request didn't match the stream ID currently associated \
                     with framework ID {id}"
                )));
            }
            Ok(id.to_owned())
        })
    }
}

/// A call from a body, looked at by itself.
#[expect(clippy::result_large_err, reason = "an answer is made once for a request")]
fn read(headers: &HeaderMap, body: &[u8], principal: Option<&Principal>) -> Result<Call, Response<Body>> {
    let call: Call = crate::http::read(headers, body)?;
    check::check(&call, principal).map_err(|why| bad(&format!("Failed to validate scheduler::Call: {why}")))?;
    Ok(call)
}

fn bad(why: &str) -> Response<Body> {
    refuse(StatusCode::BAD_REQUEST, why)
}

/// The encoding that a reader wants: JSON if that will do.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<Encoding> {
    crate::http::accepted(headers)
}

fn not_acceptable() -> Response<Body> {
    refuse(StatusCode::NOT_ACCEPTABLE, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")
}

/// A message as the body of an answer.
fn body(message: &impl Message, encoding: Encoding) -> Response<Body> {
    let mut response = answer(Answer::Ok);
    if let Ok(value) = encoding.media_type().parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    *response.body_mut() = Body::from(encoding.encode(message));
    response
}
