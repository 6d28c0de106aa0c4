//! port-forward over SPDY: each forwarded connection is an error stream and a data stream with the same request id.

use super::{PortTarget, failure};
use crate::spdy::{Connection, Side, Stream};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a stream waits for its partner.
const PAIR_SECS_MAX: u64 = 30;
/// Streams that may wait for their partner.
const UNPAIRED_MAX: usize = 64;

/// Serves until the client closes the connection.
pub(super) async fn run(io: impl AsyncRead + AsyncWrite + Send + 'static, target: Arc<dyn PortTarget>) {
    let mut connection = Connection::new(io, Side::Server);
    let mut unpaired: HashMap<String, Half> = HashMap::new();
    let mut forwards = JoinSet::new();
    while let Some(stream) = connection.accept().await {
        while forwards.try_join_next().is_some() {}
        let now = Instant::now();
        unpaired.retain(|_, half| now.duration_since(half.since) < Duration::from_secs(PAIR_SECS_MAX));
        let Some((request, port, is_data)) = classify(&stream) else {
            continue; // dropping resets it
        };
        match unpaired.remove(&request) {
            Some(other) if other.is_data != is_data && other.port == port => {
                let (data, error) = if is_data { (stream, other.stream) } else { (other.stream, stream) };
                forwards.spawn(forward(data, error, port, target.clone()));
            }
            _ if unpaired.len() < UNPAIRED_MAX => {
                unpaired.insert(request, Half { stream, port, is_data, since: now });
            }
            _ => {}
        }
    }
}

struct Half {
    stream: Stream,
    port: u16,
    is_data: bool,
    since: Instant,
}

/// Request id, port, and whether it is the data stream. Old clients send no request id and open the pair in a row.
fn classify(stream: &Stream) -> Option<(String, u16, bool)> {
    let headers = stream.headers();
    let port: u16 = headers.get("port")?.parse().ok().filter(|port| *port > 0)?;
    let is_data = match headers.get("streamtype")? {
        "data" => true,
        "error" => false,
        _ => return None,
    };
    let request = headers.get("requestid").map_or_else(|| format!("port {port}"), str::to_owned);
    Some((request, port, is_data))
}

async fn forward(mut data: Stream, mut error: Stream, port: u16, target: Arc<dyn PortTarget>) {
    let outcome = match target.dial(port).await {
        Ok(mut pod) => tokio::io::copy_bidirectional(&mut data, &mut pod).await.map(drop),
        Err(e) => Err(e),
    };
    if let Err(e) = outcome {
        let _ = error.write_all(failure(port, target.as_ref(), &e).as_bytes()).await;
    }
    let _ = error.shutdown().await;
    let _ = data.shutdown().await;
}
