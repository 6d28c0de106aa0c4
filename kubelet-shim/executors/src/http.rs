//! The agent's HTTP: its paths, and how Mesos' calls come and answers go.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use kubernel_mesos_proto::{Message, recordio};
use serde_json::Value;

use crate::{Executors, api, files, state};

/// The most that a call may be.
const BODY_BYTES_MAX: usize = 64 << 20;
pub(crate) const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// All paths, each also below the name that agents have as an actor.
pub(crate) fn routes(executors: Executors) -> Router {
    let mut router = Router::new();
    for prefix in ["", "/slave(1)"] {
        let path = |rest: &str| format!("{prefix}{rest}");
        router = router
            .route(&path("/api/v1/executor"), any(api::executor))
            .route(&path("/api/v1"), any(state::operator))
            .route(&path("/state"), get(state::state))
            .route(&path("/state.json"), get(state::state))
            .route(&path("/health"), get(|| async { StatusCode::OK }))
            .route(&path("/version"), get(state::version))
            .route(&path("/metrics/snapshot"), get(state::metrics))
            .route(&path("/files/browse"), get(files::browse))
            .route(&path("/files/read"), get(files::read))
            .route(&path("/files/download"), get(files::download));
    }
    router
        .route("/files/browse.json", get(files::browse))
        .route("/files/read.json", get(files::read))
        .route("/files/download.json", get(files::download))
        .with_state(executors)
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Protobuf,
}

impl Form {
    /// The one that a media type names.
    pub(crate) fn of(media_type: &str) -> Option<Self> {
        match media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            JSON => Some(Self::Json),
            PROTOBUF => Some(Self::Protobuf),
            _ => None,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Protobuf => PROTOBUF,
        }
    }

    pub(crate) fn write(self, message: &impl Message) -> Vec<u8> {
        match self {
            Self::Json => message.to_json().into_bytes(),
            Self::Protobuf => message.encode(),
        }
    }

    /// A message as a record of a stream.
    pub(crate) fn record(self, message: &impl Message) -> Bytes {
        recordio::encode(&self.write(message)).into()
    }
}

/// A refusal, with Mesos' words.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.0, self.1).into_response();
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        }
        response
    }
}

pub(crate) fn bad(text: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, text.into())
}

/// Reads a call, in Mesos' order of checks; `name` is what its refusals say of it.
pub(crate) async fn read<M: Message>(request: Request, name: &str) -> Result<(M, HeaderMap), Refusal> {
    let (head, body) = request.into_parts();
    if head.method != axum::http::Method::POST {
        let text = format!("Expecting one of {{ 'POST' }}, but received '{}'", head.method);
        return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, text));
    }
    let kind = head.headers.get(header::CONTENT_TYPE).ok_or_else(|| bad("Expecting 'Content-Type' to be present"))?;
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| bad(error.to_string()))?;
    let call = match kind.as_str() {
        PROTOBUF => M::decode(&bytes).map_err(|_| bad(format!("Failed to parse body into {name} protobuf")))?,
        JSON => {
            let json: Value = serde_json::from_slice(&bytes)
                .map_err(|error| bad(format!("Failed to parse body into JSON: {error}")))?;
            M::from_value(&json)
                .map_err(|error| bad(format!("Failed to convert JSON into {name} protobuf: {error}")))?
        }
        _ => {
            let text = format!("Expecting 'Content-Type' of {JSON} or {PROTOBUF}");
            return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
    };
    Ok((call, head.headers))
}

/// How the answer is to be written.
pub(crate) fn accepted(headers: &HeaderMap) -> Result<Form, Refusal> {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else { return Ok(Form::Json) };
    let takes = |wanted: &str| {
        accept
            .split(',')
            .filter_map(|range| range.split(';').next())
            .map(str::trim)
            .any(|range| range == "*/*" || range == "application/*" || range.eq_ignore_ascii_case(wanted))
    };
    match (takes(JSON), takes(PROTOBUF)) {
        (true, _) => Ok(Form::Json),
        (false, true) => Ok(Form::Protobuf),
        (false, false) => {
            let text = format!("Expecting 'Accept' to allow {JSON} or {PROTOBUF}");
            Err(Refusal(StatusCode::NOT_ACCEPTABLE, text))
        }
    }
}

/// One message as an answer.
pub(crate) fn answer(form: Form, message: &impl Message) -> Response {
    ([(header::CONTENT_TYPE, form.content_type())], form.write(message)).into_response()
}

/// A stream of records as an answer.
pub(crate) fn stream(
    form: Form,
    records: impl futures::Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static,
) -> Response {
    ([(header::CONTENT_TYPE, form.content_type())], Body::from_stream(records)).into_response()
}

/// The fields of a query, decoded.
pub(crate) fn query(request: &Request) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pairs = request.uri().query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect()
}

/// A JSON answer, as a function call where the client wants one.
pub(crate) fn json(query: &[(String, String)], value: &Value) -> Response {
    match query.iter().find(|(name, _)| name == "jsonp") {
        Some((_, function)) if function.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.$".contains(&byte)) => {
            ([(header::CONTENT_TYPE, "text/javascript")], format!("{function}({value});")).into_response()
        }
        _ => ([(header::CONTENT_TYPE, JSON)], value.to_string()).into_response(),
    }
}
