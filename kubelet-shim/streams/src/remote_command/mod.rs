//! The server side of exec and attach: a client's five streams on one hand, a process on the other.
//!
//! [`serve`] answers the HTTP request and runs the session in a task of its own; the process is found behind
//! [`ExecTarget`]. `session` joins the two and does not know the transport; `spdy` and `websocket` are the transports;
//! `status` is the last word on the error stream.

mod channels;
mod session;
mod spdy;
mod status;
#[cfg(test)]
mod tests;
mod websocket;

pub(crate) use channels::ChannelWriter;
pub use status::Exit;
pub(crate) use websocket::{decode, encode};

use crate::upgrade::{self, Refusal, Transport};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// Bytes from a process or a client.
pub type BoxReader = Box<dyn AsyncRead + Send + Unpin>;
/// Bytes towards a process or a client; `shutdown` tells it that no more come.
pub type BoxWriter = Box<dyn AsyncWrite + Send + Unpin>;

/// The window of a terminal, in characters, with the field names of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// Which streams the client wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// The client will send standard input.
    pub stdin: bool,
    /// The client wants standard output.
    pub stdout: bool,
    /// The client wants standard error; never with a terminal, which has one output.
    pub stderr: bool,
    /// The process gets a terminal.
    pub tty: bool,
}

impl StreamOptions {
    /// Reads them from a query, in the spelling of the API (`stdin=true`) or of the kubelet (`input=1`).
    pub fn from_query(query: &str) -> Self {
        let mut options = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let on = matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True");
            match name {
                "stdin" | "input" => options.stdin |= on,
                "stdout" | "output" => options.stdout |= on,
                "stderr" | "error" => options.stderr |= on,
                "tty" => options.tty |= on,
                _ => {}
            }
        }
        options.stderr &= !options.tty;
        options
    }

    fn wants_nothing(&self) -> bool {
        !self.stdin && !self.stdout && !self.stderr
    }
}

/// A process with its streams attached; dropping it detaches.
pub struct Process {
    /// Standard input, if asked for.
    pub stdin: Option<BoxWriter>,
    /// Standard output (with a terminal: all output), if asked for.
    pub stdout: Option<BoxReader>,
    /// Standard error, if asked for.
    pub stderr: Option<BoxReader>,
    /// Takes new sizes of the terminal.
    pub resize: Option<mpsc::Sender<TerminalSize>>,
    /// Completes when the process has ended. Output may still have to be read.
    pub exit: BoxFuture<'static, Exit>,
}

/// What exec or attach is done on.
pub trait ExecTarget: Send + 'static {
    /// Starts the process, or attaches to it, once the client's streams are there. An error ends the session
    /// with its text on the error stream.
    fn start(self: Box<Self>, options: StreamOptions) -> BoxFuture<'static, Result<Process, crate::Error>>;
}

/// What a session needs from its client, whatever the transport.
struct Client {
    stdin: Option<BoxReader>,
    stdout: Option<BoxWriter>,
    stderr: Option<BoxWriter>,
    resize: Option<mpsc::Receiver<TerminalSize>>,
    error: BoxWriter,
    /// Whether the error stream takes a Status in JSON (version 4 on) or a plain text.
    json_status: bool,
    /// Completes when the client has gone away.
    gone: BoxFuture<'static, ()>,
}

/// Answers a request for exec or attach and serves it in the background once the connection is upgraded.
///
/// The request must come from a hyper connection that is served with upgrades. Errors that shall be HTTP answers
/// (no such container) must be found before; from here on they travel on the error stream.
pub fn serve<B>(mut request: Request<B>, options: StreamOptions, target: Box<dyn ExecTarget>) -> Response<Full<Bytes>> {
    let (transport, protocol, response) = match negotiate(request.headers(), options) {
        Ok(found) => found,
        Err(refusal) => return refusal.into_response(),
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let outcome = match upgraded.await {
            Ok(io) => match transport {
                Transport::Spdy => spdy::run(TokioIo::new(io), protocol, options, target).await,
                Transport::WebSocket => websocket::run(TokioIo::new(io), protocol, options, target).await,
            },
            Err(e) => Err(e.into()),
        };
        if let Err(e) = outcome {
            tracing::debug!("exec session: {e}");
        }
    });
    response
}

fn negotiate(
    headers: &HeaderMap,
    options: StreamOptions,
) -> Result<(Transport, &'static str, Response<Full<Bytes>>), Refusal> {
    let transport = upgrade::transport(headers)?;
    if options.wants_nothing() {
        return Err(Refusal::bad_request("you must specify at least 1 of stdin, stdout, stderr".into()));
    }
    let supported = match transport {
        Transport::Spdy => spdy::PROTOCOLS,
        Transport::WebSocket => websocket::PROTOCOLS,
    };
    let protocol = upgrade::negotiate(headers, transport, supported)?;
    Ok((transport, protocol, upgrade::switch(headers, transport, protocol)?))
}
