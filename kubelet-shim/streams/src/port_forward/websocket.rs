//! port-forward over WebSocket as it was before tunnels: the query names the ports, and port number `i` of that list
//! has channel `2i` for data and `2i+1` for errors. The first message on each channel is its port, little endian.

use super::{PortTarget, failure};
use crate::Error;
use crate::remote_command::{ChannelWriter, decode, encode};
use crate::websocket::goodbye;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::WebSocketStream;
use tokio_util::io::StreamReader;

/// Two channels per port, numbered in one byte.
const PORTS_MAX: usize = 64;
/// Messages that may wait in each direction.
const MESSAGES_WAITING_MAX: usize = 8;

/// The ports of a query, `ports=80,81` (API) or `port=80` (kubelet), each any number of times.
pub(super) fn ports(query: &str) -> Result<Vec<u16>, String> {
    let mut ports = Vec::new();
    for pair in query.split('&') {
        let Some(("port" | "ports", list)) = pair.split_once('=') else { continue };
        for text in list.replace("%2C", ",").replace("%2c", ",").split(',') {
            match text.parse() {
                Ok(0) | Err(_) => return Err(format!("unable to parse {text:?} as a port")),
                Ok(port) => ports.push(port),
            }
        }
    }
    match ports.len() {
        0 => Err("query parameter \"port\" is required".into()),
        1..=PORTS_MAX => Ok(ports),
        _ => Err(format!("at most {PORTS_MAX} ports can be forwarded")),
    }
}

pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
    base64: bool,
    ports: Vec<u16>,
    target: Arc<dyn PortTarget>,
) -> Result<(), Error> {
    let failed = |e| Error::Io(io::Error::other(e));
    let (output, mut to_client) = mpsc::channel(MESSAGES_WAITING_MAX);
    let mut inputs = Vec::new();
    // Dropping the set ends the forwards with the connection.
    let mut forwards = JoinSet::new();
    for (index, port) in ports.into_iter().enumerate() {
        let (input, from_client) = mpsc::channel::<io::Result<Bytes>>(MESSAGES_WAITING_MAX);
        inputs.push(input);
        let channel = (2 * index) as u8;
        let data = ChannelWriter::new(channel, output.clone());
        let error = ChannelWriter::new(channel + 1, output.clone());
        let from_client = StreamReader::new(ReceiverStream::new(from_client));
        forwards.spawn(forward(from_client, data, error, port, target.clone()));
    }
    drop(output);
    let (mut sink, mut messages) = socket.split();
    let incoming = async {
        while let Some(message) = messages.next().await {
            let Some(data) = decode(message.map_err(failed)?, base64) else { break };
            if let Some(channel) = data.first().filter(|channel| *channel % 2 == 0)
                && let Some(input) = inputs.get(usize::from(channel / 2))
                && data.len() > 1
            {
                let _ = input.send(Ok(data.slice(1..))).await;
            }
        }
        Ok::<(), Error>(())
    };
    let outgoing = async {
        while let Some((channel, data)) = to_client.recv().await {
            sink.send(encode(channel, &data, base64)).await.map_err(failed)?;
        }
        sink.send(goodbye()).await.map_err(failed)
    };
    tokio::select! {
        outcome = incoming => outcome,
        outcome = outgoing => outcome,
    }
}

async fn forward(
    mut from_client: impl AsyncRead + Unpin,
    mut data: ChannelWriter,
    mut error: ChannelWriter,
    port: u16,
    target: Arc<dyn PortTarget>,
) -> io::Result<()> {
    data.write_all(&port.to_le_bytes()).await?;
    error.write_all(&port.to_le_bytes()).await?;
    let outcome = match target.dial(port).await {
        Ok(mut pod) => {
            let (mut from_pod, mut to_pod) = pod.split();
            let upload = async {
                tokio::io::copy(&mut from_client, &mut to_pod).await?;
                to_pod.shutdown().await
            };
            let download = tokio::io::copy(&mut from_pod, &mut data);
            // The client cannot close one direction, so the Pod's end decides.
            tokio::select! {
                outcome = download => outcome.map(drop),
                Err(e) = upload => Err(e),
            }
        }
        Err(e) => Err(e),
    };
    if let Err(e) = outcome {
        error.write_all(failure(port, target.as_ref(), &e).as_bytes()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_from_both_spellings() {
        let check =
            |query: &str, expected: Option<&[u16]>| assert_eq!(ports(query).ok().as_deref(), expected, "{query}");
        check("ports=80,81&x=1", Some(&[80, 81]));
        check("port=80%2C81&port=9", Some(&[80, 81, 9]));
        check("", None);
        check("ports=0", None);
        check("ports=70000", None);
        check(&"ports=1&".repeat(65), None);
    }
}
