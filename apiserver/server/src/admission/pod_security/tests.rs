//! The texts of violations, row by row.

use kubernel_meta::Object;
use serde_json::{Value, json};

use super::pod::Pod;
use super::policy::{Policy, Standard};
use super::standard::details;

/// A Pod that violates nothing, with this merged into it.
fn pod(change: Value) -> Value {
    let mut pod = json!({
        "metadata": {"name": "p"},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "c",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    });
    merge(&mut pod, change);
    pod
}

fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(change)) if into.len() == change.len() => {
            into.iter_mut().zip(change).for_each(|(into, change)| merge(into, change));
        }
        (into, change) => *into = change,
    }
}

fn standard(enforce: &str) -> Standard {
    let (level, version) = enforce.split_once(':').unwrap_or((enforce, "latest"));
    let labels = json!({
        "pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/enforce-version": version,
    });
    let namespace = Object::from_value(json!({"metadata": {"name": "n", "labels": labels}})).unwrap();
    let (policy, wrong) = Policy::parse(&namespace);
    assert_eq!(wrong, []);
    policy.enforce
}

fn check(enforce: &str, change: Value, wanted: &str) {
    let pod = pod(change.clone());
    let violations = standard(enforce).violations(&Pod::new(pod.as_object().unwrap()));
    assert_eq!(details(&violations), wanted, "{enforce} {change}");
}

fn container(security: Value) -> Value {
    json!({"spec": {"containers": [{"securityContext": security}]}})
}

fn spec(spec: Value) -> Value {
    json!({ "spec": spec })
}

#[test]
fn a_careful_pod_violates_nothing() {
    for enforce in ["privileged", "baseline", "restricted", "restricted:v1.0", "restricted:v1.24", "restricted:v1.99"] {
        check(enforce, json!({}), "");
    }
}

#[test]
fn baseline() {
    let rows = [
        (spec(json!({"hostNetwork": true, "hostPID": true})), "host namespaces (hostNetwork=true, hostPID=true)"),
        (
            container(json!({"privileged": true})),
            "privileged (container \"c\" must not set securityContext.privileged=true)",
        ),
        (
            container(json!({"capabilities": {"add": ["SYS_ADMIN", "CHOWN", "NET_RAW"]}})),
            "non-default capabilities (container \"c\" must not include \"NET_RAW\", \"SYS_ADMIN\" in \
             securityContext.capabilities.add)",
        ),
        (
            spec(json!({"volumes": [{"name": "a", "hostPath": {"path": "/"}}, {"name": "b", "emptyDir": {}}]})),
            "hostPath volumes (volume \"a\")",
        ),
        (
            spec(json!({"containers": [{"ports": [{"hostPort": 80}, {"hostPort": 443}, {"hostPort": 0}]}]})),
            "hostPort (container \"c\" uses hostPorts 443, 80)",
        ),
        (
            spec(json!({"containers": [{"livenessProbe": {"httpGet": {"host": "10.0.0.1"}},
                "lifecycle": {"preStop": {"tcpSocket": {"host": "x"}}}}]})),
            "probe or lifecycle host (container \"c\" uses probe or lifecycle hosts \"10.0.0.1\", \"x\")",
        ),
        (
            container(json!({"procMount": "Unmasked"})),
            "procMount (container \"c\" must not set securityContext.procMount to \"Unmasked\")",
        ),
        (
            spec(json!({"securityContext": {"seLinuxOptions": {"type": "spc_t"}},
                "containers": [{"securityContext": {"seLinuxOptions": {"user": "u"}}}]})),
            "seLinuxOptions (pod and container \"c\" set forbidden securityContext.seLinuxOptions: type \"spc_t\"; user \
             may not be set)",
        ),
        (
            container(json!({"seccompProfile": {"type": "Unconfined"}})),
            "seccompProfile (container \"c\" must not set securityContext.seccompProfile.type to \"Unconfined\")",
        ),
        (
            spec(
                json!({"securityContext": {"sysctls": [{"name": "net.core.somaxconn"}, {"name": "net.ipv4.tcp_rmem"}]}}),
            ),
            "forbidden sysctls (net.core.somaxconn)",
        ),
        (
            spec(json!({"securityContext": {"windowsOptions": {"hostProcess": true}}})),
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            json!({"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}},
                "spec": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}}),
            "forbidden AppArmor profiles (pod and annotation must not set AppArmor profile type to \"Unconfined\", \
             \"container.apparmor.security.beta.kubernetes.io/c=\"unconfined\"\")",
        ),
        (
            spec(json!({"hostIPC": true, "containers": [{"securityContext": {"privileged": true}}]})),
            "host namespaces (hostIPC=true), privileged (container \"c\" must not set securityContext.privileged=true)",
        ),
    ];
    for (change, wanted) in rows {
        check("privileged", change.clone(), "");
        check("baseline", change, wanted);
    }
}

#[test]
fn restricted() {
    let bare = json!({"spec": {"securityContext": null, "containers": [{"securityContext": null}]}});
    let all = "allowPrivilegeEscalation != false (container \"c\" must set \
               securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \"c\" must set \
               securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod or container \"c\" must set \
               securityContext.runAsNonRoot=true), seccompProfile (pod or container \"c\" must set \
               securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")";
    let rows = [
        (bare, all),
        (
            spec(
                json!({"volumes": [{"name": "a", "hostPath": {}}, {"name": "b", "nfs": {}}, {"name": "d", "csi": {}}]}),
            ),
            "restricted volume types (volumes \"a\", \"b\" use restricted volume types \"hostPath\", \"nfs\")",
        ),
        (
            container(json!({"runAsNonRoot": false})),
            "runAsNonRoot != true (container \"c\" must not set securityContext.runAsNonRoot=false)",
        ),
        (
            spec(json!({"securityContext": {"runAsUser": 0}, "containers": [{"securityContext": {"runAsUser": 0}}]})),
            "runAsUser=0 (pod and container \"c\" must not set runAsUser=0)",
        ),
        (
            container(json!({"capabilities": {"drop": [], "add": ["CHOWN", "NET_BIND_SERVICE"]}})),
            "unrestricted capabilities (container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]; container \
             \"c\" must not include \"CHOWN\" in securityContext.capabilities.add)",
        ),
    ];
    for (change, wanted) in rows {
        check("restricted", change, wanted);
    }
}

#[test]
fn versions_know_what_their_release_knew() {
    let probe = spec(json!({"containers": [{"livenessProbe": {"httpGet": {"host": "h"}}}]}));
    check("baseline:v1.33", probe.clone(), "");
    check("baseline:v1.34", probe, "probe or lifecycle host (container \"c\" uses probe or lifecycle host \"h\")");
    let windows = json!({"spec": {"os": {"name": "windows"}, "containers": [{"securityContext": null}]}});
    check("restricted:v1.25", windows, "");
    let escalating = container(json!({"allowPrivilegeEscalation": true}));
    check("restricted:v1.7", escalating, "");
    let users = spec(json!({"hostUsers": false, "securityContext": {"runAsUser": 0, "runAsNonRoot": null}}));
    check("restricted:latest", users.clone(), "");
    check(
        "restricted:v1.34",
        users,
        "runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true), runAsUser=0 (pod must \
         not set runAsUser=0)",
    );
    let unmasked =
        json!({"spec": {"hostUsers": false, "containers": [{"securityContext": {"procMount": "Unmasked"}}]}});
    check("baseline", unmasked.clone(), "");
    check("restricted", unmasked, "procMount (container \"c\" must not set securityContext.procMount to \"Unmasked\")");
    let sysctl = spec(json!({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_wmem"}]}}));
    check("baseline:v1.31", sysctl.clone(), "forbidden sysctls (net.ipv4.tcp_wmem)");
    check("baseline:v1.32", sysctl, "");
    let annotated = json!({"metadata": {"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}}});
    check(
        "baseline:v1.18",
        annotated.clone(),
        "seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod=\"unconfined\")",
    );
    check("baseline:v1.19", annotated, "");
}

#[test]
fn wrong_labels_are_told() {
    let labels = json!({
        "pod-security.kubernetes.io/enforce": "strict",
        "pod-security.kubernetes.io/audit-version": "v1.02",
        "pod-security.kubernetes.io/warn": "",
    });
    let namespace = Object::from_value(json!({"metadata": {"name": "n", "labels": labels}})).unwrap();
    let texts: Vec<String> = Policy::parse(&namespace).1.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must be one of privileged, \
             baseline, restricted",
            "metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: \"v1.02\": must be \"latest\" or \
             \"v1.x\"",
            "metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: \"\": must be one of privileged, baseline, \
             restricted",
        ]
    );
    assert_eq!(Policy::parse(&namespace).0.enforce.to_string(), "restricted:latest");
}
