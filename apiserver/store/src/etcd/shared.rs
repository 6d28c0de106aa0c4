//! Small values that all servers of a cluster have in common.

use etcd_client::{Compare, CompareOp, GetOptions, KeyValue, Txn, TxnOp, TxnOpResponse};

use super::link::Link;
use crate::StoreError;

/// The key that is there while an archive is being written.
pub(super) fn restoring(prefix: &str) -> String {
    format!("{prefix}/restoring")
}

/// Where a cluster that came from an archive began.
pub(super) struct Origin {
    /// What is added to etcd's revisions.
    pub(super) offset: u64,
    /// Etcd's revision before which nothing is of this cluster.
    pub(super) since: i64,
}

/// The key that says since when the whole archive is there.
pub(super) fn restored(prefix: &str) -> String {
    format!("{prefix}/restored")
}

/// Where the cluster began; zeroes where it never moved.
///
/// # Errors
/// Where what is there is not whole, besides those of etcd.
pub(super) async fn origin(link: &Link, prefix: &str) -> Result<Origin, StoreError> {
    if find(link, restoring(prefix).into_bytes()).await?.is_some() {
        let text = format!("etcd: what is under {prefix} is half an archive: delete its keys and restore it again");
        return Err(StoreError::Engine(text));
    }
    let Some(kv) = find(link, restored(prefix).into_bytes()).await? else { return Ok(Origin { offset: 0, since: 0 }) };
    let offset = kv.value_str().ok().and_then(|text| text.parse().ok());
    let offset = offset.ok_or_else(|| StoreError::Engine(format!("etcd: {} is not a number", restored(prefix))))?;
    Ok(Origin { offset, since: kv.mod_revision() })
}

/// What is there under this name.
pub(super) async fn agreed(link: &Link, prefix: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let found = find(link, format!("{prefix}/shared/{name}").into_bytes()).await?;
    Ok(found.map(|kv| kv.value().to_vec()))
}

/// What is there under this name, or else this.
pub(super) async fn agree(link: &Link, prefix: &str, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    let key = format!("{prefix}/shared/{name}");
    let answered = link.call("write", |mut kv| {
        let is_absent = Compare::create_revision(key.as_str(), CompareOp::Equal, 0);
        let mine = TxnOp::put(key.as_str(), value.clone(), None);
        let txn = Txn::new().when([is_absent]).and_then([mine]).or_else([TxnOp::get(key.as_str(), None)]);
        async move { kv.txn(txn).await }
    });
    let answer = answered.await?.answer;
    let found = answer.op_responses().into_iter().find_map(|response| match response {
        TxnOpResponse::Get(got) => Some(got.kvs().first()?.value().to_vec()),
        _ => None,
    });
    Ok(found.unwrap_or(value))
}

async fn find(link: &Link, key: Vec<u8>) -> Result<Option<KeyValue>, StoreError> {
    let answered = link.call("read", |mut kv| {
        let key = key.clone();
        async move { kv.get(key, Some(GetOptions::new())).await }
    });
    Ok(answered.await?.answer.take_kvs().pop())
}
