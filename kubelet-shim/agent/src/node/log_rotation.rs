//! Keeping container logs small: a log that has grown too large is moved aside, and only a few are kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::NodeContext;

/// A log that is larger than this is rotated.
const LOG_BYTES_MAX: u64 = 10 << 20;
/// Files of one run of a container, the one being written included.
const FILES_MAX: usize = 5;
/// How often logs are looked at.
const INTERVAL: Duration = Duration::from_secs(10);

/// Rotates logs until `shutdown`.
pub(crate) async fn run(node: Arc<NodeContext>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = shutdown.cancelled() => return,
        }
        for (path, id) in large_logs(&node) {
            let aside = aside(&path, Timestamp::now());
            if std::fs::rename(&path, &aside).is_err() {
                continue;
            }
            if let Err(error) = node.runtime.reopen_log(&id).await {
                tracing::warn!(path = %path.display(), %error, "a log could not be rotated");
                // The runtime still writes to the moved file; give it its name back.
                let _ = std::fs::rename(&aside, &path);
                continue;
            }
            remove_oldest(&path);
        }
    }
}

/// Logs of running containers that have grown too large, with the containers' ids.
fn large_logs(node: &NodeContext) -> Vec<(PathBuf, String)> {
    let mut out = Vec::new();
    let views: Vec<_> = node.pods.lock().values().map(|handle| handle.view.borrow().clone()).collect();
    for view in views {
        let text = |field: &str| view.object["metadata"][field].as_str().unwrap_or_default();
        let folder = format!("{}_{}_{}", text("namespace"), text("name"), text("uid"));
        let folder = node.config.log_dir.join(folder);
        for (name, id, running) in &view.containers {
            if !running {
                continue;
            }
            let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
            let mut all = lists.iter().flat_map(|list| view.status[*list].as_array().into_iter().flatten());
            let status = all.find(|status| status["name"] == name.as_str());
            let attempt = status.and_then(|status| status["restartCount"].as_u64()).unwrap_or(0);
            let path = folder.join(name).join(format!("{attempt}.log"));
            if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX) {
                out.push((path, id.clone()));
            }
        }
    }
    out
}

fn aside(path: &Path, now: Timestamp) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(now.strftime(".%Y%m%d-%H%M%S").to_string());
    path.with_file_name(name)
}

/// Moved logs sort by time, since their names end with it.
fn remove_oldest(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
    let prefix = format!("{}.", name.to_string_lossy());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut moved: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
        .collect();
    moved.sort();
    let surplus = (moved.len() + 1).saturating_sub(FILES_MAX);
    for path in moved.into_iter().take(surplus) {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("0.log");
        for second in 0..7 {
            std::fs::write(aside(&path, Timestamp::from_second(second).unwrap()), "").unwrap();
        }
        std::fs::write(&path, "").unwrap();
        std::fs::write(dir.path().join("10.log"), "").unwrap();
        remove_oldest(&path);
        let mut names: Vec<String> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let time = |second: u32| format!("0.log.19700101-00000{second}");
        assert_eq!(names, ["0.log".into(), time(3), time(4), time(5), time(6), "10.log".into()]);
    }
}
