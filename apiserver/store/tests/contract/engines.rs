//! Every engine, empty, and what the tests write into it.

use std::sync::Arc;
use std::time::Duration;

use kubernel_etcd::EtcdCluster;
use kubernel_store::{At, Change, Document, Embedded, Etcd, EtcdOptions, EtcdTls, Event, Expect, Index, Store};

pub(crate) const PODS: &str = "/registry/core/pods/";

/// Runs a test on every engine.
pub(crate) async fn each(test: impl AsyncFn(&dyn Store)) {
    test(&*Embedded::ephemeral()).await;
    let folder = tempfile::tempdir().unwrap();
    test(&*Embedded::open(folder.path(), &no_index).unwrap()).await;
    let cluster = EtcdCluster::start(1);
    test(&*etcd(&cluster).await).await;
}

/// A server's store on this cluster.
pub(crate) async fn etcd(cluster: &EtcdCluster) -> Arc<Etcd> {
    Etcd::open(options(cluster), Box::new(no_index)).await.unwrap()
}

/// How to reach this cluster.
pub(crate) fn options(cluster: &EtcdCluster) -> EtcdOptions {
    let read = |path| std::fs::read(path).unwrap();
    let tls = cluster.certificates().map(|certificates| EtcdTls {
        authorities: read(&certificates.authority),
        identity: Some((read(&certificates.client), read(&certificates.client_key))),
    });
    let compact_every = Duration::from_secs(300);
    EtcdOptions { endpoints: cluster.urls(), prefix: "/kubernel".to_owned(), tls, compact_every }
}

pub(crate) fn no_index(_: &str, _: &[u8]) -> Index {
    Index::default()
}

pub(crate) fn document(body: &str) -> Document {
    let head = r#"{"metadata":{"resourceVersion":""#;
    Document {
        json: format!("{head}\"}},\"body\":\"{body}\"}}").into_bytes(),
        hole: head.len(),
        index: Index::default(),
    }
}

pub(crate) fn put(key: &str, expect: Expect, body: &str) -> Change {
    Change::Put { key: key.into(), expect, document: document(body) }
}

pub(crate) fn remove(key: &str, revision: u64) -> Change {
    Change::Delete { key: key.into(), revision }
}

pub(crate) async fn one(store: &dyn Store, change: Change) -> Arc<Event> {
    store.commit(vec![change]).await.unwrap().remove(0)
}

/// What there is, as `namespace/name@revision`.
pub(crate) async fn keys(store: &dyn Store, prefix: &str, at: At) -> Vec<String> {
    let snapshot = store.snapshot(prefix, at).await.unwrap();
    snapshot.range(prefix, "").map(|entry| format!("{}@{}", &entry.key[PODS.len()..], entry.revision)).collect()
}
