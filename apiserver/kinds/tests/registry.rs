//! The registry against the facts of a v1.36.2 server: every resource and subresource, nothing more, and the columns.
//! The tables in `data/` were read from a running server.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fmt::Write;

use kubernel_kinds::{Kind, Subresource, registry};

const OUR_GROUP: &str = "kernel.kubernel.io";

fn rows(text: &'static str) -> Vec<BTreeMap<&'static str, &'static str>> {
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.next().unwrap().split('\t').collect();
    lines.map(|line| heads.iter().copied().zip(line.split('\t')).collect()).collect()
}

fn joined(texts: &[kubernel_kinds::Text]) -> String {
    texts.join(",")
}

fn main_row(kind: &Kind) -> String {
    format!(
        "{}\t{}\t{}\t\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
        kind.group,
        kind.version,
        kind.plural,
        kind.kind,
        kind.api_version(),
        kind.namespaced,
        joined(&kind.verbs),
        joined(&kind.short_names),
        joined(&kind.categories),
        kind.singular,
        kind.storage_version_hash
    )
}

fn sub_row(kind: &Kind, sub: &Subresource) -> String {
    let (sub_kind, group_version) = match &sub.kind {
        None => (kind.kind.clone(), kind.api_version()),
        Some((group, version, name)) if group.is_empty() => (name.clone(), version.to_string()),
        Some((group, version, name)) => (name.clone(), format!("{group}/{version}")),
    };
    format!(
        "{}\t{}\t{}\t{}\t{sub_kind}\t{group_version}\t{}\t{}\t\t\t\t",
        kind.group,
        kind.version,
        kind.plural,
        sub.name,
        kind.namespaced,
        joined(&sub.verbs)
    )
}

#[test]
fn serves_upstreams_resources_in_upstreams_order() {
    let mut ours = String::new();
    for kind in registry::all().iter().filter(|kind| kind.group != OUR_GROUP) {
        writeln!(ours, "{}", main_row(kind)).unwrap();
        for sub in kind.subresources.iter() {
            writeln!(ours, "{}", sub_row(kind, sub)).unwrap();
        }
    }
    let facts = include_str!("data/api-resources.tsv").split_once('\n').unwrap().1;
    for (ours, fact) in ours.lines().zip(facts.lines()) {
        assert_eq!(ours.trim_end(), fact.trim_end());
    }
    assert_eq!(ours.lines().count(), facts.lines().count());
}

#[test]
fn tables_have_upstreams_columns() {
    let mut facts: BTreeMap<(&str, &str, &str), Vec<String>> = BTreeMap::new();
    for row in rows(include_str!("data/table-columns.tsv")) {
        let key = (row["group"], row["version"], row["resource"]);
        let line = format!("{} {} {} {}", row["column"], row["type"], row["format"], row["priority"]);
        facts.entry(key).or_default().push(line);
    }
    for ((group, version, plural), columns) in facts {
        let kind = registry::find(group, version, plural).unwrap();
        let ours: Vec<String> =
            kind.columns.iter().map(|c| format!("{} {} {} {}", c.name, c.type_, c.format, c.priority)).collect();
        assert_eq!(ours, columns, "{plural}");
    }
}

#[test]
fn every_kind_is_found_by_resource_and_by_kind() {
    for kind in registry::all() {
        let by_resource = registry::find(&kind.group, &kind.version, &kind.plural).unwrap();
        assert!(std::ptr::eq(*kind, by_resource));
        assert!(std::ptr::eq(*kind, registry::find_kind(&kind.gvk()).unwrap()));
    }
    assert!(registry::find("", "v1", "nope").is_none());
}

#[test]
fn cells_match_columns() {
    let _now: jiff::Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    for kind in registry::all().iter().filter(|kind| kind.has_verb("list")) {
        let empty = kubernel_meta::Object::default();
        let fields = (kind.strategy.selectable_fields().len(), kind.strategy.field_values(&empty).len());
        assert_eq!(fields.0, fields.1, "{}", kind.kind);
    }
}
