//! What the engine on files promises besides.

use kubernel_store::{At, Embedded, Expect, Store, StoreError};

use crate::engines::{PODS, keys, no_index, one, put, remove};

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), &no_index).unwrap();
    one(&*store, put("/registry/core/pods/a/x", Expect::Absent, "1")).await;
    one(&*store, put("/registry/core/pods/a/y", Expect::Absent, "1")).await;
    one(&*store, put("/registry/core/pods/a/x", Expect::Revision(1), "2")).await;
    one(&*store, remove("/registry/core/pods/a/y", 2)).await;
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
