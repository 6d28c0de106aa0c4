//! What is written down of executors and their tasks, so that both outlive whoever watches over them.
//!
//! A folder per executor, below it two files per task: what was asked for, written once, and how far it is. Frameworks that
//! ask for checkpoints get every file on the disk before the next step; those of others are written, too, but may be lost
//! with the whole machine.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use kubernel_mesos_proto::Message;
use kubernel_mesos_proto::v1::FrameworkInfo;

use crate::identity::file_name;
use crate::record::{ExecutorRecord, Progress, TaskRecord};
use crate::{Error, Result};

const EXECUTOR: &str = "executor";
const TASK: &str = "task";
const PROGRESS: &str = "progress";

/// The folder of one executor.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    durable: bool,
}

impl Folder {
    /// The one for an executor below `root`.
    pub(crate) fn of(root: &Path, framework: &FrameworkInfo, executor: &str) -> Self {
        let id = framework.id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
        Self { path: root.join(file_name(id)).join(file_name(executor)), durable: framework.checkpoint }
    }

    pub(crate) fn write_executor(&self, record: &ExecutorRecord) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(Error::file(&self.path))?;
        self.write(self.path.join(EXECUTOR), record)
    }

    pub(crate) fn write_task(&self, record: &TaskRecord) -> Result<()> {
        self.write(self.file(&record.info.task_id.value, TASK), record)
    }

    pub(crate) fn write_progress(&self, task: &str, progress: &Progress) -> Result<()> {
        self.write(self.file(task, PROGRESS), progress)
    }

    pub(crate) fn remove_task(&self, task: &str) {
        for kind in [TASK, PROGRESS] {
            // What is left behind is found and removed with the executor.
            let _ = fs::remove_file(self.file(task, kind));
        }
    }

    pub(crate) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }

    fn file(&self, task: &str, kind: &str) -> PathBuf {
        self.path.join(format!("{}.{kind}", file_name(task)))
    }

    fn write(&self, path: PathBuf, message: &impl Message) -> Result<()> {
        self.replace(&path, &message.encode()).map_err(Error::file(path))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let mut file = File::create(&name)?;
        file.write_all(bytes)?;
        if self.durable {
            file.sync_all()?;
        }
        fs::rename(&name, path)?;
        if self.durable {
            File::open(&self.path)?.sync_all()?;
        }
        Ok(())
    }
}

/// An executor as it was left.
pub(crate) struct Found {
    pub(crate) record: ExecutorRecord,
    /// In their order.
    pub(crate) tasks: Vec<(TaskRecord, Progress)>,
}

/// Reads all executors below `root`. What cannot be read is left alone and told.
pub(crate) fn read_all(root: &Path) -> Result<Vec<Found>> {
    fs::create_dir_all(root).map_err(Error::file(root))?;
    let mut all = Vec::new();
    for framework in entries(root)? {
        for executor in entries(&framework)? {
            match read::<ExecutorRecord>(&executor.join(EXECUTOR)) {
                Some(record) => all.push(Found { record, tasks: tasks(&executor)? }),
                None => tracing::warn!(path = %executor.display(), "an executor's record cannot be read"),
            }
        }
    }
    Ok(all)
}

fn tasks(dir: &Path) -> Result<Vec<(TaskRecord, Progress)>> {
    let mut tasks: Vec<(TaskRecord, Progress)> = entries(dir)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == TASK))
        .filter_map(|path| {
            let record = read::<TaskRecord>(&path)?;
            Some((record, read(&path.with_extension(PROGRESS)).unwrap_or_default()))
        })
        .collect();
    tasks.sort_by_key(|(record, _)| record.number);
    Ok(tasks)
}

fn read<M: Message>(path: &Path) -> Option<M> {
    M::decode(&fs::read(path).ok()?).ok()
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(Error::file(dir))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}
