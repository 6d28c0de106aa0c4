//! kill -9, again and again: nothing acknowledged is lost, containers keep running, everything converges.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use kubernel_e2e::{Cluster, SAMPLE_V1, Settings};

/// How often the process is killed.
const ROUNDS: usize = 20;
/// Writes before each kill.
const WRITES: usize = 400;

#[test]
fn nothing_is_lost_when_the_process_is_killed() {
    let cluster = Cluster::new(Settings { name: "kill", octet: 102 });
    cluster.start();
    cluster.import_images();
    let user = cluster.user("survival");
    user.ok(&format!("kubectl create deployment web --image={SAMPLE_V1} --replicas=3"));
    user.ok("kubectl rollout status deployment/web --timeout=100s");
    let ids = || -> BTreeSet<String> {
        let text = user.ok(
            "kubectl get pods -l app=web -o jsonpath='{range .items[*]}{.status.containerStatuses[0].containerID}{\"\\n\"}{end}'",
        );
        text.lines().map(str::to_owned).collect()
    };
    let before = ids();
    assert_eq!(before.len(), 3);
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        // Load: one client that notes what was acknowledged, while the process is killed under it.
        let script = format!(
            "for i in $(seq {WRITES}); do kubectl create configmap w-{round}-$i --from-literal=n=$i -o name || exit 0; done"
        );
        let tools = std::env::var("KUBERNEL_TOOLS").unwrap_or_default();
        let writer = Command::new("bash")
            .args(["-c", &script])
            .env("PATH", format!("{tools}/v36/kubectl:{}", std::env::var("PATH").unwrap_or_default()))
            .env("KUBECONFIG", user.home().join("config"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        user.until(
            &format!("kubectl get configmap w-{round}-5 -o name --ignore-not-found"),
            &format!("configmap/w-{round}-5"),
        );
        cluster.kill();
        let output = writer.wait_with_output().unwrap();
        acknowledged.extend(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned));
        cluster.start();
    }
    let stored: BTreeSet<String> = user.ok("kubectl get configmaps -o name").lines().map(str::to_owned).collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
    assert!(acknowledged.len() >= 5 * ROUNDS, "{} writes were acknowledged", acknowledged.len());
    user.ok("kubectl rollout status deployment/web --timeout=100s");
    assert_eq!(ids(), before, "the same containers");
    user.ok("kubectl scale deployment/web --replicas=5 && kubectl rollout status deployment/web --timeout=100s");
    user.ok("kubectl delete deployment web --cascade=foreground --wait --timeout=100s");
    user.until("kubectl get pods -o name | wc -l", "0");
}
