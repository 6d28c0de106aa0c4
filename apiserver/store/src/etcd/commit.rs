//! Writes: transactions, many of which go as one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use etcd_client::{Compare, CompareOp, Error, Txn, TxnOp, TxnOpResponse, TxnResponse};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Shared;
use super::link::{Answered, Failure};
use super::record;
use crate::entry::without_revision;
use crate::state::State;
use crate::{Change, Document, Entry, Event, Expect, Index, Revision, StoreError};

/// How many changes go in one transaction: etcd takes 128, and a revision has room for 256.
const CHANGES_MAX: usize = 100;
/// How many bytes of objects, unless one alone has more.
const BYTES_MAX: usize = 512 << 10;
/// How many transactions are on their way at once.
const FLYING_MAX: usize = 3;

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
    fn note(pending: &'a Pending, batch: &[Work]) -> Self {
        let mut puts = Vec::new();
        let mut map = pending.0.lock();
        for sent in batch.iter().flat_map(|work| &work.sent) {
            if let Some(document) = &sent.put {
                map.entry(sent.key.clone()).or_default().push((sent.value.clone(), document.index.clone()));
                puts.push((sent.key.clone(), sent.value.clone()));
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
    /// What comes there; `None` deletes.
    put: Option<Document>,
    /// Its place in the transaction, and the value that names it.
    slot: u8,
    value: Bytes,
}

/// A transaction of a caller's.
pub(super) struct Work {
    sent: Vec<Sent>,
    /// What this server had seen when it was called for: it has happened after this, if it has.
    since: Revision,
    reply: oneshot::Sender<Result<Done, StoreError>>,
}

/// A transaction that is done and shown.
struct Done {
    sent: Vec<Sent>,
    /// Etcd's revision.
    at: i64,
}

impl From<Change> for Sent {
    fn from(change: Change) -> Self {
        let (key, expected, put) = match change {
            Change::Put { key, expect: Expect::Absent, document } => (key, 0, Some(document)),
            Change::Put { key, expect: Expect::Revision(revision), document } => (key, revision, Some(document)),
            Change::Delete { key, revision } => (key, revision, None),
        };
        Self { key, expected, put, slot: 0, value: Bytes::new() }
    }
}

/// Commits, and waits until this server shows it.
pub(super) async fn commit(
    shared: &Shared,
    queue: &mpsc::Sender<Work>,
    changes: Vec<Change>,
) -> Result<Vec<Arc<Event>>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    if changes.len() > CHANGES_MAX {
        return Err(StoreError::TooLarge(format!("{} changes are more than a transaction takes", changes.len())));
    }
    let sent: Vec<Sent> = changes.into_iter().map(Sent::from).collect();
    let before = shared.cache.state();
    for sent in &sent {
        // Etcd compares its own revisions, of which several of ours are one.
        let there =
            before.find(&sent.key).filter(|there| shared.etcd_of(there.revision) == shared.etcd_of(sent.expected));
        if there.is_some_and(|there| there.revision != sent.expected) {
            return Err(StoreError::Conflict { key: sent.key.clone(), current: there.cloned() });
        }
    }
    let stopped = || StoreError::Engine("the store has stopped".to_owned());
    let (reply, answer) = oneshot::channel();
    queue.send(Work { sent, since: before.revision, reply }).await.map_err(|_| stopped())?;
    let Done { sent, at } = answer.await.map_err(|_| stopped())??;
    sent.into_iter().map(|sent| shared.event(sent, at, &before)).collect()
}

/// Sends what callers want, many transactions as one: etcd's price is for each of its transactions, not for what is in
/// it. Each is a transaction of its own inside, which holds or fails alone.
pub(super) async fn run(shared: Arc<Shared>, mut queue: mpsc::Receiver<Work>) {
    let flying = Arc::new(Semaphore::new(FLYING_MAX));
    let mut held = VecDeque::new();
    loop {
        if held.is_empty() {
            match queue.recv().await {
                Some(work) => held.push_back(work),
                None => return,
            }
        }
        // While others are on their way, more comes together.
        let Ok(place) = flying.clone().acquire_owned().await else { return };
        while let Ok(work) = queue.try_recv() {
            held.push_back(work);
        }
        let batch = together(&mut held);
        let shared = shared.clone();
        tokio::spawn(async move { send(&shared, batch, place).await });
    }
}

/// Takes from the front what may go in one transaction: no key twice, and within etcd's bounds. What must wait keeps its
/// order.
fn together(held: &mut VecDeque<Work>) -> Vec<Work> {
    let (mut batch, mut waits) = (Vec::new(), VecDeque::new());
    let mut keys: HashSet<Arc<str>> = HashSet::new();
    let (mut changes, mut bytes) = (0, 0);
    for work in held.drain(..) {
        let length: usize = work.sent.iter().filter_map(|sent| Some(sent.put.as_ref()?.json.len())).sum();
        let fits = changes + work.sent.len() <= CHANGES_MAX && bytes + length <= BYTES_MAX;
        let alone = work.sent.iter().all(|sent| !keys.contains(&sent.key));
        keys.extend(work.sent.iter().map(|sent| sent.key.clone()));
        if (fits || batch.is_empty()) && alone {
            changes += work.sent.len();
            bytes += length;
            batch.push(work);
        } else {
            waits.push_back(work);
        }
    }
    *held = waits;
    batch
}

/// One of etcd's transactions, and the answers to all who have a part in it.
async fn send(shared: &Shared, mut batch: Vec<Work>, place: OwnedSemaphorePermit) {
    for (slot, sent) in (0..).zip(batch.iter_mut().flat_map(|work| &mut work.sent)) {
        sent.slot = slot;
        sent.value = sent.put.as_ref().map(|document| Bytes::from(record::encode(document, slot))).unwrap_or_default();
    }
    let noted = Noted::note(&shared.pending, &batch);
    let answered = shared.link.call("write", |mut kv| {
        let mut parts: Vec<Txn> = batch.iter().map(|work| transaction(shared, &work.sent)).collect();
        let txn = if parts.len() == 1 {
            parts.remove(0)
        } else {
            Txn::new().and_then(parts.into_iter().map(TxnOp::txn).collect::<Vec<_>>())
        };
        async move { kv.txn(txn).await }
    });
    let answered = answered.await;
    drop(place);
    let Answered { answer, again } = match answered {
        Ok(answered) => answered,
        Err(failure) => {
            for work in batch {
                // Whoever went away does not mind.
                let _ = work.reply.send(Err(refusal(&failure)));
            }
            return;
        }
    };
    let now = answer.header().map_or(0, |header| header.revision());
    let parts = if batch.len() == 1 {
        vec![answer]
    } else {
        let part = |response| if let TxnOpResponse::Txn(part) = response { Some(part) } else { None };
        answer.op_responses().into_iter().filter_map(part).collect()
    };
    let mut outcomes: Vec<Result<i64, StoreError>> = Vec::with_capacity(batch.len());
    for (work, part) in batch.iter().zip(&parts) {
        outcomes.push(match part.succeeded() {
            true => Ok(now),
            false => match earlier(shared, work, now, again).await {
                Ok(Some(at)) => Ok(at),
                Ok(None) => Err(conflict(shared, &work.sent, part)),
                Err(error) => Err(error),
            },
        });
    }
    let last = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).max();
    let shown = match last {
        Some(last) => shared.shown(*last).await.map_err(|error| error.to_string()),
        None => Ok(()),
    };
    drop(noted);
    for (work, outcome) in batch.into_iter().zip(outcomes) {
        let outcome = match (outcome, &shown) {
            (Ok(_), Err(why)) => Err(StoreError::Engine(why.clone())),
            (Ok(at), Ok(())) => Ok(Done { sent: work.sent, at }),
            (Err(error), _) => Err(error),
        };
        let _ = work.reply.send(outcome);
    }
}

fn transaction(shared: &Shared, sent: &[Sent]) -> Txn {
    let (mut compares, mut writes, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    for sent in sent {
        let key = shared.etcd_key(&sent.key);
        // What was written before the cluster came to etcd has no revision there that could be compared.
        let expected = if sent.expected == 0 { 0 } else { shared.etcd_of(sent.expected).max(1) };
        compares.push(Compare::mod_revision(key.clone(), CompareOp::Equal, expected));
        writes.push(match &sent.put {
            Some(_) => TxnOp::put(key.clone(), sent.value.to_vec(), None),
            None => TxnOp::delete(key.clone(), None),
        });
        reads.push(TxnOp::get(key, None));
    }
    Txn::new().when(compares).and_then(writes).or_else(reads)
}

/// A transaction did not find what it expected. Where it was sent before, it may have been carried out then, and even been
/// overwritten since: the watch knows. Returns etcd's revision of it.
async fn earlier(shared: &Shared, work: &Work, now: i64, again: bool) -> Result<Option<i64>, StoreError> {
    let Some(sent) = work.sent.first().filter(|_| again) else { return Ok(None) };
    let unknown = |error: StoreError| StoreError::Engine(format!("{error}; whether it was written is not known"));
    shared.shown(now).await.map_err(unknown)?;
    let is_ours = |event: &Event| match &sent.put {
        Some(document) => !event.deleted && without_revision(&event.entry.json, event.entry.hole) == document.json,
        None => event.deleted && event.previous.as_ref().is_some_and(|last| last.revision == sent.expected),
    };
    let found = shared.cache.search(&sent.key, work.since, is_ours).map_err(unknown)?;
    Ok(found.map(|event| shared.etcd_of(event.revision)))
}

/// What a transaction found instead of what it expected.
fn conflict(shared: &Shared, sent: &[Sent], answer: &TxnResponse) -> StoreError {
    let found = answer.op_responses().into_iter().map(|response| match response {
        TxnOpResponse::Get(mut got) => got.take_kvs().pop(),
        _ => None,
    });
    for (sent, found) in sent.iter().zip(found) {
        let at = found.as_ref().map_or(0, etcd_client::KeyValue::mod_revision);
        let expected = if sent.expected == 0 { 0 } else { shared.etcd_of(sent.expected) };
        if at != expected {
            return match found.map(|kv| shared.entry(sent.key.clone(), &kv)).transpose() {
                Ok(current) => StoreError::Conflict { key: sent.key.clone(), current: current.map(Arc::new) },
                Err(error) => error,
            };
        }
    }
    StoreError::Engine("etcd refused a transaction without a reason".to_owned())
}

fn refusal(failure: &Failure) -> StoreError {
    match failure {
        Failure::Silent(why) => StoreError::Engine(format!("{why}; whether it was written is not known")),
        // Of etcd itself, and of its gRPC where that does not even read it.
        Failure::Refused(Error::GRpcStatus(status))
            if ["request is too large", "larger than max"].iter().any(|words| status.message().contains(words)) =>
        {
            StoreError::TooLarge(status.message().to_owned())
        }
        Failure::Refused(error) => StoreError::Engine(format!("etcd: {error}")),
    }
}

impl Shared {
    /// The event of a change that is shown: the one that watchers see, while it is kept.
    fn event(&self, sent: Sent, at: i64, before: &State) -> Result<Arc<Event>, StoreError> {
        if let Some(event) = self.cache.event(&sent.key, self.first_of(at)..=self.last_of(at)) {
            return Ok(event);
        }
        let mut state = before.clone();
        let revision = self.revision_of(at, sent.slot);
        Ok(match sent.put {
            Some(Document { json, hole, index }) => {
                state.happened(Entry::written(sent.key, revision, &json, hole, index))
            }
            None => state.gone(&sent.key, revision),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kubernel_etcd::EtcdCluster;

    use super::*;
    use crate::{Etcd, EtcdOptions, Store as _};

    fn put(expect: Expect, body: &str) -> Change {
        let json = format!(r#"{{"metadata":{{"resourceVersion":""}},"body":"{body}"}}"#).into_bytes();
        let document = Document { json, hole: 32, index: Index::default() };
        Change::Put { key: "/registry/core/pods/a/x".into(), expect, document }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_write_whose_answer_was_lost_is_found_though_others_wrote_since() {
        let cluster = EtcdCluster::start(1);
        let options = EtcdOptions {
            endpoints: cluster.urls(),
            prefix: "/kubernel".to_owned(),
            tls: None,
            compact_every: Duration::from_secs(300),
        };
        let store = Etcd::open(options, Box::new(|_: &str, _: &[u8]| Index::default())).await.unwrap();
        let shared = &*store.shared;
        let since = store.revision();
        let mut revisions = Vec::new();
        let steps: [&dyn Fn(Revision) -> Change; 4] = [
            &|_| put(Expect::Absent, "1"),
            &|last| put(Expect::Revision(last), "2"),
            &|last| Change::Delete { key: "/registry/core/pods/a/x".into(), revision: last },
            &|_| put(Expect::Absent, "3"),
        ];
        for step in steps {
            let change = step(revisions.last().copied().unwrap_or(0));
            revisions.push(store.commit(vec![change]).await.unwrap()[0].revision);
        }
        let now = shared.etcd_of(revisions[3]);
        let gone = Change::Delete { key: "/registry/core/pods/a/x".into(), revision: revisions[1] };
        let cases = [
            (put(Expect::Absent, "1"), true, Some(0)),
            (put(Expect::Revision(revisions[0]), "2"), true, Some(1)),
            (gone, true, Some(2)),
            (put(Expect::Absent, "1"), false, None),
            (put(Expect::Absent, "9"), true, None),
            (Change::Delete { key: "/registry/core/pods/a/x".into(), revision: revisions[0] }, true, None),
        ];
        for (change, again, wanted) in cases {
            let (reply, _) = oneshot::channel();
            let work = Work { sent: vec![Sent::from(change.clone())], since, reply };
            let found = earlier(shared, &work, now, again).await.unwrap();
            assert_eq!(found, wanted.map(|step: usize| shared.etcd_of(revisions[step])), "{change:?}");
        }
    }
}
