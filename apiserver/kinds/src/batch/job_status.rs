//! Rules of a Job's status: what its conditions, counters, indexes and times must have to do with each other. What was
//! wrong before is let stay, as long as it does not change.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, time};
use serde_json::Value;

use super::indexes;
use crate::go_form;
use crate::tree::{condition_is_true, int, items, set, text};
use crate::validate;

/// A Job's spec and status as they are written, and as they were.
struct Change<'a> {
    spec: &'a Value,
    new: &'a Value,
    old: &'a Value,
}

impl Change<'_> {
    fn is(&self, condition: &str) -> bool {
        condition_is_true(items(self.new, "conditions"), condition)
    }

    fn was(&self, condition: &str) -> bool {
        condition_is_true(items(self.old, "conditions"), condition)
    }

    fn turned(&self, condition: &str) -> bool {
        self.is(condition) != self.was(condition)
    }

    fn is_finished(&self) -> bool {
        self.is("Complete") || self.is("Failed")
    }

    fn finish_turned(&self) -> bool {
        self.is_finished() != (self.was("Complete") || self.was("Failed"))
    }

    fn changed(&self, field: &str) -> bool {
        let value = |status: &Value| set(status, field).filter(|value| value.as_i64() != Some(0)).cloned();
        value(self.new) != value(self.old)
    }

    fn is_indexed(&self) -> bool {
        text(self.spec, "completionMode") == "Indexed"
    }
}

/// What is wrong with a change of the status.
pub(super) fn update(new: &Object, old: &Object) -> Vec<Error> {
    let null = &Value::Null;
    let change = Change {
        spec: new.at(&["spec"]).unwrap_or(null),
        new: new.at(&["status"]).unwrap_or(null),
        old: old.at(&["status"]).unwrap_or(null),
    };
    let path = Path::root("status");
    let counts = ["active", "succeeded", "failed", "ready", "terminating"];
    let mut errors: Vec<Error> =
        counts.iter().filter_map(|field| validate::non_negative(&path.child(field), change.new.get(field))).collect();
    errors.extend(uncounted(&path.child("uncountedTerminatedPods"), change.new));
    errors.extend(completion(&path, &change));
    errors.extend(finished(&path, &change));
    errors.extend(index_lists(&path, &change));
    errors.extend(running(&path, &change));
    errors.extend(success_criteria(&path.child("conditions"), &change));
    errors.extend(steps_back(&path, &change));
    errors
}

/// An error about the conditions as a whole, which shows none of them.
fn about(path: &Path, message: String) -> Error {
    path.invalid("", message).shown_as("")
}

fn uncounted(path: &Path, status: &Value) -> Vec<Error> {
    let Some(lists) = set(status, "uncountedTerminatedPods") else { return Vec::new() };
    let mut seen: Vec<&str> = Vec::new();
    let mut errors = Vec::new();
    for list in ["succeeded", "failed"] {
        for (index, uid) in items(lists, list).iter().enumerate() {
            let (at, uid) = (path.child(list).index(index), uid.as_str().unwrap_or_default());
            if uid.is_empty() {
                errors.push(at.invalid(uid, "must not be empty"));
            } else if seen.contains(&uid) {
                errors.push(at.duplicate(uid));
            } else {
                seen.push(uid);
            }
        }
    }
    errors
}

fn completion(path: &Path, change: &Change<'_>) -> Vec<Error> {
    let (conditions, at) = (path.child("conditions"), path.child("completionTime"));
    let complete = change.is("Complete");
    let (start, end) = (text(change.new, "startTime"), text(change.new, "completionTime"));
    let mut errors = Vec::new();
    for (other, word) in [("Failed", "Failed"), ("FailureTarget", "FailureTarget")] {
        if (change.turned("Complete") || change.turned(other)) && complete && change.is(other) {
            errors.push(about(&conditions, format!("cannot set Complete=True and {word}=true conditions")));
        }
    }
    if change.turned("Complete") || change.changed("completionTime") {
        if !end.is_empty() && !complete {
            errors.push(at.invalid(end, "cannot set completionTime when there is no Complete=True condition"));
        }
        if end.is_empty() && complete {
            errors.push(at.required("completionTime is required for Complete jobs"));
        }
    }
    let moment = |text: &str| time::parse(text).ok();
    if (change.changed("startTime") || change.changed("completionTime"))
        && let (Some(start), Some(moment)) = (moment(start), moment(end))
        && moment < start
    {
        errors.push(at.invalid(end, "completionTime cannot be set before startTime"));
    }
    if (change.turned("Failed") || change.changed("failedIndexes"))
        && change.is("Failed")
        && !change.is("FailureTarget")
    {
        let message = "cannot set Failed=True condition without the FailureTarget=true condition";
        errors.push(about(&conditions, message.to_owned()));
    }
    if (change.turned("Complete") || change.turned("SuccessCriteriaMet"))
        && complete
        && !change.is("SuccessCriteriaMet")
    {
        let message = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition";
        errors.push(about(&conditions, message.to_owned()));
    }
    errors
}

/// What a Job that has ended no longer has.
fn finished(path: &Path, change: &Change<'_>) -> Vec<Error> {
    let mut errors = Vec::new();
    if !change.is_finished() {
        return errors;
    }
    let turned = change.finish_turned();
    let active = int(change.new, "active");
    if (turned || change.changed("active")) && active > 0 {
        errors.push(path.child("active").invalid(active, "active>0 is invalid for finished job"));
    }
    let idle = change.spec.get("suspend") == Some(&Value::Bool(true))
        && change.spec.get("completions").and_then(Value::as_i64) == Some(0);
    if (turned || change.changed("startTime")) && !idle && text(change.new, "startTime").is_empty() {
        errors.push(path.child("startTime").required("startTime is required for finished job"));
    }
    let lists = change.new.get("uncountedTerminatedPods").unwrap_or(&Value::Null);
    if (turned || change.changed("uncountedTerminatedPods"))
        && ["succeeded", "failed"].iter().any(|list| !items(lists, list).is_empty())
    {
        let shown = go_form::compact("io.k8s.api.batch.v1.UncountedTerminatedPods", lists);
        let error = path
            .child("uncountedTerminatedPods")
            .invalid(lists.clone(), "uncountedTerminatedPods needs to be empty for finished job");
        errors.push(error.shown_as(shown));
    }
    errors
}

fn index_lists(path: &Path, change: &Change<'_>) -> Vec<Error> {
    let completions = change.spec.get("completions").and_then(Value::as_i64);
    let limited = set(change.spec, "backoffLimitPerIndex").is_some();
    let completed = text(change.new, "completedIndexes");
    let failed = change.new.get("failedIndexes").and_then(Value::as_str);
    let (completed_at, failed_at) = (path.child("completedIndexes"), path.child("failedIndexes"));
    let (completed_changed, failed_changed) = (change.changed("completedIndexes"), change.changed("failedIndexes"));
    let mut errors = Vec::new();
    if let (true, Some(completions)) = (completed_changed, completions)
        && let Err(message) = indexes::parse(completed, completions)
    {
        errors.push(completed_at.invalid(completed, format!("error parsing completedIndexes: {message}")));
    }
    if let (true, true, Some(completions), Some(failed)) = (failed_changed, limited, completions, failed)
        && let Err(message) = indexes::parse(failed, completions)
    {
        errors.push(failed_at.invalid(failed, format!("error parsing failedIndexes: {message}")));
    }
    if completed_changed && !completed.is_empty() && !change.is_indexed() {
        let message = "cannot set non-empty completedIndexes when non-indexed completion mode";
        errors.push(completed_at.invalid(completed, message));
    }
    let Some(failed) = failed else { return errors };
    if failed_changed && !limited {
        let message = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
        errors.push(failed_at.invalid(failed, message));
    }
    if let (true, Some(completions)) = (failed_changed || completed_changed, completions)
        && let Some(index) = indexes::overlap(completed, failed, completions)
    {
        errors.push(failed_at.invalid(failed, format!("failedIndexes and completedIndexes overlap at index: {index}")));
    }
    errors
}

fn running(path: &Path, change: &Change<'_>) -> Vec<Error> {
    let (active, ready, terminating) =
        (int(change.new, "active"), int(change.new, "ready"), int(change.new, "terminating"));
    let mut errors = Vec::new();
    if (change.finish_turned() || change.changed("terminating")) && change.is_finished() && terminating > 0 {
        errors.push(path.child("terminating").invalid(terminating, "terminating>0 is invalid for finished job"));
    }
    if (change.changed("ready") || change.changed("active")) && set(change.new, "ready").is_some() && ready > active {
        errors.push(path.child("ready").invalid(ready, "cannot set more ready pods than active"));
    }
    errors
}

fn success_criteria(path: &Path, change: &Change<'_>) -> Vec<Error> {
    let met = change.is("SuccessCriteriaMet");
    let mut errors = Vec::new();
    for failure in ["Failed", "FailureTarget"] {
        if met && change.is(failure) {
            errors.push(about(path, format!("cannot set SuccessCriteriaMet=True and {failure}=true conditions")));
        }
    }
    if set(change.spec, "successPolicy").is_some() && !met && change.is("Complete") {
        let message = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True";
        errors.push(about(path, message.to_owned()));
    }
    errors
}

/// What only goes forward.
fn steps_back(path: &Path, change: &Change<'_>) -> Vec<Error> {
    let conditions = path.child("conditions");
    let mut errors = Vec::new();
    for condition in ["Failed", "Complete", "FailureTarget"] {
        if change.was(condition) && !change.is(condition) {
            errors.push(about(&conditions, format!("cannot disable the terminal {condition}=True condition")));
        }
    }
    // A Job with as many completions as Pods at a time can shrink.
    let number = |field: &str| change.spec.get(field).and_then(Value::as_i64);
    let shrinks = change.is_indexed() && number("completions") == number("parallelism");
    for (counter, fixed) in [("failed", true), ("succeeded", !shrinks)] {
        let now = int(change.new, counter);
        if fixed && now < int(change.old, counter) {
            errors.push(path.child(counter).invalid(now, format!("cannot decrease the {counter} counter")));
        }
    }
    let (start, end) = (path.child("startTime"), path.child("completionTime"));
    let given = |status: &Value, field: &str| !text(status, field).is_empty();
    if change.changed("completionTime") && given(change.new, "completionTime") && given(change.old, "completionTime") {
        errors.push(end.invalid(text(change.new, "completionTime"), "completionTime cannot be mutated"));
    }
    let suspended = change.spec.get("suspend") == Some(&Value::Bool(true));
    let resumed = change.was("Suspended") && !change.is("Suspended");
    if change.changed("startTime") && given(change.old, "startTime") && !suspended && !resumed {
        errors.push(start.required("startTime cannot be removed for unsuspended job"));
    }
    if change.was("SuccessCriteriaMet") && !change.is("SuccessCriteriaMet") {
        errors.push(about(&conditions, "cannot disable the SuccessCriteriaMet=True condition".to_owned()));
    }
    if change.was("Complete") && !change.was("SuccessCriteriaMet") && change.is("SuccessCriteriaMet") {
        let message = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
        errors.push(about(&conditions, message.to_owned()));
    }
    errors
}
