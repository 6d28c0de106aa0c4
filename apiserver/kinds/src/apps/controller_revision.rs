//! `apps/v1` ControllerRevision.

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::validate;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of ControllerRevision.
    pub static KIND = "apps", "v1", "ControllerRevision";
    names: "controllerrevisions", "controllerrevision", short [], categories [];
    definition: "io.k8s.api.apps.v1.ControllerRevision";
    namespaced: true, source: Store, hash: "85nkx63pcBU=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Controller" string, "Revision" string, "Age" string,
    ];
    strategy: ControllerRevisionStrategy;
}

/// What only ControllerRevisions know.
#[derive(Debug)]
pub struct ControllerRevisionStrategy;

impl Strategy for ControllerRevisionStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let revision = object.at(&["revision"]);
        let mut errors = Vec::new();
        if object.at(&["data"]).is_none_or(Value::is_null) {
            errors.push(field::Path::root("data").required("data is mandatory"));
        }
        errors.extend(validate::non_negative(&field::Path::root("revision"), revision));
        errors
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let mut errors = self.validate(kind, new);
        errors.extend(validate::immutable(&field::Path::root("data"), new.at(&["data"]), old.at(&["data"])));
        errors
    }

    fn verbatim(&self) -> Option<&'static str> {
        Some("data")
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let controller = object.owner_references().find(|owner| owner.controller);
        let controller = controller.map_or_else(
            || "<none>".to_owned(),
            |owner| {
                let group = owner.api_version.split_once('/').map_or(String::new(), |(group, _)| format!(".{group}"));
                format!("{}{group}/{}", owner.kind.to_lowercase(), owner.name)
            },
        );
        vec![
            json!(object.name()),
            json!(controller),
            json!(object.int_at(&["revision"]).unwrap_or_default()),
            json!(print::age(object, now)),
        ]
    }
}
