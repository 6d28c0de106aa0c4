//! The types of all built-in kinds, read once from the tables in `tables/`.
//!
//! A table is tab-separated and made to be read by people as well: a line `struct NAME APIVERSION FLAGS` (the version
//! where the struct is a kind, `*` where it is one in every group, else `-`; flags `atomic` or `union=FIELD:FIELDS`),
//! then one indented line for each field: `name type presence proto attributes`, in which `_` stands for a blank in
//! the values of `enum`. Presence is `*` pointer, `&` pointer that shows `null`, `?` value left out
//! when zero, `!` value always shown ([`Presence`]). Proto is the path of field numbers, or `-`.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::shape::{
    Field, ListPatch, ListShape, ListTopology, MapShape, Presence, SchemaAlternative, Shape, Struct, Types, Union,
    Unknown,
};

macro_rules! tables {
    ($($name:literal)*) => { [$(include_str!(concat!("../tables/", $name, ".tsv"))),*] };
}

const TABLES: [&str; 33] = tables! {
    "admissionregistration.v1" "apiextensions.v1" "apidiscovery.v2" "apiregistration.v1" "apiserverinternal.v1alpha1"
    "apps.v1" "authentication.v1" "authorization.v1" "autoscaling.v1" "autoscaling.v2" "batch.v1" "certificates.v1"
    "certificates.v1beta1" "coordination.v1" "coordination.v1beta1" "core.v1" "discovery.v1" "events.v1"
    "flowcontrol.v1" "kernel.v1alpha1" "meta.v1" "networking.v1" "node.v1" "policy.v1" "rbac.v1" "resource.v1"
    "resource.v1alpha3" "resource.v1beta2" "scheduling.v1" "scheduling.v1alpha2" "storage.v1"
    "storagemigration.v1beta1" "version"
};

/// Versions of a group that have the types of another version under their own name: the group, whose types, for which
/// version, and the table.
const EARLIER: [(&str, &str, &str, &str); 9] = [
    ("admissionregistration", "v1", "v1beta1", include_str!("../tables/admissionregistration.v1.tsv")),
    ("admissionregistration", "v1", "v1alpha1", include_str!("../tables/admissionregistration.v1.tsv")),
    ("certificates", "v1beta1", "v1alpha1", include_str!("../tables/certificates.v1beta1.tsv")),
    ("coordination", "v1beta1", "v1alpha2", include_str!("../tables/coordination.v1beta1.tsv")),
    ("networking", "v1", "v1beta1", include_str!("../tables/networking.v1.tsv")),
    ("resource", "v1", "v1beta1", include_str!("../tables/resource.v1.tsv")),
    ("resource", "v1", "v1beta2", include_str!("../tables/resource.v1.tsv")),
    ("resource", "v1beta2", "v1alpha3", include_str!("../tables/resource.v1beta2.tsv")),
    ("storage", "v1", "v1beta1", include_str!("../tables/storage.v1.tsv")),
];
/// What resource.k8s.io/v1beta1 has in another shape than v1.
const RESOURCE_V1BETA1: &str = include_str!("../tables/resource.v1beta1.tsv");
const JSON_SCHEMA: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

static BUILTIN: LazyLock<Arc<Types>> = LazyLock::new(|| {
    let mut types = Types::default();
    for table in TABLES {
        read(&mut types, table);
    }
    for (group, of, version, table) in EARLIER {
        let names = table.replace(&format!(".{group}.{of}."), &format!(".{group}.{version}."));
        read(&mut types, &names.replace(&format!("\t{group}.k8s.io/{of}"), &format!("\t{group}.k8s.io/{version}")));
    }
    read(&mut types, RESOURCE_V1BETA1);
    Arc::new(types)
});

/// The types of all built-in kinds of v1.36 and of the kernel's own group. The first call reads the tables (about a
/// millisecond).
pub fn builtin() -> &'static Arc<Types> {
    &BUILTIN
}

fn read(types: &mut Types, table: &str) {
    let mut current: Option<Struct> = None;
    for line in table.lines() {
        let mut columns = line.split('\t');
        let (first, name) = (columns.next(), columns.next().unwrap_or_default());
        if first == Some("struct") {
            current.take().map(|done| types.insert(done));
            let api_version = columns.next().filter(|text| *text != "-").map(Arc::from);
            let flags = columns.next().unwrap_or_default();
            let (atomic, union) = (flags == "atomic", flags.strip_prefix("union=").and_then(union));
            let unknown = Unknown::Prune;
            current = Some(Struct { name: name.into(), fields: Vec::new(), unknown, atomic, api_version, union });
        } else if let Some(current) = &mut current {
            let kind = columns.next().unwrap_or_default();
            let presence = columns.next().unwrap_or_default();
            let proto = columns.next().unwrap_or_default();
            let attributes = columns.next().unwrap_or_default();
            current.fields.push(field(types, name, kind, presence, proto, attributes));
        }
    }
    current.take().map(|done| types.insert(done));
}

fn field(types: &mut Types, name: &str, kind: &str, presence: &str, proto: &str, attributes: &str) -> Field {
    let mut field = Field {
        name: name.into(),
        shape: shape(types, kind),
        presence: match presence {
            "*" => Presence::Pointer,
            "&" => Presence::NullPointer,
            "?" => Presence::OmitZero,
            _ => Presence::Always,
        },
        proto: proto.split('.').filter_map(|number| number.parse().ok()).collect(),
        ..Field::default()
    };
    for attribute in attributes.split(' ') {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match key {
            "required" => field.required = true,
            "atomic" => field.atomic = true,
            "granular" => field.granular = true,
            "retainKeys" => field.retain_keys = true,
            "default" => field.default = serde_json::from_str::<Value>(value).ok(),
            "go" => field.go = Some(value.into()),
            "enum" => field.values = value.split(',').map(|one| one.replace('_', " ").into()).collect(),
            "list" => with_list(&mut field.shape, |list| list.topology = topology(value)),
            "patch" if value == "replace" => field.replaced = true,
            "patch" => with_list(&mut field.shape, |list| list.patch = patch(value)),
            _ => {}
        }
    }
    field
}

fn union(text: &str) -> Option<Union> {
    let (discriminator, fields) = text.split_once(':')?;
    Some(Union { discriminator: discriminator.into(), fields: fields.split(',').map(Arc::from).collect() })
}

fn with_list(shape: &mut Shape, change: impl FnOnce(&mut ListShape)) {
    if let Shape::List(list) = shape {
        change(list);
    }
}

fn topology(text: &str) -> ListTopology {
    match text.split_once(':') {
        Some((_, keys)) => ListTopology::Map(keys.split(',').map(Arc::from).collect()),
        None if text == "set" => ListTopology::Set,
        None => ListTopology::Atomic,
    }
}

fn patch(text: &str) -> ListPatch {
    match text.split_once(':') {
        Some((_, key)) => ListPatch::MergeByKey(key.into()),
        None if text == "merge" => ListPatch::Merge,
        None => ListPatch::Replace,
    }
}

fn shape(types: &mut Types, text: &str) -> Shape {
    if let Some(item) = text.strip_prefix("[]") {
        let item = shape(types, item);
        let list = ListShape { item, topology: ListTopology::Atomic, patch: ListPatch::Replace };
        return Shape::List(Box::new(list));
    }
    if let Some(value) = text.strip_prefix("map:") {
        return Shape::Map(Box::new(MapShape { value: shape(types, value) }));
    }
    match text {
        "bool" => Shape::Bool,
        "int32" => Shape::Int32,
        "int64" => Shape::Int64,
        "double" => Shape::Double,
        "string" => Shape::Text,
        "bytes" => Shape::Bytes,
        "quantity" => Shape::Quantity,
        "intorstring" => Shape::IntOrString,
        "time" => Shape::Time,
        "microtime" => Shape::MicroTime,
        "any" => Shape::Any,
        "schema|[]schema" => Shape::SchemaOr(SchemaAlternative::Schemas, types.declare(JSON_SCHEMA)),
        "schema|bool" => Shape::SchemaOr(SchemaAlternative::Bool, types.declare(JSON_SCHEMA)),
        "schema|[]string" => Shape::SchemaOr(SchemaAlternative::Texts, types.declare(JSON_SCHEMA)),
        name => Shape::Struct(types.declare(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_struct_that_is_named_is_known() {
        let types = builtin();
        for item in types.iter() {
            assert!(
                item.fields.iter().any(|field| !field.name.is_empty()) || is_empty_upstream(&item.name),
                "{}",
                item.name
            );
        }
        assert!(types.iter().count() > 550);
    }

    /// The structs that have no fields upstream either.
    fn is_empty_upstream(name: &str) -> bool {
        let names = [".CustomResourceSubresourceStatus", ".BasicSchedulingPolicy", ".StorageVersionSpec"];
        names.iter().any(|empty| name.ends_with(empty))
    }

    #[test]
    fn what_a_line_says() {
        let types = builtin();
        let get = |name: &str| types.get(types.find(name).unwrap());
        let pod_spec = get("io.k8s.api.core.v1.PodSpec");
        let Shape::List(containers) = &pod_spec.field("containers").unwrap().shape else { panic!("no list") };
        assert_eq!(containers.topology, ListTopology::Map(vec!["name".into()]));
        assert_eq!(containers.patch, ListPatch::MergeByKey("name".into()));
        let Shape::List(volumes) = &pod_spec.field("volumes").unwrap().shape else { panic!("no list") };
        assert_eq!(volumes.patch, ListPatch::MergeByKey("name".into()));
        assert!(pod_spec.field("volumes").unwrap().retain_keys);
        assert_eq!(get("io.k8s.api.core.v1.Volume").field("hostPath").unwrap().proto, [2, 1]);
        let protocol = get("io.k8s.api.core.v1.ContainerPort").field("protocol").unwrap();
        assert_eq!(protocol.default, Some(Value::from("TCP")));
        assert_eq!(pod_spec.field("hostUsers").unwrap().presence, Presence::Pointer);
        assert_eq!(pod_spec.field("hostNetwork").unwrap().presence, Presence::OmitZero);
        assert_eq!(pod_spec.go_name(), "v1.PodSpec");
        assert_eq!(types.find_kind("apps/v1", "Deployment"), types.find("io.k8s.api.apps.v1.Deployment"));
        let options = types.find("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
        assert_eq!(types.find_kind("v1", "DeleteOptions"), options);
        assert_eq!(types.find_kind("batch/v1", "DeleteOptions"), options);
    }
}
