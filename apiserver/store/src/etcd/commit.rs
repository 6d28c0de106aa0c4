//! Writes: one etcd transaction each.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use etcd_client::{Compare, CompareOp, Error, Txn, TxnOp, TxnOpResponse, TxnResponse};
use parking_lot::Mutex;

use super::Shared;
use super::link::{Answered, Failure};
use super::record;
use crate::state::State;
use crate::{Change, Document, Event, Expect, Index, Revision, StoreError};

/// What this server is writing: the watch brings it back, and who wrote it knows its index without parsing.
#[derive(Default)]
pub(super) struct Pending(Mutex<HashMap<Arc<str>, Vec<Written>>>);

/// A value and its index.
type Written = (Bytes, Index);

impl Pending {
    /// The index of what is being written under this key with this value.
    pub(super) fn index(&self, key: &str, value: &[u8]) -> Option<Index> {
        let pending = self.0.lock();
        pending.get(key)?.iter().find(|(written, _)| *written == value).map(|(_, index)| index.clone())
    }
}

/// Takes what it added out of [`Pending`] again, also where the caller goes away.
struct Noted<'a> {
    pending: &'a Pending,
    puts: Vec<(Arc<str>, Bytes)>,
}

impl<'a> Noted<'a> {
    fn note(pending: &'a Pending, sent: &[Sent]) -> Self {
        let mut puts = Vec::new();
        let mut map = pending.0.lock();
        for sent in sent {
            if let Some((value, index)) = &sent.put {
                map.entry(sent.key.clone()).or_default().push((value.clone(), index.clone()));
                puts.push((sent.key.clone(), value.clone()));
            }
        }
        drop(map);
        Self { pending, puts }
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        let mut map = self.pending.0.lock();
        for (key, value) in &self.puts {
            if let Some(values) = map.get_mut(key) {
                if let Some(at) = values.iter().position(|(written, _)| written.as_ptr() == value.as_ptr()) {
                    values.swap_remove(at);
                }
                if values.is_empty() {
                    map.remove(key);
                }
            }
        }
    }
}

/// One change on its way.
struct Sent {
    key: Arc<str>,
    /// The revision that must be there; 0 for nothing.
    expected: Revision,
    /// `None` deletes.
    put: Option<Written>,
}

impl From<Change> for Sent {
    fn from(change: Change) -> Self {
        match change {
            Change::Put { key, expect, document } => {
                let expected = match expect {
                    Expect::Absent => 0,
                    Expect::Revision(revision) => revision,
                };
                let value = Bytes::from(record::encode(&document));
                let Document { index, .. } = document;
                Self { key, expected, put: Some((value, index)) }
            }
            Change::Delete { key, revision } => Self { key, expected: revision, put: None },
        }
    }
}

/// Commits, and waits until this server shows it.
pub(super) async fn commit(shared: &Shared, changes: Vec<Change>) -> Result<Vec<Arc<Event>>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let sent: Vec<Sent> = changes.into_iter().map(Sent::from).collect();
    let before = shared.cache.state();
    let noted = Noted::note(&shared.pending, &sent);
    let answered = shared.link.call("write", |mut kv| {
        let txn = transaction(shared, &sent);
        async move { kv.txn(txn).await }
    });
    let Answered { answer, again } = answered.await.map_err(refusal)?;
    let revision = shared.revision_of(answer.header().map_or(0, |header| header.revision()));
    let revision = if answer.succeeded() { revision } else { conflict(shared, &sent, &answer, revision, again)? };
    shared.shown(revision).await?;
    drop(noted);
    sent.into_iter().map(|sent| shared.event(sent, revision, &before)).collect()
}

fn transaction(shared: &Shared, sent: &[Sent]) -> Txn {
    let (mut compares, mut writes, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    for sent in sent {
        let key = shared.etcd_key(&sent.key);
        // What was written before the cluster came to etcd has no revision there that could be compared.
        let expected = if sent.expected == 0 { 0 } else { shared.etcd_of(sent.expected).max(1) };
        compares.push(Compare::mod_revision(key.clone(), CompareOp::Equal, expected));
        writes.push(match &sent.put {
            Some((value, _)) => TxnOp::put(key.clone(), value.to_vec(), None),
            None => TxnOp::delete(key.clone(), None),
        });
        reads.push(TxnOp::get(key, None));
    }
    Txn::new().when(compares).and_then(writes).or_else(reads)
}

/// A transaction found something else than it expected: that is a conflict, unless an earlier attempt of the same one
/// is what it found. Then the revision of that is returned.
fn conflict(
    shared: &Shared,
    sent: &[Sent],
    answer: &TxnResponse,
    now: Revision,
    again: bool,
) -> Result<Revision, StoreError> {
    let found = answer.op_responses().into_iter().map(|response| match response {
        TxnOpResponse::Get(mut got) => got.take_kvs().pop(),
        _ => None,
    });
    let found: Vec<_> = found.collect();
    let is_ours = |(sent, found): (&Sent, &Option<etcd_client::KeyValue>)| match (&sent.put, found) {
        (Some((value, _)), Some(kv)) => value == kv.value(),
        (None, None) => true,
        _ => false,
    };
    if again && sent.iter().zip(&found).all(is_ours) {
        // Of a deletion nobody says when it was: by now it has happened.
        let written = found.iter().flatten().map(|kv| shared.revision_of(kv.mod_revision())).max();
        return Ok(written.unwrap_or(now));
    }
    for (sent, found) in sent.iter().zip(found) {
        let revision = found.as_ref().map_or(0, |kv| shared.revision_of(kv.mod_revision()));
        if revision != sent.expected {
            let entry = |kv: etcd_client::KeyValue| {
                record::entry(sent.key.clone(), revision, kv.value(), |key, json| (shared.indexer)(key, json))
            };
            let current = found.map(entry).transpose()?.map(Arc::new);
            return Err(StoreError::Conflict { key: sent.key.clone(), current });
        }
    }
    Err(StoreError::Engine("etcd refused a transaction without a reason".to_owned()))
}

fn refusal(failure: Failure) -> StoreError {
    match failure {
        Failure::Silent(why) => StoreError::Engine(format!("{why}; whether it was written is not known")),
        // Of etcd itself, and of its gRPC where that does not even read it.
        Failure::Refused(Error::GRpcStatus(status))
            if ["request is too large", "larger than max"].iter().any(|words| status.message().contains(words)) =>
        {
            StoreError::TooLarge(status.message().to_owned())
        }
        refused @ Failure::Refused(_) => refused.into(),
    }
}

impl Shared {
    /// The event of a change that is shown: the one that watchers see, while it is kept.
    fn event(&self, sent: Sent, revision: Revision, before: &State) -> Result<Arc<Event>, StoreError> {
        if let Some(event) = self.cache.event(&sent.key, revision) {
            return Ok(event);
        }
        let mut state = before.clone();
        match sent.put {
            Some((value, index)) => Ok(state.happened(record::entry(sent.key, revision, &value, |_, _| index)?)),
            None => Ok(state.gone(&sent.key, revision)),
        }
    }
}
