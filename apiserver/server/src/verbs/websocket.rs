//! A watch over a WebSocket, as fabric8's clients (Spark, Flink) open it: one message per event.

use axum::body::Body;
use futures::{SinkExt as _, StreamExt as _};
use http::{Extensions, HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use kubernel_meta::ApiError;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::binary::FRAME_HEAD_BYTES;
use crate::respond;

use super::watch::Stream;

/// Whether the client wants a WebSocket.
pub(super) fn is_requested(headers: &HeaderMap) -> bool {
    let has = |name, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    has(header::CONNECTION, "upgrade") && has(header::UPGRADE, "websocket")
}

/// Accepts the upgrade and sends the stream's events until either side ends.
pub(super) fn serve(
    headers: &HeaderMap,
    extensions: &mut Extensions,
    mut events: Stream,
) -> Result<Response<Body>, ApiError> {
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| ApiError::bad_request("no Sec-WebSocket-Key"))?;
    let accept = derive_accept_key(key.as_bytes());
    let upgrade =
        extensions.remove::<OnUpgrade>().ok_or_else(|| ApiError::bad_request("this connection cannot be upgraded"))?;
    // Whatever the subprotocol is called, messages are the same, as upstream has it.
    let protocol = headers.get(header::SEC_WEBSOCKET_PROTOCOL).cloned();
    if protocol.as_ref().is_some_and(|names| names.as_bytes().contains(&b',')) {
        return Ok(respond::text(StatusCode::BAD_REQUEST, "missing or bad WebSocket-Protocol"));
    }
    let is_binary = events.is_binary();
    tokio::spawn(async move {
        let Ok(connection) = upgrade.await else { return };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Server, None).await;
        let (mut sender, mut receiver) = socket.split();
        loop {
            tokio::select! {
                batch = events.next() => {
                    let Some(batch) = batch else { break };
                    for event in batch {
                        // A message needs neither a newline nor a length.
                        let whole = if is_binary { event.slice(FRAME_HEAD_BYTES..) } else { event.slice(..event.len().saturating_sub(1)) };
                        let message = if is_binary {
                            Message::binary(whole)
                        } else {
                            Message::text(String::from_utf8_lossy(&whole).as_ref())
                        };
                        if sender.send(message).await.is_err() {
                            return;
                        }
                    }
                }
                message = receiver.next() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
            }
        }
        if let Err(error) = sender.close().await {
            tracing::debug!(%error, "a watcher's socket was already closed");
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(value) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, value);
    }
    if let Some(protocol) = protocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(response)
}
