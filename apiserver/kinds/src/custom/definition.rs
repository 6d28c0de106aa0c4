//! A CustomResourceDefinition as far as serving its objects goes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubernel_meta::Object;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Columns, CustomStrategy, Names, ScalePaths};
use crate::{Kind, Source, StrategyHandle, Subresource, Text};

/// The verbs of a custom resource in the order of upstream's discovery.
const VERBS: [&str; 8] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
/// Those of its subresources.
const SUBRESOURCE_VERBS: [&str; 3] = ["get", "patch", "update"];

/// What a CRD declares.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The CRD's own name, `<plural>.<group>`.
    pub name: String,
    /// The CRD's uid.
    pub uid: String,
    /// The API group.
    pub group: String,
    /// The names that were accepted.
    pub names: Names,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// All versions, in the order of discovery: the highest priority first.
    pub versions: Vec<Version>,
    /// How objects get from one version to another.
    pub conversion: Conversion,
}

/// One version of a CRD.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its name, for example `v1beta1`.
    pub name: String,
    /// Whether the API has it.
    pub served: bool,
    /// Whether objects are stored in it.
    pub storage: bool,
    /// The `Warning` of a deprecated version.
    pub deprecated: Option<String>,
    /// `openAPIV3Schema`.
    pub schema: Value,
    /// Whether there is a status subresource.
    pub status: bool,
    /// Where the scale subresource finds its numbers, where there is one.
    pub scale: Option<ScalePaths>,
    /// The paths of selectable fields, without their leading dots.
    pub selectable_fields: Vec<String>,
    /// `additionalPrinterColumns`.
    pub columns: Vec<Value>,
}

/// How objects get from one version to another.
#[derive(Clone, Debug, PartialEq)]
pub enum Conversion {
    /// Only `apiVersion` changes.
    None,
    /// A webhook is asked.
    Webhook {
        /// `clientConfig`: whom.
        client: Value,
        /// `conversionReviewVersions`, the preferred one first.
        review_versions: Vec<String>,
    },
}

impl Definition {
    /// Reads a stored (and so validated and defaulted) CRD.
    pub fn read(crd: &Object) -> Self {
        let text = |path: &[&str]| crd.str_at(path).to_owned();
        let mut versions: Vec<Version> = crd.list_at(&["spec", "versions"]).iter().map(Version::read).collect();
        versions.sort_by(|a, b| compare_versions(&b.name, &a.name));
        let names = Names::read(crd.at(&["status", "acceptedNames"]));
        let group = text(&["spec", "group"]);
        for at in 0..versions.len() {
            if versions[at].deprecated.as_deref() == Some("") {
                versions[at].deprecated = Some(deprecation(&group, &names.kind, &versions, &versions[at].name));
            }
        }
        let conversion = match crd.str_at(&["spec", "conversion", "strategy"]) {
            "Webhook" => Conversion::Webhook {
                client: crd.at(&["spec", "conversion", "webhook", "clientConfig"]).cloned().unwrap_or_default(),
                review_versions: crd
                    .list_at(&["spec", "conversion", "webhook", "conversionReviewVersions"])
                    .iter()
                    .filter_map(|version| version.as_str().map(str::to_owned))
                    .collect(),
            },
            _ => Conversion::None,
        };
        let namespaced = crd.str_at(&["spec", "scope"]) == "Namespaced";
        Self { name: crd.name().to_owned(), uid: crd.uid().to_owned(), group, names, namespaced, versions, conversion }
    }

    /// The version in which objects are stored.
    pub fn storage_version(&self) -> &str {
        self.versions.iter().find(|version| version.storage).map_or("", |version| &version.name)
    }

    /// The OpenAPI definition's name of a version.
    pub fn definition_of(&self, version: &str) -> String {
        definition_name(&self.group, version, &self.names.kind)
    }

    /// The descriptor of one version, with this strategy.
    pub fn kind(&self, version: &Version, strategy: Arc<CustomStrategy>) -> Kind {
        let owned = |texts: &[String]| Cow::Owned(texts.iter().map(|text| Text::from(text.clone())).collect());
        let mut subresources = Vec::new();
        let mut add = |name: &'static str, kind| {
            let verbs = Cow::Owned(SUBRESOURCE_VERBS.map(Text::from).to_vec());
            subresources.push(Subresource { name: name.into(), kind, verbs });
        };
        if version.status {
            add("status", None);
        }
        if version.scale.is_some() {
            add("scale", Some(("autoscaling".into(), "v1".into(), "Scale".into())));
        }
        Kind {
            group: self.group.clone().into(),
            version: version.name.clone().into(),
            kind: self.names.kind.clone().into(),
            list_kind: self.names.list_kind.clone().into(),
            plural: self.names.plural.clone().into(),
            singular: self.names.singular.clone().into(),
            short_names: owned(&self.names.short_names),
            categories: owned(&self.names.categories),
            namespaced: self.namespaced,
            verbs: Cow::Owned(VERBS.map(Text::from).to_vec()),
            subresources: subresources.into(),
            storage_version_hash: self.storage_version_hash().into(),
            definition: self.definition_of(&version.name).into(),
            columns: Columns::headings(&version.columns).into(),
            source: Source::Store,
            stored_as: None,
            strategy: StrategyHandle::Custom(strategy),
        }
    }

    /// discovery.StorageVersionHash: eight bytes of the SHA-256 of `group/version/kind`.
    fn storage_version_hash(&self) -> String {
        let text = format!("{}/{}/{}", self.group, self.storage_version(), self.names.kind);
        STANDARD.encode(&Sha256::digest(text)[..8])
    }
}

impl Version {
    fn read(version: &Value) -> Self {
        let flag = |name: &str| version.get(name).and_then(Value::as_bool).unwrap_or_default();
        let list = |name: &str| version.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let paths = list("selectableFields");
        Self {
            name: text(version, "name"),
            served: flag("served"),
            storage: flag("storage"),
            deprecated: flag("deprecated").then(|| text(version, "deprecationWarning")),
            schema: version.pointer("/schema/openAPIV3Schema").cloned().unwrap_or_default(),
            status: version.pointer("/subresources/status").is_some_and(Value::is_object),
            scale: version.pointer("/subresources/scale").and_then(ScalePaths::read),
            selectable_fields: paths
                .iter()
                .map(|field| text(field, "jsonPath").trim_start_matches('.').to_owned())
                .collect(),
            columns: list("additionalPrinterColumns"),
        }
    }
}

/// The warning of a deprecated version that has no text of its own.
fn deprecation(group: &str, kind: &str, versions: &[Version], name: &str) -> String {
    let better = versions.iter().find(|version| {
        version.served && version.deprecated.is_none() && compare_versions(&version.name, name) == Ordering::Greater
    });
    let instead = better.map(|version| format!("; use {group}/{} {kind}", version.name));
    format!("{group}/{name} {kind} is deprecated{}", instead.unwrap_or_default())
}

/// The name of the OpenAPI definition: `com.example.stable.v1.CronTab`.
fn definition_name(group: &str, version: &str, kind: &str) -> String {
    let mut words: Vec<&str> = group.split('.').collect();
    words.reverse();
    format!("{}.{version}.{kind}", words.join("."))
}

/// version.CompareKubeAwareVersionStrings: `v2` before `v1`, before `v2beta1`, before `v1alpha3`, before other names (in
/// the order of the alphabet, the first one the greatest).
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    match (stability(a), stability(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => b.cmp(a),
    }
}

/// (stability, major, minor) of a name like `v1`, `v1beta2`.
fn stability(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (major, rest) = rest.split_at(digits);
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0 && !text.starts_with('0'));
    let major = number(major)?;
    if rest.is_empty() {
        return Some((2, major, 0));
    }
    let (level, minor) = rest
        .strip_prefix("beta")
        .map(|minor| (1, minor))
        .or_else(|| rest.strip_prefix("alpha").map(|minor| (0, minor)))?;
    let minor = if minor.chars().all(|c| c.is_ascii_digit()) { number(minor)? } else { return None };
    Some((level, major, minor))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_ordered_by_priority() {
        let ordered = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10"];
        for pair in ordered.windows(2) {
            assert_eq!(compare_versions(pair[0], pair[1]), Ordering::Greater, "{pair:?}");
        }
    }

    fn definition() -> Definition {
        let crd = json!({
            "metadata": { "name": "ws.g.example.com" },
            "spec": {
                "group": "g.example.com", "scope": "Namespaced",
                "versions": [
                    { "name": "v1alpha1", "served": true, "deprecated": true, "deprecationWarning": "mine" },
                    { "name": "v1beta1", "served": true, "deprecated": true },
                    { "name": "v1", "served": true, "storage": true, "subresources": { "status": {} } },
                ],
            },
            "status": { "acceptedNames": { "kind": "W", "listKind": "WList", "plural": "ws", "singular": "w" } },
        });
        Definition::read(&Object::from_value(crd).unwrap())
    }

    #[test]
    fn reads_what_a_crd_declares() {
        let found = definition();
        let versions: Vec<(&str, Option<&str>, bool)> =
            found.versions.iter().map(|v| (v.name.as_str(), v.deprecated.as_deref(), v.status)).collect();
        let warning = "g.example.com/v1beta1 W is deprecated; use g.example.com/v1 W";
        assert_eq!(
            versions,
            [("v1", None, true), ("v1beta1", Some(warning), false), ("v1alpha1", Some("mine"), false)]
        );
        assert_eq!(found.storage_version(), "v1");
        assert_eq!(definition_name(&found.group, "v1", "W"), "com.example.g.v1.W");
    }

    /// A hash that a v1.36 server gave for `gm1206.example.com/v1, Kind=W`.
    #[test]
    fn storage_version_hashes_are_upstreams() {
        let found = Definition { group: "gm1206.example.com".to_owned(), ..definition() };
        assert_eq!(found.storage_version_hash(), "xSmrd2Kli44=");
    }
}
