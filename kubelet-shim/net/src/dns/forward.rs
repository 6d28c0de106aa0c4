//! Questions that are not ours go to other resolvers, as they came, and their answers back.

use hickory_proto::op::Message;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;

/// How long one resolver may take.
const RESOLVER_SECS_MAX: u64 = 2;
/// Questions under way; further ones fail at once.
const QUESTIONS_MAX: usize = 512;
const RESOLVERS_MAX: usize = 3;
const DNS_PORT: u16 = 53;

/// Asks the resolvers in turn.
pub(super) struct Forwarder {
    resolvers: Vec<SocketAddr>,
    under_way: Semaphore,
}

impl Forwarder {
    /// `own` is left out of the resolvers: it would ask itself for ever.
    pub(super) fn new(resolvers: &[SocketAddr], own: SocketAddr) -> Self {
        let mut resolvers = resolvers.to_vec();
        if resolvers.is_empty() {
            let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
            resolvers = nameservers(&text);
        }
        resolvers.retain(|resolver| *resolver != own);
        resolvers.truncate(RESOLVERS_MAX);
        Self { resolvers, under_way: Semaphore::new(QUESTIONS_MAX) }
    }

    /// The first answer that a resolver gives; None when none does.
    pub(super) async fn ask(&self, question: &[u8]) -> Option<Message> {
        let _permit = self.under_way.try_acquire().ok()?;
        for resolver in &self.resolvers {
            let limit = Duration::from_secs(RESOLVER_SECS_MAX);
            match tokio::time::timeout(limit, exchange(*resolver, question)).await {
                Ok(Ok(answer)) => return Some(answer),
                Ok(Err(e)) => tracing::debug!("resolver {resolver}: {e}"),
                Err(_) => tracing::debug!("resolver {resolver} does not answer"),
            }
        }
        None
    }
}

async fn exchange(resolver: SocketAddr, question: &[u8]) -> io::Result<Message> {
    let any: IpAddr = if resolver.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // A new socket has a port that others cannot guess.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(resolver).await?;
    socket.send(question).await?;
    let mut datagram = vec![0; usize::from(u16::MAX)];
    loop {
        let len = socket.recv(&mut datagram).await?;
        // Anything that does not belong to the question is ignored.
        let Some(answer) = parse(question, &datagram[..len]) else { continue };
        if answer.metadata.truncation {
            return over_tcp(resolver, question).await;
        }
        return Ok(answer);
    }
}

async fn over_tcp(resolver: SocketAddr, question: &[u8]) -> io::Result<Message> {
    let mut stream = TcpStream::connect(resolver).await?;
    let len = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&len.to_be_bytes(), question].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    parse(question, &answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The answer, if it is one and has the question's id.
fn parse(question: &[u8], answer: &[u8]) -> Option<Message> {
    (question.len() > 2 && answer.get(..2) == question.get(..2)).then(|| Message::from_vec(answer).ok()).flatten()
}

/// The `nameserver` lines of a resolv.conf.
fn nameservers(text: &str) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next())??.parse::<IpAddr>().ok()
    });
    servers.map(|ip| SocketAddr::new(ip, DNS_PORT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameservers_are_read_and_ourselves_left_out() {
        let text = "# comment\nsearch a b\nnameserver 192.0.2.1\nnameserver fe80::1\nnameserver nonsense\nnameserver";
        let servers: Vec<String> = nameservers(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[fe80::1]:53"]);
        let own = "127.0.0.1:53".parse().unwrap();
        assert!(Forwarder::new(&[own], own).resolvers.is_empty());
    }
}
