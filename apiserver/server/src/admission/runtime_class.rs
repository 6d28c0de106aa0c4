//! RuntimeClass: a Pod takes over its class's overhead, node selector and tolerations.

use kubernel_meta::{ApiError, Object};
use serde_json::{Map, Value};

use super::{Attributes, Operation, View};

pub(super) async fn admit(view: &View<'_>, request: &Attributes<'_>, pod: &mut Object) -> Result<(), ApiError> {
    if !request.is_main("", "pods") || request.operation != Operation::Create {
        return Ok(());
    }
    let name = pod.str_at(&["spec", "runtimeClassName"]);
    if name.is_empty() {
        return match pod.map_at(&["spec", "overhead"]).filter(|overhead| !overhead.is_empty()) {
            None => Ok(()),
            Some(_) => {
                Err(request
                    .forbidden("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"))
            }
        };
    }
    let Some(class) = view.get(&format!("/registry/node.k8s.io/runtimeclasses/{name}")).await? else {
        return Err(request.forbidden(format!("pod rejected: RuntimeClass {name:?} not found")));
    };
    admit_overhead(&class, pod).map_err(|text| request.forbidden(text))?;
    admit_scheduling(&class, pod).map_err(|text| request.forbidden(text))
}

fn admit_overhead(class: &Object, pod: &mut Object) -> Result<(), &'static str> {
    let of_class = class.map_at(&["overhead", "podFixed"]).filter(|overhead| !overhead.is_empty());
    let of_pod = pod.map_at(&["spec", "overhead"]).filter(|overhead| !overhead.is_empty());
    match (of_class, of_pod) {
        (None, None) => {}
        (None, Some(_)) => {
            return Err("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
        }
        (Some(of_class), Some(of_pod)) if of_class != of_pod => {
            return Err("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
        }
        (Some(of_class), _) => pod.set(&["spec", "overhead"], of_class.clone()),
    }
    Ok(())
}

fn admit_scheduling(class: &Object, pod: &mut Object) -> Result<(), String> {
    if let Some(wanted) = class.map_at(&["scheduling", "nodeSelector"]).filter(|wanted| !wanted.is_empty()) {
        let mut selector: Map<String, Value> = pod.map_at(&["spec", "nodeSelector"]).cloned().unwrap_or_default();
        for (key, value) in wanted {
            match selector.get(key) {
                Some(other) if other != value => {
                    let (value, other) = (value.as_str().unwrap_or_default(), other.as_str().unwrap_or_default());
                    return Err(format!(
                        "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; \
                         pod.spec.nodeSelector[{key}] = {other}"
                    ));
                }
                _ => selector.insert(key.clone(), value.clone()),
            };
        }
        pod.set(&["spec", "nodeSelector"], selector);
    }
    let mut tolerations = pod.list_at(&["spec", "tolerations"]).to_vec();
    let count = tolerations.len();
    for toleration in class.list_at(&["scheduling", "tolerations"]) {
        if !tolerations.contains(toleration) {
            tolerations.push(toleration.clone());
        }
    }
    if tolerations.len() > count {
        pod.set(&["spec", "tolerations"], tolerations);
    }
    Ok(())
}
