//! The declared types of `request` and `namespaceObject`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::declare::{DeclField, DeclShape, DeclType, Object, Topology};

/// What estimates and messages take from a declared type does not matter here: nothing is estimated.
fn ty(shape: DeclShape) -> Arc<DeclType> {
    Arc::new(DeclType::unbounded(shape, 0))
}

fn string() -> Arc<DeclType> {
    ty(DeclShape::String)
}

fn list(element: Arc<DeclType>) -> Arc<DeclType> {
    ty(DeclShape::List { element, topology: Topology::Atomic })
}

fn map(value: Arc<DeclType>) -> Arc<DeclType> {
    ty(DeclShape::Map { key: string(), value })
}

fn object(name: &str, fields: &[(&str, Arc<DeclType>)]) -> Arc<DeclType> {
    let fields: HashMap<Arc<str>, DeclField> = fields
        .iter()
        .map(|(name, ty)| ((*name).into(), DeclField { json: (*name).into(), ty: ty.clone(), required: true }))
        .collect();
    ty(DeclShape::Object(Object { name: name.into(), fields }))
}

/// `kubernetes.AdmissionRequest`.
pub(super) fn request() -> Arc<DeclType> {
    let texts = |names: [&'static str; 3]| names.map(|name| (name, string()));
    let kind = object("kubernetes.GroupVersionKind", &texts(["group", "version", "kind"]));
    let resource = object("kubernetes.GroupVersionResource", &texts(["group", "version", "resource"]));
    let user = object(
        "kubernetes.UserInfo",
        &[("username", string()), ("uid", string()), ("groups", list(string())), ("extra", map(list(string())))],
    );
    object(
        "kubernetes.AdmissionRequest",
        &[
            ("kind", kind.clone()),
            ("resource", resource.clone()),
            ("subResource", string()),
            ("requestKind", kind),
            ("requestResource", resource),
            ("requestSubResource", string()),
            ("name", string()),
            ("namespace", string()),
            ("operation", string()),
            ("userInfo", user),
            ("dryRun", ty(DeclShape::Bool)),
            ("options", ty(DeclShape::Dyn)),
        ],
    )
}

/// `kubernetes.Namespace`; `UID` is spelled so upstream.
pub(super) fn namespace() -> Arc<DeclType> {
    let (time, number) = (ty(DeclShape::Timestamp), ty(DeclShape::Int));
    let condition = object(
        "kubernetes.NamespaceCondition",
        &[
            ("status", string()),
            ("type", string()),
            ("lastTransitionTime", time.clone()),
            ("message", string()),
            ("reason", string()),
        ],
    );
    let metadata = object(
        "kubernetes.NamespaceMetadata",
        &[
            ("name", string()),
            ("generateName", string()),
            ("namespace", string()),
            ("labels", map(string())),
            ("annotations", map(string())),
            ("UID", string()),
            ("creationTimestamp", time.clone()),
            ("deletionGracePeriodSeconds", number.clone()),
            ("deletionTimestamp", time),
            ("generation", number),
            ("resourceVersion", string()),
            ("finalizers", list(string())),
        ],
    );
    object(
        "kubernetes.Namespace",
        &[
            ("metadata", metadata),
            ("spec", object("kubernetes.NamespaceSpec", &[("finalizers", list(string()))])),
            ("status", object("kubernetes.NamespaceStatus", &[("conditions", list(condition)), ("phase", string())])),
        ],
    )
}
