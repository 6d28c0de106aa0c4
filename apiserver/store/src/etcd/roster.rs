//! Which servers of a cluster live: each has a key of its own below `servers/`, which etcd takes away when the server has
//! been silent for [`LASTS_SECS`], and the server itself when it stops.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Compare, CompareOp, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse};
use tokio::sync::Mutex;

use super::Shared;
use super::link::Failure;
use crate::StoreError;

/// How long a silent server is still believed in, in seconds. Less than twice the time in which etcd elects a leader is
/// not granted.
const LASTS_SECS: u32 = 6;
const SERVERS: &str = "/servers/";

/// The list of the servers of a cluster, and this one's place in it.
pub struct Roster {
    shared: Arc<Shared>,
    /// The lease that this server's key is bound to.
    lease: Mutex<Option<i64>>,
}

impl Shared {
    /// Whether this key in etcd is a server's.
    pub(super) fn is_server(&self, etcd_key: &[u8]) -> bool {
        etcd_key.strip_prefix(self.prefix.as_bytes()).is_some_and(|key| key.starts_with(SERVERS.as_bytes()))
    }
}

impl Roster {
    /// How often a server has to say that it lives.
    pub const EVERY: Duration = Duration::from_secs(LASTS_SECS as u64 / 3);

    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, lease: Mutex::default() }
    }

    /// Says that the server of this name lives; returns the names of all that do, sorted.
    pub async fn stay(&self, name: &str) -> Result<Vec<String>, StoreError> {
        let lease = self.renew().await?;
        let key = self.shared.etcd_key(&format!("{SERVERS}{name}"));
        let (from, end) = self.shared.range(SERVERS);
        let answered = self.shared.link.call("write", |mut kv| {
            let read = TxnOp::get(from.clone(), Some(GetOptions::new().with_range(end.clone()).with_keys_only()));
            let write = TxnOp::put(key.clone(), "", Some(PutOptions::new().with_lease(lease)));
            let is_there = Compare::lease(key.clone(), CompareOp::Equal, lease);
            let txn = Txn::new().when([is_there]).and_then([read.clone()]).or_else([write, read]);
            async move { kv.txn(txn).await }
        });
        let answer = answered.await?.answer;
        let keys = answer.op_responses().into_iter().find_map(|response| match response {
            TxnOpResponse::Get(mut got) => Some(got.take_kvs()),
            _ => None,
        });
        Ok(self.names(keys.unwrap_or_default().iter().map(|kv| kv.key())))
    }

    /// Takes this server out of the list; returns the names of those that are left.
    pub async fn leave(&self) -> Result<Vec<String>, StoreError> {
        if let Some(lease) = self.lease.lock().await.take() {
            let revoked =
                self.shared.link.ask("revoke", |client| async move { client.lease_client().revoke(lease).await });
            match revoked.await {
                // It has run out already.
                Ok(_) | Err(Failure::Refused(_)) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        let (from, end) = self.shared.range(SERVERS);
        let answered = self.shared.link.call("read", |mut kv| {
            let (from, options) = (from.clone(), GetOptions::new().with_range(end.clone()).with_keys_only());
            async move { kv.get(from, Some(options)).await }
        });
        let keys = answered.await?.answer.take_kvs();
        Ok(self.names(keys.iter().map(|kv| kv.key())))
    }

    /// Returns when servers have come or gone since it last did.
    pub async fn changed(&self) {
        self.shared.moved.notified().await;
    }

    /// A lease with all its time before it.
    async fn renew(&self) -> Result<i64, StoreError> {
        let mut held = self.lease.lock().await;
        if let Some(lease) = *held {
            let kept =
                self.shared.link.ask("renew", |client| async move { client.lease_client().keep_alive(lease).await });
            match kept.await {
                Ok(_) => return Ok(lease),
                // It has run out.
                Err(Failure::Refused(_)) => *held = None,
                Err(failure) => return Err(failure.into()),
            }
        }
        let granted = self
            .shared
            .link
            .ask("grant", |client| async move { client.lease_client().grant(i64::from(LASTS_SECS), None).await });
        let lease = granted.await?.answer.id();
        *held = Some(lease);
        Ok(lease)
    }

    fn names<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
        let length = self.shared.prefix.len() + SERVERS.len();
        let mut names: Vec<String> =
            keys.filter_map(|key| Some(String::from_utf8_lossy(key.get(length..)?).into_owned())).collect();
        names.sort_unstable();
        names
    }
}
