//! Claims: of storage, in all and by storage class; of devices, by device class and by the extended resource that stands
//! for the class.

use std::collections::BTreeMap;

use kubernel_meta::{Object, Quantity};
use serde_json::Value;

use super::{add, text, whole};
use crate::core::pod::amounts::{self, Amounts};

const STORAGE: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];
const OF_STORAGE_CLASS: &str = ".storageclass.storage.k8s.io/";
const STORAGE_CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
const OF_DEVICE_CLASS: &str = ".deviceclass.resource.k8s.io/devices";
const IMPLICIT: &str = "requests.deviceclass.resource.kubernetes.io/";
/// What a request for all devices is taken for: as many as one claim may get.
const DEVICES_MAX: i64 = 32;

/// Device classes with the extended resource that a Pod may ask for instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes(BTreeMap<String, String>);

impl Classes {
    /// Those of DeviceClass objects.
    pub fn read<'a>(classes: impl IntoIterator<Item = &'a Object>) -> Self {
        let named = classes.into_iter().filter_map(|class| match class.str_at(&["spec", "extendedResourceName"]) {
            "" => None,
            resource => Some((class.name().to_owned(), resource.to_owned())),
        });
        Self(named.collect())
    }
}

/// Whether a quota's resource is about PersistentVolumeClaims.
pub(super) fn of_storage(name: &str) -> bool {
    let tail = name.split_once(OF_STORAGE_CLASS).map_or(name, |(_, tail)| tail);
    STORAGE.contains(&tail)
}

/// Whether a quota's resource is about ResourceClaims.
pub(super) fn of_devices(name: &str, classes: &Classes) -> bool {
    let extended = name.strip_prefix("requests.").is_some_and(|name| classes.0.values().any(|of| of == name));
    name.ends_with(OF_DEVICE_CLASS) || name.starts_with(IMPLICIT) || extended
}

pub(super) fn storage_usage(claim: &Object, usage: &mut Amounts) {
    let annotated = claim.annotations().find(|(key, _)| *key == STORAGE_CLASS_ANNOTATION).map(|(_, class)| class);
    let class = annotated.unwrap_or_else(|| claim.str_at(&["spec", "storageClassName"]));
    let mut put = |name: &str, amount: Quantity| {
        if !class.is_empty() {
            usage.insert(format!("{class}{OF_STORAGE_CLASS}{name}"), amount.clone());
        }
        usage.insert(name.to_owned(), amount);
    };
    put(STORAGE[0], whole(1));
    let storage = |path: &[&str]| claim.at(path).and_then(amounts::quantity).map(rounded_up);
    if let Some(wanted) = storage(&["spec", "resources", "requests", "storage"]) {
        let allocated = storage(&["status", "allocatedResources", "storage"]);
        put(STORAGE[1], allocated.filter(|allocated| *allocated > wanted).unwrap_or(wanted));
    }
}

/// Storage is counted in whole bytes.
fn rounded_up(amount: Quantity) -> Quantity {
    if amount.is_integer() { amount } else { Quantity::from_value(amount.value(), amount.format()) }
}

/// Of alternatives the worst one counts, class by class.
pub(super) fn device_usage(claim: &Object, classes: &Classes, usage: &mut Amounts) {
    let mut of_classes: BTreeMap<&str, i64> = BTreeMap::new();
    for request in claim.list_at(&["spec", "devices", "requests"]) {
        let mut worst: BTreeMap<&str, i64> = BTreeMap::new();
        let alternatives = request.get("firstAvailable").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for one in alternatives.iter().chain(request.get("exactly")) {
            let devices = match text(one, "allocationMode") {
                "ExactCount" => one.get("count").and_then(Value::as_i64).unwrap_or(0),
                "All" => DEVICES_MAX,
                _ => 0,
            };
            let most = worst.entry(text(one, "deviceClassName")).or_default();
            *most = devices.max(*most);
        }
        for (class, devices) in worst {
            let sum = of_classes.entry(class).or_default();
            *sum = sum.saturating_add(devices);
        }
    }
    for (class, devices) in of_classes {
        let mut names = vec![format!("{class}{OF_DEVICE_CLASS}"), format!("{IMPLICIT}{class}")];
        names.extend(classes.0.get(class).map(|resource| format!("requests.{resource}")));
        add(usage, &names.into_iter().map(|name| (name, whole(devices))).collect());
    }
}
