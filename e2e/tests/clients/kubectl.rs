//! kubectl 1.36, unmodified, does on a real cluster what it does on any other.

use kubernel_e2e::{SAMPLE_V1, SAMPLE_V2, User, cluster};

fn user(namespace: &str) -> User {
    cluster().user(namespace)
}

/// A Deployment `web` with this many Pods, rolled out.
fn with_web(namespace: &str, replicas: u32) -> User {
    let user = user(namespace);
    user.ok(&format!("kubectl create deployment web --image={SAMPLE_V1} --port=8080 --replicas={replicas}"));
    user.ok("kubectl rollout status deployment/web --timeout=100s");
    user
}

#[test]
fn a_deployment_is_rolled_out_changed_and_rolled_back() {
    let user = with_web("rollout", 2);
    user.ok("kubectl scale deployment/web --replicas=3");
    user.ok("kubectl rollout status deployment/web --timeout=100s");
    user.ok(&format!("kubectl set image deployment/web sample={SAMPLE_V2}"));
    user.ok("kubectl rollout status deployment/web --timeout=100s");
    let history = user.ok("kubectl rollout history deployment/web");
    assert!(history.contains("\n1 ") && history.contains("\n2 "), "{history}");
    user.ok("kubectl rollout undo deployment/web");
    user.ok("kubectl rollout status deployment/web --timeout=100s");
    let image = user.ok("kubectl get deployment web -o jsonpath='{.spec.template.spec.containers[0].image}'");
    assert_eq!(image, SAMPLE_V1);
    user.ok("kubectl rollout pause deployment/web");
    user.ok("kubectl set env deployment/web A=b");
    user.until("kubectl get deployment web -o jsonpath='{.status.updatedReplicas}'", "");
    user.ok("kubectl rollout resume deployment/web");
    user.ok("kubectl rollout status deployment/web --timeout=100s");
    user.ok("kubectl rollout restart deployment/web");
    user.ok("kubectl rollout status deployment/web --timeout=100s");
    user.until("kubectl get pods -o name | wc -l", "3");
    assert_eq!(user.ok("kubectl get rs -o name | wc -l"), "4");
}

#[test]
fn objects_are_shown_in_every_form() {
    let user = with_web("forms", 2);
    user.ok("kubectl expose deployment/web --port=80 --target-port=8080");
    let wide = user.ok("kubectl get pods -o wide");
    assert!(wide.contains("NOMINATED NODE") && wide.contains("node-1"), "{wide}");
    assert_eq!(user.ok("kubectl get pods -l app=web -o name | wc -l"), "2");
    assert_eq!(user.ok("kubectl get pods -l app!=web -o name | wc -l"), "0");
    assert_eq!(user.ok("kubectl get pods --field-selector status.phase=Running -o name | wc -l"), "2");
    assert_eq!(user.ok("kubectl get svc web -o jsonpath='{.spec.ports[0].targetPort}'"), "8080");
    assert_eq!(user.json("kubectl get deployment web -o json")["kind"], "Deployment");
    assert!(user.ok("kubectl get deployment web -o yaml").starts_with("apiVersion: apps/v1\nkind: Deployment"));
    assert!(user.ok("kubectl get pods -A").contains(user.namespace()));
    let sorted = user.ok("kubectl get pods --sort-by=.metadata.name -o name");
    assert!(sorted.lines().is_sorted(), "{sorted}");
    let all = user.ok("kubectl get all");
    for part in ["pod/web-", "service/web", "deployment.apps/web", "replicaset.apps/web-"] {
        assert!(all.contains(part), "{part} in {all}");
    }
    let watched = user.run("timeout 2 kubectl get pods -w --no-headers").stdout;
    assert!(watched.lines().count() >= 2, "{watched}");
    assert!(user.ok("kubectl describe $(kubectl get pods -o name | head -n 1)").contains("Successfully assigned"));
    assert!(user.ok("kubectl describe deployment web").contains("MinimumReplicasAvailable"));
    assert!(user.ok("kubectl describe node node-1").contains("Allocated resources"));
    assert!(user.ok("kubectl describe service web").contains("Endpoints:"));
    assert!(user.ok("kubectl get events").contains("SuccessfulCreate"));
}

#[test]
fn every_kind_is_explained() {
    let user = user("explain");
    // kubectl takes the second word of events.events.k8s.io for a field, with any server.
    let kinds = "kubectl api-resources -o name | grep -v '^events.events.'";
    // Not `grep -q`, which leaves before kubectl has said everything.
    let explained = "kubectl explain --recursive $kind 2>&1 | awk '/^FIELDS:/ {found = 1} END {exit !found}'";
    assert_eq!(user.ok(&format!("for kind in $({kinds}); do {explained} || echo $kind; done")), "");
    let ports = user.ok("kubectl explain pods.spec.containers.ports");
    assert!(ports.contains("containerPort\t<integer> -required-"), "{ports}");
    // Version 2, which kubectl reads as protobuf only.
    let older = user.ok("kubectl explain deployment.spec.strategy -o plaintext-openapiv2");
    assert!(older.contains("rollingUpdate\t<Object>"), "{older}");
}

#[test]
fn containers_are_looked_into() {
    let user = with_web("inside", 1);
    assert_eq!(user.ok("kubectl exec deploy/web -- echo hello"), "hello");
    assert_eq!(user.ok("echo typed | kubectl exec -i deploy/web -- cat"), "typed");
    assert_eq!(user.run("kubectl exec deploy/web -- sh -c 'exit 7'").code, 7);
    let terminal = user.ok("script -qec 'kubectl exec -it deploy/web -- tty' /dev/null");
    assert!(terminal.contains("/dev/pts/"), "{terminal}");
    user.ok("head -c 100000 /dev/urandom > sent && kubectl cp sent $(kubectl get pods -o jsonpath='{.items[0].metadata.name}'):/tmp/sent");
    user.ok("kubectl exec deploy/web -- cat /tmp/sent | cmp - sent");
    user.ok("kubectl cp $(kubectl get pods -o jsonpath='{.items[0].metadata.name}'):/tmp/sent back && cmp back sent");
    let forwarded = "kubectl port-forward deploy/web 0:8080 > forward & \
        for i in $(seq 100); do grep -q Forwarding forward && break; sleep 0.1; done; \
        curl -fsS --max-time 5 http://127.0.0.1:$(sed -n 's/.*127.0.0.1:\\([0-9]*\\) .*/\\1/p' forward)/healthz; kill %1";
    assert_eq!(user.ok(forwarded), "ok");
    user.until("kubectl logs deploy/web --tail=1", "/healthz 200 OK");
}

#[test]
fn logs_are_read_from_now_and_before() {
    let user = user("logs");
    let script = "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done; exit 1";
    user.ok(&format!("kubectl run talk --image={SAMPLE_V1} -- sh -c '{script}'"));
    user.until("kubectl get pod talk -o jsonpath='{.status.containerStatuses[0].restartCount}'", "1");
    user.until("kubectl logs talk --previous --tail=1 -c talk", "line 5");
    assert_eq!(user.ok("kubectl logs talk --previous | wc -l"), "5");
    user.ok(&format!("kubectl run follow --image={SAMPLE_V1} --restart=Never -- sh -c '{script}'"));
    user.until("kubectl logs -f follow 2>/dev/null | tail -n 1", "line 5");
    assert!(user.fails("kubectl logs talk -c other").contains("container other is not valid for pod talk"));
}

#[test]
fn a_pod_is_run_attached_and_taken_away() {
    let user = user("attach");
    let line = format!("echo typed | kubectl run once --rm -i --quiet --restart=Never --image={SAMPLE_V1} -- cat");
    assert_eq!(user.ok(&line), "typed");
    assert_eq!(user.ok("kubectl get pods -o name"), "");
    let line = format!("kubectl run code --rm -i --quiet --restart=Never --image={SAMPLE_V1} -- sh -c 'exit 5'");
    assert_eq!(user.run(&line).code, 5);
    let line = format!(
        "script -qec 'kubectl run shell --rm -it --quiet --restart=Never --image={SAMPLE_V1} -- sh -c tty' /dev/null"
    );
    assert!(user.ok(&line).contains("/dev/pts/"));
}

#[test]
fn objects_are_applied_edited_and_patched() {
    let user = user("apply");
    let write = |value: &str| {
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{key: {value}}}\n");
        std::fs::write(user.home().join("c.yaml"), map).unwrap();
    };
    let value = || user.ok("kubectl get configmap c -o jsonpath='{.data.key}'");
    write("one");
    assert_eq!(user.ok("kubectl apply -f c.yaml"), "configmap/c created");
    assert_eq!(user.ok("kubectl apply -f c.yaml"), "configmap/c unchanged");
    write("two");
    assert!(user.run("kubectl diff -f c.yaml").stdout.contains("+  key: two"));
    assert_eq!(value(), "one", "diff changes nothing");
    assert_eq!(user.ok("kubectl apply -f c.yaml"), "configmap/c configured");
    write("three");
    assert!(user.fails("kubectl apply --server-side -f c.yaml --field-manager=other").contains("conflict"));
    user.ok("kubectl apply --server-side --force-conflicts -f c.yaml --field-manager=other");
    assert_eq!(value(), "three");
    for (kind, patch) in [
        ("merge", r#"{"data":{"key":"m"}}"#),
        ("strategic", r#"{"data":{"key":"s"}}"#),
        ("json", r#"[{"op":"replace","path":"/data/key","value":"j"}]"#),
    ] {
        user.ok(&format!("kubectl patch configmap c --type={kind} -p '{patch}'"));
        assert_eq!(value(), kind[..1]);
    }
    user.ok("KUBE_EDITOR=\"sed -i 's/key: j/key: edited/'\" kubectl edit configmap c");
    assert_eq!(value(), "edited");
    user.ok("kubectl get configmap c -o json | sed 's/edited/replaced/' | kubectl replace -f -");
    assert_eq!(value(), "replaced");
    user.ok("kubectl label configmap c a=b && kubectl annotate configmap c note='some text'");
    assert_eq!(
        user.ok("kubectl get configmap -l a=b -o jsonpath='{.items[0].metadata.annotations.note}'"),
        "some text"
    );
    user.ok("kubectl label configmap c a-");
    assert_eq!(
        user.ok("kubectl delete -f c.yaml"),
        format!("configmap \"c\" deleted from {} namespace", user.namespace())
    );
}

#[test]
fn deletions_follow_their_policy() {
    let user = with_web("deletion", 2);
    user.ok("kubectl delete deployment web --cascade=orphan");
    assert_eq!(user.ok("kubectl get rs -o name | wc -l"), "1");
    user.ok("kubectl delete rs --all --cascade=foreground --wait");
    assert_eq!(user.ok("kubectl get pods -o name"), "", "dependents went first");
    user.ok(&format!("kubectl run slow --image={SAMPLE_V1} -- sleep 1000 && kubectl wait --for=condition=Ready pod/slow --timeout=60s"));
    user.ok("kubectl delete pod slow --grace-period=0 --force");
    assert!(user.fails("kubectl get pod slow").contains("pods \"slow\" not found"));
    user.ok(&format!("kubectl create deployment gone --image={SAMPLE_V1} && kubectl delete deployment gone --wait"));
    user.until("kubectl get pods,rs -o name | wc -l", "0");
    user.ok(&format!(
        "kubectl create configmap c && kubectl delete namespace {} --wait --timeout=60s",
        user.namespace()
    ));
}

#[test]
fn a_node_is_drained() {
    // Other tests' Pods must not be driven away: the drain is told which Pods it is about.
    let user = with_web("drain", 1);
    user.ok("kubectl cordon node-1 && kubectl drain node-1 --pod-selector=app=web --ignore-daemonsets --force --dry-run=server");
    user.ok("kubectl uncordon node-1");
    let pod = user.ok("kubectl get pods -o jsonpath='{.items[0].metadata.name}'");
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", user.namespace());
    let body = format!(r#"{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"{pod}"}}}}"#);
    user.ok(&format!("kubectl create --raw {path} -f - <<< '{body}'"));
    user.ok(&format!("kubectl wait --for=delete pod/{pod} --timeout=60s"));
    user.ok("kubectl rollout status deployment/web --timeout=60s");
}

#[test]
fn the_api_describes_itself() {
    let user = user("describes");
    let explained = user.ok("kubectl explain deployment.spec.strategy");
    assert!(explained.contains("GROUP:      apps") && explained.contains("rollingUpdate"), "{explained}");
    let resources = user.ok("kubectl api-resources");
    for name in ["pods", "deployments", "resourceroles", "leases"] {
        assert!(resources.contains(name), "{name} in {resources}");
    }
    assert!(user.ok("kubectl api-versions").contains("kernel.kubernel.io/v1alpha1"));
    assert!(user.ok("kubectl cluster-info").contains("is running at"));
    assert!(user.ok("kubectl version").contains("Server Version: v1.36"));
    assert_eq!(user.ok("kubectl auth can-i create pods"), "yes");
    let stranger = format!("--as=system:serviceaccount:{}:default", user.namespace());
    assert_eq!(user.run(&format!("kubectl auth can-i create pods {stranger}")).stdout.trim(), "no");
    assert!(user.ok("kubectl auth whoami").contains("kubernetes-admin"));
    assert_eq!(user.ok("kubectl create token default | tr -cd . | wc -c"), "2");
    assert_eq!(user.fails("kubectl top pods"), "error: Metrics API not available");
}

#[test]
fn waiting_ends_when_it_should() {
    let user = user("waiting");
    user.ok(&format!("kubectl run web --image={SAMPLE_V1}"));
    user.ok("kubectl wait --for=condition=Ready pod/web --timeout=60s");
    user.ok("kubectl wait --for=jsonpath='{.status.phase}'=Running pod/web --timeout=5s");
    assert!(user.fails("kubectl wait --for=condition=Never pod/web --timeout=1s").contains("timed out waiting"));
    user.ok("kubectl delete pod web --wait=false && kubectl wait --for=delete pod/web --timeout=60s");
}

#[test]
fn an_old_client_speaks_spdy() {
    let user = with_web("spdy", 1);
    let output = user.run_with("v27", "echo typed | kubectl exec -i deploy/web -- sh -c 'cat; exit 4'");
    assert_eq!((output.code, output.stdout.trim()), (4, "typed"), "{output:?}");
    assert_eq!(user.run_with("v27", "kubectl logs deploy/web --tail=1").code, 0);
}
