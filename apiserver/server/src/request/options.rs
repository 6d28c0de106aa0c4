//! The options of requests, read from the query (or a body) and checked, with upstream's error texts.

use kubernel_meta::{
    ApiError, DeleteOptions, FieldSelector, FieldValidation, Gvk, LabelSelector, ListOptions, Object, Preconditions,
    PropagationPolicy, ResourceVersionMatch, WriteOptions, field, validation,
};
use serde_json::{Value, json};

use super::Query;

/// The options of a list or, where `watch`, a watch. Field selectors are not checked for unknown fields here.
pub fn list_options(query: &Query, watch: bool) -> Result<ListOptions, ApiError> {
    let limit = integer(query, "limit")?.unwrap_or(0);
    let timeout_secs = integer(query, "timeoutSeconds")?.and_then(|secs| u64::try_from(secs).ok());
    let labels = LabelSelector::parse(query.get("labelSelector").unwrap_or_default())
        .map_err(|e| ApiError::bad_request(e.to_string()))?;
    let fields = FieldSelector::parse(query.get("fieldSelector").unwrap_or_default())
        .map_err(|e| ApiError::bad_request(e.to_string()))?;
    let options = ListOptions {
        labels,
        fields,
        resource_version: query.non_empty("resourceVersion").map(str::to_owned),
        resource_version_match: match query.get("resourceVersionMatch") {
            Some("Exact") => Some(ResourceVersionMatch::Exact),
            Some("NotOlderThan") => Some(ResourceVersionMatch::NotOlderThan),
            _ => None,
        },
        limit: u64::try_from(limit).unwrap_or(0),
        continue_token: query.get("continue").unwrap_or_default().to_owned(),
        watch,
        allow_watch_bookmarks: query.flag("allowWatchBookmarks"),
        send_initial_events: query.flag_set("sendInitialEvents"),
        timeout_secs,
    };
    let wrong = if watch { wrong_in_watch(query, &options) } else { wrong_in_list(query, &options) };
    if wrong.is_empty() { Ok(options) } else { Err(ApiError::invalid(&meta("ListOptions"), "", &wrong)) }
}

fn wrong_in_list(query: &Query, options: &ListOptions) -> Vec<field::Error> {
    let path = field::Path::root("resourceVersionMatch");
    let mut wrong = Vec::new();
    if let Some(text) = query.non_empty("resourceVersionMatch") {
        if options.resource_version.is_none() {
            wrong.push(path.forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"));
        }
        if !options.continue_token.is_empty() {
            wrong.push(path.forbidden("resourceVersionMatch is forbidden when continue is provided"));
        }
        match options.resource_version_match {
            None => wrong.push(path.not_supported(text, &["Exact", "NotOlderThan", ""])),
            Some(ResourceVersionMatch::Exact) if options.resource_version.as_deref() == Some("0") => {
                wrong.push(path.forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
            }
            Some(_) => {}
        }
    }
    if options.send_initial_events.is_some() {
        wrong.push(field::Path::root("sendInitialEvents").forbidden("sendInitialEvents is forbidden for list"));
    }
    wrong
}

fn wrong_in_watch(query: &Query, options: &ListOptions) -> Vec<field::Error> {
    let path = field::Path::root("resourceVersionMatch");
    let not_older = options.resource_version_match == Some(ResourceVersionMatch::NotOlderThan);
    let mut wrong = Vec::new();
    if options.send_initial_events.is_some() && !not_older {
        wrong.push(path.forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
    }
    if let Some(text) = query.non_empty("resourceVersionMatch") {
        if options.send_initial_events.is_none() {
            wrong.push(
                path.forbidden("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
            );
        }
        if !not_older {
            wrong.push(path.not_supported(text, &["NotOlderThan"]));
        }
        if !options.continue_token.is_empty() {
            wrong.push(path.forbidden("resourceVersionMatch is forbidden when continue is provided"));
        }
    }
    wrong
}

/// The options of a create, update or patch; `kind` is what errors call them (`CreateOptions`, …), `apply` whether it
/// is a server-side apply.
pub fn write_options(query: &Query, kind: &str, apply: bool) -> Result<WriteOptions, ApiError> {
    let mut wrong = Vec::new();
    let manager = query.get("fieldManager").unwrap_or_default();
    let force = query.flag_set("force");
    if kind == "PatchOptions" {
        if apply && manager.is_empty() {
            wrong.push(field::Path::root("fieldManager").required("is required for apply patch"));
        }
        if !apply && force.is_some() {
            wrong.push(field::Path::root("force").forbidden("may not be specified for non-apply patch"));
        }
    }
    wrong.extend(validation::field_manager(manager, &field::Path::root("fieldManager")));
    let dry_runs: Vec<Value> = query.all("dryRun").map(Value::from).collect();
    wrong_dry_run(&dry_runs, &mut wrong);
    let field_validation = match query.get("fieldValidation") {
        None | Some("" | "Warn") => FieldValidation::Warn,
        Some("Ignore") => FieldValidation::Ignore,
        Some("Strict") => FieldValidation::Strict,
        Some(other) => {
            let path = field::Path::root("fieldValidation");
            wrong.push(path.not_supported(other, &["", "Ignore", "Strict", "Warn"]));
            FieldValidation::Warn
        }
    };
    if !wrong.is_empty() {
        return Err(ApiError::invalid(&meta(kind), "", &wrong));
    }
    Ok(WriteOptions { dry_run: !dry_runs.is_empty(), field_manager: manager.to_owned(), field_validation, force })
}

fn wrong_dry_run(values: &[Value], wrong: &mut Vec<field::Error>) {
    if values.iter().any(|value| value != "All") {
        wrong.push(field::Path::root("dryRun").not_supported(values.to_vec(), &["All"]));
    }
}

/// `DeleteOptions` in the query, in the form of a body.
pub fn delete_options_of_query(query: &Query) -> Result<Object, ApiError> {
    let mut object = Object::default();
    if let Some(secs) = integer(query, "gracePeriodSeconds")? {
        object.set(&["gracePeriodSeconds"], secs);
    }
    if let Some(flag) = query.flag_set("orphanDependents") {
        object.set(&["orphanDependents"], flag);
    }
    if let Some(uid) = query.get("uid") {
        object.set(&["preconditions", "uid"], uid);
    }
    if let Some(policy) = query.get("propagationPolicy") {
        object.set(&["propagationPolicy"], policy);
    }
    let dry_runs: Vec<Value> = query.all("dryRun").map(Value::from).collect();
    if !dry_runs.is_empty() {
        object.set(&["dryRun"], dry_runs);
    }
    Ok(object)
}

/// Checks `DeleteOptions`.
pub fn delete_options_of_body(body: &Object) -> Result<DeleteOptions, ApiError> {
    let mut wrong = Vec::new();
    let path = field::Path::root("propagationPolicy");
    let policy = match body.str_at(&["propagationPolicy"]) {
        "" if body.at(&["propagationPolicy"]).is_none_or(Value::is_null) => None,
        "Orphan" => Some(PropagationPolicy::Orphan),
        "Background" => Some(PropagationPolicy::Background),
        "Foreground" => Some(PropagationPolicy::Foreground),
        other => {
            wrong.push(path.not_supported(other, &["Foreground", "Background", "Orphan", "nil"]));
            None
        }
    };
    let orphan_dependents = body.at(&["orphanDependents"]).and_then(Value::as_bool);
    if orphan_dependents.is_some() && policy.is_some() {
        let value = body.str_at(&["propagationPolicy"]);
        wrong.insert(0, path.invalid(value, "orphanDependents and deletionPropagation cannot be both set"));
    }
    let dry_runs = body.list_at(&["dryRun"]);
    wrong_dry_run(dry_runs, &mut wrong);
    if !wrong.is_empty() {
        return Err(ApiError::invalid(&meta("DeleteOptions"), "", &wrong));
    }
    let text = |path: &[&str]| body.at(path).and_then(Value::as_str).map(str::to_owned);
    Ok(DeleteOptions {
        grace_secs: body.int_at(&["gracePeriodSeconds"]),
        preconditions: Preconditions {
            uid: text(&["preconditions", "uid"]),
            resource_version: text(&["preconditions", "resourceVersion"]),
        },
        propagation_policy: policy,
        orphan_dependents,
        dry_run: !dry_runs.is_empty(),
    })
}

fn integer(query: &Query, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = query.get(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|error: std::num::ParseIntError| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let overflow = matches!(error.kind(), PosOverflow | NegOverflow);
        let why = if overflow { "value out of range" } else { "invalid syntax" };
        ApiError::bad_request(format!("strconv.ParseInt: parsing {}: {why}", json!(text)))
    })
}

fn meta(kind: &str) -> Gvk {
    Gvk::new("meta.k8s.io", "v1", kind)
}
