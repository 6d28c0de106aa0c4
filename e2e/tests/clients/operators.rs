//! Operators as plain processes beside the cluster: custom resources, finalizers, status, webhooks over TLS.

use std::process::{Child, Command, Stdio};

use kubernel_e2e::{SAMPLE_V1, User, built, cluster, free_port, tools};

/// A process that ends with its test.
struct Operator(Child);

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an operator as this user, its output in `operator.log` of the user's folder.
fn start(user: &User, command: &mut Command) -> Operator {
    let log = std::fs::File::create(user.home().join("operator.log")).unwrap();
    let child = command
        .env("KUBECONFIG", user.kubeconfig())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    Operator(child)
}

#[test]
fn a_kopf_operator_runs() {
    let user = cluster().user("kopf");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/python");
    user.ok(&format!(
        "kubectl apply -f {folder}/site_crd.yaml && kubectl wait --for=condition=Established crd/sites.kopf.example.com"
    ));
    // kopf's own certificates need a library that no longer loads with OpenSSL 3.
    user.ok("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=127.0.0.1 \
             -addext subjectAltName=IP:127.0.0.1 -keyout webhook.key -out webhook.crt 2>&1");
    let _operator = start(
        &user,
        Command::new("python3")
            .current_dir(user.home())
            .args(["-m", "kopf", "run", "--standalone", "--namespace", user.namespace()])
            .arg(format!("{folder}/site_operator.py"))
            .env("PYTHONPATH", tools().join("python"))
            .env("WEBHOOK_PORT", free_port().to_string()),
    );
    // The operator writes its webhook configurations itself, once its server listens.
    let bundle =
        "kubectl get mutatingwebhookconfiguration webhooks.kopf.example.com -o jsonpath='{.webhooks[*].name}' | wc -w";
    user.until(bundle, "1");
    let site = |name: &str, spec: &str| {
        format!(
            "kubectl apply -f - <<< '{{apiVersion: kopf.example.com/v1, kind: Site, metadata: {{name: {name}}}, spec: {spec}}}'"
        )
    };

    let applied = user.run(&site("home", "{}"));
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(applied.stderr.trim(), "Warning: a Site without a title is untitled");
    user.until("kubectl get site home -o jsonpath='{.status.publish.page}'", "home-page");
    assert_eq!(user.ok("kubectl get cm home-page -o jsonpath='{.data.index\\.html}'"), "<h1>untitled</h1>");
    assert_eq!(user.ok("kubectl get st home --no-headers | awk '{print $1, $2}'"), "home untitled");

    let refusal = user.fails(&site("other", "{title: forbidden}"));
    assert!(refusal.contains("admission webhook") && refusal.contains("that title is taken"), "{refusal}");
    let refusal = user.fails(&site("other", &format!("{{title: {}}}", "x".repeat(41))));
    assert!(refusal.contains("spec.title: Too long: may not be more than 40 bytes"), "{refusal}");

    user.ok("kubectl patch site home --type=merge -p '{\"spec\":{\"title\":\"News\"}}'");
    user.until("kubectl get cm home-page -o jsonpath='{.data.index\\.html}'", "<h1>News</h1>");

    // The finalizer holds the Site until the operator has said farewell; the collector takes the page.
    user.ok("kubectl delete site home --timeout=60s");
    user.ok("kubectl get cm home-farewell");
    user.until("kubectl get cm home-page --ignore-not-found -o name", "");
    user.ok("kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration webhooks.kopf.example.com");
    user.ok("kubectl delete crd sites.kopf.example.com --timeout=60s");
}

/// The definitions of its chart hold all of a PodSpec: half a megabyte each.
#[test]
fn dask_runs_clusters() {
    let user = cluster().user("dask");
    let package = tools().join("python/dask_kubernetes/operator");
    let chart = package.join("deployment/helm/dask-kubernetes-operator");
    let chart = chart.display();
    user.ok(&format!("kubectl apply --server-side -f {chart}/crds && kubectl apply --server-side -f {chart}/crds"));
    user.ok("kubectl wait --for=condition=Established crd/daskclusters.kubernetes.dask.org crd/daskworkergroups.kubernetes.dask.org");
    let explained = user.ok("kubectl explain daskcluster.spec.worker.spec.containers.ports");
    assert!(explained.contains("containerPort\t<integer> -required-"), "{explained}");
    let _operator = start(
        &user,
        Command::new("python3")
            .args(["-m", "kopf", "run", "--standalone", "--namespace", user.namespace()])
            .args(["-m", "dask_kubernetes.operator.controller.controller"])
            .env("PYTHONPATH", tools().join("python")),
    );

    let pod = format!("{{containers: [{{name: c, image: \"{SAMPLE_V1}\", command: [sample, serve, \"8786\"]}}]}}");
    let service = "{selector: {dask.org/cluster-name: simple}, ports: [{name: tcp-comm, port: 8786}]}";
    user.ok(&format!(
        "kubectl apply -f - <<< '{{apiVersion: kubernetes.dask.org/v1, kind: DaskCluster, metadata: {{name: simple}}, \
         spec: {{scheduler: {{spec: {pod}, service: {service}}}, worker: {{replicas: 1, spec: {pod}}}}}}}'"
    ));
    // The operator looks at every group; when one goes meanwhile, as other tests' do, it tries again after a minute.
    user.ok("kubectl wait --for=jsonpath='{.status.phase}'=Running daskcluster/simple --timeout=110s");
    let workers = "kubectl get deployment -l dask.org/component=worker -o name | wc -l";
    user.until(workers, "1");
    user.ok("kubectl rollout status deployment/simple-scheduler --timeout=90s");
    user.ok("kubectl scale daskworkergroup/simple-default --replicas=2");
    user.until(workers, "2");

    user.ok("kubectl delete daskcluster simple --timeout=60s");
    user.until("kubectl get deployments,services,daskworkergroups -o name", "");
    user.ok(&format!("kubectl delete -f {chart}/crds --timeout=60s"));
}

#[test]
fn a_kube_rs_controller_runs() {
    let user = cluster().user("kube-rs");
    let _operator = start(&user, &mut Command::new(built("fleet-operator")));
    user.until("kubectl get crd fleets.fleets.example.com -o jsonpath='{.status.conditions[?(@.type==\"Established\")].status}'", "True");
    user.until("kubectl explain fleet.spec.colour | grep -c 'FIELD: colour <string>'", "1");
    let fleet = |spec: &str| {
        format!(
            "kubectl apply --server-side -f - <<< '{{apiVersion: fleets.example.com/v1, kind: Fleet, metadata: {{name: armada}}, spec: {spec}}}'"
        )
    };

    user.ok(&fleet("{size: 2, flag: red}"));
    user.until("kubectl get fleet armada --no-headers | awk '{print $1, $2, $3}'", "armada 2 2");
    assert_eq!(user.ok("kubectl get cm -l fleet=armada -o jsonpath='{.items[*].data.colour}'"), "grey grey");
    assert_eq!(
        user.ok("kubectl get fl armada -o jsonpath='{.metadata.generation} {.status.observedGeneration}'"),
        "1 1"
    );

    let refusal = user.fails(&fleet("{size: 9}"));
    assert!(
        refusal.contains("spec.size: Invalid value: 9: spec.size in body should be less than or equal to 5"),
        "{refusal}"
    );
    let refusal = user.fails(&fleet("{size: 0, flag: red}"));
    assert!(refusal.contains("only a fleet with ships has a flag"), "{refusal}");

    user.ok("kubectl scale fleet/armada --replicas=4");
    user.until("kubectl get cm -l fleet=armada -o name | wc -l", "4");
    user.ok("kubectl delete cm armada-3");
    user.until("kubectl get cm armada-3 -o jsonpath='{.data.colour}'", "grey");

    user.ok("kubectl delete fleet armada --timeout=60s");
    assert_eq!(user.ok("kubectl get cm -l fleet=armada -o name"), "");
    user.until(
        "kubectl get events.events.k8s.io --field-selector reason=Scuttled -o jsonpath='{.items[*].note}'",
        "4 ships went down",
    );
    user.ok("kubectl delete crd fleets.fleets.example.com --timeout=60s");
}
