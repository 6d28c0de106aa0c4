//! The server side of port-forward: connections of a client to ports of a Pod.
//!
//! [`serve`] answers the HTTP request; `spdy` carries many connections over SPDY, plain or tunnelled through a
//! WebSocket; `websocket` is the old form with a fixed list of ports; `dial` reaches into the Pod.

mod dial;
mod spdy;
#[cfg(test)]
mod tests;
mod websocket;

pub use dial::{PodDialer, PodNetwork};

use crate::upgrade::{self, Refusal, Transport};
use crate::websocket::{Tunnel, accept};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;

/// Opens connections to a Pod's ports.
pub trait PortTarget: Send + Sync + 'static {
    /// Connects to a port as a process inside the Pod would on `localhost`.
    fn dial(&self, port: u16) -> BoxFuture<'static, io::Result<TcpStream>>;
    /// What errors call the Pod, for example `pod 9f3c…, uid : `; clients show it.
    fn name(&self) -> String;
}

const SPDY_PROTOCOLS: &[&str] = &["portforward.k8s.io", ""];
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const WEBSOCKET_PROTOCOLS: &[&str] = &[TUNNEL, "v4.channel.k8s.io", "v4.base64.channel.k8s.io", ""];

/// Answers a request for port-forward and serves it in the background once the connection is upgraded.
///
/// The request must come from a hyper connection that is served with upgrades. `ports` of the query matter to the
/// old WebSocket form only.
pub fn serve<B>(mut request: Request<B>, target: Arc<dyn PortTarget>) -> Response<Full<Bytes>> {
    let Negotiated { transport, protocol, ports, response } = match negotiate(&request) {
        Ok(found) => found,
        Err(refusal) => return refusal.into_response(),
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let io = match upgraded.await {
            Ok(io) => TokioIo::new(io),
            Err(e) => return tracing::debug!("port-forward: {e}"),
        };
        match (transport, protocol) {
            (Transport::Spdy, _) => spdy::run(io, target).await,
            (Transport::WebSocket, TUNNEL) => spdy::run(Tunnel::new(accept(io).await), target).await,
            (Transport::WebSocket, _) => {
                let base64 = protocol.contains("base64");
                if let Err(e) = websocket::run(accept(io).await, base64, ports, target).await {
                    tracing::debug!("port-forward: {e}");
                }
            }
        }
    });
    response
}

struct Negotiated {
    transport: Transport,
    protocol: &'static str,
    /// Only of the old WebSocket form.
    ports: Vec<u16>,
    response: Response<Full<Bytes>>,
}

fn negotiate<B>(request: &Request<B>) -> Result<Negotiated, Refusal> {
    let headers = request.headers();
    let transport = upgrade::transport(headers)?;
    let supported = match transport {
        Transport::Spdy => SPDY_PROTOCOLS,
        Transport::WebSocket => WEBSOCKET_PROTOCOLS,
    };
    let protocol = upgrade::negotiate(headers, transport, supported)?;
    let ports = match (transport, protocol) {
        (Transport::Spdy, _) | (_, TUNNEL) => Vec::new(),
        _ => websocket::ports(request.uri().query().unwrap_or_default()).map_err(Refusal::bad_request)?,
    };
    Ok(Negotiated { transport, protocol, ports, response: upgrade::switch(headers, transport, protocol)? })
}

/// The text on the error stream when a port cannot be reached.
fn failure(port: u16, target: &dyn PortTarget, error: &io::Error) -> String {
    format!("error forwarding port {port} to {}: {error}", target.name())
}
