//! The rules of ARCHITECTURE.md that the dependency graph can prove.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Crates without tokio, sockets, files, clock or OS randomness.
const PURE: [&str; 10] = [
    "kubernel-meta",
    "kubernel-schema",
    "kubernel-cel",
    "kubernel-structural",
    "kubernel-kinds",
    "kubernel-flow",
    "kubernel-kernel",
    "kubernel-mesos-proto",
    "kubernel-sim",
    "kubernel-podlife",
];
/// What must not be below a pure crate. (Files and clocks of std are kept out by review.)
const IMPURE: [&str; 9] = ["tokio", "hyper", "axum", "kube", "mio", "socket2", "rustix", "rand", "getrandom"];
/// (from, to): arrows that must not be, not even through others.
const FORBIDDEN: [(&str, &str); 17] = [
    ("kubernel-kernel", "kubernel-meta"),
    ("kubernel-kernel", "k8s-openapi"),
    ("kubernel-server", "kubernel-kernel"),
    ("kubernel-ledger", "kube"),
    ("kubernel-ledger", "kubernel-server"),
    ("kubernel-server", "kube"),
    ("kubernel-server", "k8s-openapi"),
    ("kubernel-controllers", "kubernel-server"),
    ("kubernel-scheduler", "kubernel-server"),
    ("kubernel-frameworks", "kubernel-server"),
    ("kubernel-agent", "kubernel-server"),
    ("kubernel-net", "kubernel-server"),
    ("kubernel-store", "kubernel-kinds"),
    ("kubernel-mesos-proto", "kubernel-kernel"),
    ("kubernel-mesos", "kube"),
    ("kubernel-agent", "kubernel-kernel"),
    ("kubernel-executors", "kube"),
];

/// The names of the normal dependencies of every package, directly.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name_of: BTreeMap<&str, &str> =
        packages.iter().map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap())).collect();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let from = graph.entry(name_of[node["id"].as_str().unwrap()].to_owned()).or_default();
        for dependency in node["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|kind| kind["kind"].is_null()) {
                from.insert(name_of[dependency["pkg"].as_str().unwrap()].to_owned());
            }
        }
    }
    graph
}

/// Everything below a package.
fn below(graph: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut left = vec![from.to_owned()];
    while let Some(next) = left.pop() {
        for name in graph.get(&next).into_iter().flatten() {
            if seen.insert(name.clone()) {
                left.push(name.clone());
            }
        }
    }
    seen
}

#[test]
fn pure_crates_touch_nothing() {
    let graph = graph();
    for pure in PURE {
        let below = below(&graph, pure);
        let touched: Vec<_> = IMPURE.iter().filter(|name| below.contains(**name)).collect();
        assert!(touched.is_empty(), "{pure} depends on {touched:?}");
    }
}

#[test]
fn arrows_point_the_right_way() {
    let graph = graph();
    for (from, to) in FORBIDDEN {
        assert!(graph.contains_key(from), "{from} is gone: mend this table");
        assert!(!below(&graph, from).contains(to), "{from} must not depend on {to}");
    }
}
