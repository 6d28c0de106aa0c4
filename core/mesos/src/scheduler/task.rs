//! What is wrong with a task or an executor, in Mesos' order and words. Pure.
//!
//! What depends on what is free, and whether an executor is the one that lives already, is the kernel's to say.

use kubernel_mesos_proto::v1::{
    CheckInfo, CheckType, CommandInfo, ContainerType, DurationInfo, ExecutorInfo, ExecutorType, HealthCheck,
    HealthCheckType, Resource, SecretType, TaskInfo, VariableType,
};

use crate::{framework, resources};

/// What a task is held against.
pub(super) struct Place<'a> {
    /// The agent of the offers.
    pub(super) agent: &'a str,
    /// The framework's identifier.
    pub(super) framework: &'a str,
}

/// The least that an executor of a group must have: CPUs and MiB.
const EXECUTOR_LEAST: (f64, f64) = (0.01, 32.0);

/// Checks a task that is launched by itself.
///
/// # Errors
///
/// What is wrong.
pub(super) fn check(task: &TaskInfo, place: &Place<'_>, is_known: bool) -> Result<(), String> {
    check_any(task, place, is_known)?;
    let Some(executor) = &task.executor else {
        return match &task.command {
            Some(_) => Ok(()),
            None => Err(one_of_both()),
        };
    };
    if task.command.is_some() {
        return Err(one_of_both());
    }
    check_executor(executor, place)?;
    if executor.r#type.is_some_and(|of| of != ExecutorType::Custom) {
        return Err("'ExecutorInfo.type' must be 'CUSTOM'".to_owned());
    }
    if executor.command.is_none() {
        return Err("'ExecutorInfo.command' must be set".to_owned());
    }
    if executor.resources.iter().any(|resource| resource.shared.is_some()) {
        let shown = resources::show_all(&executor.resources);
        return Err(format!("Executor resources {shown} should not contain any shared resources"));
    }
    Ok(())
}

/// Checks a task of a group.
///
/// # Errors
///
/// What is wrong.
pub(super) fn check_in_group(task: &TaskInfo, place: &Place<'_>, is_known: bool) -> Result<(), String> {
    let invalid = |why: String| format!("Task '{}' is invalid: {why}", task.task_id.value);
    check_any(task, place, is_known).map_err(invalid)?;
    if let Some(container) = &task.container {
        if !container.network_infos.is_empty() {
            return Err(invalid("NetworkInfos must not be set on the task".to_owned()));
        }
        if container.r#type == ContainerType::Docker {
            return Err(invalid("Docker ContainerInfo is not supported on the task".to_owned()));
        }
    }
    Ok(())
}

/// Checks the executor of a group.
///
/// # Errors
///
/// What is wrong.
pub(super) fn check_group_executor(
    executor: &ExecutorInfo,
    tasks: &[TaskInfo],
    place: &Place<'_>,
) -> Result<(), String> {
    check_executor(executor, place)?;
    match executor.r#type {
        None => return Err("'ExecutorInfo.type' must be set".to_owned()),
        Some(ExecutorType::Unknown) => return Err("Unknown executor type".to_owned()),
        Some(ExecutorType::Default | ExecutorType::Custom) => {}
    }
    let container = executor.container.as_ref();
    if container.is_some_and(|container| container.r#type == ContainerType::Docker) {
        return Err("Docker ContainerInfo is not supported on the executor".to_owned());
    }
    let id = &executor.executor_id.value;
    if let Some(other) = tasks.iter().find(|task| task.executor.as_ref().is_some_and(|own| **own != *executor)) {
        return Err(format!("The `ExecutorInfo` of task '{}' is different from executor '{id}'", other.task_id.value));
    }
    let sum = |name: &str| {
        let all: Vec<f64> = executor.resources.iter().filter(|one| one.name == name).filter_map(scalar).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>())
    };
    let shown = |value: Option<f64>| value.map_or_else(|| "None".to_owned(), |value| value.to_string());
    let (cpus, mem) = (sum("cpus"), sum("mem"));
    if cpus.is_none_or(|cpus| cpus < EXECUTOR_LEAST.0) {
        return Err(format!(
            "Executor '{id}' uses less CPUs ({}) than the minimum required ({})",
            shown(cpus),
            EXECUTOR_LEAST.0
        ));
    }
    if mem.is_none_or(|mem| mem < EXECUTOR_LEAST.1) {
        return Err(format!(
            "Executor '{id}' uses less memory ({}) than the minimum required ({}MB)",
            shown(mem),
            EXECUTOR_LEAST.1
        ));
    }
    if sum("disk").is_none() {
        return Err(format!("Executor '{id}' uses no disk"));
    }
    Ok(())
}

fn one_of_both() -> String {
    "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present".to_owned()
}

fn scalar(resource: &Resource) -> Option<f64> {
    resource.scalar.as_ref().map(|scalar| scalar.value)
}

fn check_any(task: &TaskInfo, place: &Place<'_>, is_known: bool) -> Result<(), String> {
    let id = &task.task_id.value;
    framework::check_id(id)?;
    if is_known {
        return Err(format!("Task has duplicate ID: {id}"));
    }
    if task.agent_id.value != place.agent {
        return Err(format!("Task uses invalid agent {} while agent {} is expected", task.agent_id.value, place.agent));
    }
    let negative = |duration: Option<&DurationInfo>| duration.is_some_and(|duration| duration.nanoseconds < 0);
    if negative(task.kill_policy.as_ref().and_then(|policy| policy.grace_period.as_ref())) {
        return Err("Task's 'kill_policy.grace_period' must be non-negative".to_owned());
    }
    if negative(task.max_completion_time.as_ref()) {
        return Err("Task's `max_completion_time` must be non-negative".to_owned());
    }
    if let Some(check) = &task.check {
        check_check(check).map_err(|why| format!("Task uses invalid check: {why}"))?;
    }
    if let Some(check) = &task.health_check {
        check_health(check).map_err(|why| format!("Task uses invalid health check: {why}"))?;
    }
    if task.resources.is_empty() {
        return Err("Task uses no resources".to_owned());
    }
    resources::check(&task.resources).map_err(|why| format!("Task uses invalid resources: {why}"))?;
    check_mix(&task.resources).map_err(|why| format!("Task mixes revocable and non-revocable resources: {why}"))?;
    if let Some(command) = &task.command {
        check_command(command).map_err(|why| format!("Task's `CommandInfo` is invalid: {why}"))?;
    }
    check_limits(task)
}

fn check_executor(executor: &ExecutorInfo, place: &Place<'_>) -> Result<(), String> {
    match executor.r#type {
        Some(ExecutorType::Default) => {
            if executor.command.is_some() {
                return Err("'ExecutorInfo.command' must not be set for 'DEFAULT' executor".to_owned());
            }
            if let Some(container) = &executor.container {
                if container.r#type != ContainerType::Mesos {
                    return Err("'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor".to_owned());
                }
                if container.mesos.as_ref().is_some_and(|mesos| mesos.image.is_some()) {
                    return Err(
                        "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor".to_owned()
                    );
                }
            }
        }
        Some(ExecutorType::Custom) if executor.command.is_none() => {
            return Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".to_owned());
        }
        _ => {}
    }
    framework::check_id(&executor.executor_id.value)?;
    match &executor.framework_id {
        None => return Err("'ExecutorInfo.framework_id' must be set".to_owned()),
        Some(id) if id.value != place.framework => {
            return Err(format!(
                "ExecutorInfo has an invalid FrameworkID (Actual: {} vs Expected: {})",
                id.value, place.framework
            ));
        }
        Some(_) => {}
    }
    if executor.shutdown_grace_period.as_ref().is_some_and(|grace| grace.nanoseconds < 0) {
        return Err("ExecutorInfo's 'shutdown_grace_period' must be non-negative".to_owned());
    }
    resources::check(&executor.resources).map_err(|why| format!("Executor uses invalid resources: {why}"))?;
    check_mix(&executor.resources)
        .map_err(|why| format!("Executor mixes revocable and non-revocable resources: {why}"))?;
    if let Some(command) = &executor.command {
        check_command(command).map_err(|why| format!("Executor's `CommandInfo` is invalid: {why}"))?;
    }
    Ok(())
}

fn check_mix(resources: &[Resource]) -> Result<(), String> {
    let mixed = resources.iter().find(|one| {
        let same = |other: &&Resource| other.name == one.name && other.revocable.is_some() != one.revocable.is_some();
        resources.iter().any(|other| same(&other))
    });
    match mixed {
        Some(one) => Err(format!("Cannot use both revocable and non-revocable '{}' at the same time", one.name)),
        None => Ok(()),
    }
}

fn check_command(command: &CommandInfo) -> Result<(), String> {
    for variable in command.environment.iter().flat_map(|environment| &environment.variables) {
        let name = &variable.name;
        let of = variable.r#type;
        if of == VariableType::Secret {
            let Some(secret) = &variable.secret else {
                return Err(format!("Environment variable '{name}' of type 'SECRET' must have a secret set"));
            };
            if variable.value.is_some() {
                return Err(format!("Environment variable '{name}' of type 'SECRET' must not have a value set"));
            }
            if secret.r#type == Some(SecretType::Value)
                && secret.value.as_ref().is_some_and(|value| value.data.contains(&0))
            {
                return Err(format!(
                    "Environment variable '{name}' specifies a secret containing null bytes, which is not allowed in \
                     the environment"
                ));
            }
        } else {
            if variable.value.is_none() {
                return Err(format!("Environment variable '{name}' of type 'VALUE' must have a value set"));
            }
            if variable.secret.is_some() {
                return Err(format!("Environment variable '{name}' of type 'VALUE' must not have a secret set"));
            }
        }
    }
    Ok(())
}

fn check_limits(task: &TaskInfo) -> Result<(), String> {
    for (name, limit) in &task.limits {
        if !matches!(name.as_str(), "cpus" | "mem") {
            return Err(format!("Task uses invalid limits: Setting resource limits on '{name}' is not supported"));
        }
        let requested: f64 = task.resources.iter().filter(|one| one.name == *name).filter_map(scalar).sum();
        if limit.value.is_nan() || limit.value < requested {
            return Err(format!(
                "Task uses invalid limits: Resource limit of '{name}' is less than the requested amount"
            ));
        }
    }
    Ok(())
}

fn check_times(delay: f64, interval: f64, timeout: f64) -> Result<(), String> {
    for (name, value) in [("delay_seconds", delay), ("interval_seconds", interval), ("timeout_seconds", timeout)] {
        if value.is_nan() || value < 0.0 {
            return Err(format!("Expecting '{name}' to be non-negative"));
        }
    }
    Ok(())
}

fn check_check(check: &CheckInfo) -> Result<(), String> {
    let (command, http, tcp) = (check.command.as_ref(), check.http.as_ref(), check.tcp.as_ref());
    match check.r#type {
        None => return Err("CheckInfo must specify 'type'".to_owned()),
        Some(CheckType::Unknown) => return Err("'UNKNOWN' is not a valid check type".to_owned()),
        Some(CheckType::Command) => {
            let Some(command) = command else {
                return Err("Expecting 'command' to be set for COMMAND check".to_owned());
            };
            let command = &command.command;
            if command.value.is_none() {
                let kind = if command.shell { "Shell" } else { "Executable" };
                return Err(format!("{kind} command must contain 'value'"));
            }
            check_command(command).map_err(|why| format!("Check's `CommandInfo` is invalid: {why}"))?;
        }
        Some(CheckType::Http) => match http {
            None => return Err("Expecting 'http' to be set for HTTP check".to_owned()),
            Some(http) => check_path(http.path.as_deref(), "HTTP check")?,
        },
        Some(CheckType::Tcp) if tcp.is_none() => {
            return Err("Expecting 'tcp' to be set for TCP check".to_owned());
        }
        Some(CheckType::Tcp) => {}
    }
    check_times(check.delay_seconds, check.interval_seconds, check.timeout_seconds)
}

fn check_path(path: Option<&str>, of: &str) -> Result<(), String> {
    match path {
        Some(path) if !path.starts_with('/') => Err(format!("The path '{path}' of {of} must start with '/'")),
        _ => Ok(()),
    }
}

fn check_health(check: &HealthCheck) -> Result<(), String> {
    match check.r#type {
        None => return Err("HealthCheck must specify 'type'".to_owned()),
        Some(HealthCheckType::Unknown) => return Err("'UNKNOWN' is not a valid health check type".to_owned()),
        Some(HealthCheckType::Command) => {
            let Some(command) = &check.command else {
                return Err("Expecting 'command' to be set for COMMAND health check".to_owned());
            };
            if command.value.is_none() {
                let kind = if command.shell { "Shell" } else { "Executable" };
                return Err(format!("{kind} command must contain 'value'"));
            }
            check_command(command).map_err(|why| format!("Health check's `CommandInfo` is invalid: {why}"))?;
        }
        Some(HealthCheckType::Http) => {
            let Some(http) = &check.http else {
                return Err("Expecting 'http' to be set for HTTP health check".to_owned());
            };
            if let Some(scheme) = http.scheme.as_deref().filter(|scheme| !matches!(*scheme, "http" | "https")) {
                return Err(format!("Unsupported HTTP health check scheme: '{scheme}'"));
            }
            check_path(http.path.as_deref(), "HTTP health check")?;
        }
        Some(HealthCheckType::Tcp) if check.tcp.is_none() => {
            return Err("Expecting 'tcp' to be set for TCP health check".to_owned());
        }
        Some(HealthCheckType::Tcp) => {}
    }
    check_times(check.delay_seconds, check.interval_seconds, check.timeout_seconds)?;
    if check.grace_period_seconds.is_nan() || check.grace_period_seconds < 0.0 {
        return Err("Expecting 'grace_period_seconds' to be non-negative".to_owned());
    }
    Ok(())
}
