//! Stands before every path: who calls, and whether this master is the one to answer.

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
};
use http::{HeaderValue, Response, StatusCode, header};

use super::Leader;
use crate::{
    Principal,
    http::refuse,
    legacy::{Desk, Endpoint, Realm},
};

/// Lets a request pass that may.
pub(crate) async fn gate(State(desk): State<Desk>, mut request: Request, next: Next) -> Response<Body> {
    let path = request.uri().path();
    let endpoint = Endpoint::of(path).map(|found| found.0);
    if let (Some(credentials), Some(realm)) = (&desk.credentials, endpoint.and_then(Endpoint::realm)) {
        let given = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        match credentials.principal(given).map(str::to_owned) {
            Some(principal) => drop(request.extensions_mut().insert(Principal(principal))),
            None => return unauthorized(realm),
        }
    }
    let led = endpoint.is_some_and(Endpoint::is_led);
    let leader = desk.leader.borrow().clone();
    match leader {
        Leader::Other(address) if led || endpoint == Some(Endpoint::Redirect) => {
            let rest = match endpoint {
                Some(Endpoint::Redirect) => String::new(),
                _ => request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            };
            redirect(&format!("//{address}{rest}"))
        }
        Leader::None if led || endpoint == Some(Endpoint::Redirect) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, "No leader elected")
        }
        _ => next.run(request).await,
    }
}

/// Go there; the scheme stays.
pub(crate) fn redirect(to: &str) -> Response<Body> {
    let mut response = refuse(StatusCode::TEMPORARY_REDIRECT, "");
    if let Ok(value) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

fn unauthorized(realm: Realm) -> Response<Body> {
    let mut response = refuse(StatusCode::UNAUTHORIZED, "");
    let challenge = HeaderValue::from_static(realm.challenge());
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
