//! exec and attach over WebSocket: every message starts with the number of its channel.
//!
//! In the base64 protocols messages are text, the number is a character counted from `0` and the rest is base64. Version
//! 5 adds message `255, N`: the client will send no more on channel N.

use super::channels::ChannelWriter;
use super::spdy::sizes;
use super::{BoxReader, BoxWriter, Client, ExecTarget, StreamOptions, session};
use crate::{Error, websocket};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_util::io::StreamReader;
use tokio_util::sync::CancellationToken;

/// Newest first. "" is for clients that offer nothing.
pub(super) const PROTOCOLS: &[&str] = &[
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
    "",
];

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// Messages that may wait in each direction.
const MESSAGES_WAITING_MAX: usize = 8;
/// A session on which nothing moves for this long is ended.
const IDLE_SECS_MAX: u64 = 4 * 3600;
/// How long the closing handshake may take.
const CLOSE_SECS_MAX: u64 = 10;

pub(super) async fn run(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: &'static str,
    options: StreamOptions,
    target: Box<dyn ExecTarget>,
) -> Result<(), Error> {
    let socket = websocket::accept(io).await;
    let (output, to_client) = mpsc::channel(MESSAGES_WAITING_MAX);
    // Clients take the first message on an output, even an empty one, for "connected".
    let first = if options.stdout {
        STDOUT
    } else if options.stderr {
        STDERR
    } else {
        ERROR
    };
    let _ = output.send((first, Bytes::new())).await;

    let mut input = Input { stdin: None, resize: None };
    let mut reader = |wanted: bool, slot: fn(&mut Input) -> &mut Option<InputSender>| {
        wanted.then(|| {
            let (sender, receiver) = mpsc::channel(MESSAGES_WAITING_MAX);
            *slot(&mut input) = Some(sender);
            StreamReader::new(ReceiverStream::new(receiver))
        })
    };
    let stdin = reader(options.stdin, |input| &mut input.stdin);
    let resize = reader(options.tty, |input| &mut input.resize);
    let writer = |channel| Box::new(ChannelWriter::new(channel, output.clone())) as BoxWriter;
    let gone = CancellationToken::new();
    let client = Client {
        stdin: stdin.map(|r| Box::new(r) as BoxReader),
        stdout: options.stdout.then(|| writer(STDOUT)),
        stderr: options.stderr.then(|| writer(STDERR)),
        resize: resize.map(sizes),
        error: writer(ERROR),
        json_status: protocol.starts_with('v'),
        gone: gone.clone().cancelled_owned().boxed(),
    };
    drop(output);
    let base64 = protocol.contains("base64");
    let pump = async {
        let outcome = pump(socket, to_client, input, base64).await;
        gone.cancel();
        outcome
    };
    let ((), outcome) = tokio::join!(session::run(client, options, target), pump);
    outcome
}

type InputSender = mpsc::Sender<io::Result<Bytes>>;

/// Where messages of the client go; None once the client has closed the channel, or nobody reads it.
struct Input {
    stdin: Option<InputSender>,
    resize: Option<InputSender>,
}

impl Input {
    fn slot(&mut self, channel: u8) -> Option<&mut Option<InputSender>> {
        match channel {
            STDIN => Some(&mut self.stdin),
            RESIZE => Some(&mut self.resize),
            _ => None,
        }
    }

    async fn take(&mut self, message: Bytes) {
        match (message.first().copied(), message.get(1).copied()) {
            (Some(CLOSE), Some(channel)) => {
                if let Some(slot) = self.slot(channel) {
                    *slot = None;
                }
            }
            (Some(channel), Some(_)) => {
                if let Some(Some(sender)) = self.slot(channel) {
                    let _ = sender.send(Ok(message.slice(1..))).await;
                }
            }
            _ => {}
        }
    }
}

/// Moves messages both ways until the session drops its writers (then it closes properly) or the client goes away.
/// The two directions never wait for each other: a process that writes while it is fed would stop otherwise.
async fn pump<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
    mut to_client: mpsc::Receiver<(u8, Bytes)>,
    mut input: Input,
    base64: bool,
) -> Result<(), Error> {
    let failed = |e| Error::Io(io::Error::other(e));
    let (mut sink, mut messages) = socket.split();
    let heard = AtomicBool::new(false);
    let incoming = async {
        while let Some(message) = messages.next().await {
            heard.store(true, Ordering::Relaxed);
            match decode(message.map_err(failed)?, base64) {
                Some(data) => input.take(data).await,
                None => break,
            }
        }
        Ok::<(), Error>(())
    };
    let outgoing = async {
        loop {
            tokio::select! {
                message = to_client.recv() => match message {
                    Some((channel, data)) => sink.send(encode(channel, &data, base64)).await.map_err(failed)?,
                    None => return sink.send(websocket::goodbye()).await.map_err(failed),
                },
                () = tokio::time::sleep(Duration::from_secs(IDLE_SECS_MAX)) => {
                    if !heard.swap(false, Ordering::Relaxed) {
                        return Err(Error::TimedOut("any message"));
                    }
                }
            }
        }
    };
    let mut incoming = std::pin::pin!(incoming);
    tokio::select! {
        outcome = &mut incoming => return outcome,
        outcome = outgoing => outcome?,
    }
    // The client answers our close with its own; until then it may still be reading.
    let _ = tokio::time::timeout(Duration::from_secs(CLOSE_SECS_MAX), incoming).await;
    Ok(())
}

/// A message of data on a channel.
pub(crate) fn encode(channel: u8, data: &[u8], base64: bool) -> Message {
    if base64 {
        return Message::text(format!("{}{}", char::from(b'0'.wrapping_add(channel)), STANDARD.encode(data)));
    }
    let mut message = Vec::with_capacity(data.len() + 1);
    message.push(channel);
    message.extend_from_slice(data);
    Message::binary(message)
}

/// Channel number and data of a message, empty for what carries neither; None when the client closes.
pub(crate) fn decode(message: Message, base64: bool) -> Option<Bytes> {
    let data = match message {
        Message::Binary(data) => data,
        Message::Text(text) => Bytes::from(text),
        Message::Close(_) => return None,
        _ => return Some(Bytes::new()),
    };
    if !base64 {
        return Some(data);
    }
    let Some((digit, rest)) = data.split_first() else { return Some(Bytes::new()) };
    let mut message = vec![digit.wrapping_sub(b'0')];
    if STANDARD.decode_vec(rest, &mut message).is_err() {
        return Some(Bytes::new());
    }
    Some(message.into())
}
