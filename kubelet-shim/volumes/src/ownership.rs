//! Who may read a volume: modes, and the group that `fsGroup` gives it to.

use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::path::Path;

use crate::{Result, VolumeError};

const SETGID: u32 = 0o2000;

/// Sets the mode of a folder and of all folders below.
pub(crate) fn folder_mode(dir: &Path, mode: u32) -> Result<()> {
    set(dir, mode)?;
    for entry in std::fs::read_dir(dir).map_err(VolumeError::file(dir))?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folder_mode(&entry.path(), mode)?;
        }
    }
    Ok(())
}

/// Gives everything below `path` to a group: `mask` is what the group (and the owner) may do with files; folders may
/// be entered too, and new files in them belong to the group.
pub(crate) fn give_to_group(path: &Path, group: u32, mask: u32) -> Result<()> {
    lchown(path, None, Some(group)).map_err(VolumeError::file(path))?;
    let metadata = path.symlink_metadata().map_err(VolumeError::file(path))?;
    if metadata.is_symlink() {
        return Ok(());
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if !metadata.is_dir() {
        return set(path, mode | mask);
    }
    set(path, mode | mask | 0o110 | SETGID)?;
    for entry in std::fs::read_dir(path).map_err(VolumeError::file(path))?.flatten() {
        give_to_group(&entry.path(), group, mask)?;
    }
    Ok(())
}

pub(crate) fn set(path: &Path, mode: u32) -> Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(VolumeError::file(path))
}
