//! Conversations with a Kubernetes v1.36.2 API server, held again with this one: one test for each recording.
//!
//! `recordings/` holds them (see the README beside this file), `open.tsv` lists the steps that are known to be answered
//! differently. A step that is listed there and passes fails its test as well, so the list can only shrink.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "modules of a test")]

mod difference;
mod mask;
mod replay;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Where the recordings are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/recordings");

/// Declares a test for each recording, which bears the recording's name with `_` for `-`.
macro_rules! recordings {
    ($($name:ident)*) => {
        $(#[tokio::test]
        async fn $name() {
            check(&stringify!($name).replace('_', "-")).await;
        })*

        #[test]
        fn every_recording_has_a_test() {
            let files = std::fs::read_dir(FOLDER).unwrap();
            let mut files: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            files.sort();
            let tests = [$(stringify!($name)),*].map(|name| format!("{}.json.gz", name.replace('_', "-")));
            assert_eq!(files, tests);
        }
    };
}

recordings! {
    core_cluster_scoped
    core_config
    core_event_endpoints_rc
    core_pod_defaults
    core_pod_delete
    core_pod_subresources
    core_pod_update
    core_pod_validation_containers
    core_pod_validation_dns
    core_pod_validation_init
    core_pod_validation_meta
    core_pod_validation_mounts
    core_pod_validation_probes
    core_pod_validation_resources
    core_pod_validation_scheduling
    core_pod_validation_security
    core_pod_validation_volumes
    core_pvc
    core_quota_limits
    core_service
    core_serviceaccount
    groups_apiservice
    groups_clusterrole
    groups_clusterrolebinding
    groups_controllerrevision
    groups_cronjob
    groups_csidriver
    groups_csinode
    groups_csistoragecapacity
    groups_csr
    groups_daemonset
    groups_deployment
    groups_deviceclass
    groups_endpointslice
    groups_event
    groups_flowschema
    groups_hpa
    groups_ingress
    groups_ingressclass
    groups_ipaddress
    groups_job
    groups_lease
    groups_map
    groups_mapbinding
    groups_mutatingwebhook
    groups_networkpolicy
    groups_pdb
    groups_priorityclass
    groups_prioritylevel
    groups_replicaset
    groups_resourceclaim
    groups_resourceclaimtemplate
    groups_resourceslice
    groups_reviews
    groups_role
    groups_rolebinding
    groups_runtimeclass
    groups_servicecidr
    groups_statefulset
    groups_storageclass
    groups_validatingwebhook
    groups_vap
    groups_vapbinding
    groups_volumeattachment
    groups_volumeattributesclass
    machinery_apply_configmap
    machinery_apply_service
    machinery_apply_workload
    machinery_crd_apply
    machinery_crd_cel
    machinery_crd_errors
    machinery_crd_features
    machinery_crd_values
    machinery_patch_json
    machinery_patch_merge
    machinery_patch_strategic
    machinery_verb_create
    machinery_verb_delete
    machinery_verb_list
    machinery_verb_paths
    machinery_verb_update
    machinery_verb_watch
}

/// Holds the conversations of one recording with a server of their own.
async fn check(recording: &str) {
    let packed = std::fs::File::open(Path::new(FOLDER).join(format!("{recording}.json.gz"))).unwrap();
    let scripts: Vec<replay::Script> = serde_json::from_reader(flate2::read::GzDecoder::new(packed)).unwrap();
    let open = open_steps();
    let server = replay::Server::new().await;
    let mut report = String::new();
    for script in &scripts {
        let known: Vec<usize> = (0..script.steps.len()).filter(|n| open.contains_key(&key(script, *n))).collect();
        let differences = server.replay(script, &known).await;
        for (step, difference) in &differences {
            if !known.contains(step) {
                let _ =
                    writeln!(report, "{}\t{step}\t{}\n    {difference}", script.script, script.steps[*step].request);
            }
        }
        for step in known.iter().filter(|step| !differences.contains_key(step)) {
            let _ = writeln!(report, "{}\t{step} passes: take it out of open.tsv", script.script);
        }
    }
    assert!(report.is_empty(), "{recording}:\n{report}");
}

fn key(script: &replay::Script, step: usize) -> (String, usize) {
    (script.script.clone(), step)
}

/// The steps that are known to differ: script, step (from 0) and why.
fn open_steps() -> BTreeMap<(String, usize), &'static str> {
    let rows = include_str!("open.tsv").lines().filter(|line| !line.starts_with('#'));
    let split = |row: &'static str| {
        let mut cells = row.splitn(3, '\t');
        let script = cells.next().unwrap().to_owned();
        let step = cells.next().expect("a step").parse().expect("the number of a step");
        ((script, step), cells.next().expect("why the step is open"))
    };
    rows.map(split).collect()
}
