//! The environment of a container.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::downward;
use super::expand::expand;
use crate::pod::PodContext;

/// Variables in the order they were set; a later one of the same name replaces the earlier one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Env {
    names: Vec<String>,
    values: BTreeMap<String, String>,
}

impl Env {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().filter_map(|name| Some((name.as_str(), self.get(name)?)))
    }

    fn set(&mut self, name: String, value: String) {
        if self.values.insert(name.clone(), value).is_none() {
            self.names.push(name);
        }
    }
}

/// The environment of a container: services, then envFrom, then env. The error is a text for the status.
pub(crate) async fn build(context: &PodContext, pod: &Value, container: &Value, ips: &[String]) -> Result<Env, String> {
    let mut env = Env::default();
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let links = pod["spec"]["enableServiceLinks"] != false;
    for (name, value) in context.node.services.variables(namespace, links) {
        env.set(name, value);
    }
    for source in container["envFrom"].as_array().into_iter().flatten() {
        env_from(context, namespace, source, &mut env).await?;
    }
    for entry in container["env"].as_array().into_iter().flatten() {
        let name = entry["name"].as_str().unwrap_or_default().to_owned();
        let value = if let Some(text) = entry["value"].as_str() {
            Some(expand(text, |name| env.get(name)))
        } else if entry["valueFrom"].is_object() {
            value_from(context, pod, container, &entry["valueFrom"], ips).await?
        } else {
            Some(String::new())
        };
        if let Some(value) = value {
            env.set(name, value);
        }
    }
    Ok(env)
}

async fn env_from(context: &PodContext, namespace: &str, source: &Value, env: &mut Env) -> Result<(), String> {
    let prefix = source["prefix"].as_str().unwrap_or_default();
    let objects = &context.node.objects;
    let (reference, object, kind) = if source["configMapRef"].is_object() {
        let reference = &source["configMapRef"];
        (reference, objects.config_map(namespace, text(&reference["name"])).await?, "configmap")
    } else if source["secretRef"].is_object() {
        let reference = &source["secretRef"];
        (reference, objects.secret(namespace, text(&reference["name"])).await?, "secret")
    } else {
        return Ok(());
    };
    let Some(object) = object else {
        if reference["optional"] == true {
            return Ok(());
        }
        return Err(format!("{kind} \"{}\" not found", text(&reference["name"])));
    };
    for (key, value) in object["data"].as_object().into_iter().flatten() {
        let value = if kind == "secret" { decode(text(value))? } else { text(value).to_owned() };
        env.set(format!("{prefix}{key}"), value);
    }
    Ok(())
}

async fn value_from(
    context: &PodContext,
    pod: &Value,
    container: &Value,
    source: &Value,
    ips: &[String],
) -> Result<Option<String>, String> {
    let namespace = text(&pod["metadata"]["namespace"]);
    let node = &context.node.facts;
    if source["fieldRef"].is_object() {
        return downward::field(pod, &source["fieldRef"], node, ips).map(Some);
    }
    if source["resourceFieldRef"].is_object() {
        return downward::resource(pod, &source["resourceFieldRef"], Some(container), node).map(Some);
    }
    let objects = &context.node.objects;
    let (reference, object, kind, title) = if source["configMapKeyRef"].is_object() {
        let reference = &source["configMapKeyRef"];
        (reference, objects.config_map(namespace, text(&reference["name"])).await?, "configmap", "ConfigMap")
    } else if source["secretKeyRef"].is_object() {
        let reference = &source["secretKeyRef"];
        (reference, objects.secret(namespace, text(&reference["name"])).await?, "secret", "Secret")
    } else {
        return Ok(Some(String::new()));
    };
    let (name, key) = (text(&reference["name"]), text(&reference["key"]));
    let optional = reference["optional"] == true;
    let Some(object) = object else {
        return if optional { Ok(None) } else { Err(format!("{kind} \"{name}\" not found")) };
    };
    match object["data"][key].as_str() {
        Some(value) if kind == "secret" => decode(value).map(Some),
        Some(value) => Ok(Some(value.to_owned())),
        None if optional => Ok(None),
        None => Err(format!("couldn't find key {key} in {title} {namespace}/{name}")),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn decode(value: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(value).map_err(|error| format!("secret data: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
