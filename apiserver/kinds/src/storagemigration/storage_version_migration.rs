//! `storagemigration.k8s.io/v1beta1` StorageVersionMigration: writes all objects of a resource again.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::Value;

use crate::descriptor::kind;
use crate::go_form;
use crate::tree::condition;
use crate::validate;
use crate::{Kind, Strategy};

kind! {
    /// The descriptor of StorageVersionMigration.
    pub static KIND = "storagemigration.k8s.io", "v1beta1", "StorageVersionMigration";
    names: "storageversionmigrations", "storageversionmigration", short [], categories [];
    definition: "io.k8s.api.storagemigration.v1beta1.StorageVersionMigration";
    namespaced: false, source: Store, hash: "pCjmmKOkLy4=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: MigrationStrategy;
}

/// What only StorageVersionMigrations know.
#[derive(Debug)]
pub struct MigrationStrategy;

impl Strategy for MigrationStrategy {
    fn status_keeps_metadata(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<Error> {
        let path = Path::root("spec").child("resource").child("resource");
        let missing = object.str_at(&["spec", "resource", "resource"]).is_empty();
        missing.then(|| path.required("resource is required")).into_iter().collect()
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<Error> {
        let mut errors = self.validate(kind, new);
        for field in ["group", "resource"] {
            let value = new.str_at(&["spec", "resource", field]);
            if value != old.str_at(&["spec", "resource", field]) {
                errors.push(Path::root(field).invalid(value, "field is immutable"));
            }
        }
        errors
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, old: &Object) -> Vec<Error> {
        let path = Path::root("status");
        let (version, before) = (new.str_at(&VERSION), old.str_at(&VERSION));
        let at = path.child("resourceVersion");
        let mut errors = Vec::new();
        match version.parse::<i64>() {
            Ok(number) => errors.extend(validate::non_negative(&at, Some(&Value::from(number)))),
            Err(_) if version.is_empty() => {}
            Err(_) => {
                let text = format!(
                    "failed to parse resource version {version:?}: strconv.ParseInt: parsing {version:?}: invalid syntax"
                );
                errors.push(at.invalid(version, text));
            }
        }
        let conditions = new.list_at(&CONDITIONS);
        let at = path.child("conditions");
        errors.extend(validate::conditions(&at, conditions));
        if !before.is_empty() && before != version {
            errors.push(path.child("resourceVersion").invalid(version, "cannot be updated"));
        }
        let is = |object: &Object, name: &str| {
            condition(object.list_at(&CONDITIONS), name).is_some_and(|condition| condition["status"] == "True")
        };
        let (succeeded, failed, running) = (is(new, "Succeeded"), is(new, "Failed"), is(new, "Running"));
        let wrong = [
            (succeeded && failed, "Both success and failed conditions cannot be true at the same time"),
            (succeeded && running, "Running condition cannot be true when success condition is true"),
            (failed && running, "Running condition cannot be true when failed condition is true"),
            (is(old, "Succeeded") && !succeeded, "Success condition cannot be set to false once it is true"),
            (is(old, "Failed") && !failed, "Failed condition cannot be set to false once it is true"),
        ];
        let wrong = wrong.into_iter().filter(|(is, _)| *is);
        errors.extend(wrong.map(|(_, text)| go_form::invalid_list(&at, CONDITION, conditions, text)));
        errors
    }

    fn validate_name(&self, name: &str, _prefix: bool) -> Vec<String> {
        validation::dns1123_subdomain(name)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }
}

const CONDITION: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Condition";
const VERSION: [&str; 2] = ["status", "resourceVersion"];
const CONDITIONS: [&str; 2] = ["status", "conditions"];
