//! `scale`: the replicas of a workload, as an autoscaling/v1 Scale of the same name.

use std::sync::Arc;

use http::StatusCode;
use kubernel_meta::{ApiError, Gvk, LabelSelector, Object, Operator, field, time};
use kubernel_schema::apply::scale::{Replicas, to_parent, to_scale};
use kubernel_store::At;
use serde_json::{Value, json};

use crate::codec::{self, Expected, Patch};
use crate::context::Context;
use crate::negotiate::{Scope, Transform};
use crate::resources::Resource;
use crate::respond::Answer;
use crate::verbs::get;
use crate::verbs::patch::{PatchType, checked_name, patch_type};
use crate::verbs::write::{self, Target};
use crate::{document, request, table};

const VERSION: &str = "autoscaling/v1";
const REPLICAS: [&str; 2] = ["spec", "replicas"];
const STATUS_REPLICAS: [&str; 2] = ["status", "replicas"];
const OWNERS: [&str; 2] = ["metadata", "managedFields"];

/// Answers a GET.
pub(super) async fn get(context: &Context, resource: &Arc<Resource>) -> Result<Answer, ApiError> {
    let info = &context.info;
    let entry = get::entry(context, resource, &info.namespace, &info.name, At::Latest).await?;
    let parent = document::decode(resource, &entry)?;
    if let Some(paths) = resource.kind.strategy.scale_paths()
        && parent.at(&Paths::of(resource).spec).is_none()
    {
        let path = &paths.spec_replicas_text;
        return Err(ApiError::internal(format!("the spec replicas field {path:?} does not exist")));
    }
    let mut scale = of(resource, &parent)?;
    let output = context.output(Scope::Object, true)?;
    if output.transform != Transform::Table {
        return answer(scale);
    }
    scale.remove(&OWNERS);
    let (beta, include) = (output.beta, table::include(context)?);
    let column =
        |name: &str, kind: &str| json!({ "name": name, "type": kind, "format": "", "description": "", "priority": 0 });
    let cells = json!([
        scale.name(),
        scale.int_at(&REPLICAS).unwrap_or(0),
        scale.int_at(&["status", "replicas"]).unwrap_or(0),
        time::age(scale.str_at(&["metadata", "creationTimestamp"]), context.now),
    ]);
    let version = scale.resource_version().to_owned();
    let object = match include {
        table::Include::None => Value::Null,
        table::Include::Metadata => table::partial(resource, &scale, beta),
        table::Include::Object => scale.into_value(),
    };
    let table = json!({
        "kind": "Table", "apiVersion": table::api_version(beta), "metadata": { "resourceVersion": version },
        "columnDefinitions": [
            column("Name", "string"), column("Desired", "integer"), column("Available", "integer"), column("Age", "string"),
        ],
        "rows": [{ "cells": cells, "object": object }],
    });
    Ok(Answer::Value(StatusCode::OK, table))
}

/// Answers a PUT.
pub(super) async fn update(context: &Context, resource: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    let options = request::write_options(&context.query, "UpdateOptions", false)?;
    let scale = codec::read(context, &expected()?, body, options.field_validation)?;
    checked_name(&context.info.name, &scale)?;
    let manager = context.field_manager(&options.field_manager);
    let target = target(context, resource, &options, &manager);
    let written = write::update(context, target, |old| {
        let before = of(resource, old)?;
        let mut after = scale.clone();
        take_over_owners(&mut after, &before);
        with_scale(context, resource, old, &before, after, &manager, false).map(|new| (new, true))
    })
    .await?;
    answer(of(resource, &written.object)?)
}

/// Answers a PATCH.
pub(super) async fn patch(context: &Context, resource: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    let patch_type = patch_type(context, resource)?;
    let apply = patch_type == PatchType::Apply;
    let options = request::write_options(&context.query, "PatchOptions", apply)?;
    let manager = context.field_manager(&options.field_manager);
    let expected = expected()?;
    let applied = if apply { Some(codec::read_applied(body)?) } else { None };
    let patch = Patch::new(patch_type, body);
    let target = target(context, resource, &options, &manager);
    let written = write::update(context, target, |old| {
        let before = of(resource, old)?;
        if let Some(applied) = &applied {
            let force = options.force.unwrap_or(false);
            let after = codec::apply_as(&expected, "scale", Some(&before), applied, &manager, force, context.now)?;
            return with_scale(context, resource, old, &before, after, &manager, true).map(|new| (new, true));
        }
        let patched = patch.lay_over(&expected.schema, before.map().clone())?;
        let after = patch.decode(context, &expected, before.map(), patched, options.field_validation)?;
        checked_name(&context.info.name, &after)?;
        with_scale(context, resource, old, &before, after, &manager, false).map(|new| (new, true))
    })
    .await?;
    answer(of(resource, &written.object)?)
}

fn target<'a>(
    context: &'a Context,
    resource: &'a Arc<Resource>,
    options: &'a kubernel_meta::WriteOptions,
    manager: &'a str,
) -> Target<'a> {
    let (namespace, name) = (context.info.namespace.as_str(), context.info.name.as_str());
    Target { resource, namespace, name, subresource: "scale", options, manager, strict_uid: true }
}

fn expected() -> Result<Expected, ApiError> {
    Expected::built_in("autoscaling", "v1", "Scale", "io.k8s.api.autoscaling.v1.Scale")
}

fn answer(mut scale: Object) -> Result<Answer, ApiError> {
    // Upstream does not show who owns what in a Scale.
    scale.remove(&OWNERS);
    Ok(Answer::Value(StatusCode::OK, scale.into_value()))
}

/// The workload with the Scale's replicas, owned by whoever owns them in the Scale.
fn with_scale(
    context: &Context,
    resource: &Resource,
    old: &Object,
    before: &Object,
    mut after: Object,
    manager: &str,
    owned: bool,
) -> Result<Object, ApiError> {
    let name = context.info.name.as_str();
    let replicas = after.int_at(&REPLICAS).unwrap_or(0);
    if replicas < 0 {
        let path = field::Path::root("spec").child("replicas");
        let wrong = path.invalid(replicas, "must be greater than or equal to 0");
        return Err(ApiError::invalid(&Gvk::new("autoscaling", "v1", "Scale"), name, &[wrong]));
    }
    if !owned {
        codec::own_as(&expected()?, "scale", Some(before), &mut after, manager, context.now);
    }
    let mut new = old.clone();
    let paths = Paths::of(resource);
    new.set(&paths.spec, replicas);
    for field in ["resourceVersion", "uid"] {
        let path = ["metadata", field];
        match after.at(&path) {
            Some(value) => new.set(&path, value.clone()),
            None => drop(new.remove(&path)),
        }
    }
    let place = Replicas { api_version: &resource.api_version, path: &paths.spec };
    match to_parent(old.list_at(&OWNERS), after.list_at(&OWNERS), &place) {
        Ok(owners) if owners.is_empty() => drop(new.remove(&OWNERS)),
        Ok(owners) => new.set(&OWNERS, owners),
        Err(error) => tracing::warn!(%error, "owners of a Scale could not be told"),
    }
    Ok(new)
}

/// A client that sends no owners leaves them as they are.
fn take_over_owners(after: &mut Object, before: &Object) {
    if after.at(&OWNERS).is_none()
        && let Some(owners) = before.at(&OWNERS)
    {
        after.set(&OWNERS, owners.clone());
    }
}

/// Sets the replicas of a workload to those of a Scale.
pub(crate) fn set_replicas(resource: &Resource, parent: &mut Object, scale: &Object) {
    parent.set(&Paths::of(resource).spec, scale.int_at(&REPLICAS).unwrap_or(0));
}

/// The Scale of a workload.
pub(crate) fn of(resource: &Resource, parent: &Object) -> Result<Object, ApiError> {
    let mut metadata = serde_json::Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = parent.at(&["metadata", field]) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let paths = Paths::of(resource);
    let place = Replicas { api_version: &resource.api_version, path: &paths.spec };
    let owners = to_scale(parent.list_at(&OWNERS), &place).map_err(ApiError::internal)?;
    if !owners.is_empty() {
        metadata.insert("managedFields".to_owned(), Value::Array(owners));
    }
    let mut spec = json!({});
    let replicas = parent.int_at(&paths.spec).unwrap_or(0);
    if replicas != 0 {
        spec["replicas"] = json!(replicas);
    }
    let mut status = json!({ "replicas": parent.int_at(&paths.status).unwrap_or(0) });
    let selector = match &paths.selector {
        Some(path) => parent.str_at(path).to_owned(),
        None if resource.custom.is_some() => String::new(),
        None => selector_text(parent.at(&["spec", "selector"])),
    };
    if !selector.is_empty() {
        status["selector"] = json!(selector);
    }
    let scale = json!({ "kind": "Scale", "apiVersion": VERSION, "metadata": metadata, "spec": spec, "status": status });
    Object::from_value(scale).map_err(|_| ApiError::internal("no Scale"))
}

/// Where the parent has what the Scale shows.
struct Paths<'a> {
    spec: Vec<&'a str>,
    status: Vec<&'a str>,
    /// A selector in its text form, where a custom resource has one.
    selector: Option<Vec<&'a str>>,
}

impl<'a> Paths<'a> {
    fn of(resource: &'a Resource) -> Self {
        let words = |path: &'a [String]| path.iter().map(String::as_str).collect();
        match resource.kind.strategy.scale_paths() {
            Some(paths) => Self {
                spec: words(&paths.spec_replicas),
                status: words(&paths.status_replicas),
                selector: paths.selector.as_deref().map(words),
            },
            None => Self { spec: REPLICAS.to_vec(), status: STATUS_REPLICAS.to_vec(), selector: None },
        }
    }
}

/// A selector in the form of the query string: a LabelSelector's, or a ReplicationController's plain map.
fn selector_text(selector: Option<&Value>) -> String {
    let Some(selector) = selector else { return String::new() };
    let plain = selector.get("matchLabels").is_none() && selector.get("matchExpressions").is_none();
    let parsed = match selector.as_object() {
        Some(map) if plain => Ok(LabelSelector::from_pairs(
            map.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default())),
        )),
        _ => LabelSelector::from_value(selector),
    };
    let Ok(parsed) = parsed else { return String::new() };
    let words = parsed.requirements.iter().map(|requirement| {
        let (key, values) = (&requirement.key, requirement.values.join(","));
        match requirement.operator {
            Operator::Equals => format!("{key}={values}"),
            Operator::In => format!("{key} in ({values})"),
            Operator::NotEquals => format!("{key}!={values}"),
            Operator::NotIn => format!("{key} notin ({values})"),
            Operator::Exists => key.clone(),
            Operator::DoesNotExist => format!("!{key}"),
            Operator::GreaterThan => format!("{key}>{values}"),
            Operator::LessThan => format!("{key}<{values}"),
        }
    });
    words.collect::<Vec<_>>().join(",")
}
