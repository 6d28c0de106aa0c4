//! Small values that all servers of a cluster have in common.

use etcd_client::{Compare, CompareOp, GetOptions, Txn, TxnOp, TxnOpResponse};

use super::link::Link;
use crate::StoreError;

/// What is added to etcd's revisions.
pub(super) async fn offset(link: &Link, prefix: &str) -> Result<u64, StoreError> {
    let Some(text) = read(link, format!("{prefix}/offset").into_bytes()).await? else { return Ok(0) };
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| StoreError::Engine(format!("etcd: {prefix}/offset is not a number")))
}

/// What is there under this name.
pub(super) async fn agreed(link: &Link, prefix: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    read(link, format!("{prefix}/shared/{name}").into_bytes()).await
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

async fn read(link: &Link, key: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError> {
    let answered = link.call("read", |mut kv| {
        let key = key.clone();
        async move { kv.get(key, Some(GetOptions::new())).await }
    });
    Ok(answered.await?.answer.kvs().first().map(|kv| kv.value().to_vec()))
}
