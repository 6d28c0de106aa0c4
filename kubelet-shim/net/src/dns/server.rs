//! The sockets of cluster DNS, and which of the two sources answers.

use super::forward::Forwarder;
use super::zone::{Answer, Zone};
use crate::cluster::Cluster;
use crate::{Config, Error};
use hickory_proto::op::{Edns, Header, HeaderCounts, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A TCP client that sends no question for this long is dropped.
const TCP_IDLE_SECS_MAX: u64 = 10;
/// Answers that may wait per TCP connection.
const TCP_ANSWERS_WAITING_MAX: usize = 32;
/// Largest UDP answer to a client that offers more; stays below the usual path MTU.
const UDP_BYTES_MAX: u16 = 1232;
/// CNAMEs followed in one answer.
const CNAME_DEPTH_MAX: usize = 4;

/// Bound, not yet serving.
pub(crate) struct Server {
    udp: UdpSocket,
    tcp: TcpListener,
    handler: Handler,
    zone: watch::Sender<Arc<Zone>>,
    domain: String,
}

impl Server {
    /// Binds UDP and TCP.
    pub(crate) async fn bind(config: &Config) -> Result<Self, Error> {
        let address = config.dns_listen;
        let failed = |source| Error::Bind { address, source };
        let tcp = TcpListener::bind(address).await.map_err(failed)?;
        let udp = UdpSocket::bind(address).await.map_err(failed)?;
        let (zone, receiver) = watch::channel(Arc::new(Zone::default()));
        let forwarder = Forwarder::new(&config.dns_upstreams, address);
        let handler = Handler { zone: receiver, forwarder };
        Ok(Self { udp, tcp, handler, zone, domain: config.cluster_domain.clone() })
    }

    /// Serves until `shutdown`. Questions are answered once the cluster's names are known.
    pub(crate) async fn run(self, mut cluster: Cluster, shutdown: CancellationToken) {
        let mut server = hickory_server::Server::new(self.handler);
        let follow = async {
            cluster.ready().await;
            self.zone.send_replace(Arc::new(Zone::new(&self.domain, &cluster.snapshot())));
            server.register_socket(self.udp);
            server.register_listener(self.tcp, Duration::from_secs(TCP_IDLE_SECS_MAX), TCP_ANSWERS_WAITING_MAX);
            while cluster.changed().await {
                self.zone.send_replace(Arc::new(Zone::new(&self.domain, &cluster.snapshot())));
            }
        };
        tokio::select! {
            () = follow => {}
            () = shutdown.cancelled() => {}
        }
        if let Err(e) = server.shutdown_gracefully().await {
            tracing::debug!("DNS: {e}");
        }
    }
}

struct Handler {
    zone: watch::Receiver<Arc<Zone>>,
    forwarder: Forwarder,
}

/// The sections of a response.
#[derive(Default)]
struct Sections {
    code: ResponseCode,
    authoritative: bool,
    answers: Vec<Record>,
    authorities: Vec<Record>,
    soa: Option<Record>,
    additionals: Vec<Record>,
}

impl Handler {
    async fn resolve(&self, request: &Request) -> Sections {
        let failure = |code| Sections { code, ..Sections::default() };
        if request.metadata.op_code != OpCode::Query {
            return failure(ResponseCode::NotImp);
        }
        let Ok(info) = request.request_info() else { return failure(ResponseCode::FormErr) };
        let (name, kind) = (Name::from(info.query.name()), info.query.query_type());
        let zone = self.zone.borrow().clone();
        let answer = match info.query.query_class() {
            DNSClass::IN | DNSClass::ANY => zone.answer(&name, kind),
            _ => Answer::NotOurs,
        };
        let negative = |code| Sections { code, authoritative: true, soa: Some(zone.soa()), ..Sections::default() };
        match answer {
            Answer::Records(answers, additionals) => {
                let mut sections = Sections { authoritative: true, answers, additionals, ..Sections::default() };
                self.chase(&zone, kind, &mut sections);
                sections
            }
            Answer::NoData => negative(ResponseCode::NoError),
            Answer::NxDomain => negative(ResponseCode::NXDomain),
            Answer::NotOurs => match self.forwarder.ask(request.as_slice()).await {
                Some(message) => Sections {
                    code: message.metadata.response_code,
                    answers: message.answers,
                    authorities: message.authorities,
                    additionals: message.additionals,
                    ..Sections::default()
                },
                None => failure(ResponseCode::ServFail),
            },
        }
    }

    /// Adds what an ExternalName points at, if it is in the cluster too; clients ask for other targets themselves.
    fn chase(&self, zone: &Zone, kind: RecordType, sections: &mut Sections) {
        for _ in 0..CNAME_DEPTH_MAX {
            let target = match sections.answers.last().map(|record| &record.data) {
                Some(RData::CNAME(target)) if kind != RecordType::CNAME => target.0.clone(),
                _ => return,
            };
            match zone.answer(&target, kind) {
                Answer::Records(answers, _) => sections.answers.extend(answers),
                _ => return,
            }
        }
    }
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut response: R) -> ResponseInfo {
        let sections = self.resolve(request).await;
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = sections.code;
        metadata.authoritative = sections.authoritative;
        metadata.recursion_available = true;
        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(asked.max_payload().clamp(512, UDP_BYTES_MAX)).set_version(0);
            edns
        });
        let builder = MessageResponseBuilder::new(&request.queries, edns.as_ref());
        let message =
            builder.build(metadata, &sections.answers, &sections.authorities, &sections.soa, &sections.additionals);
        response.send_response(message).await.unwrap_or_else(|e| {
            tracing::debug!("DNS answer: {e}");
            let mut metadata = Metadata::new(request.metadata.id, MessageType::Response, OpCode::Query);
            metadata.response_code = ResponseCode::ServFail;
            Header { metadata, counts: HeaderCounts::default() }.into()
        })
    }
}

#[cfg(test)]
impl Server {
    /// Where it is bound, over UDP and over TCP.
    pub(super) fn addresses(&self) -> (std::net::SocketAddr, std::net::SocketAddr) {
        (self.udp.local_addr().unwrap(), self.tcp.local_addr().unwrap())
    }
}
