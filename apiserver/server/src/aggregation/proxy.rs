//! A request that is for another server: sent there in the name of its user, and its answer sent back.

use std::fmt::Write as _;
use std::net::SocketAddr;

use axum::body::Body;
use futures::StreamExt as _;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use hyper::upgrade::OnUpgrade;

use super::ApiService;
use crate::backend::Origin;
use crate::context::Context;
use crate::relay::{self, Links};
use crate::{User, respond};

/// Sends the request to the server of the APIService. Failures are plain text, as upstream's.
pub(crate) async fn serve(context: &Context, service: &ApiService, parts: Parts, body: Body) -> Response<Body> {
    let Some(backend) = service.backend.as_ref().filter(|_| service.available) else {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "service unavailable");
    };
    let origin = match backend.origin() {
        Ok(origin) => origin,
        Err(text) => return failure(StatusCode::INTERNAL_SERVER_ERROR, &text),
    };
    send(context, &origin, HeaderMap::new(), parts, body).await.unwrap_or_else(|failure| failure)
}

/// Sends the request to another server, which believes our front proxy certificate, in the name of its user and with
/// these headers besides.
pub(crate) async fn send(
    context: &Context,
    origin: &Origin,
    besides: HeaderMap,
    mut parts: Parts,
    body: Body,
) -> Result<Response<Body>, Response<Body>> {
    let internal = |text: String| failure(StatusCode::INTERNAL_SERVER_ERROR, &text);
    let unavailable = |text: String| failure(StatusCode::SERVICE_UNAVAILABLE, &text);
    let upgrade = relay::is_upgrade(&context.headers);
    let client = parts.extensions.remove::<OnUpgrade>().filter(|_| upgrade);
    if upgrade && client.is_none() {
        return Err(failure(StatusCode::SERVICE_UNAVAILABLE, "request connection cannot be hijacked"));
    }
    let (path, authority) = (parts.uri.path(), origin.authority());
    let path_and_query = parts.uri.path_and_query().map_or(path, http::uri::PathAndQuery::as_str);
    let uri: Uri =
        format!("https://{authority}{path_and_query}").parse().map_err(|error| internal(format!("{error}")))?;
    let mut headers = relay::passed_on(&context.headers, upgrade, parts.extensions.get::<SocketAddr>().copied());
    identify(&mut headers, &context.user);
    headers.extend(besides);
    for (name, value) in [("x-forwarded-uri", path), ("x-forwarded-host", &*authority), ("x-forwarded-proto", "https")]
    {
        if let Ok(value) = HeaderValue::from_str(value)
            && !upgrade
        {
            headers.insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&authority) {
        headers.insert(header::HOST, value);
    }
    let mut request = Request::new(body);
    *request.method_mut() = parts.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let failed = if upgrade { "error dialing backend" } else { "error trying to reach service" };
    let sent = context.server.connections().send(origin, request).await;
    let response = sent.map_err(|text| unavailable(format!("{failed}: {text}")))?;
    let links = Links {
        scheme: "https".to_owned(),
        host: authority.clone(),
        source_host: authority.clone(),
        request_host: authority,
        prefix: String::new(),
    };
    let answer = relay::answer(response, client, &links).await.map_err(unavailable)?;
    if context.info.verb != "watch" {
        return Ok(answer);
    }
    // Watches end with this server, whoever feeds them.
    let stop = context.server.shutdown_token().cancelled_owned();
    Ok(answer.map(|body| Body::from_stream(body.into_data_stream().take_until(stop))))
}

/// Says in headers whose request it is (upstream's `SetAuthProxyHeaders`).
pub(super) fn identify(headers: &mut HeaderMap, user: &User) {
    let mut say = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.append(name, value);
        }
    };
    say(HeaderName::from_static("x-remote-user"), &user.name);
    if !user.uid.is_empty() {
        say(HeaderName::from_static("x-remote-uid"), &user.uid);
    }
    for group in &user.groups {
        say(HeaderName::from_static("x-remote-group"), group);
    }
    for (key, values) in &user.extra {
        let Ok(name) = HeaderName::try_from(format!("x-remote-extra-{}", escaped(key))) else { continue };
        values.iter().for_each(|value| say(name.clone(), value));
    }
}

/// A key as part of a header's name: what may not stand there is written in percents.
fn escaped(key: &str) -> String {
    let mut out = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || (byte != b'%' && b"!#$&'*+-.^_`|~".contains(&byte)) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn failure(code: StatusCode, text: &str) -> Response<Body> {
    respond::text(code, format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn users() {
        let user = User {
            name: "jane".to_owned(),
            uid: "7".to_owned(),
            groups: vec!["a".to_owned(), "b".to_owned()],
            extra: BTreeMap::from([("example.com/scopes".to_owned(), vec!["x".to_owned(), "y".to_owned()])]),
        };
        let mut headers = HeaderMap::new();
        identify(&mut headers, &user);
        let all: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        let wanted = [
            "x-remote-user: jane",
            "x-remote-uid: 7",
            "x-remote-group: a",
            "x-remote-group: b",
            "x-remote-extra-example.com%2fscopes: x",
            "x-remote-extra-example.com%2fscopes: y",
        ];
        assert_eq!(all, wanted);
    }
}
