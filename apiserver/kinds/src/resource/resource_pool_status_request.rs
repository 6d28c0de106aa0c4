//! `resource.k8s.io/v1alpha3` ResourcePoolStatusRequest (KEP-5677): asks once how full a driver's pools are.

use kubernel_meta::{Object, field, validation};
use serde_json::Value;

use super::rules;
use crate::descriptor::kind;
use crate::tree::text;
use crate::{Kind, Strategy, validate};

const LIMIT_MAX: i64 = 1000;

kind! {
    /// The descriptor of ResourcePoolStatusRequest.
    pub static KIND = "resource.k8s.io", "v1alpha3", "ResourcePoolStatusRequest";
    names: "resourcepoolstatusrequests", "resourcepoolstatusrequest", short [], categories [];
    definition: "io.k8s.api.resource.v1alpha3.ResourcePoolStatusRequest";
    namespaced: false, source: Store, hash: "iy583CtMwdY=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: PoolStatusStrategy;
}

/// What only ResourcePoolStatusRequests know.
#[derive(Debug)]
pub struct PoolStatusStrategy;

impl Strategy for PoolStatusStrategy {
    /// There is no status until there is an answer.
    fn prepare_create(&self, _kind: &Kind, object: &mut Object) {
        object.remove(&["status"]);
    }

    fn status_keeps_metadata(&self) -> bool {
        true
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let (path, spec) = (field::Path::root("spec"), object.at(&["spec"]).unwrap_or(&Value::Null));
        let (at, driver) = (path.child("driver"), text(spec, "driver"));
        let mut errors = match driver {
            "" => vec![at.required("")],
            driver => validate::texts(&at, driver, validation::dns1123_subdomain(driver)).collect(),
        };
        if let Some(pool) = spec.get("poolName").and_then(Value::as_str) {
            errors.extend(rules::pool(&path.child("poolName"), pool));
        }
        let (at, limit) = (path.child("limit"), spec.get("limit").and_then(Value::as_i64).unwrap_or(1));
        if limit < 1 {
            errors.push(at.invalid(limit, "must be greater than or equal to 1"));
        }
        if limit > LIMIT_MAX {
            errors.push(at.invalid(limit, format!("must be less than or equal to {LIMIT_MAX}")));
        }
        errors
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let path = field::Path::root("spec");
        validation::immutable_field(new.at(&["spec"]), old.at(&["spec"]), &path).into_iter().collect()
    }

    /// An answer is given once.
    fn validate_subresource_update(&self, _kind: &Kind, _sub: &str, new: &Object, old: &Object) -> Vec<field::Error> {
        let path = field::Path::root("status");
        let (status, before) = (new.at(&["status"]), old.at(&["status"]));
        if before.is_some_and(|before| !before.is_null()) {
            return validation::immutable_field(status, before, &path).into_iter().collect();
        }
        validate::conditions(&path.child("conditions"), new.list_at(&["status", "conditions"]))
    }
}
