//! Rules of Jobs, and of the job specs that CronJobs carry.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, validation as meta};
use serde_json::Value;

use super::failure_policy;
use crate::core::pod::validation;
use crate::go_form;
use crate::tree::{condition_is_true, int, set, text};
use crate::validate;

const INDEXED_PARALLELISM_MAX: i64 = 100_000;
const MANAGED_BY_LENGTH_MAX: usize = 63;

/// What is wrong with a new Job.
pub(super) fn create(job: &Object) -> Vec<Error> {
    let job_spec = job.at(&["spec"]).unwrap_or(&Value::Null);
    let mut errors = generated_selector(job, job_spec);
    errors.extend(spec_and_selector(job_spec));
    errors
}

fn spec_and_selector(job_spec: &Value) -> Vec<Error> {
    let path = Path::root("spec");
    let mut errors = spec(&path, job_spec);
    let Some(selector) = set(job_spec, "selector") else {
        errors.push(path.child("selector").required(""));
        return errors;
    };
    errors.extend(LabelSelector::validate_value(selector, &path.child("selector")));
    let labels = job_spec.pointer("/template/metadata/labels");
    let lookup = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    if !LabelSelector::from_value(selector).is_ok_and(|selector| selector.matches(lookup)) {
        let at = path.child("template").child("metadata").child("labels");
        let shown = labels.cloned().unwrap_or_default();
        errors.push(at.invalid(shown, "`selector` does not match template `labels`"));
    }
    errors
}

/// A selector that its author did not choose is the one that follows from the uid.
fn generated_selector(job: &Object, job_spec: &Value) -> Vec<Error> {
    if job_spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let labels = job_spec.pointer("/selector/matchLabels").and_then(Value::as_object);
    let expected = labels.is_some_and(|labels| {
        labels.len() == 1 && labels.get("batch.kubernetes.io/controller-uid").and_then(Value::as_str) == Some(job.uid())
    });
    let selector = job_spec.get("selector").cloned().unwrap_or_default();
    let plain = set(&selector, "matchExpressions").is_none();
    let error = || Path::root("spec").child("selector").invalid(selector.clone(), "`selector` not auto-generated");
    (!(expected && plain)).then(error).into_iter().collect()
}

/// What is wrong with a job spec.
pub(super) fn spec(path: &Path, spec: &Value) -> Vec<Error> {
    const COUNTS: [&str; 7] = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    let counts = COUNTS.iter().filter_map(|field| validate::non_negative(&path.child(field), spec.get(field)));
    let mut errors: Vec<Error> = counts.collect();
    errors.extend(managed_by(&path.child("managedBy"), spec));
    errors.extend(completion_mode(path, spec));
    let policy = set(spec, "podFailurePolicy");
    if let Some(policy) = policy {
        errors.extend(failure_policy::failure(&path.child("podFailurePolicy"), policy, spec));
    }
    if let Some(policy) = set(spec, "successPolicy") {
        errors.extend(failure_policy::success(&path.child("successPolicy"), policy, spec));
    }
    let (at, replacement) = (path.child("podReplacementPolicy"), text(spec, "podReplacementPolicy"));
    match replacement {
        "" | "Failed" => {}
        "TerminatingOrFailed" if policy.is_none() => {}
        other if policy.is_some() => errors.push(at.not_supported(other, &["Failed"])),
        other => errors.push(at.not_supported(other, &["Failed", "TerminatingOrFailed"])),
    }
    let template = spec.get("template").unwrap_or(&Value::Null);
    errors.extend(validation::validate_template(&path.child("template"), template));
    errors.extend(restart_policy(
        &path.child("template").child("spec").child("restartPolicy"),
        template,
        policy.is_some(),
    ));
    errors
}

fn managed_by(path: &Path, spec: &Value) -> Vec<Error> {
    let Some(manager) = set(spec, "managedBy").and_then(Value::as_str) else { return Vec::new() };
    let mut errors = validate::domain_prefixed_path(path, manager);
    if manager.len() > MANAGED_BY_LENGTH_MAX {
        errors.push(path.too_long(MANAGED_BY_LENGTH_MAX));
    }
    errors
}

fn completion_mode(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let mode = text(spec, "completionMode");
    if !matches!(mode, "" | "NonIndexed" | "Indexed") {
        errors.push(path.child("completionMode").not_supported(mode, &["NonIndexed", "Indexed"]));
    }
    if mode == "Indexed" {
        if set(spec, "completions").is_none() {
            errors.push(path.child("completions").required("when completion mode is Indexed"));
        }
        let parallelism = int(spec, "parallelism");
        if parallelism > INDEXED_PARALLELISM_MAX {
            let message =
                format!("must be less than or equal to {INDEXED_PARALLELISM_MAX} when completion mode is Indexed");
            errors.push(path.child("parallelism").invalid(parallelism, message));
        }
    } else {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
            if let Some(value) = set(spec, field) {
                errors.push(path.child(field).invalid(value.clone(), "requires indexed completion mode"));
            }
        }
    }
    if set(spec, "maxFailedIndexes").is_some() && set(spec, "backoffLimitPerIndex").is_none() {
        errors.push(path.child("backoffLimitPerIndex").required("when maxFailedIndexes is specified"));
    }
    errors
}

fn restart_policy(path: &Path, template: &Value, with_failure_policy: bool) -> Option<Error> {
    match template.get("spec").map_or("", |spec| text(spec, "restartPolicy")) {
        "" | "Always" => Some(path.required("valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" if with_failure_policy => {
            Some(path.invalid("OnFailure", "only \"Never\" is supported when podFailurePolicy is specified"))
        }
        "OnFailure" | "Never" => None,
        other => Some(path.not_supported(other, &["OnFailure", "Never"])),
    }
}

/// What is wrong with a change: what decides which Pods make the Job complete stays.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let mut errors = create(new);
    errors.extend(spec_and_selector(new.at(&["spec"]).unwrap_or(&Value::Null)));
    let value = |object: &Object, field: &str| object.at(&["spec", field]).cloned();
    let elastic = new.str_at(&["spec", "completionMode"]) == "Indexed"
        && new.int_at(&["spec", "completions"]) == new.int_at(&["spec", "parallelism"]);
    if !elastic {
        errors.extend(validate::immutable(
            &path.child("completions"),
            value(new, "completions").as_ref(),
            value(old, "completions").as_ref(),
        ));
    }
    errors.extend(validate::immutable(
        &path.child("selector"),
        value(new, "selector").as_ref(),
        value(old, "selector").as_ref(),
    ));
    errors.extend(template_change(&path.child("template"), new, old));
    for field in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] {
        errors.extend(validate::immutable(&path.child(field), value(new, field).as_ref(), value(old, field).as_ref()));
    }
    errors
}

/// While a Job is suspended and has not run, where its Pods go and what they ask for may still be changed.
fn template_change(path: &Path, new: &Object, old: &Object) -> Option<Error> {
    let suspended = old.at(&["spec", "suspend"]) == Some(&Value::Bool(true));
    let never_started = old.str_at(&["status", "startTime"]).is_empty();
    if suspended && never_started {
        let spec = |job: &Object| job.at(&["spec", "template", "spec"]).cloned().unwrap_or_default();
        let error = validate::immutable(&path.child("spec"), Some(&fixed(spec(new))), Some(&fixed(spec(old))))?;
        return Some(error.shown_as(go_form::compact("io.k8s.api.core.v1.PodSpec", &spec(new))));
    }
    let template = |job: &Object| job.at(&["spec", "template"]).cloned().unwrap_or_default();
    let error = validate::immutable(path, Some(&template(new)), Some(&template(old)))?;
    Some(error.shown_as(go_form::compact("io.k8s.api.core.v1.PodTemplateSpec", &template(new))))
}

/// A template's spec without what a suspended Job may change.
fn fixed(mut spec: Value) -> Value {
    let Some(map) = spec.as_object_mut() else { return spec };
    for field in ["nodeSelector", "affinity", "tolerations", "schedulingGates"] {
        map.remove(field);
    }
    for list in ["containers", "initContainers"] {
        for container in crate::tree::maps_in(map, list) {
            container.remove("resources");
        }
    }
    spec
}

/// What is wrong with a change of the status.
pub(super) fn status(new: &Object, old: &Object) -> Vec<Error> {
    let (path, status) = (Path::root("status"), new.at(&["status"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    for field in ["active", "succeeded", "failed", "ready", "terminating"] {
        errors.extend(validate::non_negative(&path.child(field), status.get(field)));
    }
    let conditions = new.list_at(&["status", "conditions"]);
    let is = |type_: &str| condition_is_true(conditions, type_);
    let at = path.child("conditions");
    let mut contradiction = |a: &str, b: &str, word: &str| {
        if is(a) && is(b) {
            errors.push(at.invalid("", format!("cannot set {a}=True and {b}={word} conditions")).shown_as(""));
        }
    };
    contradiction("Complete", "Failed", "true");
    contradiction("Complete", "FailureTarget", "true");
    let before = |object: &Object, field: &str| object.int_at(&["status", field]).unwrap_or_default();
    for field in ["failed", "succeeded"] {
        let finished = is("Complete") || is("Failed");
        if before(new, field) < before(old, field) && (field == "failed" || !finished) {
            let message = format!("cannot decrease the {field} counter");
            errors.push(path.child(field).invalid(before(new, field), message));
        }
    }
    if is("Complete") && text(status, "completionTime").is_empty() {
        errors.push(path.child("completionTime").required("completionTime is required for Complete jobs"));
    }
    for (end, reason) in [("Complete", "SuccessCriteriaMet"), ("Failed", "FailureTarget")] {
        let ended_before = condition_is_true(old.list_at(&["status", "conditions"]), end);
        if is(end) && !ended_before && !is(reason) {
            let message = format!("cannot set {end}=True condition without the {reason}=true condition");
            errors.push(at.invalid("", message).shown_as(""));
        }
    }
    errors
}

/// A label as the key of a Pod condition.
pub(super) fn qualified(path: &Path, name: &str) -> Vec<Error> {
    validate::texts(path, name, meta::label_key(name)).collect()
}
