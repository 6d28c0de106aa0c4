//! Helm 4 and Helm 3, unmodified, with the chart that `helm create` makes.

use kubernel_e2e::{User, cluster};

/// The chart's Pods run our image, and its test asks with what that image has.
const PREPARE: &str = r#"
helm create demo >/dev/null
sed -i 's|image: busybox|image: kubernel.local/sample:v1|; s|\[.wget.\]|["sh", "-c"]|' demo/templates/tests/test-connection.yaml
sed -i "s|args:.*|args: [\"printf 'GET / HTTP/1.0\\\\r\\\\n\\\\r\\\\n' \| nc {{ include \\\"demo.fullname\\\" . }} {{ .Values.service.port }} \| grep -q 200\"]|" demo/templates/tests/test-connection.yaml
cat > values.yaml <<'END'
image: {repository: kubernel.local/sample, tag: v1}
service: {port: 8080}
END
"#;

/// A chart that brings its own kind: the definition in `crds/`, an object of it among the templates.
const OWN_KIND: &str = r#"
mkdir -p own/crds own/templates
cat > own/Chart.yaml <<'END'
{apiVersion: v2, name: own, version: 0.1.0}
END
cat > own/crds/tab.yaml <<'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tabs.LEVEL.example.com}
spec:
  group: LEVEL.example.com
  scope: Namespaced
  names: {plural: tabs, kind: Tab}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Replicas, type: integer, jsonPath: .spec.replicas}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {replicas: {type: integer, description: How many there shall be.}}}
END
cat > own/templates/tab.yaml <<'END'
apiVersion: LEVEL.example.com/v1
kind: Tab
metadata: {name: mine}
spec: {replicas: {{ .Values.replicas | int }}}
END
"#;

/// Installs, upgrades and uninstalls it; the kind stays, as Helm leaves definitions alone.
fn check_own_kind(user: &User, level: &str) {
    let ok = |line: &str| {
        let output = user.run_with(level, line);
        assert_eq!(output.code, 0, "{level}: {line}\n{}{}", output.stdout, output.stderr);
        output.stdout.trim_end().to_owned()
    };
    ok(&OWN_KIND.replace("LEVEL", level));
    ok("helm install own own --set replicas=2");
    let tabs = format!("kubectl get tabs.{level}.example.com");
    assert_eq!(ok(&format!("{tabs} --no-headers")), "mine   2");
    ok("helm upgrade own own --set replicas=3");
    assert_eq!(ok(&format!("{tabs} --no-headers")), "mine   3");
    let explained = ok(&format!("kubectl explain tabs.spec.replicas --api-version={level}.example.com/v1"));
    assert!(explained.contains("How many there shall be."), "{explained}");
    ok("helm uninstall own --wait --timeout 90s");
    assert_eq!(ok(&format!("{tabs} -o name")), "");
}

fn check(user: &User, level: &str) {
    let ok = |line: &str| {
        let output = user.run_with(level, line);
        assert_eq!(output.code, 0, "{level}: {line}\n{}{}", output.stdout, output.stderr);
        output.stdout
    };
    ok(PREPARE);
    ok("helm install demo demo -f values.yaml --dry-run=server");
    ok("helm install demo demo -f values.yaml --wait --timeout 90s");
    assert!(ok("helm list").contains("deployed"));
    ok("helm upgrade demo demo -f values.yaml --set replicaCount=2,image.tag=v2 --wait --timeout 90s");
    assert_eq!(ok("kubectl get deployment demo -o jsonpath='{.status.readyReplicas}'"), "2");
    let history = ok("helm history demo");
    assert!(history.contains("superseded") && history.contains("Upgrade complete"), "{history}");
    ok("helm rollback demo 1 --wait --timeout 90s");
    assert_eq!(
        ok("kubectl get deployment demo -o jsonpath='{.spec.template.spec.containers[0].image}'"),
        "kubernel.local/sample:v1"
    );
    assert!(ok("helm test demo --timeout 90s").contains("Succeeded"));
    ok("helm uninstall demo --wait --timeout 90s");
    assert_eq!(ok("helm list -q"), "");
    user.until("kubectl get deployments,services,replicasets -l app.kubernetes.io/instance=demo -o name | wc -l", "0");
}

#[test]
fn helm_4_installs_upgrades_rolls_back_tests_and_uninstalls() {
    check(&cluster().user("helm4"), "v36");
}

#[test]
fn helm_3_installs_upgrades_rolls_back_tests_and_uninstalls() {
    check(&cluster().user("helm3"), "v32");
}

#[test]
fn helm_4_installs_a_chart_with_a_kind_of_its_own() {
    check_own_kind(&cluster().user("helm4crd"), "v36");
}

#[test]
fn helm_3_installs_a_chart_with_a_kind_of_its_own() {
    check_own_kind(&cluster().user("helm3crd"), "v32");
}

/// What we ship installs into a cluster, and refuses what cannot work.
fn check_agents(user: &User, level: &str) {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/kubernel-agent");
    let token = format!("abcdef.0123456789abcdef@sha256:{}", "0".repeat(64));
    let good = format!("--set server.url=https://10.0.0.1:6443,image.repository=kubernel,server.token={token}");
    let ok = |line: &str| {
        let output = user.run_with(level, line);
        assert_eq!(output.code, 0, "{level}: {line}\n{}{}", output.stdout, output.stderr);
        output.stdout.trim_end().to_owned()
    };
    ok(&format!("helm lint --strict {chart} {good}"));
    for (bad, wanted) in [
        ("--set image.repository=kubernel", "server.token (or server.existingSecret) is needed"),
        ("--set image.repository=kubernel,server.existingSecret=mine", "server.url is needed"),
        ("--set server.token=guess", "server"),
        (&*format!("{good},containerd=relative"), "containerd"),
        (&*format!("{good},containerd=/run/second/containerd.sock"), "network.serviceCIDR is needed"),
        (&*format!("{good},kubeletPort=10250"), "kubeletPort"),
        (&*format!("{good},kubeletport=10270"), "kubeletport"),
    ] {
        let output = user.run_with(level, &format!("helm template agents {chart} {bad}"));
        assert!(output.code != 0 && output.stderr.contains(wanted), "{level}: {bad}: {}", output.stderr);
    }
    let containers =
        "containerd=/run/second/containerd.sock,network.serviceCIDR=10.112.0.0/16,network.podCIDR=10.245.0.0/24";
    let install = format!("helm install agents {chart} {good},{containers},kubeletPort=10777");
    ok(&format!("{install} --dry-run=server"));
    assert_eq!(ok("helm list -q"), "");
    ok(&install);
    let arguments = "kubectl get ds agents-kubernel-agent -o jsonpath=";
    let path = "'{.spec.template.spec.containers[0].env[?(@.name==\"KUBERNEL_KUBELET_PORT\")].value}'";
    assert_eq!(ok(&format!("{arguments}{path}")), "10777");
    let command = ok(&format!("{arguments}'{{.spec.template.spec.containers[0].command}}'"));
    assert_eq!(command, r#"["kubernel","agent"]"#);
    let folder = "'{.spec.template.spec.volumes[?(@.name==\"containerd\")].hostPath.path}'";
    assert_eq!(ok(&format!("{arguments}{folder}")), "/run/second");
    assert_eq!(ok("kubectl get secret agents-kubernel-agent -o jsonpath='{.data.token}' | base64 -d"), token);
    ok(&format!("helm upgrade agents {chart} {good},containerd=none"));
    assert_eq!(ok(&format!("{arguments}'{{.spec.template.spec.volumes[?(@.name==\"containerd\")]}}'")), "");
    ok("helm uninstall agents");
}

#[test]
fn our_chart_installs_agents() {
    for (level, namespace) in [("v36", "agents4"), ("v32", "agents3")] {
        check_agents(&cluster().user(namespace), level);
    }
}
