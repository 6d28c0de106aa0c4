//! Joins a client's streams to a process and ends with its exit status. Knows neither SPDY nor WebSocket.

use super::{BoxReader, BoxWriter, Client, ExecTarget, Exit, Process, StreamOptions};
use std::future::pending;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Output is moved in pieces of this size.
const PIECE_BYTES_MAX: usize = 32 * 1024;

/// Runs the session to its end; returns when the status is written or the client has gone.
pub(super) async fn run(client: Client, options: StreamOptions, target: Box<dyn ExecTarget>) {
    let Client { stdin, stdout, stderr, mut resize, mut error, json_status, gone } = client;
    let session = async {
        let exit = match target.start(options).await {
            Err(e) => Exit::Failed { message: format!("error executing command in container: {e}") },
            Ok(mut process) => {
                let sizes = (resize.take(), process.resize.take());
                let input = pump_input(stdin, process.stdin.take());
                let resizes = async {
                    if let (Some(mut from), Some(to)) = sizes {
                        while let Some(size) = from.recv().await {
                            if to.send(size).await.is_err() {
                                break;
                            }
                        }
                    }
                    pending::<()>().await;
                };
                tokio::select! {
                    ended = output(process, stdout, stderr) => ended?,
                    () = input => return Ok(()),
                    () = resizes => return Ok(()),
                }
            }
        };
        error.write_all(&exit.encode(json_status)).await?;
        error.shutdown().await
    };
    tokio::select! {
        outcome = session => if let Err(e) = outcome {
            tracing::debug!("exec: the client stopped reading: {e}");
        },
        () = gone => {}
    }
}

/// Waits for the process and all its output; fails if the client does not take it.
async fn output(process: Process, stdout: Option<BoxWriter>, stderr: Option<BoxWriter>) -> io::Result<Exit> {
    let (exit, out, err) =
        tokio::join!(process.exit, pump_output(process.stdout, stdout), pump_output(process.stderr, stderr));
    out?;
    err?;
    Ok(exit)
}

/// Copies until the process closes its end, then finishes the client's. Only the client's end can fail: a runtime may
/// drop the outputs when the process has ended, and the exit status must still be told.
async fn pump_output(from: Option<BoxReader>, to: Option<BoxWriter>) -> io::Result<()> {
    let Some(mut to) = to else { return Ok(()) };
    if let Some(mut from) = from {
        let mut piece = vec![0; PIECE_BYTES_MAX];
        loop {
            match from.read(&mut piece).await {
                Ok(0) => break,
                Ok(len) => to.write_all(&piece[..len]).await?,
                Err(e) => {
                    tracing::debug!("output of the process: {e}");
                    break;
                }
            }
        }
    }
    to.shutdown().await
}

/// Copies until the client closes its end, then closes the process's. Never completes: a process that does not
/// read its input, or has closed it, still runs.
async fn pump_input(from: Option<BoxReader>, to: Option<BoxWriter>) {
    if let (Some(mut from), Some(mut to)) = (from, to) {
        let _ = tokio::io::copy(&mut from, &mut to).await;
        let _ = to.shutdown().await;
        drop(to);
        // Input that nobody takes any more is thrown away, so that it does not block the client's other streams.
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
    pending::<()>().await;
}
