//! Persistent volumes of frameworks: folders of the node that outlive the Pods which mount them, until they are destroyed.
//!
//! A Pod names one by an inline volume of the driver [`DRIVER`] with the attribute [`UID`]. The uid is drawn anew for each
//! volume that is made: whoever knows it may use it, and nobody finds what a volume of the same name held before.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::spec::Csi;
use crate::{Result, VolumeError, ownership};

/// The driver of inline volumes that are persistent volumes of frameworks.
pub const DRIVER: &str = "volumes.kernel.kubernel.io";
/// The attribute that says which one.
pub const UID: &str = "uid";

/// Destroys a volume of a node, whose persistent volumes are below `root`, with all that is in it.
///
/// # Errors
/// Where the uid is none, or the folder cannot be deleted. One that is not there is destroyed already.
pub fn destroy(root: &Path, uid: &str) -> Result<()> {
    let dir = folder(root, uid)?;
    match std::fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(VolumeError::file(dir)(error)),
        _ => Ok(()),
    }
}

/// Where a volume of a node is, whose persistent volumes are below `root`. Makes its folder, unless it is there: everybody may
/// write into a new one; what its users make of that stays. So it gets its name last: a node that ends in between leaves
/// none that only it may write into.
///
/// # Errors
/// Where the uid is none, or the folder cannot be made.
pub fn provide(root: &Path, uid: &str) -> Result<PathBuf> {
    let dir = folder(root, uid)?;
    if dir.exists() {
        return Ok(dir);
    }
    let made = dir.with_extension("new");
    std::fs::create_dir_all(&made).map_err(VolumeError::file(&made))?;
    ownership::set(&made, 0o777)?;
    match std::fs::rename(&made, &dir) {
        // Another user of the same volume was faster.
        Err(error) if !dir.exists() => Err(VolumeError::file(&dir)(error)),
        _ => Ok(dir),
    }
}

/// Has a Pod's volume be there.
pub(crate) fn prepare(root: &Path, volume: &Csi) -> Result<()> {
    provide(root, uid(volume)?).map(drop)
}

/// Where a Pod's volume is on the node.
pub(crate) fn path(root: &Path, volume: &Csi) -> Result<PathBuf> {
    folder(root, uid(volume)?)
}

fn uid(volume: &Csi) -> Result<&str> {
    if volume.driver != DRIVER {
        return Err(VolumeError::Content(format!("there is no CSI driver {:?} on this node", volume.driver)));
    }
    Ok(volume.volume_attributes.get(UID).map_or("", String::as_str))
}

/// Where a volume of a node is, or would be.
///
/// # Errors
/// Where the uid is none.
pub fn folder(root: &Path, uid: &str) -> Result<PathBuf> {
    let uid = Uuid::parse_str(uid).map_err(|_| VolumeError::Content(format!("{uid:?} is not a volume's uid")))?;
    Ok(root.join(uid.to_string()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;
    use crate::PodVolumes;

    const ONE: &str = "0a4ae43c-5bd2-4dbb-bd53-6b2e21f2c6a1";

    #[test]
    fn volumes_outlive_pods_and_are_destroyed_once() {
        let node = tempfile::tempdir().unwrap();
        let root = node.path().join("persistent");
        let csi = Csi { driver: DRIVER.to_owned(), volume_attributes: [(UID.to_owned(), ONE.to_owned())].into() };
        prepare(&root, &csi).unwrap();
        std::fs::write(root.join(ONE).join("kept"), "it").unwrap();
        prepare(&root, &csi).unwrap();
        let pod =
            json!({"spec": {"volumes": [{"name": "v", "csi": {"driver": DRIVER, "volumeAttributes": {UID: ONE}}}]}});
        let volumes = PodVolumes::new(node.path().join("pod"), &root);
        let place = volumes.path(&pod, "v").unwrap();
        assert_eq!(std::fs::read_to_string(place.join("kept")).unwrap(), "it");
        volumes.remove().unwrap();
        assert!(place.exists());
        for _ in 0..2 {
            destroy(&root, ONE).unwrap();
            assert!(!place.exists());
        }
    }

    #[test]
    fn everybody_may_write_into_one_that_a_node_did_not_finish() {
        let node = tempfile::tempdir().unwrap();
        let root = node.path().join("persistent");
        let begun = root.join(format!("{ONE}.new"));
        std::fs::create_dir_all(&begun).unwrap();
        std::fs::set_permissions(&begun, std::fs::Permissions::from_mode(0o700)).unwrap();
        let csi = Csi { driver: DRIVER.to_owned(), volume_attributes: [(UID.to_owned(), ONE.to_owned())].into() };
        prepare(&root, &csi).unwrap();
        let mode = std::fs::metadata(root.join(ONE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o777);
        assert!(!begun.exists());
    }

    #[test]
    fn names_lead_nowhere_else() {
        let root = Path::new("/r");
        for uid in ["", "..", "../x", "/etc", "0a4ae43c"] {
            assert!(destroy(root, uid).is_err(), "{uid}");
            let attributes = [(UID.to_owned(), uid.to_owned())].into();
            assert!(path(root, &Csi { driver: DRIVER.to_owned(), volume_attributes: attributes }).is_err(), "{uid}");
        }
        let other = Csi { driver: "csi.example.com".to_owned(), ..Csi::default() };
        let why = path(root, &other).unwrap_err().to_string();
        assert_eq!(why, "there is no CSI driver \"csi.example.com\" on this node");
    }
}
