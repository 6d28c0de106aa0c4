//! The only port: who connects, and how many at once.
//!
//! [`serve`] accepts; a connection's way through TLS to HTTP/1.1 (with upgrades) or HTTP/2 is in `connection`, how long
//! it may take over what is in `limits`, what runs on it in `activity`, and the patience with slow heads in `patient`.

mod activity;
mod connection;
mod limits;
mod patient;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Door;
use self::limits::Limits;
use crate::ApiServer;
use crate::handler::REQUEST_WAIT;

pub(crate) use self::connection::{Endless, LastOfConnection};

/// How many connections there may be at once; whoever comes then waits to be accepted.
const CONNECTIONS_MAX: usize = 65_536;
/// How long to wait before accepting again where that failed: files may have run out.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// How long running requests may take once the server stops: as long as any request may.
const DRAIN_WAIT: Duration = REQUEST_WAIT;
/// How long streams without an end, and connections on which nothing runs, may take from then on.
const LEAVE_WAIT: Duration = Duration::from_secs(5);
/// After how much silence TCP asks whether the peer is still there, as upstream.
const KEEP_ALIVE: Duration = Duration::from_mins(3);

/// Serves connections until `stop` is cancelled; then ends watches, lets running requests finish, and returns.
pub async fn serve(server: ApiServer, listener: TcpListener, tls: Arc<rustls::ServerConfig>, stop: CancellationToken) {
    let door = Arc::new(Door {
        acceptor: TlsAcceptor::from(tls),
        router: server.router(),
        pki: server.config().pki.clone(),
        limits: Limits::default(),
        leaving: server.stopping(),
        stop: stop.clone(),
        busy: TaskTracker::new(),
    });
    let connections = TaskTracker::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let (server, door) = (server.clone(), door.clone());
        connections.spawn(async move {
            prepare(&stream);
            if let Err(error) = door.open(stream, Some(address)).await {
                if error.is_handshake() {
                    server.metrics().tls_handshake_errors.inc();
                }
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    // Whoever comes now is refused at once, and has time for another server.
    drop(listener);
    server.shut_down();
    connections.close();
    door.busy.close();
    let left = tokio::time::timeout(LEAVE_WAIT, connections.wait());
    let (done, _) = tokio::join!(tokio::time::timeout(DRAIN_WAIT, door.busy.wait()), left);
    if done.is_err() {
        tracing::info!("requests were still running when the server stopped");
    }
}

/// Small answers leave at once, and a peer that vanished is noticed.
fn prepare(stream: &TcpStream) {
    let set = stream.set_nodelay(true);
    let set = set.and_then(|()| Ok(rustix::net::sockopt::set_socket_keepalive(stream, true)?));
    let set = set.and_then(|()| Ok(rustix::net::sockopt::set_tcp_keepidle(stream, KEEP_ALIVE)?));
    if let Err(error) = set {
        tracing::debug!(%error, "a socket could not be set up");
    }
}
