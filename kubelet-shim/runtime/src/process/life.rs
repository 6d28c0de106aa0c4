//! From a start to an end.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::enter::{Entry, PATH_DEFAULT};
use super::record::{self, ContainerRecord, Ended, Started};
use super::supervise::{self, Work};
use super::tree::{self, Process};
use super::{Container, Facts, KILLED, Phase, ProcessRuntime, links, new_id, not_found, refused, user, write_new};
use crate::cgroup::PodLimits;
use crate::{Result, RuntimeError, RuntimeEvent, cri};

/// How often a process is looked at that is not our child; of others the kernel tells.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

impl ProcessRuntime {
    pub(super) fn container(&self, id: &str) -> Result<Arc<Container>> {
        self.inner.state.lock().containers.get(id).cloned().ok_or_else(|| not_found("container", id))
    }

    /// Writes a new container down; nothing of it runs yet.
    pub(super) fn create(
        &self,
        sandbox_id: &str,
        config: cri::ContainerConfig,
        sandbox: &cri::PodSandboxConfig,
    ) -> Result<String> {
        if !self.inner.state.lock().sandboxes.contains_key(sandbox_id) {
            return Err(not_found("sandbox", sandbox_id));
        }
        if config.command.is_empty() && config.args.is_empty() {
            return Err(refused("no command specified: a process has no image that would say what to run"));
        }
        let id = new_id()?;
        let records = self.inner.root.join("containers").join(&id);
        let outfit = self.inner.outfitter.outfit(Facts { id: &id, sandbox, container: &config }).map_err(refused)?;
        let own_dir = outfit.dir.is_none();
        let parent = sandbox.linux.as_ref().map(|linux| linux.cgroup_parent.as_str()).unwrap_or_default();
        let log = Path::new(&sandbox.log_directory).join(&config.log_path);
        let log = std::path::absolute(&log).map_err(RuntimeError::file(log))?;
        let record = ContainerRecord {
            sandbox_id: sandbox_id.to_owned(),
            created_at: record::now(),
            dir: outfit.dir.unwrap_or_else(|| self.inner.root.join("work").join(&id)),
            own_dir,
            cgroup: format!("{}/{id}", parent.trim_end_matches('/')),
            log,
        };
        write_new(&records, record::CONTAINER, &record, &config)?;
        let (phase, _) = tokio::sync::watch::channel(Phase::Created);
        let container = Container { id: id.clone(), records, record, config, phase };
        self.inner.state.lock().containers.insert(id.clone(), Arc::new(container));
        Ok(id)
    }

    /// Starts a container; a failure is its end, too.
    pub(super) async fn start(&self, id: &str) -> Result<()> {
        let container = self.container(id)?;
        if !matches!(&*container.phase.borrow(), Phase::Created) {
            return Err(refused(format!("container {id:?} was started already")));
        }
        match self.bring_up(&container).await {
            Ok((started, child)) => {
                container.phase.send_replace(Phase::Running(started));
                tokio::spawn(self.clone().watch(container, started.supervisor, Some(child)));
                Ok(())
            }
            Err(error) => {
                let end = Ended { wait_status: 0, at: record::now(), error: error.clone() };
                record::write(&container.records.join(record::ENDED), &end)?;
                container.phase.send_replace(Phase::Ended { started_at: 0, end, oom: false });
                let _ = self.inner.events.send(RuntimeEvent::Exited(container.id.clone()));
                Err(refused(error))
            }
        }
    }

    async fn bring_up(&self, container: &Container) -> std::result::Result<(Started, Child), String> {
        let sandbox = {
            let state = self.inner.state.lock();
            let sandbox = state.sandboxes.get(&container.record.sandbox_id);
            sandbox.map(|sandbox| sandbox.config.clone()).ok_or("the sandbox is gone")?
        };
        let facts = Facts { id: &container.id, sandbox: &sandbox, container: &container.config };
        let entry = self.entry(container, facts)?;
        let owner = entry.user.as_ref().map(|user| (user.uid, user.gid));
        let dir = &container.record.dir;
        make_dir(dir, owner).map_err(|error| format!("{}: {error}", dir.display()))?;
        links::make(&container.config, dir)?;
        self.inner.outfitter.fill(facts, dir, owner).await?;
        let work =
            Work { entry, stdout: dir.join("stdout"), stderr: dir.join("stderr"), log: container.record.log.clone() };
        for file in [&work.stdout, &work.stderr] {
            give(file, owner).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        if let Some(folder) = work.log.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        record::write(&container.records.join(record::WORK), &work).map_err(|error| error.to_string())?;
        let words = supervise::command("run", &container.records);
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("the supervisor: {error}"))?;
        let mut answer = BufReader::new(child.stdout.take().ok_or("the supervisor says nothing")?);
        let mut said = String::new();
        answer.read_line(&mut said).await.map_err(|error| format!("the supervisor: {error}"))?;
        if said != supervise::RUNS {
            let _ = answer.read_to_string(&mut said).await;
            let _ = child.wait().await;
            return Err(if said.is_empty() { "the supervisor ended at once".into() } else { said });
        }
        let started = record::read(&container.records.join(record::STARTED));
        Ok((started.ok_or("the supervisor wrote nothing down")?, child))
    }

    /// What the container's process is to become.
    fn entry(&self, container: &Container, facts: Facts<'_>) -> std::result::Result<Entry, String> {
        let config = &container.config;
        let outfit = self.inner.outfitter.outfit(facts)?;
        let linux = config.linux.as_ref();
        let security = linux.and_then(|linux| linux.security_context.as_ref());
        let number = |value: &Option<cri::Int64Value>| value.as_ref().and_then(|id| u32::try_from(id.value).ok());
        let mut user = match (security.and_then(|context| number(&context.run_as_user)), &outfit.user) {
            (Some(uid), _) => Some(user::by_number(uid)),
            (None, Some(name)) => Some(user::by_name(name)?),
            (None, None) => None,
        };
        if let (Some(user), Some(context)) = (&mut user, security) {
            user.gid = number(&context.run_as_group).unwrap_or(user.gid);
            user.groups.extend(context.supplemental_groups.iter().filter_map(|gid| u32::try_from(*gid).ok()));
        }
        let own = std::env::var("PATH").unwrap_or_else(|_| PATH_DEFAULT.to_owned());
        let mut env = BTreeMap::from([("PATH".to_owned(), own)]);
        env.extend(outfit.env);
        env.extend(config.envs.iter().map(|pair| (pair.key.clone(), pair.value.clone())));
        let resources = linux.and_then(|linux| linux.resources.as_ref());
        let groups = self.inner.cgroups.make(&container.record.cgroup);
        if let Some(resources) = resources {
            self.inner.cgroups.limit(&container.record.cgroup, &limits(resources));
        }
        Ok(Entry {
            words: config.command.iter().chain(&config.args).cloned().collect(),
            env: env.into_iter().collect(),
            // An absolute path stays what it is.
            dir: container.record.dir.join(&config.working_dir),
            user,
            groups,
            oom_score_adj: resources.map_or(0, |resources| resources.oom_score_adj),
            reports: true,
            terminal: false,
        })
    }

    /// What a further command in a running container is to become, in a file for the one who becomes it.
    pub(super) fn write_entry(&self, id: &str, words: Vec<String>, terminal: bool) -> Result<PathBuf> {
        let container = self.container(id)?;
        if !container.is_running() {
            return Err(refused(format!("container {id:?} is not running")));
        }
        let work: Work = record::read(&container.records.join(record::WORK)).ok_or_else(|| not_found("work", id))?;
        let entry = Entry { words, reports: false, terminal, ..work.entry };
        let file = container.records.join(format!("{}.exec", new_id()?));
        record::write(&file, &entry)?;
        Ok(file)
    }

    /// SIGTERM for the tree, SIGKILL after a while; returns when it is over.
    pub(super) async fn stop(&self, id: &str, grace: Duration) -> Result<()> {
        let Ok(container) = self.container(id) else { return Ok(()) };
        if matches!(&*container.phase.borrow(), Phase::Created) {
            let end = Ended { wait_status: KILLED, at: record::now(), error: String::new() };
            record::write(&container.records.join(record::ENDED), &end)?;
            container.phase.send_replace(Phase::Ended { started_at: 0, end, oom: false });
            return Ok(());
        }
        let mut phase = container.phase.subscribe();
        let over = |phase: &Phase| matches!(phase, Phase::Ended { .. });
        for (signal, patience) in [(Signal::TERM, grace), (Signal::KILL, Duration::MAX)] {
            let Some(supervisor) = container.supervisor() else { return Ok(()) };
            if signal == Signal::TERM && grace.is_zero() {
                continue;
            }
            for pid in tree::below(supervisor.pid) {
                tree::signal(pid, signal);
            }
            if tokio::time::timeout(patience, phase.wait_for(over)).await.is_ok() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Forgets a container, whatever it does.
    pub(super) async fn remove(&self, id: &str) -> Result<()> {
        let Ok(container) = self.container(id) else { return Ok(()) };
        self.stop(id, Duration::ZERO).await?;
        self.inner.state.lock().containers.remove(id);
        self.inner.cgroups.remove(&container.record.cgroup);
        if container.record.own_dir {
            let _ = fs::remove_dir_all(&container.record.dir);
        }
        fs::remove_dir_all(&container.records).map_err(RuntimeError::file(&container.records))
    }

    /// Waits for a supervisor's end, whose child it ever was, and makes it the container's.
    pub(super) async fn watch(self, container: Arc<Container>, supervisor: Process, child: Option<Child>) {
        match child {
            Some(mut child) => drop(child.wait().await),
            None => end_of(supervisor).await,
        }
        let Phase::Running(started) = *container.phase.borrow() else { return };
        let file = container.records.join(record::ENDED);
        let end = record::read::<Ended>(&file).unwrap_or_else(|| {
            // The supervisor was killed itself; its child goes with it, and nobody knows more.
            if started.main.is_alive() {
                tree::signal(started.main.pid, Signal::KILL);
            }
            let end = Ended { wait_status: KILLED, at: record::now(), error: String::new() };
            if let Err(error) = record::write(&file, &end) {
                tracing::warn!(%error, "an end could not be written down");
            }
            end
        });
        self.inner.cgroups.kill(&container.record.cgroup);
        let oom = self.inner.cgroups.oom_kills(&container.record.cgroup) > 0;
        container.phase.send_replace(Phase::Ended { started_at: started.at, end, oom });
        // Without a receiver there is nobody to tell.
        let _ = self.inner.events.send(RuntimeEvent::Exited(container.id.clone()));
    }
}

/// Waits for the end of a process that is not our child.
async fn end_of(process: Process) {
    while process.is_alive() {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Makes a working folder, with a link `latest` to it where it is one of several runs.
fn make_dir(dir: &Path, owner: Option<(u32, u32)>) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    if let Some((uid, gid)) = owner {
        chown(dir, Some(uid), Some(gid))?;
    }
    if let (Some(runs), Some(name)) = (dir.parent(), dir.file_name())
        && runs.file_name().is_some_and(|runs| runs == "runs")
    {
        let fresh = runs.join(format!(".latest-{}", name.to_string_lossy()));
        let _ = fs::remove_file(&fresh);
        symlink(name, &fresh)?;
        fs::rename(&fresh, runs.join("latest"))?;
    }
    Ok(())
}

fn give(file: &Path, owner: Option<(u32, u32)>) -> std::io::Result<()> {
    super::output::append(file)?;
    match owner {
        Some((uid, gid)) => chown(file, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

/// CRI's limits of a container as those of a group.
pub(super) fn limits(resources: &cri::LinuxContainerResources) -> PodLimits {
    let positive = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
    PodLimits {
        cpu_shares: positive(resources.cpu_shares).unwrap_or(1024),
        cpu_quota_us: positive(resources.cpu_quota),
        memory_bytes: positive(resources.memory_limit_in_bytes),
    }
}
