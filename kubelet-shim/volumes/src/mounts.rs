//! From a container's `volumeMounts` to places on the node.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use serde_json::Value;

use crate::{PodVolumes, Result, VolumeError};

/// One mount of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountPoint {
    /// The path on the node.
    pub host_path: PathBuf,
    /// The path in the container.
    pub container_path: String,
    /// No writing.
    pub read_only: bool,
    /// `None`, `HostToContainer` or `Bidirectional`.
    pub propagation: String,
}

impl PodVolumes {
    /// The mounts of a container. `expand` resolves the `$(NAME)` of `subPathExpr`.
    pub fn mounts(
        &self,
        pod: &Value,
        container: &Value,
        expand: impl Fn(&str) -> std::result::Result<String, String>,
    ) -> Result<Vec<MountPoint>> {
        let mut out = Vec::new();
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let name = mount["name"].as_str().unwrap_or_default();
            let Some(mut host_path) = self.path(pod, name) else {
                return Err(VolumeError::Content(format!("volume \"{name}\" not found")));
            };
            let sub_path = match (mount["subPath"].as_str(), mount["subPathExpr"].as_str()) {
                (Some(path), _) if !path.is_empty() => path.to_owned(),
                (_, Some(text)) if !text.is_empty() => {
                    let path = expand(text).map_err(VolumeError::Content)?;
                    if path.starts_with('/') {
                        return Err(VolumeError::Content(format!("subPath {path:?} must not be an absolute path")));
                    }
                    path
                }
                _ => String::new(),
            };
            if !sub_path.is_empty() {
                host_path = inside(&host_path, &sub_path)?;
            }
            out.push(MountPoint {
                host_path,
                container_path: mount["mountPath"].as_str().unwrap_or_default().to_owned(),
                read_only: mount["readOnly"] == true,
                propagation: mount["mountPropagation"].as_str().unwrap_or("None").to_owned(),
            });
        }
        Ok(out)
    }
}

/// A path below a volume, made if it is missing. Links that lead out of the volume are refused: the volume may be
/// written by a container that is not to see the node.
fn inside(volume: &Path, sub_path: &str) -> Result<PathBuf> {
    let path = volume.join(sub_path);
    if Path::new(sub_path).components().any(|part| matches!(part, Component::ParentDir)) {
        return Err(VolumeError::Content(format!("subPath {sub_path:?} must not contain '..'")));
    }
    if path.symlink_metadata().is_err() {
        make_folders(volume, sub_path)?;
    }
    let real = std::fs::canonicalize(&path).map_err(VolumeError::file(&path))?;
    let root = std::fs::canonicalize(volume).map_err(VolumeError::file(volume))?;
    if real.starts_with(&root) {
        return Ok(real);
    }
    Err(VolumeError::Content(format!("subPath {sub_path:?} leads outside of its volume")))
}

/// Makes the missing folders step by step, never through a link that leads outside.
fn make_folders(volume: &Path, sub_path: &str) -> Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::PATH;
    let mut here: OwnedFd =
        rustix::fs::open(volume, flags, Mode::empty()).map_err(|error| VolumeError::file(volume)(error.into()))?;
    let mut walked = volume.to_path_buf();
    // Who may use the volume may use its folders.
    let metadata = std::fs::metadata(volume).map_err(VolumeError::file(volume))?;
    let mode = Mode::from_raw_mode(metadata.permissions().mode() & 0o7777);
    for part in Path::new(sub_path).components() {
        let Component::Normal(name) = part else { continue };
        walked.push(name);
        let here_is = walked.clone();
        let fail = |error: rustix::io::Errno| VolumeError::file(&here_is)(error.into());
        match rustix::fs::mkdirat(&here, name, mode) {
            // Made with less than that where the umask says so.
            Ok(()) => rustix::fs::chmodat(&here, name, mode, AtFlags::empty()).map_err(fail)?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(fail(error)),
        }
        here = rustix::fs::openat2(&here, name, flags, Mode::empty(), ResolveFlags::BENEATH).map_err(fail)?;
    }
    Ok(())
}
