//! Objects from one version of a custom resource to another: by name only, or by a webhook whose answer is checked.

use std::time::{Duration, Instant};

use kubernel_kinds::custom::Conversion;
use kubernel_meta::{ApiError, Gvk, Object, field, validation};
use serde_json::{Map, Value, json};

use super::register::Custom;
use crate::ApiServer;
use crate::verbs::bare;
use crate::webhooks::{self, Target};

/// The versions of ConversionReview that we speak.
const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];
/// How long a webhook may take.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// Brings objects into the version of `to`. Those that are in it already are left alone.
pub(crate) async fn convert(
    server: &ApiServer,
    custom: &Custom,
    mut objects: Vec<Object>,
    to: &Gvk,
) -> Result<Vec<Object>, ApiError> {
    let api_version = to.api_version();
    let others: Vec<usize> = (0..objects.len()).filter(|at| objects[*at].api_version() != api_version).collect();
    let Conversion::Webhook { client, review_versions } = &custom.definition.conversion else {
        others.into_iter().for_each(|at| objects[at].set(&["apiVersion"], api_version.as_str()));
        return Ok(objects);
    };
    // One review for each version from which objects come, as errors name it.
    let mut rest = others.as_slice();
    while let Some(first) = rest.first() {
        let from = objects[*first].api_version().to_owned();
        let end = rest.iter().position(|at| objects[*at].api_version() != from).unwrap_or(rest.len());
        let (batch, later) = rest.split_at(end);
        rest = later;
        let sent: Vec<Object> = batch.iter().map(|at| objects[*at].clone()).collect();
        let version = review_versions.iter().find(|version| REVIEW_VERSIONS.contains(&version.as_str()));
        let version = version.ok_or_else(|| bare("no supported conversion review versions"))?;
        let started = Instant::now();
        let outcome = exchange(server, client, version, &sent, to).await;
        let (from_version, to_version) = (from.rsplit('/').next().unwrap_or_default(), to.version.as_str());
        let failure = outcome.as_ref().err().map(|failure| failure.kind);
        let metrics = &server.metrics().conversion;
        metrics.asked(&custom.definition.name, from_version, to_version, failure, started.elapsed());
        let converted = outcome
            .map_err(|failure| bare(format!("conversion webhook for {} {}", shown(&from, &to.kind), failure.why)))?;
        for (place, object) in batch.iter().zip(converted) {
            objects[*place] = object;
        }
    }
    Ok(objects)
}

/// Why a webhook's answer is of no use.
struct Failure {
    /// What metrics call it.
    kind: &'static str,
    why: String,
}

/// Asks a webhook for objects in another version, and checks them.
async fn exchange(
    server: &ApiServer,
    client: &Value,
    version: &str,
    sent: &[Object],
    to: &Gvk,
) -> Result<Vec<Object>, Failure> {
    let failure = |kind, why| Failure { kind, why };
    let uid = uuid::Uuid::new_v4().to_string();
    let answer = ask(server, client, &review(version, &uid, &to.api_version(), sent))
        .await
        .map_err(|why| failure("conversion_webhook_call_failure", format!("failed: {why}")))?;
    let answer = converted(version, &uid, answer)
        .map_err(|why| failure("conversion_webhook_malformed_response_failure", format!("failed: {why}")))?;
    if answer.len() != sent.len() {
        let why = format!("returned {} objects, expected {}", answer.len(), sent.len());
        return Err(failure("conversion_webhook_partial_response_failure", why));
    }
    let checked = answer.into_iter().enumerate().map(|(at, value)| checked(&sent[at], value, to, at));
    let objects: Result<Vec<Object>, String> = checked.collect();
    objects.map_err(|why| failure("conversion_webhook_invalid_converted_object_failure", why))
}

async fn ask(server: &ApiServer, client: &Value, review: &Value) -> Result<Value, String> {
    webhooks::call(server, &Target::parse(client)?, ANSWER_WAIT, review).await
}

fn review(version: &str, uid: &str, api_version: &str, objects: &[Object]) -> Value {
    let objects: Vec<&Map<String, Value>> = objects.iter().map(Object::map).collect();
    json!({
        "kind": "ConversionReview", "apiVersion": format!("apiextensions.k8s.io/{version}"),
        "request": { "uid": uid, "desiredAPIVersion": api_version, "objects": objects },
    })
}

/// The objects of an answer; v1 must carry the kind and the uid of the question.
fn converted(version: &str, uid: &str, mut answer: Value) -> Result<Vec<Value>, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if version == "v1" {
        let (api_version, kind) = (text(&answer["apiVersion"]), text(&answer["kind"]));
        if api_version != "apiextensions.k8s.io/v1" || kind != "ConversionReview" {
            let wanted = shown("apiextensions.k8s.io/v1", "ConversionReview");
            return Err(format!("expected webhook response of {wanted}, got {}", shown(&api_version, &kind)));
        }
    }
    let response = answer.get_mut("response").filter(|response| response.is_object()).ok_or("no response provided")?;
    let got = text(&response["uid"]);
    if version == "v1" && got != uid {
        return Err(format!("expected response.uid={uid:?}, got {got:?}"));
    }
    let status = text(&response["result"]["status"]);
    if status != "Success" {
        return Err(match text(&response["result"]["message"]) {
            message if message.is_empty() => format!("response.result.status was '{status}', not 'Success'"),
            message => message,
        });
    }
    match response["convertedObjects"].take() {
        Value::Array(objects) => Ok(objects),
        _ => Ok(Vec::new()),
    }
}

/// A converted object with the metadata of the original, but for labels and annotations, which a webhook may change.
fn checked(original: &Object, value: Value, to: &Gvk, at: usize) -> Result<Object, String> {
    let invalid = |why: String| format!("returned invalid converted object at index {at}: {why}");
    let mut object = Object::from_value(value).map_err(|_| invalid("not an object".to_owned()))?;
    if object.api_version() != to.api_version() {
        let (wanted, got) = (to.api_version(), object.api_version());
        return Err(invalid(format!("invalid groupVersion (expected {wanted}, received {got})")));
    }
    if object.kind() != to.kind {
        let (wanted, got) = (&to.kind, object.kind());
        return Err(invalid(format!("invalid kind (expected {wanted}, received {got})")));
    }
    let same = [
        ("name", original.name(), object.name()),
        ("namespace", original.namespace(), object.namespace()),
        ("UID", original.uid(), object.uid()),
    ];
    if let Some((what, wanted, got)) = same.into_iter().find(|(_, wanted, got)| wanted != got) {
        return Err(invalid(format!("must have the same {what}: {wanted} != {got}")));
    }
    let invalid = |why: String| format!("returned invalid metadata in object at index {at}: {why}");
    let theirs = match object.map_mut().remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        None => return Err(invalid("missing metadata in converted object".to_owned())),
        Some(other) => {
            return Err(invalid(format!("invalid metadata of type {} in converted object", go_type(&other))));
        }
    };
    let mut metadata = original.map_at(&["metadata"]).cloned().unwrap_or_default();
    for what in ["labels", "annotations"] {
        match theirs.get(what) {
            None | Some(Value::Null) => drop(metadata.remove(what)),
            Some(Value::Object(map)) => {
                pairs(what, map).map_err(&invalid)?;
                metadata.insert(what.to_owned(), Value::Object(map.clone()));
            }
            Some(other) => {
                let found = go_type(other);
                return Err(invalid(format!("invalid metadata.{what} of type {found} in converted object")));
            }
        }
    }
    object.map_mut().insert("metadata".to_owned(), Value::Object(metadata));
    Ok(object)
}

fn pairs(what: &str, map: &Map<String, Value>) -> Result<(), String> {
    let mut pairs = Vec::with_capacity(map.len());
    for (key, value) in map {
        match value.as_str() {
            Some(text) => pairs.push((key.as_str(), text)),
            None => {
                let found = go_type(value);
                return Err(format!("metadata.{what}[{key}] must be a string, but is {found} in converted object"));
            }
        }
    }
    let root = field::Path::root("metadata");
    let wrong = match what {
        "labels" => validation::labels(pairs, &root.child("labels")),
        _ => validation::annotations(pairs, &root.child("annotation")),
    };
    let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    match texts.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

/// A kind as Go prints it: `example.com/v1, Kind=W`.
fn shown(api_version: &str, kind: &str) -> String {
    format!("{api_version}, Kind={kind}")
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_held_against_the_question() {
        let answer = |api_version: &str, response: Value| json!({ "apiVersion": api_version, "kind": "ConversionReview", "response": response });
        let (v1, beta) = ("apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1");
        let success = json!({ "status": "Success" });
        let cases = [
            ("v1", answer(v1, json!({ "uid": "u", "result": success, "convertedObjects": [1] })), Ok(1)),
            ("v1", answer(v1, json!({ "uid": "x", "result": success })), Err("expected response.uid=\"u\", got \"x\"")),
            ("v1", answer(v1, json!({ "uid": "u", "result": { "status": "Failed", "message": "no" } })), Err("no")),
            ("v1", answer(v1, json!({ "uid": "u" })), Err("response.result.status was '', not 'Success'")),
            ("v1", answer(v1, Value::Null), Err("no response provided")),
            (
                "v1",
                answer(beta, json!({})),
                Err("expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got \
                     apiextensions.k8s.io/v1beta1, Kind=ConversionReview"),
            ),
            ("v1beta1", answer("", json!({ "result": success, "convertedObjects": [1, 2] })), Ok(2)),
        ];
        for (version, answer, expect) in cases {
            let found = converted(version, "u", answer.clone()).map(|objects| objects.len());
            assert_eq!(found, expect.map_err(str::to_owned), "{answer}");
        }
    }

    #[test]
    fn a_webhook_changes_content_labels_and_annotations_only() {
        let object = |api_version: &str, kind: &str, metadata: Value| json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": { "b": 1 } });
        let to = Gvk::new("g.io", "v2", "W");
        let metadata = json!({ "name": "a", "namespace": "n", "uid": "u", "labels": { "a": "b" }, "generation": 3 });
        let original = Object::from_value(object("g.io/v1", "W", metadata)).unwrap();
        let own = |more: Value| {
            let mut metadata = json!({ "name": "a", "namespace": "n", "uid": "u" });
            metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            object("g.io/v2", "W", metadata)
        };
        let good = checked(&original, own(json!({ "labels": { "c": "d" }, "generation": 9 })), &to, 0).unwrap();
        let metadata = json!({ "name": "a", "namespace": "n", "uid": "u", "labels": { "c": "d" }, "generation": 3 });
        assert_eq!(good.map()["metadata"], metadata);
        let invalid = "returned invalid converted object at index 0: ";
        let meta = "returned invalid metadata in object at index 0: ";
        let cases = [
            (object("g.io/v3", "W", json!({})), invalid, "invalid groupVersion (expected g.io/v2, received g.io/v3)"),
            (object("g.io/v2", "X", json!({})), invalid, "invalid kind (expected W, received X)"),
            (own(json!({ "name": "b" })), invalid, "must have the same name: a != b"),
            (own(json!({ "namespace": "" })), invalid, "must have the same namespace: n != "),
            (own(json!({ "uid": "v" })), invalid, "must have the same UID: u != v"),
            (own(json!({ "labels": [] })), meta, "invalid metadata.labels of type []interface {} in converted object"),
            (
                own(json!({ "annotations": { "x": 1 } })),
                meta,
                "metadata.annotations[x] must be a string, but is int64 in converted object",
            ),
        ];
        for (value, start, why) in cases {
            assert_eq!(checked(&original, value.clone(), &to, 0).err(), Some(format!("{start}{why}")), "{value}");
        }
    }
}
