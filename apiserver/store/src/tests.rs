//! The contract of [`crate::Store`], on the embedded engine with and without files.

use std::sync::{Arc, OnceLock};

use proptest::prelude::*;

use crate::{At, Change, Document, Embedded, Entry, Event, Expect, Index, Store, StoreError};

const PODS: &str = "/registry/core/pods/";

fn document(body: &str) -> Document {
    let head = r#"{"metadata":{"resourceVersion":""#;
    Document {
        json: format!("{head}\"}},\"body\":\"{body}\"}}").into_bytes(),
        hole: head.len(),
        index: Index::default(),
    }
}

fn put(key: &str, expect: Expect, body: &str) -> Change {
    Change::Put { key: key.into(), expect, document: document(body) }
}

fn no_index(_: &str, _: &[u8]) -> Index {
    Index::default()
}

async fn one(store: &dyn Store, change: Change) -> Arc<Event> {
    store.commit(vec![change]).await.unwrap().remove(0)
}

async fn keys(store: &dyn Store, prefix: &str, at: At) -> Vec<String> {
    let snapshot = store.snapshot(prefix, at).await.unwrap();
    snapshot.range(prefix, "").map(|entry| format!("{}@{}", &entry.key[PODS.len()..], entry.revision)).collect()
}

#[tokio::test]
async fn the_revision_is_part_of_the_document() {
    let store = Embedded::ephemeral();
    let event = one(&*store, put("/registry/core/pods/a/x", Expect::Absent, "1")).await;
    assert_eq!(&event.entry.json[..], br#"{"metadata":{"resourceVersion":"1"},"body":"1"}"#);
    let gone = one(&*store, Change::Delete { key: "/registry/core/pods/a/x".into(), revision: 1 }).await;
    assert_eq!(&gone.entry.json[..], br#"{"metadata":{"resourceVersion":"2"},"body":"1"}"#);
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let store = Embedded::ephemeral();
    one(&*store, put("/registry/core/pods/a/x", Expect::Absent, "1")).await;
    for (expect, wanted) in [(Expect::Absent, Some(1)), (Expect::Revision(7), Some(1))] {
        let changes =
            vec![put("/registry/core/pods/a/y", Expect::Absent, "1"), put("/registry/core/pods/a/x", expect, "2")];
        match store.commit(changes).await {
            Err(StoreError::Conflict { current, .. }) => assert_eq!(current.map(|entry| entry.revision), wanted),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(keys(&*store, PODS, At::Latest).await, ["a/x@1"]);
}

#[tokio::test]
async fn snapshots_show_past_states_and_prefixes() {
    let store = Embedded::ephemeral();
    one(&*store, put("/registry/core/pods/a/x", Expect::Absent, "1")).await;
    one(&*store, put("/registry/core/podtemplates/a/x", Expect::Absent, "1")).await;
    one(&*store, put("/registry/core/pods/b/y", Expect::Absent, "1")).await;
    one(&*store, put("/registry/core/pods/a/x", Expect::Revision(1), "2")).await;
    one(&*store, Change::Delete { key: "/registry/core/pods/b/y".into(), revision: 3 }).await;
    let cases: [(&str, At, &[&str]); 6] = [
        (PODS, At::Latest, &["a/x@4"]),
        (PODS, At::Exact(5), &["a/x@4"]),
        (PODS, At::Exact(4), &["a/x@4", "b/y@3"]),
        (PODS, At::Exact(3), &["a/x@1", "b/y@3"]),
        (PODS, At::Exact(1), &["a/x@1"]),
        ("/registry/core/pods/b/", At::Exact(3), &["b/y@3"]),
    ];
    for (prefix, at, wanted) in cases {
        assert_eq!(keys(&*store, prefix, at).await, wanted, "{prefix} {at:?}");
    }
    let snapshot = store.snapshot(PODS, At::Exact(3)).await.unwrap();
    let after: Vec<_> = snapshot.range(PODS, "/registry/core/pods/a/x").map(|entry| entry.key.to_string()).collect();
    assert_eq!(after, ["/registry/core/pods/b/y"]);
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_never_comes_is_refused() {
    let store = Embedded::ephemeral();
    for at in [At::NotOlderThan(9), At::Exact(9)] {
        let answer = store.snapshot(PODS, at).await;
        assert!(matches!(answer, Err(StoreError::Future { requested: 9, current: 0 })), "{at:?}");
    }
}

#[tokio::test]
async fn watchers_see_every_event_of_their_prefix_once_and_in_order() {
    let store = Embedded::ephemeral();
    for n in 1..=20_u64 {
        let namespace = if n % 2 == 0 { "even" } else { "odd" };
        one(&*store, put(&format!("/registry/core/pods/{namespace}/{n}"), Expect::Absent, "")).await;
    }
    let cases = [(PODS, 0, 1..=20, 1), (PODS, 15, 16..=20, 1), ("/registry/core/pods/even/", 0, 2..=20, 2)];
    for (prefix, after, range, step) in cases {
        let mut watch = store.watch(prefix, after).unwrap();
        let mut seen = Vec::new();
        let wanted: Vec<u64> = range.step_by(step).collect();
        while seen.len() < wanted.len() {
            seen.extend(watch.next().await.unwrap().iter().map(|event| event.revision));
        }
        assert_eq!(seen, wanted, "{prefix} after {after}");
        one(&*store, put("/registry/core/nodes/other", Expect::Absent, "")).await;
        assert!(watch.progress() > 20);
        let revision = store.revision();
        one(&*store, Change::Delete { key: "/registry/core/nodes/other".into(), revision }).await;
    }
}

#[tokio::test]
async fn what_is_learnt_replaces_the_same_revision_alone() {
    let store = Embedded::ephemeral();
    let (key, fields) = ("/registry/core/pods/a/x", |text: &str| vec![Box::from(text)]);
    let first = one(&*store, put(key, Expect::Absent, "1")).await.entry.clone();
    let entry = |of: &Entry, text: &str| {
        let index = Index { fields: fields(text), ..Index::default() };
        Arc::new(Entry { key: of.key.clone(), json: of.json.clone(), index, binary: OnceLock::new(), ..*of })
    };
    let now = async || store.snapshot(PODS, At::Latest).await.unwrap().get(key).unwrap();
    let mut watch = store.watch(PODS, 1).unwrap();
    store.learn(vec![entry(&first, "learnt")]).await;
    // Writes come after what was learnt before them.
    let other = one(&*store, put("/registry/core/pods/a/y", Expect::Absent, "1")).await;
    assert_eq!((now().await.index.fields.clone(), now().await.revision), (fields("learnt"), 1));
    assert_eq!(watch.next().await.unwrap()[0].revision, other.revision);
    one(&*store, put(key, Expect::Revision(1), "2")).await;
    store.learn(vec![entry(&first, "late")]).await;
    one(&*store, put("/registry/core/pods/a/z", Expect::Absent, "1")).await;
    assert_eq!((now().await.index.fields.clone(), now().await.revision), (Vec::new(), 3));
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), &no_index).unwrap();
    one(&*store, put("/registry/core/pods/a/x", Expect::Absent, "1")).await;
    one(&*store, put("/registry/core/pods/a/y", Expect::Absent, "1")).await;
    one(&*store, put("/registry/core/pods/a/x", Expect::Revision(1), "2")).await;
    one(&*store, Change::Delete { key: "/registry/core/pods/a/y".into(), revision: 2 }).await;
    drop(store);
    let store = loop {
        // The writer's thread lets go of the files a moment after the last handle.
        match Embedded::open(folder.path(), &no_index) {
            Ok(store) => break store,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(store.revision(), 4);
    assert_eq!(keys(&*store, PODS, At::Latest).await, ["a/x@3"]);
    let event = one(&*store, put("/registry/core/pods/a/x", Expect::Revision(3), "3")).await;
    assert_eq!(&event.entry.json[..], br#"{"metadata":{"resourceVersion":"5"},"body":"3"}"#);
    assert!(matches!(store.watch(PODS, 1), Err(StoreError::Compacted { oldest: 4, .. })));
    assert!(matches!(store.snapshot(PODS, At::Exact(2)).await, Err(StoreError::Compacted { .. })));
}

proptest! {
    /// Whatever is written in whatever order: a list at a revision followed by the watch from it gives the latest state.
    #[test]
    fn list_then_watch_is_the_latest_state(operations in prop::collection::vec((0_u8..6, any::<bool>()), 1..60), cut in 0_usize..60) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let store = Embedded::ephemeral();
            for (name, delete) in &operations {
                let key = format!("{PODS}a/{name}");
                let current = store.snapshot(&key, At::Latest).await.unwrap().get(&key).map(|entry| entry.revision);
                match (current, delete) {
                    (Some(revision), true) => { one(&*store, Change::Delete { key: key.into(), revision }).await; }
                    (Some(revision), false) => { one(&*store, put(&key, Expect::Revision(revision), "")).await; }
                    (None, _) => { one(&*store, put(&key, Expect::Absent, "")).await; }
                }
            }
            let cut = cut as u64 % (store.revision() + 1);
            let snapshot = store.snapshot(PODS, At::Exact(cut)).await.unwrap();
            let mut rebuilt: std::collections::BTreeMap<_, _> =
                snapshot.range(PODS, "").map(|entry| (entry.key.clone(), entry.revision)).collect();
            let mut watch = store.watch(PODS, cut).unwrap();
            while watch.progress() < store.revision() {
                for event in watch.next().await.unwrap() {
                    match event.deleted {
                        true => { rebuilt.remove(&event.entry.key); }
                        false => { rebuilt.insert(event.entry.key.clone(), event.revision); }
                    }
                }
            }
            let latest = store.snapshot(PODS, At::Latest).await.unwrap();
            let wanted = latest.range(PODS, "").map(|entry| (entry.key.clone(), entry.revision)).collect();
            assert_eq!(rebuilt, wanted);
        });
    }
}
