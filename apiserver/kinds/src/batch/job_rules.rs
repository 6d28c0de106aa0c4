//! Rules of Jobs, and of the job specs that CronJobs carry.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, validation as meta};
use serde_json::Value;

use super::failure_policy;
use crate::apps::workload;
use crate::core::pod::validation;
use crate::go_form;
use crate::tree::{condition_is_true, int, set, text};
use crate::validate;

const INDEXED_PARALLELISM_MAX: i64 = 100_000;
const FAILED_INDEXES_MAX: i64 = 100_000;
/// Beyond as many completions, parallelism and failures are bounded more narrowly.
const MANY_COMPLETIONS: i64 = 100_000;
const MAX_OF_MANY: i64 = 10_000;
const MANAGED_BY_LENGTH_MAX: usize = 63;

/// What is wrong with a new Job.
pub(super) fn create(job: &Object) -> Vec<Error> {
    let job_spec = job.at(&["spec"]).unwrap_or(&Value::Null);
    let mut errors = generated_selector(job, job_spec);
    errors.extend(spec_and_selector(job_spec));
    errors.extend(longest_hostname(job, job_spec));
    errors
}

/// The Pods of an indexed Job have its name and their index as hostnames.
fn longest_hostname(job: &Object, job_spec: &Value) -> Option<Error> {
    let completions = int(job_spec, "completions");
    if text(job_spec, "completionMode") != "Indexed" || completions <= 0 {
        return None;
    }
    let hostname = format!("{}-{}", job.name(), completions - 1);
    let message = format!("will not able to create pod with invalid DNS label: {hostname}");
    let wrong = !meta::dns1123_label(&hostname).is_empty();
    wrong.then(|| Path::root("metadata").child("name").invalid(job.name(), message))
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

/// The selector and the labels that follow from the Job's uid and name, unless its author chose a selector.
fn generated_selector(job: &Object, job_spec: &Value) -> Vec<Error> {
    let Some(selector) = set(job_spec, "selector") else { return Vec::new() };
    if job_spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let (path, uid, name) = (Path::root("spec"), job.uid(), job.name());
    let expected = [
        ("controller-uid", uid),
        ("job-name", name),
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
    ];
    let labels = job_spec.pointer("/template/metadata/labels").cloned().unwrap_or_default();
    let mut errors = Vec::new();
    for (key, value) in expected {
        let at = path.child("template").child("metadata").child("labels").key(key);
        match labels.get(key).and_then(Value::as_str) {
            Some(label) if label == value => {}
            Some(_) => errors.push(at.invalid(labels.clone(), format!("must be '{value}'"))),
            None => errors.push(at.required(format!("must be '{value}'"))),
        }
    }
    let lookup = |key: &str| expected.iter().find(|(label, _)| *label == key).map(|(_, value)| *value);
    if LabelSelector::from_value(selector).is_ok_and(|parsed| !parsed.matches(lookup)) {
        let detail = "`selector` not auto-generated";
        errors.push(go_form::invalid(&path.child("selector"), go_form::LABEL_SELECTOR, selector, detail));
    }
    errors
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
    if set(spec, "maxFailedIndexes").is_some() && set(spec, "backoffLimitPerIndex").is_none() {
        errors.push(path.child("backoffLimitPerIndex").required("when maxFailedIndexes is specified"));
    }
    errors.extend(managed_by(&path.child("managedBy"), spec));
    errors.extend(completion_mode(path, spec));
    let policy = set(spec, "podFailurePolicy");
    if let Some(policy) = policy {
        errors.extend(failure_policy::failure(&path.child("podFailurePolicy"), policy, spec));
    }
    if let Some(policy) = set(spec, "successPolicy") {
        errors.extend(failure_policy::success(&path.child("successPolicy"), policy, spec));
    }
    let at = path.child("podReplacementPolicy");
    match set(spec, "podReplacementPolicy").and_then(Value::as_str) {
        None | Some("Failed") => {}
        Some("TerminatingOrFailed") if policy.is_none() => {}
        Some(other) if policy.is_some() => errors.push(at.not_supported(other, &["Failed"])),
        Some(other) => errors.push(at.not_supported(other, &["Failed", "TerminatingOrFailed"])),
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
    let Some(mode) = set(spec, "completionMode").and_then(Value::as_str) else { return errors };
    if !matches!(mode, "NonIndexed" | "Indexed") {
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
        errors.extend(failed_indexes(path, spec));
    } else {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
            if let Some(value) = set(spec, field) {
                errors.push(path.child(field).invalid(value.clone(), "requires indexed completion mode"));
            }
        }
    }
    errors
}

/// How many indexes may fail, so that the status does not grow too long.
fn failed_indexes(path: &Path, spec: &Value) -> Vec<Error> {
    let number = |field: &str| spec.get(field).and_then(Value::as_i64);
    let (failed, completions, parallelism) = (number("maxFailedIndexes"), number("completions"), number("parallelism"));
    let at = path.child("maxFailedIndexes");
    let mut errors = Vec::new();
    if let (Some(failed), Some(completions)) = (failed, completions)
        && failed > completions
    {
        errors.push(at.invalid(failed, "must be less than or equal to completions"));
    }
    if let Some(failed) = failed.filter(|failed| *failed > FAILED_INDEXES_MAX) {
        errors.push(at.invalid(failed, format!("must be less than or equal to {FAILED_INDEXES_MAX}")));
    }
    let many = completions.is_some_and(|completions| completions > MANY_COMPLETIONS);
    if !many || number("backoffLimitPerIndex").is_none() {
        return errors;
    }
    let message = format!(
        "must be less than or equal to {MAX_OF_MANY} when completions are above {MANY_COMPLETIONS} and used with backoff \
         limit per index"
    );
    if failed.is_none() {
        errors.push(at.required(format!("must be specified when completions is above {MANY_COMPLETIONS}")));
    }
    for (field, number) in [("parallelism", parallelism), ("maxFailedIndexes", failed)] {
        if let Some(number) = number.filter(|number| *number > MAX_OF_MANY) {
            errors.push(path.child(field).invalid(number, message.as_str()));
        }
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
    // Upstream looks at the spec once more; what is told twice counts once in the message.
    errors.extend(spec_and_selector(new.at(&["spec"]).unwrap_or(&Value::Null)));
    let immutable = |field: &str| {
        let value = |object: &Object| object.at(&["spec", field]).cloned();
        validate::immutable(&path.child(field), value(new).as_ref(), value(old).as_ref())
    };
    errors.extend(completions_change(&path, new, immutable("completions")));
    errors.extend(workload::immutable_selector(new, old));
    errors.extend(template_change(&path.child("template"), new, old));
    errors.extend(immutable("completionMode"));
    for (field, definition) in [
        ("podFailurePolicy", "io.k8s.api.batch.v1.PodFailurePolicy"),
        ("backoffLimitPerIndex", ""),
        ("managedBy", ""),
        ("successPolicy", "io.k8s.api.batch.v1.SuccessPolicy"),
    ] {
        let value = new.at(&["spec", field]).filter(|value| value.is_object());
        let shown = value.map(|value| go_form::compact(definition, value));
        errors.extend(immutable(field).map(|error| match shown {
            Some(shown) => error.shown_as(shown),
            None => error,
        }));
    }
    errors
}

/// An indexed Job may have more or fewer completions, as many as Pods at a time.
fn completions_change(path: &Path, new: &Object, changed: Option<Error>) -> Option<Error> {
    let changed = changed?;
    let number = |field: &str| new.int_at(&["spec", field]);
    match (new.str_at(&["spec", "completionMode"]), number("completions")) {
        ("Indexed", None) => None,
        ("Indexed", completions) if completions == number("parallelism") => None,
        ("Indexed", completions) => {
            Some(path.child("completions").invalid(completions, "can only be modified in tandem with spec.parallelism"))
        }
        _ => Some(changed),
    }
}

/// While a Job is suspended and nothing of it runs, where its Pods go and what they ask for may still be changed.
fn template_change(path: &Path, new: &Object, old: &Object) -> Option<Error> {
    let suspended = old.at(&["spec", "suspend"]) == Some(&Value::Bool(true));
    let idle = old.int_at(&["status", "active"]).unwrap_or_default() == 0;
    let stopped = old.str_at(&["status", "startTime"]).is_empty()
        || condition_is_true(old.list_at(&["status", "conditions"]), "Suspended");
    if suspended && idle && stopped {
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
    for field in ["nodeSelector", "tolerations", "schedulingGates"] {
        map.remove(field);
    }
    if let Some(affinity) = crate::tree::map_in(map, "affinity") {
        affinity.remove("nodeAffinity");
        if affinity.is_empty() {
            map.remove("affinity");
        }
    }
    for list in ["containers", "initContainers"] {
        for container in crate::tree::maps_in(map, list) {
            container.remove("resources");
        }
    }
    spec
}

/// The warning about an indexed Job that is so large that not all of its failures may be kept in mind.
pub(super) fn size_warning(path: &[&str], object: &Object, old: Option<&Object>) -> Option<String> {
    if old.is_some_and(|old| old.generation() == object.generation()) {
        return None;
    }
    let spec = object.at(path)?;
    let large = int(spec, "completions") > MANY_COMPLETIONS && int(spec, "parallelism") > MAX_OF_MANY;
    (text(spec, "completionMode") == "Indexed" && large).then(|| {
        format!(
            "{}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, \
             Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
            path.join(".")
        )
    })
}

/// A label as the key of a Pod condition.
pub(super) fn qualified(path: &Path, name: &str) -> Vec<Error> {
    validate::texts(path, name, meta::label_key(name)).collect()
}
