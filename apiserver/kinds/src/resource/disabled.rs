//! Fields of devices whose features are off in v1.36 by default (`DRANodeAllocatableResources`,
//! `DRAListTypeAttributes`): a slice that has not used them yet loses them.

use kubernel_meta::Object;
use serde_json::{Map, Value};

use crate::tree::{map_in, maps_in, set};

const MAPPINGS: &str = "nodeAllocatableResourceMappings";
/// The values of an attribute that has several.
const LISTS: [&str; 4] = ["bools", "ints", "strings", "versions"];

/// Drops what is off from a slice, save what the old one has in use.
pub(super) fn drop(slice: &mut Object, old: Option<&Object>) {
    let used = |uses: fn(&Value) -> bool| old.is_some_and(|old| old.list_at(&["spec", "devices"]).iter().any(uses));
    let (keeps_mappings, keeps_lists) = (used(has_mappings), used(has_lists));
    if slice.list_at(&["spec", "devices"]).is_empty() {
        return;
    }
    for device in maps_in(slice.map_at_mut(&["spec"]), "devices") {
        if !keeps_mappings {
            device.remove(MAPPINGS);
        }
        if let Some(attributes) = map_in(device, "attributes").filter(|_| !keeps_lists) {
            attributes.values_mut().filter_map(Value::as_object_mut).for_each(|attribute| {
                attribute.retain(|field, _| !LISTS.contains(&field.as_str()));
            });
        }
    }
}

fn has_mappings(device: &Value) -> bool {
    set(device, MAPPINGS).and_then(Value::as_object).is_some_and(|mappings| !mappings.is_empty())
}

fn has_lists(device: &Value) -> bool {
    let attributes = set(device, "attributes").and_then(Value::as_object).into_iter().flat_map(Map::values);
    attributes.into_iter().any(|attribute| LISTS.iter().any(|field| set(attribute, field).is_some()))
}
