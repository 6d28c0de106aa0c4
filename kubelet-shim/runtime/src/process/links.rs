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
        add(inside, Path::new(outside), dir)?;
    }
    Ok(())
}

/// Has a process in the folder `dir` find at `inside` what is at `outside`.
///
/// # Errors
/// If that is a place where the process sees the node's own files, or the link cannot be made; a text for a status.
pub fn add(inside: &str, outside: &Path, dir: &Path) -> Result<(), String> {
    let Some(place) = place(inside, dir) else {
        return Err(format!(
            "a process sees the node's files: its volumes can only be mounted below its working folder or where they \
             are on the node, not at {inside:?}"
        ));
    };
    link(&place, outside).map_err(|error| format!("{}: {error}", place.display()))
}

/// Takes away what [`add`] made; anything else at that place stays.
pub fn remove(inside: &str, outside: &Path, dir: &Path) {
    if let Some(place) = place(inside, dir)
        && fs::read_link(&place).is_ok_and(|to| to == outside)
    {
        // One that stays harms nobody.
        let _ = fs::remove_file(place);
    }
}

/// Where a path of a container is for a process in this folder, if it can be there.
fn place(inside: &str, dir: &Path) -> Option<PathBuf> {
    use std::path::Component;
    let inside = Path::new(inside);
    let relative = if inside.is_absolute() { inside.strip_prefix(dir).ok()? } else { inside };
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    (plain && relative.file_name().is_some()).then(|| dir.join(relative))
}

fn link(place: &Path, to: &Path) -> io::Result<()> {
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
    fn links_go_where_they_went_when_they_were_made() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Path::new("/volumes/one"), Path::new("/volumes/other"));
        let at = || fs::read_link(dir.path().join("a/data")).ok();
        add("a/data", one, dir.path()).unwrap();
        assert_eq!(at().as_deref(), Some(one));
        add("a/data", other, dir.path()).unwrap();
        remove("a/data", one, dir.path());
        assert_eq!(at().as_deref(), Some(other));
        remove("a/data", other, dir.path());
        assert_eq!(at(), None);
        assert!(add("../data", one, dir.path()).is_err());
        fs::write(dir.path().join("a/data"), "").unwrap();
        assert!(add("a/data", one, dir.path()).is_err());
    }

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
