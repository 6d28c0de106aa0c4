//! exec and attach over SPDY: the client opens one stream per purpose and names it in a header.

use super::{BoxReader, BoxWriter, Client, ExecTarget, StreamOptions, TerminalSize, session};
use crate::Error;
use crate::spdy::{Connection, Side, Stream};
use futures::FutureExt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;

/// Newest first. No offer at all means version 1.
pub(super) const PROTOCOLS: &[&str] =
    &["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io", ""];
/// How long the client may take to open its streams.
const STREAMS_SECS_MAX: u64 = 30;
/// Room for one size of a terminal in JSON.
const RESIZE_BYTES_MAX: usize = 1024;

pub(super) async fn run(
    io: impl AsyncRead + AsyncWrite + Send + 'static,
    protocol: &str,
    options: StreamOptions,
    target: Box<dyn ExecTarget>,
) -> Result<(), Error> {
    let mut connection = Connection::new(io, Side::Server);
    let json_status = protocol == "v4.channel.k8s.io";
    let resizable = options.tty && matches!(protocol, "v4.channel.k8s.io" | "v3.channel.k8s.io");
    let streams = collect(&mut connection, options, resizable);
    let streams = tokio::time::timeout(Duration::from_secs(STREAMS_SECS_MAX), streams).await;
    let Streams { stdin, stdout, stderr, error, resize } =
        streams.map_err(|_| Error::TimedOut("the client to open its streams"))??;
    let Some(error) = error else { return Err(Error::Closed) };
    let client = Client {
        stdin: stdin.map(|s| Box::new(s) as BoxReader),
        stdout: stdout.map(|s| Box::new(s) as BoxWriter),
        stderr: stderr.map(|s| Box::new(s) as BoxWriter),
        resize: resize.map(sizes),
        error: Box::new(error),
        json_status,
        gone: connection.closed().boxed(),
    };
    session::run(client, options, target).await;
    connection.close().await;
    Ok(())
}

#[derive(Default)]
struct Streams {
    stdin: Option<Stream>,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    error: Option<Stream>,
    resize: Option<Stream>,
}

/// Waits for the error stream and all that `options` ask for. Our side of stdin stays open although nothing is sent
/// on it: clients take its end for "send no more".
async fn collect(connection: &mut Connection, options: StreamOptions, resizable: bool) -> Result<Streams, Error> {
    let mut streams = Streams::default();
    let complete = |s: &Streams| {
        s.error.is_some()
            && s.stdin.is_some() == options.stdin
            && s.stdout.is_some() == options.stdout
            && s.stderr.is_some() == options.stderr
            && s.resize.is_some() == resizable
    };
    while !complete(&streams) {
        let stream = connection.accept().await.ok_or(Error::Closed)?;
        match stream.headers().get("streamtype") {
            Some("error") => streams.error = Some(stream),
            Some("stdin") if options.stdin => streams.stdin = Some(stream),
            Some("stdout") if options.stdout => streams.stdout = Some(stream),
            Some("stderr") if options.stderr => streams.stderr = Some(stream),
            Some("resize") if resizable => streams.resize = Some(stream),
            other => tracing::debug!("unexpected stream type {other:?}"),
        }
    }
    Ok(streams)
}

/// The JSON objects that a client writes one after the other when its terminal changes.
pub(super) fn sizes(mut from: impl AsyncRead + Send + Unpin + 'static) -> mpsc::Receiver<TerminalSize> {
    let (to, sizes) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut pending = Vec::new();
        let mut chunk = [0; RESIZE_BYTES_MAX];
        while let Ok(n @ 1..) = from.read(&mut chunk).await {
            pending.extend_from_slice(&chunk[..n]);
            let mut objects = serde_json::Deserializer::from_slice(&pending).into_iter::<TerminalSize>();
            let mut latest = None;
            while let Some(Ok(size)) = objects.next() {
                latest = Some(size);
            }
            let used = objects.byte_offset();
            pending.drain(..used);
            if pending.len() > RESIZE_BYTES_MAX {
                break;
            }
            // Only the newest size counts; a consumer that is gone ends the pump.
            if let Some(size) = latest
                && to.send(size).await.is_err()
            {
                break;
            }
        }
    });
    sizes
}
