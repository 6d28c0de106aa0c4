//! `autoscaling/v2` HorizontalPodAutoscaler.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of HorizontalPodAutoscaler.
    pub static KIND = "autoscaling", "v2", "HorizontalPodAutoscaler";
    names: "horizontalpodautoscalers", "horizontalpodautoscaler", short ["hpa"], categories ["all"];
    definition: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler";
    namespaced: true, source: Store, hash: "qwQve8ut294=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Reference" string, "Targets" string, "MinPods" string, "MaxPods" string, "Replicas" string,
        "Age" string,
    ];
    strategy: Generic;
}
