//! What has to be done from time to time: measuring, noticing trouble, compacting.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use etcd_client::{AlarmAction, AlarmType, Compare, CompareOp, Txn, TxnOp, TxnOpResponse};
use tokio::time::timeout;

use super::Shared;
use super::link::Failure;

/// How often etcd is asked how it is.
const MEASURE_EVERY: Duration = Duration::from_secs(2);
/// How long it has for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps the size of the database, and whether it can be written.
pub(super) async fn measure(shared: Arc<Shared>) {
    loop {
        let (number, client) = shared.link.member();
        let mut maintenance = client.maintenance_client();
        let status = timeout(PATIENCE, maintenance.status()).await;
        let trouble = match status {
            Ok(Ok(status)) => {
                shared.disk_bytes.store(u64::try_from(status.db_size()).unwrap_or(0), Ordering::Relaxed);
                let alarms = maintenance.alarm(AlarmAction::Get, AlarmType::None, None);
                let full = timeout(PATIENCE, alarms).await.is_ok_and(|alarms| {
                    alarms.is_ok_and(|alarms| alarms.alarms().iter().any(|alarm| alarm.alarm() == AlarmType::Nospace))
                });
                let none = status.leader() == 0;
                let full =
                    full.then(|| "etcd has no space left: compact, defragment, then disarm its alarm".to_owned());
                full.or_else(|| none.then(|| "etcd has no leader".to_owned()))
            }
            Ok(Err(error)) => Some(format!("etcd: {error}")),
            Err(_) => Some(format!("etcd does not answer within {PATIENCE:?}")),
        };
        if let Some(why) = &trouble {
            shared.link.leave(number, why);
        }
        *shared.trouble.lock() = trouble;
        tokio::time::sleep(MEASURE_EVERY).await;
    }
}

/// Compacts what is older than one interval. Of several servers one does it, as upstream's: who finds the key as it left
/// it, is the one.
pub(super) async fn compact(shared: Arc<Shared>, every: Duration) {
    let (mut version, mut past) = (0, 0);
    loop {
        match turn(&shared, version, past).await {
            Ok(next) => (version, past) = next,
            Err(Failure::Refused(error)) => tracing::warn!(%error, "etcd is not compacted"),
            Err(Failure::Silent(why)) => tracing::warn!(why, "etcd is not compacted"),
        }
        tokio::time::sleep(every).await;
    }
}

/// One turn: the key's version and etcd's revision for the next one.
async fn turn(shared: &Shared, version: i64, past: i64) -> Result<(i64, i64), Failure> {
    let key = shared.etcd_key("/compacted");
    let answered = shared.link.call("compact", |mut kv| {
        let is_as_left = Compare::version(key.clone(), CompareOp::Equal, version);
        let mine = TxnOp::put(key.clone(), past.to_string(), None);
        let txn = Txn::new().when([is_as_left]).and_then([mine]).or_else([TxnOp::get(key.clone(), None)]);
        async move { kv.txn(txn).await }
    });
    let answer = answered.await?.answer;
    let now = answer.header().map_or(0, |header| header.revision());
    if !answer.succeeded() {
        let version = answer.op_responses().into_iter().find_map(|response| match response {
            TxnOpResponse::Get(got) => Some(got.kvs().first()?.version()),
            _ => None,
        });
        return Ok((version.unwrap_or(0), now));
    }
    if past > 0 {
        let compacted = shared.link.call("compact", |mut kv| async move { kv.compact(past, None).await }).await;
        match compacted {
            // Somebody else, an operator for example, has.
            Err(failure) if failure.is_compacted() => {}
            Err(failure) => return Err(failure),
            Ok(_) => tracing::debug!(revision = past, "etcd compacted"),
        }
    }
    Ok((version + 1, now))
}
