//! What the agent says of itself: the old `/state`, and the reading calls of the operator API.

use std::path::PathBuf;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kubernel_mesos_proto::agent::{Call, Response as Answer, call, response};
use kubernel_mesos_proto::v1::{ContainerID, ExecutorID, FrameworkID, Metric, Task, TaskState, VersionInfo};
use kubernel_runtime::{Runtime as _, cri};
use serde_json::{Map, Value, json};

use crate::Executors;
use crate::book::{self, is_terminal};
use crate::files;
use crate::http::{self, Refusal, bad};
use crate::identity::{Identity, Info};
use crate::nested;

/// The version of Mesos whose API this is.
const VERSION: &str = "1.11.0";

/// `/version`
pub(crate) async fn version(request: Request) -> Response {
    http::json(
        &http::query(&request),
        &json!({"version": VERSION, "build_date": "", "build_time": 0, "build_user": ""}),
    )
}

/// `/metrics/snapshot`
pub(crate) async fn metrics(State(executors): State<Executors>, request: Request) -> Response {
    let numbers: Map<String, Value> =
        numbers(&executors).await.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    http::json(&http::query(&request), &Value::Object(numbers))
}

async fn numbers(executors: &Executors) -> Vec<(&'static str, f64)> {
    let running = runs(executors).await.into_iter().filter(|run| run.running).count();
    let book = executors.inner.book.lock();
    let waiting = book.executors.values().flat_map(|executor| executor.tasks.values());
    let staging = waiting.filter(|task| task.progress.latest.is_none()).count();
    #[expect(clippy::cast_precision_loss, reason = "no node has 2^53 processes")]
    let number = |count: usize| count as f64;
    vec![
        ("slave/uptime_secs", executors.inner.started.elapsed().as_secs_f64()),
        ("slave/registered", 1.0),
        ("slave/executors_running", number(running)),
        ("slave/executors_registering", number(book.executors.values().filter(|one| !one.has_subscribed()).count())),
        ("slave/tasks_staging", number(staging)),
    ]
}

/// A process of Mesos on this node.
struct Run {
    identity: Identity,
    container: String,
    running: bool,
}

/// All processes of Mesos, those that ended and are not forgotten among them.
async fn runs(executors: &Executors) -> Vec<Run> {
    let Some(runtime) = executors.runtime() else { return Vec::new() };
    let (Ok(sandboxes), Ok(containers)) = (runtime.sandboxes().await, runtime.containers().await) else {
        return Vec::new();
    };
    let identity = |id: &str| {
        let sandbox = sandboxes.iter().find(|sandbox| sandbox.id == id)?;
        Identity::read(&sandbox.annotations, None).ok().flatten()
    };
    containers
        .into_iter()
        .filter_map(|container| {
            Some(Run {
                identity: identity(&container.pod_sandbox_id)?,
                running: container.state == cri::ContainerState::ContainerRunning as i32,
                container: container.id,
            })
        })
        .collect()
}

/// `/state`
pub(crate) async fn state(State(executors): State<Executors>, request: Request) -> Response {
    let runs = runs(&executors).await;
    let mut frameworks: Map<String, Value> = Map::new();
    for run in &runs {
        let id = &run.identity.framework;
        let framework = frameworks
            .entry(id.clone())
            .or_insert_with(|| json!({"id": id, "name": "", "executors": [], "completed_executors": []}));
        let entry = executor(&executors, run);
        if let Some(info) = executors.inner.book.lock().executors.iter().find(|(key, _)| key.0 == *id) {
            framework["name"] = info.1.framework.name.clone().into();
            framework["user"] = info.1.framework.user.clone().into();
        }
        let list = if run.running { "executors" } else { "completed_executors" };
        if let Some(list) = framework[list].as_array_mut() {
            list.push(entry);
        }
    }
    let config = &executors.inner.config;
    let endpoint = config.endpoint();
    let all: Vec<Value> = frameworks.into_iter().map(|(_, framework)| framework).collect();
    let value = json!({
        "version": VERSION, "id": config.node_name, "pid": format!("slave(1)@{endpoint}"),
        "hostname": config.node_ip.to_string(), "attributes": {}, "resources": {}, "flags": {},
        "frameworks": all, "completed_frameworks": [],
    });
    http::json(&http::query(&request), &value)
}

fn executor(executors: &Executors, run: &Run) -> Value {
    let Identity { framework, executor, info } = &run.identity;
    let directory = executors.inner.outfits.places.runs(framework, executor).join(&run.container);
    let (name, source) = match info {
        Info::Task(task) => (task.name.clone(), task.task_id.value.clone()),
        Info::Executor(info) => (info.name.clone().unwrap_or_default(), info.source.clone().unwrap_or_default()),
    };
    let (mut tasks, mut queued, mut completed) = (Vec::new(), Vec::new(), Vec::new());
    match info {
        Info::Task(task) => {
            let state = if run.running { "TASK_RUNNING" } else { "TASK_FINISHED" };
            let entry = json!({"id": task.task_id.value, "name": task.name, "framework_id": framework,
                "executor_id": "", "slave_id": executors.inner.config.node_name, "state": state, "statuses": []});
            if run.running { tasks.push(entry) } else { completed.push(entry) }
        }
        Info::Executor(_) => {
            let book = executors.inner.book.lock();
            let known = book.executors.get(&(framework.clone(), executor.clone()));
            for (id, task) in known.into_iter().flat_map(|known| &known.tasks) {
                let state = task.progress.latest.as_ref().map(|latest| latest.state);
                let name = task.record.as_ref().map(|record| record.info.name.as_str()).unwrap_or_default();
                let entry = json!({"id": id, "name": name, "framework_id": framework, "executor_id": executor,
                    "slave_id": executors.inner.config.node_name, "statuses": [],
                    "state": state.unwrap_or(TaskState::Staging).name()});
                match state {
                    None if !task.progress.delivered => queued.push(entry),
                    Some(state) if is_terminal(state) => completed.push(entry),
                    _ => tasks.push(entry),
                }
            }
        }
    }
    json!({
        "id": executor, "name": name, "source": source, "container": run.container, "directory": directory,
        "resources": {}, "tasks": tasks, "queued_tasks": queued, "completed_tasks": completed,
    })
}

/// Where a process of Mesos has its sandbox.
pub(crate) async fn sandbox_of(executors: &Executors, container: &str) -> Option<PathBuf> {
    let run = runs(executors).await.into_iter().find(|run| run.container == container)?;
    let Identity { framework, executor, .. } = &run.identity;
    Some(executors.inner.outfits.places.runs(framework, executor).join(container))
}

/// `/api/v1`
pub(crate) async fn operator(State(executors): State<Executors>, request: Request) -> Result<Response, Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind == Some(nested::RECORDIO) {
        return nested::attach_input(&executors, request).await.map(|()| StatusCode::OK.into_response());
    }
    let (call, headers) = http::read::<Call>(request, "Call").await?;
    if let Some(answer) = nested::answer(&executors, &call, &headers).await? {
        return Ok(answer);
    }
    let form = http::accepted(&headers)?;
    let Some(kind) = call.r#type else {
        return Err(lacks("type"));
    };
    let mut answer = Answer::default();
    match kind {
        call::Type::GetHealth => {
            answer.r#type = Some(response::Type::GetHealth);
            answer.get_health = Some(response::GetHealth { healthy: true });
        }
        call::Type::GetVersion => {
            answer.r#type = Some(response::Type::GetVersion);
            let version_info = VersionInfo { version: VERSION.into(), ..VersionInfo::default() };
            answer.get_version = Some(response::GetVersion { version_info });
        }
        call::Type::GetMetrics => {
            answer.r#type = Some(response::Type::GetMetrics);
            let metrics = numbers(&executors).await.into_iter();
            let metrics = metrics.map(|(name, value)| Metric { name: name.to_owned(), value: Some(value) }).collect();
            answer.get_metrics = Some(response::GetMetrics { metrics });
        }
        call::Type::GetAgent => {
            answer.r#type = Some(response::Type::GetAgent);
            let agent_info = Some(executors.inner.book.lock().agent.clone());
            answer.get_agent = Some(response::GetAgent { agent_info, ..response::GetAgent::default() });
        }
        call::Type::GetFrameworks => {
            answer.r#type = Some(response::Type::GetFrameworks);
            answer.get_frameworks = Some(frameworks(&executors.inner.book.lock()));
        }
        call::Type::GetExecutors => {
            answer.r#type = Some(response::Type::GetExecutors);
            answer.get_executors = Some(known(&executors.inner.book.lock()));
        }
        call::Type::GetTasks => {
            answer.r#type = Some(response::Type::GetTasks);
            answer.get_tasks = Some(tasks(&executors.inner.book.lock()));
        }
        call::Type::GetState => {
            let book = executors.inner.book.lock();
            answer.r#type = Some(response::Type::GetState);
            answer.get_state = Some(response::GetState {
                get_tasks: Some(tasks(&book)),
                get_executors: Some(known(&book)),
                get_frameworks: Some(frameworks(&book)),
            });
        }
        call::Type::GetContainers => {
            answer.r#type = Some(response::Type::GetContainers);
            let running = runs(&executors).await.into_iter().filter(|run| run.running).map(|run| response::Container {
                framework_id: Some(FrameworkID { value: run.identity.framework }),
                executor_id: Some(ExecutorID { value: run.identity.executor }),
                container_id: ContainerID { value: run.container, parent: None },
                ..response::Container::default()
            });
            answer.get_containers = Some(response::GetContainers { containers: running.collect() });
        }
        call::Type::ListFiles => {
            answer.r#type = Some(response::Type::ListFiles);
            let list = call.list_files.ok_or_else(|| lacks("list_files"))?;
            answer.list_files = Some(files::list_files(&executors, &list)?);
        }
        call::Type::ReadFile => {
            answer.r#type = Some(response::Type::ReadFile);
            let read = call.read_file.ok_or_else(|| lacks("read_file"))?;
            answer.read_file = Some(files::read_file(&executors, &read)?);
        }
        _ => return Ok(StatusCode::NOT_IMPLEMENTED.into_response()),
    }
    Ok(http::answer(form, &answer))
}

fn lacks(field: &str) -> Refusal {
    bad(format!("Failed to validate agent::Call: Expecting '{field}' to be present"))
}

fn frameworks(book: &book::Book) -> response::GetFrameworks {
    let mut infos: Vec<_> = book.executors.values().map(|executor| executor.framework.clone()).collect();
    infos.dedup_by(|one, other| one.id == other.id);
    let frameworks = infos.into_iter().map(|framework_info| response::Framework { framework_info }).collect();
    response::GetFrameworks { frameworks, ..response::GetFrameworks::default() }
}

fn known(book: &book::Book) -> response::GetExecutors {
    let infos = book.executors.values().map(|executor| response::Executor { executor_info: executor.info.clone() });
    response::GetExecutors { executors: infos.collect(), ..response::GetExecutors::default() }
}

fn tasks(book: &book::Book) -> response::GetTasks {
    let mut all = response::GetTasks::default();
    for (key, executor) in &book.executors {
        for (id, task) in &executor.tasks {
            let latest = task.progress.latest.as_ref();
            let state = latest.map_or(TaskState::Staging, |latest| latest.state);
            let info = task.record.as_ref().map(|record| &record.info);
            let entry = Task {
                name: info.map(|info| info.name.clone()).unwrap_or_default(),
                task_id: kubernel_mesos_proto::v1::TaskID { value: id.clone() },
                framework_id: FrameworkID { value: key.0.clone() },
                executor_id: Some(ExecutorID { value: key.1.clone() }),
                agent_id: book.agent.id.clone().unwrap_or_default(),
                state,
                resources: info.map(|info| info.resources.clone()).unwrap_or_default(),
                statuses: latest.cloned().into_iter().collect(),
                ..Task::default()
            };
            match () {
                () if is_terminal(state) => all.terminated_tasks.push(entry),
                () if !task.progress.delivered => all.queued_tasks.push(entry),
                () => all.launched_tasks.push(entry),
            }
        }
    }
    all
}
