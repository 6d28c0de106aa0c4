//! `resource.k8s.io/v1` DeviceClass.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of DeviceClass.
    pub static KIND = "resource.k8s.io", "v1", "DeviceClass";
    names: "deviceclasses", "deviceclass", short [], categories [];
    definition: "io.k8s.api.resource.v1.DeviceClass";
    namespaced: false, source: Store, hash: "Yk2PTc1Ybxk=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Age" string,
    ];
    strategy: Generic;
}
