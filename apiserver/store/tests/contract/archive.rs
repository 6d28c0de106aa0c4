//! A cluster in a file: whole or refused, and on every engine the same.

use std::collections::BTreeMap;

use kubernel_etcd::EtcdCluster;
use kubernel_store::{Archive, At, Embedded, Etcd, Expect, Store, StoreError};

use crate::engines::{PODS, each, etcd, no_index, one, options, put, remove};

async fn archived(store: &dyn Store) -> Vec<u8> {
    let state = store.snapshot("/registry/", At::Latest).await.unwrap();
    let shared = BTreeMap::from([("pki".to_owned(), "a key\nof two lines".to_owned())]);
    let mut bytes = Vec::new();
    Archive::write(&*state, &shared, &mut bytes).unwrap();
    bytes
}

/// Keys and bodies, without revisions.
async fn bodies(store: &dyn Store) -> Vec<(String, String)> {
    let state = store.snapshot("/registry/", At::Latest).await.unwrap();
    let body = |json: &[u8]| String::from_utf8_lossy(json).rsplit_once("body").unwrap().1.to_owned();
    state.range("/registry/", "").map(|entry| (entry.key.to_string(), body(&entry.json))).collect()
}

async fn fill(store: &dyn Store) -> u64 {
    for n in 0..250 {
        one(store, put(&format!("{PODS}a/{n}"), Expect::Absent, "a text, with blanks")).await;
    }
    let large = one(store, put("/registry/core/configmaps/a/large", Expect::Absent, &"x".repeat(700_000))).await;
    one(store, remove("/registry/core/configmaps/a/large", large.revision)).await;
    one(store, put("/registry/core/configmaps/a/large", Expect::Absent, &"y".repeat(700_000))).await.revision
}

#[tokio::test(flavor = "multi_thread")]
async fn from_every_engine_to_every_engine() {
    each(async |store| {
        let last = fill(store).await;
        let archive = Archive::read(&archived(store).await[..]).unwrap();
        assert_eq!((archive.len(), archive.shared["pki"].as_str()), (251, "a key\nof two lines"));
        assert!(archive.revision >= last);
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("store");
        Embedded::restore(&place, &archive, last + 1000).unwrap();
        assert!(matches!(Embedded::restore(&place, &archive, 0), Err(StoreError::Engine(_))));
        let files = Embedded::open(&place, &no_index).unwrap();
        let cluster = EtcdCluster::start(1);
        Etcd::restore(&options(&cluster), &archive).await.unwrap();
        assert!(matches!(Etcd::restore(&options(&cluster), &archive).await, Err(StoreError::Engine(_))));
        let there = etcd(&cluster).await;
        let wanted = bodies(store).await;
        for restored in [&*files as &dyn Store, &*there] {
            assert_eq!(bodies(restored).await, wanted);
            // Nobody is told a revision again that somebody may have seen.
            let next = one(restored, put("/registry/core/configmaps/a/new", Expect::Absent, "z")).await.revision;
            assert!(next > last, "{next} after {last}");
            assert!(matches!(restored.watch(PODS, last - 100), Err(StoreError::Compacted { .. })));
        }
    })
    .await;
}

#[tokio::test]
async fn half_an_archive_is_none() {
    let store = Embedded::ephemeral();
    fill(&*store).await;
    let bytes = archived(&*store).await;
    for (name, bytes) in [
        ("nothing", Vec::new()),
        ("something else", b"PK\x03\x04".to_vec()),
        ("half", bytes[..bytes.len() / 2].to_vec()),
        ("all but the end", bytes[..bytes.len() - 12].to_vec()),
        ("damaged", {
            let mut bytes = bytes.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        }),
    ] {
        assert!(Archive::read(&bytes[..]).is_err(), "{name}");
    }
}
