//! hostPath volumes: a path of the node, checked or made as its type says.

use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use crate::spec::HostPath;
use crate::{Result, VolumeError, ownership};

pub(crate) fn prepare(volume: &HostPath) -> Result<()> {
    let path = Path::new(&volume.path);
    let kind = std::fs::metadata(path).ok().map(|metadata| metadata.file_type());
    let complain =
        |what: &str| Err(VolumeError::Content(format!("hostPath type check failed: {} is not {what}", volume.path)));
    match (volume.r#type.as_str(), kind) {
        ("", _) => Ok(()),
        ("DirectoryOrCreate", None) => {
            std::fs::create_dir_all(path).map_err(VolumeError::file(path))?;
            ownership::set(path, 0o755)
        }
        ("FileOrCreate", None) => {
            let file = std::fs::File::options().create(true).append(true).open(path);
            file.map_err(VolumeError::file(path))?;
            ownership::set(path, 0o644)
        }
        ("Directory" | "DirectoryOrCreate", kind) if !kind.is_some_and(|kind| kind.is_dir()) => complain("a directory"),
        ("File" | "FileOrCreate", kind) if !kind.is_some_and(|kind| kind.is_file()) => complain("a file"),
        ("Socket", kind) if !kind.is_some_and(|kind| kind.is_socket()) => complain("a socket file"),
        ("CharDevice", kind) if !kind.is_some_and(|kind| kind.is_char_device()) => complain("a character device"),
        ("BlockDevice", kind) if !kind.is_some_and(|kind| kind.is_block_device()) => complain("a block device"),
        _ => Ok(()),
    }
}
