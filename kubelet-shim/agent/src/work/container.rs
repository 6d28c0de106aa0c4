//! One container of a Pod, as CRI describes it.

use std::path::PathBuf;

use kubernel_podlife::Qos;
use kubernel_runtime::{cri, labels};
use serde_json::Value;

use super::env::{self, Env};
use super::expand::expand;
use super::{hosts, resources, sandbox, security};
use crate::pod::PodContext;

/// Where a container's termination message goes unless it says otherwise.
const TERMINATION_MESSAGE_PATH: &str = "/dev/termination-log";

/// A container of a Pod's spec, of whatever kind.
pub(crate) fn find<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    lists.iter().flat_map(|list| pod["spec"][*list].as_array().into_iter().flatten()).find(|c| c["name"] == name)
}

/// What is known by the time a container is made.
pub(crate) struct Making<'a> {
    pub(crate) pod: &'a Value,
    pub(crate) container: &'a Value,
    pub(crate) image: &'a cri::Image,
    pub(crate) qos: Qos,
    pub(crate) attempt: u32,
    pub(crate) ips: &'a [String],
}

/// The container as CRI describes it; the error is a text for `CreateContainerConfigError`.
pub(crate) async fn config(context: &PodContext, making: &Making<'_>) -> Result<cri::ContainerConfig, String> {
    let Making { pod, container, image, qos, attempt, ips } = making;
    security::check_non_root(pod, container, Some(image))?;
    let env = env::build(context, pod, container, ips).await?;
    let text = |field: &str| container[field].as_str().unwrap_or_default().to_owned();
    let name = text("name");
    let log_path = format!("{name}/{attempt}.log");
    let mounts = if context.node.hollow { Vec::new() } else { mounts(context, making, &env).await? };
    let mut all: std::collections::HashMap<_, _> = sandbox::own_labels(pod).into();
    all.insert(labels::CONTAINER_NAME.to_owned(), name.clone());
    let expanded = |list: &str| -> Vec<String> {
        let words = container[list].as_array().into_iter().flatten().filter_map(Value::as_str);
        words.map(|word| expand(word, |name| env.get(name))).collect()
    };
    let message_path = message_path(container);
    let policy = container["terminationMessagePolicy"].as_str().unwrap_or("File").to_owned();
    Ok(cri::ContainerConfig {
        metadata: Some(cri::ContainerMetadata { name, attempt: *attempt }),
        image: Some(cri::ImageSpec {
            image: image.id.clone(),
            user_specified_image: text("image"),
            ..Default::default()
        }),
        command: expanded("command"),
        args: expanded("args"),
        working_dir: text("workingDir"),
        envs: env.pairs().map(|(key, value)| cri::KeyValue { key: key.to_owned(), value: value.to_owned() }).collect(),
        mounts,
        log_path,
        stdin: container["stdin"] == true,
        stdin_once: container["stdinOnce"] == true,
        tty: container["tty"] == true,
        labels: all,
        annotations: [
            (labels::RESTART_COUNT.to_owned(), attempt.to_string()),
            (labels::TERMINATION_MESSAGE_PATH.to_owned(), message_path),
            (labels::TERMINATION_MESSAGE_POLICY.to_owned(), policy),
        ]
        .into(),
        linux: Some(cri::LinuxContainerConfig {
            resources: Some(resources::of_container(container, *qos, context.node.facts.memory_bytes)),
            security_context: Some(security::of_container(pod, container)),
        }),
        ..Default::default()
    })
}

fn message_path(container: &Value) -> String {
    let given = container["terminationMessagePath"].as_str().filter(|path| !path.is_empty());
    given.unwrap_or(TERMINATION_MESSAGE_PATH).to_owned()
}

async fn mounts(context: &PodContext, making: &Making<'_>, env: &Env) -> Result<Vec<cri::Mount>, String> {
    let Making { pod, container, attempt, ips, .. } = making;
    let volumes = context.volumes.lock().await;
    let points = volumes.mounts(pod, container, |text| Ok(expand(text, |name| env.get(name))));
    let points = points.map_err(|error| error.to_string())?;
    let mut mounts = Vec::with_capacity(points.len() + 2);
    for point in points {
        use cri::MountPropagation::{PropagationBidirectional, PropagationHostToContainer, PropagationPrivate};
        let propagation = match point.propagation.as_str() {
            "Bidirectional" => PropagationBidirectional,
            "HostToContainer" => PropagationHostToContainer,
            _ => PropagationPrivate,
        };
        mounts.push(cri::Mount {
            container_path: point.container_path,
            host_path: point.host_path.to_string_lossy().into_owned(),
            readonly: point.read_only,
            propagation: propagation as i32,
            ..Default::default()
        });
    }
    let file_error = |path: &PathBuf| {
        let path = path.display().to_string();
        move |error: std::io::Error| format!("{path}: {error}")
    };
    if !mounts.iter().any(|mount| mount.container_path == "/etc/hosts") {
        let path = volumes.dir().join("etc-hosts");
        std::fs::create_dir_all(volumes.dir()).map_err(file_error(&path))?;
        let text = hosts::hosts_file(pod, ips, &context.node.config.cluster_domain);
        std::fs::write(&path, text).map_err(file_error(&path))?;
        mounts.push(plain("/etc/hosts".into(), &path));
    }
    let name = container["name"].as_str().unwrap_or_default();
    let dir = volumes.dir().join("containers").join(name);
    std::fs::create_dir_all(&dir).map_err(file_error(&dir))?;
    let message = dir.join(attempt.to_string());
    std::fs::write(&message, "").map_err(file_error(&message))?;
    // Whoever the container runs as must be able to write its last words.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&message, mode).map_err(file_error(&message))?;
    mounts.push(plain(message_path(container), &message));
    Ok(mounts)
}

fn plain(container_path: String, host_path: &std::path::Path) -> cri::Mount {
    cri::Mount { container_path, host_path: host_path.to_string_lossy().into_owned(), ..Default::default() }
}
