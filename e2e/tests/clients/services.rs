//! Services: addresses, ports and names, from the node and from Pods.

use kubernel_e2e::{SAMPLE_V1, User, cluster};

fn with_service(namespace: &str) -> User {
    let user = cluster().user(namespace);
    user.ok(&format!("kubectl create deployment web --image={SAMPLE_V1} --replicas=2"));
    user.ok("kubectl rollout status deployment/web --timeout=100s");
    user.ok("kubectl expose deployment web --port=80 --target-port=8080 --type=NodePort");
    user
}

/// Runs a line of shell in a Pod of the namespace.
fn inside(user: &User, line: &str) -> String {
    user.ok(&format!("kubectl exec deploy/web -- sh -c \"{line}\""))
}

#[test]
fn a_service_answers_from_the_node_and_from_pods() {
    let user = with_service("services");
    let ip = user.ok("kubectl get service web -o jsonpath='{.spec.clusterIP}'");
    user.until(&format!("curl -fsS --max-time 3 http://{ip}/healthz"), "ok");
    let port = user.ok("kubectl get service web -o jsonpath='{.spec.ports[0].nodePort}'");
    let node = user.ok("kubectl get node node-1 -o jsonpath='{.status.addresses[0].address}'");
    user.until(&format!("curl -fsS --max-time 3 http://{node}:{port}/healthz"), "ok");
    let ask = |name: &str| format!("printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' | nc -w 3 {name} 80 | tail -n 1");
    for name in [ip.as_str(), "web", "web.services", "web.services.svc.cluster.local"] {
        assert_eq!(inside(&user, &ask(name)), "ok", "{name}");
    }
    // Both Pods get their part, a Pod that asks its own Service included.
    let hosts = user.ok(&format!(
        "for i in $(seq 30); do curl -fsS --max-time 3 http://{ip}/ | cut -d' ' -f1; done | sort -u | wc -l"
    ));
    assert_eq!(hosts, "2");
    user.ok("kubectl scale deployment web --replicas=0");
    user.until("kubectl get endpoints web -o jsonpath='{.subsets}' 2>/dev/null", "");
    user.until(&format!("curl -fsS --max-time 3 http://{ip}/healthz 2>/dev/null || echo refused"), "refused");
}

#[test]
fn names_follow_services() {
    let user = with_service("names");
    user.ok("kubectl create service externalname out --external-name example.test");
    user.ok("kubectl create service clusterip headless --clusterip=None --tcp=80:8080 && kubectl patch service headless -p '{\"spec\":{\"selector\":{\"app\":\"web\"}}}'");
    let lookup = |name: &str| format!("nslookup {name} | sed -n '/^Name/,$ s/^Address: //p' | sort | xargs");
    let ip = user.ok("kubectl get service web -o jsonpath='{.spec.clusterIP}'");
    assert_eq!(inside(&user, &lookup("web.names.svc.cluster.local")), ip);
    let pods = user
        .ok("kubectl get pods -l app=web -o jsonpath='{range .items[*]}{.status.podIP}{\"\\n\"}{end}' | sort | xargs");
    user.until(&format!("kubectl exec deploy/web -- sh -c \"{}\"", lookup("headless.names.svc.cluster.local")), &pods);
    assert_eq!(
        inside(&user, &lookup("kubernetes.default.svc.cluster.local")),
        user.ok("kubectl get svc kubernetes -n default -o jsonpath='{.spec.clusterIP}'")
    );
    assert!(user.run("kubectl exec deploy/web -- nslookup none.names.svc.cluster.local").stdout.contains("NXDOMAIN"));
}
