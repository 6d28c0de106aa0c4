//! What tasks mount: folders of the node, and persistent volumes, which outlive them. Pure.

use kubernel_mesos::VolumeName;
use kubernel_mesos_proto::node::TaskVolume;
use kubernel_mesos_proto::v1::{ContainerInfo, Resource, TaskInfo, Volume, VolumeMode};
use serde_json::{Value, json};

use crate::pod;
use crate::reservations::Uids;

/// Where a container with an image has what Mesos calls its sandbox.
pub(crate) const SANDBOX: &str = "/mnt/mesos/sandbox";
/// The kubelet's driver of persistent volumes, and its attribute that names one.
const DRIVER: &str = "volumes.kernel.kubernel.io";
const UID: &str = "uid";

/// Whom a container of a Pod is for: how it wants to be run, and what it holds.
pub(crate) type Owner<'a> = (Option<&'a ContainerInfo>, &'a [Resource]);

/// Gives a Pod the volumes of its containers, which are in the order of `owners`, and each container its mounts. All
/// containers mount the persistent volumes among `shared`.
///
/// # Errors
///
/// If a persistent volume is not there.
pub(crate) fn mount(pod: &mut Value, there: &Uids, owners: &[Owner<'_>], shared: &[Resource]) -> Result<(), String> {
    let mut volumes: Vec<Value> = Vec::new();
    for (at, (container, resources)) in owners.iter().enumerate() {
        let has_image = pod::image(*container).is_some();
        let mut mounts = Vec::new();
        let mut add = |source: Value, path: String, read_only: bool| {
            let known = volumes.iter().position(|volume| without_name(volume) == source).unwrap_or(volumes.len());
            let name = format!("v{known}");
            if known == volumes.len() {
                let mut volume = source;
                volume["name"] = name.as_str().into();
                volumes.push(volume);
            }
            mounts.push(json!({"name": name, "mountPath": path, "readOnly": read_only}));
        };
        let own = container.map_or(&[][..], |container| &container.volumes);
        for volume in own.iter().filter(|_| has_image) {
            if let Some(path) = host_path(volume) {
                let read_only = volume.mode == VolumeMode::Ro;
                add(json!({"hostPath": {"path": path}}), volume.container_path.clone(), read_only);
            }
        }
        for resource in resources.iter().chain(shared) {
            let Some((name, volume)) = persistent(resource) else { continue };
            let uid = found(there, &name)?;
            let path = match has_image && !volume.container_path.starts_with('/') {
                true => format!("{SANDBOX}/{}", volume.container_path),
                false => volume.container_path.clone(),
            };
            let source = json!({"csi": {"driver": DRIVER, "volumeAttributes": {UID: uid}}});
            add(source, path, volume.mode == VolumeMode::Ro);
        }
        if has_image {
            // A process has a sandbox from its node.
            let name = format!("sandbox{at}");
            mounts.push(json!({"name": name, "mountPath": SANDBOX}));
            volumes.push(json!({"name": name, "emptyDir": {}}));
        }
        if !mounts.is_empty() {
            pod["spec"]["containers"][at]["volumeMounts"] = mounts.into();
        }
    }
    if !volumes.is_empty() {
        pod["spec"]["volumes"] = volumes.into();
    }
    Ok(())
}

/// The persistent volumes of a task that its executor finds in its sandbox.
///
/// # Errors
///
/// If one is not there.
pub(crate) fn of_task(task: &TaskInfo, there: &Uids) -> Result<Vec<TaskVolume>, String> {
    let own = task.resources.iter().filter_map(persistent);
    own.map(|(name, volume)| {
        let (path, uid) = (volume.container_path.clone(), found(there, &name)?.clone());
        Ok(TaskVolume { task_id: task.task_id.clone(), path, uid })
    })
    .collect()
}

/// Whether some of the resources is a persistent volume that is not known.
pub(crate) fn lacks<'a>(there: &Uids, mut resources: impl Iterator<Item = &'a Resource>) -> bool {
    resources.any(|resource| persistent(resource).is_some_and(|(name, _)| !there.contains_key(&name)))
}

fn found<'a>(there: &'a Uids, name: &VolumeName) -> Result<&'a String, String> {
    there.get(name).ok_or_else(|| format!("there is no persistent volume '{}'", name.id))
}

/// The persistent volume that a resource is, and where its user wants it.
fn persistent(resource: &Resource) -> Option<(VolumeName, &Volume)> {
    let disk = resource.disk.as_ref()?;
    let (persistence, volume) = (disk.persistence.as_ref()?, disk.volume.as_ref()?);
    let reserved = resource.reservations.last().and_then(|reservation| reservation.role.as_deref());
    let role = reserved.or(resource.role.as_deref())?;
    Some((VolumeName { role: role.into(), id: persistence.id.as_str().into() }, volume))
}

fn without_name(volume: &Value) -> Value {
    let mut source = volume.clone();
    if let Some(fields) = source.as_object_mut() {
        fields.remove("name");
    }
    source
}

fn host_path(volume: &Volume) -> Option<&str> {
    let source = volume.source.as_ref().and_then(|source| source.host_path.as_ref()).map(|host| host.path.as_str());
    volume
        .host_path
        .as_deref()
        .or(source)
        .filter(|path| path.starts_with('/') && volume.container_path.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use kubernel_mesos_proto::Message;

    use super::*;

    fn volume(id: &str, path: &str) -> Resource {
        let tree = json!({
            "name": "disk", "type": "SCALAR", "scalar": {"value": 8},
            "reservations": [{"type": "DYNAMIC", "role": "db"}],
            "disk": {"persistence": {"id": id}, "volume": {"mode": "RW", "container_path": path}},
        });
        Resource::from_json(tree.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn persistent_volumes_are_mounted_where_tasks_want_them() {
        let name = |id: &str| VolumeName { role: "db".into(), id: id.into() };
        let there: Uids = [(name("a"), "U1".to_owned()), (name("b"), "U2".to_owned())].into();
        let image = ContainerInfo::from_json(
            json!({
                "type": "DOCKER", "docker": {"image": "i"},
                "volumes": [{"mode": "RO", "container_path": "/etc/x", "host_path": "/x"}],
            })
            .to_string()
            .as_bytes(),
        )
        .unwrap();
        let (first, second, shared) = ([volume("a", "data")], [volume("a", "data")], [volume("b", "/b")]);
        let mut pod = json!({"spec": {"containers": [{}, {}]}});
        mount(&mut pod, &there, &[(None, &first), (Some(&image), &second)], &shared).unwrap();
        let csi =
            |name: &str, uid: &str| json!({"name": name, "csi": {"driver": DRIVER, "volumeAttributes": {"uid": uid}}});
        let mounted =
            |name: &str, path: &str, read_only: bool| json!({"name": name, "mountPath": path, "readOnly": read_only});
        let expected = json!({"spec": {
            "volumes": [
                csi("v0", "U1"), csi("v1", "U2"), {"name": "v2", "hostPath": {"path": "/x"}},
                {"name": "sandbox1", "emptyDir": {}},
            ],
            "containers": [
                {"volumeMounts": [mounted("v0", "data", false), mounted("v1", "/b", false)]},
                {"volumeMounts": [
                    mounted("v2", "/etc/x", true), mounted("v0", "/mnt/mesos/sandbox/data", false),
                    mounted("v1", "/b", false), {"name": "sandbox1", "mountPath": SANDBOX},
                ]},
            ],
        }});
        assert_eq!(pod, expected);
        let of_task = |resource: Resource| {
            let task = json!({"name": "n", "task_id": {"value": "t"}, "agent_id": {"value": "a"}});
            let task = TaskInfo::from_json(task.to_string().as_bytes()).unwrap();
            let found = self::of_task(&TaskInfo { resources: vec![resource], ..task }, &there)?;
            Ok(found.into_iter().map(|volume| (volume.task_id.value, volume.path, volume.uid)).collect::<Vec<_>>())
        };
        assert_eq!(of_task(volume("b", "b")), Ok(vec![("t".into(), "b".into(), "U2".into())]));
        assert_eq!(of_task(volume("c", "c")), Err("there is no persistent volume 'c'".to_owned()));
        assert!(lacks(&there, [volume("c", "c")].iter()) && !lacks(&there, first.iter()));
        assert_eq!(
            mount(&mut pod, &there, &[(None, &[volume("c", "c")])], &[]),
            Err("there is no persistent volume 'c'".to_owned())
        );
    }
}
