//! kill -9, again and again: nothing acknowledged is lost, what runs keeps running, everything converges.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use kubernel_e2e::{Cluster, SAMPLE_V1, Settings, tools};

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

#[test]
fn an_executor_and_what_it_says_outlive_node_and_control_plane() {
    let cluster = Cluster::new(Settings { name: "outlive", octet: 104 });
    cluster.start();
    let admin = cluster.admin();
    let signs = cluster.folder().join("signs");
    std::fs::create_dir(&signs).unwrap();
    let framework = Command::new("timeout")
        .arg("300")
        .arg(tools().join("frameworks/bin/python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/survivor.py"))
        .arg(cluster.mesos())
        .arg(&signs)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    admin.until(
        "kubectl get pods -l mesos.kernel.kubernel.io/task=survivor-task -o jsonpath='{.items[*].status.phase}'",
        "Running",
    );
    cluster.kill();
    std::fs::write(signs.join("speak"), "").unwrap();
    cluster.start();
    std::fs::write(signs.join("finish"), "").unwrap();
    let output = framework.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let pid = said.lines().next().and_then(|line| line.strip_prefix("TASK_RUNNING begins in ")).unwrap_or_default();
    let mut lines: Vec<&str> = said.lines().collect();
    // What was not known when the master was killed is said again.
    lines.dedup();
    let expected = [
        format!("TASK_RUNNING begins in {pid}"),
        format!("TASK_RUNNING speak in {pid}"),
        format!("TASK_FINISHED finish in {pid}"),
    ];
    assert_eq!(lines, expected, "{}", cluster.log());
    assert!(!pid.is_empty());
}
