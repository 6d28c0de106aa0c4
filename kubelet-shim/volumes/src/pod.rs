//! All volumes of one Pod.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;

use crate::payload::{self, DEFAULT_MODE, Payload, Reader, Source, Token, TokenWish};
use crate::spec::{EmptyDir, PodSpec, Volume};
use crate::{Result, VolumeError, atomic, host_path, ownership, persistent};

/// The volumes of one Pod, in a folder of its own.
pub struct PodVolumes {
    dir: PathBuf,
    /// Where the node's persistent volumes are.
    persistent: PathBuf,
    tokens: BTreeMap<TokenWish, (Token, Timestamp)>,
}

impl PodVolumes {
    /// Volumes below `dir`, the folder of one Pod, and of the node's `persistent` ones. Nothing is made yet.
    pub fn new(dir: impl Into<PathBuf>, persistent: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), persistent: persistent.into(), tokens: BTreeMap::new() }
    }

    /// Makes all volumes of the Pod, or brings them up to date. Idempotent; blocking file work is short.
    pub async fn prepare(&mut self, pod: &Value, source: &dyn Source, now: Timestamp) -> Result<()> {
        let spec = PodSpec::deserialize(&pod["spec"]).unwrap_or_default();
        for volume in &spec.volumes {
            let done = self.prepare_one(volume, &spec, source, now).await;
            done.map_err(|error| VolumeError::SetUp { volume: volume.name.clone(), source: Box::new(error) })?;
        }
        Ok(())
    }

    /// Whether something in this Pod's volumes can change while it runs.
    pub fn changes(pod: &Value) -> bool {
        let spec = PodSpec::deserialize(&pod["spec"]).unwrap_or_default();
        spec.volumes.iter().any(|volume| {
            volume.config_map.is_some()
                || volume.secret.is_some()
                || volume.projected.is_some()
                || volume.downward_api.is_some()
        })
    }

    /// Unmounts and deletes all volumes, and the Pod's folder with them. The node's own paths (hostPath) and
    /// persistent volumes stay.
    pub fn remove(&self) -> Result<()> {
        let volumes = self.dir.join("volumes");
        for kind in std::fs::read_dir(&volumes).into_iter().flatten().flatten() {
            for volume in std::fs::read_dir(kind.path()).into_iter().flatten().flatten() {
                unmount(&volume.path())?;
            }
        }
        match std::fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(VolumeError::file(&self.dir)(error)),
            _ => Ok(()),
        }
    }

    /// Where a volume is on the node; none if the Pod has no volume of that name.
    pub(crate) fn path(&self, pod: &Value, name: &str) -> Option<PathBuf> {
        let volumes = pod["spec"]["volumes"].as_array()?;
        let volume = Volume::deserialize(volumes.iter().find(|volume| volume["name"] == name)?).ok()?;
        match volume {
            Volume { host_path: Some(host), .. } => Some(host.path.into()),
            Volume { csi: Some(csi), .. } => persistent::path(&self.persistent, &csi).ok(),
            _ => Some(self.folder(&volume)),
        }
    }

    /// The Pod's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn folder(&self, volume: &Volume) -> PathBuf {
        let kind = match volume {
            Volume { config_map: Some(_), .. } => "kubernetes.io~configmap",
            Volume { secret: Some(_), .. } => "kubernetes.io~secret",
            Volume { projected: Some(_), .. } => "kubernetes.io~projected",
            Volume { downward_api: Some(_), .. } => "kubernetes.io~downward-api",
            _ => "kubernetes.io~empty-dir",
        };
        self.dir.join("volumes").join(kind).join(&volume.name)
    }

    async fn prepare_one(
        &mut self,
        volume: &Volume,
        spec: &PodSpec,
        source: &dyn Source,
        now: Timestamp,
    ) -> Result<()> {
        let group = spec.security_context.fs_group;
        let mut files = Payload::new();
        match volume {
            Volume { config_map: Some(object), .. } => {
                payload::config_map(source, object, DEFAULT_MODE, &mut files).await?;
            }
            Volume { secret: Some(object), .. } => payload::secret(source, object, DEFAULT_MODE, &mut files).await?,
            Volume { downward_api: Some(items), .. } => {
                let mode = items.default_mode.unwrap_or(DEFAULT_MODE);
                payload::downward(source, items, mode, &mut files)?;
            }
            Volume { projected: Some(parts), .. } => {
                let reader = Reader { user: spec.security_context.run_as_user, group };
                payload::projected(source, parts, reader, &mut self.tokens, now, &mut files).await?;
            }
            Volume { empty_dir: Some(empty), .. } => return empty_dir(&self.folder(volume), empty, group),
            Volume { host_path: Some(host), .. } => return host_path::prepare(host),
            Volume { csi: Some(csi), .. } => return persistent::prepare(&self.persistent, csi),
            _ => return Err(VolumeError::Content("no volume plugin matched".into())),
        }
        atomic::write(&self.folder(volume), &files, group, now).map(|_| ())
    }
}

fn empty_dir(dir: &Path, volume: &EmptyDir, group: Option<u32>) -> Result<()> {
    if dir.exists() {
        return Ok(());
    }
    // Made under another name first: a folder that exists is one that is complete.
    std::fs::create_dir_all(dir).map_err(VolumeError::file(dir))?;
    if volume.medium == "Memory" {
        let options = match bytes(&volume.size_limit) {
            Some(size) => format!("size={size}"),
            None => "size=50%".to_owned(),
        };
        let options = std::ffi::CString::new(options).map_err(|error| VolumeError::Content(error.to_string()))?;
        let flags = rustix::mount::MountFlags::empty();
        if let Err(error) = rustix::mount::mount("tmpfs", dir, "tmpfs", flags, options.as_c_str()) {
            let _ = std::fs::remove_dir(dir);
            return Err(VolumeError::file(dir)(error.into()));
        }
    }
    ownership::set(dir, 0o777)?;
    match group {
        Some(group) => ownership::give_to_group(dir, group, 0o660),
        None => Ok(()),
    }
}

fn bytes(limit: &Value) -> Option<i64> {
    let quantity: kubernel_meta::Quantity = limit.as_str()?.parse().ok()?;
    Some(quantity.value()).filter(|bytes| *bytes > 0)
}

/// Unmounts what is mounted there; what is not a mount point stays as it is.
fn unmount(path: &Path) -> Result<()> {
    use rustix::mount::{UnmountFlags, unmount};
    match unmount(path, UnmountFlags::DETACH) {
        Ok(()) | Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(VolumeError::file(path)(error.into())),
    }
}
