//! One framework on many agents: beside Pods, and when an agent dies.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, MutexGuard};

use kubernel_e2e::{Cluster, SAMPLE_V1, SCRIPTS, Settings, finish, python, start, tools};
use serde_json::{Value, json};

/// The cluster that the tests here share, one after the other: what one does to agents all frameworks see.
fn cluster() -> MutexGuard<'static, Cluster> {
    static SHARED: LazyLock<Mutex<Cluster>> = LazyLock::new(|| {
        let cluster = Cluster::new(Settings { name: "agents", octet: 105 });
        cluster.start();
        cluster.import_images();
        Mutex::new(cluster)
    });
    SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What the job of `dpark_job.py` has to print, counted here.
fn counted() -> Value {
    let lines = ["the datacenter as one computer", "one ledger one notion of fairness", "the quick brown fox"];
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut groups: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for word in lines.iter().flat_map(|line| line.split(' ')) {
        *counts.entry(word).or_default() += 40;
        let group = groups.entry(word.len()).or_default();
        if !group.contains(&word) {
            group.push(word);
        }
    }
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|(length, mut words)| {
            words.sort_unstable();
            json!([length, words])
        })
        .collect();
    json!({"counts": counts, "groups": groups})
}

#[test]
fn dpark_counts_words_while_a_deployment_is_scaled() {
    let cluster = cluster();
    let user = cluster.user("beside");
    let agents: Vec<_> =
        (1..=3).map(|index| cluster.join(&format!("agent-{index}"), &format!("127.0.0.1{index}"))).collect();
    user.ok(&format!("kubectl create deployment web --image={SAMPLE_V1} --replicas=1"));
    let job = format!("{SCRIPTS}/dpark_job.py");
    let job = start(&mut python(&[&job, "-m", &cluster.mesos(), "-M", "64", "-c", "0.2"]));
    for replicas in [3, 1, 2] {
        user.ok(&format!("kubectl scale deployment/web --replicas={replicas}"));
        user.ok("kubectl rollout status deployment/web --timeout=100s");
    }
    let output = finish(job);
    assert_eq!(output.code, 0, "{output:?}");
    let found: Value = serde_json::from_str(output.stdout.lines().last().unwrap_or_default()).unwrap();
    assert_eq!(found, counted());
    for agent in &agents {
        user.ok(&format!("kubectl delete node {}", agent.name()));
    }
}

#[test]
fn dpark_finishes_without_an_agent_that_died() {
    let cluster = cluster();
    let admin = cluster.admin();
    let mut agents: Vec<_> =
        (4..=5).map(|index| cluster.join(&format!("agent-{index}"), &format!("127.0.0.1{index}"))).collect();
    let job = format!("{SCRIPTS}/dpark_job.py");
    // More at once than one node holds, and long enough to be still there when it is killed.
    let job = start(python(&[&job, "-m", &cluster.mesos(), "-M", "64", "-c", "0.9"]).env("LINE_SECS", "0.25"));
    let running = "kubectl get pods -A -l mesos.kernel.kubernel.io/task --field-selector=status.phase=Running \
                   -o jsonpath='{range .items[*]}{.spec.nodeName}{\"\\n\"}{end}' | grep -m1 -x -e agent-4 -e agent-5";
    let name = admin.ok(&format!("until {running}; do sleep 0.2; done"));
    let died = agents.iter_mut().find(|agent| agent.name() == name).unwrap();
    died.kill_all();
    let output = finish(job);
    assert_eq!(output.code, 0, "{output:?}");
    let found: Value = serde_json::from_str(output.stdout.lines().last().unwrap_or_default()).unwrap();
    assert_eq!(found, counted());
    for agent in &agents {
        admin.ok(&format!("kubectl delete node {}", agent.name()));
    }
}

#[test]
fn drun_runs_a_command_many_times() {
    let cluster = cluster();
    let agents: Vec<_> =
        (6..=7).map(|index| cluster.join(&format!("agent-{index}"), &format!("127.0.0.1{index}"))).collect();
    let script = tools().join("frameworks/bin/scheduler.py").display().to_string();
    let mut drun = python(&[&script, "-s", &cluster.mesos(), "-n", "8", "-m", "64", "-c", "0.2"]);
    let output = finish(start(drun.args(["--shell", "echo rank $DRUN_RANK of $DRUN_SIZE"])));
    assert_eq!(output.code, 0, "{output:?}");
    let mut lines: Vec<&str> = output.stdout.lines().filter_map(|line| Some(line.split_once("] ")?.1)).collect();
    lines.sort_unstable();
    assert_eq!(lines, (0..8).map(|rank| format!("rank {rank} of 8")).collect::<Vec<_>>(), "{output:?}");
    for agent in &agents {
        cluster.admin().ok(&format!("kubectl delete node {}", agent.name()));
    }
}
