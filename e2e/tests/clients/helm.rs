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
