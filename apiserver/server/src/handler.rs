//! The way of every request: parse, authenticate, authorize, find the resource, hand it to a verb, answer.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use kubernel_kinds::Source;
use kubernel_meta::{ApiError, Details, Reason};

use crate::authz::{self, Attributes, Decision};
use crate::context::Context;
use crate::listen::{Endless, LastOfConnection};
use crate::negotiate::Scope;
use crate::request::{Query, RequestInfo};
use crate::resources::Resource;
use crate::respond::{self, Answer};
use crate::{ApiServer, User, aggregation, authn, binary, crds, discovery, flow, subresources, verbs};

/// How long a request may take that is no watch and no stream.
pub(crate) const REQUEST_WAIT: Duration = Duration::from_secs(60);
/// The most that a request's body may hold.
pub(crate) const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;
/// How much of a body that is too large is still read (and dropped).
const BODY_DROPPED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Answers a request; never fails.
pub(crate) async fn handle(server: ApiServer, request: Request<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let info = RequestInfo::parse(&parts.method, &parts.uri, &query);
    let headers = parts.headers.clone();
    let pretty = query.get("pretty").map(str::to_owned);
    let in_process = parts.extensions.get::<User>().is_some();
    let started = Instant::now();
    let authenticated = authn::authenticate(&server, &mut parts).await;
    if !in_process {
        server.metrics().identity.authenticated(authenticated.as_ref().ok(), started.elapsed());
    }
    // Streams are too cheap to give to whom nobody knows, as upstream (UnauthenticatedHTTP2DOSMitigation).
    let is_last = parts.version == Version::HTTP_2 && !authenticated.as_ref().is_ok_and(User::is_known);
    let (mut response, warnings) = match authenticated {
        Err(error) => (respond::failure(&headers, pretty.as_deref(), &error), Vec::new()),
        Ok(user) => {
            let context = Context::new(server, info, query, std::mem::take(&mut parts.headers), user);
            let outcome = guarded(&context, in_process, parts, body).await;
            let mut response = outcome.unwrap_or_else(|error| respond::failure(&headers, pretty.as_deref(), &error));
            if context.info.is_long_running() {
                response.extensions_mut().insert(Endless);
            }
            let response = match context.measure() {
                Some(measure) => measure.finish(started, &context.waited, response),
                None => response,
            };
            (response, context.take_warnings())
        }
    };
    respond::finish(&mut response, warnings);
    if is_last {
        response.extensions_mut().insert(LastOfConnection);
    }
    response
}

/// Within bounds of time and, for clients from outside, of number; and without taking the connection down where our own
/// code fails. A watch holds its place until its stream is open; other streams have none.
async fn guarded(context: &Context, in_process: bool, parts: Parts, body: Body) -> Result<Response<Body>, ApiError> {
    let run = AssertUnwindSafe(dispatch(context, parts, body)).catch_unwind();
    let is_stream = context.info.is_long_running() && context.info.verb != "watch";
    let run = async {
        if in_process || is_stream {
            return run.await;
        }
        let (uids, entered) = queue(context).await;
        let mut outcome = match entered {
            Ok(_place) => {
                let _running = context.server.metrics().requests.enter(&context.info);
                run.await
            }
            Err(_) => {
                terminated(context, StatusCode::TOO_MANY_REQUESTS);
                Ok(Ok(too_many()))
            }
        };
        if let (Some(uids), Ok(answer)) = (uids, &mut outcome) {
            // A failure becomes its response here: it carries the headers, too.
            let mut response = std::mem::replace(answer, Ok(Response::default()))
                .unwrap_or_else(|error| respond::failure(&context.headers, context.query.get("pretty"), &error));
            uids.write(response.headers_mut());
            *answer = Ok(response);
        }
        outcome
    };
    let outcome = if context.info.is_long_running() {
        run.await
    } else {
        tokio::time::timeout(REQUEST_WAIT, run).await.unwrap_or_else(|_| {
            terminated(context, StatusCode::GATEWAY_TIMEOUT);
            let message = "Timeout: request did not complete within the allotted timeout";
            Ok(Err(ApiError::new(504, Reason::Timeout, message).with_retry_after(1)))
        })
    };
    outcome.unwrap_or_else(|_| {
        terminated(context, StatusCode::INTERNAL_SERVER_ERROR);
        tracing::error!(path = %context.info.path, verb = %context.info.verb, "a request made the server panic");
        Err(ApiError::internal("the server failed"))
    })
}

/// A place for a request, and how long it took to get it.
async fn queue(context: &Context) -> (Option<flow::Uids>, Result<Option<flow::Place>, flow::Refused>) {
    let metrics = context.server.metrics();
    let started = Instant::now();
    let mut entering = std::pin::pin!(context.server.flow().enter(context));
    let entered = match entering.as_mut().now_or_never() {
        Some(entered) => entered,
        None => {
            let _waiting = metrics.requests.queued(&context.info).hold();
            entering.await
        }
    };
    let took = started.elapsed();
    context.waited.add(took);
    metrics.identity.placed(took);
    entered
}

/// Counts a request that is ended before its time, under what would have served it.
fn terminated(context: &Context, code: StatusCode) {
    let info = &context.info;
    let requests = &context.server.metrics().requests;
    if let Some(resource) = context.resources.find(&info.group, &info.version, &info.resource) {
        context.measure_with(|| requests.measure(context, resource));
    }
    if let Some(measure) = context.measure() {
        requests.terminate(measure, code);
    }
}

/// 429 for a request that flow control sends away.
fn too_many() -> Response<Body> {
    let mut response = respond::text(StatusCode::TOO_MANY_REQUESTS, "Too many requests, please try again later.\n");
    response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

async fn dispatch(context: &Context, parts: Parts, body: Body) -> Result<Response<Body>, ApiError> {
    let info = &context.info;
    let attributes = Attributes {
        user: context.user.clone(),
        verb: info.verb.clone(),
        is_resource: info.is_resource,
        group: info.group.clone(),
        version: info.version.clone(),
        resource: info.resource.clone(),
        subresource: info.subresource.clone(),
        namespace: info.namespace.clone(),
        name: info.name.clone(),
        path: info.path.clone(),
    };
    let started = Instant::now();
    let decision = authz::authorize(&context.server, &attributes).await;
    context.server.metrics().identity.authorized(&decision, started.elapsed());
    if let Decision::Deny(reason) = decision {
        return Err(attributes.refuse(&reason));
    }
    if let Some(service) = context.server.aggregation().find(&info.path) {
        return Ok(aggregation::serve(context, &service, parts, body).await);
    }
    if !info.is_resource {
        return discovery::serve(context, &parts).await;
    }
    let Some(resource) = context.resources.find(&info.group, &info.version, &info.resource).cloned() else {
        let is_group = |known: &Resource| known.gvr.group == info.group && known.kind.is_built_in();
        if !info.group.is_empty() && !context.resources.iter().any(|known| is_group(known)) {
            return Ok(respond::not_found());
        }
        return Err(ApiError::unknown_resource());
    };
    // Upstream's handler of custom resources passes on what does not fit their scope, and nobody else takes it.
    let everywhere = info.namespace.is_empty() && !matches!(info.verb.as_str(), "list" | "watch");
    let in_scope = if resource.kind.namespaced { !everywhere } else { info.namespace.is_empty() };
    if resource.custom.is_some() && !in_scope {
        return Ok(respond::not_found());
    }
    context.measure_with(|| context.server.metrics().requests.measure(context, &resource));
    if let Some(warning) = resource.kind.strategy.deprecated() {
        context.server.metrics().requests.deprecated(info, warning);
        context.warn(warning);
    }
    if !info.name.is_empty() && !info.is_collection() {
        wrong_in_path("Name", &info.name)?;
    }
    if !info.subresource.is_empty() {
        return subresources::serve(context, &resource, parts, body).await;
    }
    if parts.method == Method::HEAD {
        return Err(not_allowed());
    }
    let scope = match info.verb.as_str() {
        "list" | "watch" => Scope::Collection,
        _ => Scope::Object,
    };
    if resource.kind.namespaced && info.namespace.is_empty() && !matches!(info.verb.as_str(), "list" | "watch") {
        return Err(if info.name.is_empty() || info.verb == "create" {
            not_allowed()
        } else {
            ApiError::unknown_resource()
        });
    }
    if !resource.kind.namespaced && !info.namespace.is_empty() && info.resource != "namespaces" {
        return Err(ApiError::unknown_resource());
    }
    let on_collection = info.is_collection() || (info.verb == "create" && info.name.is_empty());
    let verb_fits = match info.verb.as_str() {
        "create" => info.name.is_empty(),
        "get" | "update" | "patch" | "delete" => !info.name.is_empty(),
        _ => true,
    };
    if !verb_fits || !resource.kind.has_verb(&info.verb) {
        let item_verbs = ["get", "update", "patch", "delete"];
        if !info.name.is_empty() && !on_collection && !item_verbs.iter().any(|verb| resource.kind.has_verb(verb)) {
            return Err(ApiError::unknown_resource());
        }
        return Err(not_allowed());
    }
    if info.verb == "create" {
        crds::refuse_terminating(&resource)?;
    }
    let (parts, body) = if resource.kind.source == Source::Live {
        match verbs::elsewhere::serve(context, parts, body).await {
            Ok(answer) => return answer,
            Err(ours) => ours,
        }
    } else {
        (parts, body)
    };
    if info.verb == "watch" {
        return verbs::watch::watch(context, &resource, parts).await;
    }
    let output = context.output(scope, binary::has_form(&resource))?;
    let answer = match (info.verb.as_str(), resource.kind.source) {
        ("get", _) => verbs::get::get(context, &resource).await?,
        ("list", _) => verbs::list::list(context, &resource).await?,
        ("create", Source::Review) => {
            let body = read(body).await?;
            verbs::create::review(context, &resource, &body).await?
        }
        ("create", _) => verbs::create::create(context, &resource, &read(body).await?).await?,
        ("update", _) => verbs::update::update(context, &resource, "", &read(body).await?).await?,
        ("patch", _) => verbs::patch::patch(context, &resource, "", &read(body).await?).await?,
        ("delete", _) => verbs::delete::delete(context, &resource, &read(body).await?).await?,
        ("deletecollection", _) => {
            verbs::deletecollection::deletecollection(context, &resource, &read(body).await?).await?
        }
        _ => return Err(not_allowed()),
    };
    crds::settle(context, &resource, &answer).await;
    respond::respond(context, output, answer).await
}

/// Reads a body up to the limit. What goes beyond is read and dropped for a while, because a client that is still
/// sending would not see the answer.
pub(crate) async fn read(body: Body) -> Result<Bytes, ApiError> {
    let mut body = body;
    let mut whole = BytesMut::new();
    let mut seen: usize = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::bad_request(format!("the body could not be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= BODY_BYTES_MAX {
            whole.extend_from_slice(&data);
        } else if seen > BODY_DROPPED_BYTES_MAX {
            break;
        }
    }
    if seen > BODY_BYTES_MAX {
        let message = format!("Request entity too large: limit is {BODY_BYTES_MAX}");
        return Err(ApiError::new(413, Reason::RequestEntityTooLarge, message));
    }
    Ok(whole.freeze())
}

/// 405 for a method that the path does not have.
pub(crate) fn not_allowed() -> ApiError {
    ApiError::new(405, Reason::MethodNotAllowed, "the server does not allow this method on the requested resource")
        .with_details(Details::default())
}

/// Names that a path must not carry (path.IsValidPathSegmentName).
fn wrong_in_path(what: &str, name: &str) -> Result<(), ApiError> {
    let complaint = match name {
        "." | ".." => format!("may not be '{name}'"),
        _ if name.contains('%') => "may not contain '%'".to_owned(),
        _ => return Ok(()),
    };
    Err(ApiError::bad_request(format!("{what} parameter invalid: {name:?}: {complaint}")))
}

/// The answer of a verb or subresource, written in the form that the request negotiated.
pub(crate) async fn write(context: &Context, answer: Answer) -> Result<Response<Body>, ApiError> {
    let binary = match &answer {
        Answer::Object(_, resource, _) | Answer::List(resource, _) => binary::has_form(resource),
        Answer::Value(..) => true,
    };
    let output = context.output(Scope::Object, binary)?;
    respond::respond(context, output, answer).await
}
