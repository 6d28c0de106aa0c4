//! What the engine on etcd promises besides: several servers, members that fail, compaction, TLS.

use std::sync::Arc;

use kubernel_etcd::EtcdCluster;
use kubernel_store::{At, Etcd, Expect, Store, StoreError};

use crate::engines::{PODS, etcd, keys, no_index, one, options, put, remove};

const X: &str = "/registry/core/pods/a/x";

/// Has etcd forget what was before this revision of ours, of which its own is the upper part.
fn compact(cluster: &EtcdCluster, revision: u64) {
    cluster.etcdctl(0, &["compact", &(revision >> 8).to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_acknowledged_every_other_one_reads() {
    let cluster = EtcdCluster::start(1);
    let (left, right) = (etcd(&cluster).await, etcd(&cluster).await);
    let (mut writer, mut reader) = (&left, &right);
    let mut watch = right.watch(PODS, right.revision()).unwrap();
    let mut revision = None;
    for n in 0..200 {
        let expect = revision.map_or(Expect::Absent, Expect::Revision);
        revision = Some(one(&**writer, put(X, expect, &n.to_string())).await.revision);
        let snapshot = reader.snapshot(X, At::Latest).await.unwrap();
        assert_eq!(snapshot.get(X).map(|entry| entry.revision), revision);
        (writer, reader) = (reader, writer);
    }
    let mut seen = Vec::new();
    while seen.len() < 200 {
        seen.extend(watch.next().await.unwrap().iter().map(|event| event.revision));
    }
    assert!(seen.is_sorted_by(|a, b| a < b));
    // Writes of somebody else in the same etcd move its revision, and not our watch.
    cluster.etcdctl(0, &["put", "/elsewhere", "x"]);
    assert_eq!(keys(&*left, PODS, At::Latest).await, [format!("a/x@{}", revision.unwrap())]);
    one(&*left, remove(X, revision.unwrap())).await;
    assert!(keys(&*right, PODS, At::Latest).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_late_knows_the_past() {
    let cluster = EtcdCluster::start(1);
    let early = etcd(&cluster).await;
    let first = one(&*early, put(X, Expect::Absent, "1")).await.revision;
    let second = one(&*early, put(X, Expect::Revision(first), "2")).await.revision;
    let late = etcd(&cluster).await;
    let mut watch = late.watch(PODS, first).unwrap();
    assert_eq!(watch.next().await.unwrap()[0].revision, second);
    assert_eq!(keys(&*late, PODS, At::Exact(first)).await, [format!("a/x@{first}")]);
    // Beyond what is compacted there is nothing to know.
    compact(&cluster, second);
    let latest = etcd(&cluster).await;
    assert!(matches!(latest.watch(PODS, first), Err(StoreError::Compacted { .. })));
    assert!(matches!(latest.snapshot(PODS, At::Exact(first)).await, Err(StoreError::Compacted { .. })));
    assert_eq!(keys(&*latest, PODS, At::Latest).await, [format!("a/x@{second}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_fail_while_others_write() {
    let cluster = EtcdCluster::start_tls(3);
    let servers: Vec<Arc<Etcd>> = vec![etcd(&cluster).await, etcd(&cluster).await];
    let mut last: Vec<(String, u64)> = Vec::new();
    for round in 0..3 {
        let leader = cluster.leader().unwrap();
        match round {
            0 => cluster.kill(leader),
            1 => cluster.pause(leader),
            _ => cluster.kill((leader + 1) % 3),
        }
        for n in 0..20 {
            let key = format!("{PODS}a/{round}-{n}");
            let made = one(&*servers[n % 2], put(&key, Expect::Absent, "1")).await;
            last.push((key, made.revision));
        }
        match round {
            1 => cluster.resume(leader),
            0 => cluster.restart(leader),
            _ => cluster.restart((leader + 1) % 3),
        }
    }
    for server in &servers {
        let snapshot = server.snapshot(PODS, At::Latest).await.unwrap();
        for (key, revision) in &last {
            assert_eq!(snapshot.get(key).map(|entry| entry.revision), Some(*revision), "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_server_says_what_all_have_in_common() {
    let cluster = EtcdCluster::start(1);
    let (left, right) = (etcd(&cluster).await, etcd(&cluster).await);
    assert_eq!(left.agreed("pki").await.unwrap(), None);
    assert_eq!(left.agree("pki", b"left".to_vec()).await.unwrap(), b"left");
    assert_eq!(right.agree("pki", b"right".to_vec()).await.unwrap(), b"left");
    assert_eq!(right.agreed("pki").await.unwrap(), Some(b"left".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_know_one_another_for_as_long_as_they_live() {
    let cluster = EtcdCluster::start(1);
    let (left, right) = (etcd(&cluster).await, etcd(&cluster).await);
    let (first, second) = (left.roster(), right.roster());
    assert_eq!(first.stay("10.0.0.2").await.unwrap(), ["10.0.0.2"]);
    assert_eq!(second.stay("10.0.0.1").await.unwrap(), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(first.stay("10.0.0.2").await.unwrap(), ["10.0.0.1", "10.0.0.2"]);
    // Who says it again is not told as having come.
    first.changed().await;
    let revision = left.revision();
    assert_eq!(first.stay("10.0.0.2").await.unwrap(), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(left.revision(), revision);
    // One leaves; a younger one in its place stays when the older one's lease is given back.
    let young = right.roster();
    assert_eq!(young.stay("10.0.0.1").await.unwrap(), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(second.leave().await.unwrap(), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(young.leave().await.unwrap(), ["10.0.0.2"]);
    // A key that somebody took away comes back; so does a server whose lease ran out while it hung.
    cluster.etcdctl(0, &["del", "/kubernel/servers/10.0.0.2"]);
    assert_eq!(first.stay("10.0.0.2").await.unwrap(), ["10.0.0.2"]);
    let lease = cluster.etcdctl(0, &["lease", "list"]);
    cluster.etcdctl(0, &["lease", "revoke", lease.lines().last().unwrap()]);
    assert_eq!(first.stay("10.0.0.2").await.unwrap(), ["10.0.0.2"]);
    // The other one hears of one that is silent.
    assert_eq!(second.stay("10.0.0.1").await.unwrap(), ["10.0.0.1", "10.0.0.2"]);
    while first.stay("10.0.0.2").await.unwrap().len() > 1 {
        first.changed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_in_words() {
    let cluster = EtcdCluster::start(1);
    let store = etcd(&cluster).await;
    for kib in [1600, 4000] {
        let large = put(X, Expect::Absent, &"x".repeat(kib << 10));
        let refused = store.commit(vec![large]).await;
        assert!(matches!(refused, Err(StoreError::TooLarge(_))), "{kib} KiB: {:?}", refused.err());
    }
    cluster.etcdctl(0, &["put", "/kubernel/registry/core/pods/a/foreign", "k8s"]);
    let made = one(&*store, put(X, Expect::Absent, "1")).await.revision;
    compact(&cluster, made);
    match Etcd::open(options(&cluster), Box::new(no_index)).await.err() {
        Some(StoreError::Engine(why)) => assert!(why.contains("not written by Kubernel"), "{why}"),
        other => panic!("{other:?}"),
    }
    // A server that runs already passes it over.
    one(&*store, put(X, Expect::Revision(made), "2")).await;
}
