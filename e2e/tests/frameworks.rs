//! Mesos frameworks and tools that others wrote, unchanged; their tasks are Pods.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::process::Command;
use std::sync::OnceLock;

use kubernel_e2e::{Cluster, SCRIPTS, Settings, finish, start, tools};

/// The cluster that the tests here share.
fn cluster() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| {
        let cluster = Cluster::new(Settings { name: "mesos", octet: 103 });
        cluster.start();
        cluster.import_images();
        cluster
    })
}

#[test]
fn examples_of_two_libraries_run_their_tasks() {
    let cluster = cluster();
    let url = format!("http://{}", cluster.mesos());
    for package in ["avmesos", "mesoshttp"] {
        let script = format!("{SCRIPTS}/mesos_tasks.py");
        let mut command = Command::new("timeout");
        command.arg("100").arg(tools().join("frameworks/bin/python")).args([&script, package, &url]);
        command.args(["echo out; test -d $MESOS_SANDBOX", "exit 3", "sleep 0.1"]);
        let output = finish(start(&mut command));
        assert_eq!(output.code, 0, "{output:?}");
        let says = |line: &str| output.stdout.lines().any(|found| found == line);
        assert!(says(&format!("{package}-0 TASK_FINISHED Command exited with status 0")), "{}", output.stdout);
        assert!(says(&format!("{package}-1 TASK_FAILED Command exited with status 3")), "{}", output.stdout);
        assert!(output.stdout.contains(&format!("{package}-2 TASK_RUNNING")), "{}", output.stdout);
    }
}

#[test]
fn a_task_is_a_pod() {
    let cluster = cluster();
    let admin = cluster.admin();
    let url = format!("http://{}", cluster.mesos());
    let script = format!("{SCRIPTS}/mesos_tasks.py");
    let mut command = Command::new("timeout");
    command.arg("100").arg(tools().join("frameworks/bin/python")).args([&script, "avmesos=pod", &url]);
    let framework = start(command.arg("echo hello; exec sleep 1000"));
    let pod = "kubectl get pods -A -l mesos.kernel.kubernel.io/task=pod-0 --field-selector=status.phase=Running \
               -o jsonpath='{.items[*].metadata.name}'";
    admin.run(&format!("until [ -n \"$({pod})\" ]; do sleep 0.2; done"));
    let name = admin.ok(pod);
    assert_eq!(admin.ok(&format!("kubectl logs {name}")), "hello");
    assert_eq!(admin.ok(&format!("kubectl exec {name} -- echo in")), "in");
    let described = admin.ok(&format!("kubectl describe pod {name}"));
    assert!(described.contains("Controlled By:  Framework/"), "{described}");
    let listed = admin.ok("kubectl get frameworks --no-headers");
    assert!(listed.contains("true"), "{listed}");
    // Mesos' own command line looks into it with a token of the cluster.
    admin.ok("kubectl create serviceaccount looks -n default");
    admin.ok("kubectl create clusterrolebinding looks --clusterrole=cluster-admin --serviceaccount=default:looks");
    admin.ok(&format!(
        "printf '[master]\\naddress = \"{}\"\\n[agent]\\nprincipal = \"me\"\\nsecret = \"%s\"\\n' \
         \"$(kubectl create token looks -n default)\" > exec.toml",
        cluster.mesos()
    ));
    // The framework hears later than the Pod runs.
    let running = "grep -q '\"state\":\"TASK_RUNNING\"'";
    admin.run(&format!("until curl -s '{url}/tasks?task_id=pod-0' | {running}; do sleep 0.2; done"));
    let exec = |words: &str| {
        admin.run(&format!(
            "export MESOS_CLI_CONFIG=$PWD/exec.toml PYTHONPATH=$TOOLS/mesos-cli; \
             echo typed | python3 {SCRIPTS}/mesos_cli.py {} task exec {words}",
            cluster.mesos_agent()
        ))
    };
    let said = exec("pod-0 echo in");
    assert_eq!(said.stdout.trim(), "in", "{said:?}");
    let said = exec("-i pod-0 cat");
    assert_eq!(said.stdout.trim(), "typed", "{said:?}");
    let said = exec("pod-0 false");
    assert_eq!(said.code, 1, "{said:?}");
    // Deleting the Pod is killing the task.
    admin.ok(&format!("kubectl delete pod {name} --wait=false"));
    let output = finish(framework);
    assert!(output.stdout.contains("pod-0 TASK_KILLED"), "{output:?}");
}

#[test]
fn the_operators_command_line_lists_everything() {
    let cluster = cluster();
    let admin = cluster.admin();
    admin.ok(&format!(
        "mkdir -p .mesos && printf '[master]\\n  address = \"{}\"\\n' > .mesos/config.toml",
        cluster.mesos()
    ));
    let cli = "PYTHONPATH=$TOOLS/mesos-cli python3 -m avmesos.cli.mesos-cli";
    let agents = admin.ok(&format!("{cli} agent list"));
    assert!(agents.contains("node-1"), "{agents}");
    admin.ok(&format!("{cli} framework list"));
    admin.ok(&format!("{cli} task list -a"));
}

#[test]
fn a_volume_outlives_its_tasks_until_it_is_destroyed() {
    let cluster = cluster();
    let (admin, url) = (cluster.user("db"), format!("http://{}", cluster.mesos()));
    let step = |step: &str, command: &str| {
        let script = format!("{SCRIPTS}/mesos_volume.py");
        let output = finish(start(Command::new("timeout").args(["100", "python3", &script, &url, step, command])));
        assert!(output.stdout.contains("TASK_FINISHED"), "{step}: {output:?}");
    };
    let volumes = "kubectl get reservations -o jsonpath='{.items[*].spec.volumes[*].id}'";
    step("create", "echo hello > data/file");
    assert_eq!(admin.ok(volumes), "kept");
    step("use", "test \"$(cat data/file)\" = hello");
    step("destroy", "true");
    assert_eq!(admin.ok(volumes), "");
    step("create", "test ! -e data/file");
    step("destroy", "true");
}
