//! The engine on virtual time: objects in, actions out, and the ledger sound after each.

use std::collections::BTreeMap;

use kubernel_kernel::{Availability, Config, invariants};
use kubernel_meta::processes;
use serde_json::{Value, json};

use kubernel_meta::mesos;

use super::{nodes::DRAINING_TAINT, *};
use crate::{UNAVAILABILITY_ANNOTATION, wire};

struct Cluster {
    books: Books,
    engine: Engine,
    now: Millis,
    /// Pods by name as the API has them.
    pods: BTreeMap<String, Value>,
}

impl Cluster {
    fn new() -> Self {
        let mut books = Books::new(Config::default());
        let engine = Engine::new(&mut books, Millis(1));
        Self { books, engine, now: Millis(1), pods: BTreeMap::new() }
    }

    fn node(&mut self, name: &str, cpu: &str, more: Value) {
        let mut node = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {"allocatable": {"cpu": cpu, "memory": "64Gi", "pods": "110"}},
        });
        merge(&mut node, more);
        self.engine.set_node(&mut self.books, self.now, serde_json::from_value(node).unwrap_or_default());
    }

    fn pod(&mut self, namespace: &str, name: &str, cpu: &str, more: Value) {
        let mut pod = json!({
            "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}")},
            "spec": {
                "schedulerName": "default-scheduler",
                "containers": [{"resources": {"requests": {"cpu": cpu}}}],
            },
            "status": {"phase": "Pending"},
        });
        merge(&mut pod, more);
        self.pods.insert(name.to_owned(), pod);
        self.show(name);
    }

    fn change(&mut self, name: &str, change: Value) {
        if let Some(pod) = self.pods.get_mut(name) {
            merge(pod, change);
        }
        self.show(name);
    }

    fn show(&mut self, name: &str) {
        let pod: wire::Pod = serde_json::from_value(self.pods[name].clone()).unwrap_or_default();
        self.engine.set_pod(&mut self.books, self.now, &pod);
    }

    fn delete(&mut self, name: &str) {
        self.pods.remove(name);
        self.engine.remove_pod(&mut self.books, self.now, &format!("uid-{name}"));
    }

    fn role(&mut self, name: &str, weight: i64) {
        let role = json!({"metadata": {"name": name}, "spec": {"weight": weight}});
        let role: wire::ResourceRole = serde_json::from_value(role).unwrap_or_default();
        self.engine.set_role(&mut self.books, self.now, &role);
    }

    /// Schedules and lets every binding succeed; what was done, in words.
    fn settle(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        loop {
            self.now = self.now.after_ms(1);
            let actions = self.engine.schedule(&mut self.books, self.now);
            invariants::check(self.books.state()).unwrap_or_else(|violation| panic!("{violation}"));
            if actions.is_empty() {
                return done;
            }
            for action in actions {
                match action {
                    Action::Bind { pod, node } => {
                        done.push(format!("{} -> {node}", pod.name));
                        self.change(&pod.name, json!({"spec": {"nodeName": *node}}));
                        self.engine.binding_ended(&mut self.books, self.now, &pod.uid, Outcome::Bound);
                    }
                    Action::Evict(eviction) => done.push(format!("{} evicted", eviction.pod.name)),
                    Action::Report(Report { pod, reason, message, .. }) => {
                        let words = message.split(". no new claims").next().unwrap_or_default().to_owned();
                        done.push(format!("{}: {reason}: {words}", pod.name));
                    }
                }
            }
        }
    }

    #[track_caller]
    fn check(&mut self, expected: &[&str]) {
        let mut done = self.settle();
        done.sort();
        assert_eq!(done, expected);
    }

    fn allocated_milli(&self) -> u64 {
        self.books.state().roles().used().get(kubernel_kernel::ResourceId::CPU)
    }
}

/// RFC 7386.
fn merge(into: &mut Value, from: Value) {
    match from {
        Value::Object(from) => {
            if !into.is_object() {
                *into = json!({});
            }
            for (key, value) in from {
                if value.is_null() {
                    into.as_object_mut().map(|map| map.remove(&key));
                } else {
                    merge(&mut into[key.as_str()], value);
                }
            }
        }
        other => *into = other,
    }
}

#[test]
fn pods_spread_over_nodes_until_there_is_no_room() {
    let mut cluster = Cluster::new();
    cluster.pod("web", "a", "1", json!({}));
    cluster.check(&["a: Unschedulable: no nodes available to schedule pods"]);
    cluster.node("n1", "2", json!({}));
    cluster.node("n2", "2", json!({}));
    cluster.check(&["a -> n2"]);
    for name in ["b", "c", "d", "e"] {
        cluster.pod("web", name, "1", json!({}));
    }
    cluster.check(&["b -> n1", "c -> n2", "d -> n1", "e: Unschedulable: 0/2 nodes are available: 2 Insufficient cpu"]);
    cluster.check(&[]);
    cluster.change("b", json!({"status": {"phase": "Succeeded"}}));
    cluster.check(&["e -> n1"]);
    cluster.delete("a");
    assert_eq!(cluster.allocated_milli(), 3_000);
}

#[test]
fn pods_of_others_and_gated_or_dying_pods_are_left_alone() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", json!({}));
    cluster.pod("web", "foreign", "1", json!({"spec": {"schedulerName": "volcano"}}));
    cluster.pod("web", "gated", "1", json!({"spec": {"schedulingGates": [{"name": "example.com/wait"}]}}));
    cluster.pod("web", "dying", "1", json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    cluster.check(&["gated: SchedulingGated: Scheduling is blocked due to non-empty scheduling gates"]);
    cluster.change("gated", json!({"spec": {"schedulingGates": []}}));
    cluster.check(&["gated -> n1"]);
    assert_eq!(cluster.allocated_milli(), 1_000);
    cluster.change("foreign", json!({"spec": {"nodeName": "n1"}}));
    cluster.check(&[]);
    assert_eq!(cluster.allocated_milli(), 2_000, "placed by another scheduler and still in the ledger");
}

#[test]
fn taints_selectors_and_ports_decide() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", json!({"spec": {"unschedulable": true}}));
    cluster.node("n2", "4", json!({"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}}));
    cluster.node("n3", "4", json!({"metadata": {"labels": {"disk": "ssd"}}}));
    cluster.pod("web", "ssd", "1", json!({"spec": {"nodeSelector": {"disk": "ssd"}}}));
    cluster.pod("web", "hdd", "1", json!({"spec": {"nodeSelector": {"disk": "hdd"}}}));
    cluster.pod(
        "web",
        "gpu",
        "1",
        json!({"spec": {
        "nodeSelector": {"kubernetes.io/hostname": "n2"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]}}),
    );
    cluster.check(&[
        "gpu -> n2",
        "hdd: Unschedulable: 0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, \
         1 node(s) had untolerated taint(s), 1 node(s) were unschedulable",
        "ssd -> n3",
    ]);
    let port = json!({"spec": {"containers": [{"ports": [{"containerPort": 80, "hostPort": 8080}]}]}});
    cluster.pod("web", "p1", "1", port.clone());
    cluster.pod("web", "p2", "1", port);
    cluster.check(&[
        "p1 -> n3",
        "p2: Unschedulable: 0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, \
         1 node(s) had untolerated taint(s), 1 node(s) were unschedulable",
    ]);
    cluster.delete("p1");
    cluster.check(&["p2 -> n3"]);
    cluster.node("n1", "4", json!({"metadata": {"labels": {"disk": "hdd"}}}));
    cluster.check(&["hdd -> n1"]);
}

#[test]
fn the_ledger_is_rebuilt_from_bound_pods() {
    let mut cluster = Cluster::new();
    cluster.pod("web", "early", "3", json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}));
    cluster.node("n1", "4", json!({}));
    cluster.pod("web", "late", "3", json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}));
    cluster.check(&[]);
    assert_eq!(cluster.allocated_milli(), 6_000, "what runs counts, even beyond what there is");
    cluster.pod("web", "new", "1", json!({}));
    cluster.check(&["new: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu"]);
    cluster.engine.remove_node(&mut cluster.books, cluster.now, "n1");
    assert_eq!(cluster.allocated_milli(), 0);
    cluster.node("n1", "8", json!({}));
    cluster.check(&["new -> n1"]);
    assert_eq!(cluster.allocated_milli(), 7_000);
}

#[test]
fn a_failed_binding_gives_back_and_tries_again() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", json!({}));
    cluster.pod("web", "a", "3", json!({}));
    let actions = cluster.engine.schedule(&mut cluster.books, cluster.now);
    assert_eq!(actions.len(), 1);
    let uid: Arc<str> = "uid-a".into();
    cluster.engine.binding_ended(&mut cluster.books, cluster.now, &uid, Outcome::Failed);
    assert_eq!(cluster.allocated_milli(), 0);
    cluster.check(&[]);
    cluster.now = cluster.engine.wake_at().unwrap_or_default();
    cluster.check(&["a -> n1"]);
    cluster.pod("web", "b", "1", json!({}));
    cluster.engine.schedule(&mut cluster.books, cluster.now);
    cluster.engine.binding_ended(&mut cluster.books, cluster.now, &"uid-b".into(), Outcome::Gone);
    assert_eq!(cluster.allocated_milli(), 3_000);
}

#[test]
fn more_important_pods_go_first_within_a_role() {
    let mut cluster = Cluster::new();
    for (name, priority) in [("low", -5), ("mid", 0), ("high", 1_000)] {
        cluster.pod("web", name, "1", json!({"spec": {"priority": priority}}));
    }
    cluster.settle();
    cluster.node("n1", "1", json!({}));
    cluster.check(&["high -> n1"]);
    cluster.now = cluster.engine.wake_at().unwrap_or_default();
    cluster.check(&[
        "low: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu",
        "mid: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu",
    ]);
}

#[test]
fn namespaces_share_by_weight_and_converge() {
    let mut cluster = Cluster::new();
    cluster.role("blue", 3);
    cluster.node("n1", "40", json!({}));
    for at in 0..100 {
        cluster.pod("red", &format!("red-{at:03}"), "1", json!({}));
    }
    cluster.settle();
    assert_eq!(cluster.allocated_milli(), 40_000, "alone it gets everything");
    for at in 0..100 {
        cluster.pod("blue", &format!("blue-{at:03}"), "1", json!({}));
    }
    for _ in 0..3 {
        let running: Vec<String> = cluster
            .pods
            .iter()
            .filter(|(_, pod)| pod["spec"].get("nodeName").is_some() && pod["status"]["phase"] == "Pending")
            .map(|(name, _)| name.clone())
            .take(30)
            .collect();
        for name in running {
            cluster.change(&name, json!({"status": {"phase": "Succeeded"}}));
        }
        cluster.settle();
    }
    let state = cluster.books.state();
    let share = |path| state.roles().id(path).map_or(0, |id| state.roles().share(id).millionths());
    assert_eq!((share("red"), share("blue")), (250_000, 750_000));
}

#[test]
fn turns_that_wait_for_bindings_are_not_lost() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "900", json!({"status": {"allocatable": {"pods": "1000"}}}));
    for at in 0..BINDINGS_MAX + 50 {
        cluster.pod("web", &format!("p{at}"), "1", json!({}));
    }
    let first = cluster.engine.schedule(&mut cluster.books, cluster.now);
    assert_eq!(first.len(), BINDINGS_MAX);
    cluster.now = cluster.now.after_ms(5_000);
    assert_eq!(cluster.engine.schedule(&mut cluster.books, cluster.now), []);
    for action in first {
        let Action::Bind { pod, .. } = action else { continue };
        cluster.engine.binding_ended(&mut cluster.books, cluster.now, &pod.uid, Outcome::Bound);
    }
    assert_eq!(cluster.engine.schedule(&mut cluster.books, cluster.now).len(), 50);
}

#[test]
fn pods_pinned_to_a_node_by_name_go_there_or_nowhere() {
    let mut cluster = Cluster::new();
    let pin = |name: &str| {
        json!({"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}]}}}}})
    };
    cluster.node("n1", "1", json!({}));
    cluster.node("n2", "8", json!({}));
    cluster.pod("web", "a", "1", pin("n1"));
    cluster.pod("web", "b", "1", pin("n1"));
    cluster.pod("web", "c", "1", pin("n3"));
    cluster.check(&[
        "a -> n1",
        "b: Unschedulable: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) \
         [NodeAffinity]",
        "c: Unschedulable: 0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) [NodeAffinity]",
    ]);
    cluster.node("n3", "1", json!({}));
    cluster.delete("a");
    cluster.check(&["b -> n1", "c -> n3"]);
}

impl Cluster {
    fn settle_for(&mut self, name: &str, more: Value) {
        let mut role = json!({"metadata": {"name": name}, "spec": {}});
        merge(&mut role, json!({"spec": more}));
        let role: wire::ResourceRole = serde_json::from_value(role).unwrap_or_default();
        self.engine.set_role(&mut self.books, self.now, &role);
    }

    fn reserve(&mut self, role: &str, agent: &str, cpu: &str) {
        let object = json!({
            "metadata": {"name": role}, "spec": {"role": role, "agent": agent, "resources": {"cpu": cpu}},
        });
        let object: wire::Reservation = serde_json::from_value(object).unwrap_or_default();
        self.engine.set_reservation(&mut self.books, self.now, &object);
    }

    /// How each Reservation stands.
    fn reservations(&self) -> Vec<String> {
        let word = |(name, kept): (&Arc<str>, &reservations::Kept)| {
            format!("{name}: {}", kept.lacks.as_deref().unwrap_or("holds"))
        };
        self.engine.reservations().iter().map(word).collect()
    }
}

#[test]
fn a_role_gets_no_more_than_its_limit() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "10", json!({}));
    cluster.settle_for("a", json!({"limit": {"cpu": "2"}}));
    for name in ["a1", "a2", "a3"] {
        cluster.pod("a", name, "1", json!({}));
    }
    cluster.pod("b", "b1", "1", json!({}));
    let limited = "a3: Unschedulable: 0/1 nodes are available: the limit of role \"a\" or the guarantees of other roles \
                   leave no room.";
    cluster.check(&["a1 -> n1", "a2 -> n1", limited, "b1 -> n1"]);
    cluster.delete("a1");
    cluster.check(&["a3 -> n1"]);
    cluster.pod("a", "a4", "1", json!({}));
    cluster.settle();
    cluster.settle_for("a", json!({}));
    cluster.check(&["a4 -> n1"]);
}

#[test]
fn a_guarantee_is_kept_free_for_its_role() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", json!({}));
    cluster.settle_for("a", json!({"guarantee": {"cpu": "3"}}));
    cluster.settle_for("c", json!({"guarantee": {"cpu": "3"}, "limit": {"cpu": "1"}}));
    let refused = cluster.engine.refusal("c").map(|why| why.to_string());
    assert_eq!(refused.as_deref(), Some("the guarantee of 'c' is above its limit for 'cpu'"));
    cluster.pod("b", "b1", "1", json!({}));
    cluster.pod("b", "b2", "1", json!({}));
    let held = "b2: Unschedulable: 0/1 nodes are available: the limit of role \"b\" or the guarantees of other roles \
                leave no room.";
    cluster.check(&["b1 -> n1", held]);
    cluster.pod("a", "a1", "3", json!({}));
    cluster.check(&["a1 -> n1"]);
}

#[test]
fn reserved_resources_are_for_their_role_alone() {
    let mut cluster = Cluster::new();
    cluster.reserve("a", "n1", "3");
    assert_eq!(cluster.reservations(), ["a: there is no such agent"]);
    cluster.node("n1", "4", json!({}));
    assert_eq!(cluster.reservations(), ["a: holds"]);
    cluster.pod("b", "b1", "2", json!({}));
    cluster.check(&["b1: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu"]);
    cluster.pod("a", "a1", "2", json!({}));
    cluster.check(&["a1 -> n1"]);
    // A node that says something else has the same reservations.
    cluster.node("n1", "5", json!({}));
    cluster.check(&["b1 -> n1"]);
    cluster.reserve("c", "n1", "1");
    assert_eq!(cluster.reservations().len(), 2);
    assert!(cluster.reservations()[1].contains("does not contain"), "{:?}", cluster.reservations());
    cluster.delete("b1");
    cluster.settle();
    assert_eq!(cluster.reservations(), ["a: holds", "c: holds"]);
    cluster.engine.remove_reservation(&mut cluster.books, cluster.now, "a");
    cluster.pod("b", "b2", "1", json!({}));
    cluster.check(&["b2 -> n1"]);
    // What was in use when its reservation went is free for all when it is not.
    cluster.delete("a1");
    cluster.pod("b", "b3", "3", json!({}));
    cluster.check(&["b3 -> n1"]);
}

#[test]
fn persistent_volumes_are_made_again_from_their_objects() {
    let reservation = |size: &str, volumes: Value| -> wire::Reservation {
        let spec = json!({"role": "a", "agent": "n1", "resources": {"ephemeral-storage": size}, "volumes": volumes});
        serde_json::from_value(json!({"metadata": {"name": "r"}, "spec": spec})).unwrap()
    };
    let volume = |size: &str| json!([{"id": "v", "uid": "u", "containerPath": "data", "size": size}]);
    let disks = |cluster: &Cluster| {
        let state = cluster.books.state();
        let mut found: Vec<(Option<String>, u64)> = Vec::new();
        for (id, amount) in state.agents().values().flat_map(|agent| agent.total.iter()) {
            let kind = state.names().kind(id).filter(|kind| &*kind.name == "ephemeral-storage" && kind.is_dynamic());
            if let Some(kind) = kind.filter(|_| amount > 0) {
                found.push((kind.volume().map(|volume| volume.id.to_string()), amount));
            }
        }
        found.sort();
        found
    };
    let made = |rest: u64| vec![(None, rest), (Some("v".to_owned()), 600)];
    let node = |ready: &str| {
        let conditions = json!([{"type": "Ready", "status": ready}]);
        json!({"status": {"allocatable": {"ephemeral-storage": "10000"}, "conditions": conditions}})
    };
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", node("True"));
    let set = |cluster: &mut Cluster, object: wire::Reservation| {
        cluster.engine.set_reservation(&mut cluster.books, cluster.now, &object);
        cluster.reservations()
    };
    assert_eq!(set(&mut cluster, reservation("1000", volume("600"))), ["r: holds"]);
    assert_eq!(disks(&cluster), made(400));
    // A node that was away has them again.
    cluster.node("n1", "4", node("Unknown"));
    cluster.settle();
    assert_eq!(disks(&cluster), []);
    cluster.node("n1", "4", node("True"));
    assert_eq!(disks(&cluster), made(400));
    // What a framework did itself is not done again.
    assert_eq!(set(&mut cluster, reservation("1500", volume("600"))), ["r: holds"]);
    assert_eq!(disks(&cluster), made(900));
    assert_eq!(set(&mut cluster, reservation("1000", json!([]))), ["r: holds"]);
    assert_eq!(disks(&cluster), [(None, 1000)]);
    set(&mut cluster, reservation("1000", volume("600")));
    cluster.engine.remove_reservation(&mut cluster.books, cluster.now, "r");
    assert_eq!(disks(&cluster), []);
}

#[test]
fn refinements_are_made_of_what_they_refine() {
    let reservation = |name: &str, role: &str, cpu: &str, refines: Value| -> wire::Reservation {
        let spec = json!({"role": role, "agent": "n1", "resources": {"cpu": cpu}, "refines": refines});
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap()
    };
    let kept = |cluster: &Cluster| {
        let state = cluster.books.state();
        let all = state.agents().values().flat_map(|agent| agent.total.iter()).filter(|(_, amount)| *amount > 0);
        let mut found: Vec<(Vec<String>, u64)> = all
            .filter_map(|(id, amount)| Some((state.names().kind(id).filter(|kind| kind.is_dynamic())?, amount)))
            .map(|(kind, amount)| (kind.reservations.iter().map(|one| one.role.to_string()).collect(), amount))
            .collect();
        found.sort();
        found
    };
    let (above, both) = (|| vec!["x/a".to_owned()], || vec!["x/a".to_owned(), "x/a/b".to_owned()]);
    let node = |ready: &str| json!({"status": {"conditions": [{"type": "Ready", "status": ready}]}});
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", node("True"));
    let set = |cluster: &mut Cluster, object: wire::Reservation| {
        cluster.engine.set_reservation(&mut cluster.books, cluster.now, &object);
    };
    // Whichever comes first, and again after the node was away.
    set(&mut cluster, reservation("a-refined", "x/a/b", "1", json!([{"role": "x/a"}])));
    assert_eq!(kept(&cluster), [(both(), 1_000)]);
    set(&mut cluster, reservation("base", "x/a", "2", json!([])));
    assert_eq!(kept(&cluster), [(above(), 2_000), (both(), 1_000)]);
    assert_eq!(cluster.reservations(), ["a-refined: holds", "base: holds"]);
    cluster.node("n1", "4", node("Unknown"));
    cluster.settle();
    assert_eq!(kept(&cluster), []);
    cluster.node("n1", "4", node("True"));
    assert_eq!(kept(&cluster), [(above(), 2_000), (both(), 1_000)]);
    cluster.engine.remove_reservation(&mut cluster.books, cluster.now, "a-refined");
    assert_eq!(kept(&cluster), [(above(), 2_000)]);
    cluster.engine.remove_reservation(&mut cluster.books, cluster.now, "base");
    assert_eq!(kept(&cluster), []);
}

#[test]
fn a_node_that_does_not_answer_is_given_up_and_comes_back() {
    let mut cluster = Cluster::new();
    let ready = |status: &str| json!({"status": {"conditions": [{"type": "Ready", "status": status}]}});
    cluster.node("n1", "4", ready("True"));
    cluster.pod("a", "a1", "1", json!({}));
    cluster.check(&["a1 -> n1"]);
    cluster.node("n1", "4", ready("Unknown"));
    cluster.settle();
    assert_eq!((cluster.books.state().agents().len(), cluster.allocated_milli()), (0, 0));
    cluster.pod("a", "a2", "1", json!({}));
    cluster.check(&["a2: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu, 1 Too many pods"]);
    cluster.node("n1", "4", ready("True"));
    cluster.check(&["a2 -> n1"]);
    assert_eq!(cluster.allocated_milli(), 2_000);
}

#[test]
fn frameworks_are_offered_nodes_that_take_processes_only() {
    for (taint, expected) in [(processes::ONLY_TAINT, Availability::Open), ("gpu", Availability::Cordoned)] {
        let mut cluster = Cluster::new();
        cluster.node("n1", "4", json!({"spec": {"taints": [{"key": taint, "effect": "NoSchedule"}]}}));
        cluster.pod("a", "a1", "1", json!({}));
        cluster.check(&["a1: Unschedulable: 0/1 nodes are available: 1 node(s) had untolerated taint(s)"]);
        let found: Vec<_> = cluster.books.state().agents().values().map(|agent| agent.availability).collect();
        assert_eq!(found, [expected], "{taint}");
    }
}

#[test]
fn a_node_that_is_drained_loses_what_may_go() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", json!({}));
    cluster.pod("a", "a1", "1", json!({}));
    cluster.pod("a", "all", "1", json!({"spec": {"tolerations": [{"operator": "Exists"}]}}));
    cluster.settle();
    let taint = json!({"spec": {"taints": [{"key": DRAINING_TAINT, "value": "2000", "effect": "NoSchedule"}]}});
    cluster.node("n1", "4", taint);
    cluster.check(&["a1 evicted"]);
    cluster.node("n1", "4", json!({}));
    cluster.pod("a", "a2", "1", json!({}));
    cluster.check(&["a2 -> n1"]);
}

#[test]
fn a_node_says_when_it_will_not_be_there() {
    let mut cluster = Cluster::new();
    let scheduled = |cluster: &Cluster| {
        let agent = cluster.books.state().agents().values().find(|agent| &*agent.name == "n1");
        agent.and_then(|agent| agent.unavailability).map(|unavailability| unavailability.start_ns)
    };
    let annotated = |text: &str| json!({"metadata": {"annotations": {UNAVAILABILITY_ANNOTATION: text}}});
    for (extra, expected) in [
        (annotated("1970-01-01T00:00:00.000000005Z/PT1H"), Some(5)),
        (annotated("1970-01-01T00:00:00.000000007Z"), Some(7)),
        (json!({}), None),
        (annotated("1970-01-01T00:00:00.000000009Z"), Some(9)),
        (annotated("some day"), None),
    ] {
        cluster.node("n1", "4", extra.clone());
        assert_eq!(scheduled(&cluster), expected, "{extra}");
    }
    // Who writes the annotation tells the kernel at once; what the node says of other things meanwhile changes nothing.
    let agent = cluster.books.state().agent_id("n1").unwrap_or(kubernel_kernel::AgentId(0));
    let unavailability = Some(kubernel_kernel::Unavailability { start_ns: 11, duration_ns: None });
    cluster.books.step(cluster.now, Input::ScheduleAgent { agent, unavailability });
    cluster.node("n1", "8", annotated("some day"));
    assert_eq!(scheduled(&cluster), Some(11));
}

#[test]
fn pods_that_matter_more_have_room_made_for_them() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "2", json!({}));
    cluster.pod("a", "a1", "1", json!({}));
    cluster.pod("a", "a2", "1", json!({"spec": {"priority": 5}}));
    cluster.check(&["a1 -> n1", "a2 -> n1"]);
    cluster.pod("a", "a3", "1", json!({"spec": {"priority": 10}}));
    cluster.check(&["a3: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu"]);
    cluster.now = cluster.now.after_ms(10_000);
    cluster.books.step(cluster.now, Input::Tick);
    cluster.check(&["a1 evicted"]);
    cluster.delete("a1");
    cluster.check(&["a3 -> n1"]);
}

#[test]
fn what_a_framework_launched_is_its_own_business() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "2", json!({}));
    let labels = json!({"labels": {mesos::FRAMEWORK: "f"}});
    cluster.pod("a", "t1", "1", json!({"metadata": labels, "spec": {"schedulerName": "mesos", "nodeName": "n1"}}));
    cluster.check(&[]);
    assert_eq!(cluster.allocated_milli(), 0);
}
