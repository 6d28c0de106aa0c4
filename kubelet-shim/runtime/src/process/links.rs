//! Volumes of a process: it sees the node's files, so a volume is a link in its working folder.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::{cri, labels};

/// What every container gets and a process does without: it has the node's.
const NODES_OWN: [&str; 2] = ["/etc/hosts", "/var/run/secrets/kubernetes.io/serviceaccount"];

/// Makes the links of a container's mounts; the error is a text for its status.
pub(super) fn make(config: &cri::ContainerConfig, dir: &Path) -> Result<(), String> {
    let last_words = config.annotations.get(labels::TERMINATION_MESSAGE_PATH);
    for mount in &config.mounts {
        let (inside, outside) = (mount.container_path.as_str(), mount.host_path.as_str());
        if NODES_OWN.contains(&inside) || last_words.is_some_and(|path| path == inside) || inside == outside {
            continue;
        }
        let Some(place) = place(inside, dir) else {
            return Err(format!(
                "a process sees the node's files: its volumes can only be mounted below its working folder or where \
                 they are on the node, not at {inside:?}"
            ));
        };
        link(&place, outside).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    Ok(())
}

/// Where a path of a container is for a process in this folder, if it can be there.
fn place(inside: &str, dir: &Path) -> Option<PathBuf> {
    use std::path::Component;
    let inside = Path::new(inside);
    let relative = if inside.is_absolute() { inside.strip_prefix(dir).ok()? } else { inside };
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    (plain && relative.file_name().is_some()).then(|| dir.join(relative))
}

fn link(place: &Path, to: &str) -> io::Result<()> {
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent)?;
    }
    match symlink(to, place) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && fs::read_link(place).is_ok() => {
            fs::remove_file(place)?;
            symlink(to, place)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (inside, expected) in [
            ("data", Some("/w/data")),
            ("./a/b", Some("/w/./a/b")),
            ("/w/data", Some("/w/data")),
            ("/data", None),
            ("../data", None),
            ("/w", None),
            (".", None),
        ] {
            assert_eq!(place(inside, Path::new("/w")).as_deref(), expected.map(Path::new), "{inside}");
        }
    }
}
