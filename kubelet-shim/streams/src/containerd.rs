//! The client of containerd's streaming server: exec and attach at the address that CRI returned.
//!
//! SPDY, not WebSocket: containerd's WebSocket protocol cannot tell a process that its input has ended.

use crate::Error;
use crate::remote_command::{BoxReader, BoxWriter, ExecTarget, Exit, Process, StreamOptions, TerminalSize};
use crate::spdy::{Connection, Headers, Side};
use crate::upgrade::{SPDY, STREAM_PROTOCOL_VERSION};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{CONNECTION, HOST, UPGRADE};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// How long the streaming server may take to answer.
const CONNECT_SECS_MAX: u64 = 30;
/// A longer status, or refusal, is cut.
const STATUS_BYTES_MAX: u64 = 64 * 1024;

/// An exec or attach that CRI has prepared: the address that `Exec` or `Attach` returned.
#[derive(Debug, Clone)]
pub struct PreparedStream {
    /// `http://127.0.0.1:PORT/exec/TOKEN`
    pub url: String,
}

impl ExecTarget for PreparedStream {
    fn start(self: Box<Self>, options: StreamOptions) -> BoxFuture<'static, Result<Process, Error>> {
        async move { connect(&self.url, options).await }.boxed()
    }
}

/// Connects to a prepared exec or attach. `options` must be those given to CRI: the server waits for exactly these
/// streams.
pub async fn connect(url: &str, options: StreamOptions) -> Result<Process, Error> {
    let connection = tokio::time::timeout(Duration::from_secs(CONNECT_SECS_MAX), upgrade(url))
        .await
        .map_err(|_| Error::TimedOut("the streaming server"))??;
    let open = async |kind: &str| connection.open(Headers::from([("streamtype", kind)])).await;
    let mut error = open("error").await?;
    error.shutdown().await?;
    let stdin = if options.stdin { Some(open("stdin").await?) } else { None };
    let stdout = if options.stdout { Some(open("stdout").await?) } else { None };
    let stderr = if options.stderr { Some(open("stderr").await?) } else { None };
    let resize = if options.tty { Some(open("resize").await?) } else { None };
    let exit = async move {
        let mut status = Vec::new();
        let read = error.take(STATUS_BYTES_MAX).read_to_end(&mut status).await;
        let exit = match read {
            Ok(_) => Exit::from_status(&status),
            Err(e) => Exit::Failed { message: format!("lost the container runtime: {e}") },
        };
        connection.close().await;
        exit
    };
    Ok(Process {
        stdin: stdin.map(|s| Box::new(s) as BoxWriter),
        stdout: stdout.map(|s| Box::new(s) as BoxReader),
        stderr: stderr.map(|s| Box::new(s) as BoxReader),
        resize: resize.map(send_sizes),
        exit: exit.boxed(),
    })
}

async fn upgrade(url: &str) -> Result<Connection, Error> {
    let bad = || Error::Address(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let authority = uri.authority().ok_or_else(bad)?;
    let path = uri.path_and_query().map_or("/", |p| p.as_str());
    let tcp = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    tcp.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await?;
    tokio::spawn(connection.with_upgrades());
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, authority.as_str())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, SPDY)
        .header(STREAM_PROTOCOL_VERSION, "v4.channel.k8s.io")
        .body(Empty::<Bytes>::new())
        .map_err(|_| bad())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let body = Limited::new(response.into_body(), STATUS_BYTES_MAX as usize).collect().await;
        let message = body.map(|b| String::from_utf8_lossy(&b.to_bytes()).trim().to_owned()).unwrap_or_default();
        return Err(Error::Refused { status, message });
    }
    Ok(Connection::new(TokioIo::new(hyper::upgrade::on(response).await?), Side::Client))
}

/// Writes sizes as the JSON objects that the server expects.
fn send_sizes(mut to: crate::spdy::Stream) -> mpsc::Sender<TerminalSize> {
    let (sender, mut sizes) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(size) = sizes.recv().await {
            let Ok(text) = serde_json::to_vec(&size) else { break };
            if to.write_all(&text).await.is_err() {
                break;
            }
        }
    });
    sender
}
