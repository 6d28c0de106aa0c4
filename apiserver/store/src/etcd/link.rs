//! The way to etcd's members: one connection each, one of them in use until it fails.
//!
//! A request that a member does not answer in time is asked again of the next one, so that a member's death, its
//! paralysis and an election of a leader cost a client nothing but time. Requests must bear to be sent twice.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{Certificate, Client, ConnectOptions, Error, Identity, KvClient, TlsOptions};
use tokio::time::Instant;

use super::EtcdOptions;
use crate::StoreError;

/// How long one member has for an answer.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long all members together have.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long after all members have failed the first one is asked again.
const PAUSE: Duration = Duration::from_millis(50);
/// How soon a dead connection is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// The largest answer that is read: a page of the largest objects.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// The members.
pub(super) struct Link {
    members: Vec<Member>,
    in_use: AtomicUsize,
}

struct Member {
    url: String,
    client: Client,
}

/// An answer, and how it came about.
pub(super) struct Answered<T> {
    pub(super) answer: T,
    /// An earlier attempt may have been carried out without our hearing of it.
    pub(super) again: bool,
}

/// Why there is no answer.
pub(super) enum Failure {
    /// Etcd said no.
    Refused(Error),
    /// Nobody answered in time; what was asked may or may not have happened.
    Silent(String),
}

impl Failure {
    /// Whether what was asked for is older than what etcd keeps.
    pub(super) fn is_compacted(&self) -> bool {
        matches!(self, Self::Refused(Error::GRpcStatus(status)) if status.message().contains("has been compacted"))
    }
}

impl From<Failure> for StoreError {
    /// Of reads; writes tell apart whether they may have happened.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => Self::Engine(format!("etcd: {error}")),
            Failure::Silent(why) => Self::Unavailable(why),
        }
    }
}

impl Link {
    /// Prepares a connection to every member; they are made when first needed.
    pub(super) async fn connect(options: &EtcdOptions) -> Result<Self, StoreError> {
        let mut connect = ConnectOptions::new()
            .with_keep_alive(KEEP_ALIVE, KEEP_ALIVE)
            .with_keep_alive_while_idle(true)
            .with_connect_timeout(ATTEMPT)
            .with_require_leader(true);
        if let Some(tls) = &options.tls {
            let mut pem = TlsOptions::new().ca_certificate(Certificate::from_pem(&tls.authorities));
            if let Some((certificate, key)) = &tls.identity {
                pem = pem.identity(Identity::from_pem(certificate, key));
            }
            connect = connect.with_tls(pem);
        }
        let mut members = Vec::new();
        for url in &options.endpoints {
            let client = Client::connect([url], Some(connect.clone())).await;
            let client = client.map_err(|error| StoreError::Engine(format!("etcd at {url}: {error}")))?;
            members.push(Member { url: url.clone(), client });
        }
        if members.is_empty() {
            return Err(StoreError::Engine("no etcd server is named".to_owned()));
        }
        Ok(Self { members, in_use: AtomicUsize::new(0) })
    }

    /// The member in use: its number and client.
    pub(super) fn member(&self) -> (usize, Client) {
        let number = self.in_use.load(Ordering::Relaxed) % self.members.len();
        (number, self.members[number].client.clone())
    }

    /// This member does not do its duty: the next one is used from now on, unless somebody else has seen to it.
    pub(super) fn leave(&self, number: usize, why: &str) {
        let next = (number + 1) % self.members.len();
        let left = self.in_use.compare_exchange(number, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if left && next != number {
            tracing::warn!(
                from = self.members[number].url,
                to = self.members[next].url,
                why,
                "using another etcd member"
            );
        }
    }

    /// Asks for or about keys until somebody answers or time is up.
    pub(super) async fn call<T, F>(&self, what: &str, request: impl Fn(KvClient) -> F) -> Result<Answered<T>, Failure>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.ask(what, |client| request(client.kv_client().max_decoding_message_size(ANSWER_BYTES_MAX))).await
    }

    /// Asks for anything until somebody answers or time is up.
    pub(super) async fn ask<T, F>(&self, what: &str, request: impl Fn(Client) -> F) -> Result<Answered<T>, Failure>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let until = Instant::now() + PATIENCE;
        let mut attempts = 0;
        loop {
            let (number, client) = self.member();
            attempts += 1;
            let why = match tokio::time::timeout(ATTEMPT, request(client)).await {
                Ok(Ok(answer)) => return Ok(Answered { answer, again: attempts > 1 }),
                Ok(Err(error)) if is_final(&error) => return Err(Failure::Refused(error)),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {ATTEMPT:?}"),
            };
            self.leave(number, &why);
            if Instant::now() > until {
                return Err(Failure::Silent(format!("etcd: {what}: {}: {why}", self.members[number].url)));
            }
            if attempts % self.members.len() == 0 {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether another attempt would be answered the same.
fn is_final(error: &Error) -> bool {
    use tonic::Code;
    match error {
        Error::GRpcStatus(status) => match status.code() {
            // "too many requests" passes; "database space exceeded" does not.
            Code::ResourceExhausted => !status.message().contains("too many requests"),
            Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated => true,
            _ => false,
        },
        Error::TransportError(_) | Error::IoError(_) => false,
        _ => true,
    }
}
