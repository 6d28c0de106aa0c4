//! The contract of [`kubernel_store::Store`], on every engine: in memory, on files, on a real etcd.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails, loudly")]

mod archive;
mod engines;
mod etcd;
mod files;

use std::sync::{Arc, OnceLock};

use kubernel_store::{At, Change, Embedded, Entry, Event, Expect, Index, Revision, Store, StoreError};
use proptest::prelude::*;

use engines::{PODS, each, keys, one, put, remove};

const X: &str = "/registry/core/pods/a/x";
const Y: &str = "/registry/core/pods/a/y";

#[tokio::test(flavor = "multi_thread")]
async fn the_revision_is_part_of_the_document() {
    each(async |store| {
        let made = one(store, put(X, Expect::Absent, "1")).await;
        let wanted = format!(r#"{{"metadata":{{"resourceVersion":"{}"}},"body":"1"}}"#, made.revision);
        assert_eq!(made.entry.json, wanted.as_bytes());
        let gone = one(store, remove(X, made.revision)).await;
        assert!(gone.revision > made.revision && gone.deleted);
        let wanted = format!(r#"{{"metadata":{{"resourceVersion":"{}"}},"body":"1"}}"#, gone.revision);
        assert_eq!(gone.entry.json, wanted.as_bytes());
        assert_eq!(gone.previous.as_ref().map(|entry| entry.revision), Some(made.revision));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_all_or_nothing() {
    each(async |store| {
        let made = one(store, put(X, Expect::Absent, "1")).await.revision;
        let cases = [
            (put(X, Expect::Absent, "2"), X, Some(made)),
            (put(X, Expect::Revision(made + 7), "2"), X, Some(made)),
            (put("/registry/core/pods/a/z", Expect::Revision(made), "2"), "/registry/core/pods/a/z", None),
            (remove("/registry/core/pods/a/z", made), "/registry/core/pods/a/z", None),
            (remove(X, made + 1), X, Some(made)),
        ];
        for (change, at, wanted) in cases {
            match store.commit(vec![put(Y, Expect::Absent, "1"), change.clone()]).await {
                Err(StoreError::Conflict { key, current }) => {
                    assert_eq!((&*key, current.map(|entry| entry.revision)), (at, wanted), "{change:?}");
                }
                other => panic!("{change:?}: {other:?}"),
            }
        }
        assert_eq!(keys(store, PODS, At::Latest).await, [format!("a/x@{made}")]);
        let both = store.commit(vec![put(Y, Expect::Absent, "1"), put(X, Expect::Revision(made), "2")]).await.unwrap();
        let wanted = [format!("a/x@{}", both[1].revision), format!("a/y@{}", both[0].revision)];
        assert_eq!(keys(store, PODS, At::Latest).await, wanted);
        assert!(store.commit(Vec::new()).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_show_past_states_and_prefixes() {
    each(async |store| {
        let x = one(store, put(X, Expect::Absent, "1")).await.revision;
        one(store, put("/registry/core/podtemplates/a/x", Expect::Absent, "1")).await;
        let y = one(store, put("/registry/core/pods/b/y", Expect::Absent, "1")).await.revision;
        let again = one(store, put(X, Expect::Revision(x), "2")).await.revision;
        let gone = one(store, remove("/registry/core/pods/b/y", y)).await.revision;
        let (x1, x2, y1) = (format!("a/x@{x}"), format!("a/x@{again}"), format!("b/y@{y}"));
        let cases: [(&str, At, Vec<&String>); 7] = [
            (PODS, At::Latest, vec![&x2]),
            (PODS, At::NotOlderThan(gone), vec![&x2]),
            (PODS, At::Exact(gone), vec![&x2]),
            (PODS, At::Exact(again), vec![&x2, &y1]),
            (PODS, At::Exact(y), vec![&x1, &y1]),
            (PODS, At::Exact(x), vec![&x1]),
            ("/registry/core/pods/b/", At::Exact(y), vec![&y1]),
        ];
        for (prefix, at, wanted) in cases {
            assert_eq!(keys(store, prefix, at).await.iter().collect::<Vec<_>>(), wanted, "{prefix} {at:?}");
        }
        let snapshot = store.snapshot(PODS, At::Exact(y)).await.unwrap();
        let after: Vec<_> = snapshot.range(PODS, X).map(|entry| entry.key.to_string()).collect();
        assert_eq!(after, ["/registry/core/pods/b/y"]);
        assert_eq!((store.count(PODS), store.count("/registry/core/nodes/")), (1, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_never_comes_is_refused() {
    let store = Embedded::ephemeral();
    for at in [At::NotOlderThan(9), At::Exact(9)] {
        let answer = store.snapshot(PODS, at).await;
        assert!(matches!(answer, Err(StoreError::Future { requested: 9, current: 0 })), "{at:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_waits_for_a_revision_that_is_about_to_come() {
    each(async |store| {
        let next = one(store, put(X, Expect::Absent, "1")).await.revision + 1;
        let (snapshot, event) =
            tokio::join!(store.snapshot(PODS, At::NotOlderThan(next)), one(store, put(Y, Expect::Absent, "1")));
        assert!(snapshot.unwrap().revision() >= next);
        assert!(event.revision >= next);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_see_every_event_of_their_prefix_once_and_in_order() {
    each(async |store| {
        let mut revisions = vec![store.revision()];
        for n in 1..=20_u64 {
            let namespace = if n % 2 == 0 { "even" } else { "odd" };
            let made = one(store, put(&format!("/registry/core/pods/{namespace}/{n}"), Expect::Absent, "")).await;
            revisions.push(made.revision);
        }
        let cases = [(PODS, 0, 1..=20, 1), (PODS, 15, 16..=20, 1), ("/registry/core/pods/even/", 0, 2..=20, 2)];
        for (prefix, after, range, step) in cases {
            let wanted: Vec<Revision> = range.step_by(step).map(|n| revisions[n]).collect();
            let mut watch = store.watch(prefix, revisions[after]).unwrap();
            let mut seen = Vec::new();
            while seen.len() < wanted.len() {
                seen.extend(watch.next().await.unwrap().iter().map(|event| event.revision));
            }
            assert_eq!(seen, wanted, "{prefix} after {after}");
            let other = one(store, put("/registry/core/nodes/other", Expect::Absent, "")).await.revision;
            assert!(watch.progress() >= other);
            one(store, remove("/registry/core/nodes/other", other)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_goes_on_behind_any_change() {
    const MANY: usize = 60;
    each(async |store| {
        let start = store.revision();
        // More in sum than a watcher is given at once.
        for round in 0..10 {
            let change = |n| put(&format!("{PODS}a/{round}-{n}"), Expect::Absent, "");
            let events = store.commit((0..MANY).map(change).collect()).await.unwrap();
            assert!(events.is_sorted_by(|a, b| a.revision < b.revision));
        }
        let (mut at, mut seen) = (start, 0);
        while seen < 10 * MANY {
            // Whoever begins anew at the progress of another one misses nothing and sees nothing twice.
            let mut watch = store.watch(PODS, at).unwrap();
            seen += watch.next().await.unwrap().len();
            at = watch.progress();
        }
        assert_eq!(seen, 10 * MANY);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_go_together_hold_or_fail_alone() {
    each(async |store| {
        let made = one(store, put(X, Expect::Absent, "0")).await.revision;
        let key = |n: u64| format!("{PODS}b/{n}");
        // Every third one expects what is not there.
        let commits = (0..90).map(|n| match n % 3 {
            0 => store.commit(vec![put(&key(n), Expect::Absent, "1"), put(&key(n + 1000), Expect::Absent, "1")]),
            1 => store.commit(vec![put(&key(n), Expect::Absent, "1"), put(X, Expect::Revision(made + 1), "1")]),
            _ => store.commit(vec![put(&key(n), Expect::Absent, "1")]),
        });
        let outcomes = futures::future::join_all(commits).await;
        let snapshot = store.snapshot(PODS, At::Latest).await.unwrap();
        let mut revisions = Vec::new();
        for (n, outcome) in (0..).zip(&outcomes) {
            assert_eq!(outcome.is_ok(), n % 3 != 1, "{n}: {outcome:?}");
            let there = snapshot.get(&key(n)).map(|entry| entry.revision);
            assert_eq!(there, outcome.as_ref().ok().map(|events| events[0].revision), "{n}");
            revisions.extend(outcome.iter().flatten().map(|event| event.revision));
        }
        // Watchers are told the same revisions, and remove what they are told is gone.
        let removals = (0..90)
            .filter(|n| n % 3 == 2)
            .map(|n| store.commit(vec![remove(&key(n), outcomes[n as usize].as_ref().unwrap()[0].revision)]));
        for outcome in futures::future::join_all(removals).await {
            revisions.push(outcome.unwrap()[0].revision);
        }
        revisions.sort_unstable();
        assert!(revisions.windows(2).all(|pair| pair[0] < pair[1]), "{revisions:?}");
        let mut watch = store.watch(PODS, made).unwrap();
        let mut seen = Vec::new();
        while seen.len() < revisions.len() {
            seen.extend(watch.next().await.unwrap().iter().map(|event| event.revision));
        }
        assert_eq!(seen, revisions);
        list_then_watch(store, made).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_of_one_revision_one_wins() {
    each(async |store| {
        let mut revision = one(store, put(X, Expect::Absent, "0")).await.revision;
        for round in 0..5 {
            let writers =
                (0..8).map(|n| store.commit(vec![put(X, Expect::Revision(revision), &format!("{round}-{n}"))]));
            let outcomes = futures::future::join_all(writers).await;
            let won: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
            assert_eq!(won.len(), 1, "{outcomes:?}");
            assert_eq!(won[0][0].previous.as_ref().map(|entry| entry.revision), Some(revision));
            revision = won[0][0].revision;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_learnt_replaces_the_same_revision_alone() {
    each(async |store| {
        let fields = |text: &str| vec![Box::from(text)];
        let first = one(store, put(X, Expect::Absent, "1")).await.entry.clone();
        let entry = |of: &Entry, text: &str| {
            let index = Index { fields: fields(text), ..Index::default() };
            Arc::new(Entry { key: of.key.clone(), json: of.json.clone(), index, binary: OnceLock::new(), ..*of })
        };
        let now = async || store.snapshot(PODS, At::Latest).await.unwrap().get(X).unwrap();
        let mut watch = store.watch(PODS, first.revision).unwrap();
        store.learn(vec![entry(&first, "learnt")]).await;
        while now().await.index.fields.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!((now().await.index.fields.clone(), now().await.revision), (fields("learnt"), first.revision));
        let other = one(store, put(Y, Expect::Absent, "1")).await;
        assert_eq!(watch.next().await.unwrap()[0].revision, other.revision);
        let second = one(store, put(X, Expect::Revision(first.revision), "2")).await.revision;
        store.learn(vec![entry(&first, "late")]).await;
        one(store, put("/registry/core/pods/a/z", Expect::Absent, "1")).await;
        assert_eq!((now().await.index.fields.clone(), now().await.revision), (Vec::new(), second));
    })
    .await;
}

async fn operate(store: &dyn Store, operations: &[(u8, bool)]) -> Vec<Arc<Event>> {
    let mut events = Vec::new();
    for (name, delete) in operations {
        let key = format!("{PODS}a/{name}");
        let current = store.snapshot(&key, At::Latest).await.unwrap().get(&key).map(|entry| entry.revision);
        let change: Change = match (current, delete) {
            (Some(revision), true) => remove(&key, revision),
            (Some(revision), false) => put(&key, Expect::Revision(revision), ""),
            (None, _) => put(&key, Expect::Absent, ""),
        };
        events.push(one(store, change).await);
    }
    events
}

/// A list at a revision followed by the watch from it gives the latest state.
async fn list_then_watch(store: &dyn Store, at: Revision) {
    let snapshot = store.snapshot(PODS, At::Exact(at)).await.unwrap();
    let mut rebuilt: std::collections::BTreeMap<_, _> =
        snapshot.range(PODS, "").map(|entry| (entry.key.clone(), entry.revision)).collect();
    let latest = store.snapshot(PODS, At::Latest).await.unwrap();
    let mut watch = store.watch(PODS, at).unwrap();
    while watch.progress() < latest.revision() {
        for event in watch.next().await.unwrap() {
            match event.deleted {
                true => rebuilt.remove(&event.entry.key),
                false => rebuilt.insert(event.entry.key.clone(), event.revision),
            };
        }
    }
    let wanted = latest.range(PODS, "").map(|entry| (entry.key.clone(), entry.revision)).collect();
    assert_eq!(rebuilt, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn list_then_watch_is_the_latest_state_on_every_engine() {
    each(async |store| {
        let start = store.revision();
        let operations: Vec<(u8, bool)> = (0..60_u8).map(|n| (n % 7 % 6, n % 4 == 1)).collect();
        let events = operate(store, &operations).await;
        for at in std::iter::once(start).chain(events.iter().map(|event| event.revision)) {
            list_then_watch(store, at).await;
        }
    })
    .await;
}

proptest! {
    /// Whatever is written in whatever order.
    #[test]
    fn list_then_watch_is_the_latest_state(operations in prop::collection::vec((0_u8..6, any::<bool>()), 1..60), cut in 0_usize..60) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let store = Embedded::ephemeral();
            operate(&*store, &operations).await;
            list_then_watch(&*store, cut as u64 % (store.revision() + 1)).await;
        });
    }
}
