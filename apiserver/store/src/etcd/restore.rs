//! A cluster comes to etcd from an archive.

use etcd_client::{GetOptions, Txn, TxnOp};

use super::link::Link;
use super::{EtcdOptions, record, shared};
use crate::archive::Archived;
use crate::entry::without_revision;
use crate::{Archive, Document, Index, StoreError};

/// How many objects and bytes go into one transaction: below etcd's limits.
const OBJECTS_MAX: usize = 100;
const BYTES_MAX: usize = 512 << 10;

/// Writes an archive to where nothing is yet. Every object gets a new revision, above all that the archive knows.
pub(super) async fn restore(options: &EtcdOptions, archive: &Archive) -> Result<(), StoreError> {
    let link = Link::connect(options).await?;
    let prefix = options.prefix.trim_end_matches('/');
    let all = format!("{prefix}/");
    let answered = link.call("read", |mut kv| {
        let all = all.as_str();
        async move { kv.get(all, Some(GetOptions::new().with_prefix().with_count_only())).await }
    });
    let found = answered.await?.answer;
    if found.count() > 0 {
        let text =
            format!("etcd has a cluster under {prefix} already; another --etcd-prefix, or none of its keys, is needed");
        return Err(StoreError::Engine(text));
    }
    let now = found.header().map_or(0, |header| u64::try_from(header.revision()).unwrap_or(0));
    let offset = archive.revision.saturating_sub(now << super::SLOT_BITS);
    let (restoring, restored) = (shared::restoring(prefix), shared::restored(prefix));
    put(&link, &restoring, b"").await?;
    for (name, text) in &archive.shared {
        put(&link, &format!("{prefix}/shared/{name}"), text.as_bytes()).await?;
    }
    let mut objects = archive.objects.as_slice();
    while !objects.is_empty() {
        let (mut count, mut bytes) = (0, 0);
        while count < objects.len().min(OBJECTS_MAX) && (count == 0 || bytes + objects[count].json.len() < BYTES_MAX) {
            bytes += objects[count].json.len();
            count += 1;
        }
        let (these, rest) = objects.split_at(count);
        objects = rest;
        // Sent twice, it is the same.
        let answered = link.call("write", |mut kv| {
            let writes: Vec<TxnOp> = (0..).zip(these).map(|(slot, object)| write(prefix, object, slot)).collect();
            async move { kv.txn(Txn::new().and_then(writes)).await }
        });
        answered.await?;
    }
    let answered = link.call("write", |mut kv| {
        let done = [TxnOp::delete(restoring.as_str(), None), TxnOp::put(restored.as_str(), offset.to_string(), None)];
        async move { kv.txn(Txn::new().and_then(done)).await }
    });
    answered.await?;
    Ok(())
}

fn write(prefix: &str, object: &Archived, slot: u8) -> TxnOp {
    let json = without_revision(&object.json, object.hole);
    let document = Document { json, hole: object.hole, index: Index::default() };
    TxnOp::put(format!("{prefix}{}", object.key), record::encode(&document, slot), None)
}

async fn put(link: &Link, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let answered = link.call("write", |mut kv| async move { kv.put(key, value, None).await });
    answered.await?;
    Ok(())
}
