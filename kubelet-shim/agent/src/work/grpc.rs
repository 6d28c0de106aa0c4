//! The gRPC health check (`grpc.health.v1.Health/Check`), by hand: one message of one field each way.

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// The most of an answer that is read; the real one has 7 bytes.
const BODY_BYTES_MAX: usize = 4096;

/// Asks; the error is a text for the event. Time limits are the caller's.
pub(crate) async fn check(address: &str, service: &str) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("error: health rpc probe failed: {error}");
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| format!("error: failed to connect service \"{address}\": {error}"))?;
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| failed(&error))?;
    let driver = tokio::spawn(connection);
    let request = http::Request::post(format!("http://{address}/grpc.health.v1.Health/Check"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", "kube-probe/1.36")
        .body(Full::new(frame(service)))
        .map_err(|error| failed(&error))?;
    let outcome = async {
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| failed(&error))?;
        let trailer = body.trailers().and_then(|trailers| trailers.get("grpc-status"));
        let code = trailer.or(head.headers.get("grpc-status")).and_then(|value| value.to_str().ok());
        match code {
            Some("0") | None => serving(&body.to_bytes()),
            Some("12") => {
                Err("error: this server does not implement the grpc health protocol (grpc.health.v1.Health)".into())
            }
            Some(code) => Err(failed(&format!("rpc error: code = {code}"))),
        }
    }
    .await;
    driver.abort();
    outcome
}

fn frame(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a); // field 1, length-delimited
        let mut length = service.len();
        while length >= 0x80 {
            message.put_u8((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        message.put_u8(length as u8);
        message.put_slice(service.as_bytes());
    }
    let mut out = BytesMut::with_capacity(message.len() + 5);
    out.put_u8(0); // not compressed
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    out.put_slice(&message);
    out.freeze()
}

fn serving(body: &[u8]) -> Result<(), String> {
    // Five bytes of frame, then field 1 as a varint; an absent field is zero.
    let status = match body.get(5..) {
        Some([0x08, status, ..]) => *status,
        _ => 0,
    };
    let name = match status {
        1 => return Ok(()),
        2 => "NOT_SERVING",
        3 => "SERVICE_UNKNOWN",
        _ => "UNKNOWN",
    };
    Err(format!("service unhealthy (responded with \"{name}\")"))
}
