//! The kernel's ledger and the API say the same, and roles get what their weights say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use kubernel_e2e::{SAMPLE_V1, cluster, eventually};
use serde_json::Value;

/// A quantity of CPU in thousandths.
fn milli_cpu(text: &str) -> i64 {
    match text.strip_suffix('m') {
        Some(milli) => milli.parse().unwrap(),
        None => text.parse::<i64>().unwrap() * 1000,
    }
}

fn cpu_of(pods: &Value) -> i64 {
    let running = pods["items"].as_array().unwrap().iter().filter(|pod| {
        pod["spec"]["nodeName"].is_string() && !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
    });
    let containers = running.flat_map(|pod| pod["spec"]["containers"].as_array().unwrap());
    containers.map(|container| container["resources"]["requests"]["cpu"].as_str().map_or(0, milli_cpu)).sum()
}

#[test]
fn weights_share_a_full_node_and_the_ledger_adds_up() {
    let admin = cluster().admin();
    let node = admin.json("kubectl get node node-1 -o json");
    let cpu = milli_cpu(node["status"]["allocatable"]["cpu"].as_str().unwrap());
    let one = cluster().user("weight-one");
    let three = cluster().user("weight-three");
    admin.ok("kubectl apply -f - <<< '{\"apiVersion\":\"kernel.kubernel.io/v1alpha1\",\"kind\":\"ResourceRole\",\
         \"metadata\":{\"name\":\"weight-three\"},\"spec\":{\"weight\":3}}'");
    // Both want more than everything: 20 Pods of a tenth of the node each, and nobody else asks for CPU here.
    let request = cpu / 10;
    admin.ok("kubectl cordon node-1");
    for user in [&one, &three] {
        user.ok(&format!(
            "kubectl create deployment greedy --image={SAMPLE_V1} --replicas=20 --dry-run=client -o json \
             | kubectl set resources -f - --local --requests=cpu={request}m -o json | kubectl apply -f -"
        ));
        user.until("kubectl get pods --no-headers | grep -c Pending", "20");
    }
    admin.ok("kubectl uncordon node-1");
    let bound = |user: &kubernel_e2e::User| {
        user.ok("kubectl get pods -o json | grep -c '\"nodeName\":' || true").parse::<i64>().unwrap()
    };
    let running = "kubectl get pods -A --field-selector spec.nodeName=node-1 -o name | grep -c greedy";
    admin.until(running, "10");
    let (ones, threes) = (bound(&one), bound(&three));
    assert!((2..=3).contains(&ones) && (7..=8).contains(&threes), "{ones}:{threes}");
    let told =
        "kubectl get pods -o json | grep -c '0/1 nodes are available: 1 Insufficient cpu.' | sed 's/^[1-9].*/some/'";
    one.until(told, "some");
    let agent = admin.json("kubectl get agents node-1 -o json");
    let pods = admin.json("kubectl get pods -A -o json");
    let allocated = agent["status"]["allocated"]["cpu"].as_str().map_or(0, milli_cpu);
    assert_eq!(allocated, cpu_of(&pods), "{agent}");
    let roles = admin.json("kubectl get resourceroles -o json");
    for role in roles["items"].as_array().unwrap() {
        let name = role["metadata"]["name"].as_str().unwrap();
        let pods = admin.json(&format!("kubectl get pods -n {name} -o json"));
        // A role's status follows the ledger once a second.
        eventually(&format!("role {name} holds what its Pods ask for"), || {
            let role = admin.json(&format!("kubectl get resourcerole {name} -o json"));
            role["status"]["allocated"]["cpu"].as_str().map_or(0, milli_cpu) == cpu_of(&pods)
        });
    }
}
