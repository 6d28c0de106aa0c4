//! Replacing all files of a volume at once.
//!
//! The files live in a folder named after the time; `..data` is a symbolic link to it; what a container sees are
//! links through `..data`. Moving `..data` to a new folder changes every file in one step. The names are upstream's,
//! because programs watch for `..data` to change.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;

use crate::ownership;
use crate::payload::{FileBody, Payload};
use crate::{Result, VolumeError};

const DATA: &str = "..data";
const DATA_NEXT: &str = "..data_tmp";

/// Makes `dir` contain exactly `files`; false when it already did.
pub(crate) fn write(dir: &Path, files: &Payload, group: Option<u32>, now: Timestamp) -> Result<bool> {
    for path in files.keys() {
        check_path(path)?;
    }
    std::fs::create_dir_all(dir).map_err(VolumeError::file(dir))?;
    let data = dir.join(DATA);
    if same(&data, files) {
        return Ok(false);
    }
    let old = std::fs::read_link(&data).ok();
    let fresh = fresh_folder(dir, now)?;
    for (path, body) in files {
        write_file(&fresh, path, body)?;
    }
    ownership::folder_mode(&fresh, 0o755)?;
    if let Some(group) = group {
        ownership::give_to_group(&fresh, group, 0o440)?;
    }
    for (path, body) in files {
        if let Some(user) = body.user {
            let path = fresh.join(path);
            std::os::unix::fs::chown(&path, Some(user), None).map_err(VolumeError::file(&path))?;
        }
    }
    let name = fresh.file_name().map(PathBuf::from).unwrap_or_default();
    let next = dir.join(DATA_NEXT);
    let _ = std::fs::remove_file(&next);
    symlink(&name, &next).map_err(VolumeError::file(&next))?;
    std::fs::rename(&next, &data).map_err(VolumeError::file(&data))?;
    link_entries(dir, files)?;
    if let Some(old) = old {
        let _ = std::fs::remove_dir_all(dir.join(old));
    }
    Ok(true)
}

fn check_path(path: &str) -> Result<()> {
    let bad = path.is_empty()
        || path.starts_with("..")
        || Path::new(path).components().any(|part| !matches!(part, Component::Normal(_)));
    if bad { Err(VolumeError::Content(format!("invalid path: {path:?}"))) } else { Ok(()) }
}

fn fresh_folder(dir: &Path, now: Timestamp) -> Result<PathBuf> {
    let stamp = now.strftime("..%Y_%m_%d_%H_%M_%S.");
    for salt in 0..1000 {
        let path = dir.join(format!("{stamp}{:09}", now.subsec_nanosecond().wrapping_add(salt)));
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(VolumeError::file(path)(error)),
        }
    }
    Err(VolumeError::Content(format!("no free name in {}", dir.display())))
}

fn write_file(dir: &Path, path: &str, body: &FileBody) -> Result<()> {
    let path = dir.join(path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(VolumeError::file(parent))?;
    }
    std::fs::write(&path, &body.data).map_err(VolumeError::file(&path))?;
    let mode = std::fs::Permissions::from_mode(body.mode);
    std::fs::set_permissions(&path, mode).map_err(VolumeError::file(&path))
}

/// Whether the files under `data` are those of `files`, by content; modes follow from the spec, which cannot change.
fn same(data: &Path, files: &Payload) -> bool {
    if !data.exists() {
        return false;
    }
    let mut found = BTreeSet::new();
    collect(data, data, &mut found);
    found.len() == files.len()
        && files.iter().all(|(path, body)| {
            found.contains(path) && std::fs::read(data.join(path)).is_ok_and(|data| data == body.data)
        })
}

fn collect(root: &Path, dir: &Path, out: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(root, &path, out);
        } else if let Ok(relative) = path.strip_prefix(root) {
            out.insert(relative.to_string_lossy().into_owned());
        }
    }
}

/// The visible names: one link per first path component. Links to what is gone are removed.
fn link_entries(dir: &Path, files: &Payload) -> Result<()> {
    let wanted: BTreeSet<&str> = files.keys().filter_map(|path| path.split('/').next()).collect();
    for entry in std::fs::read_dir(dir).map_err(VolumeError::file(dir))?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !wanted.contains(name.as_ref()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    for name in wanted {
        let link = dir.join(name);
        if link.symlink_metadata().is_err() {
            symlink(Path::new(DATA).join(name), &link).map_err(VolumeError::file(&link))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(files: &[(&str, &str)]) -> Payload {
        let body = |text: &str| FileBody { data: text.into(), mode: 0o640, user: None };
        files.iter().map(|(path, text)| ((*path).to_owned(), body(text))).collect()
    }

    /// Writes one payload after the other; after each the folder must show exactly that.
    #[test]
    fn every_state_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let states: [(&[(&str, &str)], bool); 5] = [
            (&[("a", "1"), ("sub/b", "2")], true),
            (&[("a", "1"), ("sub/b", "2")], false),
            (&[("a", "3"), ("sub/c", "2")], true),
            (&[], true),
            (&[("a", "4")], true),
        ];
        for (second, (files, changed)) in states.into_iter().enumerate() {
            let now = Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
            let files = payload(files);
            assert_eq!(write(dir.path(), &files, None, now).unwrap(), changed, "{files:?}");
            for (path, body) in &files {
                let path = dir.path().join(path);
                assert_eq!(std::fs::read(&path).unwrap(), body.data);
                assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
            }
            let mut visible = BTreeSet::new();
            for entry in std::fs::read_dir(dir.path()).unwrap() {
                visible.insert(entry.unwrap().file_name().into_string().unwrap());
            }
            let hidden = visible.iter().filter(|name| name.starts_with("..")).count();
            assert_eq!(hidden, 2, "one data folder and its link: {visible:?}");
            let tops: BTreeSet<_> = files.keys().map(|path| path.split('/').next().unwrap()).collect();
            assert_eq!(visible.len() - hidden, tops.len());
        }
    }

    #[test]
    fn paths_that_lead_outside_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["", "../x", "/x", "a/../../x", "..data", "./x"] {
            let refused = write(dir.path(), &payload(&[(path, "")]), None, Timestamp::UNIX_EPOCH).is_err();
            assert!(refused, "{path}");
        }
    }
}
