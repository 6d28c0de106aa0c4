//! Nested containers: processes that are run inside the container of a task or an executor, by its executor or by somebody
//! who looks into it.
//!
//! They live as long as the agent that started them. Those with a session have their streams in HTTP connections
//! ([`io`]) and end with the one for output; others write into the sandbox.

mod calls;
mod io;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use kubernel_mesos_proto::v1::{CommandInfo, ContainerID};
use kubernel_runtime::cri::ExecRequest;
use kubernel_streams::remote_command::{BoxWriter, Exit, StreamOptions, TerminalSize};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub(crate) use self::calls::{RECORDIO, answer};
pub(crate) use self::io::attach_input;
use crate::Executors;
use crate::http::{Form, Refusal, bad};
use crate::identity::file_name;

/// The most that are kept; the ended ones make room first.
const CONTAINERS_MAX: usize = 1_024;
/// What `waitpid` says of a process that was killed.
const KILLED: i32 = 9;

/// The nested containers of a node, by their full identifiers.
#[derive(Default)]
pub(crate) struct Nested(Mutex<HashMap<String, Arc<Container>>>);

/// One of them.
pub(crate) struct Container {
    /// How it ended, once it has.
    ended: watch::Receiver<Option<End>>,
    stop: CancellationToken,
    input: Arc<Input>,
    resize: Option<mpsc::Sender<TerminalSize>>,
}

/// The way to a process that has not ended, and to which more may be said.
type Input = tokio::sync::Mutex<Option<BoxWriter>>;

/// How a nested container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    /// As `waitpid` tells it; `None` where it could not run.
    wait_status: Option<i32>,
    message: Option<String>,
}

impl Nested {
    /// The one with this identifier, or 404 as Mesos words it.
    fn find(&self, id: &ContainerID) -> Result<Arc<Container>, Refusal> {
        let id = full(id);
        let found = self.0.lock().get(&id).cloned();
        found.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("Container {id} cannot be found")))
    }

    /// Forgets one that has ended.
    fn remove(&self, id: &ContainerID) -> Result<(), Refusal> {
        if self.find(id)?.ended.borrow().is_none() {
            let text =
                format!("Failed to remove nested container {}: Nested container has not terminated yet", full(id));
            return Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, text));
        }
        self.0.lock().remove(&full(id));
        Ok(())
    }

    /// Whether a new one may have this identifier: asked before it is started, and again when it is.
    fn check_new(known: &HashMap<String, Arc<Container>>, id: &str) -> Result<(), Refusal> {
        if known.contains_key(id) { Err(bad(format!("Container {id} is already launched"))) } else { Ok(()) }
    }

    fn insert(&self, id: String, container: Container) -> Result<(), Refusal> {
        let mut known = self.0.lock();
        Self::check_new(&known, &id)?;
        if known.len() >= CONTAINERS_MAX {
            known.retain(|_, other| other.ended.borrow().is_none());
        }
        if known.len() >= CONTAINERS_MAX {
            let text = format!("This agent has {CONTAINERS_MAX} nested containers, which is the most it takes");
            return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, text));
        }
        known.insert(id, Arc::new(container));
        Ok(())
    }
}

/// An identifier with those of its parents before it, as Mesos writes it.
fn full(id: &ContainerID) -> String {
    path(id).join(".")
}

/// The identifiers that lead to one, the outermost first.
fn path(id: &ContainerID) -> Vec<&str> {
    let mut path = id.parent.as_deref().map(path).unwrap_or_default();
    path.push(&id.value);
    path
}

/// The words of a command. Its environment is set by `env`, for a container gives its own to whatever runs in it.
fn words(command: &CommandInfo) -> Result<Vec<String>, Refusal> {
    let value = command.value.clone().filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| bad("Failed to validate agent::Call: the command has no value"))?;
    let mut words = Vec::new();
    let variables = command.environment.iter().flat_map(|environment| &environment.variables);
    let variables: Vec<String> =
        variables.filter_map(|one| Some(format!("{}={}", one.name, one.value.as_ref()?))).collect();
    if !variables.is_empty() {
        words.push("env".to_owned());
        words.extend(variables);
    }
    if command.shell {
        words.extend(["/bin/sh".to_owned(), "-c".to_owned(), value]);
    } else {
        words.push(value);
        // The first is the name by which the program is called: that stays its path.
        words.extend(command.arguments.iter().skip(1).cloned());
    }
    Ok(words)
}

impl Executors {
    /// Starts a nested container with a session; its output, in records.
    async fn start_session(
        &self,
        id: &ContainerID,
        command: &CommandInfo,
        tty: bool,
        form: Form,
    ) -> Result<mpsc::Receiver<Bytes>, Refusal> {
        let options = StreamOptions { stdin: true, stdout: true, stderr: !tty, tty };
        let (process, container, over) = self.start(id, command, options).await?;
        let stop = container.stop.clone();
        self.inner.nested.insert(full(id), container)?;
        let (records, receiver) = mpsc::channel(io::RECORDS_MAX);
        tokio::spawn(async move {
            let output = io::pump(process.stdout, process.stderr, form, records.clone());
            over.finish(process.exit, output, async {
                tokio::select! {
                    () = stop.cancelled() => {}
                    // Nobody hears it any more.
                    () = records.closed() => {}
                }
            })
            .await;
        });
        Ok(receiver)
    }

    /// Starts a nested container that writes into the sandbox of the one in which it is.
    async fn start_quietly(&self, id: &ContainerID, command: &CommandInfo) -> Result<(), Refusal> {
        let folder = self.folder_of(id).await?;
        let options = StreamOptions { stdin: false, stdout: true, stderr: true, tty: false };
        let (process, container, over) = self.start(id, command, options).await?;
        let stop = container.stop.clone();
        self.inner.nested.insert(full(id), container)?;
        tokio::spawn(async move {
            let output = io::write(process.stdout, process.stderr, folder);
            over.finish(process.exit, output, stop.cancelled()).await;
        });
        Ok(())
    }

    async fn start(
        &self,
        id: &ContainerID,
        command: &CommandInfo,
        options: StreamOptions,
    ) -> Result<(kubernel_streams::remote_command::Process, Container, Over), Refusal> {
        Nested::check_new(&self.inner.nested.0.lock(), &full(id))?;
        let failed = |why: String| Refusal(StatusCode::INTERNAL_SERVER_ERROR, why);
        let host = self.inner.host.get().ok_or_else(|| failed("Agent has not finished recovery".into()))?;
        let StreamOptions { stdin, stdout, stderr, tty } = options;
        let request = ExecRequest { container_id: self.within(id), cmd: words(command)?, stdin, stdout, stderr, tty };
        let target = host.exec(request).await.map_err(bad)?;
        let mut process = target.start(options).await.map_err(|error| failed(error.to_string()))?;
        let (over, ended) = watch::channel(None);
        let input = Arc::new(Input::new(process.stdin.take()));
        let over = Over { told: over, input: input.clone() };
        let (stop, resize) = (CancellationToken::new(), process.resize.take());
        Ok((process, Container { ended, stop, input, resize }, over))
    }

    /// Where a nested container writes.
    async fn folder_of(&self, id: &ContainerID) -> Result<PathBuf, Refusal> {
        let sandbox = crate::state::sandbox_of(self, &self.within(id)).await.ok_or_else(|| {
            let root = path(id)[0];
            bad(format!("Container {root} has no sandbox on this agent: its output can only be had in a session"))
        })?;
        let names = path(id).into_iter().skip(1);
        Ok(names.fold(sandbox, |folder, name| folder.join("containers").join(file_name(name))))
    }

    /// The runtime's name of the container in which a nested one is. The outermost identifier is that of an executor's
    /// container or of a Pod, whose containers are the tasks of a group.
    fn within(&self, id: &ContainerID) -> String {
        let path = path(id);
        let name = path.get(1).filter(|_| path.len() > 2).copied();
        let found = self.inner.host.get().and_then(|host| host.container(path[0], name));
        found.unwrap_or_else(|| path[0].to_owned())
    }
}

/// What is to be done when a container has ended.
struct Over {
    told: watch::Sender<Option<End>>,
    input: Arc<Input>,
}

impl Over {
    /// Waits for the end of a process and of its output, or for somebody who wants it to end.
    async fn finish(
        self,
        exit: impl Future<Output = Exit>,
        output: impl Future<Output = ()>,
        stopped: impl Future<Output = ()>,
    ) {
        let end = tokio::select! {
            (exit, ()) = async { tokio::join!(exit, output) } => match exit {
                Exit::Success => End { wait_status: Some(0), message: None },
                Exit::Code { code, .. } => End { wait_status: Some(code << 8), message: None },
                Exit::Failed { message } => End { wait_status: None, message: Some(message) },
            },
            // Whoever lets go of a process ends it.
            () = stopped => End { wait_status: Some(KILLED), message: None },
        };
        // Those who wait for it are told; whoever comes later sees it.
        self.told.send_replace(Some(end));
        // Its end is remembered for longer than its pipe is needed, in which somebody may still be writing.
        *self.input.lock().await = None;
    }
}

impl Container {
    /// How it ended; waits for that.
    async fn end(&self) -> End {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        end.unwrap_or(End { wait_status: None, message: None })
    }
}
