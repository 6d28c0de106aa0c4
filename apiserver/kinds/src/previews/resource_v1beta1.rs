//! `resource.k8s.io/v1beta1`: a device's data stands below `basic`, and a request for exactly one class has no `exactly`
//! around its fields.

use kubernel_meta::Object;
use serde_json::{Map, Value};

/// The fields of an exact request, which v1beta1 has beside the request's name.
const EXACT: [&str; 7] =
    ["deviceClassName", "selectors", "allocationMode", "count", "adminAccess", "tolerations", "capacity"];

/// Turns an object of v1beta1 into one of v1.
pub(super) fn to_stored(object: &mut Object) {
    object.set(&["apiVersion"], "resource.k8s.io/v1");
    each_request(object, |request| {
        let exact = take(request, |field| EXACT.contains(&field));
        if !exact.is_empty() {
            request.insert("exactly".to_owned(), Value::Object(exact));
        }
    });
    each_device(object, |device| {
        if let Some(Value::Object(basic)) = device.remove("basic") {
            device.extend(basic);
        }
    });
}

/// Turns an object of v1 into one of v1beta1.
pub(super) fn from_stored(object: &mut Object) {
    object.set(&["apiVersion"], "resource.k8s.io/v1beta1");
    each_request(object, |request| {
        if let Some(Value::Object(exact)) = request.remove("exactly") {
            request.extend(exact);
        }
    });
    each_device(object, |device| {
        let basic = take(device, |field| field != "name");
        device.insert("basic".to_owned(), Value::Object(basic));
    });
}

/// Each device request of a claim or a claim template.
fn each_request(object: &mut Object, mut change: impl FnMut(&mut Map<String, Value>)) {
    let spec = match object.kind() {
        "ResourceClaim" => "/spec/devices/requests",
        "ResourceClaimTemplate" => "/spec/spec/devices/requests",
        _ => return,
    };
    each(object, spec, &mut change);
}

/// Each device of a slice.
fn each_device(object: &mut Object, mut change: impl FnMut(&mut Map<String, Value>)) {
    if object.kind() == "ResourceSlice" {
        each(object, "/spec/devices", &mut change);
    }
}

fn each(object: &mut Object, pointer: &str, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    let mut words = pointer.split('/').skip(1);
    let first = words.next().unwrap_or_default();
    let rest: String = words.map(|word| format!("/{word}")).collect();
    let list = object.map_mut().get_mut(first).and_then(|value| value.pointer_mut(&rest)).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut).for_each(change);
}

fn take(map: &mut Map<String, Value>, is_taken: impl Fn(&str) -> bool) -> Map<String, Value> {
    let (taken, kept) = std::mem::take(map).into_iter().partition(|(field, _)| is_taken(field));
    *map = kept;
    taken
}
