//! Tasks and executors as Pods. Pure.
//!
//! A task with a command is a Pod that any kubelet can run; a group is one Pod with a container for each task; a task of an
//! executor is a Pod that stands for it and is run by nobody ([`kubernel_meta::mesos::RUNS_IN`]); an executor is a Pod of the
//! runtime class `process`, started by the node as Mesos' agent would.

use std::collections::BTreeMap;

use kubernel_mesos_proto::{
    Message,
    v1::{
        CheckInfo, CheckType, CommandInfo, ContainerInfo, ContainerType, DockerNetwork, ExecutorInfo, HealthCheck,
        HealthCheckType, HttpHealthCheck, Resource, Scalar, TaskInfo, TcpHealthCheck, VariableType,
    },
};
use kubernel_meta::mesos;
use serde_json::{Map, Value, json};

use crate::reservations::Uids;
use crate::{names, volumes};

/// How long a task may take to end where it does not say (Mesos' command executor).
const GRACE_SECS: i64 = 3;
/// The longest description of tasks in an annotation; all annotations together may have 256 KiB.
const INFO_BYTES_MAX: usize = 200 << 10;
/// The most data of an executor that are kept with it.
const DATA_BYTES_MAX: usize = 100 << 10;
/// The container of a task that is alone in its Pod.
pub(crate) const CONTAINER: &str = "task";

/// Whose Pod it is and where.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    /// The framework's identifier.
    pub(crate) framework: &'a str,
    /// The uid of its Framework object.
    pub(crate) owner: &'a str,
    /// The namespace of the role.
    pub(crate) namespace: &'a str,
    /// The role.
    pub(crate) role: &'a str,
    /// The node.
    pub(crate) agent: &'a str,
    /// Who runs what names nobody.
    pub(crate) user: &'a str,
    /// The persistent volumes of the node.
    pub(crate) volumes: &'a Uids,
}

/// The Pod of a task with a command.
///
/// # Errors
///
/// If it is too large to be an object.
pub(crate) fn of_task(place: &Place<'_>, task: &TaskInfo) -> Result<Value, String> {
    let id = task.task_id.value.as_str();
    check_uris(task)?;
    let mut pod = bare(place, &names::pod(place.framework, "task", id), Some(id), None);
    annotate(&mut pod, mesos::TASK_INFO, json!([tree(&described(place, task))]))?;
    pod["spec"]["containers"] = json!([container(place, CONTAINER, task, task.command.as_deref())]);
    settle(&mut pod, &[task], None);
    volumes::mount(&mut pod, place.volumes, &[(task.container.as_deref(), &task.resources)], &[])?;
    Ok(pod)
}

/// Nothing is fetched into a container with an image: its files are the image's.
fn check_uris(task: &TaskInfo) -> Result<(), String> {
    let fetches = task.command.as_ref().is_some_and(|command| !command.uris.is_empty());
    match fetches && image(task.container.as_deref()).is_some() {
        true => Err("URIs are fetched for tasks without an image only: put the files into the image".to_owned()),
        false => Ok(()),
    }
}

/// The Pod of a group of tasks.
///
/// # Errors
///
/// If it is too large to be an object, lacks a volume, or cannot run all of its tasks.
pub(crate) fn of_group(place: &Place<'_>, executor: &ExecutorInfo, tasks: &[&TaskInfo]) -> Result<Value, String> {
    let id = executor.executor_id.value.as_str();
    let with_images = tasks.iter().filter(|task| image(task.container.as_deref()).is_some()).count();
    if with_images > 0 && with_images < tasks.len() {
        return Err("either all tasks of a group have an image or none has: a Pod has one runtime".to_owned());
    }
    tasks.iter().try_for_each(|task| check_uris(task))?;
    let first = tasks.first().map_or("", |task| task.task_id.value.as_str());
    let mut pod = bare(place, &names::pod(place.framework, "group", &format!("{id}.{first}")), None, Some(id));
    let infos: Vec<Value> = tasks.iter().map(|task| tree(&described(place, task))).collect();
    annotate(&mut pod, mesos::TASK_INFO, Value::Array(infos))?;
    annotate(&mut pod, mesos::EXECUTOR_INFO, executor_info(place, executor))?;
    let containers = tasks
        .iter()
        .map(|task| container(place, &names::container(&task.task_id.value), task, task.command.as_deref()));
    pod["spec"]["containers"] = containers.collect();
    settle(&mut pod, tasks, executor.container.as_deref());
    let owners: Vec<volumes::Owner<'_>> =
        tasks.iter().map(|task| (task.container.as_deref(), &task.resources[..])).collect();
    volumes::mount(&mut pod, place.volumes, &owners, &executor.resources)?;
    Ok(pod)
}

/// The Pod of an executor. `run`: tells it from others of that name, of which one may still be ending.
///
/// # Errors
///
/// If it is too large to be an object, or lacks a volume.
pub(crate) fn of_executor(place: &Place<'_>, executor: &ExecutorInfo, run: &str) -> Result<Value, String> {
    let id = executor.executor_id.value.as_str();
    let name = names::pod(&format!("{}/{run}", place.framework), "executor", &format!("{id}.{}", place.agent));
    let mut pod = bare(place, &name, None, Some(id));
    annotate(&mut pod, mesos::EXECUTOR_INFO, executor_info(place, executor))?;
    let grace = executor.shutdown_grace_period.as_ref().map_or(5, |grace| grace.nanoseconds / 1_000_000_000);
    pod["spec"]["terminationGracePeriodSeconds"] = grace.max(1).into();
    let command = executor.command.as_deref();
    pod["spec"]["containers"] = json!([{
        "name": "executor", "image": names::PROCESS, "command": argv(command).0, "args": argv(command).1,
        "env": env(place, id, None, command), "resources": amounts(&executor.resources, &BTreeMap::new()),
    }]);
    pod["spec"]["runtimeClassName"] = names::PROCESS.into();
    pod["spec"]["hostNetwork"] = true.into();
    volumes::mount(&mut pod, place.volumes, &[(None, &executor.resources)], &[])?;
    Ok(pod)
}

/// The Pod that stands for a task of an executor.
///
/// # Errors
///
/// If it is too large to be an object.
pub(crate) fn of_executors_task(
    place: &Place<'_>,
    executor: &ExecutorInfo,
    executor_pod: &str,
    task: &TaskInfo,
) -> Result<Value, String> {
    let (id, executor_id) = (task.task_id.value.as_str(), executor.executor_id.value.as_str());
    let mut pod = bare(place, &names::pod(place.framework, "task", id), Some(id), Some(executor_id));
    annotate(&mut pod, mesos::TASK_INFO, json!([tree(&described(place, task))]))?;
    pod["metadata"]["annotations"][mesos::RUNS_IN] = executor_pod.into();
    pod["spec"]["containers"] = json!([{
        "name": CONTAINER, "image": names::PROCESS, "resources": amounts(&task.resources, &task.limits),
    }]);
    pod["spec"]["runtimeClassName"] = names::PROCESS.into();
    pod["spec"]["hostNetwork"] = true.into();
    Ok(pod)
}

fn bare(place: &Place<'_>, name: &str, task: Option<&str>, executor: Option<&str>) -> Value {
    let framework = names::framework(place.framework);
    let mut labels = json!({mesos::FRAMEWORK: framework});
    let mut annotations = json!({mesos::FRAMEWORK: place.framework, mesos::ROLE: place.role});
    for (key, id) in [(mesos::TASK, task), (mesos::EXECUTOR, executor)] {
        if let Some(id) = id {
            labels[key] = names::label(id).into();
            annotations[key] = id.into();
        }
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": place.namespace, "labels": labels, "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": "kernel.kubernel.io/v1alpha1", "kind": "Framework", "name": framework,
                "uid": place.owner, "controller": true, "blockOwnerDeletion": false,
            }],
        },
        "spec": {
            "nodeName": place.agent, "schedulerName": kubernel_scheduler::TASKS_SCHEDULER, "restartPolicy": "Never",
            "automountServiceAccountToken": false, "enableServiceLinks": false,
            "terminationGracePeriodSeconds": GRACE_SECS,
            "tolerations": [{"operator": "Exists"}],
        },
    })
}

fn annotate(pod: &mut Value, key: &str, value: Value) -> Result<(), String> {
    let text = value.to_string();
    if text.len() > INFO_BYTES_MAX {
        return Err(format!(
            "the description has {} bytes without its data; {INFO_BYTES_MAX} are the most",
            text.len()
        ));
    }
    pod["metadata"]["annotations"][key] = text.into();
    Ok(())
}

/// What concerns a Pod as a whole: images or none, network, time to end.
fn settle(pod: &mut Value, tasks: &[&TaskInfo], group: Option<&ContainerInfo>) {
    let checked: Vec<&str> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(tasks)
        .filter(|(_, task)| task.check.is_some() && task.health_check.is_none())
        .filter_map(|(container, _)| container["name"].as_str())
        .collect();
    if !checked.is_empty() {
        pod["metadata"]["annotations"][mesos::CHECKED] = checked.join(",").into();
    }
    let containers: Vec<&ContainerInfo> =
        tasks.iter().filter_map(|task| task.container.as_deref()).chain(group).collect();
    if tasks.iter().all(|task| image(task.container.as_deref()).is_none()) {
        pod["spec"]["runtimeClassName"] = names::PROCESS.into();
    }
    let own_network = containers.iter().any(|container| has_own_network(container));
    pod["spec"]["hostNetwork"] = (!own_network).into();
    if !own_network {
        // A task may listen on the loopback alone, where its executor would look.
        for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
            for probe in ["readinessProbe", "livenessProbe"] {
                for action in ["httpGet", "tcpSocket"] {
                    if let Some(action) = container.get_mut(probe).and_then(|probe| probe.get_mut(action)) {
                        action["host"] = "127.0.0.1".into();
                    }
                }
            }
        }
    }
    if let Some(hostname) = containers.iter().find_map(|c| c.hostname.as_deref()).filter(|_| own_network) {
        pod["spec"]["hostname"] = names::label(hostname).to_ascii_lowercase().into();
    }
    let secs = |nanoseconds: i64| nanoseconds.div_euclid(1_000_000_000);
    let graces = tasks.iter().filter_map(|task| task.kill_policy.as_ref()?.grace_period.as_ref());
    if let Some(grace) = graces.map(|grace| secs(grace.nanoseconds)).max() {
        pod["spec"]["terminationGracePeriodSeconds"] = grace.max(1).into();
    }
    let times = tasks.iter().filter_map(|task| task.max_completion_time.as_ref());
    if let Some(most) = times.map(|time| secs(time.nanoseconds)).min() {
        pod["spec"]["activeDeadlineSeconds"] = most.max(1).into();
    }
}

fn container(place: &Place<'_>, name: &str, task: &TaskInfo, command: Option<&CommandInfo>) -> Value {
    let (argv, args) = argv(command);
    let executor = task.executor.as_ref().map_or(&task.task_id.value, |executor| &executor.executor_id.value);
    let mut out = json!({
        "name": name, "image": image(task.container.as_deref()).unwrap_or(names::PROCESS),
        "env": env(place, executor, Some(task), command), "resources": amounts(&task.resources, &task.limits),
    });
    if !argv.is_empty() {
        out["command"] = argv.into();
    }
    if !args.is_empty() {
        out["args"] = args.into();
    }
    let docker = task.container.as_ref().and_then(|container| container.docker.as_ref());
    out["imagePullPolicy"] = match docker.is_some_and(|docker| docker.force_pull_image == Some(true)) {
        true => "Always".into(),
        false => "IfNotPresent".into(),
    };
    if docker.is_some_and(|docker| docker.privileged) {
        out["securityContext"] = json!({"privileged": true});
    }
    let ports: Vec<Value> = docker
        .map(|docker| docker.port_mappings.iter().map(|port| (port.host_port, port.container_port, &port.protocol)))
        .into_iter()
        .flatten()
        .map(|(host, inner, protocol)| {
            let protocol = protocol.as_deref().unwrap_or("tcp").to_ascii_uppercase();
            json!({"hostPort": host, "containerPort": inner, "protocol": protocol})
        })
        .collect();
    if !ports.is_empty() && task.container.as_deref().is_some_and(has_own_network) {
        out["ports"] = ports.into();
    }
    if let Some(probe) = task.health_check.as_deref().and_then(probe) {
        // The one ends what is sick, the other tells each change.
        out["readinessProbe"] = probe.clone();
        out["readinessProbe"]["failureThreshold"] = 1.into();
        let delay = task.health_check.as_ref().map_or(0.0, |check| check.delay_seconds);
        out["readinessProbe"]["initialDelaySeconds"] = whole(delay, 0).into();
        out["livenessProbe"] = probe;
    } else if let Some(probe) = task.check.as_deref().and_then(check) {
        out["readinessProbe"] = probe;
    }
    out
}

pub(crate) fn image(container: Option<&ContainerInfo>) -> Option<&str> {
    let container = container?;
    let docker = container.docker.as_ref().map(|docker| docker.image.as_str());
    let mesos = || container.mesos.as_ref()?.image.as_ref()?.docker.as_ref().map(|docker| docker.name.as_str());
    docker.or_else(mesos)
}

/// Whether a container has a network of its own: a Mesos one in a named network, a Docker one that does not ask for the
/// host's.
fn has_own_network(container: &ContainerInfo) -> bool {
    match (container.r#type, &container.docker) {
        (ContainerType::Docker, Some(docker)) => docker.network != DockerNetwork::Host,
        _ => container.network_infos.iter().any(|network| network.name.is_some()),
    }
}

/// What is to be run: the entry point, and what it is given.
fn argv(command: Option<&CommandInfo>) -> (Vec<String>, Vec<String>) {
    let Some(command) = command else { return (Vec::new(), Vec::new()) };
    let escaped = |texts: &[String]| texts.iter().map(|text| escape(text)).collect::<Vec<_>>();
    match (&command.value, command.shell) {
        (Some(value), true) => (vec!["/bin/sh".to_owned(), "-c".to_owned(), escape(value)], Vec::new()),
        // The first argument is what the program is called; a container's is its path.
        (Some(value), false) => (vec![escape(value)], escaped(command.arguments.get(1..).unwrap_or_default())),
        (None, _) => (Vec::new(), escaped(&command.arguments)),
    }
}

/// A text that Kubernetes' expansion of `$(NAME)` leaves as it is.
fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

fn env(place: &Place<'_>, executor: &str, task: Option<&TaskInfo>, command: Option<&CommandInfo>) -> Vec<Value> {
    let has_image = task.is_some_and(|task| image(task.container.as_deref()).is_some());
    let mut all: Vec<(String, Value)> = [
        ("MESOS_FRAMEWORK_ID", Some(place.framework)),
        ("MESOS_AGENT_ID", Some(place.agent)),
        ("MESOS_EXECUTOR_ID", Some(executor)),
        ("MESOS_TASK_ID", task.map(|task| task.task_id.value.as_str())),
        // A process hears of its sandbox from its node.
        ("MESOS_SANDBOX", has_image.then_some(volumes::SANDBOX)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .map(|(name, value)| (name.to_owned(), json!({"name": name, "value": escape(value)})))
    .collect();
    let own = command.and_then(|command| command.environment.as_ref()).map_or(&[][..], |env| &env.variables);
    for variable in own {
        let name = variable.name.as_str();
        let secret = variable.secret.as_ref().filter(|_| variable.r#type == VariableType::Secret);
        let by_reference = secret.and_then(|secret| secret.reference.as_ref());
        let value = match by_reference {
            Some(reference) => {
                let key = reference.key.as_deref().unwrap_or(name);
                json!({"name": name, "valueFrom": {"secretKeyRef": {"name": reference.name, "key": key}}})
            }
            None => {
                let by_value = secret.and_then(|secret| secret.value.as_ref());
                let bytes = by_value.map(|value| String::from_utf8_lossy(&value.data).into_owned());
                let text = bytes.or_else(|| variable.value.clone()).unwrap_or_default();
                json!({"name": name, "value": escape(&text)})
            }
        };
        all.retain(|(known, _)| known != name);
        all.push((name.to_owned(), value));
    }
    all.into_iter().map(|(_, value)| value).collect()
}

/// Requests of all that was given; limits of memory, and of what the task names itself. CPU time is shared, as in Mesos.
fn amounts(resources: &[Resource], limits: &BTreeMap<String, Scalar>) -> Value {
    let mut requests: BTreeMap<&str, f64> = BTreeMap::new();
    for resource in resources {
        if let Some(scalar) = &resource.scalar {
            *requests.entry(resource.name.as_str()).or_default() += scalar.value;
        }
    }
    let mut out = json!({"requests": {}, "limits": {}});
    for (name, value) in &requests {
        if let Some((name, amount)) = quantity(name, *value) {
            out["requests"][name] = amount.clone().into();
            if name.contains('/') {
                out["limits"][name] = amount.into();
            }
        }
    }
    let memory = limits.get("mem").map(|limit| limit.value).or_else(|| requests.get("mem").copied());
    let cpus = limits.get("cpus").map(|limit| limit.value);
    for (name, value) in [("mem", memory), ("cpus", cpus)] {
        if let Some((name, amount)) = value.filter(|value| value.is_finite()).and_then(|value| quantity(name, value)) {
            out["limits"][name] = amount.into();
        }
    }
    out
}

/// A scalar of Mesos as a quantity; `None` for nothing, and for what Pods do not ask for.
pub(crate) fn quantity(name: &str, value: f64) -> Option<(&'static str, String)> {
    #[expect(clippy::cast_possible_truncation, reason = "amounts are small; what is not saturates")]
    let milli = (value * 1_000.0).round() as i64;
    let bytes = || (milli.saturating_mul(1 << 20) / 1_000).to_string();
    let (name, text) = match name {
        "cpus" => ("cpu", format!("{milli}m")),
        "mem" => ("memory", bytes()),
        "disk" => ("ephemeral-storage", bytes()),
        "gpus" => ("nvidia.com/gpu", (milli / 1_000).to_string()),
        _ => return None,
    };
    (milli > 0).then_some((name, text))
}

/// A check as a readiness probe: whoever sees the Pod sees what it finds, and the framework is told as well.
fn check(check: &CheckInfo) -> Option<Value> {
    let health = HealthCheck {
        r#type: match check.r#type? {
            CheckType::Command => Some(HealthCheckType::Command),
            CheckType::Http => Some(HealthCheckType::Http),
            CheckType::Tcp => Some(HealthCheckType::Tcp),
            CheckType::Unknown => None,
        },
        delay_seconds: check.delay_seconds,
        interval_seconds: check.interval_seconds,
        timeout_seconds: check.timeout_seconds,
        consecutive_failures: 1,
        grace_period_seconds: 0.0,
        command: check.command.as_ref().map(|check| check.command.clone()),
        http: check.http.as_ref().map(|http| HttpHealthCheck {
            port: http.port,
            path: http.path.clone(),
            ..HttpHealthCheck::default()
        }),
        tcp: check.tcp.as_ref().map(|tcp| TcpHealthCheck { port: tcp.port, ..TcpHealthCheck::default() }),
    };
    probe(&health)
}

fn probe(check: &HealthCheck) -> Option<Value> {
    let mut probe = json!({
        "initialDelaySeconds": whole(check.delay_seconds + check.grace_period_seconds, 0),
        "periodSeconds": whole(check.interval_seconds, 1), "timeoutSeconds": whole(check.timeout_seconds, 1),
        "failureThreshold": check.consecutive_failures.max(1),
    });
    match (check.r#type, &check.command, &check.http, &check.tcp) {
        (Some(HealthCheckType::Command) | None, Some(command), ..) => {
            let (mut argv, args) = argv(Some(command));
            argv.extend(args);
            probe["exec"] = json!({"command": argv});
        }
        (Some(HealthCheckType::Http), _, Some(http), _) => {
            let scheme = http.scheme.as_deref().unwrap_or("http").to_ascii_uppercase();
            probe["httpGet"] =
                json!({"port": http.port, "path": http.path.as_deref().unwrap_or("/"), "scheme": scheme});
        }
        (Some(HealthCheckType::Tcp), _, _, Some(tcp)) => probe["tcpSocket"] = json!({"port": tcp.port}),
        _ => return None,
    }
    Some(probe)
}

/// Seconds as probes have them.
#[expect(clippy::cast_possible_truncation, reason = "times are small; what is not saturates")]
fn whole(seconds: f64, least: i64) -> i64 {
    (seconds.round() as i64).max(least)
}

/// A task as an object can carry it, with the user that runs it.
fn described(place: &Place<'_>, task: &TaskInfo) -> TaskInfo {
    let executor = task.executor.as_ref().map(|executor| Box::new(without_data(executor)));
    let command = task.command.clone().map(|command| owned(place, command));
    TaskInfo { data: None, executor, command, ..task.clone() }
}

fn without_data(executor: &ExecutorInfo) -> ExecutorInfo {
    ExecutorInfo { data: None, ..executor.clone() }
}

/// An executor as an object can carry it: with its data, if they are few, for another executor of its name must have the
/// same.
fn executor_info(place: &Place<'_>, executor: &ExecutorInfo) -> Value {
    let command = executor.command.clone().map(|command| owned(place, command));
    let full = ExecutorInfo { command, ..executor.clone() };
    let few = full.data.as_ref().is_none_or(|data| data.len() <= DATA_BYTES_MAX);
    if few { tree(&full) } else { tree(&without_data(&full)) }
}

fn owned(place: &Place<'_>, mut command: Box<CommandInfo>) -> Box<CommandInfo> {
    if !place.user.is_empty() {
        command.user.get_or_insert_with(|| place.user.to_owned());
    }
    command
}

fn tree<M: Message>(message: &M) -> Value {
    serde_json::from_str(&message.to_json()).unwrap_or(Value::Object(Map::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    static NONE: Uids = Uids::new();

    fn place() -> Place<'static> {
        Place { framework: "f-0001", owner: "uid", namespace: "ns", role: "*", agent: "n1", user: "me", volumes: &NONE }
    }

    fn task(more: Value) -> TaskInfo {
        let mut task = json!({"name": "t", "task_id": {"value": "t.1"}, "agent_id": {"value": "n1"}, "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.25}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 64}},
            {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31000}]}},
            {"name": "gpus", "type": "SCALAR", "scalar": {"value": 0}}]});
        if let (Some(task), Some(more)) = (task.as_object_mut(), more.as_object()) {
            task.extend(more.clone());
        }
        TaskInfo::from_value(&task).unwrap_or_default()
    }

    /// What the Pod of a task has at each place.
    #[track_caller]
    fn check(more: Value, expected: &[(&str, Value)]) {
        let pod = of_task(&place(), &task(more.clone())).unwrap_or_default();
        for (at, value) in expected {
            assert_eq!(pod.pointer(at).unwrap_or(&Value::Null), value, "{at} of {more}");
        }
    }

    #[test]
    fn tasks_are_pods() {
        let shell = json!({"command": {"value": "echo $$ $(date) $HOME"}});
        check(
            shell.clone(),
            &[
                ("/spec/containers/0/command", json!(["/bin/sh", "-c", "echo $$$$ $$(date) $$HOME"])),
                ("/spec/containers/0/args", Value::Null),
                ("/spec/containers/0/resources/requests", json!({"cpu": "250m", "memory": "67108864"})),
                ("/spec/containers/0/resources/limits", json!({"memory": "67108864"})),
                ("/spec/runtimeClassName", json!("process")),
                ("/spec/hostNetwork", json!(true)),
                ("/spec/nodeName", json!("n1")),
                ("/spec/schedulerName", json!("mesos")),
                ("/spec/terminationGracePeriodSeconds", json!(3)),
                ("/metadata/namespace", json!("ns")),
                ("/metadata/labels/mesos.kernel.kubernel.io~1task", json!("t.1")),
                ("/metadata/ownerReferences/0/uid", json!("uid")),
                ("/spec/containers/0/env/3", json!({"name": "MESOS_TASK_ID", "value": "t.1"})),
            ],
        );
        let argv = json!({"command": {"shell": false, "value": "/bin/ls", "arguments": ["ls", "-l", "$x"],
            "environment": {"variables": [{"name": "MESOS_TASK_ID", "value": "mine"}, {"name": "A", "value": "$(B)"},
                {"name": "S", "type": "SECRET", "secret": {"type": "REFERENCE", "reference": {"name": "s", "key": "k"}}}]}}});
        check(
            argv,
            &[
                ("/spec/containers/0/command", json!(["/bin/ls"])),
                ("/spec/containers/0/args", json!(["-l", "$$x"])),
                ("/spec/containers/0/env/3", json!({"name": "MESOS_TASK_ID", "value": "mine"})),
                ("/spec/containers/0/env/4", json!({"name": "A", "value": "$$(B)"})),
                ("/spec/containers/0/env/5/valueFrom/secretKeyRef", json!({"name": "s", "key": "k"})),
            ],
        );
        let docker = json!({"command": {"shell": false}, "container": {"type": "DOCKER",
            "docker": {"image": "nginx", "network": "BRIDGE", "force_pull_image": true,
                "port_mappings": [{"host_port": 31000, "container_port": 80}]},
            "volumes": [{"mode": "RO", "container_path": "/data", "host_path": "/srv"},
                {"mode": "RW", "container_path": "relative", "host_path": "/srv"}]}});
        check(
            docker,
            &[
                ("/spec/containers/0/image", json!("nginx")),
                ("/spec/containers/0/command", Value::Null),
                ("/spec/containers/0/imagePullPolicy", json!("Always")),
                ("/spec/containers/0/ports/0/hostPort", json!(31000)),
                ("/spec/runtimeClassName", Value::Null),
                ("/spec/hostNetwork", json!(false)),
                ("/spec/volumes/0", json!({"name": "v0", "hostPath": {"path": "/srv"}})),
                ("/spec/volumes/1", json!({"name": "sandbox0", "emptyDir": {}})),
                ("/spec/containers/0/volumeMounts/0", json!({"name": "v0", "mountPath": "/data", "readOnly": true})),
            ],
        );
        let mut timed = shell.clone();
        timed["kill_policy"] = json!({"grace_period": {"nanoseconds": 90_000_000_000_i64}});
        timed["max_completion_time"] = json!({"nanoseconds": 1_500_000_000});
        timed["limits"] = json!({"cpus": {"value": 1}, "mem": {"value": "Infinity"}});
        timed["health_check"] =
            json!({"type": "TCP", "tcp": {"port": 80}, "delay_seconds": 1, "grace_period_seconds": 2});
        check(
            timed,
            &[
                ("/spec/terminationGracePeriodSeconds", json!(90)),
                ("/spec/activeDeadlineSeconds", json!(1)),
                ("/spec/containers/0/resources/limits", json!({"cpu": "1000m"})),
                ("/spec/containers/0/livenessProbe/initialDelaySeconds", json!(3)),
                ("/spec/containers/0/livenessProbe/tcpSocket", json!({"port": 80, "host": "127.0.0.1"})),
            ],
        );
        let large = json!({"command": {"value": "x".repeat(INFO_BYTES_MAX)}});
        assert!(of_task(&place(), &task(large)).is_err());
    }

    #[test]
    fn groups_and_executors_are_pods() {
        let executor = json!({"executor_id": {"value": "e"}, "type": "CUSTOM", "data": "AAAA",
            "command": {"value": "./run"}, "shutdown_grace_period": {"nanoseconds": 7_000_000_000_i64}});
        let executor = ExecutorInfo::from_value(&executor).unwrap_or_default();
        let pod = of_executor(&place(), &executor, "1").unwrap_or_default();
        assert_eq!(pod["spec"]["containers"][0]["command"], json!(["/bin/sh", "-c", "./run"]));
        assert_eq!(pod["spec"]["terminationGracePeriodSeconds"], json!(7));
        assert_eq!(pod["metadata"]["labels"][mesos::EXECUTOR], json!("e"));
        let info = pod["metadata"]["annotations"][mesos::EXECUTOR_INFO].as_str().unwrap_or_default();
        assert!(info.contains("AAAA") && info.contains(r#""user":"me""#), "{info}");
        let heavy = ExecutorInfo { data: Some(vec![0; DATA_BYTES_MAX + 1]), ..executor.clone() };
        let heavy = of_executor(&place(), &heavy, "1").unwrap_or_default().to_string();
        assert!(heavy.len() < DATA_BYTES_MAX);
        let own = task(json!({"data": "AAAA", "executor": {"executor_id": {"value": "e"}}}));
        let shown = of_executors_task(&place(), &executor, "pod-of-e", &own).unwrap_or_default();
        assert_eq!(shown["metadata"]["annotations"][mesos::RUNS_IN], json!("pod-of-e"));
        assert!(!shown.to_string().contains("AAAA"));
        let second = TaskInfo { task_id: kubernel_mesos_proto::v1::TaskID { value: "T2".to_owned() }, ..own.clone() };
        let group = of_group(&place(), &executor, &[&own, &second]).unwrap_or_default();
        let containers = group["spec"]["containers"].as_array().map_or(0, Vec::len);
        assert_eq!((containers, &group["spec"]["containers"][1]["name"]), (2, &json!(names::container("T2"))));
    }
}
