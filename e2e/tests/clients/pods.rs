//! What Pods are promised: their life, their files, their environment, their way to the API.

use kubernel_e2e::{SAMPLE_V1, User, cluster};

/// A Pod `p` of our image with this in its spec, besides a container `c` with this in it; YAML flow maps.
fn pod(user: &User, spec: &str, container: &str) {
    let spec = if spec.is_empty() { String::new() } else { format!("{spec}, ") };
    let yaml = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, labels: {{app: p}}, annotations: {{note: hello}}}}\n\
         spec: {{{spec}containers: [{{name: c, image: {SAMPLE_V1}, {container}}}]}}\n"
    );
    std::fs::write(user.home().join("pod.yaml"), yaml).unwrap();
    user.ok("kubectl apply -f pod.yaml");
}

fn logs(user: &User) -> String {
    user.ok("kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/p --timeout=60s >&2 || kubectl describe pod p >&2; kubectl logs p -c c")
}

fn state(user: &User, path: &str, wanted: &str) {
    user.until(&format!("kubectl get pod p -o jsonpath='{{.status.{path}}}'"), wanted);
}

#[test]
fn init_containers_run_in_order_before_the_rest() {
    let user = cluster().user("init");
    let init = |name: &str| {
        format!(
            "{{name: {name}, image: {SAMPLE_V1}, command: [sh, -c, 'echo {name} >> /shared/order'], volumeMounts: [{{name: shared, mountPath: /shared}}]}}"
        )
    };
    let spec = format!(
        "restartPolicy: Never, volumes: [{{name: shared, emptyDir: {{}}}}], initContainers: [{}, {}]",
        init("one"),
        init("two")
    );
    pod(&user, &spec, "command: [cat, /shared/order], volumeMounts: [{name: shared, mountPath: /shared}]");
    assert_eq!(logs(&user), "one\ntwo");
}

#[test]
fn the_environment_comes_from_everywhere() {
    let user = cluster().user("environment");
    user.ok("kubectl create configmap settings --from-literal=COLOR=blue && kubectl create secret generic keys --from-literal=key=s3cret");
    let field = |name: &str, path: &str| format!("{{name: {name}, valueFrom: {{fieldRef: {{fieldPath: {path}}}}}}}");
    let container = format!(
        "command: [sh, -c, 'echo $COLOR $KEY $NAME $SPACE $NOTE $CPU $BOTH; env | grep -c KUBERNETES_SERVICE_HOST'], \
         resources: {{limits: {{cpu: 250m}}}}, envFrom: [{{configMapRef: {{name: settings}}}}], env: [\
         {{name: KEY, valueFrom: {{secretKeyRef: {{name: keys, key: key}}}}}}, {}, {}, {}, \
         {{name: CPU, valueFrom: {{resourceFieldRef: {{resource: limits.cpu, divisor: 1m}}}}}}, {{name: BOTH, value: $(COLOR)-$(NAME)}}]",
        field("NAME", "metadata.name"),
        field("SPACE", "metadata.namespace"),
        field("NOTE", "\"metadata.annotations['note']\""),
    );
    pod(&user, "restartPolicy: Never", &container);
    assert_eq!(logs(&user), "blue s3cret p environment hello 250 blue-p\n1");
}

#[test]
fn volumes_hold_what_they_are_made_of() {
    let user = cluster().user("volumes");
    user.ok(
        "kubectl create configmap files --from-literal=a=1 && kubectl create secret generic keys --from-literal=k=2",
    );
    let host = user.home().join("host");
    std::fs::create_dir_all(&host).unwrap();
    std::fs::write(host.join("from-host"), "4").unwrap();
    let spec = format!(
        "restartPolicy: Never, volumes: [{{name: map, configMap: {{name: files}}}}, {{name: key, secret: {{secretName: keys, defaultMode: 256}}}}, \
         {{name: info, downwardAPI: {{items: [{{path: labels, fieldRef: {{fieldPath: metadata.labels}}}}]}}}}, \
         {{name: all, projected: {{sources: [{{configMap: {{name: files}}}}, {{secret: {{name: keys}}}}]}}}}, {{name: host, hostPath: {{path: {}}}}}]",
        host.display()
    );
    let container = "command: [sh, -c, 'cat /map/a /key/k; stat -Lc %a /key/k; cat /info/labels; echo; ls /all; cat /host/from-host'], \
         volumeMounts: [{name: map, mountPath: /map}, {name: key, mountPath: /key}, {name: info, mountPath: /info}, {name: all, mountPath: /all}, {name: host, mountPath: /host}]";
    pod(&user, &spec, container);
    assert_eq!(logs(&user), "12400\napp=\"p\"\na\nk\n4");
}

#[test]
fn a_failing_container_backs_off_and_says_why() {
    let user = cluster().user("backoff");
    pod(&user, "", "command: [sh, -c, 'echo because >/dev/termination-log; exit 3']");
    state(&user, "containerStatuses[0].state.waiting.reason", "CrashLoopBackOff");
    state(&user, "containerStatuses[0].lastState.terminated.exitCode", "3");
    assert_eq!(
        user.ok("kubectl get pod p -o jsonpath='{.status.containerStatuses[0].lastState.terminated.message}'"),
        "because"
    );
    assert!(user.ok("kubectl get pods").contains("CrashLoopBackOff"));
    user.until("kubectl get events --field-selector reason=BackOff -o name | wc -l | sed 's/[1-9].*/some/'", "some");
}

#[test]
fn memory_beyond_the_limit_is_an_oom_kill() {
    let user = cluster().user("oom");
    let container = "command: [sh, -c, 'x=$(head -c 100m /dev/zero | tr \"\\0\" a); echo done'], resources: {limits: {memory: 20Mi}}";
    pod(&user, "restartPolicy: Never", container);
    state(&user, "containerStatuses[0].state.terminated.reason", "OOMKilled");
    state(&user, "phase", "Failed");
}

#[test]
fn probes_decide_over_readiness_and_life() {
    let user = cluster().user("probes");
    let exec = |kind: &str, file: &str| {
        format!("{kind}: {{exec: {{command: [cat, {file}]}}, periodSeconds: 1, failureThreshold: 1}}")
    };
    let container = format!(
        "command: [sh, -c, 'touch /tmp/alive; sleep 3600'], {}, {}",
        exec("readinessProbe", "/tmp/ready"),
        exec("livenessProbe", "/tmp/alive")
    );
    pod(&user, "terminationGracePeriodSeconds: 1", &container);
    state(&user, "phase", "Running");
    state(&user, "containerStatuses[0].ready", "false");
    user.ok("kubectl exec p -- touch /tmp/ready && kubectl wait --for=condition=Ready pod/p --timeout=30s");
    user.ok("kubectl exec p -- rm /tmp/ready && kubectl wait --for=condition=Ready=false pod/p --timeout=30s");
    user.ok("kubectl exec p -- rm /tmp/alive");
    state(&user, "containerStatuses[0].restartCount", "1");
    let http = "args: [serve], command: [/bin/sample], ports: [{containerPort: 8080}], readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}, livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}";
    user.ok("kubectl delete pod p");
    pod(&user, "", http);
    user.ok("kubectl wait --for=condition=Ready pod/p --timeout=30s");
}

#[test]
fn a_pod_ends_gracefully() {
    let user = cluster().user("graceful");
    let script = "trap \"echo told; exit 0\" TERM; echo up; while true; do sleep 0.1; done";
    pod(
        &user,
        "",
        &format!(
            "command: [sh, -c, '{script}'], lifecycle: {{preStop: {{exec: {{command: [sh, -c, 'echo stopping > /proc/1/fd/1']}}}}}}"
        ),
    );
    user.until("kubectl logs p", "up");
    user.ok("kubectl logs -f p > tail & sleep 1; kubectl delete pod p --wait --timeout=60s; wait; grep -q stopping tail && grep -q told tail");
}

#[test]
fn images_are_pulled_from_a_registry() {
    let user = cluster().user("registry");
    let socket = cluster().folder().join("containerd/containerd.sock");
    let script = format!(
        r#"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p registry
printf 'version: 0.1\nstorage: {{filesystem: {{rootdirectory: %s/registry}}}}\nhttp: {{addr: "127.0.0.1:%s"}}\n' "$PWD" $port > registry.yaml
setsid docker-registry serve registry.yaml > registry.log 2>&1 & echo $! > registry.pid
for i in $(seq 100); do curl -fs http://127.0.0.1:$port/v2/ > /dev/null && break; sleep 0.1; done
ctr="ctr -a {} -n k8s.io images"
$ctr tag {SAMPLE_V1} 127.0.0.1:$port/team/app:v1 > /dev/null
$ctr push --plain-http 127.0.0.1:$port/team/app:v1 > push.log 2>&1 || cat push.log
$ctr rm 127.0.0.1:$port/team/app:v1 > /dev/null
echo $port"#,
        socket.display()
    );
    let port = user.ok(&script);
    user.ok(&format!("kubectl run pulled --image=127.0.0.1:{port}/team/app:v1 --image-pull-policy=Always"));
    user.ok("kubectl wait --for=condition=Ready pod/pulled --timeout=60s");
    assert!(user.ok("kubectl describe pod pulled").contains("Successfully pulled image"));
    user.ok(&format!("kubectl run missing --image=127.0.0.1:{port}/team/none:v1"));
    let reason = "kubectl get pod missing -o jsonpath='{.status.containerStatuses[0].state.waiting.reason}'";
    user.until(reason, "ImagePullBackOff");
    user.ok(&format!("kubectl run never --image=127.0.0.1:{port}/team/none:v1 --image-pull-policy=Never"));
    user.until(&reason.replace("missing", "never"), "ErrImageNeverPull");
    user.ok("kill $(cat registry.pid)");
}

#[test]
fn a_pod_reaches_the_api_with_its_token_and_no_further() {
    let user = cluster().user("in-cluster");
    let kubectl = user.ok("dirname $(command -v kubectl)");
    let spec = format!("restartPolicy: Never, volumes: [{{name: bin, hostPath: {{path: {kubectl}}}}}]");
    let container = "command: [sh, -c, '/k/kubectl auth whoami -o jsonpath={.status.userInfo.username}; echo; /k/kubectl get pods -o name; /k/kubectl get secrets 2>&1'], \
         volumeMounts: [{name: bin, mountPath: /k}]";
    user.ok("kubectl create role reader --verb=get,list --resource=pods && kubectl create rolebinding reader --role=reader --serviceaccount=in-cluster:default");
    pod(&user, &spec, container);
    user.until("kubectl get pod p -o jsonpath='{.status.phase}' | sed 's/Succeeded/ended/; s/Failed/ended/'", "ended");
    let text = user.ok("kubectl logs p");
    assert_eq!(
        text,
        "system:serviceaccount:in-cluster:default\npod/p\nError from server (Forbidden): secrets is forbidden: User \
         \"system:serviceaccount:in-cluster:default\" cannot list resource \"secrets\" in API group \"\" in the namespace \"in-cluster\""
    );
}

#[test]
fn pods_that_fit_nowhere_say_why() {
    let user = cluster().user("unschedulable");
    pod(&user, "nodeSelector: {disk: ssd}", "resources: {requests: {cpu: 1000}}");
    let message = "kubectl get pod p -o jsonpath='{.status.conditions[?(@.type==\"PodScheduled\")].reason}'";
    user.until(message, "Unschedulable");
    assert!(
        user.ok("kubectl describe pod p")
            .contains("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.")
    );
    user.ok("kubectl label node node-1 disk=ssd");
    let message =
        "kubectl get pod p -o jsonpath='{.status.conditions[?(@.type==\"PodScheduled\")].message}' | cut -d. -f1";
    user.until(message, "0/1 nodes are available: 1 Insufficient cpu");
    user.ok("kubectl label node node-1 disk-");
}
