//! The paths that are about no kind: what there is under `/api` and `/apis`, the server's version, its token issuer.

use serde_json::{Map, Value, json};

use super::components::Components;
use super::operation::{Operation, capital, group_name, path_item};
use super::{Fixed, META};
use kubernel_meta::GroupVersion;

const TYPES: &[&str] = &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const VERSION: &str = "io.k8s.apimachinery.pkg.version.Info";

/// Adds `/apis/GROUP/VERSION/`.
pub(super) fn add_version(components: &mut Components, version: &GroupVersion, paths: &mut Map<String, Value>) {
    let (tag, name) = (super::operation::tag(version), capital(&group_name(&version.group)));
    let answer = components.reference_to_builtin(&format!("{META}.APIResourceList"));
    let id = format!("get{name}{}APIResources", capital(&version.version));
    let item = path_item(components, vec![get(id, tag, TYPES, TYPES, answer)]);
    paths.insert(format!("{}/", super::paths::root(version)), item);
}

/// Adds the path of a document that has but one.
pub(super) fn add_fixed(components: &mut Components, fixed: &Fixed, paths: &mut Map<String, Value>) {
    const JSON: &[&str] = &["application/json"];
    let mut meta = |kind: &str| components.reference_to_builtin(&format!("{META}.{kind}"));
    let operation = match fixed {
        Fixed::Core => get("getCoreAPIVersions", "core", TYPES, TYPES, meta("APIVersions")),
        Fixed::Groups => get("getAPIVersions", "apis", TYPES, TYPES, meta("APIGroupList")),
        Fixed::Group(group) => {
            let tag = group_name(group);
            get(format!("get{}APIGroup", capital(&tag)), tag, TYPES, TYPES, meta("APIGroup"))
        }
        Fixed::Version => get("getCodeVersion", "version", JSON, JSON, components.reference_to_builtin(VERSION)),
        Fixed::Issuer => {
            get("getServiceAccountIssuerOpenIDConfiguration", "WellKnown", &[], JSON, json!({ "type": "string" }))
        }
        Fixed::IssuerKeys => {
            const KEYS: &[&str] = &["application/jwk-set+json"];
            get("getServiceAccountIssuerOpenIDKeyset", "openid", &[], KEYS, json!({ "type": "string" }))
        }
    };
    let item = path_item(components, vec![operation]);
    paths.insert(format!("/{}/", fixed.name()), item);
}

fn get(
    id: impl Into<String>,
    tag: impl Into<String>,
    consumes: &'static [&'static str],
    produces: &'static [&'static str],
    answer: Value,
) -> Operation<'static> {
    Operation {
        method: "get",
        id: id.into(),
        tag: tag.into(),
        about: None,
        parameters: Vec::new(),
        body: None,
        consumes,
        produces,
        codes: &[200],
        answer,
    }
}
