//! The HTTP exchange before a stream: which protocol the client offers, and the answer that switches to it.
//!
//! Refusals carry the status and text that Kubernetes clients know. Nothing here reads or writes the upgraded stream.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The token of SPDY in the `Upgrade` header.
pub(crate) const SPDY: &str = "SPDY/3.1";
/// Where SPDY clients list the protocols they speak over it, one per header or comma separated.
pub(crate) const STREAM_PROTOCOL_VERSION: &str = "x-stream-protocol-version";

/// What the client wants to switch to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Spdy,
    WebSocket,
}

/// The transport that the request asks for.
pub(crate) fn transport(headers: &HeaderMap) -> Result<Transport, Refusal> {
    let missing = || Refusal::bad_request("unable to upgrade: missing upgrade headers in request".into());
    if !tokens(headers, CONNECTION.as_str()).any(|t| t.eq_ignore_ascii_case("upgrade")) {
        return Err(missing());
    }
    let known = tokens(headers, UPGRADE.as_str()).find_map(|token| match token.to_ascii_lowercase().as_str() {
        "spdy/3.1" => Some(Transport::Spdy),
        "websocket" => Some(Transport::WebSocket),
        _ => None,
    });
    known.ok_or_else(missing)
}

/// The first of the server's protocols that the client offers too. None offered reads as the empty protocol where the
/// server has it: the oldest clients negotiate nothing.
pub(crate) fn negotiate(
    headers: &HeaderMap,
    transport: Transport,
    supported: &[&'static str],
) -> Result<&'static str, Refusal> {
    let header = match transport {
        Transport::Spdy => STREAM_PROTOCOL_VERSION,
        Transport::WebSocket => SEC_WEBSOCKET_PROTOCOL.as_str(),
    };
    let offered: Vec<&str> = tokens(headers, header).collect();
    if offered.is_empty() && supported.contains(&"") {
        return Ok("");
    }
    supported.iter().find(|protocol| offered.contains(*protocol)).copied().ok_or_else(|| {
        let text = format!(
            "unable to upgrade: unable to negotiate protocol: client supports {offered:?}, server accepts {supported:?}"
        );
        Refusal { status: StatusCode::FORBIDDEN, text }
    })
}

/// The answer 101 for the negotiated protocol ("" leaves it out).
pub(crate) fn switch(
    headers: &HeaderMap,
    transport: Transport,
    protocol: &'static str,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let out = response.headers_mut();
    out.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    match transport {
        Transport::Spdy => {
            out.insert(UPGRADE, HeaderValue::from_static(SPDY));
            if !protocol.is_empty() {
                out.insert(STREAM_PROTOCOL_VERSION, HeaderValue::from_static(protocol));
            }
        }
        Transport::WebSocket => {
            let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| STANDARD.decode(key).is_ok_and(|k| k.len() == 16));
            let Some(key) = key else {
                let text = "unable to upgrade: bad Sec-WebSocket-Key".into();
                return Err(Refusal { status: StatusCode::BAD_REQUEST, text });
            };
            let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
            out.insert(SEC_WEBSOCKET_ACCEPT, accept.unwrap_or(HeaderValue::from_static("")));
            out.insert(UPGRADE, HeaderValue::from_static("websocket"));
            if !protocol.is_empty() {
                out.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
            }
        }
    }
    Ok(response)
}

/// Why a request is not upgraded.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Refusal {
    /// A request that cannot be served for what it says.
    pub(crate) fn bad_request(text: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text }
    }

    /// As plain text.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from(self.text));
        *response.status_mut() = self.status;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
        response
    }
}

/// The comma separated words of all headers of that name.
fn tokens<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
    }

    #[test]
    fn the_transport_is_read_from_the_upgrade_header() {
        let check = |connection: &str, upgrade: &str, expected| {
            assert_eq!(transport(&headers(&[("connection", connection), ("upgrade", upgrade)])).ok(), expected);
        };
        check("Upgrade", "SPDY/3.1", Some(Transport::Spdy));
        check("keep-alive, upgrade", "WebSocket", Some(Transport::WebSocket));
        check("keep-alive", "websocket", None);
        check("Upgrade", "h2c", None);
    }

    #[test]
    fn the_servers_order_decides_between_offers() {
        let supported = &["v5.channel.k8s.io", "v4.channel.k8s.io", ""];
        let check = |offer: Option<&str>, expected: Result<&str, StatusCode>| {
            let headers = headers(&offer.map(|o| vec![("sec-websocket-protocol", o)]).unwrap_or_default());
            let got = negotiate(&headers, Transport::WebSocket, supported).map_err(|r| r.status);
            assert_eq!(got, expected, "{offer:?}");
        };
        check(Some("v4.channel.k8s.io, v5.channel.k8s.io"), Ok("v5.channel.k8s.io"));
        check(Some("v4.channel.k8s.io"), Ok("v4.channel.k8s.io"));
        check(None, Ok(""));
        check(Some("v9.channel.k8s.io"), Err(StatusCode::FORBIDDEN));
    }

    #[test]
    fn the_websocket_answer_proves_the_key() {
        let request = headers(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]);
        let response = switch(&request, Transport::WebSocket, "v5.channel.k8s.io").unwrap();
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(switch(&headers(&[]), Transport::WebSocket, "").is_err());
    }
}
