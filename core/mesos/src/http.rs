//! The door's HTTP: paths, methods, content types. What is said there is the business of others.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::HeaderMap,
    routing::any,
};
use http::{Method, Response, StatusCode, header};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use kubernel_mesos_proto::{Error, Message};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Door, stream::Encoding};

/// Connections that are served at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 16_384;
/// How long the head of a request may take.
const HEAD_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(30);

/// Who a caller proved to be: an extension of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal(pub String);

/// An answer without a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok,
    Accepted,
}

/// The scheduler API. Whatever lies below its path is it as well, as libprocess has it.
pub fn router(door: Door) -> Router {
    let mut router = Router::new();
    for prefix in ["", "/master"] {
        let path = format!("{prefix}/api/v1/scheduler");
        router = router.route(&path, any(scheduler)).route(&format!("{path}/{{*rest}}"), any(scheduler));
    }
    router.with_state(door)
}

/// Serves the door until `stop`.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let slots = std::sync::Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::task::yield_now().await;
                continue;
            }
        };
        // Events are small and to be there at once.
        let _ = stream.set_nodelay(true);
        let (router, stop) = (router.clone(), stop.clone());
        tokio::spawn(async move {
            let _slot = slot;
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
            let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
            tokio::select! {
                () = stop.cancelled() => {}
                // Who breaks a connection off knows it.
                _ = connection => {}
            }
        });
    }
}

async fn scheduler(State(door): State<Door>, request: Request) -> Response<Body> {
    if !door.is_recovered() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "Master has not finished recovery");
    }
    if request.method() != Method::POST {
        return method_not_allowed(request.method());
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, door.config().body_bytes_max).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large");
    };
    door.scheduler(&parts.headers, &body, parts.extensions.get::<Principal>()).await
}

/// 405, with the one method that there is.
pub(crate) fn method_not_allowed(method: &Method) -> Response<Body> {
    let why = format!("Expecting one of {{ 'POST' }}, but received '{method}'");
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, &why);
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
    response
}

/// A call from a body of either type, or what is wrong with it.
#[expect(clippy::result_large_err, reason = "an answer is made once for a request")]
pub(crate) fn read<M: Message>(headers: &HeaderMap, body: &[u8]) -> Result<M, Response<Body>> {
    let bad = |why: String| refuse(StatusCode::BAD_REQUEST, &why);
    let Some(of) = headers.get(header::CONTENT_TYPE) else {
        return Err(bad("Expecting 'Content-Type' to be present".to_owned()));
    };
    let of = of.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if of.eq_ignore_ascii_case(Encoding::Protobuf.media_type()) {
        return M::decode(body).map_err(|_| bad("Failed to parse body into Call protobuf".to_owned()));
    }
    if !of.eq_ignore_ascii_case(Encoding::Json.media_type()) {
        return Err(refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ));
    }
    M::from_json(body).map_err(|error| match error {
        Error::Json(why) => bad(format!("Failed to parse body into JSON: {why}")),
        why => bad(format!("Failed to convert JSON into Call protobuf: {why}")),
    })
}

/// The encoding that a reader wants: JSON if that will do.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<Encoding> {
    let named: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<&str> = named.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    let allows = |encoding: Encoding| {
        ranges.iter().any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let refused = parts.any(|part| matches!(part.strip_prefix("q="), Some("0" | "0.0" | "0.00" | "0.000")));
            !refused
                && (media == "*/*" || media == "application/*" || media.eq_ignore_ascii_case(encoding.media_type()))
        })
    };
    if ranges.iter().all(|range| range.is_empty()) || allows(Encoding::Json) {
        return Some(Encoding::Json);
    }
    allows(Encoding::Protobuf).then_some(Encoding::Protobuf)
}

/// An answer without a body.
pub(crate) fn answer(of: Answer) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = match of {
        Answer::Ok => StatusCode::OK,
        Answer::Accepted => StatusCode::ACCEPTED,
    };
    response
}

/// Says no, in words.
pub(crate) fn refuse(status: StatusCode, why: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(why.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
