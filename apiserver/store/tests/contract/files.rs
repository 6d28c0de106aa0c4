//! What the engine on files promises besides.

use std::path::Path;
use std::sync::Arc;

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

/// A store on a copy of a folder whose journal was changed.
fn damaged(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<Arc<Embedded>, StoreError> {
    let copy = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("cp").arg("-r").arg(folder.join(".")).arg(copy.path()).status();
    assert!(status.unwrap().success());
    let journal = copy.path().join("0.jnl");
    let mut bytes = std::fs::read(&journal).unwrap();
    change(&mut bytes);
    std::fs::write(&journal, bytes).unwrap();
    Embedded::open(copy.path(), &no_index)
}

#[tokio::test]
async fn a_torn_write_is_as_if_it_never_was_and_damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), &no_index).unwrap();
    let mut ends = Vec::new();
    for n in 0..20 {
        one(&*store, put(&format!("{PODS}a/{n}"), Expect::Absent, "some text")).await;
        let journal = std::fs::read(folder.path().join("0.jnl")).unwrap();
        ends.push(journal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    }
    let last = ends[19];
    // The last transaction is torn: without what was not acknowledged, with all that was.
    for missing in [1, 5, 20, last - ends[18] - 1] {
        let cut = damaged(folder.path(), |bytes| bytes.truncate(last - missing)).unwrap();
        let zeroed = damaged(folder.path(), |bytes| bytes[last - missing..].fill(0)).unwrap();
        assert_eq!((cut.revision(), zeroed.revision()), (19, 19), "without {missing} bytes");
    }
    // What follows it is not ours: nothing is missing.
    let whole = damaged(folder.path(), |bytes| bytes.extend_from_slice(&[7; 100])).unwrap();
    assert_eq!(whole.revision(), 20);
    assert_eq!(keys(&*whole, PODS, At::Latest).await.len(), 20);
    // What was acknowledged long ago is damaged.
    for at in [ends[10] - 20, ends[10], ends[10] + 20, ends[5] - 40, ends[17]] {
        let why = damaged(folder.path(), |bytes| bytes[at] ^= 0x40).err().map(|error| error.to_string());
        assert!(why.as_ref().is_some_and(|why| why.contains("damaged")), "{at}: {why:?}");
    }
    // It is noticed as often as it is tried, and nothing is cut off.
    let (copy, journal) = (tempfile::tempdir().unwrap(), folder.path().join("0.jnl"));
    let status = std::process::Command::new("cp").arg("-r").arg(folder.path().join(".")).arg(copy.path()).status();
    assert!(status.unwrap().success());
    let mut bytes = std::fs::read(journal).unwrap();
    bytes[ends[10]] ^= 0x40;
    std::fs::write(copy.path().join("0.jnl"), &bytes).unwrap();
    for _ in 0..2 {
        assert!(Embedded::open(copy.path(), &no_index).is_err());
        assert!(std::fs::read(copy.path().join("0.jnl")).unwrap() == bytes);
    }
    // The end of the last one is the one thing that cannot be told from a crash.
    assert_eq!(damaged(folder.path(), |bytes| bytes[ends[18]] ^= 0x40).unwrap().revision(), 19);
}
